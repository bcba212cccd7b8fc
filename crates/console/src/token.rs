//! The endpoints that programs talk to: tokens, devices, revocation, metadata.

use std::net::SocketAddr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use custos_identity::JudgedToken;
use custos_oauth::{Parameters, Refusal, TokenAnswer};
use serde_json::{Value, json};

use crate::console::Console;

/// `subject_token_type` values that a platform's own token comes as (RFC 8693 section 3).
const TOKEN_TYPES: [&str; 2] = [
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:id_token",
];

/// `POST /oauth/token`
pub(crate) async fn token(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    body: Bytes,
) -> Response {
    let judged = console.judged(&body, peer).await;
    let asked = console
        .ask(peer.ip(), judged, move |server, state, call| {
            server.token(&body, state, call)
        })
        .await;
    let Some(outcome) = asked else {
        return unavailable();
    };
    if console.record_events(&outcome.events, peer).await.is_err() {
        return unavailable();
    }
    match outcome.answer {
        Ok(TokenAnswer::Token(token)) => answer(StatusCode::OK, token.json()),
        Ok(TokenAnswer::Credential(decision)) => console.credential(decision, peer).await,
        Err(refusal) => refused(&refusal),
    }
}

/// `POST /oauth/device_authorization`
pub(crate) async fn device(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    body: Bytes,
) -> Response {
    let asked = console
        .ask(peer.ip(), JudgedToken(None), move |server, _, call| {
            server.authorize_device(&body, call)
        })
        .await;
    let Some(outcome) = asked else {
        return unavailable();
    };
    if console.record_events(&outcome.events, peer).await.is_err() {
        return unavailable();
    }
    match outcome.answer {
        Ok(device) => answer(StatusCode::OK, device.json()),
        Err(refusal) => refused(&refusal),
    }
}

/// `POST /oauth/revoke`
pub(crate) async fn revoke(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    body: Bytes,
) -> Response {
    let asked = console
        .ask(peer.ip(), JudgedToken(None), move |server, state, call| {
            server.revoke(&body, state, call)
        })
        .await;
    let Some(outcome) = asked else {
        return unavailable();
    };
    if console.record_events(&outcome.events, peer).await.is_err() {
        return unavailable();
    }
    match outcome.answer {
        Ok(()) => answer(StatusCode::OK, json!({})),
        Err(refusal) => refused(&refusal),
    }
}

/// `GET /.well-known/oauth-authorization-server` and `/.well-known/openid-configuration`
pub(crate) async fn metadata(State(console): State<Console>) -> Response {
    match console
        .blocking(|console| console.server().metadata())
        .await
    {
        Some(metadata) => Json(metadata).into_response(),
        None => unavailable(),
    }
}

/// `GET /oauth/keys`
pub(crate) async fn keys(State(console): State<Console>) -> Response {
    let now = console.now();
    let keys = console.blocking(move |console| console.server().key_set(now));
    match keys.await {
        Some(keys) => Json(keys).into_response(),
        None => unavailable(),
    }
}

impl Console {
    /// Judges the platform's token of an exchange before the authorization server asks: its keys may have to be
    /// fetched first.
    async fn judged(&self, body: &[u8], peer: SocketAddr) -> JudgedToken {
        let Ok(parameters) = Parameters::from_form(body) else {
            return JudgedToken(None);
        };
        let platform = parameters
            .get("subject_token_type")
            .is_some_and(|kind| TOKEN_TYPES.contains(&kind));
        match parameters.get("subject_token") {
            Some(token) if platform => {
                let workloads = &self.services.workloads;
                let now = self.now();
                JudgedToken(Some(workloads.identify(token, peer.ip(), now).await))
            }
            _ => JudgedToken(None),
        }
    }
}

pub(crate) fn answer(status: StatusCode, body: Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

pub(crate) fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    answer(status, refusal.json())
}

/// Evidence cannot be written, or state failed.
pub(crate) fn unavailable() -> Response {
    answer(
        StatusCode::SERVICE_UNAVAILABLE,
        json!({"error": "temporarily_unavailable", "error_description": "the gateway cannot take this now"}),
    )
}
