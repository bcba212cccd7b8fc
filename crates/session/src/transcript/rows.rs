//! A row that does not fit into one line.

use super::json::{part_length, push_value};
use super::{Lines, PART_BYTES};

/// One row written in pieces, in constant memory: values up to [`PART_BYTES`] are gathered into `fields`
/// lines, larger ones go out as `part` lines while they arrive.
#[derive(Debug)]
pub struct LargeRow {
    /// JSON of the fields gathered for the next `fields` line, without brackets.
    fields: Vec<u8>,
    /// Bytes of the current value that are not written yet.
    pending: Vec<u8>,
    /// Form and bytes still to come of the current value; `None` between values.
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    text: bool,
    large: bool,
}

impl LargeRow {
    /// Begins a row.
    #[expect(
        clippy::new_without_default,
        reason = "a row begins at a known point of the stream"
    )]
    pub fn new() -> Self {
        Self {
            fields: Vec::new(),
            pending: Vec::new(),
            current: None,
        }
    }

    /// A SQL NULL.
    pub fn null(&mut self, lines: &mut Lines) {
        self.field(lines, None, true);
    }

    /// Begins a value of `length` bytes.
    pub fn value(&mut self, lines: &mut Lines, length: usize, text: bool) {
        let large = length > PART_BYTES;
        if large {
            self.flush_fields(lines, false);
        }
        self.current = Some(Current { text, large });
        if length == 0 {
            self.value_end(lines);
        }
    }

    /// More bytes of the value begun last; `last` when it is complete.
    pub fn part(&mut self, lines: &mut Lines, bytes: &[u8], last: bool) {
        self.pending.extend_from_slice(bytes);
        if let Some(Current { text, large: true }) = self.current {
            while self.pending.len() > PART_BYTES {
                let cut = part_length(&self.pending, PART_BYTES, text);
                let rest = self.pending.split_off(cut);
                lines.part(&self.pending, text, false);
                self.pending = rest;
            }
        }
        if last {
            self.value_end(lines);
        }
    }

    /// Ends the row.
    pub fn end(mut self, lines: &mut Lines) {
        self.flush_fields(lines, true);
    }

    fn value_end(&mut self, lines: &mut Lines) {
        let Some(current) = self.current.take() else {
            return;
        };
        let pending = std::mem::take(&mut self.pending);
        if current.large {
            lines.part(&pending, current.text, true);
        } else {
            self.field(lines, Some(&pending), current.text);
        }
    }

    fn field(&mut self, lines: &mut Lines, value: Option<&[u8]>, text: bool) {
        if !self.fields.is_empty() {
            self.fields.push(b',');
        }
        push_value(&mut self.fields, value, text);
        if self.fields.len() > PART_BYTES {
            self.flush_fields(lines, false);
        }
    }

    fn flush_fields(&mut self, lines: &mut Lines, end: bool) {
        if self.fields.is_empty() && !end {
            return;
        }
        lines.buffer.extend_from_slice(b"{\"fields\":[");
        lines.buffer.append(&mut self.fields);
        lines.buffer.push(b']');
        if end {
            lines.buffer.extend_from_slice(b",\"end\":true");
        }
        lines.buffer.push(b'}');
        lines.end_line();
    }
}
