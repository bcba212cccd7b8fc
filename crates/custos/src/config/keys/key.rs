//! What the table of keys is made of.

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Free text.
    Text,
    /// A name of cluster, node or listener: `[a-z0-9][a-z0-9.-]{0,62}`.
    Name,
    /// A file or directory; relative ones count from the directory of the configuration file.
    Path,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number between two bounds.
    Integer(u64, u64),
    /// A duration between two bounds, in milliseconds.
    Duration(u64, u64),
    /// A size between two bounds, in bytes.
    Size(u64, u64),
    /// IP address and port.
    Address,
    /// A list of texts.
    TextList,
    /// A day; it means the moment at which it begins, UTC.
    Date,
}

/// What stands when a key does not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fallback {
    /// The key must be there.
    Required,
    /// This value, written as in the file but without quotes.
    Is(&'static str),
    /// Told in words, because it depends on other keys.
    Derived(&'static str),
}

/// When a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// At the next reload (SIGHUP).
    Reload,
    /// At the next start only.
    Restart,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// The table it stands in: empty for the top, `limits`, or `listener[]` for a list of tables.
    pub(crate) section: &'static str,
    /// Its name there.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// What stands when it does not.
    pub(crate) default: Fallback,
    /// When a change takes effect.
    pub(crate) change: Change,
    /// What it does.
    pub(crate) doc: &'static str,
}

/// A table of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    /// As in `Key::section`.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) doc: &'static str,
}

impl Key {
    /// What is allowed, for messages: `must be …`.
    pub(crate) fn allowed(&self) -> String {
        use crate::config::units::{DURATION_EXAMPLES, SIZE_EXAMPLES, show_duration, show_size};
        let millis = |millis| show_duration(std::time::Duration::from_millis(millis));
        match self.kind {
            Kind::Text => "write a text in quotes".to_owned(),
            Kind::Name => {
                "write lower-case letters, digits, `.` and `-`, at most 63, a letter or digit first"
                    .to_owned()
            }
            Kind::Path => "write a path in quotes".to_owned(),
            Kind::Choice(words) => format!("write {}", or_list(words)),
            Kind::Integer(low, high) => format!("write a whole number from {low} to {high}"),
            Kind::Duration(low, high) => format!(
                "write a duration from {} to {}, such as {DURATION_EXAMPLES}",
                millis(low),
                millis(high)
            ),
            Kind::Size(low, high) => format!(
                "write a size from {} to {}, such as {SIZE_EXAMPLES}",
                show_size(low),
                show_size(high)
            ),
            Kind::Address => {
                r#"write an IP address and a port, such as "0.0.0.0:5432" or "[::1]:5432""#
                    .to_owned()
            }
            Kind::Date => "write a day, such as 2027-01-31".to_owned(),
            Kind::TextList => r#"write a list of texts, such as ["alice", "group:dba"]"#.to_owned(),
        }
    }
}

fn or_list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
