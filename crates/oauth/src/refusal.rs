//! An answer that is not what was asked for.

use std::fmt;

use serde_json::{Value, json};

use crate::reason::{ErrorCode, Reason};
use crate::state::StateError;

/// A refusal as the RFCs word it. `Display` is for the record and holds nothing of the request.
#[derive(Debug)]
pub struct Refusal {
    reason: Reason,
    detail: Option<&'static str>,
    source: Option<StateError>,
}

impl Refusal {
    pub(crate) fn with(reason: Reason, detail: &'static str) -> Self {
        Self {
            reason,
            detail: Some(detail),
            source: None,
        }
    }

    pub(crate) fn missing(parameter: &'static str) -> Self {
        Self::with(Reason::ParameterMissing, parameter)
    }

    pub(crate) fn malformed(parameter: &'static str) -> Self {
        Self::with(Reason::ParameterMalformed, parameter)
    }

    /// Why, for the record.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Which parameter, or the verifier's own word for what is wrong with a token.
    pub fn detail(&self) -> Option<&'static str> {
        self.detail
    }

    /// What the client is told.
    pub fn error(&self) -> ErrorCode {
        self.reason.error()
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        self.error().status()
    }

    /// What `error_description` says. Whoever guesses at codes, tokens or clients learns nothing from it.
    pub fn description(&self) -> String {
        match (self.error(), self.reason, self.detail) {
            (ErrorCode::InvalidGrant, ..) => "the grant is not valid, or no longer".to_owned(),
            (ErrorCode::InvalidClient, ..) => "the client could not be authenticated".to_owned(),
            (ErrorCode::InvalidToken, ..) => "the access token is not valid".to_owned(),
            (_, Reason::ParameterMissing, Some(name)) => format!("the parameter {name} is missing"),
            (_, Reason::ParameterMalformed, Some(name)) => {
                format!("the parameter {name} is malformed")
            }
            (_, reason, _) => reason.text().to_owned(),
        }
    }

    /// The body (RFC 6749 section 5.2), to be sent with `Cache-Control: no-store`.
    pub fn json(&self) -> Value {
        json!({
            "error": self.error().as_str(),
            "error_description": self.description(),
        })
    }

    /// The `WWW-Authenticate` header that an API answers with (RFC 6750 section 3).
    pub fn www_authenticate(&self) -> String {
        format!(
            "Bearer error=\"{}\", error_description=\"{}\"",
            self.error().as_str(),
            self.description()
        )
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            detail: None,
            source: None,
        }
    }
}

impl From<StateError> for Refusal {
    fn from(source: StateError) -> Self {
        Self {
            reason: Reason::StateFailed,
            detail: None,
            source: Some(source),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.error().as_str(), self.reason.text())?;
        self.detail
            .map_or(Ok(()), |detail| write!(out, " ({detail})"))
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
