//! What the server says of itself (RFC 8414 section 2).

use custos_jwt::Algorithm;
use serde_json::{Value, json};

use crate::base_url::BaseUrl;
use crate::grant_type::GrantType;
use crate::scope::Scope;

/// Path of the authorization endpoint.
pub const AUTHORIZATION_PATH: &str = "/oauth/authorize";
/// Path of the token endpoint.
pub const TOKEN_PATH: &str = "/oauth/token";
/// Path of the device authorization endpoint.
pub const DEVICE_AUTHORIZATION_PATH: &str = "/oauth/device_authorization";
/// Path of the revocation endpoint.
pub const REVOCATION_PATH: &str = "/oauth/revoke";
/// Path of the key set.
pub const KEYS_PATH: &str = "/oauth/keys";
/// Path of the page on which people enter user codes.
pub const DEVICE_PAGE_PATH: &str = "/device";

/// How clients prove who they are: not at all, with a key, or with a static secret.
const CLIENT_AUTHENTICATION: [&str; 3] = ["none", "private_key_jwt", "client_secret_post"];

pub(crate) fn document(base_url: &BaseUrl) -> Value {
    let algorithms = Algorithm::ALL.map(Algorithm::name);
    json!({
        "issuer": base_url.as_str(),
        "authorization_endpoint": base_url.join(AUTHORIZATION_PATH),
        "token_endpoint": base_url.join(TOKEN_PATH),
        "device_authorization_endpoint": base_url.join(DEVICE_AUTHORIZATION_PATH),
        "revocation_endpoint": base_url.join(REVOCATION_PATH),
        "jwks_uri": base_url.join(KEYS_PATH),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "scopes_supported": Scope::ALL.map(Scope::as_str),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
