//! What the provider says of itself (OpenID Connect Discovery 1.0 section 3, RFC 8414).

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::provider::Provider;

pub(crate) const PATH: &str = "/.well-known/openid-configuration";
pub(crate) const KEYS: &str = "/keys";
pub(crate) const AUTHORIZE: &str = "/authorize";
pub(crate) const TOKEN: &str = "/token";
pub(crate) const USERINFO: &str = "/userinfo";
pub(crate) const END_SESSION: &str = "/end-session";

/// `GET /.well-known/openid-configuration`
pub(crate) async fn metadata(State(provider): State<Provider>) -> Json<Value> {
    let issuer = &provider.parts.issuer;
    Json(json!({
        "issuer": issuer.name(),
        "authorization_endpoint": issuer.url(AUTHORIZE),
        "token_endpoint": issuer.url(TOKEN),
        "userinfo_endpoint": issuer.url(USERINFO),
        "jwks_uri": issuer.url(KEYS),
        "end_session_endpoint": issuer.url(END_SESSION),
        "scopes_supported": ["openid", "profile", "email", "groups", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account", "consent"],
        "claims_supported": [
            "iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "amr", "at_hash", "sid",
            "name", "preferred_username", "email", "email_verified", "groups",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    }))
}

/// `GET /keys` (RFC 7517 section 5)
pub(crate) async fn keys(State(provider): State<Provider>) -> Json<Value> {
    Json(json!({"keys": [provider.parts.signer.public_jwk()]}))
}
