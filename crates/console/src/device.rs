//! The page on which a device without a browser is let in (RFC 8628 section 3.3).

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use custos_identity::JudgedToken;
use custos_model::Rfc3339;
use custos_oauth::{Decision, DeviceConfirmation, DeviceRefusal, Purpose, Visitor};
use maud::{Markup, html};
use serde::Deserialize;

use crate::console::Console;
use crate::home::Present;
use crate::page::{may, page};
use crate::sign_in::busy;

/// Where somebody signs in who wants to let a device in.
const SIGN_IN: &str = "/sign-in?then=device";

/// A code that was typed.
#[derive(Debug, Deserialize)]
pub(crate) struct Typed {
    form_token: String,
    user_code: String,
}

/// What the person says of what was shown.
#[derive(Debug, Deserialize)]
pub(crate) struct Decided {
    form_token: String,
    confirmation: String,
    answer: String,
}

/// `GET /device`
pub(crate) async fn ask(State(console): State<Console>, headers: HeaderMap) -> Response {
    let Some(present) = console.present(&headers).await else {
        return Redirect::to(SIGN_IN).into_response();
    };
    entry(&console, &present, None)
}

/// `POST /device`
pub(crate) async fn show(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): Form<Typed>,
) -> Response {
    let present = match console.sender(&headers, &form.form_token, SIGN_IN).await {
        Ok(present) => present,
        Err(response) => return response,
    };
    let visitor = visitor(&present);
    let asked = console
        .ask(peer.ip(), JudgedToken(None), move |server, state, call| {
            server.show_device(&form.user_code, visitor, state, call)
        })
        .await;
    let Some(outcome) = asked else { return busy() };
    if console.record_events(&outcome.events, peer).await.is_err() {
        return busy();
    }
    match outcome.answer {
        Ok(confirmation) => confirm(&console, &present, &confirmation),
        Err(refusal) => refused(&console, &present, &refusal),
    }
}

/// `POST /device/decide`
pub(crate) async fn decide(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): Form<Decided>,
) -> Response {
    let present = match console.sender(&headers, &form.form_token, SIGN_IN).await {
        Ok(present) => present,
        Err(response) => return response,
    };
    let decision = match form.answer.as_str() {
        "yes" => Decision::Approve,
        _ => Decision::Deny,
    };
    let visitor = visitor(&present);
    let asked = console
        .ask(peer.ip(), JudgedToken(None), move |server, state, call| {
            server.decide_device(&form.confirmation, decision, visitor, state, call)
        })
        .await;
    let Some(outcome) = asked else { return busy() };
    if console.record_events(&outcome.events, peer).await.is_err() {
        return busy();
    }
    if let Err(refusal) = &outcome.answer {
        return refused(&console, &present, refusal);
    }
    let (title, text) = match decision {
        Decision::Approve => (
            "It is in",
            "The device goes on by itself, or when you press Enter there. You can close this page.",
        ),
        Decision::Deny => ("Refused", "The device was not let in."),
    };
    page(title, &html! { p { (text) } }).into_response()
}

fn visitor(present: &Present) -> Visitor {
    Visitor {
        browser: present.browser,
        sign_in: present.sign_in.id,
    }
}

fn entry(console: &Console, present: &Present, problem: Option<&str>) -> Response {
    let token = console.form_token(&present.browser);
    let content: Markup = html! {
        @if let Some(problem) = problem { p role="alert" { (problem) } }
        p { "You are signed in as " strong { (present.sign_in.principal.name) } ". Enter the code that the device shows." }
        form method="post" action="/device" {
            input type="hidden" name="form_token" value=(token.expose());
            div {
                label for="user_code" { "Code" }
                input type="text" id="user_code" name="user_code" autocomplete="off" autocapitalize="characters"
                    spellcheck="false" required maxlength="20" placeholder="XXXX-XXXX";
            }
            button type="submit" { "Go on" }
        }
        p.quiet { "Never enter a code that somebody sent you." }
    };
    page("Let a device in", &content).into_response()
}

fn confirm(console: &Console, present: &Present, shown: &DeviceConfirmation) -> Response {
    let token = console.form_token(&present.browser);
    let since = Rfc3339(shown.requested_utc_ns).to_string();
    let since = since.get(..19).unwrap_or(&since).replace('T', " ");
    let who = &present.sign_in.principal.name;
    let (question, claim, allowed) = match &shown.purpose {
        Purpose::Tokens(scopes) => (
            "Is this your device?",
            html! { strong { (shown.client_name) } " wants to act as " strong { (who) } "." },
            may(scopes),
        ),
        Purpose::Connection(connection) => (
            "Is this your connection?",
            html! {
                "A connection to " strong { (connection.resource) } " waits to be signed in as " strong { (who) } "."
            },
            format!("open {} until you sign out", connection.resource),
        ),
    };
    let content = html! {
        p { (claim) }
        dl {
            dt { "Code" } dd { (shown.user_code.to_string()) }
            dt { "Asked from" } dd { (shown.requested_from.to_string()) }
            dt { "Asked at" } dd { (since) " UTC" }
            dt { "It may" } dd { (allowed) }
        }
        p { "Let it in only if you have just started it yourself and it shows this code." }
        form method="post" action="/device/decide" {
            input type="hidden" name="form_token" value=(token.expose());
            input type="hidden" name="confirmation" value=(shown.confirmation.expose());
            button type="submit" name="answer" value="yes" { "Let it in" }
            button.plain type="submit" name="answer" value="no" { "Refuse" }
        }
    };
    page(question, &content).into_response()
}

fn refused(console: &Console, present: &Present, refusal: &DeviceRefusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let text = refusal.to_string();
    let mut letters = text.chars();
    let text = letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect::<String>() + "."
    });
    let mut response = entry(console, present, Some(&text));
    *response.status_mut() = status;
    response
}
