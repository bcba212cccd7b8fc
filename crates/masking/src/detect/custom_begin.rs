//! What a text may end with when a match of a pattern has begun and is not complete: a pattern of all beginnings.

use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

use super::custom::{MAX_CACHE_BYTES, MAX_NESTING};

/// Bytes of the compiled automaton at most. Each beginning is a pattern of its own, so it is larger than theirs.
const MAX_AUTOMATON_BYTES: usize = 16 << 20;

/// Finds the longest end of a text with which a match of one of the patterns may begin. `None` if it would be too large.
pub(crate) fn beginnings(patterns: &[String]) -> Option<Regex> {
    let mut all = Vec::with_capacity(patterns.len());
    for pattern in patterns {
        let parsed = ParserBuilder::new()
            .utf8(false)
            .nest_limit(MAX_NESTING)
            .build()
            .parse(pattern)
            .ok()?;
        all.push(beginning(&parsed));
    }
    let at_the_end = Hir::concat(vec![Hir::alternation(all), Hir::look(Look::End)]);
    Regex::builder()
        .configure(
            Regex::config()
                .utf8_empty(false)
                .which_captures(WhichCaptures::Implicit)
                .nfa_size_limit(Some(MAX_AUTOMATON_BYTES))
                .hybrid_cache_capacity(MAX_CACHE_BYTES)
                .backtrack(false),
        )
        .build_from_hir(&at_the_end)
        .ok()
}

/// All beginnings of what it matches, the empty one and the whole among them.
fn beginning(pattern: &Hir) -> Hir {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => Hir::empty(),
        HirKind::Literal(literal) => literal_beginning(&literal.0),
        HirKind::Class(_) => optional(pattern.clone()),
        HirKind::Capture(capture) => beginning(&capture.sub),
        HirKind::Concat(parts) => sequence_beginning(parts),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(beginning).collect()),
        HirKind::Repetition(repetition) => {
            let max = repetition.max.map(|max| max.saturating_sub(1));
            let before = Hir::repetition(Repetition {
                min: 0,
                max,
                greedy: true,
                sub: Box::new(without_looks(&repetition.sub)),
            });
            match repetition.max {
                Some(0) => Hir::empty(),
                _ => Hir::concat(vec![before, beginning(&repetition.sub)]),
            }
        }
    }
}

/// Halves of halves, so that neither the size nor the depth grows with the square.
fn sequence_beginning(parts: &[Hir]) -> Hir {
    match parts {
        [] => Hir::empty(),
        [one] => beginning(one),
        _ => {
            let (front, back) = parts.split_at(parts.len() / 2);
            let whole_front = Hir::concat(front.iter().map(without_looks).collect());
            let in_back = Hir::concat(vec![whole_front, sequence_beginning(back)]);
            Hir::alternation(vec![in_back, sequence_beginning(front)])
        }
    }
}

fn literal_beginning(bytes: &[u8]) -> Hir {
    if bytes.len() < 2 {
        return optional(Hir::literal(bytes));
    }
    let (front, back) = bytes.split_at(bytes.len() / 2);
    let in_back = Hir::concat(vec![Hir::literal(front), literal_beginning(back)]);
    Hir::alternation(vec![in_back, literal_beginning(front)])
}

/// The pattern without its conditions on what is around, which may come true: it matches that and more.
fn without_looks(pattern: &Hir) -> Hir {
    match pattern.kind() {
        HirKind::Look(_) => Hir::empty(),
        HirKind::Capture(capture) => without_looks(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(without_looks).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(without_looks).collect()),
        HirKind::Repetition(repetition) => {
            Hir::repetition(repetition.with(without_looks(&repetition.sub)))
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => pattern.clone(),
    }
}

fn optional(sub: Hir) -> Hir {
    Hir::repetition(Repetition {
        min: 0,
        max: Some(1),
        greedy: true,
        sub: Box::new(sub),
    })
}

#[cfg(test)]
mod tests {
    use super::beginnings;

    fn earliest(pattern: &str, text: &str) -> usize {
        let regex = beginnings(&[pattern.to_owned()]).unwrap();
        regex.find(text).map_or(text.len(), |found| found.start())
    }

    #[test]
    fn every_beginning_is_one_and_nothing_else() {
        let pattern = r"(?i)\bEMP-(?:\d{6}|x[a-c]{2,3}y)\b";
        for whole in ["EMP-123456", "emp-xabcy"] {
            for length in 1..=whole.len() {
                let text = format!("one {}", &whole[..length]);
                assert_eq!(earliest(pattern, &text), 4, "{text}");
            }
        }
        for text in [
            "one EMQ",
            "EMP-1a",
            "EMP-1234567",
            "EMP-xaaaa",
            "EMP-123456 ",
        ] {
            assert_eq!(earliest(pattern, text), text.len(), "{text}");
        }
    }

    #[test]
    fn the_longest_end_counts() {
        assert_eq!(earliest("(?:ab|cd){2,200}x", "yyab ababcdab"), 5);
        assert_eq!(earliest("a{1,1000}b", &"a".repeat(999)), 0);
        assert_eq!(earliest("a{1,10}b", &"a".repeat(999)), 989);
        assert_eq!(earliest(&"lorem ".repeat(100), &"lorem ".repeat(99)), 0);
    }
}
