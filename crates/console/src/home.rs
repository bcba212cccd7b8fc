//! The first page, and signing out.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Form, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN, REFRESH};
use axum::response::{IntoResponse as _, Redirect, Response};
use custos_identity::StoredSignIn;
use custos_model::Secret;
use custos_oauth::cookie::BrowserSession;
use maud::html;
use serde::Deserialize;

use crate::browser::with_cookie;
use crate::console::{Console, Provider};
use crate::end::Cause;
use crate::page::{page, problem};
use crate::sign_in::left;

const SIGNED_OUT: &str = "Your tokens and connection credentials no longer open anything, and your sessions were closed.";

/// A form with nothing but its token.
#[derive(Debug, Deserialize)]
pub(crate) struct Bare {
    form_token: String,
}

/// Somebody who is signed in with a browser.
#[derive(Debug)]
pub(crate) struct Present {
    /// The browser.
    pub(crate) browser: BrowserSession,
    /// The sign-in, good now.
    pub(crate) sign_in: StoredSignIn,
}

/// `GET /`
pub(crate) async fn home(State(console): State<Console>, headers: HeaderMap) -> Response {
    let Some(present) = console.present(&headers).await else {
        return Redirect::to("/sign-in").into_response();
    };
    let principal = &present.sign_in.principal;
    let token = console.form_token(&present.browser);
    let content = html! {
        dl {
            dt { "Name" } dd { (principal.name) }
            dt { "Provider" } dd { (present.sign_in.authentication.provider) }
            @if !principal.groups.is_empty() {
                dt { "Groups" } dd { (principal.groups.join(", ")) }
            }
            dt { "Ends in" } dd { (left(present.sign_in.expires_utc_ns, console.now().utc_ns)) }
        }
        p { "On your computer:" }
        p { code { "custos login --gateway " (console.base_url.as_str()) } }
        form method="post" action="/sign-out" {
            input type="hidden" name="form_token" value=(token.expose());
            button.plain type="submit" { "Sign out" }
        }
    };
    page("You are signed in", &content).into_response()
}

/// `POST /sign-out`
pub(crate) async fn sign_out(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): Form<Bare>,
) -> Response {
    let present = match console.sender(&headers, &form.form_token, "/sign-in").await {
        Ok(present) => present,
        Err(response) => return response,
    };
    let onward = console.sign_out_there(&present.sign_in).await;
    console
        .end_sign_in(&present.sign_in, Cause::Logout, None, Some(peer))
        .await;
    let cookie = HeaderValue::from_str(&console.cookie.clear()).ok();
    let Some((label, url)) = onward else {
        return with_cookie(signed_out().await, cookie);
    };
    let content = html! {
        p { (SIGNED_OUT) }
        p { a href=(url.expose()) { "Sign out of " (label) " too" } }
    };
    let mut response = page("Signed out", &content).into_response();
    // By itself, and not as the answer to the form: browsers hold redirects after a form to our own address.
    if let Ok(refresh) = HeaderValue::from_str(&format!("0;url={}", url.expose())) {
        response.headers_mut().insert(REFRESH, refresh);
    }
    with_cookie(response, cookie)
}

/// `GET /signed-out`: back from the provider.
pub(crate) async fn signed_out() -> Response {
    let content = html! {
        p { (SIGNED_OUT) }
        p { a href="/sign-in" { "Sign in again" } }
    };
    page("Signed out", &content).into_response()
}

impl Console {
    /// Where somebody who signs out is sent on to, and what that is called. To be asked before her sign-in ends, which
    /// forgets what proves the session there to be hers.
    async fn sign_out_there(&self, sign_in: &StoredSignIn) -> Option<(String, Secret)> {
        let web = self.provider(&sign_in.authentication.provider)?.clone();
        let Provider::OpenId(openid) = web.provider else {
            return None;
        };
        if !openid.signs_out {
            return None;
        }
        let id = sign_in.id;
        let found = self
            .blocking(move |console| console.sign_ins.provider_session(id))
            .await?;
        let session = found.ok().flatten()?;
        let back = format!("{}/signed-out", self.base_url.as_str());
        let url = openid.provider.logout_url(&session.id_token, &back)?;
        Some((web.label, url))
    }

    /// Who is signed in with the browser of a request.
    pub(crate) async fn present(&self, headers: &HeaderMap) -> Option<Present> {
        let browser = self.browser(headers)?;
        let mono_ns = self.now().mono_ns;
        let id = self
            .browsers
            .with(&browser, mono_ns, |browser| browser.sign_in)??;
        let found = self
            .blocking(move |console| {
                let now = console.now();
                console.sign_ins.live(id, now)
            })
            .await?;
        match found {
            Ok(found) => {
                let mut sign_in = found?;
                sign_in.principal = self.with_own_groups(sign_in.principal).await?;
                Some(Present { browser, sign_in })
            }
            Err(error) => {
                tracing::error!(%error, "a sign-in could not be looked up");
                None
            }
        }
    }

    /// Who sent a form, if it was a page of ours in a browser that is signed in. Otherwise the answer: `sign_in` is where
    /// to do that.
    pub(crate) async fn sender(
        &self,
        headers: &HeaderMap,
        form_token: &str,
        sign_in: &str,
    ) -> Result<Present, Response> {
        let present = self
            .present(headers)
            .await
            .ok_or_else(|| Redirect::to(sign_in).into_response())?;
        if self.is_own_form(headers, &present.browser, form_token) {
            Ok(present)
        } else {
            Err(problem(
                StatusCode::FORBIDDEN,
                "Not accepted",
                "This form was not sent from a page of this gateway, or the page is too old. Load it again.",
            ))
        }
    }

    fn is_own_form(&self, headers: &HeaderMap, browser: &BrowserSession, form_token: &str) -> bool {
        const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
        let says = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
        let same_origin =
            says(ORIGIN).is_none_or(|origin| origin == self.base_url.as_str().as_bytes());
        let same_site = says(FETCH_SITE).is_none_or(|site| site == b"same-origin");
        same_origin && same_site && self.csrf.accepts(browser, form_token)
    }
}
