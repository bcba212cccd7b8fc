//! A terminal of a transcript as asciicast, version 3 or 2 (docs.asciinema.org/manual/asciicast).
//!
//! What is in a recording is given out as it came, escape sequences too: that is what a player is for.

use std::collections::BTreeMap;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Of a terminal whose client told no size.
const USUAL_SIZE: (u64, u64) = (80, 24);
const NANOSECONDS: f64 = 1e9;

/// Which version is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CastVersion {
    /// Intervals between events.
    #[value(name = "3")]
    V3,
    /// Times since the beginning.
    #[value(name = "2")]
    V2,
}

/// A terminal that a channel asked for.
#[derive(Clone, Debug)]
struct Terminal {
    kind: String,
    size: (u64, u64),
}

/// Writes the events of one operation, line by line of the transcript.
#[derive(Debug)]
pub(super) struct Cast {
    version: CastVersion,
    /// When the session began, seconds since 1970.
    began: u64,
    /// The operation; 0: the first that has a terminal.
    wanted: u64,
    terminals: BTreeMap<u64, Terminal>,
    /// Channel and time of the operation, once it began.
    running: Option<(u64, u64)>,
    last_ns: u64,
    /// Bytes of a character that has not come whole, of output and of input.
    partial: [Vec<u8>; 2],
}

impl Cast {
    pub(super) fn new(version: CastVersion, began: u64, wanted: Option<u64>) -> Self {
        Self {
            version,
            began,
            wanted: wanted.unwrap_or(0),
            terminals: BTreeMap::new(),
            running: None,
            last_ns: 0,
            partial: [Vec::new(), Vec::new()],
        }
    }

    /// Whether the operation was found.
    pub(super) fn has_begun(&self) -> bool {
        self.running.is_some()
    }

    /// Takes one line of the transcript.
    pub(super) fn line(&mut self, line: &Value, out: &mut dyn Write) -> io::Result<()> {
        let Value::Object(event) = line else {
            return Ok(());
        };
        let number = |key: &str| event.get(key).and_then(Value::as_u64);
        let (Some(now_ns), Some(operation)) = (number("t"), number("op")) else {
            return Ok(());
        };
        let channel = number("channel");
        let request = event.get("request").and_then(Value::as_str);
        match (request, channel) {
            (Some("pty"), Some(channel)) => {
                let kind = event.get("terminal").and_then(Value::as_str);
                let terminal = Terminal {
                    kind: kind.unwrap_or("unknown").to_owned(),
                    size: size(event).unwrap_or(USUAL_SIZE),
                };
                self.terminals.insert(channel, terminal);
                Ok(())
            }
            (Some("exec" | "shell" | "subsystem"), Some(channel)) => {
                self.begins(operation, channel, now_ns, out)
            }
            (Some("resize"), Some(channel)) if self.is_of(channel) => match size(event) {
                Some((columns, rows)) => {
                    self.event(now_ns, "r", &json!(format!("{columns}x{rows}")), out)
                }
                None => Ok(()),
            },
            _ if self.running.is_some() && operation == self.wanted => {
                self.spoken(event, now_ns, out)
            }
            _ => Ok(()),
        }
    }

    fn is_of(&self, channel: u64) -> bool {
        self.running.is_some_and(|(its, _)| its == channel)
    }

    fn begins(
        &mut self,
        operation: u64,
        channel: u64,
        now_ns: u64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let terminal = self.terminals.get(&channel).cloned();
        let is_it = match self.wanted {
            0 => terminal.is_some(),
            wanted => wanted == operation,
        };
        if !is_it || self.running.is_some() {
            return Ok(());
        }
        self.wanted = operation;
        self.running = Some((channel, now_ns));
        self.last_ns = now_ns;
        let terminal = terminal.unwrap_or(Terminal {
            kind: "dumb".to_owned(),
            size: USUAL_SIZE,
        });
        let (columns, rows) = terminal.size;
        let timestamp = self.began + now_ns / 1_000_000_000;
        let header = match self.version {
            CastVersion::V3 => json!({
                "version": 3,
                "term": {"cols": columns, "rows": rows, "type": terminal.kind},
                "timestamp": timestamp,
            }),
            CastVersion::V2 => json!({
                "version": 2,
                "width": columns,
                "height": rows,
                "timestamp": timestamp,
                "env": {"TERM": terminal.kind},
            }),
        };
        writeln!(out, "{header}")
    }

    fn spoken(
        &mut self,
        event: &Map<String, Value>,
        now_ns: u64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for (key, code, place) in [("output", "o", 0), ("errors", "o", 0), ("input", "i", 1)] {
            if let Some(value) = event.get(key) {
                let text = self.text(value, place);
                if !text.is_empty() {
                    self.event(now_ns, code, &Value::String(text), out)?;
                }
            }
        }
        // Version 2 has no event for the end.
        match event.get("exit_status") {
            Some(status) if self.version == CastVersion::V3 => {
                self.event(now_ns, "x", &Value::String(status.to_string()), out)
            }
            _ => Ok(()),
        }
    }

    /// The characters that have come whole; what is none is shown as such.
    fn text(&mut self, value: &Value, place: usize) -> String {
        let bytes = match value {
            Value::String(text) => text.clone().into_bytes(),
            Value::Object(object) => {
                let encoded = object.get("b64").and_then(Value::as_str);
                encoded
                    .and_then(|text| STANDARD.decode(text).ok())
                    .unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let Some(partial) = self.partial.get_mut(place) else {
            return String::new();
        };
        partial.extend_from_slice(&bytes);
        let whole = match std::str::from_utf8(partial) {
            // The rest of this character is still to come.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => partial.len(),
        };
        let rest = partial.split_off(whole);
        let text = String::from_utf8_lossy(partial).into_owned();
        *partial = rest;
        text
    }

    fn event(
        &mut self,
        now_ns: u64,
        code: &str,
        data: &Value,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let since = match (self.version, self.running) {
            (CastVersion::V2, Some((_, began))) => began,
            _ => self.last_ns,
        };
        let time = now_ns.saturating_sub(since) as f64 / NANOSECONDS;
        self.last_ns = now_ns;
        // Microseconds are enough, and JSON has no endless fractions.
        let time = (time * 1e6).round() / 1e6;
        writeln!(out, "{}", json!([time, code, data]))
    }
}

fn size(event: &Map<String, Value>) -> Option<(u64, u64)> {
    let number = |key: &str| event.get(key).and_then(Value::as_u64).filter(|it| *it > 0);
    Some((number("columns")?, number("rows")?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Cast, CastVersion};

    const TRANSCRIPT: &str = r#"
{"t":1000000000,"op":0,"channel":0,"request":"pty","terminal":"xterm","columns":100,"rows":30}
{"t":1000000000,"op":0,"channel":1,"request":"pty","terminal":"vt100","columns":40,"rows":10}
{"t":2000000000,"op":1,"channel":0,"request":"shell","text":""}
{"t":2100000000,"op":2,"channel":1,"request":"exec","text":"top"}
{"t":2500000000,"op":1,"output":"hello \u001b[1mx"}
{"t":2600000000,"op":2,"output":"of the other"}
{"t":2700000000,"op":1,"output":{"b64":"4oI="}}
{"t":2750000000,"op":1,"output":{"b64":"rA=="}}
{"t":2800000000,"op":1,"input":"ls\r"}
{"t":2900000000,"op":0,"channel":0,"request":"resize","columns":120,"rows":40}
{"t":3000000000,"op":1,"exit_status":3}
"#;

    fn cast(version: CastVersion, wanted: Option<u64>) -> String {
        let mut cast = Cast::new(version, 1_700_000_000, wanted);
        let mut out = Vec::new();
        for line in TRANSCRIPT.lines().filter(|line| !line.is_empty()) {
            let line = serde_json::from_str(line).unwrap();
            cast.line(&line, &mut out).unwrap();
        }
        assert!(cast.has_begun());
        String::from_utf8(out).unwrap()
    }

    /// Of lines as values: members of the header have no order.
    fn values(text: &str) -> Vec<Value> {
        let lines = text.lines().map(serde_json::from_str);
        lines.map(Result::unwrap).collect()
    }

    #[test]
    fn intervals_in_version_3() {
        assert_eq!(
            values(&cast(CastVersion::V3, None)),
            [
                json!({"version": 3, "term": {"cols": 100, "rows": 30, "type": "xterm"}, "timestamp": 1_700_000_002}),
                json!([0.5, "o", "hello \u{1b}[1mx"]),
                json!([0.25, "o", "€"]),
                json!([0.05, "i", "ls\r"]),
                json!([0.1, "r", "120x40"]),
                json!([0.1, "x", "3"]),
            ]
        );
    }

    #[test]
    fn times_in_version_2_of_another_operation() {
        assert_eq!(
            values(&cast(CastVersion::V2, Some(2))),
            [
                json!({"version": 2, "width": 40, "height": 10, "timestamp": 1_700_000_002, "env": {"TERM": "vt100"}}),
                json!([0.5, "o", "of the other"]),
            ]
        );
    }
}
