//! The browser comes back (OpenID Connect Core 3.1.2.5 to 3.1.2.7, RFC 9207).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use custos_model::Instant;

use crate::form::{self, FormError};
use crate::http_request::HttpRequest;
use crate::pending::Pending;
use crate::provider::Provider;
use crate::provider_error::ProviderError;
use crate::rejection::Rejection;
use crate::return_path::ReturnPath;

const MAX_QUERY_BYTES: usize = 16 << 10;
const MAX_CODE_BYTES: usize = 4 << 10;
/// What only the implicit and hybrid flows send, and what wraps an answer in a token.
const NOT_ASKED_FOR: [&str; 3] = ["access_token", "id_token", "response"];

/// What a browser brought back. Nothing of it is believed yet.
pub struct Callback {
    parameters: BTreeMap<String, String>,
}

impl Callback {
    /// Reads the query, without its question mark, of at most 16 KiB.
    ///
    /// # Errors
    /// [`Rejection::ParametersMalformed`], [`Rejection::ParameterDuplicate`].
    pub fn parse(query: &str) -> Result<Self, Rejection> {
        let parameters = form::parse(query.as_bytes(), MAX_QUERY_BYTES)?;
        Ok(Self { parameters })
    }

    /// For finding the [`Pending`] sign-in that it claims to answer.
    pub fn state(&self) -> Option<&str> {
        self.get("state")
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Callback(…)")
    }
}

impl From<FormError> for Rejection {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Malformed => Self::ParametersMalformed,
            FormError::Duplicate => Self::ParameterDuplicate,
        }
    }
}

/// A code to be exchanged for tokens.
#[derive(Debug)]
pub struct CodeExchange {
    /// To be sent to the token endpoint.
    pub request: HttpRequest,
    /// What the answer is held against.
    pub redeeming: Redeeming,
}

/// A sign-in whose code is being exchanged.
pub struct Redeeming {
    pub(crate) issuer: String,
    pub(crate) nonce: String,
    pub(crate) max_age: Option<Duration>,
    pub(crate) acr_values: Vec<String>,
    pub(crate) return_path: ReturnPath,
}

impl fmt::Debug for Redeeming {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Redeeming")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Provider {
    /// Judges a callback that came to this provider's redirect URI. `browser` is the value of the cookie, empty if
    /// there is none; `assertion_id` are new random bytes.
    ///
    /// The order is fixed: browser, age, provider, state, issuer, and only then what the provider says, be it an
    /// error or a code. An error that somebody else sent is no error of the provider.
    pub fn callback(
        &self,
        pending: Pending,
        callback: &Callback,
        browser: &str,
        assertion_id: [u8; 16],
        now: Instant,
    ) -> Result<CodeExchange, Rejection> {
        pending.check_browser(browser)?;
        pending.check_age(now)?;
        self.is_own(&pending)?;
        pending.check_state(callback.state())?;
        self.check_issuer(callback)?;
        let code = code(callback)?;
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.settings().redirect_uri.as_str()),
            ("code_verifier", pending.verifier.as_str()),
        ];
        Ok(CodeExchange {
            request: self.token_request(&parameters, assertion_id, now)?,
            redeeming: Redeeming {
                issuer: pending.issuer,
                nonce: pending.nonce,
                max_age: pending.max_age_seconds.map(Duration::from_secs),
                acr_values: pending.acr_values,
                return_path: pending.return_path,
            },
        })
    }

    /// Each provider has its own redirect URI, so an answer for one that arrives at another's is an attack.
    fn is_own(&self, pending: &Pending) -> Result<(), Rejection> {
        let settings = self.settings();
        if pending.provider != settings.name || pending.issuer != settings.issuer {
            return Err(Rejection::ProviderWrong);
        }
        Ok(())
    }

    /// RFC 9207 section 2.4: needed where it is advertised, wrong is wrong everywhere.
    fn check_issuer(&self, callback: &Callback) -> Result<(), Rejection> {
        match callback.get("iss") {
            Some(issuer) if issuer == self.settings().issuer => Ok(()),
            Some(_) => Err(Rejection::CallbackIssuerWrong),
            None if self.discovery().sends_issuer() => Err(Rejection::CallbackIssuerMissing),
            None => Ok(()),
        }
    }
}

fn code(callback: &Callback) -> Result<&str, Rejection> {
    if NOT_ASKED_FOR
        .iter()
        .any(|name| callback.get(name).is_some())
    {
        return Err(Rejection::CallbackTokens);
    }
    let visible = |byte: u8| (b' '..=b'~').contains(&byte);
    match (callback.get("code"), callback.get("error")) {
        (None, Some(error)) => Err(Rejection::Provider(ProviderError::of(error))),
        (Some(code), None)
            if (1..=MAX_CODE_BYTES).contains(&code.len()) && code.bytes().all(visible) =>
        {
            Ok(code)
        }
        _ => Err(Rejection::CodeMissing),
    }
}
