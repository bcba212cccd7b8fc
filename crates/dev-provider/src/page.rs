//! Pages, rendered here and without scripts.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::{end_session, sign_in};

pub(crate) const STYLE_PATH: &str = "/style.css";
/// Colours follow the system's setting; nothing is fetched from elsewhere.
const STYLE: &str = include_str!("style.css");

/// A whole page. Each says what it is not.
fn page(status: StatusCode, title: &str, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Development provider" }
                link rel="stylesheet" href=(STYLE_PATH);
            }
            body {
                header role="banner" {
                    p.banner { strong { "Development provider: not for real use" } }
                }
                main {
                    h1 { (title) }
                    (content)
                }
            }
        }
    };
    (status, Html(page.into_string())).into_response()
}

/// The form that asks for name and password. `ticket` is the value that proves the page.
pub(crate) fn sign_in(
    status: StatusCode,
    client: &str,
    ticket: &str,
    name: &str,
    alert: Option<&str>,
) -> Response {
    let content = html! {
        p { "Sign in to continue to " strong { (client) } "." }
        @if let Some(alert) = alert {
            p #alert role="alert" { (alert) }
        }
        form method="post" action=(sign_in::PATH) {
            input type="hidden" name=(sign_in::TICKET) value=(ticket);
            label for="name" { "Name" }
            input #name type="text" name="name" value=(name) maxlength="32" required
                autocomplete="username" autocapitalize="none" spellcheck="false"
                aria-describedby=[alert.map(|_| "alert")];
            label for="password" { "Password" }
            input #password type="password" name="password" required
                autocomplete="current-password" aria-describedby="where";
            p.quiet #where { "Names and passwords were printed where the program was started." }
            button type="submit" { "Sign in" }
        }
    };
    page(status, "Sign in", &content)
}

/// Asks before somebody is signed out.
pub(crate) fn confirm_sign_out(person: &str, ticket: &str) -> Response {
    let content = html! {
        p { "You are signed in as " strong { (person) } "." }
        form method="post" action=(end_session::CONFIRMED) {
            input type="hidden" name=(sign_in::TICKET) value=(ticket);
            button type="submit" { "Sign out" }
        }
    };
    page(StatusCode::OK, "Sign out?", &content)
}

pub(crate) fn signed_out() -> Response {
    let content = html! { p { "You can close this page." } };
    page(StatusCode::OK, "Signed out", &content)
}

/// What went wrong, without anything that an attacker chose.
pub(crate) fn problem(status: StatusCode, title: &str, text: &str) -> Response {
    page(status, title, &html! { p role="alert" { (text) } })
}

pub(crate) fn bad_request(text: &str) -> Response {
    problem(StatusCode::BAD_REQUEST, "This does not work", text)
}

/// Ours, not the visitor's.
pub(crate) fn failure() -> Response {
    let text = "The development provider could not do this.";
    problem(StatusCode::INTERNAL_SERVER_ERROR, "Something failed", text)
}

pub(crate) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "Not found", "There is no such page.")
}

/// `GET /style.css`
pub(crate) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}
