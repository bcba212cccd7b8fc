//! Somebody has signed in (OpenID Connect Core 3.1.3.5 to 3.1.3.8).

use custos_jwt::{Class, IssuerKeys, Nonce, Verified};
use custos_model::{Instant, Secret};
use serde_json::Value;

use crate::callback::Redeeming;
use crate::identity::Identity;
use crate::provider::Provider;
use crate::refresh::RefreshGrant;
use crate::rejection::Rejection;
use crate::return_path::ReturnPath;
use crate::token_response::TokenResponse;

/// More authentication methods than anybody uses.
const MAX_METHODS: usize = 32;
const MAX_WORD_BYTES: usize = 255;

/// Somebody has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who it is, for [`Provider::principal`].
    pub identity: Identity,
    /// `sid`, the session at the provider, which a logout token may name.
    pub session_id: Option<String>,
    /// `acr`, how strongly the person was authenticated, in the provider's own words.
    pub authentication_context: Option<String>,
    /// `amr`, with what (RFC 8176).
    pub authentication_methods: Vec<String>,
    /// `auth_time`, seconds since 1970-01-01T00:00:00Z.
    pub authenticated_at: Option<u64>,
    /// For [`Provider::userinfo_request`].
    pub access_token: Secret,
    /// Seconds that the access token lives, as the provider says.
    pub access_token_expires_in: Option<u64>,
    /// For [`Provider::refresh_request`], where the provider gives one.
    pub refresh: Option<RefreshGrant>,
    /// The identity token itself, for [`Provider::logout_url`].
    pub id_token: Secret,
    /// Where the browser goes now.
    pub return_path: ReturnPath,
}

impl Provider {
    /// Judges the tokens that a code was exchanged for. `keys` are those of [`Provider::token_issuer`].
    ///
    /// # Errors
    /// [`Rejection::IdTokenMissing`], [`Rejection::KeysWrong`], [`Rejection::Token`],
    /// [`Rejection::AuthenticationContext`], [`Rejection::ClaimMalformed`], [`Rejection::ProviderWrong`].
    pub fn signed_in(
        &self,
        redeeming: Redeeming,
        response: TokenResponse,
        keys: &IssuerKeys,
        now: Instant,
    ) -> Result<SignedIn, Rejection> {
        if redeeming.issuer != self.settings().issuer {
            return Err(Rejection::ProviderWrong);
        }
        let (id_token, token) = response.id_token.ok_or(Rejection::IdTokenMissing)?;
        let class = Class::IdToken {
            client_id: &self.settings().client_id,
            nonce: Nonce::Login(&redeeming.nonce),
            access_token: Some(response.access_token.expose()),
            max_auth_age: redeeming.max_age,
        };
        let verified = self.verify(keys, &token, &class, now)?;
        let context = context(&verified, &redeeming.acr_values)?;
        let identity = Identity::of_token(&verified)?;
        let refresh = response.refresh_token.map(|refresh_token| RefreshGrant {
            refresh_token,
            subject: identity.subject.clone(),
            nonce: redeeming.nonce,
            authenticated_at: verified.authenticated_at(),
        });
        Ok(SignedIn {
            identity,
            session_id: verified.session_id().map(str::to_owned),
            authentication_context: context,
            authentication_methods: methods(&verified)?,
            authenticated_at: verified.authenticated_at(),
            access_token: response.access_token,
            access_token_expires_in: response.expires_in,
            refresh,
            id_token,
            return_path: redeeming.return_path,
        })
    }
}

/// `acr`. Where one of several was asked for, it must be one of them: the provider is free to ignore the wish
/// (OpenID Connect Core 3.1.2.1), and we are not.
fn context(verified: &Verified, asked: &[String]) -> Result<Option<String>, Rejection> {
    let context = match verified.claims().get("acr") {
        None => None,
        Some(value) => Some(word(value).ok_or(Rejection::ClaimMalformed("acr"))?),
    };
    let fits = |context: &String| asked.contains(context);
    if !asked.is_empty() && !context.as_ref().is_some_and(fits) {
        return Err(Rejection::AuthenticationContext);
    }
    Ok(context)
}

fn methods(verified: &Verified) -> Result<Vec<String>, Rejection> {
    let malformed = Rejection::ClaimMalformed("amr");
    match verified.claims().get("amr") {
        None => Ok(Vec::new()),
        Some(Value::Array(methods)) if methods.len() <= MAX_METHODS => {
            let words: Option<Vec<String>> = methods.iter().map(word).collect();
            words.ok_or(malformed)
        }
        Some(_) => Err(malformed),
    }
}

fn word(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let plain =
        !text.is_empty() && text.len() <= MAX_WORD_BYTES && !text.contains(char::is_control);
    plain.then(|| text.to_owned())
}
