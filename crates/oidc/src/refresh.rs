//! Asking again whether a person is still who she was (OpenID Connect Core 12).

use std::fmt;

use custos_jwt::{Class, IssuerKeys, Nonce};
use custos_model::{Instant, Secret};

use crate::http_request::HttpRequest;
use crate::identity::Identity;
use crate::mapping::ClaimSource;
use crate::provider::Provider;
use crate::rejection::Rejection;
use crate::token_response::TokenResponse;

/// What refreshing needs to know of the sign-in. To be kept encrypted: the token is a credential.
#[derive(Clone)]
pub struct RefreshGrant {
    /// The refresh token.
    pub refresh_token: Secret,
    /// Who signed in.
    pub subject: String,
    /// The nonce of the sign-in.
    pub nonce: String,
    /// `auth_time` of the sign-in.
    pub authenticated_at: Option<u64>,
}

impl fmt::Debug for RefreshGrant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RefreshGrant")
            .field("authenticated_at", &self.authenticated_at)
            .finish_non_exhaustive()
    }
}

/// A sign-in that still holds.
#[derive(Debug)]
pub struct Refreshed {
    /// The claims as they are now, if an identity token came. `None` only where the configured source is the
    /// userinfo endpoint, which is to be asked then.
    pub identity: Option<Identity>,
    /// For [`Provider::userinfo_request`].
    pub access_token: Secret,
    /// Seconds that the access token lives, as the provider says.
    pub access_token_expires_in: Option<u64>,
    /// For the next time, in place of the one that was used: providers may change the token (RFC 6749 section 6).
    pub refresh: RefreshGrant,
}

impl Provider {
    /// A request to refresh. `assertion_id` are new random bytes.
    pub fn refresh_request(
        &self,
        grant: &RefreshGrant,
        assertion_id: [u8; 16],
        now: Instant,
    ) -> Result<HttpRequest, Rejection> {
        let parameters = [
            ("grant_type", "refresh_token"),
            ("refresh_token", grant.refresh_token.expose()),
        ];
        self.token_request(&parameters, assertion_id, now)
    }

    /// Judges the answer to [`Provider::refresh_request`]. `keys` are needed where an identity token came.
    ///
    /// An identity token must have the issuer, subject and audience of the sign-in, its nonce or none, and its
    /// `auth_time` where both have one (OpenID Connect Core 12.2). Where claims are read from identity tokens, an
    /// answer without one is refused: groups that nobody looked at again are not kept.
    ///
    /// # Errors
    /// As [`Provider::signed_in`]; [`Rejection::RefreshSubject`], [`Rejection::RefreshAuthentication`].
    pub fn refreshed(
        &self,
        grant: RefreshGrant,
        response: TokenResponse,
        keys: Option<&IssuerKeys>,
        now: Instant,
    ) -> Result<Refreshed, Rejection> {
        let identity = self.refreshed_identity(&grant, &response, keys, now)?;
        if identity.is_none() && self.settings().mapping.source == ClaimSource::IdToken {
            return Err(Rejection::IdTokenMissing);
        }
        Ok(Refreshed {
            identity,
            access_token: response.access_token,
            access_token_expires_in: response.expires_in,
            refresh: RefreshGrant {
                refresh_token: response.refresh_token.unwrap_or(grant.refresh_token),
                ..grant
            },
        })
    }

    fn refreshed_identity(
        &self,
        grant: &RefreshGrant,
        response: &TokenResponse,
        keys: Option<&IssuerKeys>,
        now: Instant,
    ) -> Result<Option<Identity>, Rejection> {
        let Some(token) = response.id_token() else {
            return Ok(None);
        };
        let keys = keys.ok_or(custos_jwt::Rejection::KeysUnavailable)?;
        let class = Class::IdToken {
            client_id: &self.settings().client_id,
            nonce: Nonce::Refresh(&grant.nonce),
            access_token: Some(response.access_token.expose()),
            max_auth_age: None,
        };
        let verified = self.verify(keys, token, &class, now)?;
        if verified.subject() != Some(grant.subject.as_str()) {
            return Err(Rejection::RefreshSubject);
        }
        let times = verified.authenticated_at().zip(grant.authenticated_at);
        if times.is_some_and(|(now, then)| now != then) {
            return Err(Rejection::RefreshAuthentication);
        }
        Identity::of_token(&verified).map(Some)
    }
}
