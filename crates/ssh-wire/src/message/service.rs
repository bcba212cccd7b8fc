//! Asking for a service (RFC 4253 section 10).

use bytes::BytesMut;

use super::number;
use crate::encoding::{Put as _, Reader};
use crate::error::WireError;

/// Authentication, the first service.
pub const SERVICE_AUTHENTICATION: &str = "ssh-userauth";
/// Connection, the service that authentication is for.
pub const SERVICE_CONNECTION: &str = "ssh-connection";

/// The name in a request, or in its acceptance.
pub fn service_name(payload: &[u8]) -> Result<&[u8], WireError> {
    let mut reader = Reader::new(payload);
    reader.byte()?;
    let name = reader.string()?;
    reader.end()?;
    Ok(name)
}

/// Asks for a service.
pub fn request_service(out: &mut BytesMut, name: &str) {
    out.byte(number::SERVICE_REQUEST).string(name);
}

/// Accepts a request.
pub fn accept_service(out: &mut BytesMut, name: &str) {
    out.byte(number::SERVICE_ACCEPT).string(name);
}
