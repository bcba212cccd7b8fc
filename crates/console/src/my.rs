//! The calls of the command line, each with an access token: who am I, what may I open, open it, sign out.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{
    IdentityError, IssueRequest, Issued, JudgedToken, SignInsOf, StoredSignIn, TTL_MAX,
};
use custos_model::{Principal, ResourceName, Rfc3339, SignInId};
use custos_oauth::{CredentialDecision, Scope};
use custos_store::Resource;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::console::Console;
use crate::end::{Cause, Ended};
use crate::record::Entry;
use crate::token::{answer, refused, unavailable};

/// What is to be opened.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    resource: ResourceName,
    ttl_seconds: Option<u64>,
}

/// Somebody who has proved herself with an access token.
pub(crate) struct Caller {
    /// Who, with the groups of now.
    pub(crate) principal: Principal,
    /// Under which sign-in.
    pub(crate) sign_in: StoredSignIn,
}

/// `GET /v1/whoami`
pub(crate) async fn whoami(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let authentication = &caller.sign_in.authentication;
    answer(
        StatusCode::OK,
        json!({
            "principal": caller.principal,
            "sign_in": {
                "id": caller.sign_in.id,
                "provider": authentication.provider,
                "authenticated_utc": Rfc3339(authentication.authenticated_utc_ns).to_string(),
                "expires_utc": Rfc3339(caller.sign_in.expires_utc_ns).to_string(),
            },
        }),
    )
}

/// `GET /v1/my/resources`
pub(crate) async fn resources(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let found = console
        .blocking(|console| console.services.store.resources())
        .await;
    let Some(Ok(resources)) = found else {
        return unavailable();
    };
    let mine: Vec<Value> = resources
        .iter()
        .filter(|resource| console.services.may_open(&caller.principal, &resource.name))
        .map(|resource| {
            json!({
                "name": resource.name,
                "protocol": resource.name.protocol().as_str(),
            })
        })
        .collect();
    answer(StatusCode::OK, json!({ "resources": mine }))
}

/// `POST /v1/my/connections`
pub(crate) async fn connect(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(Json(wanted)) = wanted else {
        return failure(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "the body must be a JSON object with `resource` and perhaps `ttl_seconds`",
        );
    };
    let ttl = wanted.ttl_seconds.map_or(TTL_MAX, Duration::from_secs);
    let opened = console
        .issue(
            &caller.principal,
            &caller.sign_in,
            &wanted.resource,
            ttl,
            peer,
        )
        .await;
    match opened {
        Ok((resource, issued)) => {
            let body = console.connection(&caller.principal, &resource, &issued);
            answer(StatusCode::CREATED, body)
        }
        Err(response) => response,
    }
}

/// `DELETE /v1/my/sign-in`
pub(crate) async fn sign_out(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let ended = console.end_sign_in(&caller.sign_in, Cause::Logout, None, Some(peer));
    match ended.await {
        Ended::Stored | Ended::Before => StatusCode::NO_CONTENT.into_response(),
        // It is over, but only as long as this process runs.
        Ended::NotStoredYet => unavailable(),
    }
}

impl Console {
    /// Who calls: by an access token that is good now, under a sign-in that lives now.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Caller, Response> {
        let Some(bearer) = bearer(headers) else {
            let mut response = failure(
                StatusCode::UNAUTHORIZED,
                "sign_in_needed",
                "an access token is needed",
            );
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            return Err(response);
        };
        let asked = self
            .ask(peer.ip(), JudgedToken(None), move |server, state, call| {
                server.authenticate(&bearer, state, call)
            })
            .await;
        let outcome = asked.ok_or_else(unavailable)?;
        if self.record_events(&outcome.events, peer).await.is_err() {
            return Err(unavailable());
        }
        let token = outcome.answer.map_err(|refusal| {
            let mut response = refused(&refusal);
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            if let Ok(challenge) = HeaderValue::from_str(&refusal.www_authenticate()) {
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            response
        })?;
        if !token.scopes.contains(Scope::Api) {
            let text = "the access token is not for this";
            return Err(failure(StatusCode::FORBIDDEN, "scope", text));
        }
        let sign_in = self.sign_in(token.sign_in.id).await?;
        let text = "the sign-in has ended";
        let sign_in =
            sign_in.ok_or_else(|| failure(StatusCode::UNAUTHORIZED, "sign_in_needed", text))?;
        let principal = self.with_own_groups(token.principal).await;
        Ok(Caller {
            principal: principal.ok_or_else(unavailable)?,
            sign_in,
        })
    }

    async fn sign_in(&self, id: SignInId) -> Result<Option<StoredSignIn>, Response> {
        let found = self
            .blocking(move |console| {
                let now = console.now();
                console.sign_ins.live_of(SignInsOf::Id(id), now)
            })
            .await;
        match found {
            Some(Ok(found)) => Ok(found.into_iter().next()),
            _ => Err(unavailable()),
        }
    }

    /// Issues what the authorization server allowed in an exchange (RFC 8693).
    pub(crate) async fn credential(
        &self,
        decision: CredentialDecision,
        peer: SocketAddr,
    ) -> Response {
        let now_utc_ns = self.now().utc_ns;
        let sign_in = match self.sign_in(decision.sign_in).await {
            Ok(Some(sign_in)) => sign_in,
            Ok(None) => return unavailable(),
            Err(response) => return response,
        };
        let Some(principal) = self.with_own_groups(decision.principal.clone()).await else {
            return unavailable();
        };
        let ttl = Duration::from_nanos(decision.expires_utc_ns.saturating_sub(now_utc_ns));
        let issued = self
            .issue(
                &principal,
                &sign_in,
                &decision.resource,
                ttl.min(TTL_MAX),
                peer,
            )
            .await;
        match issued {
            Ok((_, issued)) => {
                let expires_utc_ns = issued.expires_utc_ns;
                let response = decision.response(issued.secret, now_utc_ns, expires_utc_ns);
                answer(StatusCode::OK, response.json())
            }
            Err(response) => response,
        }
    }

    /// Issues a connection credential, if policy allows it. It is on record before it is handed out.
    async fn issue(
        &self,
        principal: &Principal,
        sign_in: &StoredSignIn,
        name: &ResourceName,
        ttl: Duration,
        peer: SocketAddr,
    ) -> Result<(Resource, Issued), Response> {
        let wanted = name.clone();
        let found = self
            .blocking(move |console| console.services.store.resource(&wanted))
            .await;
        let Some(Ok(found)) = found else {
            return Err(unavailable());
        };
        let may_open = |resource: &Resource| self.services.may_open(principal, &resource.name);
        // Who may not open it does not learn whether it is there.
        let resource = match found {
            Some(resource) if may_open(&resource) => resource,
            _ => {
                self.record_issue(principal, name, None, sign_in.id, peer)
                    .await?;
                let text = format!("{name} is not open to you");
                return Err(failure(StatusCode::FORBIDDEN, "denied", &text));
            }
        };
        let request = IssueRequest {
            principal: principal.clone(),
            resource: name.clone(),
            ttl,
            source_networks: Vec::new(),
            authentication: sign_in.authentication.clone(),
            sign_in: Some(sign_in.id),
            uses_max: None,
        };
        let issued = self
            .blocking(move |console| {
                let now = console.now();
                console.services.credentials.issue(request, now)
            })
            .await;
        let issued = match issued {
            Some(Ok(issued)) => issued,
            Some(Err(error)) => return Err(not_issued(&error)),
            None => return Err(unavailable()),
        };
        let recorded = self
            .record_issue(principal, name, Some(&issued), sign_in.id, peer)
            .await;
        if let Err(response) = recorded {
            // Nobody was told the secret, so this only tidies up.
            let id = issued.id;
            self.blocking(move |console| {
                let now = console.now();
                console.services.credentials.revoke(id, now).is_ok()
            })
            .await;
            return Err(response);
        }
        Ok((resource, issued))
    }

    async fn record_issue(
        &self,
        principal: &Principal,
        resource: &ResourceName,
        issued: Option<&Issued>,
        sign_in: SignInId,
        peer: SocketAddr,
    ) -> Result<(), Response> {
        let id = issued.map(|issued| issued.id.to_string());
        let expires = issued.map(|issued| Rfc3339(issued.expires_utc_ns).to_string());
        let sign_in = sign_in.to_string();
        let texts = [
            ("credential", id.as_deref()),
            ("expires", expires.as_deref()),
            ("principal", Some(principal.name.as_str())),
            ("sign_in", Some(sign_in.as_str())),
        ];
        let detail: Vec<_> = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, DetailValue::Text(text?))))
            .collect();
        self.record(Entry {
            kind: RecordType::CredentialIssued,
            outcome: if issued.is_some() {
                RecordOutcome::Ok
            } else {
                RecordOutcome::Denied
            },
            actor: Some(principal),
            peer: Some(peer),
            target: Some(resource.as_str()),
            reason: issued.is_none().then_some("no access rule allows it"),
            detail: &detail,
        })
        .await
        .map_err(|_| unavailable())
    }

    /// What a client needs to connect.
    fn connection(&self, principal: &Principal, resource: &Resource, issued: &Issued) -> Value {
        let protocol = resource.name.protocol().as_str();
        let entrance = self
            .entrances
            .iter()
            .find(|entrance| entrance.protocol == protocol);
        json!({
            "id": issued.id,
            "secret": issued.secret.expose(),
            "login_name": principal.name,
            "resource": resource.name,
            "protocol": protocol,
            "host": host(self.base_url.as_str()),
            "port": entrance.map(|entrance| entrance.port),
            "tls": entrance.is_none_or(|entrance| entrance.tls),
            "ca_certificates": self.client_ca_pem,
            "database": resource.database,
            "expires_utc": Rfc3339(issued.expires_utc_ns).to_string(),
        })
    }
}

/// The only bearer token that a request has.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

/// The host of a base URL. Clients verify certificates by name, and a local gateway's has `localhost`.
pub fn host(base_url: &str) -> &str {
    let rest = base_url
        .split_once("://")
        .map_or(base_url, |(_, rest)| rest);
    let end = match rest.strip_prefix('[') {
        Some(_) => rest.find(']').map_or(rest.len(), |end| end + 1),
        None => rest.find(':').unwrap_or(rest.len()),
    };
    match rest.get(..end).unwrap_or(rest) {
        "127.0.0.1" | "[::1]" => "localhost",
        host => host.trim_start_matches('[').trim_end_matches(']'),
    }
}

fn not_issued(error: &IdentityError) -> Response {
    match error {
        IdentityError::TimeToLive => failure(
            StatusCode::BAD_REQUEST,
            "ttl",
            "a connection credential lives between 1 s and 1 h",
        ),
        IdentityError::TooMany { .. } => failure(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many",
            "you have too many connection credentials; wait until some expire",
        ),
        IdentityError::SignInEnded => failure(
            StatusCode::UNAUTHORIZED,
            "sign_in_needed",
            "the sign-in has ended",
        ),
        IdentityError::LoginName => failure(
            StatusCode::BAD_REQUEST,
            "login_name",
            "your name cannot be used as a login name; tell whoever runs this gateway",
        ),
        error => {
            tracing::error!(%error, "a connection credential could not be issued");
            unavailable()
        }
    }
}

pub(crate) fn failure(status: StatusCode, code: &str, text: &str) -> Response {
    answer(status, json!({ "error": text, "code": code }))
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_are_what_certificates_name() {
        assert_eq!(host("https://custos.example.com"), "custos.example.com");
        assert_eq!(
            host("https://custos.example.com:8443"),
            "custos.example.com"
        );
        assert_eq!(host("http://127.0.0.1:8080"), "localhost");
        assert_eq!(host("http://[::1]:8080"), "localhost");
        assert_eq!(host("https://[2001:db8::1]:8443"), "2001:db8::1");
    }
}
