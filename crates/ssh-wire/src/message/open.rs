//! Opening channels (RFC 4254 sections 5.1, 6.3.2 and 7.2, OpenSSH PROTOCOL section 2.4).

use bytes::BytesMut;

use super::number;
use crate::encoding::{Put as _, Reader};
use crate::error::WireError;

/// Addresses, paths and names in these messages at most: a host name has 253 bytes, the path of a Unix socket 108.
const MAX_ADDRESS_BYTES: usize = 256;

/// `SSH_MSG_CHANNEL_OPEN`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelOpen<'a> {
    /// What for.
    pub kind: ChannelKind<'a>,
    /// The sender's number of the channel.
    pub sender: u32,
    /// What may be sent to the sender.
    pub window: u32,
    /// Data in one message at most.
    pub max_packet: u32,
}

/// Two ends of a forwarded connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Where it goes, or where it came in.
    pub host: &'a str,
    /// The port there.
    pub port: u32,
    /// Where it comes from.
    pub from_host: &'a str,
    /// The port there.
    pub from_port: u32,
}

/// What a channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind<'a> {
    /// A program, or a subsystem.
    Session,
    /// A connection from the client's side to somewhere that the server reaches.
    DirectTcp(Origin<'a>),
    /// A connection to a port that the server listens on for the client.
    ForwardedTcp(Origin<'a>),
    /// A connection to a Unix socket at the server.
    DirectStream {
        /// Where.
        path: &'a str,
    },
    /// A connection to a Unix socket that the server listens on for the client.
    ForwardedStream {
        /// Where.
        path: &'a str,
    },
    /// A client of the X window system.
    X11 {
        /// Where it comes from.
        from_host: &'a str,
        /// The port there.
        from_port: u32,
    },
    /// The client's key agent.
    Agent,
    /// Something else; its name.
    Other(&'a str),
}

impl ChannelKind<'_> {
    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Session => "session",
            Self::DirectTcp(_) => "direct-tcpip",
            Self::ForwardedTcp(_) => "forwarded-tcpip",
            Self::DirectStream { .. } => "direct-streamlocal@openssh.com",
            Self::ForwardedStream { .. } => "forwarded-streamlocal@openssh.com",
            Self::X11 { .. } => "x11",
            Self::Agent => "auth-agent@openssh.com",
            Self::Other(name) => name,
        }
    }
}

/// An address, a path or a name.
pub(super) fn address<'a>(reader: &mut Reader<'a>) -> Result<&'a str, WireError> {
    let address = reader.text()?;
    if address.len() > MAX_ADDRESS_BYTES {
        return Err(WireError::TooLong("address"));
    }
    Ok(address)
}

impl<'a> ChannelOpen<'a> {
    /// Reads the message.
    pub fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        reader.byte()?;
        let name = address(&mut reader)?;
        let (sender, window, max_packet) = (reader.uint32()?, reader.uint32()?, reader.uint32()?);
        let origin = |reader: &mut Reader<'a>| {
            Ok::<_, WireError>(Origin {
                host: address(reader)?,
                port: reader.uint32()?,
                from_host: address(reader)?,
                from_port: reader.uint32()?,
            })
        };
        let kind = match name {
            "session" => ChannelKind::Session,
            "direct-tcpip" => ChannelKind::DirectTcp(origin(&mut reader)?),
            "forwarded-tcpip" => ChannelKind::ForwardedTcp(origin(&mut reader)?),
            "direct-streamlocal@openssh.com" => {
                let path = address(&mut reader)?;
                reader.string()?;
                reader.uint32()?;
                ChannelKind::DirectStream { path }
            }
            "forwarded-streamlocal@openssh.com" => {
                let path = address(&mut reader)?;
                reader.string()?;
                ChannelKind::ForwardedStream { path }
            }
            "x11" => ChannelKind::X11 {
                from_host: address(&mut reader)?,
                from_port: reader.uint32()?,
            },
            "auth-agent@openssh.com" => ChannelKind::Agent,
            other => {
                return Ok(Self {
                    kind: ChannelKind::Other(other),
                    sender,
                    window,
                    max_packet,
                });
            }
        };
        reader.end()?;
        Ok(Self {
            kind,
            sender,
            window,
            max_packet,
        })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut BytesMut) {
        out.byte(number::CHANNEL_OPEN)
            .string(self.kind.name())
            .uint32(self.sender)
            .uint32(self.window)
            .uint32(self.max_packet);
        match self.kind {
            ChannelKind::Session | ChannelKind::Agent | ChannelKind::Other(_) => {}
            ChannelKind::DirectTcp(origin) | ChannelKind::ForwardedTcp(origin) => {
                out.string(origin.host).uint32(origin.port);
                out.string(origin.from_host).uint32(origin.from_port);
            }
            ChannelKind::DirectStream { path } => {
                out.string(path).string("").uint32(0);
            }
            ChannelKind::ForwardedStream { path } => {
                out.string(path).string("");
            }
            ChannelKind::X11 {
                from_host,
                from_port,
            } => {
                out.string(from_host).uint32(from_port);
            }
        }
    }
}

/// `SSH_MSG_CHANNEL_OPEN_CONFIRMATION`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Our number of the channel.
    pub recipient: u32,
    /// The sender's number of it.
    pub sender: u32,
    /// What may be sent to the sender.
    pub window: u32,
    /// Data in one message at most.
    pub max_packet: u32,
}

impl Confirmation {
    /// Reads the message. What a kind of channel adds to it is left out.
    pub fn decode(payload: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        reader.byte()?;
        Ok(Self {
            recipient: reader.uint32()?,
            sender: reader.uint32()?,
            window: reader.uint32()?,
            max_packet: reader.uint32()?,
        })
    }
}

/// Appends a confirmation.
pub fn confirm(out: &mut BytesMut, confirmation: &Confirmation) {
    out.byte(number::CHANNEL_OPEN_CONFIRMATION)
        .uint32(confirmation.recipient)
        .uint32(confirmation.sender)
        .uint32(confirmation.window)
        .uint32(confirmation.max_packet);
}

/// `SSH_MSG_CHANNEL_OPEN_FAILURE`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFailure<'a> {
    /// Our number of the channel.
    pub recipient: u32,
    /// Code of RFC 4254 section 5.1.
    pub reason: u32,
    /// For people.
    pub description: &'a [u8],
}

impl<'a> OpenFailure<'a> {
    /// By policy.
    pub const PROHIBITED: u32 = 1;
    /// Where it should go nobody answers.
    pub const CONNECT_FAILED: u32 = 2;
    /// There is no such kind.
    pub const UNKNOWN_KIND: u32 = 3;
    /// There are too many.
    pub const SHORTAGE: u32 = 4;

    /// Reads the message.
    pub fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        reader.byte()?;
        let failure = Self {
            recipient: reader.uint32()?,
            reason: reader.uint32()?,
            description: reader.string()?,
        };
        reader.string()?;
        reader.end()?;
        Ok(failure)
    }
}

/// Appends a refusal.
pub fn refuse(out: &mut BytesMut, recipient: u32, reason: u32, description: &[u8]) {
    out.byte(number::CHANNEL_OPEN_FAILURE)
        .uint32(recipient)
        .uint32(reason)
        .string(description)
        .string("");
}
