//! Delegation tokens: a person's word that one agent may act for her (RFC 8693 section 4.4). They open nothing by
//! themselves: that agent exchanges them, together with its own access token.

use custos_jwt::SignerError;
use custos_model::{Instant, Principal, Secret, SignInId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access_token::{Signed, subject};
use crate::base_url::BaseUrl;
use crate::client::ClientId;
use crate::keys::KeyRing;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::state::{SignIn, State};

const SECOND_NS: u64 = 1_000_000_000;

/// What is to be signed.
#[derive(Debug)]
pub(crate) struct IssueDelegation<'a> {
    pub(crate) base_url: &'a BaseUrl,
    /// The person's.
    pub(crate) sign_in: &'a SignIn,
    pub(crate) client: &'a ClientId,
    pub(crate) agent: &'a Principal,
    /// Cut to the end of the sign-in.
    pub(crate) until_utc_ns: u64,
    pub(crate) token_id: [u8; 16],
}

/// The claims beside `iss`, `sub`, `aud`, `exp`, `iat` and `jti`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    client_id: String,
    /// The person's sign-in.
    sid: SignInId,
    may_act: MayAct,
}

/// The only one that may act by it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MayAct {
    iss: String,
    sub: String,
}

/// A delegation token that was verified and whose sign-in lives.
#[derive(Debug)]
pub(crate) struct Delegation {
    /// The person's.
    pub(crate) sign_in: SignIn,
    /// `jti`.
    pub(crate) token_id: String,
    /// Until when, UTC nanoseconds.
    pub(crate) expires_utc_ns: u64,
    may_act: MayAct,
}

impl std::fmt::Debug for MayAct {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} of {}", self.sub, self.iss)
    }
}

impl IssueDelegation<'_> {
    pub(crate) fn sign(&self, keys: &KeyRing, now: Instant) -> Result<Signed, Refusal> {
        let issued = now.utc_ns / SECOND_NS;
        let expires = self.until_utc_ns.min(self.sign_in.expires_utc_ns) / SECOND_NS;
        if expires <= issued {
            return Err(Reason::SignInEnded.into());
        }
        let token_id = format!("{:032x}", u128::from_be_bytes(self.token_id));
        let mut claims = self.claims()?;
        let registered: [(&str, Value); 6] = [
            ("iss", self.base_url.as_str().into()),
            ("aud", self.base_url.as_str().into()),
            ("sub", subject(&self.sign_in.principal).into()),
            ("iat", issued.into()),
            ("exp", expires.into()),
            ("jti", token_id.as_str().into()),
        ];
        for (name, value) in registered {
            claims.insert(name.to_owned(), value);
        }
        let token = keys.sign_delegation(&claims).map_err(|error| match error {
            SignerError::TooLong => Reason::PrincipalTooLarge,
            SignerError::Key | SignerError::Crypto => Reason::SigningFailed,
        })?;
        Ok(Signed {
            token: Secret::new(token),
            token_id,
            issued_utc_ns: now.utc_ns,
            expires_utc_ns: expires * SECOND_NS,
        })
    }

    fn claims(&self) -> Result<Map<String, Value>, Reason> {
        let claims = Claims {
            client_id: self.client.as_str().to_owned(),
            sid: self.sign_in.id,
            may_act: MayAct {
                iss: self.agent.issuer.clone(),
                sub: self.agent.subject.clone(),
            },
        };
        match serde_json::to_value(claims) {
            Ok(Value::Object(claims)) => Ok(claims),
            _ => Err(Reason::SigningFailed),
        }
    }
}

impl Delegation {
    /// Judges a token as it came.
    pub(crate) fn read(
        keys: &KeyRing,
        token: &str,
        state: &State<'_>,
        now: Instant,
    ) -> Result<Self, Refusal> {
        let rejected = |detail| Refusal::with(Reason::SubjectTokenRejected, detail);
        let verified = keys.verify_delegation(token, now).map_err(rejected)?;
        let claims = Value::Object(verified.claims().clone());
        let unknown = || rejected("claims_unknown");
        let claims: Claims = serde_json::from_value(claims).map_err(|_| unknown())?;
        let found = state.sign_ins.live(claims.sid, now)?;
        let of_subject =
            |sign_in: &SignIn| verified.subject() == Some(subject(&sign_in.principal).as_str());
        let sign_in = found
            .filter(of_subject)
            .ok_or_else(|| rejected(Reason::TokenRevoked.code()))?;
        Ok(Self {
            sign_in,
            token_id: verified.token_id().ok_or_else(unknown)?.to_owned(),
            expires_utc_ns: verified
                .expires_at()
                .ok_or_else(unknown)?
                .saturating_mul(SECOND_NS),
            may_act: claims.may_act,
        })
    }

    /// Whether it is for that agent.
    pub(crate) fn is_for(&self, agent: &Principal) -> bool {
        (&self.may_act.iss, &self.may_act.sub) == (&agent.issuer, &agent.subject)
    }
}
