//! The gateway signs in at the target with its own credential (RFC 4252).

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use custos_session::{Authorized, Session, SessionError, Stream, Upstream, UpstreamError};
use custos_ssh_wire::message::{
    AuthenticationMethod, AuthenticationRequest, KeyOffer, SERVICE_AUTHENTICATION,
    SERVICE_CONNECTION, number, request_service, signed_data,
};
use custos_ssh_wire::{
    Broken, Certificate, Peer, PrivateKey, Put as _, Reader, Transport, certified,
};
use zeroize::Zeroizing;

use crate::Ssh;
use crate::link::Link;
use crate::trust::Pinned;

/// Messages that a target may send before it says yes or no.
const MESSAGES_MAX: usize = 64;
/// Questions of keyboard-interactive that are answered.
const ROUNDS_MAX: usize = 4;

/// What the gateway has for a target.
enum Credential {
    /// A key, and its certificate as it goes over the wire.
    Key(Box<PrivateKey>, Option<Vec<u8>>),
    Password(Zeroizing<String>),
}

/// Dials the target and signs in.
pub(crate) async fn sign_in(
    ssh: &Ssh,
    session: &Session<Authorized>,
) -> Result<Link<Stream>, SessionError> {
    let upstream = session.dial().await?;
    let trust = Pinned::new(upstream.resource().host_key.as_deref())?;
    let credential = credential(&upstream, session.utc_ns() / 1_000_000_000)?;
    let account = upstream.resource().account.clone();
    let transport = Transport::new(Peer::Server(trust), Arc::clone(&ssh.algorithms), ssh.random);
    let mut link = Link::new(transport, upstream.into_stream());
    link.establish()
        .await
        .map_err(super::link::LinkError::of_target)?;
    link.transport
        .send_with(|out| request_service(out, SERVICE_AUTHENTICATION))
        .map_err(super::link::of_target)?;
    let accepted = next(&mut link).await?;
    if accepted.first() != Some(&number::SERVICE_ACCEPT) {
        return Err(unexpected(&accepted));
    }
    authenticate(&mut link, &account, &credential).await?;
    Ok(link)
}

fn credential(upstream: &Upstream, now_seconds: u64) -> Result<Credential, UpstreamError> {
    let secret = upstream.password().expose();
    if !secret.trim_start().starts_with("-----BEGIN ") {
        return Ok(Credential::Password(Zeroizing::new(secret.to_owned())));
    }
    let unusable = |what, error: &dyn Display| {
        UpstreamError::Authentication(format!("the gateway's own {what} cannot be used: {error}"))
    };
    // What stands behind the key is its certificate.
    let last = secret.trim_end().rsplit_once('\n');
    let (key, line) = match last.filter(|(_, last)| !last.starts_with('-')) {
        Some((key, line)) => (key, Some(line)),
        None => (secret, None),
    };
    let key = PrivateKey::parse(key).map_err(|error| unusable("key", &error))?;
    let certificate = line.map(Certificate::parse).transpose();
    let certificate = certificate.map_err(|error| unusable("certificate", &error))?;
    let bytes = match certificate {
        Some((_, known)) if known.grant.valid_before <= now_seconds => {
            return Err(unusable("certificate", &"it has ended"));
        }
        certificate => certificate.map(|(bytes, _)| bytes),
    };
    Ok(Credential::Key(Box::new(key), bytes))
}

async fn authenticate(
    link: &mut Link<Stream>,
    account: &str,
    credential: &Credential,
) -> Result<(), SessionError> {
    match credential {
        Credential::Key(key, certificate) => {
            request_with_key(link, account, key, certificate.as_deref())?;
            match answer(link).await? {
                Answer::Yes => Ok(()),
                Answer::No(methods) => Err(refused(&methods)),
                Answer::Asks(_) => Err(refused("more than a key")),
            }
        }
        Credential::Password(password) => with_password(link, account, password).await,
    }
}

/// By `password`, and where the target does not take that, as the answer to its one hidden question.
async fn with_password(
    link: &mut Link<Stream>,
    account: &str,
    password: &str,
) -> Result<(), SessionError> {
    request(
        link,
        account,
        AuthenticationMethod::Password {
            password: password.as_bytes(),
            changes: false,
        },
    )?;
    let methods = match answer(link).await? {
        Answer::Yes => return Ok(()),
        Answer::Asks(_) => return Err(refused("a new password")),
        Answer::No(methods) => methods,
    };
    if !methods
        .split(',')
        .any(|method| method == "keyboard-interactive")
    {
        return Err(refused(&methods));
    }
    request(link, account, AuthenticationMethod::KeyboardInteractive)?;
    for _ in 0..ROUNDS_MAX {
        match answer(link).await? {
            Answer::Yes => return Ok(()),
            Answer::No(methods) => return Err(refused(&methods)),
            Answer::Asks(payload) => {
                let prompts = hidden_prompts(&payload).ok_or_else(|| unexpected(&payload))?;
                link.transport
                    .send_with(|out| {
                        out.byte(number::USERAUTH_INFO_RESPONSE).uint32(prompts);
                        for _ in 0..prompts {
                            out.string(password);
                        }
                    })
                    .map_err(super::link::of_target)?;
            }
        }
    }
    Err(refused("ever more answers"))
}

/// How many questions there are; the password is the answer to one that is not shown, and to no other.
fn hidden_prompts(payload: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(payload);
    reader.byte().ok()?;
    for _ in 0..3 {
        reader.string().ok()?;
    }
    let count = reader.uint32().ok()?;
    for _ in 0..count.min(2) {
        reader.string().ok()?;
        let is_shown = reader.boolean().ok()?;
        if is_shown {
            return None;
        }
    }
    (count <= 1).then_some(count)
}

fn request(
    link: &mut Link<Stream>,
    account: &str,
    method: AuthenticationMethod<'_>,
) -> Result<(), SessionError> {
    let request = AuthenticationRequest {
        login_name: account,
        service: SERVICE_CONNECTION.as_bytes(),
        method,
    };
    link.transport
        .send_with(|out| request.encode(out))
        .map_err(super::link::of_target)
}

fn request_with_key(
    link: &mut Link<Stream>,
    account: &str,
    key: &PrivateKey,
    certificate: Option<&[u8]>,
) -> Result<(), SessionError> {
    let internal = SessionError::Internal("the target's connection has no name");
    let session_id = link.transport.session_id().ok_or(internal)?;
    let verified = link.transport.signature_algorithms();
    let algorithms = key.algorithms();
    // Where the target says what it verifies, something of that; else what is preferred.
    let algorithm = algorithms
        .iter()
        .find(|name| verified.iter().any(|known| known == *name))
        .or(algorithms.first())
        .ok_or(SessionError::Internal("a key without an algorithm"))?;
    let (name, public) = match certificate {
        Some(certificate) => (certified(algorithm), certificate.to_vec()),
        None => ((*algorithm).to_owned(), key.public().encode()),
    };
    let data = signed_data(session_id, account, &name, &public);
    let signature = key
        .sign(algorithm, &data)
        .ok_or(SessionError::Internal("a key that does not sign"))?;
    let offer = KeyOffer {
        algorithm: &name,
        key: &public,
        signature: Some(&signature),
    };
    request(link, account, AuthenticationMethod::PublicKey(offer))
}

enum Answer {
    Yes,
    /// With the methods that it would take.
    No(String),
    /// It asks something; the message.
    Asks(Bytes),
}

async fn answer(link: &mut Link<Stream>) -> Result<Answer, SessionError> {
    for _ in 0..MESSAGES_MAX {
        let payload = next(link).await?;
        match payload.first() {
            Some(&number::USERAUTH_SUCCESS) => return Ok(Answer::Yes),
            Some(&number::USERAUTH_FAILURE) => {
                let mut reader = Reader::new(&payload);
                let methods = reader.byte().and_then(|_| reader.text());
                let methods = methods.map_err(|_| unexpected(&payload))?;
                return Ok(Answer::No(methods.chars().take(200).collect()));
            }
            Some(&number::USERAUTH_BANNER) => {}
            Some(&number::USERAUTH_INFO_REQUEST) => return Ok(Answer::Asks(payload)),
            _ => return Err(unexpected(&payload)),
        }
    }
    Err(refused("nothing but banners"))
}

async fn next(link: &mut Link<Stream>) -> Result<Bytes, SessionError> {
    link.next().await.map_err(super::link::LinkError::of_target)
}

fn refused(methods: &str) -> SessionError {
    let what = format!("its credential is not taken; the target would take: {methods}");
    SessionError::Upstream(UpstreamError::Authentication(what))
}

fn unexpected(payload: &[u8]) -> SessionError {
    let number = payload.first().copied().unwrap_or_default();
    super::link::of_target(Broken::Unexpected(number))
}
