//! The first packet of a connection, which has no type byte.

mod cancel_request;
mod message;
mod parameters;

pub use cancel_request::CancelRequest;
pub use message::{PROTOCOL_3_0, PROTOCOL_3_2, encode_startup_message};
pub use parameters::Parameters;

use super::WireError;
use super::reader::Reader;

/// Longest first packet: PostgreSQL's `MAX_STARTUP_PACKET_LENGTH`.
pub const MAX_STARTUP_BYTES: usize = 10_000;
/// First byte of a TLS record that carries a handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_ENC_REQUEST: u32 = 80_877_104;

/// What a client opens its connection with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartupPacket<'a> {
    /// TLS from the first byte on (PostgreSQL 17 and later). Consumes nothing: the bytes belong to TLS.
    DirectTls,
    /// Asks whether TLS is spoken; answered with one byte.
    SslRequest,
    /// Asks whether GSSAPI encryption is spoken; answered with one byte.
    GssEncRequest,
    /// Asks to interrupt a statement of another connection.
    CancelRequest(CancelRequest<'a>),
    /// Begins a session.
    Startup {
        /// Major version, which is 3, and minor version as asked for.
        version: (u16, u16),
        /// User, database and settings.
        parameters: Parameters<'a>,
    },
}

/// Reads the packet at the front of `buffer`, and how many bytes it has. `None`: more bytes are needed.
///
/// # Errors
/// As soon as the bytes cannot become a packet; with fewer than four bytes, when the first can be neither a length
/// nor TLS.
pub fn decode(buffer: &[u8]) -> Result<Option<(StartupPacket<'_>, usize)>, WireError> {
    match buffer.first() {
        None => return Ok(None),
        Some(&TLS_HANDSHAKE) => return Ok(Some((StartupPacket::DirectTls, 0))),
        // No length up to the limit begins otherwise; HTTP and the like end here.
        Some(&first) if first != 0 => return Err(WireError::StartupLength(padded(buffer))),
        Some(_) => {}
    }
    let Some((length, rest)) = buffer.split_first_chunk() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(*length);
    let total = usize::try_from(length)
        .ok()
        .filter(|total| (8..=MAX_STARTUP_BYTES).contains(total))
        .ok_or(WireError::StartupLength(length))?;
    let Some(body) = rest.get(..total - 4) else {
        return Ok(None);
    };
    Ok(Some((packet(body)?, total)))
}

/// Appends an `SSLRequest`.
pub fn encode_ssl_request(out: &mut Vec<u8>) {
    out.extend(8_u32.to_be_bytes());
    out.extend(SSL_REQUEST.to_be_bytes());
}

fn packet(body: &[u8]) -> Result<StartupPacket<'_>, WireError> {
    let mut reader = Reader::new("StartupMessage", body);
    match reader.u32()? {
        SSL_REQUEST => reader.finish().map(|()| StartupPacket::SslRequest),
        GSS_ENC_REQUEST => reader.finish().map(|()| StartupPacket::GssEncRequest),
        CANCEL_REQUEST => CancelRequest::parse(reader.rest()).map(StartupPacket::CancelRequest),
        code => {
            let version = ((code >> 16) as u16, code as u16);
            if version.0 != 3 {
                return Err(WireError::UnsupportedProtocol {
                    major: version.0,
                    minor: version.1,
                });
            }
            let parameters = Parameters::parse(reader)?;
            Ok(StartupPacket::Startup {
                version,
                parameters,
            })
        }
    }
}

/// The length word of which perhaps not all bytes are there.
fn padded(buffer: &[u8]) -> i32 {
    let mut length = [0; 4];
    for (slot, byte) in length.iter_mut().zip(buffer) {
        *slot = *byte;
    }
    i32::from_be_bytes(length)
}

#[cfg(test)]
mod tests;
