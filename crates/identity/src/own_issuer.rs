//! We issue tokens too: our authorization server, shared by the web address and by the sessions that take its tokens.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use custos_model::{Instant, Protocol, ResourceName};
use custos_oauth::{AuthorizationServer, BaseUrl, KeyRing, Refusal, Scope, State};
use custos_store::Store;
use tokio::sync::OwnedMutexGuard;

use crate::authorization::{JudgedToken, SignInsOfCall, StoredRefreshTokens};
use crate::check::Login;
use crate::error::IdentityError;
use crate::sign_ins::SignIns;
use crate::signing_keys::{self, SigningKeysError};

/// Where the metadata of the authorization server is (OpenID Connect Discovery section 4, RFC 8414 section 3).
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// Our authorization server and the state behind it; clones share everything.
#[derive(Clone)]
pub struct OwnIssuer {
    inner: Arc<Inner>,
}

struct Inner {
    server: Mutex<AuthorizationServer>,
    base_url: BaseUrl,
    sign_ins: SignIns,
    refresh_tokens: StoredRefreshTokens,
    random: Box<Random>,
    /// Held by whoever changes the keys.
    key_change: Arc<tokio::sync::Mutex<()>>,
}

/// Fills a buffer with random bytes of cryptographic quality.
type Random = dyn Fn(&mut [u8]) + Send + Sync;

/// Why an access token opens no session: for the record. The client hears [`BearerFailure::status`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BearerFailure {
    /// It is not good, or not any more.
    #[error("{}{}", .0.reason().code(), .0.detail().map(|word| format!(" ({word})")).unwrap_or_default())]
    Refused(Refusal),
    /// It is good, and for something else.
    #[error("the token is not for {}", .0.as_str())]
    Scope(Protocol),
    /// It is somebody else's than the login name says.
    #[error("the token is not of this login name")]
    OtherName,
    /// Its sign-in ended a moment ago.
    #[error("the sign-in of the token has ended")]
    SignInEnded,
    /// Control state failed, so that nothing could be checked.
    #[error("cannot look up the sign-in of the token")]
    State(#[source] IdentityError),
}

impl BearerFailure {
    /// The code of RFC 6750 section 3.1 and RFC 6749 section 4.1.2.1 that the client is told.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Refused(refusal) if refusal.status() == 401 => "invalid_token",
            Self::Refused(_) | Self::State(_) => "temporarily_unavailable",
            Self::Scope(_) => "insufficient_scope",
            Self::OtherName | Self::SignInEnded => "invalid_token",
        }
    }
}

impl OwnIssuer {
    /// Shares a server whose keys, sign-ins and refresh tokens are in this store.
    pub fn new(
        server: AuthorizationServer,
        store: Store,
        sign_ins: SignIns,
        random: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                base_url: server.base_url().clone(),
                server: Mutex::new(server),
                sign_ins,
                refresh_tokens: StoredRefreshTokens(store),
                random: Box::new(random),
                key_change: Arc::default(),
            }),
        }
    }

    /// The issuer's name, which is also the audience of its tokens.
    pub fn base_url(&self) -> &BaseUrl {
        &self.inner.base_url
    }

    /// Where clients read how to get a token.
    pub fn discovery_url(&self) -> String {
        format!("{}{DISCOVERY_PATH}", self.inner.base_url.as_str())
    }

    /// The word for what a token must be good for to open sessions of a protocol.
    ///
    /// `None` for a protocol whose clients bring no tokens.
    pub fn scope_of(protocol: Protocol) -> Option<&'static str> {
        scope(protocol).map(Scope::as_str)
    }

    /// The server itself, locked.
    pub fn server(&self) -> MutexGuard<'_, AuthorizationServer> {
        let server = &self.inner.server;
        server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refresh tokens in the store.
    pub fn refresh_tokens(&self) -> &StoredRefreshTokens {
        &self.inner.refresh_tokens
    }

    pub(crate) fn sign_ins(&self) -> &SignIns {
        &self.inner.sign_ins
    }

    pub(crate) fn random(&self) -> &(dyn Fn(&mut [u8]) + Send + Sync) {
        &*self.inner.random
    }

    pub(crate) async fn only_change(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.inner.key_change).lock_owned().await
    }

    pub(crate) fn keep(&self, keys: &KeyRing) -> Result<(), SigningKeysError> {
        let store = &self.inner.refresh_tokens.0;
        signing_keys::keep(store, keys, &self.inner.random)
    }

    /// Judges an access token by which somebody of this name wants to open a resource: signature, issuer, audience and
    /// time, that its sign-in lives and its grant was not revoked, what it is good for, and whose it is. Who signed in
    /// counts as the sign-in says now, not as the token said when it was issued. Blocks for disk accesses.
    ///
    /// # Errors
    /// Each reason by itself, for the record.
    pub fn check(
        &self,
        token: &str,
        login_name: &str,
        resource: &ResourceName,
        now: Instant,
    ) -> Result<Login, BearerFailure> {
        let inner = &self.inner;
        let sign_ins = SignInsOfCall {
            sign_ins: &inner.sign_ins,
            until_utc_ns: None,
        };
        let state = State {
            sign_ins: &sign_ins,
            refresh_tokens: &inner.refresh_tokens,
            workloads: &JudgedToken(None),
        };
        let judged = self.server().judge(token, &state, now);
        let token = judged.map_err(BearerFailure::Refused)?;
        let protocol = resource.protocol();
        if !scope(protocol).is_some_and(|scope| token.scopes.contains(scope)) {
            return Err(BearerFailure::Scope(protocol));
        }
        if token.principal.name != login_name {
            return Err(BearerFailure::OtherName);
        }
        let found = inner.sign_ins.live(token.sign_in.id, now);
        let found = found.map_err(BearerFailure::State)?;
        let sign_in = found.ok_or(BearerFailure::SignInEnded)?;
        Ok(Login::under(sign_in, resource.clone()))
    }
}

/// Each protocol has a scope of its own, so that a token for one opens no other.
fn scope(protocol: Protocol) -> Option<Scope> {
    match protocol {
        Protocol::Postgres => Some(Scope::Postgres),
        // Stock clients have no way to bring one.
        Protocol::Ssh => None,
    }
}

impl fmt::Debug for OwnIssuer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OwnIssuer")
            .field("base_url", &self.inner.base_url)
            .finish_non_exhaustive()
    }
}
