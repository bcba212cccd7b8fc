//! What administrators do over the web, with the same calls as the operator at the socket.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use custos_api::{ApiError, Caller};
use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use serde::Serialize;

use crate::administrator::is_person;
use crate::console::Console;
use crate::my::failure;
use crate::record::Entry;
use crate::token::unavailable;

/// Live sessions in a list at most.
const SESSIONS_MAX: usize = 1000;

/// `GET /v1/sign-ins`
pub(crate) async fn sign_ins(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    match console.administrator(&headers, peer).await {
        Ok(_) => listed(console.admin.sign_ins().await),
        Err(response) => response,
    }
}

/// `DELETE /v1/sign-ins/ID`
pub(crate) async fn end_sign_in(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let caller = match console.administrator(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    match id.parse() {
        Ok(id) => done(console.admin.end_sign_in(&caller, id).await),
        Err(_) => failure(StatusCode::BAD_REQUEST, "bad_request", "not a sign-in's id"),
    }
}

/// `GET /v1/sessions/live`
pub(crate) async fn sessions(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    match console.administrator(&headers, peer).await {
        Ok(_) => listed(console.admin.sessions(SESSIONS_MAX, true).await),
        Err(response) => response,
    }
}

/// `DELETE /v1/sessions/ID`
pub(crate) async fn cut_session(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let caller = match console.administrator(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    match id.parse() {
        Ok(id) => done(console.admin.cut_session(&caller, id)),
        Err(_) => failure(StatusCode::BAD_REQUEST, "bad_request", "not a session's id"),
    }
}

impl Console {
    /// Who calls, if it is a person who is an administrator now. That somebody else tried is on record.
    pub(crate) async fn administrator(
        &self,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Caller, Response> {
        let caller = self.caller(headers, peer).await?;
        let principal = caller.principal;
        let (issuer, subject) = (principal.issuer.clone(), principal.subject.clone());
        let found = self
            .blocking(move |console| {
                let store = &console.services.store;
                store.is_administrator(&issuer, &subject)
            })
            .await;
        let Some(Ok(is_administrator)) = found else {
            return Err(unavailable());
        };
        if is_administrator && is_person(&principal) {
            return Ok(Caller::administrator(principal, peer));
        }
        let sign_in = caller.sign_in.id.to_string();
        let detail = [
            ("endpoint", DetailValue::Text("administration")),
            ("event", DetailValue::Text("refused")),
            ("sign_in", DetailValue::Text(&sign_in)),
        ];
        let recorded = self
            .record(Entry {
                kind: RecordType::AuthorizationRefused,
                outcome: RecordOutcome::Denied,
                actor: Some(&principal),
                peer: Some(peer),
                target: None,
                reason: Some("not_an_administrator"),
                detail: &detail,
            })
            .await;
        Err(match recorded {
            Ok(()) => failure(
                StatusCode::FORBIDDEN,
                "not_an_administrator",
                "only administrators may do that",
            ),
            Err(_) => unavailable(),
        })
    }
}

fn listed<T: Serialize>(list: Result<Vec<T>, ApiError>) -> Response {
    match list {
        Ok(list) => Json(list).into_response(),
        Err(error) => error.into_response(),
    }
}

fn done(done: Result<(), ApiError>) -> Response {
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.into_response(),
    }
}
