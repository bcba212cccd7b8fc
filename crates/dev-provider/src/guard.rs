//! What every request must be, and what every answer says to a browser.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, FORWARDED, HOST, ORIGIN, REFERRER_POLICY, VIA,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::page;
use crate::provider::Provider;

/// No scripts and no frames. Forms are answered with redirects to clients, which some browsers hold against
/// `form-action`; that directive cannot name IPv6 literals.
const POLICY: &str = "default-src 'none'; style-src 'self'; \
     form-action 'self' http://127.0.0.1:* https://127.0.0.1:* http://localhost:* https://localhost:*; \
     frame-ancestors 'none'; base-uri 'none'";
/// Somebody stands between the client and us.
const PROXY_HEADERS: [HeaderName; 6] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// Refuses whatever does not come from this machine, directly, to the issuer's own name.
pub(crate) async fn guard(
    State(provider): State<Provider>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match refusal(&request, provider.parts.issuer.authority()) {
        Some((status, text)) => page::problem(status, "Refused", text),
        None => next.run(request).await,
    };
    secure(response.headers_mut());
    response
}

fn refusal(request: &Request, authority: &str) -> Option<(StatusCode, &'static str)> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    // Also without a peer's address, which means a server that is not ours.
    if !peer.is_some_and(|ConnectInfo(peer)| peer.ip().is_loopback()) {
        return Some((
            StatusCode::FORBIDDEN,
            "The development provider answers to its own machine only.",
        ));
    }
    if PROXY_HEADERS
        .iter()
        .any(|name| request.headers().contains_key(name))
    {
        return Some((
            StatusCode::FORBIDDEN,
            "The development provider does not stand behind a proxy.",
        ));
    }
    if !is_for(request, authority) {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "The request is for another host than the development provider.",
        ));
    }
    None
}

/// Against DNS rebinding: a page from elsewhere can resolve its own name to us, but not send our name.
fn is_for(request: &Request, authority: &str) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts
        .next()
        .is_some_and(|host| host.as_bytes() == authority.as_bytes());
    let target = request.uri().authority();
    host && hosts.next().is_none() && target.is_none_or(|target| target.as_str() == authority)
}

/// Whether a form comes from one of our own pages, as far as the browser says. They are sent with `no-referrer`, so a
/// browser gives their origin as `null`; what proves the page is the value in the form.
pub(crate) fn is_own_form(headers: &HeaderMap, issuer: &str) -> bool {
    let site = headers.get("sec-fetch-site");
    let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
    site.is_none_or(|site| site == "same-origin")
        && origin.is_none_or(|origin| origin == b"null" || origin == issuer.as_bytes())
}

fn secure(headers: &mut HeaderMap) {
    let always = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
