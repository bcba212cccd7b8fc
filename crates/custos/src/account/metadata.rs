//! What a gateway says about its own authorization server (RFC 8414).

use anyhow::{Context as _, ensure};
use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::gateway::Gateway;
use super::http::{ANSWER_BYTES_MAX, Body, HttpClient, HttpError, Request};
use super::told;
use super::web_url::WebUrl;
use crate::failure::Failure;

/// The endpoints, all of them at the gateway itself.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) authorization: Option<WebUrl>,
    pub(crate) token: WebUrl,
    pub(crate) device_authorization: Option<WebUrl>,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
}

/// Why there is no metadata.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{gateway} is not a Custos gateway that one can sign in to")]
    Refused {
        gateway: String,
        source: anyhow::Error,
    },
}

impl MetadataError {
    /// With what can be done about it.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Http(error) => error.into_failure(),
            refused @ Self::Refused { .. } => Failure::new(refused)
                .hint("check --gateway: it is the URL that the gateway itself names as its own"),
        }
    }
}

impl Metadata {
    /// Asks the gateway.
    pub(crate) async fn discover(
        http: &HttpClient,
        gateway: &Gateway,
    ) -> Result<Self, MetadataError> {
        let refused = |source| MetadataError::Refused {
            gateway: gateway.to_string(),
            source,
        };
        let url = gateway.metadata().map_err(|error| refused(error.into()))?;
        let request = Request {
            method: Method::GET,
            url: &url,
            bearer: None,
            body: Body::Nothing,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let answer = http.send(request).await?;
        if answer.status != StatusCode::OK {
            let status = answer.status;
            return Err(refused(anyhow::anyhow!(
                "it answered with HTTP status {status}"
            )));
        }
        Self::read(gateway, &answer.body).map_err(refused)
    }

    /// Judges the document. The issuer must be the gateway's URL, byte for byte (RFC 8414 section 3.3).
    fn read(gateway: &Gateway, document: &[u8]) -> anyhow::Result<Self> {
        let document: Document =
            serde_json::from_slice(document).context("its metadata cannot be read")?;
        ensure!(
            document.issuer == gateway.issuer(),
            "it says that it is `{}`",
            told(&document.issuer)
        );
        let own = |name: &str, text: &str| -> anyhow::Result<WebUrl> {
            let url = WebUrl::parse(text).with_context(|| format!("its {name} is refused"))?;
            ensure!(
                url.same_origin(gateway.url()),
                "its {name} lies elsewhere, at {}",
                told(url.authority())
            );
            Ok(url)
        };
        let optional =
            |name: &str, text: Option<String>| text.map(|text| own(name, &text)).transpose();
        let authorization = optional("authorization_endpoint", document.authorization_endpoint)?;
        let challenges = document.code_challenge_methods_supported;
        ensure!(
            authorization.is_none() || challenges.iter().any(|method| method == "S256"),
            "it does not say that it supports PKCE with S256"
        );
        Ok(Self {
            authorization,
            token: own("token_endpoint", &document.token_endpoint)?,
            device_authorization: optional(
                "device_authorization_endpoint",
                document.device_authorization_endpoint,
            )?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "issuer": "https://gw.example.com",
            "authorization_endpoint": "https://gw.example.com/oauth/authorize",
            "token_endpoint": "https://gw.example.com/oauth/token",
            "device_authorization_endpoint": "https://gw.example.com/oauth/device_authorization",
            "code_challenge_methods_supported": ["S256"],
            "something_new": {"a": 1},
        })
    }

    fn read(document: &Value) -> anyhow::Result<Metadata> {
        let gateway = Gateway::parse("https://gw.example.com").unwrap();
        Metadata::read(&gateway, document.to_string().as_bytes())
    }

    fn refusal(name: &str, value: Value) -> String {
        let mut document = document();
        document[name] = value;
        format!("{:#}", read(&document).unwrap_err())
    }

    #[test]
    fn takes_a_sound_document() {
        let metadata = read(&document()).unwrap();
        assert_eq!(
            metadata.token.as_str(),
            "https://gw.example.com/oauth/token"
        );
        assert!(metadata.device_authorization.is_some());
    }

    #[test]
    fn the_issuer_is_the_url_and_nothing_like_it() {
        for issuer in [
            "https://evil.example",
            "https://gw.example.com/",
            "https://GW.example.com",
            "http://gw.example.com",
            "https://gw.example.com:443",
            "",
            "\u{1b}[2J",
        ] {
            let said = refusal("issuer", issuer.into());
            assert!(said.starts_with("it says that it is"), "{said}");
            assert!(!said.contains('\u{1b}'), "{said}");
        }
        assert!(refusal("issuer", json!(17)).contains("cannot be read"));
    }

    #[test]
    fn endpoints_that_are_no_web_addresses_are_refused() {
        for name in [
            "authorization_endpoint",
            "token_endpoint",
            "device_authorization_endpoint",
        ] {
            for url in [
                "$(calc)",
                "https://gw.example.com/$(calc)",
                "https://gw.example.com/`calc`",
                "file:///etc/passwd",
                "javascript:alert(1)",
                "data:text/html,x",
                "http://gw.example.com/oauth",
                "ms-msdt:/id",
                "/oauth/authorize",
                "",
            ] {
                let said = refusal(name, url.into());
                assert!(said.contains(name) && said.contains("refused"), "{said}");
            }
        }
    }

    #[test]
    fn endpoints_at_another_place_are_refused() {
        for url in [
            "https://evil.example/oauth/token",
            "https://gw.example.com.evil.example/oauth/token",
            "https://gw.example.com:8443/oauth/token",
            "http://127.0.0.1:631/oauth/token",
        ] {
            let said = refusal("token_endpoint", url.into());
            assert!(said.contains("lies elsewhere"), "{said}");
        }
    }

    #[test]
    fn codes_need_their_proof() {
        for methods in [json!([]), json!(["plain"])] {
            let said = refusal("code_challenge_methods_supported", methods);
            assert!(said.contains("PKCE"), "{said}");
        }
        let gateway = Gateway::parse("https://gw.example.com").unwrap();
        for garbage in ["", "[]", "null", "{", "\u{0}", "<html>"] {
            assert!(Metadata::read(&gateway, garbage.as_bytes()).is_err());
        }
    }
}
