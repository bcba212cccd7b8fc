//! Transcript lines (`docs/transcript-format.md`) as text. Control characters are made visible:
//! a recording must not drive the terminal of whoever watches it.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Map, Value};

use super::table::Table;
use crate::output::{visible, visible_lines};

/// Under an event, below its text.
const MARGIN: &str = "                    ";
/// Characters of one value that are shown; the rest is counted.
const VALUE_CHARACTERS_MAX: usize = 2000;

type Object = Map<String, Value>;
/// How a member is shown.
type Show = fn(&Value) -> String;

/// Renders line by line.
#[derive(Debug, Default)]
pub(super) struct Renderer {
    table: Option<Table>,
    /// Fields of a row that comes in pieces.
    fields: Vec<String>,
    /// A value that comes in parts.
    value: String,
    value_characters: usize,
}

impl Renderer {
    /// Shows one line of the transcript.
    pub(super) fn line(&mut self, line: &Value, out: &mut dyn Write) -> io::Result<()> {
        match line {
            Value::Array(values) => self.row(values.iter().map(cell).collect(), out),
            Value::Object(event) if event.contains_key("t") => self.event(event, out),
            Value::Object(piece) => self.piece(piece, out),
            _ => Ok(()),
        }
    }

    /// Shows what is still gathered.
    pub(super) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.table.take() {
            Some(mut table) => table.settle(MARGIN, out),
            None => Ok(()),
        }
    }

    fn row(&mut self, cells: Vec<String>, out: &mut dyn Write) -> io::Result<()> {
        self.table.get_or_insert_default().row(cells, MARGIN, out)
    }

    fn piece(&mut self, piece: &Object, out: &mut dyn Write) -> io::Result<()> {
        if let Some(Value::Array(fields)) = piece.get("fields") {
            self.fields.extend(fields.iter().map(cell));
        }
        if let Some(part) = piece.get("part") {
            self.part(part);
        }
        if is_true(piece, "value_end") {
            let mut value = std::mem::take(&mut self.value);
            let hidden =
                std::mem::take(&mut self.value_characters).saturating_sub(VALUE_CHARACTERS_MAX);
            if hidden > 0 {
                let _ = write!(value, "… ({hidden} more)");
            }
            self.fields.push(value);
        }
        if is_true(piece, "end") {
            let cells = std::mem::take(&mut self.fields);
            self.row(cells, out)?;
        }
        Ok(())
    }

    fn part(&mut self, part: &Value) {
        let text = value_text(part);
        let room = VALUE_CHARACTERS_MAX.saturating_sub(self.value_characters);
        self.value
            .push_str(&visible(&text.chars().take(room).collect::<String>()));
        self.value_characters += text.chars().count();
    }

    fn event(&mut self, event: &Object, out: &mut dyn Write) -> io::Result<()> {
        self.finish(out)?;
        if let Some(Value::Array(columns)) = event.get("columns") {
            self.table = Some(Table::new(columns.iter().map(cell).collect()));
            return Ok(());
        }
        let operation = match event.get("op").and_then(Value::as_u64) {
            Some(number) if number > 0 => format!("#{number}"),
            _ => String::new(),
        };
        let elapsed = elapsed(event.get("t").and_then(Value::as_u64).unwrap_or(0));
        let text = visible_lines(&describe(event));
        let mut lines = text.trim_end_matches('\n').split('\n');
        let first = lines.next().unwrap_or("");
        writeln!(out, "{elapsed}  {operation:<5} {first}")?;
        for line in lines {
            writeln!(out, "{MARGIN}{line}")?;
        }
        Ok(())
    }
}

fn describe(event: &Object) -> String {
    if let Some(request) = text(event, "request") {
        return describe_request(request, event);
    }
    let known: [(&str, Show); 13] = [
        ("input", |data| {
            format!("input\n{}", limited(&value_text(data)))
        }),
        ("output", |data| {
            format!("output\n{}", limited(&value_text(data)))
        }),
        ("errors", |data| {
            format!("errors\n{}", limited(&value_text(data)))
        }),
        ("exit_status", |status| {
            format!("exit status {}", value_text(status))
        }),
        ("complete", |tag| value_text(tag)),
        ("suspended", |_| "(more rows wait)".to_owned()),
        ("empty", |_| "(empty query)".to_owned()),
        ("skipped", |_| "(skipped after an earlier error)".to_owned()),
        ("error", describe_report),
        ("notice", describe_report),
        ("notification", |it| format!("notification {}", members(it))),
        ("parameter", |it| format!("parameter {}", members(it))),
        ("copy_in", |data| {
            format!("copy in\n{}", limited(&value_text(data)))
        }),
    ];
    if let Some(data) = event.get("copy_out") {
        return format!("copy out\n{}", limited(&value_text(data)));
    }
    let found = known
        .iter()
        .find_map(|(key, show)| event.get(*key).map(show));
    let shown = found.unwrap_or_else(|| members(&Value::Object(event.clone())));
    if is_true(event, "refused") {
        format!("REFUSED BY THE GATEWAY  {shown}")
    } else {
        shown
    }
}

fn describe_request(request: &str, event: &Object) -> String {
    let name = text(event, "name").unwrap_or("");
    let portal = text(event, "portal").unwrap_or("");
    let own_text = text(event, "text").unwrap_or("");
    let named = |what: &str| {
        if what.is_empty() {
            String::new()
        } else {
            format!(" {what}")
        }
    };
    match request {
        "query" => format!("> {own_text}"),
        "parse" => format!("> parse{}: {own_text}", named(name)),
        "bind" => {
            let values = event.get("parameters").and_then(Value::as_array);
            let values: Vec<String> = values.into_iter().flatten().map(parameter).collect();
            format!(
                "> bind{}{} ({})",
                named(name),
                named(portal),
                values.join(", ")
            )
        }
        "execute" => match event.get("max_rows").and_then(Value::as_u64) {
            Some(rows) if rows > 0 => format!("> execute{}, at most {rows} rows", named(portal)),
            _ => format!("> execute{}", named(portal)),
        },
        other => {
            let known = ["t", "op", "request", "name", "portal", "text", "refused"];
            let mut rest = event.clone();
            rest.retain(|key, _| !known.contains(&key.as_str()));
            format!(
                "> {}{}{}{}{}",
                other.replace('_', " "),
                named(name),
                named(portal),
                named(own_text),
                named(&members(&Value::Object(rest)))
            )
        }
    }
}

fn describe_report(report: &Value) -> String {
    let field = |key: &str| report.get(key).map(value_text);
    let severity = field("severity").unwrap_or_else(|| "ERROR".to_owned());
    let code = field("sqlstate").map_or_else(String::new, |code| format!(" {code}"));
    let mut shown = format!("{severity}{code}: {}", field("message").unwrap_or_default());
    for (key, label) in [("detail", "DETAIL"), ("hint", "HINT")] {
        if let Some(text) = field(key) {
            let _ = write!(shown, "\n{label}: {text}");
        }
    }
    shown
}

fn members(value: &Value) -> String {
    let Value::Object(members) = value else {
        return value_text(value);
    };
    let shown: Vec<String> = members
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "t" | "op"))
        .map(|(key, value)| format!("{key}={}", value_text(value)))
        .collect();
    shown.join(" ")
}

/// A value as one cell.
fn cell(value: &Value) -> String {
    visible(&limited(&value_text(value)))
}

fn parameter(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", limited(text).replace('\'', "''")),
        other => value_text(other),
    }
}

/// Text as it is, bytes in base64, NULL by name.
fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(object) => match object.get("b64").and_then(Value::as_str) {
            Some(bytes) => format!("base64:{bytes}"),
            None => members(value),
        },
        other => other.to_string(),
    }
}

fn limited(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARACTERS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => {
            let (shown, hidden) = text.split_at(end);
            format!("{shown}… ({} more)", hidden.chars().count())
        }
    }
}

fn elapsed(nanoseconds: u64) -> String {
    let millis = nanoseconds / 1_000_000;
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    format!(
        "{hours:02}:{minutes:02}:{:02}.{:03}",
        millis / 1000 % 60,
        millis % 1000
    )
}

fn text<'e>(event: &'e Object, key: &str) -> Option<&'e str> {
    event.get(key).and_then(Value::as_str)
}

fn is_true(object: &Object, key: &str) -> bool {
    object.get(key) == Some(&Value::Bool(true))
}
