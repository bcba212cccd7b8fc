//! A row that does not lie in one piece.

use super::super::super::WireError;
use super::super::super::reader::value_length;
use super::super::data_row;
use super::{Event, Partial};

/// Where in the row the walker is.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowWalk {
    stage: Stage,
    /// Bytes of the row that are not consumed yet, those in `Partial` counted as not consumed.
    left: usize,
    columns_left: u16,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Count,
    Length,
    Value { left: usize },
}

impl RowWalk {
    pub(super) fn new(body_bytes: usize) -> Result<Self, WireError> {
        if body_bytes < 2 {
            return Err(truncated());
        }
        Ok(Self {
            stage: Stage::Count,
            left: body_bytes,
            columns_left: 0,
        })
    }

    /// Bytes consumed, and the event; [`Event::RowEnd`] is the last.
    pub(super) fn advance<'i>(
        &mut self,
        partial: &mut Partial,
        input: &'i [u8],
    ) -> Result<(usize, Event<'i>), WireError> {
        match self.stage {
            Stage::Count => self.count(partial, input),
            Stage::Length if self.columns_left == 0 => self.end(),
            Stage::Length => self.length(partial, input),
            Stage::Value { left } => Ok(self.value(left, input)),
        }
    }

    fn count(
        &mut self,
        partial: &mut Partial,
        input: &[u8],
    ) -> Result<(usize, Event<'static>), WireError> {
        let (taken, count) = partial.gather(input);
        let Some(count) = count else {
            return Ok((taken, Event::NeedMore));
        };
        self.left -= 2;
        self.columns_left = u16::from_be_bytes(count);
        self.stage = Stage::Length;
        // Known to be wrong before anything of it is passed on.
        if usize::from(self.columns_left) * 4 > self.left {
            return Err(truncated());
        }
        let columns = self.columns_left;
        Ok((taken, Event::RowStart { columns }))
    }

    fn length(
        &mut self,
        partial: &mut Partial,
        input: &[u8],
    ) -> Result<(usize, Event<'static>), WireError> {
        if self.left < 4 {
            return Err(truncated());
        }
        let (taken, raw) = partial.gather(input);
        let Some(raw) = raw else {
            return Ok((taken, Event::NeedMore));
        };
        self.left -= 4;
        self.columns_left -= 1;
        let length = value_length(i32::from_be_bytes(raw), data_row::NAME)?;
        let value_bytes = length.unwrap_or(0) as usize;
        if value_bytes > self.left {
            return Err(truncated());
        }
        if value_bytes > 0 {
            self.stage = Stage::Value { left: value_bytes };
        }
        Ok((taken, Event::Value { length }))
    }

    fn value<'i>(&mut self, left: usize, input: &'i [u8]) -> (usize, Event<'i>) {
        if input.is_empty() {
            return (0, Event::NeedMore);
        }
        let part = input.get(..left).unwrap_or(input);
        self.left -= part.len();
        let last = part.len() == left;
        self.stage = if last {
            Stage::Length
        } else {
            Stage::Value {
                left: left - part.len(),
            }
        };
        (part.len(), Event::ValuePart { part, last })
    }

    fn end(&self) -> Result<(usize, Event<'static>), WireError> {
        if self.left > 0 {
            return Err(WireError::TrailingBytes {
                message: data_row::NAME,
                bytes: self.left,
            });
        }
        Ok((0, Event::RowEnd))
    }
}

fn truncated() -> WireError {
    WireError::Truncated {
        message: data_row::NAME,
    }
}
