//! Messages of the client.

mod bind;
mod copy_fail;
mod execute;
mod frame;
mod function_call;
mod parse;
mod password;
mod query;
mod target;

pub use bind::Bind;
pub use copy_fail::CopyFail;
pub use execute::Execute;
pub use frame::{Frame, MAX_PASSWORD_FRAME_BYTES, MAX_SMALL_FRAME_BYTES, frame};
pub use function_call::FunctionCall;
pub use parse::Parse;
pub use password::{PasswordMessage, SaslInitialResponse, encode_sasl_response};
pub use query::Query;
pub use target::{Target, TargetKind};

use super::reader::Reader;
use super::{Tag, WireError};

/// Type bytes of frontend messages.
pub mod tag {
    /// `Bind`
    pub const BIND: u8 = b'B';
    /// `Close`
    pub const CLOSE: u8 = b'C';
    /// `CopyData`
    pub const COPY_DATA: u8 = b'd';
    /// `CopyDone`
    pub const COPY_DONE: u8 = b'c';
    /// `CopyFail`
    pub const COPY_FAIL: u8 = b'f';
    /// `Describe`
    pub const DESCRIBE: u8 = b'D';
    /// `Execute`
    pub const EXECUTE: u8 = b'E';
    /// `Flush`
    pub const FLUSH: u8 = b'H';
    /// `FunctionCall`
    pub const FUNCTION_CALL: u8 = b'F';
    /// `Parse`
    pub const PARSE: u8 = b'P';
    /// `PasswordMessage`, `SASLInitialResponse`, `SASLResponse`, `GSSResponse`
    pub const PASSWORD: u8 = b'p';
    /// `Query`
    pub const QUERY: u8 = b'Q';
    /// `Sync`
    pub const SYNC: u8 = b'S';
    /// `Terminate`
    pub const TERMINATE: u8 = b'X';
}

/// One complete message of the client, borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontendMessage<'a> {
    /// Makes a portal of a statement and parameters.
    Bind(Bind<'a>),
    /// Closes a statement or portal.
    Close(Target<'a>),
    /// A piece of COPY input.
    CopyData(&'a [u8]),
    /// COPY input is complete.
    CopyDone,
    /// COPY input is given up.
    CopyFail(CopyFail<'a>),
    /// Asks for the columns of a statement or portal.
    Describe(Target<'a>),
    /// Runs a portal.
    Execute(Execute<'a>),
    /// Asks for the answers so far.
    Flush,
    /// Calls a function by OID.
    FunctionCall(FunctionCall<'a>),
    /// Prepares a statement.
    Parse(Parse<'a>),
    /// The body of an authentication message: which one it is depends on what the server asked for.
    Password(&'a [u8]),
    /// Runs one or several statements.
    Query(Query<'a>),
    /// Ends an extended-query pipeline.
    Sync,
    /// Says good-bye.
    Terminate,
}

impl<'a> FrontendMessage<'a> {
    /// Reads a message from its tag and whole body. Bytes left over are an error.
    pub fn parse(message_tag: u8, body: &'a [u8]) -> Result<Self, WireError> {
        Ok(match message_tag {
            tag::BIND => Self::Bind(Bind::parse(body)?),
            tag::CLOSE => Self::Close(Target::parse("Close", body)?),
            tag::COPY_DATA => Self::CopyData(body),
            tag::COPY_DONE => empty("CopyDone", body, Self::CopyDone)?,
            tag::COPY_FAIL => Self::CopyFail(CopyFail::parse(body)?),
            tag::DESCRIBE => Self::Describe(Target::parse("Describe", body)?),
            tag::EXECUTE => Self::Execute(Execute::parse(body)?),
            tag::FLUSH => empty("Flush", body, Self::Flush)?,
            tag::FUNCTION_CALL => Self::FunctionCall(FunctionCall::parse(body)?),
            tag::PARSE => Self::Parse(Parse::parse(body)?),
            tag::PASSWORD => Self::Password(body),
            tag::QUERY => Self::Query(Query::parse(body)?),
            tag::SYNC => empty("Sync", body, Self::Sync)?,
            tag::TERMINATE => empty("Terminate", body, Self::Terminate)?,
            other => return Err(WireError::UnknownFrontendTag(Tag(other))),
        })
    }
}

/// Appends a `Sync`.
pub fn encode_sync(out: &mut Vec<u8>) {
    out.extend([tag::SYNC, 0, 0, 0, 4]);
}

/// Appends a `Terminate`.
pub fn encode_terminate(out: &mut Vec<u8>) {
    out.extend([tag::TERMINATE, 0, 0, 0, 4]);
}

fn empty<'a>(
    name: &'static str,
    body: &[u8],
    message: FrontendMessage<'a>,
) -> Result<FrontendMessage<'a>, WireError> {
    Reader::new(name, body).finish().map(|()| message)
}

#[cfg(test)]
mod tests;
