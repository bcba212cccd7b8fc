//! The client signs in (RFC 4252): who it is, and which target it wants.
//!
//! The login name is `NAME+RESOURCE`, split at the last `+`: a form that ssh, scp, sftp, rsync and git all pass on as it is.
//! `#` in place of `+` means the same. A name alone opens what the credential is for; with a certificate, which is for no
//! one target, it opens a connection that leads to sessions (`jump`). In those the target is known from where they were asked
//! for, and a name may say the same and nothing else.

use bytes::Bytes;
use custos_model::ResourceName;
use custos_session::{Accepted, Identified, Passage, PresentedCertificate, Session, SessionError};
use custos_ssh_wire::Broken;
use custos_ssh_wire::message::{
    AuthenticationMethod, AuthenticationRequest, KeyOffer, SERVICE_AUTHENTICATION,
    SERVICE_CONNECTION, accept_service, failure, number, public_key_accepted, service_name,
    signed_data,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::interactive::{self, Answered};
use crate::link::{Link, LinkError, of_client};

/// Messages of one sign-in at most.
const MESSAGES_MAX: usize = 64;
/// Keys that a client may offer before one is taken.
const OFFERS_MAX: usize = 32;
/// Bytes of a connection credential, and more.
const CREDENTIAL_BYTES_MAX: usize = 4096;

/// Who asks, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginName {
    /// The name that a credential is for.
    pub(crate) name: String,
    /// The resource, where it is named.
    pub(crate) resource: Option<String>,
}

impl LoginName {
    pub(crate) fn parse(text: &str) -> Self {
        match text.rsplit_once(['+', '#']) {
            Some((name, resource)) => Self {
                name: name.to_owned(),
                resource: Some(resource.to_owned()),
            },
            None => Self {
                name: text.to_owned(),
                resource: None,
            },
        }
    }

    /// The whole name of the resource, `None` where none is named. `target`: what it must be, whether it is named or not.
    ///
    /// # Errors
    /// [`OtherTarget`] where another one is named.
    fn resource(&self, target: Option<&ResourceName>) -> Result<Option<String>, OtherTarget> {
        let named = self.resource.as_deref().map(|name| format!("ssh/{name}"));
        match (named, target) {
            (Some(named), Some(target)) if named != target.as_str() => Err(OtherTarget),
            (_, Some(target)) => Ok(Some(target.to_string())),
            (named, None) => Ok(named),
        }
    }
}

/// A login name names another target than its connection leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OtherTarget;

/// What a client has signed in to.
#[derive(Debug)]
pub(crate) enum SignedIn {
    /// One target.
    Target(Box<Session<Identified>>),
    /// The gateway itself: it names no target.
    Passage(Session<Passage>),
}

impl SignedIn {
    fn target(session: Session<Identified>) -> Self {
        Self::Target(Box::new(session))
    }
}

/// What came of one way to sign in.
#[derive(Debug)]
enum Turn {
    SignedIn(SignedIn),
    /// Nothing, and what the client has said already to go on.
    GoesOn(Box<Session<Accepted>>, Option<Bytes>),
}

/// Until the client has proved who it is. The connection is not told so yet: first it must be clear that it may open what it
/// asks for. `target`: what the connection leads to, where that is known.
pub(crate) async fn login<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    mut session: Session<Accepted>,
    target: Option<&ResourceName>,
) -> Result<SignedIn, SessionError> {
    let mut last_name = String::new();
    let mut is_asked = false;
    let mut offers = 0;
    // One code for each connection, and no more.
    let mut has_code = false;
    let mut early = None;
    for _ in 0..MESSAGES_MAX {
        let payload = match early.take() {
            Some(payload) => Ok(payload),
            None => link.next().await,
        };
        let payload = match payload {
            Ok(payload) => payload,
            Err(LinkError::Closed | LinkError::Broken(Broken::Disconnected { .. })) if is_asked => {
                let reason = "the client left without signing in";
                return Err(session.login_abandoned(&last_name, reason).await);
            }
            Err(error) => return Err(error.of_client()),
        };
        match payload.first() {
            Some(&number::SERVICE_REQUEST) => accept(link, &payload)?,
            Some(&number::USERAUTH_REQUEST) => {
                is_asked = true;
                let request = AuthenticationRequest::decode(&payload).map_err(malformed)?;
                request.login_name.clone_into(&mut last_name);
                if request.service != SERVICE_CONNECTION.as_bytes() {
                    return Err(of_client(Broken::Unexpected(number::USERAUTH_REQUEST)));
                }
                let login = LoginName::parse(request.login_name);
                let Ok(resource) = login.resource(target) else {
                    let reason = "the login name names another target than the connection leads to";
                    return Err(session.login_abandoned(&last_name, reason).await);
                };
                let has_question =
                    !has_code && resource.is_some() && session.offers_device_sign_in();
                let methods = methods(has_question);
                match request.method {
                    AuthenticationMethod::Password {
                        password,
                        changes: false,
                    } => {
                        return by_password(session, &login.name, password, resource).await;
                    }
                    AuthenticationMethod::KeyboardInteractive if has_question => {
                        has_code = true;
                        match by_question(link, session, request.login_name, resource).await? {
                            Turn::SignedIn(signed_in) => return Ok(signed_in),
                            Turn::GoesOn(back, payload) => (session, early) = (*back, payload),
                        }
                    }
                    AuthenticationMethod::PublicKey(offer) if is_certified(&offer) => {
                        let would_do = offers < OFFERS_MAX
                            && session.would_take_certificate(&login.name, offer.key);
                        offers += 1;
                        match offer.signature {
                            Some(signature) if would_do => {
                                let signed = signed(link, request.login_name, &offer)?;
                                let presented = PresentedCertificate {
                                    certificate: offer.key,
                                    algorithm: plain(offer.algorithm),
                                    signed: &signed,
                                    signature,
                                };
                                return certified(session, &login.name, &presented, resource).await;
                            }
                            None if would_do => link
                                .transport
                                .send_with(|out| {
                                    public_key_accepted(out, offer.algorithm, offer.key);
                                })
                                .map_err(of_client)?,
                            _ => refuse(link, methods)?,
                        }
                    }
                    _ => refuse(link, methods)?,
                }
            }
            _ => {
                let number = payload.first().copied().unwrap_or_default();
                return Err(of_client(Broken::Unexpected(number)));
            }
        }
    }
    Err(session
        .login_abandoned(&last_name, "too many attempts to sign in")
        .await)
}

/// Somebody signs in in a browser, or the client has a credential after all.
async fn by_question<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    session: Session<Accepted>,
    login_name: &str,
    resource: Option<String>,
) -> Result<Turn, SessionError> {
    let name = LoginName::parse(login_name).name;
    let named = resource.as_deref().unwrap_or_default();
    let Some(wait) = session.begin_device_sign_in(&name, named).await? else {
        refuse(link, methods(false))?;
        return Ok(Turn::GoesOn(Box::new(session), None));
    };
    let signed_in = match interactive::ask(link, &session, &wait).await? {
        Answered::Approved(approval) => SignedIn::target(session.identify_by_device(approval)),
        Answered::Credential(password) => by_password(session, &name, &password, resource).await?,
        Answered::Otherwise(payload) => {
            return Ok(Turn::GoesOn(Box::new(session), Some(payload)));
        }
        Answered::Left => {
            let reason = "the client left while somebody was to sign in";
            return Err(session.login_abandoned(login_name, reason).await);
        }
    };
    Ok(Turn::SignedIn(signed_in))
}

/// A wrong credential ends the connection: it is on record by then.
async fn by_password(
    session: Session<Accepted>,
    name: &str,
    password: &[u8],
    resource: Option<String>,
) -> Result<SignedIn, SessionError> {
    let password = credential(password);
    let identified = session.identify_by_password(name, password, resource.as_deref());
    identified.await.map(SignedIn::target)
}

async fn certified(
    session: Session<Accepted>,
    name: &str,
    presented: &PresentedCertificate<'_>,
    resource: Option<String>,
) -> Result<SignedIn, SessionError> {
    if let Some(resource) = resource {
        let identified = session.identify_by_certificate(name, presented, Some(&resource));
        return identified.await.map(SignedIn::target);
    }
    let passed = session.pass_by_certificate(name, presented);
    passed.await.map(SignedIn::Passage)
}

/// What a client may sign in by.
fn methods(has_question: bool) -> &'static str {
    if has_question {
        "publickey,keyboard-interactive,password"
    } else {
        "publickey,password"
    }
}

fn refuse<S>(link: &mut Link<S>, methods: &str) -> Result<(), SessionError> {
    let refused = link.transport.send_with(|out| failure(out, methods));
    refused.map_err(of_client)
}

/// What is no text, or too long for a credential, is none.
fn credential(password: &[u8]) -> &str {
    let password = password
        .get(..CREDENTIAL_BYTES_MAX)
        .map_or(password, |_| &[]);
    std::str::from_utf8(password).unwrap_or_default()
}

const CERTIFIED: &str = "-cert-v01@openssh.com";

/// A key alone is not known to anybody here.
fn is_certified(offer: &KeyOffer<'_>) -> bool {
    offer.algorithm.ends_with(CERTIFIED)
}

/// The algorithm that a certificate's key signs by.
fn plain(algorithm: &str) -> &str {
    match algorithm.strip_suffix(CERTIFIED) {
        Some("sk-ssh-ed25519") => "sk-ssh-ed25519@openssh.com",
        Some("sk-ecdsa-sha2-nistp256") => "sk-ecdsa-sha2-nistp256@openssh.com",
        Some(plain) => plain,
        None => algorithm,
    }
}

/// What the client must have signed.
fn signed<S>(
    link: &Link<S>,
    login_name: &str,
    offer: &KeyOffer<'_>,
) -> Result<Vec<u8>, SessionError> {
    let session_id = link.transport.session_id();
    let session_id = session_id.ok_or(SessionError::Internal("a connection has no name"))?;
    Ok(signed_data(
        session_id,
        login_name,
        offer.algorithm,
        offer.key,
    ))
}

fn accept<S>(link: &mut Link<S>, payload: &Bytes) -> Result<(), SessionError> {
    let name = service_name(payload).map_err(malformed)?;
    if name != SERVICE_AUTHENTICATION.as_bytes() {
        return Err(of_client(Broken::Unexpected(number::SERVICE_REQUEST)));
    }
    link.transport
        .send_with(|out| accept_service(out, SERVICE_AUTHENTICATION))
        .map_err(of_client)
}

fn malformed(error: custos_ssh_wire::WireError) -> SessionError {
    of_client(Broken::Malformed("authentication", error))
}

#[cfg(test)]
mod tests {
    use super::{LoginName, OtherTarget};

    #[test]
    fn names_are_split_at_the_last_mark() {
        for (text, name, resource) in [
            ("alice", "alice", None),
            ("alice+web1", "alice", Some("web1")),
            ("alice#web1", "alice", Some("web1")),
            ("a+b@example.com+web1", "a+b@example.com", Some("web1")),
            ("alice+", "alice", Some("")),
        ] {
            let login = LoginName::parse(text);
            assert_eq!(
                (login.name.as_str(), login.resource.as_deref()),
                (name, resource)
            );
        }
    }

    /// A target that is known already may be named once more, and no other.
    #[test]
    fn a_target_that_is_known_stays_the_same() {
        let target = "ssh/web1".parse().unwrap();
        for (text, expected) in [
            ("alice", Ok(Some("ssh/web1".to_owned()))),
            ("alice+web1", Ok(Some("ssh/web1".to_owned()))),
            ("alice+web2", Err(OtherTarget)),
            ("alice+", Err(OtherTarget)),
        ] {
            assert_eq!(LoginName::parse(text).resource(Some(&target)), expected);
        }
        assert_eq!(LoginName::parse("alice").resource(None), Ok(None));
    }
}
