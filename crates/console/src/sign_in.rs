//! Signing in with a provider: there, back, and what is made of it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, Path, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{
    NewSignIn, OidcSignIn, ProviderFailure, SIGN_IN_MAX, SignInsOf, StoredSignIn,
};
use custos_model::{Authentication, Rfc3339};
use custos_oauth::Consent;
use custos_oauth::cookie::BrowserSession;
use custos_oidc::{Callback, Random, ReturnPath, SignInRequest};
use maud::html;
use serde::Deserialize;

use crate::browser::{Login, Then, with_cookie};
use crate::console::{Console, WebProvider};
use crate::end::Cause;
use crate::page::{page, problem};
use crate::record::Entry;

/// What a link of ours says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Onward {
    then: Option<String>,
}

/// `GET /sign-in`: the choice of providers.
pub(crate) async fn choose(
    State(console): State<Console>,
    headers: HeaderMap,
    Query(onward): Query<Onward>,
) -> Response {
    let then = Then::read(onward.then.as_deref());
    let asking = match &then {
        Then::Request(name) => console.browser(&headers).and_then(|browser| {
            let mono_ns = console.now().mono_ns;
            console
                .browsers
                .with(&browser, mono_ns, |browser| {
                    browser
                        .request(name)
                        .map(|request| request.client_name().to_owned())
                })
                .flatten()
        }),
        Then::Home | Then::Device | Then::Administrator => None,
    };
    let content = html! {
        @if let Some(client) = &asking {
            p { strong { (client) } " on this computer wants to act as you. Go on only if you have just started it." }
        }
        @if console.providers.is_empty() {
            p role="alert" { "No identity provider is configured." }
        } @else {
            ul.choices {
                @for provider in &console.providers {
                    li {
                        a href={ "/sign-in/" (provider.provider.name()) "?then=" (then.as_str()) } {
                            "Sign in with " (provider.label)
                        }
                    }
                }
            }
        }
    };
    page("Sign in", &content).into_response()
}

/// `GET /sign-in/NAME`: sends the browser to the provider.
pub(crate) async fn begin(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(onward): Query<Onward>,
) -> Response {
    let Some(WebProvider { provider, .. }) = console.provider(&name).cloned() else {
        return problem(
            StatusCode::NOT_FOUND,
            "Not found",
            "There is no such provider.",
        );
    };
    let Some((browser, cookie)) = console.browser_or_new(&headers) else {
        return busy();
    };
    let random = Random::new(
        console.bytes(),
        console.bytes(),
        console.bytes(),
        console.bytes(),
    );
    let Ok(home) = ReturnPath::parse("/") else {
        return busy();
    };
    match provider.begin(SignInRequest::new(home), &random).await {
        Ok(begun) => {
            let login = Login {
                pending: begun.pending,
                proof: begun.browser,
                then: Then::read(onward.then.as_deref()),
            };
            let mono_ns = console.now().mono_ns;
            let kept = console
                .browsers
                .with(&browser, mono_ns, |browser| browser.push_login(login));
            if kept.is_none() {
                return busy();
            }
            with_cookie(Redirect::to(begun.url.expose()).into_response(), cookie)
        }
        Err(failure) => console.refused(&name, &failure, peer).await,
    }
}

/// `GET /oidc/NAME/callback`: the browser is back.
pub(crate) async fn callback(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(WebProvider { provider, .. }) = console.provider(&name).cloned() else {
        return problem(
            StatusCode::NOT_FOUND,
            "Not found",
            "There is no such provider.",
        );
    };
    let callback = match Callback::parse(query.as_deref().unwrap_or_default()) {
        Ok(callback) => callback,
        Err(rejection) => return console.refused(&name, &rejection.into(), peer).await,
    };
    let found = console.browser(&headers).and_then(|browser| {
        let mono_ns = console.now().mono_ns;
        let state = callback.state()?;
        let login = console
            .browsers
            .with(&browser, mono_ns, |browser| browser.take_login(state))??;
        Some((browser, login))
    });
    let Some((browser, login)) = found else {
        // Another browser began it, or nobody did: what the provider says is not looked at.
        let failure = custos_oidc::Rejection::BrowserWrong.into();
        return console.refused(&name, &failure, peer).await;
    };
    let finished = provider
        .finish(
            login.pending,
            &callback,
            login.proof.expose(),
            console.bytes(),
        )
        .await;
    match finished {
        Ok(signed_in) => {
            console
                .signed_in(&name, signed_in, &browser, login.then, peer)
                .await
        }
        Err(failure) => console.refused(&name, &failure, peer).await,
    }
}

/// `POST /oidc/NAME/backchannel-logout` (OpenID Connect Back-Channel Logout 1.0 section 2.8).
pub(crate) async fn provider_logout(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    form: axum::body::Bytes,
) -> Response {
    let Some(WebProvider { provider, .. }) = console.provider(&name).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let notice = match provider.logout(&form).await {
        Ok(notice) => notice,
        Err(failure) => {
            console.record_failure(&name, &failure, peer).await;
            let status = if failure.is_outage() {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::BAD_REQUEST
            };
            return (status, r#"{"error":"invalid_request"}"#).into_response();
        }
    };
    let meant = console
        .blocking(move |console| {
            let now = console.now();
            let Some(subject) = &notice.subject else {
                let session = notice.session_id.as_deref().unwrap_or_default();
                let of = SignInsOf::ProviderSession {
                    provider: &name,
                    session,
                };
                return console.sign_ins.live_of(of, now);
            };
            let of = SignInsOf::Principal {
                issuer: &notice.issuer,
                subject,
            };
            let mut meant = console.sign_ins.live_of(of, now)?;
            // Where a session is named too, both must fit; a sign-in whose session the provider never named may be it.
            if let Some(session) = &notice.session_id {
                meant.retain(|sign_in| {
                    let own = sign_in.provider_session.as_ref();
                    own.is_none_or(|own| own == session)
                });
            }
            Ok::<_, custos_identity::IdentityError>(meant)
        })
        .await;
    let Some(Ok(meant)) = meant else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    for sign_in in &meant {
        console
            .end_sign_in(sign_in, Cause::Provider, None, Some(peer))
            .await;
    }
    StatusCode::OK.into_response()
}

impl Console {
    /// Somebody has proved who she is: a sign-in begins, is put on record, and the browser gets a new cookie.
    async fn signed_in(
        &self,
        provider: &str,
        found: OidcSignIn,
        browser: &BrowserSession,
        then: Then,
        peer: SocketAddr,
    ) -> Response {
        let OidcSignIn {
            mut principal,
            signed_in,
        } = found;
        let given = principal.groups;
        principal.groups = self.groups.of(&given);
        let Some(principal) = self.with_own_groups(principal).await else {
            return busy();
        };
        let now = self.now();
        let authenticated_utc_ns = signed_in
            .authenticated_at
            .map_or(now.utc_ns, |seconds| seconds.saturating_mul(1_000_000_000));
        let new = NewSignIn {
            principal,
            authentication: Authentication {
                acr: signed_in.authentication_context,
                amr: signed_in.authentication_methods,
                ..Authentication::by(provider, authenticated_utc_ns)
            },
            provider_session: signed_in.session_id,
            lasts: SIGN_IN_MAX,
            parents: Vec::new(),
        };
        let begun = self
            .blocking(move |console| console.sign_ins.begin(new, now))
            .await;
        let sign_in = match begun {
            Some(Ok(sign_in)) => sign_in,
            Some(Err(error)) => {
                tracing::error!(%error, "a sign-in could not be stored");
                return busy();
            }
            None => return busy(),
        };
        let mapping = self.groups.applied(&given);
        if let Err(error) = self.record_sign_in(&sign_in, &mapping, peer).await {
            tracing::error!(%error, "a sign-in could not be put on record, so it is ended");
            self.end_sign_in(&sign_in, Cause::Logout, None, Some(peer))
                .await;
            return busy();
        }
        let Some((browser, cookie)) = self.signed_in_browser(browser, sign_in.id, SIGN_IN_MAX)
        else {
            return busy();
        };
        let onward = match then {
            Then::Home => Redirect::to("/").into_response(),
            Then::Device => Redirect::to("/device").into_response(),
            Then::Administrator => Redirect::to("/administrator").into_response(),
            Then::Request(name) => {
                self.grant(&browser, &name, sign_in.id, Consent::SignedInForIt, peer)
                    .await
            }
        };
        with_cookie(onward, Some(cookie))
    }

    async fn record_sign_in(
        &self,
        sign_in: &StoredSignIn,
        mapping: &str,
        peer: SocketAddr,
    ) -> Result<(), custos_evidence::EvidenceError> {
        let authentication = &sign_in.authentication;
        let id = sign_in.id.to_string();
        let authenticated = Rfc3339(authentication.authenticated_utc_ns).to_string();
        let expires = Rfc3339(sign_in.expires_utc_ns).to_string();
        let amr = authentication.amr.join(" ");
        let groups = sign_in.principal.groups.join(", ");
        let texts = [
            ("acr", authentication.acr.as_deref().unwrap_or_default()),
            ("amr", amr.as_str()),
            ("authenticated", authenticated.as_str()),
            ("expires", expires.as_str()),
            ("groups", groups.as_str()),
            ("mapping", mapping),
            ("provider", authentication.provider.as_str()),
            ("sign_in", id.as_str()),
        ];
        let detail: Vec<_> = texts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name, DetailValue::Text(text)))
            .collect();
        self.record(Entry {
            kind: RecordType::SignInStarted,
            outcome: RecordOutcome::Ok,
            actor: Some(&sign_in.principal),
            peer: Some(peer),
            target: None,
            reason: None,
            detail: &detail,
        })
        .await
    }

    /// A refusal is on record before the browser hears of it; it hears nothing of why.
    async fn refused(
        &self,
        provider: &str,
        failure: &ProviderFailure,
        peer: SocketAddr,
    ) -> Response {
        self.record_failure(provider, failure, peer).await;
        if failure.is_outage() {
            return problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available",
                "The identity provider cannot be reached now. Try again in a moment.",
            );
        }
        problem(
            StatusCode::BAD_REQUEST,
            "Sign-in failed",
            "The sign-in could not be completed. Begin again; if it fails again, tell whoever runs this gateway.",
        )
    }

    async fn record_failure(&self, provider: &str, failure: &ProviderFailure, peer: SocketAddr) {
        let reason = failure.to_string();
        let detail = [
            ("kind", DetailValue::Text(failure.code())),
            ("provider", DetailValue::Text(provider)),
        ];
        let recorded = self
            .record(Entry {
                kind: RecordType::SignInFailed,
                outcome: if failure.is_outage() {
                    RecordOutcome::Failed
                } else {
                    RecordOutcome::Denied
                },
                actor: None,
                peer: Some(peer),
                target: None,
                reason: Some(&reason),
                detail: &detail,
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, "a failed sign-in could not be put on record");
        }
    }
}

/// Too much is under way, or evidence cannot be written.
pub(crate) fn busy() -> Response {
    problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not available",
        "The gateway cannot take this now. Try again in a moment.",
    )
}

/// How long a sign-in still lasts, in words.
pub(crate) fn left(until_utc_ns: u64, now_utc_ns: u64) -> String {
    let minutes = Duration::from_nanos(until_utc_ns.saturating_sub(now_utc_ns)).as_secs() / 60;
    if minutes >= 120 {
        format!("{} hours", minutes / 60)
    } else {
        format!("{minutes} minutes")
    }
}
