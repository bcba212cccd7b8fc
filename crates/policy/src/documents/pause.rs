//! Lines that wait for people while somebody enters them.

use std::fmt;

use custos_shell::Line;
use serde::Serialize;

use super::approve::{self, Approve, Meanwhile, Per};
use super::commands::{self, Commands};
use super::reader::Reader;
use super::verb::Verb;
use super::yaml::Node;

/// Verbs of what takes lines as they are entered.
pub(super) const TAKE_LINES: &[&str] = &["ssh.shell"];
const WHAT: &str = "`pause`";
const LINES: &str = "lines";
const APPROVE: &str = "approve";

/// Which lines wait, and for whom. A guard-rail: what a line does is not known from its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Lines that mention one of these.
    pub lines: Commands,
    /// Who must agree to each, whatever was agreed to before.
    pub approve: Approve,
}

impl Pause {
    /// Whether a line waits, of which each of these may be the text.
    pub(super) fn is_for(&self, lines: &[Line]) -> bool {
        lines.iter().any(|line| self.lines.are_mentioned_in(line))
    }

    pub(super) fn is_about(verb: Verb) -> bool {
        TAKE_LINES.contains(&verb.as_str())
    }

    /// All that it says, with how long each question stays open.
    pub(super) fn in_full(&self) -> String {
        let approval = self.approve.in_full("");
        format!("lines that mention {} wait for {approval}", self.lines)
    }
}

/// In words.
impl fmt::Display for Pause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, approve } = self;
        write!(out, "lines that mention {lines} wait for {approve}")
    }
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Pause> {
    let fields = reader.fields(node, WHAT, &[LINES, APPROVE])?;
    let lines = reader
        .needed(&fields, LINES, WHAT)
        .map(|node| commands::read(reader, node, "pause.lines"));
    let at = reader.needed(&fields, APPROVE, WHAT)?;
    let approve = approve::read(reader, at);
    if let Some(approve) = &approve {
        if approve.per != Per::Statement {
            reader.say(
                at.at,
                "`approve` of `pause` is `per: statement`: each line is approved by itself",
            );
        }
        if approve.meanwhile == Meanwhile::Retry {
            reader.say(
                at.at,
                "`approve` of `pause` has no `meanwhile: retry`: whoever enters a line waits for the answer",
            );
        }
    }
    Some(Pause {
        lines: lines?,
        approve: approve?,
    })
}
