//! `ErrorResponse` and `NoticeResponse`, tags `E` and `N`: they differ in the tag only.

use super::super::writer;
use super::{Reader, WireError, tag};

const NAME: &str = "ErrorResponse";
/// Longest text that the gateway puts into one field: 8 KiB.
const MAX_FIELD_BYTES: usize = 8 << 10;

/// The fields of an error or notice. Their types: specification, "Error and Notice Message Fields".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorFields<'a> {
    fields: Reader<'a>,
}

impl<'a> ErrorFields<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let reader = Reader::new(NAME, body);
        let mut walk = reader;
        while walk.u8()? != 0 {
            walk.text()?;
        }
        walk.finish()?;
        Ok(Self { fields: reader })
    }

    /// Type byte and text of each field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut fields = self.fields;
        std::iter::from_fn(move || {
            let field_type = fields.u8().ok().filter(|byte| *byte != 0)?;
            fields.text().ok().map(|text| (field_type, text))
        })
    }

    /// The first field of a type.
    pub fn get(&self, field_type: u8) -> Option<&'a [u8]> {
        self.iter()
            .find_map(|(found, text)| (found == field_type).then_some(text))
    }

    /// `ERROR`, `FATAL`, `WARNING` …, never translated (`V`); from servers before 9.6 the translated one (`S`).
    pub fn severity(&self) -> Option<&'a [u8]> {
        self.get(b'V').or_else(|| self.get(b'S'))
    }

    /// The SQLSTATE.
    pub fn sqlstate(&self) -> Option<&'a [u8]> {
        self.get(b'C')
    }

    /// The message.
    pub fn message(&self) -> Option<&'a [u8]> {
        self.get(b'M')
    }

    /// The detail, which may contain values of rows.
    pub fn detail(&self) -> Option<&'a [u8]> {
        self.get(b'D')
    }

    /// The hint.
    pub fn hint(&self) -> Option<&'a [u8]> {
        self.get(b'H')
    }
}

/// How bad an error of the gateway's own is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The connection ends.
    Fatal,
    /// Nothing failed; for notices.
    Warning,
    /// Information; for notices.
    Notice,
}

impl Severity {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
        }
    }
}

/// An error or notice that the gateway itself sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorReport<'a> {
    /// How bad it is.
    pub severity: Severity,
    /// Five digits or capital letters.
    pub sqlstate: &'a str,
    /// One line.
    pub message: &'a str,
    /// More about it.
    pub detail: Option<&'a str>,
    /// What to do.
    pub hint: Option<&'a str>,
}

impl ErrorReport<'_> {
    /// Appends an `ErrorResponse`. Zero bytes in texts become spaces and a text is cut at 8 KiB, so that an error can always be told.
    pub fn encode_error(&self, out: &mut Vec<u8>) {
        self.encode(tag::ERROR_RESPONSE, out);
    }

    /// Appends a `NoticeResponse`, with texts treated likewise.
    pub fn encode_notice(&self, out: &mut Vec<u8>) {
        self.encode(tag::NOTICE_RESPONSE, out);
    }

    fn encode(&self, message_tag: u8, out: &mut Vec<u8>) {
        let written = writer::frame(out, Some(message_tag), NAME, |out| {
            let severity = self.severity.as_str();
            field(b'S', severity, out);
            field(b'V', severity, out);
            field(b'C', self.sqlstate, out);
            field(b'M', self.message, out);
            if let Some(detail) = self.detail {
                field(b'D', detail, out);
            }
            if let Some(hint) = self.hint {
                field(b'H', hint, out);
            }
            out.push(0);
            Ok(())
        });
        debug_assert!(written.is_ok(), "bounded fields fit the length word");
    }
}

fn field(field_type: u8, text: &str, out: &mut Vec<u8>) {
    out.push(field_type);
    let text = text
        .get(..text.floor_char_boundary(MAX_FIELD_BYTES))
        .unwrap_or_default();
    out.extend(text.bytes().map(|byte| if byte == 0 { b' ' } else { byte }));
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::{ErrorFields, ErrorReport, Severity};

    const REPORT: ErrorReport<'static> = ErrorReport {
        severity: Severity::Fatal,
        sqlstate: "28P01",
        message: "no",
        detail: Some("a\0b"),
        hint: None,
    };

    #[test]
    fn fields_in_their_order() {
        let mut out = Vec::new();
        REPORT.encode_error(&mut out);
        assert_eq!(out, b"E\0\0\0\x23SFATAL\0VFATAL\0C28P01\0Mno\0Da b\0\0");
        let fields = ErrorFields::parse(&out[5..]).unwrap();
        assert_eq!(fields.iter().count(), 5);
        assert_eq!(fields.severity(), Some(&b"FATAL"[..]));
        assert_eq!(fields.sqlstate(), Some(&b"28P01"[..]));
        assert_eq!(fields.message(), Some(&b"no"[..]));
        assert_eq!(fields.detail(), Some(&b"a b"[..]));
        assert_eq!(fields.hint(), None);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "€".repeat(5000);
        let mut out = Vec::new();
        let report = ErrorReport {
            message: &long,
            ..REPORT
        };
        report.encode_notice(&mut out);
        assert_eq!(out[0], b'N');
        let message = ErrorFields::parse(&out[5..]).unwrap().message().unwrap();
        assert_eq!(message, &long.as_bytes()[..8190]);
    }

    #[test]
    fn must_end_with_a_zero_and_nothing_more() {
        assert!(ErrorFields::parse(b"").is_err());
        assert!(ErrorFields::parse(b"Mx\0").is_err());
        assert!(ErrorFields::parse(b"Mx\0\0y").is_err());
        assert_eq!(ErrorFields::parse(b"\0").unwrap().message(), None);
    }
}
