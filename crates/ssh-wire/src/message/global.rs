//! Requests for the whole connection (RFC 4254 section 7.1, OpenSSH PROTOCOL section 2).

use bytes::BytesMut;

use super::number;
use super::open::address;
use crate::encoding::{Put as _, Reader};
use crate::error::WireError;

/// `SSH_MSG_GLOBAL_REQUEST`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalRequest<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it wants to be answered.
    pub wants_reply: bool,
    /// What stands in it.
    pub rest: &'a [u8],
}

/// What a client asks a server to listen on for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding<'a> {
    /// An address and a port.
    Tcp {
        /// The address, as the client wrote it.
        host: &'a str,
        /// The port; 0 for any.
        port: u32,
    },
    /// A Unix socket.
    Stream {
        /// Where.
        path: &'a str,
    },
}

impl<'a> GlobalRequest<'a> {
    /// Reads the message.
    pub fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        reader.byte()?;
        Ok(Self {
            name: reader.text()?,
            wants_reply: reader.boolean()?,
            rest: reader.rest(),
        })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut BytesMut) {
        out.byte(number::GLOBAL_REQUEST)
            .string(self.name)
            .boolean(self.wants_reply)
            .raw(self.rest);
    }

    /// What it asks to listen on, or no longer to; `None` for other requests.
    pub fn forwarding(&self) -> Result<Option<Forwarding<'a>>, WireError> {
        let mut reader = Reader::new(self.rest);
        let forwarding = match self.name {
            "tcpip-forward" | "cancel-tcpip-forward" => Forwarding::Tcp {
                host: address(&mut reader)?,
                port: reader.uint32()?,
            },
            "streamlocal-forward@openssh.com" | "cancel-streamlocal-forward@openssh.com" => {
                Forwarding::Stream {
                    path: address(&mut reader)?,
                }
            }
            _ => return Ok(None),
        };
        reader.end()?;
        Ok(Some(forwarding))
    }
}

/// The port that a server has chosen where it was asked to listen on any, from its `SSH_MSG_REQUEST_SUCCESS`.
pub fn chosen_port(payload: &[u8]) -> Result<u32, WireError> {
    let mut reader = Reader::new(payload);
    reader.byte()?;
    let port = reader.uint32()?;
    reader.end()?;
    Ok(port)
}
