//! What can go wrong with a call, and how it is told. Nothing secret is ever in it.

use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use custos_evidence::EvidenceError;
use custos_identity::{IdentityError, SigningKeysError};
use custos_store::StoreError;

use crate::wire::Failure;

/// A call that was not done.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The request is not one that this API understands.
    #[error("{0}")]
    BadRequest(String),
    /// The caller is neither root nor the gateway's own user.
    #[error("only root and the gateway's own user may use the admin socket, not uid {uid}")]
    Forbidden {
        /// Who called.
        uid: u32,
    },
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// It exists already.
    #[error("{0} exists already")]
    Exists(String),
    /// The record of the call could not be written, so that the call was not done.
    #[error("the call cannot be put on record, so it was not done")]
    Evidence(#[source] EvidenceError),
    /// The credential request was refused, or control state failed.
    #[error("connection credentials")]
    Identity(#[source] IdentityError),
    /// The signing keys could not be changed.
    #[error("signing keys")]
    SigningKeys(#[source] SigningKeysError),
    /// Control state refused or failed.
    #[error("control state")]
    Store(#[source] StoreError),
    /// A call on approvals failed.
    #[error("approvals")]
    Approvals(#[source] custos_approvals::ApprovalsError),
    /// Evidence could not be read back.
    #[error("cannot read the evidence")]
    Reading(#[source] Box<dyn Error + Send + Sync>),
    /// The call took longer than it may.
    #[error("the call took too long; whether it was done is on record")]
    Timeout,
    /// A defect of this program.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl ApiError {
    /// HTTP status and stable word.
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::Forbidden { .. } => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Exists(_) | Self::Store(StoreError::ResourceExists(_)) => {
                (StatusCode::CONFLICT, "exists")
            }
            Self::Evidence(_) => (StatusCode::SERVICE_UNAVAILABLE, "evidence_unavailable"),
            Self::Identity(error) => identity_status(error),
            Self::SigningKeys(SigningKeysError::NextTooNew) => (StatusCode::CONFLICT, "too_early"),
            Self::SigningKeys(_) => (StatusCode::INTERNAL_SERVER_ERROR, "keys_failed"),
            Self::Approvals(_) => (StatusCode::INTERNAL_SERVER_ERROR, "approvals_failed"),
            Self::Store(StoreError::ResourceInvalid { .. }) => {
                (StatusCode::BAD_REQUEST, "bad_request")
            }
            Self::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store_failed"),
            Self::Reading(_) => (StatusCode::INTERNAL_SERVER_ERROR, "reading_failed"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The error and its causes, for the answer.
    pub fn failure(&self) -> Failure {
        let mut causes = Vec::new();
        let mut source = self.source();
        while let Some(error) = source {
            causes.push(error.to_string());
            source = error.source();
        }
        // The outer text of these only says which part refused; what it says is the message.
        let error = match self {
            Self::Identity(_) | Self::SigningKeys(_) | Self::Store(_) if !causes.is_empty() => {
                causes.remove(0)
            }
            _ => self.to_string(),
        };
        Failure {
            code: self.status().1.to_owned(),
            error,
            causes,
        }
    }
}

fn identity_status(error: &IdentityError) -> (StatusCode, &'static str) {
    match error {
        IdentityError::Store { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "store_failed"),
        IdentityError::ResourceUnknown(_) => (StatusCode::NOT_FOUND, "not_found"),
        _ => (StatusCode::BAD_REQUEST, "bad_request"),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        if status.is_server_error() {
            tracing::warn!(code, error = %self, cause = ?self.source(), "admin call failed");
        }
        (status, Json(self.failure())).into_response()
    }
}
