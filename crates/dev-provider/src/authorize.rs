//! `GET /authorize` (OpenID Connect Core 3.1.2).

use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use custos_model::{Instant, Secret};

use crate::claims::seconds;
use crate::memory::{Memory, SignInPage};
use crate::opaque::{Hash, secret};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::request::{AuthorizationRequest, Refusal};
use crate::{answer, cookie, page};

/// Longest name that a page is filled in with, in bytes.
const HINT_BYTES_MAX: usize = 32;

pub(crate) async fn authorize(
    State(provider): State<Provider>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let parameters = match Parameters::parse(query.unwrap_or_default().as_bytes()) {
        Ok(parameters) => parameters,
        Err(error) => return page::bad_request(error.text()),
    };
    match AuthorizationRequest::parse(&parameters, &provider.parts.clients) {
        Ok(request) => provider.authorize(request, cookie::read(&headers)),
        Err(Refusal::Page(text)) => page::bad_request(text),
        Err(Refusal::Redirect {
            redirect,
            error,
            description,
        }) => {
            let pairs = [("error", error), ("error_description", description)];
            answer::redirect(&redirect.answer(provider.issuer(), &pairs))
        }
    }
}

impl Provider {
    fn authorize(&self, request: AuthorizationRequest, browser: Option<Secret>) -> Response {
        let now = self.now();
        let mut memory = self.memory();
        let known = browser.as_ref().map(|value| Hash::of(value.expose()));
        let session = known.and_then(|known| memory.session(&known, now.mono_ns));
        let enough = session.is_some_and(|session| request.is_met_by(session, seconds(now)));
        if let Some(known) = known.filter(|_| enough) {
            return self.answer_with_code(&mut memory, &request, &known, now);
        }
        if request.wants_no_page() {
            let pairs = [("error", "login_required")];
            return answer::redirect(&request.redirect.answer(self.issuer(), &pairs));
        }
        self.show_sign_in(&mut memory, request, browser, now)
    }

    fn show_sign_in(
        &self,
        memory: &mut Memory,
        request: AuthorizationRequest,
        browser: Option<Secret>,
        now: Instant,
    ) -> Response {
        let ticket = secret(&self.parts.random);
        let value = browser.unwrap_or_else(|| secret(&self.parts.random));
        let hint = request.login_hint.as_deref().unwrap_or_default();
        let hint = if hint.len() > HINT_BYTES_MAX {
            ""
        } else {
            hint
        };
        let mut response =
            page::sign_in(StatusCode::OK, &request.client, ticket.expose(), hint, None);
        let browser = Hash::of(value.expose());
        let shown = SignInPage { request, browser };
        memory
            .sign_ins
            .insert_over_oldest(Hash::of(ticket.expose()), shown, now.mono_ns);
        match cookie::set(&value) {
            Some(header) => response.headers_mut().append(SET_COOKIE, header),
            None => return page::failure(),
        };
        response
    }
}
