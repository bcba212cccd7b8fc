//! What a key allows, in words.

use super::{Key, Kind};
use crate::config::units::{DURATION_EXAMPLES, SIZE_EXAMPLES, show_duration, show_size};

impl Key {
    /// What is allowed, for messages: `must be …`.
    pub(crate) fn allowed(&self) -> String {
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
