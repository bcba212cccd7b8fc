//! Access tokens: JSON Web Tokens for ourselves (RFC 9068), with the chain of actors (RFC 8693 section 4.1).

use custos_jwt::{SignerError, Verified};
use custos_model::{Instant, Principal, PrincipalKind, Secret, SignInId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base_url::BaseUrl;
use crate::call::ns;
use crate::client::ClientId;
use crate::keys::KeyRing;
use crate::opaque::sha256;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::scope::Scopes;
use crate::state::{GrantId, SignIn, State};
use crate::{ACCESS_TOKEN_LIFE, CLOCK_SKEW};

const SECOND_NS: u64 = 1_000_000_000;

/// An access token that was verified, whose sign-in lives and whose grant is not revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Who uses it, and whom for: as the sign-in has it now, where groups may have changed since it was issued.
    pub principal: Principal,
    /// The sign-in that it hangs on.
    pub sign_in: SignIn,
    /// The client that it was issued to.
    pub client: ClientId,
    /// What it is good for.
    pub scopes: Scopes,
    /// Its grant.
    pub grant: GrantId,
    /// `jti`.
    pub token_id: String,
    /// Until when, UTC nanoseconds.
    pub expires_utc_ns: u64,
}

/// What is to be signed.
#[derive(Debug)]
pub(crate) struct Issue<'a> {
    pub(crate) base_url: &'a BaseUrl,
    pub(crate) sign_in: &'a SignIn,
    pub(crate) client: &'a ClientId,
    pub(crate) scopes: &'a Scopes,
    pub(crate) grant: GrantId,
    /// The end of the tokens that it is exchanged for, UTC nanoseconds.
    pub(crate) until_utc_ns: u64,
    pub(crate) token_id: [u8; 16],
}

/// A token as it goes out.
pub(crate) struct Signed {
    pub(crate) token: Secret,
    pub(crate) token_id: String,
    pub(crate) issued_utc_ns: u64,
    pub(crate) expires_utc_ns: u64,
}

/// The claims beside `iss`, `sub`, `aud`, `exp`, `iat` and `jti`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    client_id: String,
    scope: String,
    grant: String,
    /// Issuer and subject of the principal, as its provider says them.
    idp: String,
    idp_subject: String,
    kind: PrincipalKind,
    name: String,
    groups: Vec<String>,
    /// The sign-in of whoever presents the token.
    sid: SignInId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Box<Actor>>,
}

/// Who acts for the subject; nested, who acts through it. The outermost is the one that presents the token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Actor {
    iss: String,
    sub: String,
    kind: PrincipalKind,
    name: String,
    groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Box<Actor>>,
}

impl Issue<'_> {
    /// Signs a token for [`ACCESS_TOKEN_LIFE`], less if the sign-in or a token that it comes from ends earlier.
    pub(crate) fn sign(&self, keys: &KeyRing, now: Instant) -> Result<Signed, Refusal> {
        let issued = now.utc_ns / SECOND_NS;
        let latest = now.utc_ns.saturating_add(ns(ACCESS_TOKEN_LIFE));
        let ends = self.sign_in.expires_utc_ns.min(self.until_utc_ns);
        let expires = latest.min(ends) / SECOND_NS;
        if expires <= issued {
            return Err(Reason::SignInEnded.into());
        }
        let token_id = format!("{:032x}", u128::from_be_bytes(self.token_id));
        let mut claims = self.claims()?;
        let registered: [(&str, Value); 6] = [
            ("iss", self.base_url.as_str().into()),
            ("aud", self.base_url.as_str().into()),
            ("sub", subject(self.person()).into()),
            ("iat", issued.into()),
            ("exp", expires.into()),
            ("jti", token_id.as_str().into()),
        ];
        for (name, value) in registered {
            claims.insert(name.to_owned(), value);
        }
        let token = keys.sign(&claims).map_err(|error| match error {
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

    /// Whom all of it is for: the end of the chain.
    fn person(&self) -> &Principal {
        let principal = &self.sign_in.principal;
        principal.on_behalf_of.last().unwrap_or(principal)
    }

    fn claims(&self) -> Result<Map<String, Value>, Reason> {
        let person = self.person();
        let claims = Claims {
            client_id: self.client.as_str().to_owned(),
            scope: self.scopes.to_string(),
            grant: self.grant.to_string(),
            idp: person.issuer.clone(),
            idp_subject: person.subject.clone(),
            kind: person.kind,
            name: person.name.clone(),
            groups: person.groups.clone(),
            sid: self.sign_in.id,
            act: self.actors(),
        };
        match serde_json::to_value(claims) {
            Ok(Value::Object(claims)) => Ok(claims),
            _ => Err(Reason::SigningFailed),
        }
    }

    fn actors(&self) -> Option<Box<Actor>> {
        let chain: Vec<&Principal> = chain(&self.sign_in.principal).collect();
        let (_person, actors) = chain.split_last()?;
        let mut nested = None;
        for actor in actors.iter().rev() {
            nested = Some(Box::new(Actor {
                iss: actor.issuer.clone(),
                sub: actor.subject.clone(),
                kind: actor.kind,
                name: actor.name.clone(),
                groups: actor.groups.clone(),
                act: nested,
            }));
        }
        nested
    }
}

/// A token that was verified, before anything is asked about its sign-in.
pub(crate) struct Read {
    /// Issuer and subject of whoever presents it, and of whom it acts for.
    chain: Vec<(String, String)>,
    sign_in: SignInId,
    client: ClientId,
    scopes: Scopes,
    grant: GrantId,
    token_id: String,
    expires_utc_ns: u64,
}

impl Read {
    pub(crate) fn token(keys: &KeyRing, token: &str, now: Instant) -> Result<Self, &'static str> {
        Self::claims(&keys.verify(token, now)?).ok_or("claims_unknown")
    }

    fn claims(verified: &Verified) -> Option<Self> {
        let claims = Value::Object(verified.claims().clone());
        let claims: Claims = serde_json::from_value(claims).ok()?;
        let subject = subject_of(&claims.idp, &claims.idp_subject);
        if verified.subject() != Some(subject.as_str()) {
            return None;
        }
        let mut chain = Vec::new();
        let mut next = claims.act;
        while let Some(actor) = next {
            let actor = *actor;
            chain.push((actor.iss, actor.sub));
            next = actor.act;
        }
        chain.push((claims.idp, claims.idp_subject));
        Some(Self {
            chain,
            sign_in: claims.sid,
            client: claims.client_id.parse().ok()?,
            scopes: Scopes::parse(&claims.scope).ok()?,
            grant: GrantId::parse(&claims.grant)?,
            token_id: verified.token_id()?.to_owned(),
            expires_utc_ns: verified.expires_at()?.saturating_mul(SECOND_NS),
        })
    }

    pub(crate) fn client(&self) -> &ClientId {
        &self.client
    }

    pub(crate) fn grant(&self) -> GrantId {
        self.grant
    }

    pub(crate) fn sign_in(&self) -> SignInId {
        self.sign_in
    }

    /// Asks whether all that it hangs on is still there.
    pub(crate) fn alive(self, state: &State<'_>, now: Instant) -> Result<AccessToken, Refusal> {
        if state.refresh_tokens.is_revoked(self.grant)? {
            return Err(Reason::TokenRevoked.into());
        }
        let same = |sign_in: &SignIn| {
            let own = chain(&sign_in.principal);
            own.map(|it| (&it.issuer, &it.subject))
                .eq(self.chain.iter().map(|(issuer, subject)| (issuer, subject)))
        };
        let sign_in = state.sign_ins.live(self.sign_in, now)?.filter(same);
        let sign_in = sign_in.ok_or(Reason::TokenRevoked)?;
        Ok(AccessToken {
            principal: sign_in.principal.clone(),
            sign_in,
            client: self.client,
            scopes: self.scopes,
            grant: self.grant,
            token_id: self.token_id,
            expires_utc_ns: self.expires_utc_ns,
        })
    }
}

/// Whoever acts, and whom for.
fn chain(principal: &Principal) -> impl Iterator<Item = &Principal> {
    std::iter::once(principal).chain(&principal.on_behalf_of)
}

/// `sub` is unique at our issuer (RFC 7519 section 4.1.2), where one subject's name may occur at several providers,
/// and plain ASCII, which a provider's name need not be.
pub(crate) fn subject(principal: &Principal) -> String {
    subject_of(&principal.issuer, &principal.subject)
}

fn subject_of(issuer: &str, subject: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let mut message = (issuer.len() as u64).to_be_bytes().to_vec();
    message.extend_from_slice(issuer.as_bytes());
    message.extend_from_slice(subject.as_bytes());
    URL_SAFE_NO_PAD.encode(sha256(&message))
}

/// When the last access token of a grant that is revoked now is refused anyway.
pub(crate) fn revoked_until(now: Instant) -> u64 {
    now.utc_ns
        .saturating_add(ns(ACCESS_TOKEN_LIFE) + ns(CLOCK_SKEW))
}
