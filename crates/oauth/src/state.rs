//! What outlives a restart, behind traits: sign-ins, refresh tokens, and the workload issuers' verifier.

use std::fmt;
use std::time::Duration;

use custos_model::{Authentication, Instant, Principal, SignInId};

use crate::client::ClientId;
use crate::opaque::SecretHash;
use crate::scope::Scopes;

/// State could not be read or written. Whoever asked is refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}")]
pub struct StateError {
    action: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StateError {
    /// `action` completes "cannot …".
    pub fn new(
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            action,
            source: source.into(),
        }
    }
}

/// Sign-ins, as the rest of the gateway keeps them.
pub trait SignIns {
    /// A sign-in that has neither expired nor been ended.
    fn live(&self, id: SignInId, now: Instant) -> Result<Option<SignIn>, StateError>;

    /// Begins the sign-in of a workload or machine client, which no person opens in a browser. Durable on return.
    fn begin(&self, new: NewSignIn, now: Instant) -> Result<SignIn, StateError>;

    /// Ends a sign-in and whatever hangs on it. Durable on return; open sessions are cut at
    /// [`crate::Event::SignInEnded`].
    fn end(&self, id: SignInId, now: Instant) -> Result<(), StateError>;
}

/// A sign-in that is good now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Its public name.
    pub id: SignInId,
    /// Who is signed in.
    pub principal: Principal,
    /// Until when, UTC nanoseconds, that moment excluded.
    pub expires_utc_ns: u64,
}

/// Somebody who has just been authenticated by a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSignIn {
    /// Who.
    pub principal: Principal,
    /// How.
    pub authentication: Authentication,
    /// How long it lasts.
    pub lasts: Duration,
    /// Sign-ins that it hangs on: it lives only as long as each of them.
    pub parents: Vec<SignInId>,
}

/// One authorization: the tokens that come from one code, device code or exchange, and from their refresh. Made of
/// 128 random bits; not secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId([u8; 16]);

impl GrantId {
    /// From its bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// For storing.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let number = u128::from_str_radix(text, 16).ok()?;
        let id = Self(number.to_be_bytes());
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for GrantId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "GrantId({self})")
    }
}

/// A refresh token as it is stored. The token itself is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// What it is found by.
    pub hash: SecretHash,
    /// The family: all refresh tokens of one grant.
    pub grant: GrantId,
    /// The only client that may use it.
    pub client: ClientId,
    /// The sign-in that it never outlives.
    pub sign_in: SignInId,
    /// The most that it can be used for.
    pub scopes: Scopes,
    /// Until when, UTC nanoseconds, that moment excluded.
    pub expires_utc_ns: u64,
}

/// What is known of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRefreshToken {
    /// As it was stored.
    pub token: RefreshToken,
    /// Whether it was rotated away.
    pub used: bool,
}

/// How a rotation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The old token is used up and the new one stored.
    Rotated,
    /// Somebody was faster: nothing was stored.
    AlreadyUsed,
    /// The family is revoked: nothing was stored.
    Revoked,
}

/// Refresh tokens and the grants that they belong to. What is changed is durable when a method returns.
pub trait RefreshTokens {
    /// Stores the first token of a grant. A grant that is revoked already gets none: [`Rotation::Revoked`].
    fn insert(&self, token: &RefreshToken) -> Result<Rotation, StateError>;

    /// Looks a token up, also a used one, until its time to live is over.
    fn find(&self, hash: &SecretHash) -> Result<Option<FoundRefreshToken>, StateError>;

    /// In one transaction: marks `used` as used if it is not, and stores its successor.
    fn rotate(&self, used: &SecretHash, next: &RefreshToken) -> Result<Rotation, StateError>;

    /// Revokes a grant, known or not. Its refresh tokens never become good again; that it was revoked is remembered at
    /// least until `keep_utc_ns`, when its access tokens have expired.
    fn revoke(&self, grant: GrantId, keep_utc_ns: u64) -> Result<(), StateError>;

    /// Whether a grant was revoked.
    fn is_revoked(&self, grant: GrantId) -> Result<bool, StateError>;
}

/// Verifies the tokens of configured workload issuers (platforms, CI systems, clusters) and says whom they mean.
pub trait WorkloadVerifier {
    /// Judges a token as it came, of at most 64 KiB. It must have been made for this gateway.
    ///
    /// # Errors
    /// A stable word for the record, without anything of the token in it.
    fn verify(&self, token: &str, now: Instant) -> Result<Workload, &'static str>;
}

/// Whom a workload token means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its principal, of kind workload or agent.
    pub principal: Principal,
    /// Which issuer vouches, and what else is pinned.
    pub authentication: Authentication,
}

/// The state behind the server, for one call.
#[derive(Clone, Copy)]
pub struct State<'a> {
    /// Sign-ins.
    pub sign_ins: &'a dyn SignIns,
    /// Refresh tokens.
    pub refresh_tokens: &'a dyn RefreshTokens,
    /// Workload issuers.
    pub workloads: &'a dyn WorkloadVerifier,
}

impl fmt::Debug for State<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("State").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::GrantId;

    #[test]
    fn grant_ids_have_one_spelling() {
        let id = GrantId::from_bytes([0x0a; 16]);
        let text = "0a".repeat(16);
        assert_eq!(id.to_string(), text);
        assert_eq!(GrantId::parse(&text), Some(id));
        for bad in [
            "",
            &text.to_uppercase(),
            &text[1..],
            &format!("+{}", &text[1..]),
        ] {
            assert_eq!(GrantId::parse(bad), None, "{bad}");
        }
    }
}
