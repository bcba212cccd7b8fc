//! Signing in with a SAML provider (SAML profiles, section 4.1), and what it says when somebody signs out (section 4.4).
//!
//! The provider's response comes by a form of another site, without our cookie. It is verified and kept; then the same
//! browser fetches a page of ours, with the cookie, and only there it is seen whether that browser began the sign-in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, Path, Query, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use custos_identity::{ProviderFailure, SamlFailure, SamlLogout, SamlProvider};
use custos_model::Secret;
use custos_oauth::cookie::BrowserSession;
use serde::Deserialize;

use crate::answers::Answer;
use crate::browser::{SamlLogin, Then};
use crate::console::Console;
use crate::page::problem;
use crate::sign_in::{busy, no_such_provider};

/// Longest form of a provider. Real responses have a tenth of it, with hundreds of groups.
const FORM_BYTES_MAX: usize = 256 << 10;

/// What stands below `/saml`.
pub(crate) fn routes() -> Router<Console> {
    let forms = Router::new()
        .route("/saml/{name}/acs", post(consume))
        .route(
            "/saml/{name}/slo",
            get(logout_by_redirect).post(logout_by_post),
        )
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX));
    Router::new()
        .route("/saml/{name}/metadata", get(metadata))
        .route("/saml/{name}/continue", get(go_on))
        .merge(forms)
}

/// SAML bindings, section 3.5.4. Holds who somebody is, so it has no `Debug`.
#[derive(Deserialize)]
struct PostedResponse {
    #[serde(rename = "SAMLResponse")]
    response: String,
    #[serde(rename = "RelayState", default)]
    relay_state: String,
}

/// The same for a request of the provider.
#[derive(Deserialize)]
struct PostedRequest {
    #[serde(rename = "SAMLRequest")]
    request: String,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// A link of ours.
#[derive(Deserialize)]
struct Onward {
    answer: String,
}

/// `GET /saml/NAME/metadata`: ours, for the provider's administrator.
async fn metadata(State(console): State<Console>, Path(name): Path<String>) -> Response {
    match console.saml_provider(&name) {
        Some(provider) => (
            [(CONTENT_TYPE, "application/samlmetadata+xml")],
            provider.own_metadata(),
        )
            .into_response(),
        None => no_such_provider(),
    }
}

/// `POST /saml/NAME/acs`: the provider's response.
async fn consume(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    form: Result<Form<PostedResponse>, FormRejection>,
) -> Response {
    let Some(provider) = console.saml_provider(&name) else {
        return no_such_provider();
    };
    let Ok(Form(posted)) = form else {
        return console
            .refused(&name, &SamlFailure::Form.into(), peer)
            .await;
    };
    let relay_state = Secret::new(posted.relay_state);
    let judged = {
        let relay_state = relay_state.clone();
        console
            .blocking(move |_| provider.finish(&posted.response, relay_state.expose()))
            .await
    };
    let new = match judged {
        Some(Ok(new)) => new,
        Some(Err(failure)) => return console.refused(&name, &failure.into(), peer).await,
        None => return busy(),
    };
    let handle = Secret::new(console.random_name());
    let onward = format!("/saml/{name}/continue?answer={}", handle.expose());
    let mono_ns = console.now().mono_ns;
    let answer = Answer {
        provider: name,
        relay_state,
        new,
        verified_mono_ns: mono_ns,
    };
    if !console.answers.add(handle.expose(), answer, mono_ns) {
        return busy();
    }
    Redirect::to(&onward).into_response()
}

/// `GET /saml/NAME/continue`: the browser comes for the answer, with its cookie.
async fn go_on(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(onward): Query<Onward>,
) -> Response {
    let Some(provider) = console.saml_provider(&name) else {
        return no_such_provider();
    };
    let mono_ns = console.now().mono_ns;
    let Some(answer) = console.answers.take(&onward.answer, &name, mono_ns) else {
        let failure = SamlFailure::AnswerGone.into();
        return console.refused(&name, &failure, peer).await;
    };
    let found = console.browser(&headers).and_then(|browser| {
        let login = console.browsers.with(&browser, mono_ns, |browser| {
            browser.take_saml_login(&answer.relay_state)
        })??;
        Some((browser, login))
    });
    let Some((browser, login)) = found else {
        // Somebody would be signed in as another without knowing it.
        let failure = SamlFailure::BrowserWrong.into();
        return console.refused(&name, &failure, peer).await;
    };
    let mut new = answer.new;
    if provider.logged_out(&new).is_some() {
        let failure = SamlFailure::LoggedOut.into();
        return console.refused(&name, &failure, peer).await;
    }
    let begun = new.clone();
    let waited = Duration::from_nanos(mono_ns.saturating_sub(answer.verified_mono_ns));
    new.lasts = new.lasts.saturating_sub(waited);
    let response = console
        .signed_in(new, None, &browser, login.then, peer)
        .await;
    // A logout that came while it began may have looked for it too early.
    if let Some(logout) = provider.logged_out(&begun) {
        console.end_at_saml_provider(&name, logout, peer).await;
        let failure = SamlFailure::LoggedOut.into();
        return console.refused(&name, &failure, peer).await;
    }
    response
}

/// `GET /saml/NAME/slo`: a logout request by HTTP-Redirect.
async fn logout_by_redirect(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let judge = move |provider: &SamlProvider| {
        provider.logout_by_redirect(query.as_deref().unwrap_or_default())
    };
    console.log_out(name, peer, judge).await
}

/// `POST /saml/NAME/slo`: the same by HTTP-POST.
async fn logout_by_post(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    form: Result<Form<PostedRequest>, FormRejection>,
) -> Response {
    let judge = move |provider: &SamlProvider| {
        let Form(posted) = form.map_err(|_| SamlFailure::Form)?;
        provider.logout_by_post(&posted.request, posted.relay_state)
    };
    console.log_out(name, peer, judge).await
}

impl Console {
    /// Remembers what the provider's response must fit and tells where the browser is sent. `None`: there is no room.
    pub(crate) async fn begin_saml(
        &self,
        provider: &SamlProvider,
        browser: &BrowserSession,
        then: Then,
    ) -> Result<Option<Secret>, ProviderFailure> {
        let begun = match provider.begin(self.bytes(), self.bytes()).await {
            Err(SamlFailure::Busy) => return Ok(None),
            begun => begun?,
        };
        let login = SamlLogin {
            relay_state: Secret::new(begun.relay_state),
            then,
        };
        let mono_ns = self.now().mono_ns;
        let kept = self
            .browsers
            .with(browser, mono_ns, |browser| browser.push_saml_login(login));
        Ok(kept.map(|()| Secret::new(begun.url)))
    }

    /// Ends whatever a logout request means, and sends the browser back with the answer.
    async fn log_out(
        &self,
        name: String,
        peer: SocketAddr,
        judge: impl FnOnce(&SamlProvider) -> Result<Arc<SamlLogout>, SamlFailure> + Send + 'static,
    ) -> Response {
        let Some(provider) = self.saml_provider(&name) else {
            return no_such_provider();
        };
        let judging = provider.clone();
        let logout = match self.blocking(move |_| judge(&judging)).await {
            Some(Ok(logout)) => logout,
            Some(Err(failure)) => {
                self.record_failure(&name, &failure.into(), peer).await;
                return problem(
                    StatusCode::BAD_REQUEST,
                    "Not accepted",
                    "The identity provider's request to sign out was not accepted. Nothing has changed.",
                );
            }
            None => return busy(),
        };
        let has_ended = self
            .end_at_saml_provider(&name, Arc::clone(&logout), peer)
            .await;
        let random = self.bytes();
        let answer = self
            .blocking(move |_| provider.logout_response(&logout, has_ended, random))
            .await;
        match answer.flatten() {
            Some(url) => Redirect::to(&url).into_response(),
            None if has_ended => Redirect::to("/sign-in").into_response(),
            None => busy(),
        }
    }
}
