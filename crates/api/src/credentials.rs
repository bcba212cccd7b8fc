//! Connection credentials.

use std::time::Duration;

use custos_evidence::{DetailValue, RecordOutcome, RecordType, Target};
use custos_identity::{CredentialSummary, IssueRequest};
use custos_model::{Authentication, Instant, Principal, PrincipalKind, Rfc3339};
use custos_store::CredentialId;

use crate::admin::Admin;
use crate::error::ApiError;
use crate::peer::Peer;
use crate::record::Act;
use crate::wire::{CredentialIssued, CredentialRow, NewCredential};

/// Who vouches for principals that the operator names.
const LOCAL_ISSUER: &str = "local";

impl Admin {
    /// Every credential that is kept, oldest first.
    pub async fn credentials(&self) -> Result<Vec<CredentialRow>, ApiError> {
        self.blocking(|admin| {
            let now = admin.services().clock.now();
            let list = admin
                .services()
                .credentials
                .list()
                .map_err(ApiError::Identity)?;
            Ok(list
                .into_iter()
                .map(|summary| row(summary, now.utc_ns))
                .collect())
        })
        .await
    }

    /// Issues a credential. Its secret is given out when the record is on disk; if that fails, it opens nothing.
    pub async fn issue_credential(
        &self,
        peer: &Peer,
        new: NewCredential,
    ) -> Result<CredentialIssued, ApiError> {
        let (admin, peer) = (self.clone(), peer.clone());
        self.to_the_end(async move { admin.issue_recorded(&peer, new).await })
            .await
    }

    /// Revokes a credential: on record first. Live sessions of its principal on its resource are cut.
    pub async fn revoke_credential(&self, peer: &Peer, id: CredentialId) -> Result<(), ApiError> {
        let (admin, peer) = (self.clone(), peer.clone());
        self.to_the_end(async move { admin.revoke_recorded(&peer, id).await })
            .await
    }

    async fn issue_recorded(
        &self,
        peer: &Peer,
        new: NewCredential,
    ) -> Result<CredentialIssued, ApiError> {
        let request = request(new, self.services().clock.now())?;
        let (principal, resource) = (request.principal.clone(), request.resource.clone());
        let networks: Vec<String> = request
            .source_networks
            .iter()
            .map(ToString::to_string)
            .collect();
        let issued = self
            .blocking(move |admin| {
                let now = admin.services().clock.now();
                admin
                    .services()
                    .credentials
                    .issue(request, now)
                    .map_err(ApiError::Identity)
            })
            .await?;
        let id = issued.id.to_string();
        let expires = Rfc3339(issued.expires_utc_ns).to_string();
        let (groups, networks) = (principal.groups.join(", "), networks.join(", "));
        let behalf: Vec<&str> = principal
            .on_behalf_of
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        let behalf = behalf.join(", ");
        let mut detail = vec![
            ("credential", DetailValue::Text(&id)),
            ("expires", DetailValue::Text(&expires)),
            ("principal", DetailValue::Text(&principal.name)),
            ("principal_iss", DetailValue::Text(&principal.issuer)),
            ("principal_kind", DetailValue::Text(principal.kind.as_str())),
            ("principal_sub", DetailValue::Text(&principal.subject)),
        ];
        let optional = [
            ("groups", &groups),
            ("on_behalf_of", &behalf),
            ("source_networks", &networks),
        ];
        for (key, text) in optional {
            if !text.is_empty() {
                detail.push((key, DetailValue::Text(text)));
            }
        }
        let act = Act {
            kind: RecordType::CredentialIssued,
            outcome: RecordOutcome::Ok,
            reason: None,
            target: Some(Target {
                resource: resource.as_str(),
                ..Target::default()
            }),
            detail: &detail,
        };
        if let Err(error) = self.record(peer, act).await {
            self.take_back(issued.id).await;
            return Err(error);
        }
        tracing::info!(credential = %id, "credential issued");
        Ok(CredentialIssued {
            id: issued.id,
            principal: principal.name,
            resource,
            secret: issued.secret.expose().to_owned(),
            expires,
        })
    }

    /// Nobody was told the secret, so this only tidies up.
    async fn take_back(&self, id: CredentialId) {
        let revoked = self
            .blocking(move |admin| {
                let now = admin.services().clock.now();
                admin
                    .services()
                    .credentials
                    .revoke(id, now)
                    .map_err(ApiError::Identity)
            })
            .await;
        if let Err(error) = revoked {
            tracing::warn!(%error, credential = %id, "an unrecorded credential could not be revoked");
        }
    }

    async fn revoke_recorded(&self, peer: &Peer, id: CredentialId) -> Result<(), ApiError> {
        let found = self
            .blocking(move |admin| {
                admin
                    .services()
                    .credentials
                    .get(id)
                    .map_err(ApiError::Identity)
            })
            .await?;
        let summary = match found {
            Some(summary) if summary.revoked_utc_ns.is_none() => summary,
            Some(_) => return Ok(()),
            None => return Err(ApiError::NotFound(format!("credential {id}"))),
        };
        let text = id.to_string();
        let detail = [
            ("credential", DetailValue::Text(&text)),
            ("principal", DetailValue::Text(&summary.principal.name)),
        ];
        let act = Act {
            kind: RecordType::CredentialRevoked,
            outcome: RecordOutcome::Ok,
            reason: None,
            target: Some(Target {
                resource: summary.resource.as_str(),
                ..Target::default()
            }),
            detail: &detail,
        };
        self.record(peer, act).await?;
        let done = self
            .blocking(move |admin| {
                let now = admin.services().clock.now();
                admin
                    .services()
                    .credentials
                    .revoke(id, now)
                    .map_err(ApiError::Identity)
            })
            .await;
        if let Err(error) = done {
            self.record_failure(
                peer,
                Act {
                    reason: Some("control state failed"),
                    ..act
                },
            )
            .await;
            return Err(error);
        }
        self.cut_sessions_of(&summary);
        tracing::info!(credential = %id, "credential revoked");
        Ok(())
    }

    fn cut_sessions_of(&self, summary: &CredentialSummary) {
        for session in self.gateway().live() {
            if session.credential == Some(summary.id) {
                self.gateway().cut(session.id, "credential was revoked");
            }
        }
    }
}

fn request(new: NewCredential, now: Instant) -> Result<IssueRequest, ApiError> {
    let NewCredential {
        principal,
        kind,
        groups,
        on_behalf_of,
        resource,
        ttl_seconds,
        source_networks,
    } = new;
    if matches!(kind, PrincipalKind::Operator | PrincipalKind::Unknown) {
        let text = "`kind` must be `human`, `workload` or `agent`".to_owned();
        return Err(ApiError::BadRequest(text));
    }
    let chain = on_behalf_of
        .iter()
        .map(|name| local(name, PrincipalKind::Human))
        .collect();
    let principal = Principal {
        groups,
        on_behalf_of: chain,
        ..local(&principal, kind)
    };
    Ok(IssueRequest {
        principal,
        resource,
        ttl: Duration::from_secs(ttl_seconds),
        source_networks,
        authentication: Authentication::by_operator(now.utc_ns),
        sign_in: None,
        uses_max: None,
    })
}

fn local(name: &str, kind: PrincipalKind) -> Principal {
    Principal {
        issuer: LOCAL_ISSUER.to_owned(),
        subject: name.to_owned(),
        kind,
        ..Principal::unknown(name)
    }
}

fn row(summary: CredentialSummary, now_utc_ns: u64) -> CredentialRow {
    CredentialRow {
        id: summary.id,
        state: summary.state(now_utc_ns).as_str().to_owned(),
        principal: summary.principal,
        resource: summary.resource,
        issued: Rfc3339(summary.issued_utc_ns).to_string(),
        expires: Rfc3339(summary.expires_utc_ns).to_string(),
        source_networks: summary.source_networks,
    }
}
