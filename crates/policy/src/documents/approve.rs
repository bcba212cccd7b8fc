//! Who must agree before a rule allows.

use std::fmt;

use serde::Serialize;

use super::reader::Reader;
use super::units::{self, show_duration};
use super::yaml::Node;

/// What an approval covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// One statement, exactly as it was asked.
    Statement,
    /// What the rule allows, to the end of the session.
    Session,
    /// What the rule allows, for some time.
    Window,
}

/// How many people of which group must agree. Who asked, and whoever acts for them, never counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Approve {
    /// How many.
    pub count: u64,
    /// Of which group, by its name in the gateway, at the time of their decision.
    pub of: String,
    /// What they agree to.
    pub per: Per,
    /// Seconds that it holds, with [`Per::Window`].
    pub window: Option<u64>,
    /// Seconds that the question stays open.
    pub expires: u64,
}

/// A group's name, with or without `group:`.
fn group(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node, "`of`")?;
    let name = text.strip_prefix("group:").unwrap_or(text);
    if name.is_empty() || name.contains('*') || name.trim() != name {
        reader.say(
            node.at,
            format!("`{text}` names no group: write `NAME` or `group:NAME`"),
        );
        return None;
    }
    Some(name.to_owned())
}

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Approve> {
    const WHAT: &str = "`approve`";
    const EXPIRES_SECONDS: u64 = 30 * 60;
    let fields = reader.fields(node, WHAT, &["count", "of", "per", "window", "expires"])?;
    let count = fields
        .get("count")
        .map_or(Some(1), |node| reader.number(node, "`count`", 1, 10));
    let of = reader
        .needed(&fields, "of", WHAT)
        .and_then(|node| group(reader, node));
    let words = [
        ("statement", Per::Statement),
        ("session", Per::Session),
        ("window", Per::Window),
    ];
    let per = reader.needed(&fields, "per", WHAT);
    let per = per.and_then(|node| reader.word(node, "`per`", &words))?;
    let window = fields
        .get("window")
        .and_then(|node| units::duration(reader, node, "`window`"));
    if (per == Per::Window) != fields.get("window").is_some() {
        reader.say(
            fields.at,
            "`window` belongs to `per: window`: it says how long the approval holds",
        );
    }
    let expires = match fields.get("expires") {
        Some(node) => units::duration(reader, node, "`expires`"),
        None => Some(EXPIRES_SECONDS),
    };
    Some(Approve {
        count: count?,
        of: of?,
        per,
        window,
        expires: expires?,
    })
}

impl fmt::Display for Approve {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "approval by {} of {}", self.count, self.of)?;
        match (self.per, self.window) {
            (Per::Window, Some(seconds)) => write!(out, " for {}", show_duration(seconds)),
            (Per::Session, _) => out.write_str(" for the session"),
            _ => out.write_str(" for the statement"),
        }
    }
}
