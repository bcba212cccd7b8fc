//! Messages of the server.

mod authentication;
mod command_complete;
mod copy_response;
mod data_row;
mod error_response;
mod function_call_response;
mod key_data;
mod negotiate_version;
mod notification;
mod parameter_description;
mod parameter_status;
mod ready_for_query;
mod row_description;
mod walker;

pub use authentication::{Authentication, Mechanisms};
pub use command_complete::CommandComplete;
pub use copy_response::CopyResponse;
pub use data_row::DataRow;
pub use error_response::{ErrorFields, ErrorReport, Severity};
pub use function_call_response::FunctionCallResponse;
pub use key_data::{BackendKeyData, CANCEL_KEY_BYTES};
pub use negotiate_version::NegotiateProtocolVersion;
pub use notification::NotificationResponse;
pub use parameter_description::ParameterDescription;
pub use parameter_status::ParameterStatus;
pub use ready_for_query::TransactionStatus;
pub use row_description::{Field, RowDescription, RowFields};
pub use walker::{Event, MAX_LARGE_MESSAGE_BYTES, MAX_SMALL_MESSAGE_BYTES, Step, Walker};

use super::reader::Reader;
use super::{Tag, Values, WireError};

/// Type bytes of backend messages.
pub mod tag {
    /// Authentication…
    pub const AUTHENTICATION: u8 = b'R';
    /// `BackendKeyData`
    pub const BACKEND_KEY_DATA: u8 = b'K';
    /// `BindComplete`
    pub const BIND_COMPLETE: u8 = b'2';
    /// `CloseComplete`
    pub const CLOSE_COMPLETE: u8 = b'3';
    /// `CommandComplete`
    pub const COMMAND_COMPLETE: u8 = b'C';
    /// `CopyData`
    pub const COPY_DATA: u8 = b'd';
    /// `CopyDone`
    pub const COPY_DONE: u8 = b'c';
    /// `CopyInResponse`
    pub const COPY_IN_RESPONSE: u8 = b'G';
    /// `CopyOutResponse`
    pub const COPY_OUT_RESPONSE: u8 = b'H';
    /// `CopyBothResponse`
    pub const COPY_BOTH_RESPONSE: u8 = b'W';
    /// `DataRow`
    pub const DATA_ROW: u8 = b'D';
    /// `EmptyQueryResponse`
    pub const EMPTY_QUERY_RESPONSE: u8 = b'I';
    /// `ErrorResponse`
    pub const ERROR_RESPONSE: u8 = b'E';
    /// `FunctionCallResponse`
    pub const FUNCTION_CALL_RESPONSE: u8 = b'V';
    /// `NegotiateProtocolVersion`
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
    /// `NoData`
    pub const NO_DATA: u8 = b'n';
    /// `NoticeResponse`
    pub const NOTICE_RESPONSE: u8 = b'N';
    /// `NotificationResponse`
    pub const NOTIFICATION_RESPONSE: u8 = b'A';
    /// `ParameterDescription`
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    /// `ParameterStatus`
    pub const PARAMETER_STATUS: u8 = b'S';
    /// `ParseComplete`
    pub const PARSE_COMPLETE: u8 = b'1';
    /// `PortalSuspended`
    pub const PORTAL_SUSPENDED: u8 = b's';
    /// `ReadyForQuery`
    pub const READY_FOR_QUERY: u8 = b'Z';
    /// `RowDescription`
    pub const ROW_DESCRIPTION: u8 = b'T';
}

/// One complete message of the server, borrowed from its bytes.
#[derive(Clone, Copy, Debug)]
pub enum BackendMessage<'a> {
    /// A step of authentication.
    Authentication(Authentication<'a>),
    /// What a later cancel request must present.
    BackendKeyData(BackendKeyData<'a>),
    /// A portal was made.
    BindComplete,
    /// A statement or portal was closed.
    CloseComplete,
    /// A command ended well.
    CommandComplete(CommandComplete<'a>),
    /// A piece of COPY output.
    CopyData(&'a [u8]),
    /// COPY output ended.
    CopyDone,
    /// The server waits for COPY input.
    CopyInResponse(CopyResponse<'a>),
    /// COPY output follows.
    CopyOutResponse(CopyResponse<'a>),
    /// Replication: both ways.
    CopyBothResponse(CopyResponse<'a>),
    /// A row.
    DataRow(DataRow<'a>),
    /// The answer to an empty query.
    EmptyQueryResponse,
    /// A failure.
    ErrorResponse(ErrorFields<'a>),
    /// The result of a function call.
    FunctionCallResponse(FunctionCallResponse<'a>),
    /// The server speaks an older minor version, or does not know some options.
    NegotiateProtocolVersion(NegotiateProtocolVersion<'a>),
    /// The statement returns no rows.
    NoData,
    /// A warning or information.
    NoticeResponse(ErrorFields<'a>),
    /// Somebody notified a channel.
    NotificationResponse(NotificationResponse<'a>),
    /// Types of a statement's parameters.
    ParameterDescription(ParameterDescription<'a>),
    /// The value of a run-time parameter.
    ParameterStatus(ParameterStatus<'a>),
    /// A statement was prepared.
    ParseComplete,
    /// The row limit of Execute was reached.
    PortalSuspended,
    /// The server waits for the next command.
    ReadyForQuery(TransactionStatus),
    /// The columns of the rows that follow.
    RowDescription(RowDescription<'a>),
}

impl<'a> BackendMessage<'a> {
    /// Reads a message from its tag and whole body. Bytes left over are an error.
    pub fn parse(message_tag: u8, body: &'a [u8]) -> Result<Self, WireError> {
        Ok(match message_tag {
            tag::AUTHENTICATION => Self::Authentication(Authentication::parse(body)?),
            tag::BACKEND_KEY_DATA => Self::BackendKeyData(BackendKeyData::parse(body)?),
            tag::BIND_COMPLETE => empty("BindComplete", body, Self::BindComplete)?,
            tag::CLOSE_COMPLETE => empty("CloseComplete", body, Self::CloseComplete)?,
            tag::COMMAND_COMPLETE => Self::CommandComplete(CommandComplete::parse(body)?),
            tag::COPY_DATA => Self::CopyData(body),
            tag::COPY_DONE => empty("CopyDone", body, Self::CopyDone)?,
            tag::COPY_IN_RESPONSE => Self::CopyInResponse(CopyResponse::parse(body)?),
            tag::COPY_OUT_RESPONSE => Self::CopyOutResponse(CopyResponse::parse(body)?),
            tag::COPY_BOTH_RESPONSE => Self::CopyBothResponse(CopyResponse::parse(body)?),
            tag::DATA_ROW => Self::DataRow(DataRow::parse(body)?),
            tag::EMPTY_QUERY_RESPONSE => {
                empty("EmptyQueryResponse", body, Self::EmptyQueryResponse)?
            }
            tag::ERROR_RESPONSE => Self::ErrorResponse(ErrorFields::parse(body)?),
            tag::FUNCTION_CALL_RESPONSE => {
                Self::FunctionCallResponse(FunctionCallResponse::parse(body)?)
            }
            tag::NEGOTIATE_PROTOCOL_VERSION => {
                Self::NegotiateProtocolVersion(NegotiateProtocolVersion::parse(body)?)
            }
            tag::NO_DATA => empty("NoData", body, Self::NoData)?,
            tag::NOTICE_RESPONSE => Self::NoticeResponse(ErrorFields::parse(body)?),
            tag::NOTIFICATION_RESPONSE => {
                Self::NotificationResponse(NotificationResponse::parse(body)?)
            }
            tag::PARAMETER_DESCRIPTION => {
                Self::ParameterDescription(ParameterDescription::parse(body)?)
            }
            tag::PARAMETER_STATUS => Self::ParameterStatus(ParameterStatus::parse(body)?),
            tag::PARSE_COMPLETE => empty("ParseComplete", body, Self::ParseComplete)?,
            tag::PORTAL_SUSPENDED => empty("PortalSuspended", body, Self::PortalSuspended)?,
            tag::READY_FOR_QUERY => Self::ReadyForQuery(TransactionStatus::parse(body)?),
            tag::ROW_DESCRIPTION => Self::RowDescription(RowDescription::parse(body)?),
            other => return Err(WireError::UnknownBackendTag(Tag(other))),
        })
    }
}

fn empty<'a>(
    name: &'static str,
    body: &[u8],
    message: BackendMessage<'a>,
) -> Result<BackendMessage<'a>, WireError> {
    Reader::new(name, body).finish().map(|()| message)
}

#[cfg(test)]
mod tests;
