//! The one way from a token to its claims.

use std::sync::Arc;
use std::time::Duration;

use custos_model::Instant;
use serde_json::Value;

use crate::claims::Claims;
use crate::class::{Class, ClassName};
use crate::class_rules::Candidate;
use crate::header::Header;
use crate::issuer::{ClassRule, Issuer};
use crate::key_cache::{MAX_AGE_FOR_LOGINS, MAX_AGE_FOR_SESSIONS};
use crate::key_set::KeySet;
use crate::rejection::Rejection;
use crate::times::{Limits, Times};
use crate::token::Token;
use crate::verified::Verified;

/// Claims that [`Verified`] has methods for and the rest of the claims does not repeat.
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// An issuer's record and its keys, held together so that no token is checked with another issuer's key.
#[derive(Clone, Debug)]
pub struct IssuerKeys {
    issuer: Arc<Issuer>,
    keys: Arc<KeySet>,
    /// Monotonic; absent for keys that are configured.
    fetched_at: Option<Duration>,
}

impl IssuerKeys {
    /// Keys that are configured and never fetched, so that they do not age.
    pub fn configured(issuer: Issuer, keys: KeySet) -> Self {
        Self {
            issuer: Arc::new(issuer),
            keys: Arc::new(keys),
            fetched_at: None,
        }
    }

    pub(crate) fn fetched(issuer: Arc<Issuer>, keys: Arc<KeySet>, at: Duration) -> Self {
        Self {
            issuer,
            keys,
            fetched_at: Some(at),
        }
    }

    /// The issuer's record.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// How long ago the keys were fetched; nothing for keys that are configured.
    pub fn age(&self, now: Instant) -> Duration {
        let now = Duration::from_nanos(now.mono_ns);
        self.fetched_at
            .map_or(Duration::ZERO, |at| now.saturating_sub(at))
    }

    /// Judges a token as one of that class, at that time. What comes back is proved; a token that is used once is
    /// used up by it.
    pub fn verify(
        &self,
        token: &Token,
        class: &Class<'_>,
        now: Instant,
    ) -> Result<Verified, Rejection> {
        let name = class.name();
        let rule = self.issuer.rule(name).ok_or(Rejection::ClassNotAccepted)?;
        self.header(token.header(), name, rule)?;
        freshness(class, self.age(now))?;
        let key = self.keys.find(token.header())?;
        let algorithm = token.header().algorithm();
        key.verify(algorithm, token.signing_input(), token.signature())?;

        let claims = Claims::new(token.claims())?;
        self.is_issuer(claims)?;
        let now_seconds = now.utc_ns / 1_000_000_000;
        let times = self.limits(name, rule).check(claims, now_seconds)?;
        let candidate = Candidate {
            claims,
            issuer: &self.issuer,
            algorithm,
            times,
            now: now_seconds,
        };
        let audience = candidate.judge(class)?;
        has_required(claims, rule)?;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let verified = Verified {
            class: name,
            issuer: self.issuer.name().to_owned(),
            subject: owned(claims.subject()?),
            audiences: audience.names.into_iter().map(str::to_owned).collect(),
            token_id: owned(claims.id("jti")?),
            session_id: owned(claims.id("sid")?),
            client_id: owned(claims.id("client_id")?),
            issued_at: times.issued_at,
            expires_at: times.expires_at,
            authenticated_at: claims.date("auth_time")?,
            key_thumbprint: key.thumbprint().to_owned(),
            key_age: self.age(now),
            claims: unregistered(token),
        };
        self.use_up(class, claims, times, now)?;
        Ok(verified)
    }

    fn header(&self, header: &Header, class: ClassName, rule: &ClassRule) -> Result<(), Rejection> {
        if !self.issuer.allows(header.algorithm()) {
            return Err(Rejection::AlgorithmNotAllowed);
        }
        let untyped = class == ClassName::LogoutToken && rule.takes_untyped();
        match header.kind() {
            None if class.may_be_untyped() || untyped => Ok(()),
            None => Err(Rejection::TypeMissing),
            Some("jwt") if untyped => Ok(()),
            Some(kind) if class.types().contains(&kind) => Ok(()),
            Some(_) => Err(Rejection::TypeWrong),
        }
    }

    fn is_issuer(&self, claims: Claims<'_>) -> Result<(), Rejection> {
        match claims.text("iss")? {
            Some(name) if name == self.issuer.name() => Ok(()),
            Some(_) => Err(Rejection::IssuerWrong),
            None => Err(Rejection::ClaimMissing("iss")),
        }
    }

    fn limits(&self, class: ClassName, rule: &ClassRule) -> Limits {
        Limits {
            max_age: rule.age_limit(),
            clock_skew: self.issuer.clock_skew(),
            expires: class != ClassName::SecurityEvent,
        }
    }

    /// Last of all, so that a refused token does not use up anything.
    fn use_up(
        &self,
        class: &Class<'_>,
        claims: Claims<'_>,
        times: Times,
        now: Instant,
    ) -> Result<(), Rejection> {
        let (Class::LogoutToken { replay, .. }
        | Class::ClientAssertion { replay, .. }
        | Class::SecurityEvent { replay }) = class
        else {
            return Ok(());
        };
        let id = claims.id("jti")?.ok_or(Rejection::ClaimMissing("jti"))?;
        replay.use_once(self.issuer.name(), id, times.refused_from, now)
    }
}

fn freshness(class: &Class<'_>, age: Duration) -> Result<(), Rejection> {
    if age > MAX_AGE_FOR_SESSIONS {
        return Err(Rejection::KeysExpired);
    }
    if class.is_login() && age > MAX_AGE_FOR_LOGINS {
        return Err(Rejection::KeysStale);
    }
    Ok(())
}

fn has_required(claims: Claims<'_>, rule: &ClassRule) -> Result<(), Rejection> {
    let mut required = rule.required_claims().iter();
    match required.find(|name| !claims.says(name)) {
        Some(name) => Err(Rejection::RequiredClaimMissing(name.clone())),
        None => Ok(()),
    }
}

fn unregistered(token: &Token) -> serde_json::Map<String, Value> {
    let mut rest = token.claims().clone();
    rest.retain(|name, _| !REGISTERED.contains(&name.as_str()));
    rest
}
