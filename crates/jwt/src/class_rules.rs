//! What each class needs beyond issuer, times and signature.

use std::time::Duration;

use crate::algorithm::Algorithm;
use crate::audience;
use crate::claims::{Audience, Claims, needed};
use crate::class::{Class, Nonce};
use crate::issuer::Issuer;
use crate::rejection::Rejection;
use crate::times::Times;

/// The member of `events` in a logout token (Back-Channel Logout 1.0 section 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Longest life of a client assertion.
const MAX_ASSERTION_LIFE: Duration = Duration::from_mins(1);

/// A token that is being judged: its signature and dates are good.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) claims: Claims<'a>,
    pub(crate) issuer: &'a Issuer,
    pub(crate) algorithm: Algorithm,
    pub(crate) times: Times,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) now: u64,
}

impl<'a> Candidate<'a> {
    /// Judges the token as one of that class; says whom it is for.
    pub(crate) fn judge(self, class: &Class<'_>) -> Result<Audience<'a>, Rejection> {
        match *class {
            Class::IdToken {
                client_id,
                nonce,
                access_token,
                max_auth_age,
            } => {
                let audience = self.id_token(client_id)?;
                self.nonce(nonce)?;
                self.access_token_hash(access_token)?;
                self.login(max_auth_age)?;
                Ok(audience)
            }
            Class::AccessToken | Class::DelegationToken => self.access_token(),
            Class::WorkloadToken => self.workload_token(),
            Class::LogoutToken { client_id, .. } => self.logout_token(client_id),
            Class::ClientAssertion { audience, .. } => self.client_assertion(audience),
            Class::SecurityEvent { .. } => self.security_event(),
        }
    }

    fn id_token(self, client_id: &str) -> Result<Audience<'a>, Rejection> {
        needed("sub", self.claims.subject())?;
        self.no_events()?;
        let audience = audience::client(self.claims, self.issuer, client_id)?;
        audience::authorized_party(self.claims, &audience, client_id)?;
        Ok(audience)
    }

    fn nonce(self, expected: Nonce<'_>) -> Result<(), Rejection> {
        match (self.claims.text("nonce")?, expected) {
            (Some(nonce), Nonce::Login(sent) | Nonce::Refresh(sent)) if nonce == sent => Ok(()),
            (Some(_), _) => Err(Rejection::NonceWrong),
            (None, Nonce::Login(_)) => Err(Rejection::NonceMissing),
            (None, Nonce::Refresh(_)) => Ok(()),
        }
    }

    /// OpenID Connect Core 3.1.3.8: optional where the access token came over the same connection.
    fn access_token_hash(self, access_token: Option<&str>) -> Result<(), Rejection> {
        match (self.claims.text("at_hash")?, access_token) {
            (Some(hash), Some(token)) if hash != self.algorithm.access_token_hash(token) => {
                Err(Rejection::AccessTokenWrong)
            }
            _ => Ok(()),
        }
    }

    /// OpenID Connect Core 3.1.3.7 rule 13.
    fn login(self, max_auth_age: Option<Duration>) -> Result<(), Rejection> {
        let Some(max_auth_age) = max_auth_age else {
            return Ok(());
        };
        let skew = self.issuer.clock_skew().as_secs();
        let signed_in = needed("auth_time", self.claims.date("auth_time"))?;
        if signed_in > self.now.saturating_add(skew) {
            return Err(Rejection::LoginInFuture);
        }
        let oldest = max_auth_age.as_secs().saturating_add(skew);
        if self.now.saturating_sub(signed_in) > oldest {
            return Err(Rejection::LoginTooOld);
        }
        Ok(())
    }

    fn access_token(self) -> Result<Audience<'a>, Rejection> {
        needed("sub", self.claims.subject())?;
        needed("client_id", self.claims.id("client_id"))?;
        needed("jti", self.claims.id("jti"))?;
        self.no_events()?;
        audience::ours(self.claims, self.issuer)
    }

    fn workload_token(self) -> Result<Audience<'a>, Rejection> {
        needed("sub", self.claims.subject())?;
        self.no_events()?;
        audience::ours(self.claims, self.issuer)
    }

    fn logout_token(self, client_id: &str) -> Result<Audience<'a>, Rejection> {
        needed("jti", self.claims.id("jti"))?;
        if self.claims.has("nonce") {
            return Err(Rejection::NonceForbidden);
        }
        let events = needed("events", self.claims.object("events"))?;
        if !events
            .get(LOGOUT_EVENT)
            .is_some_and(serde_json::Value::is_object)
        {
            return Err(Rejection::EventsWrong);
        }
        if self.claims.subject()?.is_none() && self.claims.id("sid")?.is_none() {
            return Err(Rejection::NobodyNamed);
        }
        audience::client(self.claims, self.issuer, client_id)
    }

    /// `iss` is the client already: the record's name is its id.
    fn client_assertion(self, audience: &str) -> Result<Audience<'a>, Rejection> {
        needed("jti", self.claims.id("jti"))?;
        if needed("sub", self.claims.subject())? != self.issuer.name() {
            return Err(Rejection::SubjectNotClient);
        }
        self.no_events()?;
        let life = self.times.expires_at.unwrap_or(u64::MAX) - self.times.issued_at;
        if life > MAX_ASSERTION_LIFE.as_secs() {
            return Err(Rejection::LivesTooLong);
        }
        audience::exactly(self.claims, audience)
    }

    fn security_event(self) -> Result<Audience<'a>, Rejection> {
        needed("jti", self.claims.id("jti"))?;
        let events = needed("events", self.claims.object("events"))?;
        if events.is_empty() || !events.values().all(serde_json::Value::is_object) {
            return Err(Rejection::EventsWrong);
        }
        audience::ours(self.claims, self.issuer)
    }

    /// So that an untyped logout token or security event is never anything else.
    fn no_events(self) -> Result<(), Rejection> {
        if self.claims.has("events") {
            return Err(Rejection::EventsForbidden);
        }
        Ok(())
    }
}
