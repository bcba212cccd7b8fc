//! What the authorization server keeps: sign-ins and refresh tokens in the store, and whom a machine's token means.

use std::time::Duration;

use custos_model::{Instant, SignInId};
use custos_oauth::{
    ClientId, FoundRefreshToken, GrantId, NewSignIn as BegunSignIn, RefreshToken, RefreshTokens,
    Rotation, Scopes, SecretHash, SignIn, SignIns as SignInState, StateError, Workload,
    WorkloadVerifier,
};
use custos_store::{Store, StoredRefreshToken, StoredSignIn, TokenStored};

use crate::sign_ins::{NewSignIn, SignIns};
use crate::workloads::{TokenFailure, WorkloadLogin};

/// Sign-ins as the authorization server sees them in one call. What it begins ends with the token that was shown.
#[derive(Debug)]
pub struct SignInsOfCall<'a> {
    /// All of them.
    pub sign_ins: &'a SignIns,
    /// The end of a machine's token that came with the call, UTC nanoseconds.
    pub until_utc_ns: Option<u64>,
}

impl SignInState for SignInsOfCall<'_> {
    fn live(&self, id: SignInId, now: Instant) -> Result<Option<SignIn>, StateError> {
        let found = self
            .sign_ins
            .live(id, now)
            .map_err(failed("look up a sign-in"))?;
        Ok(found.map(known))
    }

    fn begin(&self, new: BegunSignIn, now: Instant) -> Result<SignIn, StateError> {
        let new = NewSignIn {
            principal: new.principal,
            authentication: new.authentication,
            provider_session: None,
            parents: new.parents,
            lasts: self.until_utc_ns.map_or(new.lasts, |until| {
                let left = Duration::from_nanos(until.saturating_sub(now.utc_ns));
                new.lasts.min(left)
            }),
        };
        let begun = self
            .sign_ins
            .begin(new, now)
            .map_err(failed("begin a sign-in"))?;
        Ok(known(begun))
    }

    fn end(&self, id: SignInId, now: Instant) -> Result<(), StateError> {
        self.sign_ins
            .end(id, now)
            .map_err(failed("end a sign-in"))?;
        Ok(())
    }
}

fn known(sign_in: StoredSignIn) -> SignIn {
    SignIn {
        id: sign_in.id,
        principal: sign_in.principal,
        expires_utc_ns: sign_in.expires_utc_ns,
    }
}

/// Refresh tokens in the store.
#[derive(Clone, Debug)]
pub struct StoredRefreshTokens(pub Store);

impl StoredRefreshTokens {
    fn add(&self, token: &RefreshToken, used: Option<&SecretHash>) -> Result<Rotation, StateError> {
        let stored = StoredRefreshToken {
            hash: *token.hash.as_bytes(),
            grant: *token.grant.as_bytes(),
            client: token.client.as_str().to_owned(),
            sign_in: token.sign_in,
            scopes: token.scopes.to_string(),
            expires_utc_ns: token.expires_utc_ns,
            used: false,
        };
        let stored = self
            .0
            .add_refresh_token(&stored, used.map(SecretHash::as_bytes))
            .map_err(failed("store a refresh token"))?;
        Ok(match stored {
            TokenStored::Stored => Rotation::Rotated,
            TokenStored::AlreadyUsed => Rotation::AlreadyUsed,
            TokenStored::Revoked => Rotation::Revoked,
        })
    }
}

impl RefreshTokens for StoredRefreshTokens {
    fn insert(&self, token: &RefreshToken) -> Result<Rotation, StateError> {
        self.add(token, None)
    }

    fn find(&self, hash: &SecretHash) -> Result<Option<FoundRefreshToken>, StateError> {
        const ACTION: &str = "look up a refresh token";
        let found = self
            .0
            .refresh_token(hash.as_bytes())
            .map_err(failed(ACTION))?;
        let Some(found) = found else { return Ok(None) };
        let damaged = || StateError::new(ACTION, "it is damaged");
        Ok(Some(FoundRefreshToken {
            token: RefreshToken {
                hash: SecretHash::from_bytes(found.hash),
                grant: GrantId::from_bytes(found.grant),
                client: found.client.parse::<ClientId>().map_err(|_| damaged())?,
                sign_in: found.sign_in,
                scopes: Scopes::parse(&found.scopes).map_err(|_| damaged())?,
                expires_utc_ns: found.expires_utc_ns,
            },
            used: found.used,
        }))
    }

    fn rotate(&self, used: &SecretHash, next: &RefreshToken) -> Result<Rotation, StateError> {
        self.add(next, Some(used))
    }

    fn revoke(&self, grant: GrantId, keep_utc_ns: u64) -> Result<(), StateError> {
        self.0
            .revoke_grant(grant.as_bytes(), keep_utc_ns)
            .map_err(failed("revoke a grant"))
    }

    fn is_revoked(&self, grant: GrantId) -> Result<bool, StateError> {
        self.0
            .is_grant_revoked(grant.as_bytes())
            .map_err(failed("look up a grant"))
    }
}

/// A machine's token that was judged before the authorization server asks, because its keys may have to be fetched.
#[derive(Debug)]
pub struct JudgedToken(pub Option<Result<WorkloadLogin, TokenFailure>>);

impl JudgedToken {
    /// The end of the token, UTC nanoseconds, if it is good.
    pub fn until_utc_ns(&self) -> Option<u64> {
        let login = self.0.as_ref()?.as_ref().ok()?;
        Some(login.ends_utc_ns)
    }
}

impl WorkloadVerifier for JudgedToken {
    fn verify(&self, _: &str, _: Instant) -> Result<Workload, &'static str> {
        match &self.0 {
            Some(Ok(login)) => Ok(Workload {
                principal: login.principal.clone(),
                authentication: login.authentication.clone(),
            }),
            Some(Err(failure)) => Err(failure.code()),
            None => Err("not_a_workload"),
        }
    }
}

fn failed<E>(action: &'static str) -> impl FnOnce(E) -> StateError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |source| StateError::new(action, source)
}
