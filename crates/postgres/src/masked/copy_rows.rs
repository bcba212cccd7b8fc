//! Rows of COPY under masks.

use std::borrow::Cow;
use std::sync::Arc;

use custos_session::SessionError;
use custos_session::masking::Masked;

use super::{ROW_BYTES_MAX, TOO_LARGE, begin, push_value, result, set_length, unexpected};
use crate::judge::{Both, ColumnMask, ColumnMasks, Plan};
use crate::wire::Format;
use crate::wire::backend::tag;

/// A message's tag, and its length, which is set when all of it is there.
const MESSAGE_HEAD_BYTES: usize = 5;

/// Rows of COPY, cut out of a stream of pieces.
#[derive(Debug)]
pub(crate) struct CopyRows {
    form: CopyRowsForm,
    /// The beginning of a row.
    rest: Vec<u8>,
    pieces: CopyPieces,
}

#[derive(Debug)]
enum CopyRowsForm {
    Text(ColumnMasks),
    Binary {
        masks: ColumnMasks,
        /// The header has passed.
        begun: bool,
        ended: bool,
    },
    /// In a form in which columns are not told apart, such as CSV: only what is found in the text is masked. Each
    /// message is a row (protocol documentation, "COPY Operations").
    Messages(Arc<Plan>),
}

/// What came out of pieces of COPY.
#[derive(Debug)]
pub(crate) struct CopyPieces {
    /// A whole `CopyData` message.
    shown: Vec<u8>,
    /// `None`: what is shown.
    recorded: Option<Vec<u8>>,
    /// Values that the client gets changed; of a text as a whole, texts.
    pub(crate) changed: u64,
}

/// Signature, flags and the length of the extension (PostgreSQL documentation, "COPY", "Binary Format").
const BINARY_HEADER_BYTES: usize = 19;

impl CopyRows {
    pub(crate) fn new(masks: ColumnMasks, format: Format) -> Self {
        let is_same = masks.iter().all(ColumnMask::is_recorded_as_shown);
        let form = match format {
            Format::Text => CopyRowsForm::Text(masks),
            _ => CopyRowsForm::Binary {
                masks,
                begun: false,
                ended: false,
            },
        };
        Self {
            form,
            rest: Vec::new(),
            pieces: CopyPieces::new(is_same),
        }
    }

    /// Where columns are not told apart.
    pub(crate) fn of_messages(plan: Arc<Plan>) -> Self {
        Self {
            form: CopyRowsForm::Messages(plan),
            rest: Vec::new(),
            pieces: CopyPieces::new(false),
        }
    }

    /// Takes a piece; gives what is whole. `ends`: it ends a message.
    pub(crate) fn take(&mut self, piece: &[u8], ends: bool) -> Result<&CopyPieces, SessionError> {
        if self.rest.len() + piece.len() > ROW_BYTES_MAX {
            return Err(TOO_LARGE);
        }
        self.pieces.begin();
        let goes_on = match &self.form {
            CopyRowsForm::Text(_) => memchr::memchr(b'\n', piece).is_none(),
            CopyRowsForm::Messages(_) => !ends,
            CopyRowsForm::Binary { .. } => false,
        };
        if goes_on {
            self.rest.extend_from_slice(piece);
        } else if self.rest.is_empty() {
            // Most pieces are whole rows.
            let used = self.rows(piece, ends)?;
            self.rest
                .extend_from_slice(piece.get(used..).unwrap_or_default());
        } else {
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(piece);
            let used = self.rows(&rest, ends)?;
            rest.drain(..used);
            self.rest = rest;
        }
        set_length(&mut self.pieces.shown)?;
        Ok(&self.pieces)
    }

    /// Masks all rows that are whole; bytes of them.
    fn rows(&mut self, bytes: &[u8], ends: bool) -> Result<usize, SessionError> {
        let pieces = &mut self.pieces;
        let mut used = 0;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            let taken = match &mut self.form {
                CopyRowsForm::Text(masks) => text_row(masks, rest, pieces),
                CopyRowsForm::Binary {
                    masks,
                    begun,
                    ended,
                } => binary_part(masks, begun, ended, rest, pieces)?,
                CopyRowsForm::Messages(plan) if ends => {
                    let shown = plan.shown_text(rest);
                    pieces.changed += u64::from(shown.is_some());
                    pieces
                        .shown
                        .extend_from_slice(shown.as_deref().unwrap_or(rest));
                    if let Some(recorded) = &mut pieces.recorded {
                        let text = plan.recorded_text(rest);
                        recorded.extend_from_slice(text.as_deref().unwrap_or(rest));
                    }
                    rest.len()
                }
                CopyRowsForm::Messages(_) => 0,
            };
            if taken == 0 {
                return Ok(used);
            }
            used += taken;
        }
    }

    /// Nothing was left over.
    pub(crate) fn is_whole(&self) -> bool {
        self.rest.is_empty()
    }
}

impl CopyPieces {
    fn new(is_recorded_as_shown: bool) -> Self {
        Self {
            shown: Vec::new(),
            recorded: (!is_recorded_as_shown).then(Vec::new),
            changed: 0,
        }
    }

    fn begin(&mut self) {
        self.shown.clear();
        begin(&mut self.shown, tag::COPY_DATA);
        if let Some(recorded) = &mut self.recorded {
            recorded.clear();
        }
        self.changed = 0;
    }

    fn push(&mut self, bytes: &[u8]) {
        self.shown.extend_from_slice(bytes);
        if let Some(recorded) = &mut self.recorded {
            recorded.extend_from_slice(bytes);
        }
    }

    /// The message for the client; empty where nothing is whole yet.
    pub(crate) fn message(&self) -> &[u8] {
        match self.shown_data() {
            [] => &[],
            _ => &self.shown,
        }
    }

    /// The data for records.
    pub(crate) fn recorded(&self) -> &[u8] {
        self.recorded.as_deref().unwrap_or(self.shown_data())
    }

    fn shown_data(&self) -> &[u8] {
        self.shown.get(MESSAGE_HEAD_BYTES..).unwrap_or_default()
    }
}

/// One line of text (PostgreSQL documentation, "COPY", "Text Format"); bytes of it, 0 where it is not whole.
fn text_row(masks: &ColumnMasks, rest: &[u8], pieces: &mut CopyPieces) -> usize {
    let Some(end) = memchr::memchr(b'\n', rest) else {
        return 0;
    };
    let line = rest.get(..end).unwrap_or_default();
    if line == b"\\." {
        // The end of data, of protocol version 2.
        pieces.push(b"\\.\n");
        return end + 1;
    }
    let fits = memchr::memchr_iter(b'\t', line).count() + 1 == masks.len();
    let mut field_start = 0;
    // What stands between two masked fields is pushed at once.
    let mut pushed = 0;
    for (index, field_end) in memchr::memchr_iter(b'\t', line).chain([end]).enumerate() {
        let field = line.get(field_start..field_end).unwrap_or_default();
        let before = pushed..field_start;
        field_start = field_end + 1;
        let mask = masks.get(index).filter(|_| fits);
        if field == b"\\N" || mask.is_some_and(ColumnMask::is_clear) {
            continue;
        }
        pieces.push(line.get(before).unwrap_or_default());
        pushed = field_end;
        let value = unescape(field);
        let both = mask.map_or(Both::NULL, |mask| mask.both(&value, Format::Text));
        pieces.changed += u64::from(*both.shown() != Masked::Unchanged);
        escape(field, both.shown(), &mut pieces.shown);
        if let Some(recorded) = &mut pieces.recorded {
            escape(field, &both.recorded, recorded);
        }
    }
    pieces.push(rest.get(pushed..=end).unwrap_or_default());
    end + 1
}

/// What a field of COPY stands for.
fn unescape(field: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', field).is_none() {
        return Cow::Borrowed(field);
    }
    let mut value = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        // COPY TO writes these and no others.
        value.push(match bytes.next() {
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 0x0b,
            Some(&other) => other,
            None => b'\\',
        });
    }
    Cow::Owned(value)
}

fn escape(field: &[u8], masked: &Masked, out: &mut Vec<u8>) {
    let value = match masked {
        Masked::Unchanged => return out.extend_from_slice(field),
        Masked::Null => return out.extend_from_slice(b"\\N"),
        Masked::Value(value) => value.as_slice(),
    };
    let escaped = |byte: u8| match byte {
        b'\\' => Some(b'\\'),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\t' => Some(b't'),
        0x08 => Some(b'b'),
        0x0b => Some(b'v'),
        0x0c => Some(b'f'),
        _ => None,
    };
    let mut from = 0;
    for (at, byte) in value.iter().enumerate() {
        if let Some(escaped) = escaped(*byte) {
            out.extend_from_slice(value.get(from..at).unwrap_or_default());
            out.extend_from_slice(&[b'\\', escaped]);
            from = at + 1;
        }
    }
    out.extend_from_slice(value.get(from..).unwrap_or_default());
}

/// The header or one row of binary COPY; bytes of it, 0 where it is not whole.
fn binary_part(
    masks: &ColumnMasks,
    begun: &mut bool,
    ended: &mut bool,
    rest: &[u8],
    pieces: &mut CopyPieces,
) -> Result<usize, SessionError> {
    if *ended {
        return if rest.is_empty() {
            Ok(0)
        } else {
            Err(unexpected("COPY data behind its end"))
        };
    }
    if !*begun {
        let Some(header) = rest.get(..BINARY_HEADER_BYTES) else {
            return Ok(0);
        };
        if !header.ends_with(&[0; 4]) {
            return Err(unexpected("an extended header of COPY"));
        }
        *begun = true;
        pieces.push(header);
        return Ok(BINARY_HEADER_BYTES);
    }
    let Some((head, fields)) = rest.split_first_chunk() else {
        return Ok(0);
    };
    let count = i16::from_be_bytes(*head);
    if count == -1 {
        *ended = true;
        pieces.push(head);
        return Ok(head.len());
    }
    if usize::try_from(count) != Ok(masks.len()) {
        return Err(unexpected(
            "a row of COPY with other columns than described",
        ));
    }
    let mut behind = fields;
    for _ in 0..masks.len() {
        let Some((_, next)) = binary_field(behind) else {
            return Ok(0);
        };
        behind = next;
    }
    pieces.push(head);
    let mut fields = fields;
    for mask in masks.iter() {
        let Some((value, next)) = binary_field(fields) else {
            break;
        };
        fields = next;
        let both = value.map_or(Both::NULL, |value| mask.both(value, Format::Binary));
        pieces.changed += u64::from(value.is_some() && *both.shown() != Masked::Unchanged);
        push_value(&mut pieces.shown, result(both.shown(), value))?;
        if let Some(recorded) = &mut pieces.recorded {
            push_value(recorded, result(&both.recorded, value))?;
        }
    }
    Ok(rest.len() - behind.len())
}

/// A value, `None` for NULL, and what is behind it; nothing where it is not whole.
fn binary_field(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        return Some((None, rest));
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((Some(value), rest))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use custos_session::masking::{Mask, PgType, Transform};

    use super::{ColumnMask, CopyRows, Format};

    fn mask(first: usize) -> Arc<Mask> {
        let partial = Transform::partial(first, 0, '*').unwrap();
        Arc::new(Mask::whole(partial, 100))
    }

    /// Two columns, of which the second is masked; what comes out of these messages.
    fn through(
        format: Format,
        shown: &Arc<Mask>,
        recorded: &Arc<Mask>,
        messages: &[&[u8]],
    ) -> (Vec<u8>, Vec<u8>, u64) {
        let masked = (Some(Arc::clone(shown)), Some(Arc::clone(recorded)));
        let masks = [
            ColumnMask::new(PgType::Text, None, None, false),
            ColumnMask::new(PgType::Text, masked.0, masked.1, true),
        ];
        let mut rows = CopyRows::new(masks.into(), format);
        let mut all = (Vec::new(), Vec::new(), 0);
        for message in messages {
            let pieces = rows.take(message, true).unwrap();
            if let Some((head, data)) = pieces.message().split_first_chunk::<5>() {
                let length = u32::try_from(data.len() + 4).unwrap().to_be_bytes();
                assert_eq!((head[0], &head[1..]), (b'd', &length[..]));
                assert!(!data.is_empty());
                all.0.extend_from_slice(data);
            }
            all.1.extend_from_slice(pieces.recorded());
            all.2 += pieces.changed;
        }
        assert!(rows.is_whole());
        all
    }

    /// However the stream is cut, and whether the client sees what is recorded or more.
    fn comes_out(format: Format, stream: &[u8], shown: &[u8], recorded: &[u8]) {
        let (one, none) = (mask(1), mask(0));
        for cut in 0..=stream.len() {
            let (front, back) = stream.split_at(cut);
            let out = through(format, &one, &none, &[front, back]);
            assert_eq!(out, (shown.to_vec(), recorded.to_vec(), 2), "at {cut}");
            let out = through(format, &none, &none, &[front, back]);
            assert_eq!(out, (recorded.to_vec(), recorded.to_vec(), 2), "at {cut}");
        }
    }

    #[test]
    fn rows_of_text() {
        comes_out(
            Format::Text,
            b"1\tabc\n\\N\t\\N\na\\tb\t\\\\\\n\n\\.\n",
            b"1\ta**\n\\N\t\\N\na\\tb\t\\\\*\n\\.\n",
            b"1\t***\n\\N\t\\N\na\\tb\t**\n\\.\n",
        );
    }

    #[test]
    fn a_line_of_other_columns_is_hidden() {
        let mask = mask(1);
        let (shown, ..) = through(Format::Text, &mask, &mask, &[b"a\tb\tc\n\nd\te\n"]);
        assert_eq!(shown, b"\\N\t\\N\t\\N\n\\N\nd\t*\n");
    }

    #[test]
    fn rows_of_binary() {
        let stream = |first: &[u8], second: &[u8]| {
            let mut stream = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
            for second in [Some(first), None, Some(second)] {
                stream.extend([0, 2, 0, 0, 0, 1, b'x']);
                let length = second.map_or(-1, |second| i32::try_from(second.len()).unwrap());
                stream.extend(length.to_be_bytes());
                stream.extend_from_slice(second.unwrap_or_default());
            }
            stream.extend([0xff, 0xff]);
            stream
        };
        comes_out(
            Format::Binary,
            &stream(b"abc", b"de"),
            &stream(b"a**", b"d*"),
            &stream(b"***", b"**"),
        );
    }
}
