//! From paths to handlers.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, delete, get, post};
use custos_oauth::{
    AUTHORIZATION_PATH, DEVICE_AUTHORIZATION_PATH, DEVICE_PAGE_PATH, KEYS_PATH, MAX_FORM_BYTES,
    REVOCATION_PATH, TOKEN_PATH,
};

use crate::console::Console;
use crate::page::{problem, style};
use crate::{
    administration, administrator, approvers, authorize, certificates, device, headers, home, my,
    provisioning, requests, saml, sign_in, token,
};

/// From the request's head to the answer's, calls to providers included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(45);

impl Console {
    /// Everything that the web address serves.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(home::home))
            .route("/style.css", get(style))
            .route("/sign-in", get(sign_in::choose))
            .route("/sign-in/{name}", get(sign_in::begin))
            .route("/sign-out", post(home::sign_out))
            .route("/signed-out", get(home::signed_out))
            .route("/oidc/{name}/callback", get(sign_in::callback))
            .route(
                "/oidc/{name}/backchannel-logout",
                post(sign_in::provider_logout),
            )
            .merge(saml::routes())
            .merge(requests::routes())
            .merge(approvers::routes())
            .route(AUTHORIZATION_PATH, get(authorize::authorize))
            .route("/oauth/consent", post(authorize::consent))
            .route(TOKEN_PATH, post(token::token))
            .route(DEVICE_AUTHORIZATION_PATH, post(token::device))
            .route(REVOCATION_PATH, post(token::revoke))
            .route(KEYS_PATH, get(token::keys))
            .route(DEVICE_PAGE_PATH, get(device::ask).post(device::show))
            .route("/device/decide", post(device::decide))
            .route(
                "/.well-known/oauth-authorization-server",
                get(token::metadata),
            )
            .route("/.well-known/openid-configuration", get(token::metadata))
            .route("/v1/whoami", get(my::whoami))
            .route("/v1/my/resources", get(my::resources))
            .route("/v1/my/connections", post(my::connect))
            .route("/v1/my/certificates", post(certificates::certify))
            .route("/v1/my/sign-in", delete(my::sign_out))
            .route("/scim/v2/{name}", any(provisioning::answer))
            .route("/scim/v2/{name}/", any(provisioning::answer))
            .route("/scim/v2/{name}/{*path}", any(provisioning::answer))
            .route(
                "/administrator",
                get(administrator::ask).post(administrator::enter),
            )
            .route("/v1/administrator", post(administrator::claim))
            .route("/v1/sign-ins", get(administration::sign_ins))
            .route("/v1/sign-ins/{id}", delete(administration::end_sign_in))
            .route("/v1/sessions/live", get(administration::sessions))
            .route("/v1/sessions/{id}", delete(administration::cut_session))
            .fallback(async || {
                problem(StatusCode::NOT_FOUND, "Not found", "There is no such page.")
            })
            .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
            .layer(middleware::from_fn(in_time))
            .layer(middleware::from_fn(headers::secure))
            .with_state(self.clone())
    }
}

async fn in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(REQUEST_TIMEOUT, next.run(request))
        .await
        .unwrap_or_else(|_| StatusCode::GATEWAY_TIMEOUT.into_response())
}
