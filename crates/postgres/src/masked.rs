//! Results under masks: rows, COPY data and texts of errors, as the client sees them and as they are recorded.

mod copy_rows;

use std::borrow::Cow;

use custos_session::masking::Masked;
use custos_session::{SessionError, UpstreamError};

pub(crate) use copy_rows::CopyRows;

use crate::judge::{Both, ColumnMask, ColumnMasks};
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
