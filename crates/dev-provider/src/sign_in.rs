//! `POST /sign-in`: the form of the sign-in page.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use custos_model::{Instant, Secret};

use crate::claims::seconds;
use crate::memory::{Memory, Session};
use crate::opaque::{Hash, identifier, secret};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::{cookie, guard, page};

pub(crate) const PATH: &str = "/sign-in";
/// The hidden field that proves that a form comes from a page of ours.
pub(crate) const TICKET: &str = "ticket";

/// The same for a wrong name, a wrong password and a person who may not sign in.
const WRONG: &str = "Name or password is wrong.";
const TOO_OFTEN: &str = "Too many tries for this name. Wait a minute.";

pub(crate) async fn sign_in(
    State(provider): State<Provider>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !guard::is_own_form(&headers, provider.issuer()) {
        return not_ours();
    }
    match Parameters::of_form(&headers, &body) {
        Ok(form) => provider.sign_in(&form, cookie::read(&headers)),
        Err(error) => page::bad_request(error.text()),
    }
}

/// A form from elsewhere, from another browser, or of a page that has expired.
pub(crate) fn not_ours() -> Response {
    page::problem(
        StatusCode::FORBIDDEN,
        "This page has expired",
        "Go back to the application and start again.",
    )
}

impl Provider {
    fn sign_in(&self, form: &Parameters, browser: Option<Secret>) -> Response {
        let now = self.now();
        let mut memory = self.memory();
        let browser = browser.map(|value| Hash::of(value.expose()));
        let ticket = form.get(TICKET).unwrap_or_default();
        let key = Hash::of(ticket);
        let shown = memory.sign_ins.get(&key, now.mono_ns);
        let Some((shown, browser)) = shown
            .zip(browser)
            .filter(|(shown, own)| shown.browser.is(own))
        else {
            return not_ours();
        };
        let request = shown.request.clone();
        let name = form.get("name").unwrap_or_default();
        let again =
            |status, alert| page::sign_in(status, &request.client, ticket, name, Some(alert));
        if !memory.tries.one_more(name, now.mono_ns) {
            let mut response = again(StatusCode::TOO_MANY_REQUESTS, TOO_OFTEN);
            let minute = HeaderValue::from_static("60");
            response.headers_mut().insert(RETRY_AFTER, minute);
            return response;
        }
        if !self.is_password(&memory, name, form.get("password").unwrap_or_default()) {
            return again(StatusCode::FORBIDDEN, WRONG);
        }
        memory.tries.forget(name);
        memory.sign_ins.take(&key, now.mono_ns);
        let Some(value) = self.begin_session(&mut memory, name, &browser, now) else {
            return page::failure();
        };
        let own = Hash::of(value.expose());
        let mut response = self.answer_with_code(&mut memory, &request, &own, now);
        if let Some(header) = cookie::set(&value) {
            response.headers_mut().append(SET_COOKIE, header);
        }
        response
    }

    /// Does the same work for unknown names.
    fn is_password(&self, memory: &Memory, name: &str, password: &str) -> bool {
        let account = memory.people.get(name);
        let expected = account.map_or(&self.parts.decoy, |account| &account.password);
        let right = expected.is(&Hash::of(password));
        right & account.is_some_and(|account| account.enabled)
    }

    /// A session under a new cookie, against fixation. Whoever signs in again stays in the session; somebody else's
    /// in the same browser ends.
    fn begin_session(
        &self,
        memory: &mut Memory,
        name: &str,
        browser: &Hash,
        now: Instant,
    ) -> Option<Secret> {
        let earlier = memory.sessions.get(browser, now.mono_ns).cloned();
        let (id, clients) = match earlier {
            Some(earlier) if earlier.person == name => {
                memory.sessions.take(browser, now.mono_ns);
                (earlier.id, earlier.clients)
            }
            Some(other) => {
                self.end_session(memory, &other.id, now).ok()?;
                (identifier(&self.parts.random), BTreeSet::new())
            }
            None => (identifier(&self.parts.random), BTreeSet::new()),
        };
        let session = Session {
            id,
            person: name.to_owned(),
            authenticated: seconds(now),
            clients,
        };
        let value = secret(&self.parts.random);
        let key = Hash::of(value.expose());
        memory.sessions.insert(key, session, now.mono_ns).ok()?;
        Some(value)
    }
}
