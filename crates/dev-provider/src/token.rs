//! `POST /token` (OpenID Connect Core 3.1.3).

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use custos_model::Instant;
use serde_json::{Value, json};

use crate::answer::TokenError;
use crate::memory::{ACCESS_TOKEN_SECONDS, Hint, Memory, RefreshToken};
use crate::opaque::{Hash, secret};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::{claims, client_auth, code, refresh};

pub(crate) async fn token(
    State(provider): State<Provider>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // RFC 6749 section 2.3.1: not in the URL, where secrets end up in logs.
    if query.is_some_and(|query| !query.is_empty()) {
        return TokenError::Request("parameters belong into the body").into_response();
    }
    match provider.exchange(&headers, &body) {
        Ok(tokens) => Json(tokens).into_response(),
        Err(error) => error.into_response(),
    }
}

impl Provider {
    fn exchange(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, TokenError> {
        let form = Parameters::of_form(headers, body)?;
        let parts = &self.parts;
        let client = client_auth::client(&parts.clients, &parts.decoy, headers, &form)?;
        let now = self.now();
        let mut memory = self.memory();
        match form.get("grant_type") {
            Some("authorization_code") => {
                let grant = code::redeem(&mut memory, client, &form, now)?;
                self.tokens(&mut memory, &grant, true, now)
            }
            Some("refresh_token") => {
                let grant = refresh::rotate(&mut memory, client, &form, now)?;
                self.tokens(&mut memory, &grant, false, now)
            }
            Some(_) => Err(TokenError::Other(
                "unsupported_grant_type",
                "only authorization_code and refresh_token are supported",
            )),
            None => Err(TokenError::Request("grant_type is missing")),
        }
    }

    /// New tokens of a grant. A grant whose session has ended, or whose person may not sign in, gives none.
    fn tokens(
        &self,
        memory: &mut Memory,
        key: &Hash,
        first: bool,
        now: Instant,
    ) -> Result<Value, TokenError> {
        let (grant, account) = memory.grant(key, now.mono_ns).ok_or(TokenError::Grant)?;
        let access_token = secret(&self.parts.random);
        let nonce = grant.nonce.as_deref().filter(|_| first);
        let issuer = self.issuer();
        let claims = claims::identity(issuer, grant, account, nonce, access_token.expose(), now);
        let id_token = self.parts.signer.sign("JWT", &claims);
        let id_token = id_token.map_err(|_| TokenError::Unavailable)?;
        let hint = Hint {
            client: grant.client.clone(),
            session: grant.session.clone(),
        };
        let offline = grant.offline;
        memory
            .id_tokens
            .insert_over_oldest(Hash::of(&id_token), hint, now.mono_ns);
        let hash = Hash::of(access_token.expose());
        let kept = memory.access_tokens.insert(hash, *key, now.mono_ns);
        kept.map_err(|_| TokenError::Unavailable)?;
        let mut tokens = json!({
            "access_token": access_token.expose(),
            "token_type": "Bearer",
            "expires_in": ACCESS_TOKEN_SECONDS,
            "id_token": id_token,
        });
        if offline {
            let token = secret(&self.parts.random);
            let entry = RefreshToken {
                grant: *key,
                used: false,
            };
            let kept = memory
                .refresh_tokens
                .insert(Hash::of(token.expose()), entry, now.mono_ns);
            kept.map_err(|_| TokenError::Unavailable)?;
            if let Some(members) = tokens.as_object_mut() {
                members.insert("refresh_token".to_owned(), token.expose().into());
            }
        }
        Ok(tokens)
    }
}
