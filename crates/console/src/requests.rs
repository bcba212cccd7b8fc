//! Requests for approval: asking, seeing, deciding. Each call with an access token.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use custos_approvals::{
    ApprovalsError, Approver, Choice, Intention, Progress, Refusal, Wanted as WantedGrant,
};
use custos_evidence::Position;
use custos_identity::ADMINISTRATORS;
use custos_model::{ApprovalId, RequestId, ResourceName};
use custos_session::{Verb, policy_resource};
use custos_signatures::Signature;
use serde::Deserialize;
use serde_json::json;

use crate::console::Console;
use crate::my::{Caller, failure};
use crate::token::{answer, unavailable};

/// The longest that a call waits for news.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Everything about requests.
pub(crate) fn routes() -> axum::Router<Console> {
    axum::Router::new()
        .route("/v1/requests", get(list).post(ask))
        .route("/v1/requests/{id}", get(show).delete(withdraw))
        .route("/v1/requests/{id}/exact", get(exact))
        .route("/v1/requests/{id}/reason", post(reason))
        .route("/v1/requests/{id}/statement", post(statement))
        .route("/v1/approvals/{id}", post(decide))
        .route("/requests/{id}", get(crate::request_page::show))
}

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    resource: ResourceName,
    seconds: Option<u64>,
    #[serde(default)]
    verbs: Vec<String>,
    reason: String,
    ticket: Option<String>,
    #[serde(default)]
    break_glass: bool,
}

/// Why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    reason: String,
}

/// A decision that somebody is about to sign.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedStatement {
    decision: Choice,
    justification: String,
    key: Option<String>,
}

/// The signature; missing where the decision is attested.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signed {
    signature: Option<Signature>,
}

/// How long to wait for news.
#[derive(Debug, Deserialize)]
pub(crate) struct Wait {
    wait: Option<u64>,
}

impl Caller {
    pub(crate) fn approver(&self) -> Approver {
        Approver {
            principal: self.principal.clone(),
            sign_in: self.sign_in.id,
        }
    }

    pub(crate) fn is_administrator(&self) -> bool {
        self.principal
            .groups
            .iter()
            .any(|group| group == ADMINISTRATORS)
    }
}

/// `GET /v1/requests`
async fn list(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let (approver, sees_all) = (caller.approver(), caller.is_administrator());
    let listed = console
        .approvals(move |approvals| approvals.requests(&approver, sees_all))
        .await;
    match listed {
        Ok(requests) => answer(StatusCode::OK, json!({ "requests": requests })),
        Err(response) => response,
    }
}

/// `POST /v1/requests`
async fn ask(
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
        return malformed(
            "`resource` and `reason`, and perhaps `seconds`, `verbs`, `ticket`, `break_glass`",
        );
    };
    let meant = wanted.verbs.iter().map(|word| Verb::meant_by(word));
    let meant: Vec<BTreeSet<Verb>> = meant.collect();
    if meant.iter().any(BTreeSet::is_empty) {
        return malformed("verbs of policy documents in `verbs`");
    }
    let verbs = meant.into_iter().flatten().collect();
    let name = wanted.resource.clone();
    let found = console
        .blocking(move |console| console.services.store.resource(&name))
        .await;
    // Who may not open it does not learn whether it is there.
    let resource = match found {
        Some(Ok(Some(resource))) => resource,
        Some(Ok(None)) => return refused(Refusal::Denied),
        _ => return unavailable(),
    };
    let authentication = &caller.sign_in.authentication;
    let wanted = WantedGrant {
        sign_in: Some(caller.sign_in.id),
        environment: custos_session::Environment {
            acr: authentication.acr.clone(),
            amr: authentication.amr.iter().cloned().collect(),
            reason_given: true,
            address: Some(peer.ip().to_canonical()),
        },
        principal: caller.principal,
        resource: policy_resource(&resource),
        verbs,
        seconds: wanted.seconds,
        justification: wanted.reason,
        ticket: wanted.ticket,
        break_glass: wanted.break_glass,
    };
    let asked = console
        .approvals(move |approvals| approvals.ask(&wanted))
        .await;
    match asked {
        Ok((request, position)) => {
            let body = json!({ "request": request });
            console
                .once_durable(position, StatusCode::CREATED, body)
                .await
        }
        Err(response) => response,
    }
}

/// `GET /v1/requests/ID`, and with `?wait=SECONDS` when there are news.
async fn show(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(Wait { wait }): Query<Wait>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(id) = id.parse::<RequestId>() else {
        return refused(Refusal::NotFound);
    };
    let (approver, sees_all) = (caller.approver(), caller.is_administrator());
    if let Some(seconds) = wait
        && let Ok(mut news) = console
            .services
            .approvals
            .follow(id, &approver.principal, sees_all)
    {
        let wait = Duration::from_secs(seconds).min(WAIT_MAX);
        let changed = tokio::time::timeout(wait, news.changed()).await;
        if let (Ok(Ok(())), Progress::Ended(ending)) = (changed, &*news.borrow()) {
            return answer(StatusCode::OK, json!({ "ended": ending.as_str() }));
        }
    }
    let view = console
        .approvals(move |approvals| approvals.view(id, &approver, sees_all))
        .await;
    match view {
        Ok(view) => answer(StatusCode::OK, json!(view)),
        Err(response) => response,
    }
}

/// `GET /v1/requests/ID/exact`
async fn exact(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(id) = id.parse::<RequestId>() else {
        return refused(Refusal::NotFound);
    };
    let approver = caller.approver();
    match console
        .approvals(move |approvals| approvals.show(id, &approver))
        .await
    {
        Ok((exact, position)) => {
            let body = json!({ "exact": exact });
            console.once_durable(position, StatusCode::OK, body).await
        }
        Err(response) => response,
    }
}

/// `POST /v1/requests/ID/reason`
async fn reason(
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
    let (Ok(id), Ok(Json(given))) = (id.parse::<RequestId>(), given) else {
        return malformed("`reason`");
    };
    let justified = console
        .approvals(move |approvals| approvals.justify(id, &caller.principal, &given.reason))
        .await;
    match justified {
        Ok(request) => answer(StatusCode::OK, json!({ "request": request })),
        Err(response) => response,
    }
}

/// `DELETE /v1/requests/ID`
async fn withdraw(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(id) = id.parse::<RequestId>() else {
        return refused(Refusal::NotFound);
    };
    let withdrawn = console
        .approvals(move |approvals| approvals.withdraw(id, &caller.principal))
        .await;
    match withdrawn {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(response) => response,
    }
}

/// `POST /v1/requests/ID/statement`
async fn statement(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
    wanted: Result<Json<WantedStatement>, JsonRejection>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let (Ok(request), Ok(Json(wanted))) = (id.parse::<RequestId>(), wanted) else {
        return malformed("`decision`, `justification` and perhaps `key`");
    };
    let intention = Intention {
        request,
        decision: wanted.decision,
        justification: wanted.justification,
        key: wanted.key,
    };
    let approver = caller.approver();
    let made = console
        .approvals(move |approvals| approvals.prepare(&approver, &intention))
        .await;
    match made {
        Ok(made) => answer(
            StatusCode::CREATED,
            json!({ "approval": made.approval, "statement": made.statement }),
        ),
        Err(response) => response,
    }
}

/// `POST /v1/approvals/ID`
async fn decide(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(id): Path<String>,
    signed: Result<Json<Signed>, JsonRejection>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let (Ok(id), Ok(Json(signed))) = (id.parse::<ApprovalId>(), signed) else {
        return malformed("`signature`");
    };
    let approver = caller.approver();
    let decided = console
        .approvals(move |approvals| approvals.decide(&approver, id, signed.signature))
        .await;
    match decided {
        Ok((decided, position)) => {
            console.gateway.cut_grants(&decided.ended);
            let body = json!({
                "approval": decided.approval,
                "settles": decided.settles,
                "waits_for": decided.waits_for,
            });
            console.once_durable(position, StatusCode::OK, body).await
        }
        Err(response) => response,
    }
}

impl Console {
    /// A call on approvals, which may wait for the disk.
    pub(crate) async fn approvals<T: Send + 'static>(
        &self,
        call: impl FnOnce(&custos_approvals::Approvals) -> Result<T, ApprovalsError> + Send + 'static,
    ) -> Result<T, Response> {
        let called = self
            .blocking(move |console| call(&console.services.approvals))
            .await;
        match called {
            Some(Ok(done)) => Ok(done),
            Some(Err(error)) => {
                if let Some(refusal) = error.refusal() {
                    return Err(refused(refusal));
                }
                tracing::error!(%error, "a call on approvals failed");
                Err(unavailable())
            }
            None => Err(unavailable()),
        }
    }

    /// Answers when what is told is on disk.
    pub(crate) async fn once_durable(
        &self,
        position: Position,
        status: StatusCode,
        body: serde_json::Value,
    ) -> Response {
        match self.services.evidence.sync(position).await {
            Ok(()) => answer(status, body),
            Err(error) => {
                tracing::error!(%error, "a record could not be made durable");
                unavailable()
            }
        }
    }
}

pub(crate) fn malformed(wanted: &str) -> Response {
    let text = format!("the body must be a JSON object with {wanted}");
    failure(StatusCode::BAD_REQUEST, "bad_request", &text)
}

/// A refusal as an answer.
pub(crate) fn refused(refusal: Refusal) -> Response {
    let status = match refusal {
        Refusal::NotFound => StatusCode::NOT_FOUND,
        Refusal::Malformed | Refusal::NoReason | Refusal::TooLong => StatusCode::BAD_REQUEST,
        Refusal::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Ended
        | Refusal::Expired
        | Refusal::AlreadyDecided
        | Refusal::AlreadyVoted
        | Refusal::KeyTaken
        | Refusal::NotNeeded
        | Refusal::OtherStatement => StatusCode::CONFLICT,
        _ => StatusCode::FORBIDDEN,
    };
    failure(status, refusal.code(), &refusal.to_string())
}
