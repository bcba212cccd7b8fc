//! Results under masks: rows, COPY data and texts of errors, as the client sees them and as they are recorded.

use std::borrow::Cow;
use std::sync::Arc;

use custos_session::masking::Masked;
use custos_session::{SessionError, UpstreamError};

use crate::judge::{ColumnMask, ColumnMasks, Plan};
use crate::wire::Format;
use crate::wire::backend::{ErrorFields, tag};

/// A row under a mask is held whole; a larger one is withheld, and the session ends.
const ROW_BYTES_MAX: usize = 64 << 20;
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

/// A row in its two forms.
pub(crate) struct TwoForms {
    /// The whole message for the client; `None`: as it came.
    pub(crate) shown: Option<Vec<u8>>,
    /// The values for records.
    pub(crate) recorded: Vec<Option<Vec<u8>>>,
    /// Values that the client gets changed.
    pub(crate) changed: u64,
}

/// Masks a row. `values`: `None` is NULL; `format`: of each column; `is_held`: the client has got nothing of it yet, so
/// that there must be a whole message for it.
pub(crate) fn row<'v>(
    masks: &ColumnMasks,
    values: impl ExactSizeIterator<Item = Option<&'v [u8]>>,
    format: impl Fn(usize) -> Format,
    is_held: bool,
) -> Result<TwoForms, SessionError> {
    if values.len() != masks.len() {
        return Err(unexpected("a row of other columns than described"));
    }
    let is_shown = is_held || masks.iter().any(ColumnMask::changes_what_is_shown);
    let mut recorded = Vec::with_capacity(masks.len());
    let mut changed = 0;
    let mut shown = Vec::new();
    if is_shown {
        shown.push(tag::DATA_ROW);
        shown.extend([0; 4]);
        shown.extend(u16::try_from(masks.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    for (index, (value, mask)) in values.zip(masks.iter()).enumerate() {
        let format = format(index);
        let of = |masked: Masked| match (masked, value) {
            (Masked::Value(masked), _) => Some(masked),
            (Masked::Null, _) | (_, None) => None,
            (Masked::Unchanged, Some(value)) => Some(value.to_vec()),
        };
        let (kept, seen) = match value {
            Some(value) => mask.both(value, format),
            None => (Masked::Null, Masked::Null),
        };
        recorded.push(of(kept));
        changed += u64::from(value.is_some() && seen != Masked::Unchanged);
        if is_shown {
            push_value(&mut shown, of(seen).as_deref())?;
        }
    }
    if is_shown {
        set_length(&mut shown)?;
    }
    Ok(TwoForms {
        shown: is_shown.then_some(shown),
        recorded,
        changed,
    })
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
    rest: Vec<u8>,
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
#[derive(Debug, Default)]
pub(crate) struct CopyPieces {
    pub(crate) shown: Vec<u8>,
    pub(crate) recorded: Vec<u8>,
    /// Values that the client gets changed; of a text as a whole, texts.
    pub(crate) changed: u64,
}

/// Signature, flags and the length of the extension (PostgreSQL documentation, "COPY", "Binary Format").
const BINARY_HEADER_BYTES: usize = 19;

impl CopyRows {
    pub(crate) fn new(masks: ColumnMasks, format: Format) -> Self {
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
        }
    }

    /// Where columns are not told apart.
    pub(crate) fn of_messages(plan: Arc<Plan>) -> Self {
        Self {
            form: CopyRowsForm::Messages(plan),
            rest: Vec::new(),
        }
    }

    /// Takes a piece; gives what is whole. `ends`: it ends a message.
    pub(crate) fn take(&mut self, piece: &[u8], ends: bool) -> Result<CopyPieces, SessionError> {
        self.rest.extend_from_slice(piece);
        if self.rest.len() > ROW_BYTES_MAX {
            return Err(TOO_LARGE);
        }
        let mut pieces = CopyPieces::default();
        let mut used = 0;
        loop {
            let rest = self.rest.get(used..).unwrap_or_default();
            let taken = match &mut self.form {
                CopyRowsForm::Text(masks) => text_row(masks, rest, &mut pieces),
                CopyRowsForm::Binary {
                    masks,
                    begun,
                    ended,
                } => binary_part(masks, begun, ended, rest, &mut pieces)?,
                CopyRowsForm::Messages(plan) if ends => {
                    let or_same = |text: Option<Vec<u8>>| text.unwrap_or_else(|| rest.to_vec());
                    let shown = plan.shown_text(rest);
                    pieces.changed += u64::from(shown.is_some());
                    pieces.shown.extend(or_same(shown));
                    pieces.recorded.extend(or_same(plan.recorded_text(rest)));
                    rest.len()
                }
                CopyRowsForm::Messages(_) => 0,
            };
            if taken == 0 {
                break;
            }
            used += taken;
        }
        self.rest.drain(..used);
        Ok(pieces)
    }

    /// Nothing was left over.
    pub(crate) fn is_whole(&self) -> bool {
        self.rest.is_empty()
    }
}

/// One line of text (PostgreSQL documentation, "COPY", "Text Format"); bytes of it, 0 where it is not whole.
fn text_row(masks: &ColumnMasks, rest: &[u8], pieces: &mut CopyPieces) -> usize {
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        return 0;
    };
    let line = rest.get(..end).unwrap_or_default();
    if line == b"\\." {
        // The end of data, of protocol version 2.
        pieces.shown.extend_from_slice(b"\\.\n");
        pieces.recorded.extend_from_slice(b"\\.\n");
        return end + 1;
    }
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    let fits = fields.len() == masks.len();
    for (index, field) in fields.iter().enumerate() {
        let mask = masks.get(index).filter(|_| fits);
        if index > 0 {
            pieces.shown.push(b'\t');
            pieces.recorded.push(b'\t');
        }
        if *field == b"\\N" {
            pieces.shown.extend_from_slice(field);
            pieces.recorded.extend_from_slice(field);
            continue;
        }
        let value = unescape(field);
        let (recorded, shown) = match mask {
            Some(mask) => mask.both(&value, Format::Text),
            None => (Masked::Null, Masked::Null),
        };
        pieces.changed += u64::from(shown != Masked::Unchanged);
        escape(field, &shown, &mut pieces.shown);
        escape(field, &recorded, &mut pieces.recorded);
    }
    pieces.shown.push(b'\n');
    pieces.recorded.push(b'\n');
    end + 1
}

/// What a field of COPY stands for.
fn unescape(field: &[u8]) -> Vec<u8> {
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
    value
}

fn escape(field: &[u8], masked: &Masked, out: &mut Vec<u8>) {
    let value = match masked {
        Masked::Unchanged => return out.extend_from_slice(field),
        Masked::Null => return out.extend_from_slice(b"\\N"),
        Masked::Value(value) => value,
    };
    for &byte in value {
        let escaped = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0b => b'v',
            0x0c => b'f',
            other => {
                out.push(other);
                continue;
            }
        };
        out.extend([b'\\', escaped]);
    }
}

/// The header or one row of binary COPY; bytes of it, 0 where it is not whole.
fn binary_part(
    masks: &ColumnMasks,
    begun: &mut bool,
    ended: &mut bool,
    rest: &[u8],
    pieces: &mut CopyPieces,
) -> Result<usize, SessionError> {
    let number = |at: usize| -> Option<i32> {
        let bytes = rest.get(at..at + 4)?.try_into().ok()?;
        Some(i32::from_be_bytes(bytes))
    };
    if *ended {
        return if rest.is_empty() {
            Ok(0)
        } else {
            Err(unexpected("COPY data behind its end"))
        };
    }
    if !*begun {
        let Some(extension) = number(BINARY_HEADER_BYTES - 4) else {
            return Ok(0);
        };
        if extension != 0 {
            return Err(unexpected("an extended header of COPY"));
        }
        *begun = true;
        let header = rest.get(..BINARY_HEADER_BYTES).unwrap_or_default();
        pieces.shown.extend_from_slice(header);
        pieces.recorded.extend_from_slice(header);
        return Ok(BINARY_HEADER_BYTES);
    }
    let Some(count) = rest.get(..2).and_then(|bytes| bytes.try_into().ok()) else {
        return Ok(0);
    };
    let count = i16::from_be_bytes(count);
    if count == -1 {
        *ended = true;
        pieces.shown.extend((-1_i16).to_be_bytes());
        pieces.recorded.extend((-1_i16).to_be_bytes());
        return Ok(2);
    }
    if usize::try_from(count) != Ok(masks.len()) {
        return Err(unexpected(
            "a row of COPY with other columns than described",
        ));
    }
    let mut at = 2;
    let mut fields = Vec::with_capacity(masks.len());
    for _ in 0..masks.len() {
        let Some(length) = number(at) else {
            return Ok(0);
        };
        at += 4;
        let Ok(length) = usize::try_from(length) else {
            fields.push(None);
            continue;
        };
        let Some(value) = rest.get(at..at + length) else {
            return Ok(0);
        };
        fields.push(Some(value));
        at += length;
    }
    pieces.shown.extend(count.to_be_bytes());
    pieces.recorded.extend(count.to_be_bytes());
    for (value, mask) in fields.into_iter().zip(masks.iter()) {
        let of = |masked: Masked| match (masked, value) {
            (Masked::Value(masked), _) => Some(masked),
            (Masked::Null, _) | (_, None) => None,
            (Masked::Unchanged, Some(value)) => Some(value.to_vec()),
        };
        let (recorded, shown) = match value {
            Some(value) => mask.both(value, Format::Binary),
            None => (Masked::Null, Masked::Null),
        };
        pieces.changed += u64::from(value.is_some() && shown != Masked::Unchanged);
        push_value(&mut pieces.shown, of(shown).as_deref())?;
        push_value(&mut pieces.recorded, of(recorded).as_deref())?;
    }
    Ok(at)
}

/// A `CopyData` message.
pub(crate) fn copy_data(data: &[u8]) -> Result<Vec<u8>, SessionError> {
    let mut message = vec![tag::COPY_DATA, 0, 0, 0, 0];
    message.extend_from_slice(data);
    set_length(&mut message)?;
    Ok(message)
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

/// A notification (protocol documentation, "NotificationResponse").
pub(crate) fn notification(
    process_id: i32,
    channel: &[u8],
    payload: &[u8],
) -> Result<Vec<u8>, SessionError> {
    let mut message = vec![tag::NOTIFICATION_RESPONSE, 0, 0, 0, 0];
    message.extend(process_id.to_be_bytes());
    for text in [channel, payload] {
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
