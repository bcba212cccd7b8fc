//! Answers that are not pages.

use axum::Json;
use axum::http::header::{LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::page;
use crate::parameters::ParameterError;

/// 303, so that a form's contents stay here (RFC 9700 section 4.12).
pub(crate) fn redirect(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(_) => page::failure(),
    }
}

/// An error of the token endpoint (RFC 6749 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// `invalid_request`.
    Request(&'static str),
    /// `invalid_client`. The flag: by the `Authorization` header, which needs a challenge.
    Client { by_header: bool },
    /// `invalid_grant`: for all reasons in the same words.
    Grant,
    /// `unauthorized_client`, `unsupported_grant_type` or `invalid_scope`.
    Other(&'static str, &'static str),
    /// No room, or no signature.
    Unavailable,
}

impl TokenError {
    fn words(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Request(why) => (StatusCode::BAD_REQUEST, "invalid_request", why),
            Self::Client { .. } => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "the client is not known or did not authenticate",
            ),
            Self::Grant => (
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                "the code or refresh token is not valid here, or not any more",
            ),
            Self::Other(error, why) => (StatusCode::BAD_REQUEST, error, why),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "the development provider cannot issue tokens now",
            ),
        }
    }
}

impl From<ParameterError> for TokenError {
    fn from(error: ParameterError) -> Self {
        Self::Request(error.text())
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let (status, error, description) = self.words();
        let body = Json(json!({"error": error, "error_description": description}));
        let mut response = (status, body).into_response();
        if self == (Self::Client { by_header: true }) {
            let challenge = HeaderValue::from_static("Basic realm=\"development provider\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
