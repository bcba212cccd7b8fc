//! What is known of a browser, under the hash of its cookie. All of it is in memory: after a restart people sign in again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use custos_model::{Secret, SignInId};
use custos_oauth::AuthorizeRequest;
use custos_oauth::cookie::{BrowserSecret, BrowserSession};
use custos_oidc::Pending;

use crate::console::Console;

/// Browsers at a time.
const BROWSERS_MAX: usize = 20_000;
/// Sign-ins and requests of one browser that are under way at a time.
const UNDER_WAY_MAX: usize = 8;
/// The names that we give to clients' requests are no longer.
const REQUEST_NAME_BYTES_MAX: usize = 32;
/// How long a browser is remembered that nobody has signed in with.
const STRANGER_LIFE: Duration = Duration::from_mins(15);

/// A browser that has our cookie.
#[derive(Debug)]
pub(crate) struct Browser {
    /// Who is signed in with it.
    pub(crate) sign_in: Option<SignInId>,
    logins: Vec<Login>,
    saml_logins: Vec<SamlLogin>,
    requests: Vec<(String, AuthorizeRequest)>,
    expires_mono_ns: u64,
}

/// A sign-in whose browser is at the provider.
#[derive(Debug)]
pub(crate) struct Login {
    /// What the provider's answer is held against.
    pub(crate) pending: Pending,
    /// What proves that it is the same browser.
    pub(crate) proof: Secret,
    /// What comes after it.
    pub(crate) then: Then,
}

/// The same at a SAML provider.
#[derive(Debug)]
pub(crate) struct SamlLogin {
    /// What comes back beside the provider's response.
    pub(crate) relay_state: Secret,
    /// What comes after it.
    pub(crate) then: Then,
}

/// Where somebody goes on after signing in. Kept here, never read from a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Then {
    /// To the first page.
    #[default]
    Home,
    /// To the page for devices.
    Device,
    /// To the page for the administrator token.
    Administrator,
    /// Back to a client's request.
    Request(String),
}

/// All browsers.
#[derive(Debug, Default)]
pub(crate) struct Browsers(Mutex<HashMap<BrowserSession, Browser>>);

impl Then {
    /// From a link of ours: a word, or the name of a request that this browser has under way.
    pub(crate) fn read(text: Option<&str>) -> Self {
        match text {
            None | Some("" | "home") => Self::Home,
            Some("device") => Self::Device,
            Some("administrator") => Self::Administrator,
            // A link that others made may say anything, and what is kept here is kept for strangers.
            Some(request) if request.len() <= REQUEST_NAME_BYTES_MAX => {
                Self::Request(request.to_owned())
            }
            Some(_) => Self::Home,
        }
    }

    /// For a link of ours.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Home => "home",
            Self::Device => "device",
            Self::Administrator => "administrator",
            Self::Request(name) => name,
        }
    }
}

impl Browsers {
    fn all(&self) -> MutexGuard<'_, HashMap<BrowserSession, Browser>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on a browser that is known and not forgotten.
    pub(crate) fn with<T>(
        &self,
        session: &BrowserSession,
        mono_ns: u64,
        work: impl FnOnce(&mut Browser) -> T,
    ) -> Option<T> {
        let mut all = self.all();
        let browser = all.get_mut(session)?;
        (browser.expires_mono_ns > mono_ns).then(|| work(browser))
    }

    /// Remembers a browser; false when there is no room.
    fn add(&self, session: BrowserSession, browser: Browser, mono_ns: u64) -> bool {
        let mut all = self.all();
        if all.len() >= BROWSERS_MAX {
            all.retain(|_, browser| browser.expires_mono_ns > mono_ns);
        }
        if all.len() >= BROWSERS_MAX {
            // Strangers make room for one another before anybody who is signed in does.
            let oldest = all
                .iter()
                .filter(|(_, browser)| browser.sign_in.is_none())
                .min_by_key(|(_, browser)| browser.expires_mono_ns)
                .map(|(session, _)| *session);
            match oldest {
                Some(oldest) => all.remove(&oldest),
                None => return false,
            };
        }
        all.insert(session, browser);
        true
    }

    pub(crate) fn forget(&self, session: &BrowserSession) -> Option<Browser> {
        self.all().remove(session)
    }

    /// Forgets every browser with one of these sign-ins.
    pub(crate) fn forget_sign_in(&self, id: SignInId) {
        self.all().retain(|_, browser| browser.sign_in != Some(id));
    }
}

impl Browser {
    /// Remembers a sign-in that is under way; the oldest one goes when there are many.
    pub(crate) fn push_login(&mut self, login: Login) {
        if self.logins.len() >= UNDER_WAY_MAX {
            self.logins.remove(0);
        }
        self.logins.push(login);
    }

    /// Takes out the sign-in that a callback with this state belongs to: it is good for one.
    pub(crate) fn take_login(&mut self, state: &str) -> Option<Login> {
        let mut logins = self.logins.iter();
        let at = logins.position(|login| login.pending.state() == state)?;
        Some(self.logins.remove(at))
    }

    /// Remembers a sign-in at a SAML provider; the oldest one goes when there are many.
    pub(crate) fn push_saml_login(&mut self, login: SamlLogin) {
        if self.saml_logins.len() >= UNDER_WAY_MAX {
            self.saml_logins.remove(0);
        }
        self.saml_logins.push(login);
    }

    /// Takes out the sign-in that a response with this relay state belongs to: it is good for one.
    pub(crate) fn take_saml_login(&mut self, relay_state: &Secret) -> Option<SamlLogin> {
        let mut logins = self.saml_logins.iter();
        let at = logins.position(|login| login.relay_state.expose() == relay_state.expose())?;
        Some(self.saml_logins.remove(at))
    }

    /// Remembers a client's request under a name.
    pub(crate) fn push_request(&mut self, name: String, request: AuthorizeRequest) {
        if self.requests.len() >= UNDER_WAY_MAX {
            self.requests.remove(0);
        }
        self.requests.push((name, request));
    }

    /// A client's request.
    pub(crate) fn request(&self, name: &str) -> Option<&AuthorizeRequest> {
        let mut requests = self.requests.iter();
        requests
            .find(|(own, _)| own == name)
            .map(|(_, request)| request)
    }

    /// Takes a client's request out: it is answered once.
    pub(crate) fn take_request(&mut self, name: &str) -> Option<AuthorizeRequest> {
        let at = self.requests.iter().position(|(own, _)| own == name)?;
        Some(self.requests.remove(at).1)
    }
}

impl Console {
    /// The browser of a request, by its cookie. A cookie that is malformed or planted is none.
    pub(crate) fn browser(&self, headers: &HeaderMap) -> Option<BrowserSession> {
        let cookies = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        let secret = match self.cookie.read(cookies) {
            Ok(secret) => secret?,
            Err(error) => {
                tracing::debug!(kind = error.code(), "cookies of a request");
                return None;
            }
        };
        let session = secret.session();
        let known = self
            .browsers
            .with(&session, self.now().mono_ns, |_| ())
            .is_some();
        known.then_some(session)
    }

    /// The browser of a request, or a new stranger, with the cookie that it must then be sent.
    pub(crate) fn browser_or_new(
        &self,
        headers: &HeaderMap,
    ) -> Option<(BrowserSession, Option<HeaderValue>)> {
        if let Some(session) = self.browser(headers) {
            return Some((session, None));
        }
        let (session, cookie) = self.new_browser(None, Vec::new(), STRANGER_LIFE)?;
        Some((session, Some(cookie)))
    }

    /// A new browser session in place of an old one: who signs in gets a cookie that nobody knew before.
    pub(crate) fn signed_in_browser(
        &self,
        old: &BrowserSession,
        sign_in: SignInId,
        lasts: Duration,
    ) -> Option<(BrowserSession, HeaderValue)> {
        let requests = self
            .browsers
            .forget(old)
            .map(|browser| browser.requests)
            .unwrap_or_default();
        self.new_browser(Some(sign_in), requests, lasts)
    }

    fn new_browser(
        &self,
        sign_in: Option<SignInId>,
        requests: Vec<(String, AuthorizeRequest)>,
        lasts: Duration,
    ) -> Option<(BrowserSession, HeaderValue)> {
        let secret = BrowserSecret::new(self.bytes());
        let session = secret.session();
        let mono_ns = self.now().mono_ns;
        let browser = Browser {
            sign_in,
            logins: Vec::new(),
            saml_logins: Vec::new(),
            requests,
            expires_mono_ns: mono_ns.saturating_add(lasts.as_nanos() as u64),
        };
        let cookie = HeaderValue::from_str(&self.cookie.set(&secret, lasts)).ok()?;
        self.browsers
            .add(session, browser, mono_ns)
            .then_some((session, cookie))
    }
}

/// Gives the browser its cookie.
pub(crate) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_others_take_no_room() {
        let name = "a".repeat(REQUEST_NAME_BYTES_MAX);
        assert_eq!(Then::read(Some(&name)), Then::Request(name.clone()));
        assert_eq!(Then::read(Some(&format!("{name}a"))), Then::Home);
        assert_eq!(Then::read(Some("device")), Then::Device);
        assert_eq!(Then::read(None), Then::Home);
    }
}
