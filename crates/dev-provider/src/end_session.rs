//! `/end-session` (OpenID Connect RP-Initiated Logout 1.0) and the page that asks first.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use custos_model::Instant;

use crate::memory::{Hint, Memory, SignOutPage};
use crate::opaque::{Hash, secret};
use crate::parameters::{ParameterError, Parameters};
use crate::provider::Provider;
use crate::redirect::Redirect;
use crate::sign_in::{TICKET, not_ours};
use crate::{answer, cookie, guard, page};

pub(crate) const CONFIRMED: &str = "/sign-out";

pub(crate) async fn by_query(
    State(provider): State<Provider>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    provider.asked_to_end(Parameters::parse(query.as_bytes()), &headers)
}

pub(crate) async fn by_form(
    State(provider): State<Provider>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    provider.asked_to_end(Parameters::of_form(&headers, &body), &headers)
}

/// `POST /sign-out`: the answer to the question of [`page::confirm_sign_out`].
pub(crate) async fn confirmed(
    State(provider): State<Provider>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !guard::is_own_form(&headers, provider.issuer()) {
        return not_ours();
    }
    match Parameters::of_form(&headers, &body) {
        Ok(form) => provider.end_confirmed(form.get(TICKET), browser(&headers)),
        Err(error) => page::bad_request(error.text()),
    }
}

fn browser(headers: &HeaderMap) -> Option<Hash> {
    cookie::read(headers).map(|value| Hash::of(value.expose()))
}

impl Provider {
    fn asked_to_end(
        &self,
        parameters: Result<Parameters, ParameterError>,
        headers: &HeaderMap,
    ) -> Response {
        let parameters = match parameters {
            Ok(parameters) => parameters,
            Err(error) => return page::bad_request(error.text()),
        };
        let now = self.now();
        let mut memory = self.memory();
        let hint = match hint(&memory, &parameters, now) {
            Ok(hint) => hint,
            Err(text) => return page::bad_request(text),
        };
        let target = match self.target(&parameters, hint.as_ref()) {
            Ok(target) => target,
            Err(text) => return page::bad_request(text),
        };
        self.end_or_ask(&mut memory, hint, target, browser(headers), now)
    }

    /// Ends the session that an identity token names, unless the browser has another one. Without a token, people are
    /// asked (section 2).
    fn end_or_ask(
        &self,
        memory: &mut Memory,
        hint: Option<Hint>,
        target: Option<String>,
        browser: Option<Hash>,
        now: Instant,
    ) -> Response {
        let session = browser.and_then(|own| Some((own, memory.session(&own, now.mono_ns)?)));
        let another = session
            .filter(|(_, session)| hint.as_ref().is_none_or(|hint| hint.session != session.id));
        if let Some((browser, session)) = another {
            let ticket = secret(&self.parts.random);
            let response = page::confirm_sign_out(&session.person, ticket.expose());
            let shown = SignOutPage { browser, target };
            memory
                .sign_outs
                .insert_over_oldest(Hash::of(ticket.expose()), shown, now.mono_ns);
            return response;
        }
        match hint {
            Some(hint) => self.end_and_leave(memory, &hint.session, target.as_deref(), now),
            None => leave(target.as_deref()),
        }
    }

    fn end_confirmed(&self, ticket: Option<&str>, browser: Option<Hash>) -> Response {
        let now = self.now();
        let mut memory = self.memory();
        let key = Hash::of(ticket.unwrap_or_default());
        let shown = memory.sign_outs.get(&key, now.mono_ns).zip(browser);
        let Some((_, browser)) = shown.filter(|(shown, own)| shown.browser.is(own)) else {
            return not_ours();
        };
        let target = memory
            .sign_outs
            .take(&key, now.mono_ns)
            .and_then(|shown| shown.target);
        match memory
            .sessions
            .get(&browser, now.mono_ns)
            .map(|session| session.id.clone())
        {
            Some(id) => self.end_and_leave(&mut memory, &id, target.as_deref(), now),
            None => leave(target.as_deref()),
        }
    }

    fn end_and_leave(
        &self,
        memory: &mut Memory,
        session: &str,
        target: Option<&str>,
        now: Instant,
    ) -> Response {
        match self.end_session(memory, session, now) {
            Ok(()) => leave(target),
            Err(_) => page::failure(),
        }
    }

    /// Where to go afterwards: only to what the client registered, byte for byte.
    fn target(
        &self,
        parameters: &Parameters,
        hint: Option<&Hint>,
    ) -> Result<Option<String>, &'static str> {
        let Some(uri) = parameters.get("post_logout_redirect_uri") else {
            return Ok(None);
        };
        let client = hint
            .map(|hint| hint.client.as_str())
            .or(parameters.get("client_id"));
        let client = client.and_then(|id| self.parts.clients.get(id));
        let mut known = client
            .into_iter()
            .flat_map(|client| &client.post_logout_redirect_uris);
        if !known.any(|known| known == uri) {
            return Err("The address to go to afterwards is not one of the client's.");
        }
        let redirect = Redirect {
            uri: uri.to_owned(),
            state: parameters.get("state").map(str::to_owned),
        };
        Ok(Some(redirect.plain()))
    }
}

/// An identity token that we issued, also an expired one, to the client that is named beside it.
fn hint(
    memory: &Memory,
    parameters: &Parameters,
    now: Instant,
) -> Result<Option<Hint>, &'static str> {
    let Some(token) = parameters.get("id_token_hint") else {
        return Ok(None);
    };
    let hint = memory.id_tokens.get(&Hash::of(token), now.mono_ns);
    let hint = hint.ok_or("The identity token is not one of ours.")?;
    if parameters
        .get("client_id")
        .is_some_and(|id| id != hint.client)
    {
        return Err("The identity token is another client's.");
    }
    Ok(Some(hint.clone()))
}

fn leave(target: Option<&str>) -> Response {
    let mut response = target.map_or_else(page::signed_out, answer::redirect);
    response.headers_mut().append(SET_COOKIE, cookie::clear());
    response
}
