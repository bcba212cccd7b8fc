//! `/scim/v2/NAME/…`: who asks, what changes, and what is said about it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use custos_evidence::{DetailValue, EvidenceError, RecordOutcome, RecordType};
use custos_scim::{Answer, Change, Directory as _, MAX_BODY_BYTES, ScimError};
use custos_store::{ProvisionedDirectory, StoreError};

use super::told::{Told, told};
use super::{NotStored, Provisioning};
use crate::console::Console;
use crate::my::bearer;
use crate::record::Entry;

/// What stands before a provider's name.
const PREFIX: &str = "/scim/v2/";

/// A request of a provisioning source, read whole.
struct Asked {
    method: Method,
    uri: Uri,
    body: Bytes,
    /// For the id of a new resource.
    random: [u8; 16],
    /// Common to the request's records.
    id: String,
    peer: SocketAddr,
}

/// A change was not made.
#[derive(Debug, thiserror::Error)]
enum ProvisionError {
    #[error("a provider's directory cannot be read or written")]
    Store(#[from] StoreError),
    #[error("a change of a provider's directory cannot be put on record")]
    Evidence(#[from] EvidenceError),
}

/// Every method below `/scim/v2/NAME`. The body is read only of those who have the token.
pub(crate) async fn answer(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let (name, _) = target(&parts.uri);
    let provisioning = match console.source(name, &parts.headers) {
        Ok(provisioning) => provisioning,
        Err(reason) => {
            console.record_refusal(name, reason, peer).await;
            return refused(&ScimError::Unauthorized);
        }
    };
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return refused(&ScimError::TooLarge);
    };
    let asked = Asked {
        method: parts.method,
        uri: parts.uri,
        body,
        random: console.bytes(),
        id: hex(&console.bytes::<8>()),
        peer,
    };
    let turn = provisioning.turn().await;
    // To its end, also when the source goes away: whoever lost access must lose sessions too.
    let done = console.blocking(move |console| {
        let answer = console.provision(&provisioning, &asked);
        drop(turn);
        answer
    });
    match done.await {
        Some(answer) => response(answer),
        None => refused(&ScimError::Unavailable),
    }
}

impl Console {
    /// The directory that the request is for, if it has one of its tokens; otherwise why not, as a word.
    fn source(&self, name: &str, headers: &HeaderMap) -> Result<Arc<Provisioning>, &'static str> {
        let token = bearer(headers).ok_or("no_token")?;
        let provisioning = self.provisioning_of(name).ok_or("no_provisioning")?;
        if provisioning.knows(&token) {
            Ok(Arc::clone(provisioning))
        } else {
            Err("wrong_token")
        }
    }

    async fn record_refusal(&self, name: &str, reason: &str, peer: SocketAddr) {
        let known = self.provisioning_of(name).is_some();
        let detail = [("provider", DetailValue::Text(name))];
        let recorded = self
            .record(Entry {
                kind: RecordType::ProvisioningRefused,
                outcome: RecordOutcome::Denied,
                actor: None,
                peer: Some(peer),
                target: None,
                reason: Some(reason),
                detail: if known { &detail } else { &[] },
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, "a refused provisioning request could not be put on record");
        }
    }

    /// Works on one request. Blocks for the disk: for evidence, then for the store, then for what follows from it.
    fn provision(&self, provisioning: &Arc<Provisioning>, asked: &Asked) -> custos_scim::Response {
        let provider = &provisioning.provider;
        let random = |bytes: &mut [u8]| self.fill(bytes);
        let mut told_of = false;
        let done: Result<_, ProvisionError> =
            self.services
                .store
                .with_provisioned(provider, &random, |directory| {
                    let Answer { response, changes } = provisioning
                        .service
                        .handle(directory, &asked.request(self))?;
                    if changes.is_empty() {
                        return Ok((response, BTreeSet::new()));
                    }
                    let records = told(&changes, directory)?;
                    let users = concerned(&changes, directory)?;
                    self.pay_owed(provisioning)?;
                    self.record_changes(provider, &records, asked, &mut told_of)?;
                    Ok((response, users))
                });
        match done {
            Ok((response, users)) => {
                self.settle_users(provisioning, &users, asked.peer);
                response
            }
            Err(error) => {
                tracing::error!(%error, cause = %cause(&error), provider, "a provisioning request failed");
                if told_of {
                    *owed(provisioning) = Some(NotStored {
                        request: asked.id.clone(),
                        reason: error.to_string(),
                        peer: asked.peer,
                    });
                    // While evidence cannot be written the next request tries again.
                    if let Err(error) = self.pay_owed(provisioning) {
                        tracing::error!(%error, "that a change was not stored is not on record yet");
                    }
                }
                custos_scim::Response::unavailable()
            }
        }
    }

    /// Returns when all of them are on disk. `told_of`: one at least may be.
    fn record_changes(
        &self,
        provider: &str,
        records: &[Told],
        asked: &Asked,
        told_of: &mut bool,
    ) -> Result<(), EvidenceError> {
        let mut last = None;
        for record in records {
            let mut detail = record.detail(provider);
            detail.push(("request", DetailValue::Text(&asked.id)));
            last = Some(self.append(&Entry {
                kind: RecordType::ProvisioningChanged,
                outcome: RecordOutcome::Ok,
                actor: None,
                peer: Some(asked.peer),
                target: None,
                reason: None,
                detail: &detail,
            })?);
            *told_of = true;
        }
        if let Some(position) = last {
            let synced = self.services.evidence.sync(position);
            tokio::runtime::Handle::current().block_on(synced)?;
        }
        Ok(())
    }

    /// Puts on record that the changes of an earlier request were not made, if that is still to be done.
    fn pay_owed(&self, provisioning: &Provisioning) -> Result<(), EvidenceError> {
        let mut owed = owed(provisioning);
        let Some(not_stored) = owed.as_ref() else {
            return Ok(());
        };
        let detail = [
            ("event", DetailValue::Text("not_stored")),
            ("provider", DetailValue::Text(&provisioning.provider)),
            ("request", DetailValue::Text(&not_stored.request)),
        ];
        self.append(&Entry {
            kind: RecordType::ProvisioningChanged,
            outcome: RecordOutcome::Failed,
            actor: None,
            peer: Some(not_stored.peer),
            target: None,
            reason: Some(&not_stored.reason),
            detail: &detail,
        })?;
        *owed = None;
        Ok(())
    }
}

fn owed(provisioning: &Provisioning) -> MutexGuard<'_, Option<NotStored>> {
    let owed = provisioning.owed.lock();
    owed.unwrap_or_else(PoisonError::into_inner)
}

impl Asked {
    fn request(&self, console: &Console) -> custos_scim::Request<'_> {
        let (_, path) = target(&self.uri);
        custos_scim::Request {
            method: self.method.as_str(),
            path,
            query: self.uri.query().unwrap_or_default(),
            body: &self.body,
            now: console.now().utc_ns,
            random: self.random,
        }
    }
}

/// The provider's name, and the path below it as it was sent.
fn target(uri: &Uri) -> (&str, &str) {
    let path = uri.path();
    let rest = path.strip_prefix(PREFIX).unwrap_or_default();
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// Users whose sign-ins the changes may touch.
fn concerned(
    changes: &[Change],
    directory: &ProvisionedDirectory<'_>,
) -> Result<BTreeSet<String>, StoreError> {
    let mut users = BTreeSet::new();
    for change in changes {
        match change {
            Change::UserUpdated { after, .. } => drop(users.insert(after.id.clone())),
            Change::UserActivated { user_id }
            | Change::UserDeactivated { user_id }
            | Change::MemberAdded { user_id, .. }
            | Change::MemberRemoved { user_id, .. } => drop(users.insert(user_id.clone())),
            Change::UserDeleted(user) => drop(users.insert(user.id.clone())),
            Change::GroupUpdated { before, after } if before.display_name != after.display_name => {
                users.extend(directory.members(&after.id)?);
            }
            // Nobody has signed in as a new user, and a group ends with the removal of its members.
            Change::UserCreated(_)
            | Change::GroupCreated(_)
            | Change::GroupUpdated { .. }
            | Change::GroupDeleted(_) => {}
        }
    }
    Ok(users)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn cause(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(source) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

fn refused(error: &ScimError) -> Response {
    response(custos_scim::Response::refused(error))
}

fn response(answer: custos_scim::Response) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let empty = answer.body.is_empty();
    let mut response = (status, Body::from(answer.body)).into_response();
    let headers = response.headers_mut();
    if !empty {
        let kind = HeaderValue::from_static(custos_scim::CONTENT_TYPE);
        headers.insert(CONTENT_TYPE, kind);
    }
    let location = answer.location.as_deref();
    if let Some(Ok(location)) = location.map(HeaderValue::from_str) {
        headers.insert(LOCATION, location);
    }
    if let Some(allow) = answer.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;

    use super::target;

    #[test]
    fn a_path_names_its_provider_and_goes_on_as_it_was_sent() {
        for (path, expected) in [
            ("/scim/v2/okta/Users", ("okta", "/Users")),
            ("/scim/v2/okta/Users/a%2Fb?x=1", ("okta", "/Users/a%2Fb")),
            ("/scim/v2/okta", ("okta", "")),
            ("/scim/v2/okta/", ("okta", "/")),
            ("/scim/v2//Users", ("", "/Users")),
            ("/scim/v2/%6Fkta/Users", ("%6Fkta", "/Users")),
        ] {
            let uri: Uri = path.parse().unwrap();
            assert_eq!(target(&uri), expected, "{path}");
        }
    }
}
