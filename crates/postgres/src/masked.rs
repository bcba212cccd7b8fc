//! Results under masks: rows, COPY data and texts of errors, as the client sees them and as they are recorded.

use std::borrow::Cow;
use std::sync::Arc;

use custos_session::masking::Masked;
use custos_session::{SessionError, UpstreamError};

use crate::judge::{Both, ColumnMask, ColumnMasks, Plan};
use crate::wire::Format;
use crate::wire::backend::{ErrorFields, tag};

/// A row under a mask is held whole; a larger one is withheld, and the session ends.
const ROW_BYTES_MAX: usize = 64 << 20;
/// A message's tag, and its length, which is set when all of it is there.
const MESSAGE_HEAD_BYTES: usize = 5;
/// What stands for a hidden value in records.
pub(crate) const MASKED: &[u8] = b"[masked]";
/// What stands for the text of an error that may hold masked values.
const WITHHELD: &[u8] = b"the target's message is withheld: the statement touches masked columns";
/// Classes of SQLSTATE whose messages name no values, whenever they are raised (PostgreSQL documentation, appendix
/// "PostgreSQL Error Codes").
const WITHOUT_VALUES: &[&[u8; 2]] = &[b"08", b"25", b"40", b"53", b"55", b"57", b"58"];
/// Classes whose messages name what the statement names, when a statement is prepared. While it runs, values can be taken
/// for names.
const WITHOUT_VALUES_AT_PARSE: &[&[u8; 2]] =
    &[b"0A", b"26", b"28", b"34", b"3D", b"3F", b"42", b"54"];

/// What became of a row.
pub(crate) struct MaskedRow<'v> {
    /// The client gets another message than came.
    pub(crate) is_replaced: bool,
    /// The values for records.
    pub(crate) recorded: Vec<Option<Cow<'v, [u8]>>>,
    /// Values that the client gets changed.
    pub(crate) changed: u64,
}

/// Masks a row. `values`: `None` is NULL; `format`: of each column; `is_held`: the client has got nothing of it yet, so
/// that there must be a whole message for it; `message`: empty, and takes it where there is one.
pub(crate) fn row<'v>(
    masks: &ColumnMasks,
    values: impl ExactSizeIterator<Item = Option<&'v [u8]>>,
    format: impl Fn(usize) -> Format,
    is_held: bool,
    message: &mut Vec<u8>,
) -> Result<MaskedRow<'v>, SessionError> {
    if values.len() != masks.len() {
        return Err(unexpected("a row of other columns than described"));
    }
    let is_replaced = is_held || masks.iter().any(ColumnMask::changes_what_is_shown);
    let mut recorded = Vec::with_capacity(masks.len());
    let mut changed = 0;
    if is_replaced {
        begin(message, tag::DATA_ROW);
        message.extend(u16::try_from(masks.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    for (index, (value, mask)) in values.zip(masks.iter()).enumerate() {
        let format = format(index);
        let both = value.map_or(Both::NULL, |value| mask.both(value, format));
        changed += u64::from(value.is_some() && *both.shown() != Masked::Unchanged);
        if is_replaced {
            push_value(message, result(both.shown(), value))?;
        }
        recorded.push(match both.recorded {
            Masked::Value(masked) => Some(Cow::Owned(masked)),
            Masked::Unchanged => value.map(Cow::Borrowed),
            Masked::Null => None,
        });
    }
    if is_replaced {
        set_length(message)?;
    }
    Ok(MaskedRow {
        is_replaced,
        recorded,
        changed,
    })
}

/// What a mask left of a value; `None` is NULL.
fn result<'m>(masked: &'m Masked, value: Option<&'m [u8]>) -> Option<&'m [u8]> {
    match masked {
        Masked::Value(masked) => Some(masked),
        Masked::Unchanged => value,
        Masked::Null => None,
    }
}

fn push_value(out: &mut Vec<u8>, value: Option<&[u8]>) -> Result<(), SessionError> {
    match value {
        None => out.extend((-1_i32).to_be_bytes()),
        Some(value) => {
            let length = i32::try_from(value.len()).map_err(|_| TOO_LARGE)?;
            out.extend(length.to_be_bytes());
            out.extend_from_slice(value);
        }
    }
    Ok(())
}

fn begin(message: &mut Vec<u8>, message_tag: u8) {
    message.extend_from_slice(&[message_tag, 0, 0, 0, 0]);
}

fn set_length(message: &mut [u8]) -> Result<(), SessionError> {
    let length = i32::try_from(message.len() - 1).map_err(|_| TOO_LARGE)?;
    if let Some(place) = message.get_mut(1..5) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

const TOO_LARGE: SessionError = SessionError::Limit("a row under a mask is too large");

/// A row that comes in pieces and is held until it is whole.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    values: Vec<Option<Vec<u8>>>,
    bytes: usize,
}

impl Gathered {
    /// The next value begins.
    pub(crate) fn value(&mut self, length: Option<u32>) {
        self.values.push(length.map(|_| Vec::new()));
    }

    /// The next bytes of the value that began last.
    pub(crate) fn part(&mut self, part: &[u8]) -> Result<(), SessionError> {
        self.bytes += part.len();
        if self.bytes > ROW_BYTES_MAX {
            return Err(TOO_LARGE);
        }
        if let Some(Some(value)) = self.values.last_mut() {
            value.extend_from_slice(part);
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn values(&self) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        self.values.iter().map(Option::as_deref)
    }
}

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

/// The fields of an error or notice without what may hold values, each with its type byte. `at_parse`: it answers Parse.
pub(crate) fn without_values<'f>(fields: &ErrorFields<'f>, at_parse: bool) -> Vec<(u8, &'f [u8])> {
    let class = fields.sqlstate().and_then(|code| code.get(..2));
    let tells_nothing = class.is_some_and(|class| {
        let of = |classes: &[&[u8; 2]]| classes.iter().any(|it| *it == class);
        of(WITHOUT_VALUES) || (at_parse && of(WITHOUT_VALUES_AT_PARSE))
    });
    let kept = fields.iter().filter_map(|(kind, text)| match kind {
        b'M' if !tells_nothing => Some((kind, WITHHELD)),
        b'M' | b'H' if tells_nothing => Some((kind, text)),
        b'S' | b'V' | b'C' | b'P' | b's' | b't' | b'c' | b'd' | b'n' => Some((kind, text)),
        _ => None,
    });
    kept.collect()
}

/// A field of an error or notice, with its type byte.
pub(crate) type Field<'f> = (u8, Cow<'f, [u8]>);

/// The fields, each text as `reword` has it; `None`: as it is.
pub(crate) fn reworded<'f>(
    fields: &[(u8, &'f [u8])],
    reword: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Vec<Field<'f>> {
    let reworded = fields.iter().map(|(kind, text)| {
        // Severity and SQLSTATE are the server's own words.
        let new = match kind {
            b'S' | b'V' | b'C' => None,
            _ => reword(text),
        };
        (*kind, new.map_or(Cow::Borrowed(*text), Cow::Owned))
    });
    reworded.collect()
}

/// A message of texts that end with a zero byte each, behind these bytes.
pub(crate) fn texts(
    message_tag: u8,
    head: &[u8],
    texts: [&[u8]; 2],
) -> Result<Vec<u8>, SessionError> {
    let mut message = vec![message_tag, 0, 0, 0, 0];
    message.extend_from_slice(head);
    for text in texts {
        message.extend_from_slice(text);
        message.push(0);
    }
    set_length(&mut message)?;
    Ok(message)
}

/// An error or notice of these fields.
pub(crate) fn report(message_tag: u8, fields: &[Field<'_>]) -> Result<Vec<u8>, SessionError> {
    let mut message = vec![message_tag, 0, 0, 0, 0];
    for (kind, text) in fields {
        message.push(*kind);
        message.extend_from_slice(text);
        message.push(0);
    }
    message.push(0);
    set_length(&mut message)?;
    Ok(message)
}

fn unexpected(what: &str) -> SessionError {
    SessionError::Upstream(UpstreamError::Protocol(format!("unexpected {what}")))
}
