//! How we prove to the token endpoint which client we are (OpenID Connect Core 9).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_jwt::Signer;
use custos_model::{Instant, Secret};
use serde_json::{Map, json};

use crate::form;
use crate::http_request::HttpRequest;
use crate::provider::Provider;
use crate::random;
use crate::rejection::Rejection;
use crate::token_response::MAX_TOKEN_RESPONSE_BYTES;

/// Seconds that an assertion lives.
const ASSERTION_LIFE: u64 = 60;
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What we have to prove which client we are.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// Nothing: PKCE alone protects the code.
    Public,
    /// A secret: `client_secret_basic`, or `client_secret_post` with a provider that offers only that.
    Secret(Secret),
    /// A key whose public part the provider knows: `private_key_jwt` with ES256.
    PrivateKey(Arc<Signer>),
}

/// The method for one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    None,
    Basic,
    Post,
    PrivateKeyJwt,
}

impl ClientAuthentication {
    pub(crate) fn has_empty_secret(&self) -> bool {
        matches!(self, Self::Secret(secret) if secret.expose().is_empty())
    }

    /// The method for a provider that offers these. Without a list it is `client_secret_basic` (OpenID Connect
    /// Discovery 1.0 section 3), and whoever registered a public client is believed.
    pub(crate) fn method(&self, offered: Option<&[&str]>) -> Option<Method> {
        let offers = |name: &str| offered.is_some_and(|offered| offered.contains(&name));
        match self {
            Self::Public => Some(Method::None),
            Self::Secret(_) if offered.is_none() || offers("client_secret_basic") => {
                Some(Method::Basic)
            }
            Self::Secret(_) => offers("client_secret_post").then_some(Method::Post),
            Self::PrivateKey(_) => offers("private_key_jwt").then_some(Method::PrivateKeyJwt),
        }
    }
}

impl Provider {
    /// A request to the token endpoint with these parameters and our proof. `assertion_id` names the assertion of
    /// [`ClientAuthentication::PrivateKey`] and must be new for each request.
    pub(crate) fn token_request(
        &self,
        parameters: &[(&str, &str)],
        assertion_id: [u8; 16],
        now: Instant,
    ) -> Result<HttpRequest, Rejection> {
        let settings = self.settings();
        let client_id = settings.client_id.as_str();
        let mut body = form::write(parameters.iter().copied());
        let mut add = |more: &[(&str, &str)]| {
            body.push('&');
            body.push_str(&form::write(more.iter().copied()));
        };
        let mut authorization = None;
        match (self.discovery().method(), &settings.client_authentication) {
            (Method::Post, ClientAuthentication::Secret(secret)) => {
                add(&[("client_id", client_id), ("client_secret", secret.expose())]);
            }
            (_, ClientAuthentication::Secret(secret)) => {
                authorization = Some(basic(client_id, secret));
            }
            (_, ClientAuthentication::PrivateKey(signer)) => {
                let assertion = self.assertion(signer, assertion_id, now)?;
                add(&[
                    ("client_id", client_id),
                    ("client_assertion_type", JWT_BEARER),
                    ("client_assertion", &assertion),
                ]);
            }
            (_, ClientAuthentication::Public) => add(&[("client_id", client_id)]),
        }
        let url = self.discovery().token_endpoint();
        let mut request = HttpRequest::form(url, body, MAX_TOKEN_RESPONSE_BYTES);
        request
            .headers
            .extend(authorization.map(|value| ("authorization", value)));
        Ok(request)
    }

    /// RFC 7523 section 3. The audience is the issuer alone, so that no other server can use the assertion.
    fn assertion(
        &self,
        signer: &Signer,
        assertion_id: [u8; 16],
        now: Instant,
    ) -> Result<String, Rejection> {
        let now = now.utc_ns / 1_000_000_000;
        let members = [
            ("iss", json!(self.settings().client_id)),
            ("sub", json!(self.settings().client_id)),
            ("aud", json!(self.settings().issuer)),
            ("jti", json!(random::text(&assertion_id))),
            ("iat", json!(now)),
            ("exp", json!(now.saturating_add(ASSERTION_LIFE))),
        ];
        let claims: Map<_, _> = members
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect();
        signer
            .sign("JWT", &claims)
            .map_err(|_| Rejection::AssertionNotSigned)
    }
}

/// RFC 6749 section 2.3.1: both halves are form-encoded before they are joined.
fn basic(client_id: &str, secret: &Secret) -> Secret {
    let mut pair = String::new();
    form::encode(client_id, &mut pair);
    pair.push(':');
    form::encode(secret.expose(), &mut pair);
    Secret::new(format!("Basic {}", STANDARD.encode(pair)))
}
