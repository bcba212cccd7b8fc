//! `/userinfo` (OpenID Connect Core 5.3).

use axum::Json;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::claims;
use crate::opaque::Hash;
use crate::provider::Provider;

/// The access token comes in the `Authorization` header and nowhere else (RFC 6750 section 2.1).
pub(crate) async fn userinfo(State(provider): State<Provider>, headers: HeaderMap) -> Response {
    let Some(token) = bearer(&headers) else {
        return challenge("Bearer realm=\"development provider\"");
    };
    let now = provider.now().mono_ns;
    let memory = provider.memory();
    let grant = memory.access_tokens.get(&Hash::of(token), now);
    match grant.and_then(|key| memory.grant(key, now)) {
        Some((grant, account)) => Json(claims::person(&grant.person, account)).into_response(),
        None => challenge("Bearer realm=\"development provider\", error=\"invalid_token\""),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    let one = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    one.then_some(token)
}

fn challenge(text: &'static str) -> Response {
    let header = [(WWW_AUTHENTICATE, HeaderValue::from_static(text))];
    (StatusCode::UNAUTHORIZED, header).into_response()
}
