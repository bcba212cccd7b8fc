//! Questions to the endpoints of an authorization server, and its refusals (RFC 6749 section 5.2).

use anyhow::Context as _;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::http::{self, ANSWER_BYTES_MAX, Body, HttpClient, HttpError, Request};
use super::told;
use super::web_url::WebUrl;
use crate::failure::{Exit, Failure};

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OAuthError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the gateway's answer is not as expected")]
    Unexpected(#[source] anyhow::Error),
}

/// The server's own words for why not.
#[derive(Debug, thiserror::Error)]
#[error("the gateway refused: {}", .text.as_deref().unwrap_or(.code))]
pub(crate) struct Refusal {
    /// One of the words that the standards define.
    pub(crate) code: String,
    text: Option<String>,
}

#[derive(Deserialize)]
struct RefusalAnswer {
    error: String,
    error_description: Option<String>,
}

impl Refusal {
    /// As it came, from an answer or a redirect; what is shown of it is made harmless.
    pub(crate) fn new(code: &str, description: Option<&str>) -> Self {
        let code = told(code);
        let text = description
            .filter(|text| !text.is_empty())
            .map(|text| format!("{} ({code})", told(text)));
        Self { code, text }
    }
}

impl OAuthError {
    /// With what can be done about it.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Http(error) => error.into_failure(),
            Self::Refused(refusal) if refusal.code == "access_denied" => {
                Failure::new(refusal).exit(Exit::Denied)
            }
            Self::Refused(refusal) => Failure::new(refusal),
            Self::Unexpected(_) => Failure::new(self)
                .hint("this command and the gateway should be of the same version"),
        }
    }
}

/// Sends a form and reads the JSON of the answer.
pub(crate) async fn ask<T: DeserializeOwned>(
    http: &HttpClient,
    url: &WebUrl,
    pairs: &[(&str, &str)],
) -> Result<T, OAuthError> {
    let request = Request {
        method: Method::POST,
        url,
        bearer: None,
        body: Body::Form(http::form(pairs)),
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    let answer = http.send(request).await?;
    read(answer.status, &answer.body)
}

fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, OAuthError> {
    if status.is_success() {
        return serde_json::from_slice(body)
            // Where it stops being as expected says enough; what stands there may be a token.
            .map_err(|error| anyhow::anyhow!("line {}, column {}", error.line(), error.column()))
            .map_err(OAuthError::Unexpected);
    }
    let refusal: RefusalAnswer = serde_json::from_slice(body)
        .with_context(|| format!("HTTP status {status}"))
        .map_err(OAuthError::Unexpected)?;
    let description = refusal.error_description.as_deref();
    Err(Refusal::new(&refusal.error, description).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Token {
        access_token: String,
    }

    fn refusal(status: u16, body: &str) -> OAuthError {
        read::<Token>(StatusCode::from_u16(status).unwrap(), body.as_bytes()).unwrap_err()
    }

    #[test]
    fn refusals_are_shown_in_the_servers_words() {
        let error = refusal(400, r#"{"error":"invalid_grant"}"#);
        assert_eq!(error.to_string(), "the gateway refused: invalid_grant");
        let error = refusal(
            401,
            r#"{"error":"invalid_client","error_description":"who\u001b[2J?","more":1}"#,
        );
        assert_eq!(
            error.to_string(),
            "the gateway refused: who\\u{1b}[2J? (invalid_client)"
        );
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(5000));
        assert!(refusal(400, &long).to_string().len() < 400);
    }

    #[test]
    fn what_is_not_understood_is_not_shown() {
        let error = refusal(200, r#"{"access_token": ["eyJsecret"]}"#);
        let shown = format!("{:?}", anyhow::Error::new(error));
        assert!(
            shown.contains("line 1") && !shown.contains("eyJsecret"),
            "{shown}"
        );
        for (status, body) in [(502, "<html>"), (200, ""), (400, "{}"), (500, "[]")] {
            let error = refusal(status, body);
            assert!(matches!(error, OAuthError::Unexpected(_)), "{status}");
        }
        let token: Token = read(StatusCode::OK, br#"{"access_token":"x","y":1}"#).unwrap();
        assert_eq!(token.access_token, "x");
    }
}
