//! One program of a transcript: what it wrote, what it was told, and its terminal.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Of a terminal whose client told no size.
const USUAL_SIZE: (u64, u64) = (80, 24);

/// A terminal that a channel asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terminal {
    pub(super) kind: String,
    /// Columns and rows.
    pub(super) size: (u64, u64),
}

/// Something that happened to the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Begins(Terminal),
    Output(String),
    Input(String),
    Resize((u64, u64)),
    Exit(String),
}

/// And when, in nanoseconds of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at_ns: u64,
    pub(super) what: What,
}

/// Finds the events of one operation, line by line of the transcript.
#[derive(Debug)]
pub(super) struct Recording {
    /// The operation; 0: the first that has a terminal.
    wanted: u64,
    terminals: BTreeMap<u64, Terminal>,
    /// The channel of the operation, once it began.
    running: Option<u64>,
    /// Its beginning may have been missed.
    is_late: bool,
    /// Bytes of a character that has not come whole, of output and of input.
    partial: [Vec<u8>; 2],
}

impl Recording {
    pub(super) fn new(wanted: Option<u64>) -> Self {
        Self {
            wanted: wanted.unwrap_or(0),
            terminals: BTreeMap::new(),
            running: None,
            is_late: false,
            partial: [Vec::new(), Vec::new()],
        }
    }

    /// Of a session that has been going on: the operation, or else the first that writes something.
    pub(super) fn late(wanted: Option<u64>) -> Self {
        Self {
            is_late: true,
            ..Self::new(wanted)
        }
    }

    /// Whether the operation was found.
    pub(super) fn has_begun(&self) -> bool {
        self.running.is_some()
    }

    /// Takes one line of the transcript.
    pub(super) fn line(&mut self, line: &Value) -> Vec<Event> {
        let mut events = Vec::new();
        if let Value::Object(event) = line
            && let Some(at_ns) = event.get("t").and_then(Value::as_u64)
        {
            let all = self.event(event);
            events.extend(all.into_iter().map(|what| Event { at_ns, what }));
        }
        events
    }

    fn event(&mut self, event: &Map<String, Value>) -> Vec<What> {
        let number = |key: &str| event.get(key).and_then(Value::as_u64);
        let Some(operation) = number("op") else {
            return Vec::new();
        };
        let channel = number("channel");
        if self.is_late && self.running.is_none() && event.contains_key("output") {
            if self.wanted == 0 {
                self.wanted = operation;
            }
            // Which channel that is was told before.
            self.running = (self.wanted == operation).then_some(u64::MAX);
        }
        let request = event.get("request").and_then(Value::as_str);
        match (request, channel) {
            (Some("pty"), Some(channel)) => {
                let kind = event.get("terminal").and_then(Value::as_str);
                let terminal = Terminal {
                    kind: kind.unwrap_or("unknown").to_owned(),
                    size: size(event).unwrap_or(USUAL_SIZE),
                };
                self.terminals.insert(channel, terminal);
                Vec::new()
            }
            (Some("exec" | "shell" | "subsystem"), Some(channel)) => {
                let begins = self.begins(operation, channel);
                begins.map(What::Begins).into_iter().collect()
            }
            (Some("resize"), Some(channel)) if self.running == Some(channel) => {
                size(event).map(What::Resize).into_iter().collect()
            }
            _ if self.running.is_some() && operation == self.wanted => self.spoken(event),
            _ => Vec::new(),
        }
    }

    fn begins(&mut self, operation: u64, channel: u64) -> Option<Terminal> {
        let terminal = self.terminals.get(&channel).cloned();
        let is_it = match self.wanted {
            0 => terminal.is_some(),
            wanted => wanted == operation,
        };
        if !is_it || self.running.is_some() {
            return None;
        }
        self.wanted = operation;
        self.running = Some(channel);
        Some(terminal.unwrap_or(Terminal {
            kind: "dumb".to_owned(),
            size: USUAL_SIZE,
        }))
    }

    fn spoken(&mut self, event: &Map<String, Value>) -> Vec<What> {
        let mut all = Vec::new();
        for (key, place) in [("output", 0), ("errors", 0), ("input", 1)] {
            if let Some(value) = event.get(key) {
                let text = self.text(value, place);
                match place {
                    _ if text.is_empty() => {}
                    0 => all.push(What::Output(text)),
                    _ => all.push(What::Input(text)),
                }
            }
        }
        let status = event.get("exit_status");
        all.extend(status.map(|status| What::Exit(status.to_string())));
        all
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
}

fn size(event: &Map<String, Value>) -> Option<(u64, u64)> {
    let number = |key: &str| event.get(key).and_then(Value::as_u64).filter(|it| *it > 0);
    Some((number("columns")?, number("rows")?))
}
