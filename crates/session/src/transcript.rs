//! Renders what passes through a session as the JSON lines of `docs/transcript-format.md`.
//!
//! Written for the hot path: one growing buffer, no intermediate values, eight bytes a step while
//! nothing needs an escape.

mod json;
mod rows;

pub use rows::LargeRow;

use custos_model::OperationNumber;
use json::{push_number, push_string, push_value};

/// Values above this many bytes do not stand in their own line but follow it in parts.
pub const INLINE_VALUE_BYTES: usize = 128 * 1024;
/// Bytes of a value in one `part` line at most.
pub const PART_BYTES: usize = 64 * 1024;
/// A buffer that every session may keep.
const SMALL_BYTES: usize = 64 << 10;
/// Room that is made at once, at most.
const LARGE_BYTES: usize = 2 << 20;

/// Whole transcript lines that have not been given to the evidence log yet.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    count: u64,
    /// As many as were handed over last: about as many come next.
    expected_bytes: usize,
}

impl Lines {
    /// Rendered bytes that wait.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Lines that wait.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Forgets what was handed over; keeps a small buffer and gives a large one back.
    pub fn clear(&mut self) {
        self.count = 0;
        self.expected_bytes = self.buffer.len().min(LARGE_BYTES);
        if self.buffer.capacity() > SMALL_BYTES {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
    }

    /// Makes room for what is likely to come, rather than growing to it.
    fn begin(&mut self) {
        if self.buffer.capacity() == 0 {
            self.buffer.reserve(self.expected_bytes);
        }
    }

    /// Starts an event line at `elapsed_ns` since `session.start`.
    pub fn event(&mut self, elapsed_ns: u64, operation: OperationNumber) -> Event<'_> {
        self.begin();
        self.buffer.extend_from_slice(b"{\"t\":");
        push_number(&mut self.buffer, elapsed_ns);
        self.buffer.extend_from_slice(b",\"op\":");
        push_number(&mut self.buffer, operation.0);
        Event {
            lines: self,
            large: Vec::new(),
        }
    }

    /// Writes one complete row. `values` gives each value's bytes and whether it is in text form.
    pub fn row<'v>(&mut self, values: impl Iterator<Item = (Option<&'v [u8]>, bool)>) {
        self.begin();
        self.buffer.push(b'[');
        let mut first = true;
        for (value, text) in values {
            if !first {
                self.buffer.push(b',');
            }
            first = false;
            push_value(&mut self.buffer, value, text);
        }
        self.buffer.push(b']');
        self.end_line();
    }

    fn end_line(&mut self) {
        self.buffer.push(b'\n');
        self.count += 1;
    }

    /// One `part` line. `end` marks the last part of its value.
    fn part(&mut self, part: &[u8], text: bool, end: bool) {
        self.buffer.extend_from_slice(b"{\"part\":");
        push_value(&mut self.buffer, Some(part), text);
        if end {
            self.buffer.extend_from_slice(b",\"value_end\":true");
        }
        self.buffer.push(b'}');
        self.end_line();
    }

    fn parts(&mut self, value: &[u8], text: bool) {
        let mut rest = value;
        loop {
            let cut = json::part_length(rest, PART_BYTES, text);
            let (part, after) = rest.split_at_checked(cut).unwrap_or((rest, &[]));
            self.part(part, text, after.is_empty());
            if after.is_empty() {
                return;
            }
            rest = after;
        }
    }
}

/// An event line being written; `end` finishes it.
#[derive(Debug)]
#[must_use = "an event line must be ended"]
pub struct Event<'l> {
    lines: &'l mut Lines,
    /// Values too large for the line, in order.
    large: Vec<(Vec<u8>, bool)>,
}

impl Event<'_> {
    fn key(&mut self, key: &str) {
        let buffer = &mut self.lines.buffer;
        buffer.extend_from_slice(b",\"");
        buffer.extend_from_slice(key.as_bytes());
        buffer.extend_from_slice(b"\":");
    }

    /// A word of the format itself.
    pub fn word(mut self, key: &str, word: &str) -> Self {
        self.key(key);
        push_string(&mut self.lines.buffer, word);
        self
    }

    /// A number.
    pub fn number(mut self, key: &str, number: u64) -> Self {
        self.key(key);
        push_number(&mut self.lines.buffer, number);
        self
    }

    /// A mark that is either there or not.
    pub fn mark(mut self, key: &str) -> Self {
        self.key(key);
        self.lines.buffer.extend_from_slice(b"true");
        self
    }

    /// Bytes from the wire in text form.
    pub fn text(self, key: &str, value: &[u8]) -> Self {
        self.value(key, Some(value), true)
    }

    /// A value from the wire.
    pub fn value(mut self, key: &str, value: Option<&[u8]>, text: bool) -> Self {
        self.key(key);
        self.element(value, text);
        self
    }

    /// A list of values.
    pub fn values<'v>(
        mut self,
        key: &str,
        values: impl Iterator<Item = (Option<&'v [u8]>, bool)>,
    ) -> Self {
        self.key(key);
        self.lines.buffer.push(b'[');
        for (position, (value, text)) in values.enumerate() {
            if position > 0 {
                self.lines.buffer.push(b',');
            }
            self.element(value, text);
        }
        self.lines.buffer.push(b']');
        self
    }

    /// A list of numbers.
    pub fn numbers(mut self, key: &str, numbers: impl Iterator<Item = u64>) -> Self {
        self.key(key);
        self.lines.buffer.push(b'[');
        for (position, number) in numbers.enumerate() {
            if position > 0 {
                self.lines.buffer.push(b',');
            }
            push_number(&mut self.lines.buffer, number);
        }
        self.lines.buffer.push(b']');
        self
    }

    /// A flat object of text members.
    pub fn object<'v>(
        mut self,
        key: &str,
        members: impl Iterator<Item = (&'v str, &'v [u8])>,
    ) -> Self {
        self.key(key);
        self.lines.buffer.push(b'{');
        for (position, (name, value)) in members.enumerate() {
            if position > 0 {
                self.lines.buffer.push(b',');
            }
            push_string(&mut self.lines.buffer, name);
            self.lines.buffer.push(b':');
            self.element(Some(value), true);
        }
        self.lines.buffer.push(b'}');
        self
    }

    /// Finishes the line, and writes the parts of what was too large for it.
    pub fn end(self) {
        self.lines.buffer.push(b'}');
        self.lines.end_line();
        for (value, text) in self.large {
            self.lines.parts(&value, text);
        }
    }

    fn element(&mut self, value: Option<&[u8]>, text: bool) {
        match value {
            Some(bytes) if bytes.len() > INLINE_VALUE_BYTES => {
                self.lines.buffer.extend_from_slice(b"{\"parts\":");
                push_number(&mut self.lines.buffer, bytes.len() as u64);
                self.lines.buffer.push(b'}');
                self.large.push((bytes.to_vec(), text));
            }
            other => push_value(&mut self.lines.buffer, other, text),
        }
    }
}

#[cfg(test)]
mod tests;
