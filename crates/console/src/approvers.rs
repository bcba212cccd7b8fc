//! Approvers' keys and grants, each call with an access token.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use custos_approvals::{Enrolled, Grant, Refusal};
use custos_model::{ApprovalId, RequestId, Rfc3339};
use custos_signatures::{ApproverKey, Signature};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::console::Console;
use crate::requests::{malformed, refused};
use crate::token::answer;

/// Everything about keys and grants.
pub(crate) fn routes() -> axum::Router<Console> {
    axum::Router::new()
        .route("/v1/approver-keys", get(keys).post(enrol))
        .route("/v1/approver-keys/{id}/proof", post(prove))
        .route("/v1/approver-keys/accept", post(accept))
        .route("/v1/approver-keys/revoke", post(revoke))
        .route("/v1/grants", get(grants))
        .route("/v1/grants/{id}/revoke", post(revoke_grant))
}

/// A key that somebody wants to sign with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    key: ApproverKey,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    signature: Signature,
}

/// Which key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    key: String,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

/// `GET /v1/approver-keys`: one's own, and all for administrators.
async fn keys(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let sees_all = caller.is_administrator();
    let own = |enrolled: &Enrolled| {
        let person = &enrolled.person;
        (&person.issuer, &person.subject) == (&caller.principal.issuer, &caller.principal.subject)
    };
    let keys = console.services.approvals.keys();
    let keys = keys.iter().filter(|enrolled| sees_all || own(enrolled));
    let relying_party = console.services.approvals.relying_party();
    let relying_party = relying_party.map(|it| json!({ "id": it.id, "origin": it.origin }));
    answer(
        StatusCode::OK,
        json!({ "keys": keys.map(Enrolled::row).collect::<Vec<_>>(), "relying_party": relying_party }),
    )
}

/// `POST /v1/approver-keys`
async fn enrol(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(Json(wanted)) = wanted else {
        return malformed("`key`: {\"method\": \"ssh\", \"key\": \"ssh-ed25519 …\"}, or a passkey");
    };
    let approver = caller.approver();
    let begun = console
        .approvals(move |approvals| approvals.enrol(&approver, wanted.key))
        .await;
    match begun {
        Ok(begun) => answer(
            StatusCode::CREATED,
            json!({ "enrolment": begun.approval, "statement": begun.statement }),
        ),
        Err(response) => response,
    }
}

/// `POST /v1/approver-keys/ID/proof`
async fn prove(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
    proof: Result<Json<Proof>, JsonRejection>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let (Ok(id), Ok(Json(proof))) = (id.parse::<ApprovalId>(), proof) else {
        return malformed("`signature`");
    };
    let approver = caller.approver();
    let proved = console
        .approvals(move |approvals| approvals.prove(&approver, id, &proof.signature))
        .await;
    match proved {
        Ok((key, position)) => {
            let body = json!({ "key": key });
            console.once_durable(position, StatusCode::OK, body).await
        }
        Err(response) => response,
    }
}

/// `POST /v1/approver-keys/accept`, for administrators.
async fn accept(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    named: Result<Json<Named>, JsonRejection>,
) -> Response {
    if let Err(response) = console.administrator(&headers, peer).await {
        return response;
    }
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(Json(named)) = named else {
        return malformed("`key`");
    };
    let accepted = console
        .approvals(move |approvals| approvals.accept_key(&named.key, &caller.principal))
        .await;
    match accepted {
        Ok(position) => {
            console
                .once_durable(position, StatusCode::OK, json!({}))
                .await
        }
        Err(response) => response,
    }
}

/// `POST /v1/approver-keys/revoke`: one's own, and any for administrators.
async fn revoke(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    named: Result<Json<Named>, JsonRejection>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(Json(named)) = named else {
        return malformed("`key` and perhaps `reason`");
    };
    let revokes_any = caller.is_administrator();
    let revoked = console
        .approvals(move |approvals| {
            approvals.revoke_key(&named.key, &caller.principal, revokes_any, &named.reason)
        })
        .await;
    match revoked {
        Ok((ended, position)) => {
            let cut = console.gateway.cut_grants(&ended);
            let body = json!({ "grants_ended": ended.len(), "sessions_cut": cut });
            console.once_durable(position, StatusCode::OK, body).await
        }
        Err(response) => response,
    }
}

/// `GET /v1/grants`: one's own, those of rules that one decides on, and all for administrators.
async fn grants(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let sees_all = caller.is_administrator();
    let sees = |grant: &&Grant| sees_all || grant.is_seen_by(&caller.principal);
    let grants = console.services.approvals.grants();
    let rows: Vec<Value> = grants.iter().filter(sees).map(row).collect();
    answer(StatusCode::OK, json!({ "grants": rows }))
}

fn row(grant: &Grant) -> Value {
    json!({
        "id": grant.id(),
        "principal": grant.principal.name,
        "resource": grant.request.resource,
        "kind": grant.request.kind,
        "rules": grant.request.rules,
        "justification": grant.request.justification,
        "ticket": grant.request.ticket,
        "since": Rfc3339(grant.since_utc_ns).to_string(),
        "until": Rfc3339(grant.until_utc_ns).to_string(),
        "review_due": grant.review_due_utc_ns.map(|due| Rfc3339(due).to_string()),
        "is_overdue": grant.is_overdue,
    })
}

/// `POST /v1/grants/ID/revoke`
async fn revoke_grant(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
    given: Result<Json<Reason>, JsonRejection>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(id) = id.parse::<RequestId>() else {
        return refused(Refusal::NotFound);
    };
    let Ok(Json(given)) = given else {
        return malformed("`reason`");
    };
    let revokes_any = caller.is_administrator();
    let revoked = console
        .approvals(move |approvals| {
            approvals.revoke_grant(id, &caller.principal, revokes_any, &given.reason)
        })
        .await;
    match revoked {
        Ok(end) => {
            let cut = console.gateway.cut_grants(&[end]);
            answer(StatusCode::OK, json!({ "sessions_cut": cut }))
        }
        Err(response) => response,
    }
}
