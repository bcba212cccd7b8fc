//! The gateway signs in at the target with its own credential.

mod ask;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Buf as _, BytesMut};
use custos_session::scram::{ChannelBinding, ClientExchange};
use custos_session::{Authorized, Open, Session, SessionError, Stream, Upstream, UpstreamError};
use md5::{Digest as _, Md5};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::ALPN;
use crate::handshake::Startup;
use crate::wire::backend::{
    Authentication, BackendMessage, ErrorFields, Event, TransactionStatus, Walker,
};
use crate::wire::frontend::{PasswordMessage, SaslInitialResponse, encode_sasl_response};
use crate::wire::startup::{self, CancelRequest};

pub(crate) use ask::{Answers, ask};

/// Bytes of everything that a target may say before it is ready.
const GREETING_BYTES: usize = 4 << 20;

/// A target that is ready for queries.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) stream: Stream,
    /// Read and not used yet.
    pub(crate) buffer: BytesMut,
    /// What it said that the client should hear: ParameterStatus and NoticeResponse messages, as they came.
    pub(crate) greeting: Vec<u8>,
    /// Its cancel key.
    pub(crate) key: Option<(i32, Vec<u8>)>,
    /// Transaction status of its ReadyForQuery.
    pub(crate) transaction: TransactionStatus,
}

/// Dials the target and signs in; the client's own settings are passed on.
pub(crate) async fn sign_in(
    session: &Session<Authorized>,
    startup: &Startup,
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<Target, SessionError> {
    let database = session.database().or(startup.database.as_deref());
    let settings = startup.settings.iter();
    let settings = settings.map(|(name, value)| (name.as_str(), value.as_str()));
    let settings: Vec<_> = settings.collect();
    begin(session.dial().await?, database, &settings, random).await
}

/// The same once more, for questions of the gateway's own.
pub(crate) async fn sign_in_again(
    session: &Session<Open>,
    database: Option<&str>,
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<Target, SessionError> {
    let settings = [
        ("application_name", "custos catalogue"),
        ("client_encoding", "UTF8"),
    ];
    begin(session.dial_again().await?, database, &settings, random).await
}

async fn begin(
    upstream: Upstream,
    database: Option<&str>,
    settings: &[(&str, &str)],
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<Target, SessionError> {
    let mut upstream = secure(upstream).await?;
    let mut message = Vec::new();
    {
        let account = upstream.resource().account.clone();
        let mut parameters = vec![("user", account.as_str())];
        parameters.extend(database.map(|database| ("database", database)));
        parameters.extend_from_slice(settings);
        let parameters = parameters.iter();
        let parameters = parameters.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        startup::encode_startup_message(startup::PROTOCOL_3_2, parameters, &mut message)
            .map_err(|error| crate::client::protocol_error(&error))?;
    }
    send(&mut upstream, &message).await?;
    Ok(converse(upstream, random).await?)
}

/// Cancels what a session runs, on a connection of its own. The target answers by closing it.
pub(crate) async fn cancel(
    session: &Session<Open>,
    key: &(i32, Vec<u8>),
) -> Result<(), SessionError> {
    let mut upstream = secure(session.dial_again().await?).await?;
    let mut message = Vec::new();
    CancelRequest {
        process_id: key.0,
        key: &key.1,
    }
    .encode(&mut message)
    .map_err(|error| SessionError::Upstream(broken(&error)))?;
    send(&mut upstream, &message).await?;
    let mut end = [0; 1];
    // Whatever comes, it is over.
    let _ = upstream.stream().read(&mut end).await;
    Ok(())
}

async fn secure(mut upstream: Upstream) -> Result<Upstream, UpstreamError> {
    if !upstream.wants_tls() {
        return Ok(upstream);
    }
    let mut request = Vec::new();
    startup::encode_ssl_request(&mut request);
    send(&mut upstream, &request).await?;
    let mut answer = [0; 1];
    // One byte and no more, so nothing sent in clear can pass for something sent inside TLS.
    upstream
        .stream()
        .read_exact(&mut answer)
        .await
        .map_err(UpstreamError::Io)?;
    if answer != *b"S" {
        return Err(UpstreamError::TlsNotOffered);
    }
    upstream.start_tls(ALPN).await
}

async fn send(upstream: &mut Upstream, bytes: &[u8]) -> Result<(), UpstreamError> {
    upstream
        .stream()
        .write_all(bytes)
        .await
        .map_err(UpstreamError::Io)?;
    upstream.stream().flush().await.map_err(UpstreamError::Io)
}

/// What the target said so far.
#[derive(Default)]
struct Greeting {
    messages: Vec<u8>,
    key: Option<(i32, Vec<u8>)>,
    authenticated: bool,
    scram: Option<ClientExchange>,
}

async fn converse(
    mut upstream: Upstream,
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<Target, UpstreamError> {
    let mut buffer = BytesMut::with_capacity(4096);
    let mut walker = Walker::new();
    let mut greeting = Greeting::default();
    let mut received_bytes = 0;
    loop {
        let read = upstream
            .stream()
            .read_buf(&mut buffer)
            .await
            .map_err(UpstreamError::Io)?;
        received_bytes += read;
        if read == 0 {
            return Err(UpstreamError::Closed);
        }
        if received_bytes > GREETING_BYTES {
            return Err(UpstreamError::Protocol("endless greeting".to_owned()));
        }
        loop {
            let step = walker.next(&buffer).map_err(|error| broken(&error))?;
            let consumed = step.consumed;
            let answer = match step.event {
                Event::NeedMore => {
                    buffer.advance(consumed);
                    break;
                }
                Event::Message { tag, body } => greeting.message(&upstream, tag, body, random)?,
                _ => {
                    return Err(UpstreamError::Protocol(
                        "rows before it is ready".to_owned(),
                    ));
                }
            };
            buffer.advance(consumed);
            match answer {
                Answer::Nothing => {}
                Answer::Send(answer) => send(&mut upstream, &answer).await?,
                Answer::Ready(transaction) => {
                    let stream = upstream.into_stream();
                    let Greeting { messages, key, .. } = greeting;
                    return Ok(Target {
                        stream,
                        buffer,
                        greeting: messages,
                        key,
                        transaction,
                    });
                }
            }
        }
    }
}

enum Answer {
    Nothing,
    Send(Vec<u8>),
    Ready(TransactionStatus),
}

impl Greeting {
    fn message(
        &mut self,
        upstream: &Upstream,
        tag: u8,
        body: &[u8],
        random: &(dyn Fn(&mut [u8]) + Send + Sync),
    ) -> Result<Answer, UpstreamError> {
        match BackendMessage::parse(tag, body).map_err(|error| broken(&error))? {
            BackendMessage::Authentication(Authentication::Ok) => {
                if self.scram.is_some() {
                    // Without its signature the target has not proved that it knows the password.
                    return Err(UpstreamError::Authentication(
                        "SCRAM was cut short".to_owned(),
                    ));
                }
                self.authenticated = true;
            }
            BackendMessage::Authentication(request) if !self.authenticated => {
                let answer = authenticate(upstream, request, &mut self.scram, random)?;
                return Ok(answer.map_or(Answer::Nothing, Answer::Send));
            }
            BackendMessage::BackendKeyData(data) => {
                self.key = Some((data.process_id, data.key.to_vec()));
            }
            BackendMessage::ParameterStatus(_) | BackendMessage::NoticeResponse(_)
                if self.authenticated =>
            {
                pass_on(&mut self.messages, tag, body);
            }
            BackendMessage::NegotiateProtocolVersion(_) | BackendMessage::NoticeResponse(_) => {}
            BackendMessage::ErrorResponse(fields) => {
                return Err(error_answer(&fields, self.authenticated));
            }
            BackendMessage::ReadyForQuery(status) if self.authenticated => {
                return Ok(Answer::Ready(status));
            }
            _ => {
                return Err(UpstreamError::Protocol(format!(
                    "unexpected message 0x{tag:02x}"
                )));
            }
        }
        Ok(Answer::Nothing)
    }
}

/// Puts a message together again as it came.
fn pass_on(messages: &mut Vec<u8>, tag: u8, body: &[u8]) {
    // The walker has bounded it.
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    messages.push(tag);
    messages.extend_from_slice(&length.to_be_bytes());
    messages.extend_from_slice(body);
}

fn authenticate(
    upstream: &Upstream,
    request: Authentication<'_>,
    scram: &mut Option<ClientExchange>,
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<Option<Vec<u8>>, UpstreamError> {
    let refuse = |what: &str| Err(UpstreamError::Authentication(what.to_owned()));
    let resource = upstream.resource();
    let mut answer = Vec::new();
    match request {
        Authentication::Sasl(mechanisms) => {
            let offers = |name: &str| mechanisms.iter().any(|offered| offered == name.as_bytes());
            let binding = match upstream.end_point() {
                Some(end_point) if offers("SCRAM-SHA-256-PLUS") => {
                    ChannelBinding::TlsServerEndPoint(end_point.to_vec())
                }
                _ if !offers("SCRAM-SHA-256") => return refuse("it offers no SCRAM-SHA-256"),
                Some(_) => ChannelBinding::Unused,
                None => ChannelBinding::None,
            };
            let mut nonce = [0; 18];
            random(&mut nonce);
            let nonce = STANDARD_NO_PAD.encode(nonce);
            let exchange = ClientExchange::new(upstream.password().expose(), &nonce, binding);
            let first = exchange.first();
            SaslInitialResponse {
                mechanism: exchange.mechanism().as_bytes(),
                data: Some(&first),
            }
            .encode(&mut answer)
            .map_err(|error| broken(&error))?;
            *scram = Some(exchange);
        }
        Authentication::SaslContinue(data) => {
            let Some(exchange) = scram else {
                return refuse("SCRAM out of order");
            };
            let response = exchange
                .respond(data)
                .map_err(|error| scram_failed(&error))?;
            encode_sasl_response(&response, &mut answer).map_err(|error| broken(&error))?;
        }
        Authentication::SaslFinal(data) => {
            let Some(mut exchange) = scram.take() else {
                return refuse("SCRAM out of order");
            };
            exchange
                .finish(data)
                .map_err(|error| scram_failed(&error))?;
            return Ok(None);
        }
        Authentication::Md5Password { salt } if resource.allow_md5 => {
            let password = md5_password(upstream.password().expose(), &resource.account, &salt);
            PasswordMessage {
                password: password.as_bytes(),
            }
            .encode(&mut answer)
            .map_err(|error| broken(&error))?;
        }
        Authentication::Md5Password { .. } => {
            return refuse("it asks for MD5, which the resource does not allow");
        }
        Authentication::CleartextPassword if resource.allow_cleartext && upstream.wants_tls() => {
            PasswordMessage {
                password: upstream.password().expose().as_bytes(),
            }
            .encode(&mut answer)
            .map_err(|error| broken(&error))?;
        }
        Authentication::CleartextPassword => {
            return refuse("it asks for the password in clear, which the resource does not allow");
        }
        _ => return refuse("it asks for an authentication method that the gateway does not have"),
    }
    Ok(Some(answer))
}

/// `md5` and the hex MD5 of (hex MD5 of password and user, and the salt): protocol documentation,
/// "AuthenticationMD5Password".
fn md5_password(password: &str, account: &str, salt: &[u8]) -> String {
    let inner = Md5::new()
        .chain_update(password)
        .chain_update(account)
        .finalize();
    let outer = Md5::new()
        .chain_update(hex(&inner))
        .chain_update(salt)
        .finalize();
    format!("md5{}", hex(&outer))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn scram_failed(error: &custos_session::scram::ScramError) -> UpstreamError {
    UpstreamError::Authentication(format!("SCRAM: {error}"))
}

fn broken(error: &crate::wire::WireError) -> UpstreamError {
    UpstreamError::Protocol(error.to_string())
}

/// An error before the target is ready. What it says about the gateway's own account is not for clients.
fn error_answer(fields: &ErrorFields<'_>, authenticated: bool) -> UpstreamError {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = text(fields.sqlstate().unwrap_or_default());
    let message = text(fields.message().unwrap_or_default());
    if code.starts_with("28") || (!authenticated && !code.starts_with("53")) {
        UpstreamError::Authentication(format!("{code}: {message}"))
    } else {
        UpstreamError::Refused { code, message }
    }
}

#[cfg(test)]
mod tests {
    use super::md5_password;

    #[test]
    fn md5_answer_is_the_documented_one() {
        // 'md5' || md5(md5('secret' || 'app') || '\x01020304'), computed by another program.
        assert_eq!(
            md5_password("secret", "app", &[1, 2, 3, 4]),
            "md5911f527656472583a006e7727877b33e"
        );
    }
}
