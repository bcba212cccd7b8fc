//! Patterns of the operator's own.

use std::sync::{Arc, OnceLock};

use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::ParserBuilder;

use super::builder::Detector;
use super::custom_begin;
use super::tail::Raw;
use crate::error::MaskError;

/// Longest pattern, as it is written.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// Longest text that a pattern may match, so that a stream is searched in bounded memory.
pub const MAX_PATTERN_MATCH_BYTES: usize = 1024;
/// Most patterns of one set.
pub const MAX_PATTERNS: usize = 32;
/// Bytes of the compiled automaton at most.
const MAX_AUTOMATON_BYTES: usize = 4 << 20;
/// Bytes of states that are worked out while searching, for each thread.
pub(crate) const MAX_CACHE_BYTES: usize = 2 << 20;
/// Depth of nested groups.
pub(crate) const MAX_NESTING: u32 = 32;

/// All patterns of a set in one automaton. Search is linear in the text; there is no backtracking.
#[derive(Clone, Debug)]
pub(crate) struct Custom {
    regex: Regex,
    patterns: Arc<[String]>,
    /// Made when a text is first searched as it comes to a terminal.
    beginnings: Arc<OnceLock<Option<Regex>>>,
}

impl Custom {
    pub(crate) fn new(patterns: &[String]) -> Result<Self, MaskError> {
        let regex = Regex::builder()
            .syntax(syntax::Config::new().utf8(false).nest_limit(MAX_NESTING))
            .configure(
                Regex::config()
                    .utf8_empty(false)
                    .which_captures(WhichCaptures::Implicit)
                    .nfa_size_limit(Some(MAX_AUTOMATON_BYTES))
                    .hybrid_cache_capacity(MAX_CACHE_BYTES)
                    .backtrack(false),
            )
            .build_many(patterns)
            .map_err(|error| match error.syntax_error() {
                Some(syntax) => MaskError::PatternSyntax(syntax.to_string()),
                None => MaskError::PatternTooLarge,
            })?;
        Ok(Self {
            regex,
            patterns: patterns.into(),
            beginnings: Arc::default(),
        })
    }

    /// Refuses what has no bound before anything is compiled.
    pub(crate) fn check(pattern: &str) -> Result<(), MaskError> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(MaskError::PatternTooLong(MAX_PATTERN_BYTES));
        }
        let parsed = ParserBuilder::new()
            .utf8(false)
            .nest_limit(MAX_NESTING)
            .build()
            .parse(pattern)
            .map_err(|error| MaskError::PatternSyntax(error.to_string()))?;
        let properties = parsed.properties();
        if properties.minimum_len() == Some(0) {
            return Err(MaskError::PatternMatchesNothing);
        }
        match properties.maximum_len() {
            Some(length) if length <= MAX_PATTERN_MATCH_BYTES => Ok(()),
            _ => Err(MaskError::PatternUnbounded(MAX_PATTERN_MATCH_BYTES)),
        }
    }

    /// The first match that begins in `from..to`. It may end behind `to`.
    pub(crate) fn next(&self, text: &[u8], from: usize, to: usize) -> Option<Raw> {
        if from >= to {
            return None;
        }
        let input = Input::new(text).range(from..).anchored(Anchored::No);
        let found = self.regex.search(&input)?;
        (found.start() < to && !found.is_empty()).then(|| Raw {
            start: found.start(),
            end: found.end(),
            detector: Detector::Custom(found.pattern().as_u32() as u8),
            tail: None,
        })
    }

    /// The earliest place at or behind `floor` at which a match may begin that the end of the text cuts off.
    pub(crate) fn cut_off(&self, text: &[u8], floor: usize) -> Option<usize> {
        let from = text
            .len()
            .saturating_sub(MAX_PATTERN_MATCH_BYTES)
            .max(floor);
        if from >= text.len() {
            return None;
        }
        let made = || custom_begin::beginnings(&self.patterns);
        let Some(beginnings) = self.beginnings.get_or_init(made) else {
            return Some(from);
        };
        let found = beginnings.find(Input::new(text).range(from..))?;
        (found.start() < text.len()).then(|| found.start())
    }
}
