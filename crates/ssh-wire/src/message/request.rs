//! Requests on a channel (RFC 4254 section 6, RFC 4335, OpenSSH PROTOCOL section 2).

use bytes::BytesMut;

use super::number;
use crate::encoding::{Put as _, Reader};
use crate::error::WireError;

/// Bytes of a command at most: the longest that Linux runs as one argument.
pub const MAX_COMMAND_BYTES: usize = 128 * 1024;
/// Bytes of other values in requests at most.
const MAX_VALUE_BYTES: usize = 32 * 1024;

/// `SSH_MSG_CHANNEL_REQUEST`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRequest<'a> {
    /// Our number of the channel.
    pub recipient: u32,
    /// Whether it wants to be answered.
    pub wants_reply: bool,
    /// What it asks for.
    pub kind: RequestKind<'a>,
}

/// A terminal's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters in a line.
    pub columns: u32,
    /// Lines.
    pub rows: u32,
    /// Pixels across; 0 is not known.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestKind<'a> {
    /// A terminal.
    Pty {
        /// `TERM`
        terminal: &'a str,
        /// Its size.
        size: TerminalSize,
        /// Encoded modes (RFC 4254 section 8).
        modes: &'a [u8],
    },
    /// The terminal has another size.
    WindowChange(TerminalSize),
    /// An environment variable.
    Environment {
        /// Its name.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// The account's shell.
    Shell,
    /// A command for that shell.
    Exec(&'a [u8]),
    /// A subsystem.
    Subsystem(&'a [u8]),
    /// A signal for the program, without `SIG`.
    Signal(&'a str),
    /// A break on the terminal, for so many milliseconds.
    Break(u32),
    /// The program has ended with this status.
    ExitStatus(u32),
    /// A signal has ended the program.
    ExitSignal {
        /// Without `SIG`.
        signal: &'a str,
        /// It left its memory on disk.
        dumped_core: bool,
        /// For people.
        message: &'a [u8],
        /// Language of that.
        language: &'a [u8],
    },
    /// The client may control output by itself.
    XonXoff(bool),
    /// Clients of the X window system are to reach the client.
    X11 {
        /// One of them only.
        single: bool,
        /// How they prove themselves.
        protocol: &'a [u8],
        /// With this.
        cookie: &'a [u8],
        /// Screen.
        screen: u32,
    },
    /// The client's key agent is to be reached from the server.
    Agent,
    /// The reader at the other side has gone (OpenSSH).
    EndOfWrite,
    /// Something else.
    Other {
        /// Its name.
        name: &'a str,
        /// What stands in it.
        rest: &'a [u8],
    },
}

impl RequestKind<'_> {
    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Pty { .. } => "pty-req",
            Self::WindowChange(_) => "window-change",
            Self::Environment { .. } => "env",
            Self::Shell => "shell",
            Self::Exec(_) => "exec",
            Self::Subsystem(_) => "subsystem",
            Self::Signal(_) => "signal",
            Self::Break(_) => "break",
            Self::ExitStatus(_) => "exit-status",
            Self::ExitSignal { .. } => "exit-signal",
            Self::XonXoff(_) => "xon-xoff",
            Self::X11 { .. } => "x11-req",
            Self::Agent => "auth-agent-req@openssh.com",
            Self::EndOfWrite => "eow@openssh.com",
            Self::Other { name, .. } => name,
        }
    }
}

fn size(reader: &mut Reader<'_>) -> Result<TerminalSize, WireError> {
    Ok(TerminalSize {
        columns: reader.uint32()?,
        rows: reader.uint32()?,
        width: reader.uint32()?,
        height: reader.uint32()?,
    })
}

fn limited<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], WireError> {
    let value = reader.string()?;
    if value.len() > MAX_VALUE_BYTES {
        return Err(WireError::TooLong(what));
    }
    Ok(value)
}

impl<'a> ChannelRequest<'a> {
    /// Reads the message.
    pub fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        reader.byte()?;
        let recipient = reader.uint32()?;
        let name = reader.text()?;
        let wants_reply = reader.boolean()?;
        let kind = match name {
            "pty-req" => RequestKind::Pty {
                terminal: reader.text()?,
                size: size(&mut reader)?,
                modes: limited(&mut reader, "terminal modes")?,
            },
            "window-change" => RequestKind::WindowChange(size(&mut reader)?),
            "env" => RequestKind::Environment {
                name: limited(&mut reader, "name of a variable")?,
                value: limited(&mut reader, "variable")?,
            },
            "shell" => RequestKind::Shell,
            "exec" => {
                let command = reader.string()?;
                if command.len() > MAX_COMMAND_BYTES {
                    return Err(WireError::TooLong("command"));
                }
                RequestKind::Exec(command)
            }
            "subsystem" => RequestKind::Subsystem(limited(&mut reader, "subsystem")?),
            "signal" => RequestKind::Signal(reader.text()?),
            "break" => RequestKind::Break(reader.uint32()?),
            "exit-status" => RequestKind::ExitStatus(reader.uint32()?),
            "exit-signal" => RequestKind::ExitSignal {
                signal: reader.text()?,
                dumped_core: reader.boolean()?,
                message: limited(&mut reader, "message")?,
                language: limited(&mut reader, "language")?,
            },
            "xon-xoff" => RequestKind::XonXoff(reader.boolean()?),
            "x11-req" => RequestKind::X11 {
                single: reader.boolean()?,
                protocol: limited(&mut reader, "protocol")?,
                cookie: limited(&mut reader, "cookie")?,
                screen: reader.uint32()?,
            },
            "auth-agent-req@openssh.com" => RequestKind::Agent,
            "eow@openssh.com" => RequestKind::EndOfWrite,
            name => {
                return Ok(Self {
                    recipient,
                    wants_reply,
                    kind: RequestKind::Other {
                        name,
                        rest: reader.rest(),
                    },
                });
            }
        };
        reader.end()?;
        Ok(Self {
            recipient,
            wants_reply,
            kind,
        })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut BytesMut) {
        out.byte(number::CHANNEL_REQUEST)
            .uint32(self.recipient)
            .string(self.kind.name())
            .boolean(self.wants_reply);
        match &self.kind {
            RequestKind::Pty {
                terminal,
                size,
                modes,
            } => {
                out.string(terminal);
                encode_size(out, *size);
                out.string(modes);
            }
            RequestKind::WindowChange(size) => encode_size(out, *size),
            RequestKind::Environment { name, value } => {
                out.string(name).string(value);
            }
            RequestKind::Shell | RequestKind::Agent | RequestKind::EndOfWrite => {}
            RequestKind::Exec(value) | RequestKind::Subsystem(value) => {
                out.string(value);
            }
            RequestKind::Signal(signal) => {
                out.string(signal);
            }
            RequestKind::Break(number) | RequestKind::ExitStatus(number) => {
                out.uint32(*number);
            }
            RequestKind::ExitSignal {
                signal,
                dumped_core,
                message,
                language,
            } => {
                out.string(signal)
                    .boolean(*dumped_core)
                    .string(message)
                    .string(language);
            }
            RequestKind::XonXoff(may) => {
                out.boolean(*may);
            }
            RequestKind::X11 {
                single,
                protocol,
                cookie,
                screen,
            } => {
                out.boolean(*single)
                    .string(protocol)
                    .string(cookie)
                    .uint32(*screen);
            }
            RequestKind::Other { rest, .. } => {
                out.raw(rest);
            }
        }
    }
}

fn encode_size(out: &mut BytesMut, size: TerminalSize) {
    out.uint32(size.columns)
        .uint32(size.rows)
        .uint32(size.width)
        .uint32(size.height);
}
