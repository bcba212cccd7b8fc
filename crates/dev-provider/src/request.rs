//! What a client asks for (OpenID Connect Core 3.1.2.1).

use std::collections::BTreeMap;

use crate::memory::Session;
use crate::opaque::Hash;
use crate::parameters::Parameters;
use crate::redirect::Redirect;
use crate::settings::Client;

/// Longest `state` and `nonce`, in bytes.
const ECHO_BYTES_MAX: usize = 2 << 10;

/// A good authorization request.
#[derive(Clone)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client: String,
    pub(crate) redirect: Redirect,
    pub(crate) challenge: Hash,
    pub(crate) nonce: Option<String>,
    pub(crate) offline: bool,
    pub(crate) login_hint: Option<String>,
    prompt: Prompt,
    max_age: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Prompt {
    /// A page if one is needed.
    Any,
    /// No page.
    None,
    /// A page in any case.
    Login,
}

/// Why there is no code.
pub(crate) enum Refusal {
    /// The client or its redirect URI is not known: whoever sent the browser here is told nothing.
    Page(&'static str),
    /// The client is told.
    Redirect {
        redirect: Redirect,
        error: &'static str,
        description: &'static str,
    },
}

impl AuthorizationRequest {
    /// Client and redirect URI are checked first; only then errors may go back.
    pub(crate) fn parse(
        parameters: &Parameters,
        clients: &BTreeMap<String, Client>,
    ) -> Result<Self, Refusal> {
        let client = parameters.get("client_id").and_then(|id| clients.get(id));
        let client = client.ok_or(Refusal::Page("The client is not known here."))?;
        let uri = parameters.get("redirect_uri").unwrap_or_default();
        if !client.redirect_uris.iter().any(|known| known == uri) {
            return Err(Refusal::Page(
                "The redirect address is not one of the client's.",
            ));
        }
        let state = parameters.get("state");
        if state.is_some_and(|state| state.len() > ECHO_BYTES_MAX) {
            return Err(Refusal::Page("The client's state is too long."));
        }
        let redirect = Redirect {
            uri: uri.to_owned(),
            state: state.map(str::to_owned),
        };
        Self::of_client(parameters, client, redirect.clone()).map_err(|(error, description)| {
            Refusal::Redirect {
                redirect,
                error,
                description,
            }
        })
    }

    fn of_client(
        parameters: &Parameters,
        client: &Client,
        redirect: Redirect,
    ) -> Result<Self, (&'static str, &'static str)> {
        unsupported(parameters)?;
        let scopes = || parameters.get("scope").unwrap_or_default().split(' ');
        if !scopes().any(|scope| scope == "openid") {
            return Err(("invalid_scope", "the scope openid is needed"));
        }
        let nonce = parameters.get("nonce");
        if nonce.is_some_and(|nonce| nonce.len() > ECHO_BYTES_MAX) {
            return Err(("invalid_request", "the nonce is too long"));
        }
        Ok(Self {
            client: client.id.clone(),
            redirect,
            challenge: challenge(parameters)?,
            nonce: nonce.map(str::to_owned),
            offline: scopes().any(|scope| scope == "offline_access"),
            login_hint: parameters.get("login_hint").map(str::to_owned),
            prompt: prompt(parameters.get("prompt").unwrap_or_default())?,
            max_age: max_age(parameters.get("max_age"))?,
        })
    }

    /// Whether that sign-in is enough. A `max_age` of 0 means a new one. `now` is in seconds since 1970-01-01T00:00:00Z.
    pub(crate) fn is_met_by(&self, session: &Session, now: u64) -> bool {
        let age = now.saturating_sub(session.authenticated);
        self.prompt != Prompt::Login && self.max_age.is_none_or(|max| max > 0 && age <= max)
    }

    pub(crate) fn wants_no_page(&self) -> bool {
        self.prompt == Prompt::None
    }
}

fn unsupported(parameters: &Parameters) -> Result<(), (&'static str, &'static str)> {
    for (name, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if parameters.get(name).is_some() {
            return Err((error, "the parameter is not supported"));
        }
    }
    if parameters.get("response_type") != Some("code") {
        return Err((
            "unsupported_response_type",
            "only the response type code is supported",
        ));
    }
    if parameters
        .get("response_mode")
        .is_some_and(|mode| mode != "query")
    {
        return Err((
            "invalid_request",
            "only the response mode query is supported",
        ));
    }
    Ok(())
}

/// Without a method, `plain` would be meant (RFC 7636 section 4.3).
fn challenge(parameters: &Parameters) -> Result<Hash, (&'static str, &'static str)> {
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err((
            "invalid_request",
            "PKCE with code_challenge_method S256 is needed",
        ));
    }
    let challenge = parameters
        .get("code_challenge")
        .and_then(Hash::from_base64url);
    challenge.ok_or(("invalid_request", "code_challenge is missing or malformed"))
}

fn prompt(text: &str) -> Result<Prompt, (&'static str, &'static str)> {
    let mut prompt = Prompt::Any;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        prompt = match word {
            "none" if text == word => Prompt::None,
            "none" => return Err(("invalid_request", "prompt none stands alone")),
            "login" | "select_account" | "consent" => Prompt::Login,
            _ => return Err(("invalid_request", "the prompt is not known")),
        };
    }
    Ok(prompt)
}

fn max_age(text: Option<&str>) -> Result<Option<u64>, (&'static str, &'static str)> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    text.map(|text| text.parse().ok().filter(|_| digits(text)))
        .map(|age| age.ok_or(("invalid_request", "max_age is not a number of seconds")))
        .transpose()
}
