//! The frame of every page.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use custos_oauth::{Scope, Scopes};
use maud::{DOCTYPE, Markup, html};

/// Colours follow the system's setting; nothing is fetched from elsewhere.
const STYLE: &str = include_str!("style.css");

/// A whole page.
pub(crate) fn page(title: &str, content: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Custos" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                main {
                    p.brand { "Custos" }
                    h1 { (title) }
                    (content)
                }
            }
        }
    };
    Html(page.into_string())
}

/// A page that says what went wrong, without anything that an attacker chose.
pub(crate) fn problem(status: StatusCode, title: &str, text: &str) -> Response {
    let content = html! {
        p role="alert" { (text) }
        p { a href="/sign-in" { "Sign in" } }
    };
    (status, page(title, &content)).into_response()
}

/// What scopes allow, in words for the person who agrees.
pub(crate) fn may(scopes: &Scopes) -> String {
    let words = |scope| match scope {
        Scope::Api => "see and open what you may open",
        Scope::Postgres => "connect to PostgreSQL databases",
    };
    let allowed = Scope::ALL
        .into_iter()
        .filter(|scope| scopes.contains(*scope));
    allowed.map(words).collect::<Vec<_>>().join("; ")
}

/// `/style.css`
pub(crate) async fn style() -> Response {
    (
        [
            (CONTENT_TYPE, "text/css; charset=utf-8"),
            (CACHE_CONTROL, "public, max-age=3600"),
        ],
        STYLE,
    )
        .into_response()
}
