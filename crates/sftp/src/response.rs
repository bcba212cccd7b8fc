//! What a server answers (draft section 7).

use crate::attributes::Attributes;
use crate::error::SftpError;
use crate::number;
use crate::reader::Reader;
use crate::request::RequestId;
use crate::status::StatusCode;

/// One answer, borrowed from its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Number of the request.
    pub id: RequestId,
    /// The answer.
    pub kind: ResponseKind<'a>,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind<'a> {
    /// SSH_FXP_STATUS
    Status {
        /// How it went.
        code: StatusCode,
        /// For people, as the server wrote it; empty if it wrote none, as servers of older versions do.
        message: &'a [u8],
    },
    /// SSH_FXP_HANDLE
    Handle(&'a [u8]),
    /// SSH_FXP_DATA
    Data(&'a [u8]),
    /// SSH_FXP_NAME
    Names(Names<'a>),
    /// SSH_FXP_ATTRS
    Attributes(Attributes),
    /// SSH_FXP_EXTENDED_REPLY
    ExtendedReply(&'a [u8]),
}

impl<'a> Response<'a> {
    /// Reads a whole packet, length word included, that is not SSH_FXP_VERSION.
    ///
    /// Data and handles end with their packet; after other answers servers may say more, which clients skip.
    pub fn parse(packet: &'a [u8]) -> Result<Self, SftpError> {
        let mut reader = Reader::new(packet)?;
        let kind = reader.kind();
        if !matches!(
            kind,
            number::STATUS..=number::ATTRS | number::EXTENDED_REPLY
        ) {
            return Err(SftpError::UnknownAnswer { kind });
        }
        Ok(Self {
            id: RequestId(reader.uint32()?),
            kind: ResponseKind::parse(&mut reader)?,
        })
    }
}

impl<'a> ResponseKind<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, SftpError> {
        Ok(match reader.kind() {
            number::STATUS => Self::Status {
                code: StatusCode(reader.uint32()?),
                message: if reader.is_at_end() {
                    b""
                } else {
                    reader.string()?
                },
            },
            number::HANDLE => Self::Handle(last_string(reader)?),
            number::DATA => Self::Data(last_string(reader)?),
            number::NAME => Self::Names(Names::parse(reader)?),
            number::ATTRS => Self::Attributes(Attributes::parse(reader)?),
            number::EXTENDED_REPLY => Self::ExtendedReply(reader.rest()),
            kind => return Err(SftpError::UnknownAnswer { kind }),
        })
    }

    /// The packet's name in the draft.
    pub(crate) fn name(&self) -> &'static str {
        number::name(match self {
            Self::Status { .. } => number::STATUS,
            Self::Handle(_) => number::HANDLE,
            Self::Data(_) => number::DATA,
            Self::Names(_) => number::NAME,
            Self::Attributes(_) => number::ATTRS,
            Self::ExtendedReply(_) => number::EXTENDED_REPLY,
        })
    }
}

fn last_string<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], SftpError> {
    let string = reader.string()?;
    reader.end()?;
    Ok(string)
}

/// The names of SSH_FXP_NAME, all of them checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    count: u32,
    entries: &'a [u8],
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name, without a directory where it is from a listing.
    pub name: &'a [u8],
    /// The line of `ls -l`, in the server's own form.
    pub line: &'a [u8],
    /// What else the server tells.
    pub attributes: Attributes,
}

impl<'a> Names<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, SftpError> {
        let count = reader.uint32()?;
        let entries = reader.rest();
        // Each takes bytes of the packet, so that a false count ends soon.
        for _ in 0..count {
            Entry::parse(reader)?;
        }
        Ok(Self { count, entries })
    }

    /// How many.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'a>> {
        let mut reader = Reader::inside(number::NAME, self.entries);
        (0..self.count).map_while(move |_| Entry::parse(&mut reader).ok())
    }
}

impl<'a> Entry<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, SftpError> {
        Ok(Self {
            name: reader.string()?,
            line: reader.string()?,
            attributes: Attributes::parse(reader)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Response, ResponseKind};
    use crate::status::StatusCode;

    #[test]
    fn a_status_may_come_without_its_message() {
        let bare = b"\0\0\0\x09\x65\0\0\0\x01\0\0\0\x04";
        let status = ResponseKind::Status {
            code: StatusCode::FAILURE,
            message: b"",
        };
        assert_eq!(Response::parse(bare).unwrap().kind, status);
        let cut = b"\0\0\0\x0e\x65\0\0\0\x01\0\0\0\x04\0\0\0\x02n";
        assert_eq!(Response::parse(cut).unwrap_err().code(), "truncated");
    }

    #[test]
    fn data_end_with_their_packet() {
        let data = b"\0\0\0\x0b\x67\0\0\0\x01\0\0\0\x02ab";
        assert_eq!(
            Response::parse(data).unwrap().kind,
            ResponseKind::Data(b"ab")
        );
        let more = [&data[..], b"c"].concat();
        assert_eq!(Response::parse(&more).unwrap_err().code(), "trailing");
        assert_eq!(
            Response::parse(&data[..14]).unwrap_err().code(),
            "truncated"
        );
    }

    #[test]
    fn names_are_counted() {
        let two = b"\0\0\0\0\x68\0\0\0\x01\0\0\0\x02\
            \0\0\0\x01a\0\0\0\x02-a\0\0\0\x01\0\0\0\0\0\0\0\x05\
            \0\0\0\x01b\0\0\0\0\0\0\0\0";
        let ResponseKind::Names(names) = Response::parse(two).unwrap().kind else {
            panic!("no names");
        };
        let sizes = names
            .iter()
            .map(|entry| (entry.name, entry.attributes.size));
        assert_eq!(
            sizes.collect::<Vec<_>>(),
            [(&b"a"[..], Some(5)), (b"b", None)]
        );
        let mut false_count = two.to_vec();
        false_count[9] = 0xff;
        assert_eq!(
            Response::parse(&false_count).unwrap_err().code(),
            "truncated"
        );
    }

    #[test]
    fn requests_are_no_answers() {
        for kind in [0, 1, 2, 3, 6, 20, 99, 106, 200, 202, 255] {
            let packet = [0, 0, 0, 5, kind, 0, 0, 0, 1];
            assert_eq!(
                Response::parse(&packet).unwrap_err().code(),
                "unknown_answer"
            );
        }
    }
}
