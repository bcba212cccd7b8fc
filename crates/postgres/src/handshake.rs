//! From the first byte to the startup message: TLS, declined GSSAPI, cancel requests, version negotiation.

use std::borrow::Cow;

use bytes::BytesMut;
use custos_session::{Accepted, Session, SessionError, Stream};
use custos_sql::startup_settings;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::client::{Client, protocol_error};
use crate::wire::WireError;
use crate::wire::backend::NegotiateProtocolVersion;
use crate::wire::startup::{self, CancelRequest, StartupPacket};

/// First byte of a TLS record that holds a handshake message (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// The newest protocol minor version that the gateway speaks: 3.2.
const NEWEST_MINOR: u16 = 2;

/// The setting that names a resource where the credential does not.
const RESOURCE: &str = "custos.resource";
/// The setting that says why a session is opened.
const REASON: &str = "custos.reason";
/// The setting by which a client comes again for what was approved meanwhile.
const APPROVAL: &str = "custos.approval";
/// How such a token begins; hexadecimal digits follow.
const TOKEN_PREFIX: &str = "cua_";
/// The setting by which a client asks for another way to sign in.
const AUTHENTICATION: &str = "custos.auth";

/// What the client came for.
#[derive(Debug)]
pub(crate) enum Greeting {
    /// To cancel what another connection runs.
    Cancel { process_id: i32, secret: Vec<u8> },
    /// To open a session.
    Startup(Startup),
}

/// A startup message.
#[derive(Debug)]
pub(crate) struct Startup {
    /// The minor version that both sides speak now: 0 or 2.
    pub(crate) minor: u16,
    pub(crate) user: String,
    pub(crate) database: Option<String>,
    /// Everything else, in order.
    pub(crate) settings: Vec<(String, String)>,
    /// NegotiateProtocolVersion, if one is due.
    pub(crate) negotiation: Vec<u8>,
}

impl Startup {
    /// The resource that the client wants: the setting `custos.resource`, else its database, where `shop` stands for
    /// `postgres/shop`, else, as with libpq, its login name.
    pub(crate) fn resource(&self) -> String {
        self.setting(RESOURCE).unwrap_or_else(|| {
            let database = self.database.as_deref().unwrap_or(&self.user);
            format!("postgres/{database}")
        })
    }

    /// Whether the client wants to sign in with an OAuth token, which it says by `custos.auth=oauth`.
    ///
    /// # Errors
    /// Any other word: whoever asks for something should not get something else.
    pub(crate) fn wants_oauth(&self) -> Result<bool, SessionError> {
        match self.setting(AUTHENTICATION).as_deref() {
            None => Ok(false),
            Some("oauth") => Ok(true),
            Some(_) => Err(SessionError::ClientProtocol {
                what: format!("the setting {AUTHENTICATION} knows the value \"oauth\" only"),
                code: "22023",
            }),
        }
    }

    /// Why it comes.
    pub(crate) fn reason(&self) -> Option<String> {
        self.setting(REASON)
    }

    /// The token for what was approved meanwhile.
    pub(crate) fn token(&self) -> Option<String> {
        self.setting(APPROVAL)
    }

    /// All settings as they may be recorded: of a token by which clients come again, only that there was one.
    pub(crate) fn settings_without_tokens(&self) -> Vec<(&str, Cow<'_, str>)> {
        let settings = self.settings.iter();
        settings
            .map(|(name, value)| (name.as_str(), without_tokens(value)))
            .collect()
    }

    /// A setting of ours, given by itself or in `options` (as libpq's `PGOPTIONS` does).
    fn setting(&self, name: &str) -> Option<String> {
        let own = self.settings.iter().find(|(own, _)| own == name);
        if let Some((_, value)) = own {
            return Some(value.clone());
        }
        let (_, options) = self.settings.iter().find(|(own, _)| own == "options")?;
        let settings = startup_settings(options)?;
        let found = settings.into_iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value)
    }
}

/// In `options` a backslash may stand before any character.
fn without_tokens(value: &str) -> Cow<'_, str> {
    let plain = value.replace('\\', "");
    let mut pieces = plain.split(TOKEN_PREFIX);
    let before = pieces.next().unwrap_or_default();
    if before.len() == plain.len() {
        return Cow::Borrowed(value);
    }
    let mut told = before.to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
        told.extend([TOKEN_PREFIX, "…", rest]);
    }
    Cow::Owned(told)
}

/// Runs the handshake. Refusals are told to the client here.
pub(crate) async fn handshake(
    stream: TcpStream,
    session: &mut Session<Accepted>,
) -> Result<(Client, Greeting), SessionError> {
    let id = session.id();
    let mut client = secure(stream, session).await?;
    match greeting(&mut client, session).await {
        Ok(greeting) => Ok((client, greeting)),
        Err(error) => {
            client.farewell(&error, "", id).await;
            Err(error)
        }
    }
}

/// The first packets up to TLS, or to whatever comes without it.
async fn secure(
    stream: TcpStream,
    session: &mut Session<Accepted>,
) -> Result<Client, SessionError> {
    let mut first = [0; 1];
    let peeked = stream
        .peek(&mut first)
        .await
        .map_err(SessionError::Client)?;
    if peeked == 1 && first == [TLS_HANDSHAKE] {
        return direct_tls(stream, session).await;
    }
    let mut client = Client::new(Stream::Plain(stream), BytesMut::with_capacity(1024));
    let mut gss_declined = false;
    loop {
        let (request, length) = match next_packet(&mut client).await? {
            (StartupPacketKind::Ssl, length) => (b'S', length),
            (StartupPacketKind::Gss, length) => (b'G', length),
            (StartupPacketKind::Other, _) => return Ok(client),
        };
        drop(client.buffer.split_to(length));
        if !client.buffer.is_empty() {
            // Sent before the encryption that it asks for, so anyone may have put it in (CVE-2021-23214).
            return Err(refused(
                client,
                session,
                "received unencrypted data after an encryption request",
            )
            .await);
        }
        match request {
            b'G' if !gss_declined => {
                gss_declined = true;
                client.send(b"N").await?;
            }
            b'S' if session.requires_tls() => {
                client.send(b"S").await?;
                let Stream::Plain(plain) = client.stream else {
                    return Err(SessionError::Internal("TLS inside TLS"));
                };
                let stream = session.start_tls(plain).await?;
                return Ok(Client::new(stream, BytesMut::with_capacity(1024)));
            }
            b'S' => client.send(b"N").await?,
            _ => return Err(refused(client, session, "repeated GSSAPI encryption request").await),
        }
    }
}

/// TLS from the first byte, for which ALPN is mandatory (PostgreSQL 17).
async fn direct_tls(
    stream: TcpStream,
    session: &mut Session<Accepted>,
) -> Result<Client, SessionError> {
    if !session.requires_tls() {
        return Err(SessionError::ClientProtocol {
            what: "this listener has no TLS".to_owned(),
            code: "08P01",
        });
    }
    let stream = session.start_tls(stream).await?;
    let agreed = stream.alpn().is_some();
    let client = Client::new(stream, BytesMut::with_capacity(1024));
    if agreed {
        return Ok(client);
    }
    Err(refused(
        client,
        session,
        "direct TLS without the ALPN name \"postgresql\"",
    )
    .await)
}

async fn greeting(
    client: &mut Client,
    session: &mut Session<Accepted>,
) -> Result<Greeting, SessionError> {
    next_packet(client).await?;
    let decoded = startup::decode(&client.buffer).map_err(|error| protocol_error(&error))?;
    let (greeting, length) = match decoded {
        Some((StartupPacket::CancelRequest(CancelRequest { process_id, key }), length)) => (
            Greeting::Cancel {
                process_id,
                secret: key.to_vec(),
            },
            length,
        ),
        Some((
            StartupPacket::Startup {
                version,
                parameters,
            },
            length,
        )) => {
            if session.requires_tls() && matches!(client.stream, Stream::Plain(_)) {
                return Err(SessionError::ClientProtocol {
                    what: "this listener requires TLS: connect with sslmode=verify-full".to_owned(),
                    code: "28000",
                });
            }
            (
                Greeting::Startup(startup_message(version, parameters)?),
                length,
            )
        }
        _ => {
            return Err(SessionError::ClientProtocol {
                what: "encryption request out of order".to_owned(),
                code: "08P01",
            });
        }
    };
    drop(client.buffer.split_to(length));
    Ok(greeting)
}

fn startup_message(
    (_, minor): (u16, u16),
    parameters: startup::Parameters<'_>,
) -> Result<Startup, SessionError> {
    let mut startup = Startup {
        // 3.1 was never a version.
        minor: if minor >= NEWEST_MINOR {
            NEWEST_MINOR
        } else {
            0
        },
        user: String::new(),
        database: None,
        settings: Vec::new(),
        negotiation: Vec::new(),
    };
    let mut unknown_options: Vec<&[u8]> = Vec::new();
    for (name, value) in parameters.iter() {
        let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else {
            return Err(SessionError::ClientProtocol {
                what: "startup parameters must be UTF-8".to_owned(),
                code: "08P01",
            });
        };
        match name {
            "user" => value.clone_into(&mut startup.user),
            "database" => startup.database = Some(value.to_owned()),
            "replication" if !is_false(value) => {
                return Err(SessionError::Unsupported(
                    crate::refusal::Refusal::replication().message,
                ));
            }
            "replication" => {}
            name if name.starts_with("_pq_.") => unknown_options.push(name.as_bytes()),
            name => startup.settings.push((name.to_owned(), value.to_owned())),
        }
    }
    if startup.user.is_empty() {
        return Err(SessionError::ClientProtocol {
            what: "no PostgreSQL user name specified in startup packet".to_owned(),
            code: "28000",
        });
    }
    if startup.minor != minor || !unknown_options.is_empty() {
        NegotiateProtocolVersion::encode(startup.minor, &unknown_options, &mut startup.negotiation)
            .map_err(|error| protocol_error(&error))?;
    }
    Ok(startup)
}

/// The spellings of false for a boolean (PostgreSQL documentation, "Boolean Type").
fn is_false(value: &str) -> bool {
    matches!(value, "false" | "off" | "no" | "0" | "f" | "n")
}

enum StartupPacketKind {
    Ssl,
    Gss,
    Other,
}

/// Reads until a whole packet stands at the front of the buffer; its kind and length.
async fn next_packet(client: &mut Client) -> Result<(StartupPacketKind, usize), SessionError> {
    loop {
        let decoded = startup::decode(&client.buffer).map_err(|error| refused_packet(&error))?;
        if let Some((packet, length)) = decoded {
            let kind = match packet {
                StartupPacket::SslRequest => StartupPacketKind::Ssl,
                StartupPacket::GssEncRequest => StartupPacketKind::Gss,
                _ => StartupPacketKind::Other,
            };
            return Ok((kind, length));
        }
        let read = client
            .stream
            .read_buf(&mut client.buffer)
            .await
            .map_err(SessionError::Client)?;
        if read == 0 {
            return Err(SessionError::Client(
                std::io::ErrorKind::UnexpectedEof.into(),
            ));
        }
    }
}

fn refused_packet(error: &WireError) -> SessionError {
    match error {
        WireError::UnsupportedProtocol { .. } => SessionError::Unsupported(error.to_string()),
        _ => protocol_error(error),
    }
}

async fn refused(client: Client, session: &Session<Accepted>, what: &str) -> SessionError {
    let error = SessionError::ClientProtocol {
        what: what.to_owned(),
        code: "08P01",
    };
    client.farewell(&error, "", session.id()).await;
    error
}

#[cfg(test)]
mod tests {
    use super::without_tokens;

    #[test]
    fn only_tokens_are_left_out_of_settings() {
        for (value, recorded) in [
            ("psql", "psql"),
            (r"-c a=b\ c", r"-c a=b\ c"),
            ("cua_0123456789abcdef", "cua_…"),
            (
                "-c custos.approval=cua_01ef -c role=admin",
                "-c custos.approval=cua_… -c role=admin",
            ),
            (
                r"-c custos.approval=c\ua\_01\ef -c role=admin",
                "-c custos.approval=cua_… -c role=admin",
            ),
            ("cua_01 cua_ef", "cua_… cua_…"),
            ("not one: cua_ and so on", "not one: cua_… and so on"),
        ] {
            assert_eq!(without_tokens(value), recorded);
        }
    }
}
