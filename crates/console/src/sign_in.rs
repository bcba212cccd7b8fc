//! Signing in with a provider: there, back, and what is made of it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, Path, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{
    NewSignIn, OidcProvider, OidcSignIn, ProviderFailure, SIGN_IN_MAX, StoredProviderSession,
    StoredSignIn,
};
use custos_model::{Authentication, Instant, Rfc3339, Secret};
use custos_oauth::Consent;
use custos_oauth::cookie::BrowserSession;
use custos_oidc::{Callback, Random, RefreshGrant, ReturnPath, SignInRequest};
use maud::html;
use serde::Deserialize;

use crate::browser::{Login, Then, with_cookie};
use crate::console::{Console, OpenIdProvider, Provider, WebProvider};
use crate::end::Cause;
use crate::page::{page, problem};
use crate::provider_logout::Meant;
use crate::provisioning::{BeginError, NotAdmitted};
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
        return no_such_provider();
    };
    let Some((browser, cookie)) = console.browser_or_new(&headers) else {
        return busy();
    };
    let then = Then::read(onward.then.as_deref());
    let begun = match &provider {
        Provider::OpenId(provider) => {
            console
                .begin_openid(&provider.provider, &browser, then)
                .await
        }
        Provider::Saml(provider) => console.begin_saml(provider, &browser, then).await,
    };
    match begun {
        Ok(Some(url)) => with_cookie(Redirect::to(url.expose()).into_response(), cookie),
        Ok(None) => busy(),
        Err(failure) => console.refused(&name, &failure, peer).await,
    }
}

impl Console {
    /// Remembers what the provider's answer must fit and tells where the browser is sent. `None`: there is no room.
    async fn begin_openid(
        &self,
        provider: &OidcProvider,
        browser: &BrowserSession,
        then: Then,
    ) -> Result<Option<Secret>, ProviderFailure> {
        let random = Random::new(self.bytes(), self.bytes(), self.bytes(), self.bytes());
        let Ok(home) = ReturnPath::parse("/") else {
            return Ok(None);
        };
        let begun = provider.begin(SignInRequest::new(home), &random).await?;
        let login = Login {
            pending: begun.pending,
            proof: begun.browser,
            then,
        };
        let mono_ns = self.now().mono_ns;
        let kept = self
            .browsers
            .with(browser, mono_ns, |browser| browser.push_login(login));
        Ok(kept.map(|()| begun.url))
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
    let Some(openid) = console.openid_provider(&name) else {
        return no_such_provider();
    };
    let provider = &openid.provider;
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
        Ok(found) => {
            let now = console.now();
            let (new, given) = new_sign_in(&openid, found, now);
            console
                .signed_in(new, Some(given), &browser, login.then, peer)
                .await
        }
        Err(failure) => console.refused(&name, &failure, peer).await,
    }
}

/// What an OpenID provider gave with a sign-in, for asking it again and for signing out there.
pub(crate) struct Given {
    id_token: Secret,
    refresh: Option<RefreshGrant>,
    authenticated_at: Option<u64>,
    due_utc_ns: u64,
}

impl Given {
    fn with(self, sign_in: &StoredSignIn) -> StoredProviderSession {
        let due_utc_ns = self.refresh.is_some().then_some(self.due_utc_ns);
        let (refresh_token, nonce) = self
            .refresh
            .map(|refresh| (refresh.refresh_token, refresh.nonce))
            .unzip();
        StoredProviderSession {
            sign_in: sign_in.id,
            provider: sign_in.authentication.provider.clone(),
            id_token: self.id_token,
            subject: sign_in.principal.subject.clone(),
            nonce: nonce.unwrap_or_default(),
            authenticated_at: self.authenticated_at,
            due_utc_ns,
            refresh_token,
        }
    }
}

/// What an OpenID provider told of somebody.
fn new_sign_in(openid: &OpenIdProvider, found: OidcSignIn, now: Instant) -> (NewSignIn, Given) {
    let OidcSignIn {
        principal,
        signed_in,
    } = found;
    let authenticated_utc_ns = signed_in
        .authenticated_at
        .map_or(now.utc_ns, |seconds| seconds.saturating_mul(1_000_000_000));
    let given = Given {
        id_token: signed_in.id_token,
        refresh: signed_in.refresh,
        authenticated_at: signed_in.authenticated_at,
        due_utc_ns: openid.next_check(now),
    };
    let new = NewSignIn {
        principal,
        authentication: Authentication {
            acr: signed_in.authentication_context,
            amr: signed_in.authentication_methods,
            ..Authentication::by(openid.provider.name(), authenticated_utc_ns)
        },
        provider_session: signed_in.session_id,
        lasts: SIGN_IN_MAX,
        parents: Vec::new(),
    };
    (new, given)
}

/// `POST /oidc/NAME/backchannel-logout` (OpenID Connect Back-Channel Logout 1.0 section 2.8).
pub(crate) async fn provider_logout(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    form: axum::body::Bytes,
) -> Response {
    let Some(openid) = console.openid_provider(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let notice = match openid.provider.logout(&form).await {
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
    let meant = Meant {
        provider: name,
        issuer: notice.issuer,
        subject: notice.subject,
        sessions: notice.session_id.into_iter().collect(),
    };
    if !console.end_at_provider(meant, peer).await {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    StatusCode::OK.into_response()
}

impl Console {
    /// Somebody has proved who she is, whatever the provider speaks: a sign-in begins, is put on record, and the browser
    /// gets a new cookie. `new` has the provider's own groups.
    pub(crate) async fn signed_in(
        &self,
        mut new: NewSignIn,
        given: Option<Given>,
        browser: &BrowserSession,
        then: Then,
        peer: SocketAddr,
    ) -> Response {
        let provider = new.authentication.provider.clone();
        let admitted = match self.admit(&provider, &mut new.principal).await {
            Ok(admitted) => admitted,
            Err(why) => {
                self.record_not_admitted(&provider, &new.principal, why, peer)
                    .await;
                return not_admitted(why);
            }
        };
        let groups = std::mem::take(&mut new.principal.groups);
        new.principal.groups = self.groups.of(&groups);
        let Some(principal) = self.with_own_groups(new.principal).await else {
            return busy();
        };
        new.principal = principal;
        let now = self.now();
        let provider = self.provider(&provider);
        let lasts_max = provider.map_or(SIGN_IN_MAX, |provider| provider.sign_in_max);
        let lasts = new.lasts.min(lasts_max);
        new.lasts = lasts;
        let begun = self
            .blocking(move |console| {
                let sign_in = console.begin_admitted(new, admitted, now)?;
                if let Some(given) = given {
                    let session = given.with(&sign_in);
                    console.sign_ins.keep_provider_session(&session)?;
                }
                Ok::<_, BeginError>(sign_in)
            })
            .await;
        let sign_in = match begun {
            Some(Ok(sign_in)) => sign_in,
            Some(Err(error)) => {
                tracing::error!(%error, "a sign-in could not be stored");
                return busy();
            }
            None => return busy(),
        };
        let mapping = self.groups.applied(&groups);
        if let Err(error) = self.record_sign_in(&sign_in, &mapping, peer).await {
            tracing::error!(%error, "a sign-in could not be put on record, so it is ended");
            self.end_sign_in(&sign_in, Cause::Logout, None, Some(peer))
                .await;
            return busy();
        }
        let Some((browser, cookie)) = self.signed_in_browser(browser, sign_in.id, lasts) else {
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
    pub(crate) async fn refused(
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

    pub(crate) async fn record_failure(
        &self,
        provider: &str,
        failure: &ProviderFailure,
        peer: SocketAddr,
    ) {
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

pub(crate) fn no_such_provider() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        "Not found",
        "There is no such provider.",
    )
}

/// She has proved who she is, so she may hear what is missing.
fn not_admitted(why: NotAdmitted) -> Response {
    if why == NotAdmitted::Unavailable {
        return busy();
    }
    problem(
        StatusCode::FORBIDDEN,
        "Sign-in refused",
        "Your provider has not assigned you to this gateway. Ask whoever runs it.",
    )
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
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
