//! From HTTP to calls.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use custos_identity::KeyChangeKind;
use custos_model::{RequestId, ResourceName, Secret, SessionId, SignInId};
use custos_store::{CredentialId, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::admin::Admin;
use crate::error::ApiError;
use crate::peer::Peer;
use crate::wire::{
    AdministratorRow, ChangeKeys, CredentialIssued, CredentialRow, KeyRow, KeysChanged,
    NewCredential, NewResource, SessionRow, SignInRow, Status,
};

/// The largest request body: a resource with its CA certificates, and room.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// From the request's head to the answer's; the recordings stream after it.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Sessions in a list when nothing is said.
const SESSIONS_DEFAULT: usize = 50;
/// Sessions in a list at most.
const SESSIONS_MAX: usize = 1000;

type Answer<T> = Result<Json<T>, ApiError>;

/// All calls.
pub(crate) fn router(admin: Admin) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/resources", get(resources).post(add_resource))
        .route("/v1/resources/{protocol}/{name}", delete(remove_resource))
        .route("/v1/credentials", get(credentials).post(issue_credential))
        .route("/v1/credentials/{id}", delete(revoke_credential))
        .route("/v1/sign-ins", get(sign_ins))
        .route("/v1/sign-ins/{id}", delete(end_sign_in))
        .route("/v1/keys", get(keys).post(change_keys))
        .route(
            "/v1/administrators",
            get(administrators).delete(remove_administrator),
        )
        .route("/v1/requests", get(requests))
        .route("/v1/approver-keys", get(approver_keys))
        .route("/v1/approver-keys/accept", post(accept_approver_key))
        .route("/v1/approver-keys/revoke", post(revoke_approver_key))
        .route("/v1/grants", get(grants))
        .route("/v1/grants/{id}/revoke", post(revoke_grant))
        .route("/v1/sessions", get(sessions))
        .route("/v1/sessions/{id}", get(session))
        .route("/v1/sessions/{id}/records", get(session_records))
        .route("/v1/sessions/{id}/transcript", get(session_transcript))
        .route("/v1/sessions/{id}/watch", get(watch_session))
        .route("/v1/sessions/{id}/cut", post(cut_session))
        .fallback(async || ApiError::NotFound("such call".to_owned()))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(admin.clone(), authorized))
        .with_state(admin)
}

/// Root and the gateway's own user only, whatever is asked for.
async fn authorized(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let Some(peer) = request.extensions().get::<Peer>() else {
        return ApiError::Internal("a call without a caller").into_response();
    };
    if !peer.may_call(admin.settings().own_uid) {
        tracing::warn!(uid = peer.uid(), "admin call refused");
        return ApiError::Forbidden { uid: peer.uid() }.into_response();
    }
    next.run(request).await
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(CALL_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::Timeout.into_response(),
    }
}

async fn status(State(admin): State<Admin>) -> Json<Status> {
    Json(admin.status())
}

async fn resources(State(admin): State<Admin>) -> Answer<Vec<Resource>> {
    admin.resources().await.map(Json)
}

async fn add_resource(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Result<(StatusCode, Json<Resource>), ApiError> {
    let added = admin.add_resource(&peer, new_resource(&body)?).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

async fn remove_resource(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path((protocol, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let name: ResourceName = parsed(&format!("{protocol}/{name}"))?;
    admin.remove_resource(&peer, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn credentials(State(admin): State<Admin>) -> Answer<Vec<CredentialRow>> {
    admin.credentials().await.map(Json)
}

async fn issue_credential(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Result<(StatusCode, Json<CredentialIssued>), ApiError> {
    let new: NewCredential = decoded(serde_json::from_slice(&body))?;
    let issued = admin.issue_credential(&peer, new).await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

async fn revoke_credential(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: CredentialId = parsed(&id)?;
    admin.revoke_credential(&peer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sign_ins(State(admin): State<Admin>) -> Answer<Vec<SignInRow>> {
    admin.sign_ins().await.map(Json)
}

async fn end_sign_in(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: SignInId = parsed(&id)?;
    admin.end_sign_in(&peer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn keys(State(admin): State<Admin>) -> Answer<Vec<KeyRow>> {
    admin.signing_keys().map(Json)
}

async fn change_keys(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Answer<KeysChanged> {
    let ChangeKeys { now } = decoded(serde_json::from_slice(&body))?;
    let kind = if now {
        KeyChangeKind::Replacement
    } else {
        KeyChangeKind::Rotation
    };
    admin.change_keys(&peer, kind).await.map(Json)
}

async fn administrators(State(admin): State<Admin>) -> Answer<Vec<AdministratorRow>> {
    admin.administrators().await.map(Json)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdministratorQuery {
    issuer: String,
    subject: String,
}

async fn remove_administrator(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    query: Result<Query<AdministratorQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<StatusCode, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::BadRequest(error.body_text()))?;
    admin
        .remove_administrator(&peer, query.issuer, query.subject)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionsQuery {
    limit: Option<usize>,
    #[serde(default)]
    live: bool,
}

async fn sessions(
    State(admin): State<Admin>,
    query: Result<Query<SessionsQuery>, axum::extract::rejection::QueryRejection>,
) -> Answer<Vec<SessionRow>> {
    let Query(query) = query.map_err(|error| ApiError::BadRequest(error.body_text()))?;
    let limit = query.limit.unwrap_or(SESSIONS_DEFAULT);
    if !(1..=SESSIONS_MAX).contains(&limit) {
        let text = format!("`limit` must be from 1 to {SESSIONS_MAX}");
        return Err(ApiError::BadRequest(text));
    }
    admin.sessions(limit, query.live).await.map(Json)
}

async fn session(State(admin): State<Admin>, Path(id): Path<String>) -> Answer<SessionRow> {
    let id: SessionId = parsed(&id)?;
    admin.session(id).await.map(Json)
}

async fn session_records(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id: SessionId = parsed(&id)?;
    Ok(json_lines(admin.session_records(&peer, id).await?))
}

async fn session_transcript(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id: SessionId = parsed(&id)?;
    Ok(json_lines(admin.session_transcript(&peer, id).await?))
}

async fn watch_session(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id: SessionId = parsed(&id)?;
    Ok(json_lines(admin.watch_session(&peer, id).await?))
}

async fn requests(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
) -> Answer<Vec<Value>> {
    admin.requests(&peer).await.map(Json)
}

async fn approver_keys(State(admin): State<Admin>) -> Json<Vec<Value>> {
    Json(admin.approver_keys())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedKey {
    key: String,
    #[serde(default)]
    reason: String,
}

async fn accept_approver_key(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Answer<Value> {
    let named: NamedKey = decoded(serde_json::from_slice(&body))?;
    admin.accept_approver_key(&peer, named.key).await?;
    Ok(Json(serde_json::json!({})))
}

async fn revoke_approver_key(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Answer<Value> {
    let named: NamedKey = decoded(serde_json::from_slice(&body))?;
    let cut = admin
        .revoke_approver_key(&peer, named.key, named.reason)
        .await?;
    Ok(Json(serde_json::json!({ "sessions_cut": cut })))
}

async fn grants(State(admin): State<Admin>) -> Json<Vec<Value>> {
    Json(admin.grants())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: String,
}

async fn revoke_grant(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<Value> {
    let id: RequestId = parsed(&id)?;
    let why: Why = decoded(serde_json::from_slice(&body))?;
    let cut = admin.revoke_grant(&peer, id, why.reason).await?;
    Ok(Json(serde_json::json!({ "sessions_cut": cut })))
}

async fn cut_session(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: SessionId = parsed(&id)?;
    admin.cut_session(&peer, id)?;
    Ok(StatusCode::NO_CONTENT)
}

fn json_lines(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/jsonl")], body).into_response()
}

/// The password is taken out first, so that no message about the rest can quote it.
fn new_resource(body: &[u8]) -> Result<NewResource, ApiError> {
    let not_json = || ApiError::BadRequest("the body is not a JSON object".to_owned());
    let mut value: Value = serde_json::from_slice(body).map_err(|_| not_json())?;
    let members = value.as_object_mut().ok_or_else(not_json)?;
    let Some(Value::String(password)) = members.remove("password") else {
        return Err(ApiError::BadRequest("`password` must be a text".to_owned()));
    };
    let password = Secret::new(password);
    let resource = members.remove("resource").unwrap_or(Value::Null);
    if let Some(unknown) = members.keys().next() {
        return Err(ApiError::BadRequest(format!("unknown member `{unknown}`")));
    }
    let resource = decoded(serde_json::from_value(resource))?;
    Ok(NewResource { resource, password })
}

fn decoded<T: DeserializeOwned>(result: serde_json::Result<T>) -> Result<T, ApiError> {
    result.map_err(|error| ApiError::BadRequest(format!("the body is not as expected: {error}")))
}

fn parsed<T>(text: &str) -> Result<T, ApiError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse()
        .map_err(|error: T::Err| ApiError::BadRequest(error.to_string()))
}
