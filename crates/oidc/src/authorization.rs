//! The request that the browser carries to the provider (OpenID Connect Core 3.1.2.1).

use std::time::Duration;

use custos_model::{Instant, Secret};

use crate::form;
use crate::pending::Pending;
use crate::provider::Provider;
use crate::random::{self, Random};
use crate::rejection::Rejection;
use crate::return_path::ReturnPath;

/// Longest login hint or list of authentication contexts.
const MAX_PARAMETER_BYTES: usize = 512;
/// What a request sets, and an endpoint's own query must not.
const OURS: [&str; 15] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "max_age",
    "prompt",
    "acr_values",
    "login_hint",
    "request",
    "request_uri",
];

/// What to ask of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Nothing: fail where something would be asked.
    None,
    /// To authenticate again. The time of it is checked too, see [`SignInRequest::max_age`].
    Login,
    /// To consent again.
    Consent,
    /// To choose an account.
    SelectAccount,
}

impl Prompt {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
}

/// One sign-in to ask for.
#[derive(Clone, Debug)]
pub struct SignInRequest {
    /// Where the browser goes afterwards.
    pub return_path: ReturnPath,
    /// What to ask of the person.
    pub prompt: Option<Prompt>,
    /// How long ago the person may have authenticated, whole seconds; the shorter of this and the configured one
    /// counts. [`Prompt::Login`] alone is a wish; with a time here, the answer is checked.
    pub max_age: Option<Duration>,
    /// Authentication contexts, one of which the identity token must then name.
    pub acr_values: Vec<String>,
    /// Who it is thought to be.
    pub login_hint: Option<String>,
}

impl SignInRequest {
    /// An ordinary sign-in.
    pub fn new(return_path: ReturnPath) -> Self {
        Self {
            return_path,
            prompt: None,
            max_age: None,
            acr_values: Vec::new(),
            login_hint: None,
        }
    }
}

/// A sign-in that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where to send the browser. It holds `state` and `nonce`, so it belongs to no log.
    pub url: Secret,
    /// For the browser's cookie (`__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`): the callback must bring it.
    pub browser: Secret,
    /// To be kept on the server.
    pub pending: Pending,
}

impl Provider {
    /// Begins a sign-in.
    ///
    /// # Errors
    /// [`Rejection::RequestParameter`]: a hint or context is malformed, or the provider's endpoint has a parameter
    /// of ours in its query.
    pub fn begin(
        &self,
        request: &SignInRequest,
        random: &Random,
        now: Instant,
    ) -> Result<Begun, Rejection> {
        let acr_values = acr_values(&request.acr_values)?;
        let login_hint = request.login_hint.as_deref();
        if login_hint.is_some_and(|hint| !is_plain(hint)) {
            return Err(Rejection::RequestParameter("login_hint"));
        }
        let pending = self.pending(request, random, now);
        let max_age = pending.max_age_seconds.map(|seconds| seconds.to_string());
        let challenge = random::sha256(&pending.verifier);
        let settings = self.settings();
        let always = [
            ("response_type", "code"),
            ("client_id", settings.client_id.as_str()),
            ("redirect_uri", settings.redirect_uri.as_str()),
            ("scope", self.scope()),
            ("state", pending.state.as_str()),
            ("nonce", pending.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let sometimes = [
            ("max_age", max_age.as_deref()),
            ("prompt", request.prompt.map(Prompt::as_str)),
            ("acr_values", acr_values.as_deref()),
            ("login_hint", login_hint),
        ];
        let asked = sometimes
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let url = self.with_own_query(&form::write(always.into_iter().chain(asked)))?;
        Ok(Begun {
            url: Secret::new(url),
            browser: Secret::new(random::text(&random.browser)),
            pending,
        })
    }

    fn pending(&self, request: &SignInRequest, random: &Random, now: Instant) -> Pending {
        let settings = self.settings();
        let max_age = settings.max_age.into_iter().chain(request.max_age).min();
        Pending {
            provider: settings.name.clone(),
            issuer: settings.issuer.clone(),
            state: random::text(&random.state),
            nonce: random::text(&random.nonce),
            verifier: random::text(&random.verifier),
            browser_sha256: random::sha256(&random::text(&random.browser)),
            begun_utc_ns: now.utc_ns,
            return_path: request.return_path.clone(),
            max_age_seconds: max_age.map(|age| age.as_secs()),
            acr_values: request.acr_values.clone(),
        }
    }

    fn with_own_query(&self, query: &str) -> Result<String, Rejection> {
        let endpoint = self.discovery().authorization_endpoint();
        let theirs = form::parse(endpoint.query().unwrap_or_default().as_bytes(), usize::MAX)
            .map_err(|_| Rejection::DiscoveryEndpoint("authorization_endpoint"))?;
        match OURS.iter().find(|name| theirs.contains_key(**name)) {
            Some(name) => Err(Rejection::RequestParameter(name)),
            None => Ok(endpoint.with_query(query)),
        }
    }
}

fn acr_values(values: &[String]) -> Result<Option<String>, Rejection> {
    let plain = |value: &String| is_plain(value) && !value.contains(' ');
    let joined = values.join(" ");
    if !values.iter().all(plain) || joined.len() > MAX_PARAMETER_BYTES {
        return Err(Rejection::RequestParameter("acr_values"));
    }
    Ok((!joined.is_empty()).then_some(joined))
}

fn is_plain(text: &str) -> bool {
    (1..=MAX_PARAMETER_BYTES).contains(&text.len()) && !text.contains(char::is_control)
}
