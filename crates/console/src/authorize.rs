//! A client asks to act as a person (RFC 6749 section 4.1).

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Form, RawQuery, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use custos_identity::JudgedToken;
use custos_model::SignInId;
use custos_oauth::cookie::BrowserSession;
use custos_oauth::{AuthorizeRefusal, AuthorizeRequest, Consent, page_headers};
use maud::html;
use serde::Deserialize;

use crate::browser::with_cookie;
use crate::console::Console;
use crate::page::{may, page, problem};
use crate::sign_in::busy;

/// What the person says on the page.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    form_token: String,
    request: String,
    answer: String,
}

/// `GET /oauth/authorize`
pub(crate) async fn authorize(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let asked = console.blocking(move |console| console.server().authorize(query.as_bytes()));
    let Some(outcome) = asked.await else {
        return busy();
    };
    if console.record_events(&outcome.events, peer).await.is_err() {
        return busy();
    }
    let request = match outcome.answer {
        Ok(request) => request,
        Err(refusal) => return refused(&refusal),
    };
    let Some((browser, cookie)) = console.browser_or_new(&headers) else {
        return busy();
    };
    let name = console.random_name();
    let shown = console.present(&headers).await.map(|present| {
        let token = console.form_token(&present.browser);
        consent_page(
            &request,
            &present.sign_in.principal.name,
            &name,
            token.expose(),
        )
    });
    let mono_ns = console.now().mono_ns;
    let kept = console.browsers.with(&browser, mono_ns, |browser| {
        browser.push_request(name.clone(), request);
    });
    if kept.is_none() {
        return busy();
    }
    let response =
        shown.unwrap_or_else(|| Redirect::to(&format!("/sign-in?then={name}")).into_response());
    with_cookie(response, cookie)
}

/// `POST /oauth/consent`
pub(crate) async fn consent(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): Form<Said>,
) -> Response {
    let present = match console.sender(&headers, &form.form_token, "/sign-in").await {
        Ok(present) => present,
        Err(response) => return response,
    };
    if form.answer == "yes" {
        return console
            .grant(
                &present.browser,
                &form.request,
                present.sign_in.id,
                Consent::Confirmed,
                peer,
            )
            .await;
    }
    let Some(request) = console.take_request(&present.browser, &form.request) else {
        return gone();
    };
    let asked = console.blocking(move |console| console.server().refuse_code(&request));
    let Some(outcome) = asked.await else {
        return busy();
    };
    if console.record_events(&outcome.events, peer).await.is_err() {
        return busy();
    }
    match outcome.answer {
        Ok(to) => see_other(to.location()),
        Err(refusal) => refused(&refusal),
    }
}

impl Console {
    /// Gives a client its code, and sends the browser back to it.
    pub(crate) async fn grant(
        &self,
        browser: &BrowserSession,
        name: &str,
        sign_in: SignInId,
        consent: Consent,
        peer: SocketAddr,
    ) -> Response {
        let Some(request) = self.take_request(browser, name) else {
            return gone();
        };
        let granted = self
            .ask(peer.ip(), JudgedToken(None), move |server, state, call| {
                server.grant_code(request, sign_in, consent, state, call)
            })
            .await;
        let Some(outcome) = granted else {
            return busy();
        };
        if self.record_events(&outcome.events, peer).await.is_err() {
            return busy();
        }
        match outcome.answer {
            Ok(to) => see_other(to.location()),
            Err(refusal) => refused(&refusal),
        }
    }

    fn take_request(&self, browser: &BrowserSession, name: &str) -> Option<AuthorizeRequest> {
        let mono_ns = self.now().mono_ns;
        self.browsers
            .with(browser, mono_ns, |browser| browser.take_request(name))?
    }
}

fn consent_page(request: &AuthorizeRequest, who: &str, name: &str, form_token: &str) -> Response {
    let content = html! {
        p { strong { (request.client_name()) } " on this computer wants to act as you. Go on only if you have just started it." }
        dl {
            dt { "You" } dd { (who) }
            dt { "It may" } dd { (may(request.scopes())) }
        }
        form method="post" action="/oauth/consent" {
            input type="hidden" name="form_token" value=(form_token);
            input type="hidden" name="request" value=(name);
            button type="submit" name="answer" value="yes" { "Go on" }
            button.plain type="submit" name="answer" value="no" { "Refuse" }
        }
    };
    let mut response = page("Let it in?", &content).into_response();
    for (header, value) in page_headers(Some(request.redirect_uri())) {
        if header == CONTENT_SECURITY_POLICY.as_str()
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            response
                .headers_mut()
                .insert(CONTENT_SECURITY_POLICY, value);
        }
    }
    response
}

fn refused(refusal: &AuthorizeRefusal) -> Response {
    match refusal {
        AuthorizeRefusal::Redirect { to, .. } => see_other(to.location()),
        AuthorizeRefusal::Page(refusal) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            problem(status, "Not accepted", &refusal.description())
        }
    }
}

fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(_) => busy(),
    }
}

/// The request is answered already, or was never made in this browser.
fn gone() -> Response {
    problem(
        StatusCode::BAD_REQUEST,
        "No longer waiting",
        "This request is no longer waiting. Start it again where it came from.",
    )
}
