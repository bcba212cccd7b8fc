//! Which commands a rule is about.

use std::collections::BTreeMap;
use std::fmt;

use custos_shell::{Command, Line, Pattern};
use serde::{Serialize, Serializer};

use super::reader::Reader;
use super::verb::Verb;
use super::yaml::Node;

/// Verbs of operations that are a command, as a shell is given it.
pub(super) const ARE_COMMANDS: &[&str] = &["ssh.exec", "ssh.upload", "ssh.download"];
/// Patterns of one rule at most.
const PATTERNS_MAX: usize = 256;

/// Patterns of commands, by their canonical text. None: whatever the command is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands(BTreeMap<String, Pattern>);

impl Commands {
    /// Whether the rule is about every command.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns, sorted by their text.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.0.values()
    }

    /// Whether a line that somebody enters mentions one of these.
    pub(super) fn are_mentioned_in(&self, line: &Line) -> bool {
        self.patterns().any(|pattern| pattern.is_mentioned_in(line))
    }

    pub(super) fn are_about(verb: Verb) -> bool {
        ARE_COMMANDS.contains(&verb.as_str())
    }

    /// Whether a rule that allows these allows this one. What has no command is none of them.
    pub(super) fn allow(&self, command: Option<&Command>) -> bool {
        command.is_some_and(|command| self.patterns().any(|pattern| pattern.matches(command)))
    }

    /// Whether a rule that denies these denies this one: what may turn out to be one of them counts.
    pub(super) fn deny(&self, command: Option<&Command>) -> bool {
        command.is_none_or(|command| self.patterns().any(|pattern| pattern.may_run(command)))
    }
}

impl Serialize for Commands {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.keys())
    }
}

/// In words.
impl fmt::Display for Commands {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, text) in self.0.keys().enumerate() {
            let before = if number > 0 { " or " } else { "" };
            write!(out, "{before}`{text}`")?;
        }
        Ok(())
    }
}

/// `field` is what it is called in the document.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, field: &str) -> Commands {
    let mut commands = BTreeMap::new();
    let items = reader.list(node, &format!("`{field}`"));
    if items.len() > PATTERNS_MAX {
        let message = format!("`{field}` has more than {PATTERNS_MAX} entries");
        reader.say(node.at, message);
    }
    for item in items {
        let Some(text) = reader.text(item, "a command") else {
            continue;
        };
        match Pattern::parse(text) {
            Ok(pattern) => {
                let text = pattern.to_string();
                if commands.insert(text.clone(), pattern).is_some() {
                    reader.say(item.at, format!("`{text}` stands in `{field}` twice"));
                }
            }
            Err(error) => reader.say(
                item.at,
                format!("`{text}` is no pattern of commands: {error}"),
            ),
        }
    }
    Commands(commands)
}
