//! Requests, grants and approvers' keys, for the operator. Decisions are not hers to make: those are signed.

use custos_approvals::{ApprovalsError, Approver, GrantEnd};
use custos_evidence::Position;
use custos_model::{RequestId, Rfc3339, SignInId};
use serde_json::{Value, json};

use crate::admin::Admin;
use crate::caller::Caller;
use crate::error::ApiError;

impl Admin {
    /// All open requests.
    pub async fn requests(&self, caller: impl Into<Caller>) -> Result<Vec<Value>, ApiError> {
        let operator = Approver {
            principal: caller.into().actor().clone(),
            // She is signed in nowhere.
            sign_in: SignInId::from_uuid(uuid::Uuid::nil()),
        };
        let views = self
            .blocking(move |admin| {
                let approvals = &admin.services().approvals;
                approvals.requests(&operator, true).map_err(failed)
            })
            .await?;
        Ok(views.into_iter().map(|view| json!(view)).collect())
    }

    /// All keys of approvers.
    pub fn approver_keys(&self) -> Vec<Value> {
        let keys = self.services().approvals.keys();
        keys.iter().map(custos_approvals::Enrolled::row).collect()
    }

    /// Accepts a key that somebody has enrolled.
    pub async fn accept_approver_key(
        &self,
        caller: impl Into<Caller>,
        key: String,
    ) -> Result<(), ApiError> {
        let caller = caller.into();
        let position = self
            .blocking(move |admin| {
                let approvals = &admin.services().approvals;
                approvals.accept_key(&key, caller.actor()).map_err(failed)
            })
            .await?;
        self.durable(position).await
    }

    /// Takes a key away, with the grants that it approved; how many sessions are cut.
    pub async fn revoke_approver_key(
        &self,
        caller: impl Into<Caller>,
        key: String,
        reason: String,
    ) -> Result<usize, ApiError> {
        let caller = caller.into();
        let (ended, position) = self
            .blocking(move |admin| {
                let approvals = &admin.services().approvals;
                approvals
                    .revoke_key(&key, caller.actor(), true, &reason)
                    .map_err(failed)
            })
            .await?;
        let cut = self.gateway().cut_grants(&ended);
        self.durable(position).await?;
        Ok(cut)
    }

    /// Grants that hold.
    pub fn grants(&self) -> Vec<Value> {
        let grants = self.services().approvals.grants();
        let rows = grants.iter().map(|grant| {
            json!({
                "id": grant.id(),
                "principal": grant.principal.name,
                "resource": grant.request.resource,
                "kind": grant.request.kind,
                "rules": grant.request.rules,
                "justification": grant.request.justification,
                "since": Rfc3339(grant.since_utc_ns).to_string(),
                "until": Rfc3339(grant.until_utc_ns).to_string(),
                "review_due": grant.review_due_utc_ns.map(|due| Rfc3339(due).to_string()),
                "is_overdue": grant.is_overdue,
            })
        });
        rows.collect()
    }

    /// Takes a grant back; how many sessions are cut.
    pub async fn revoke_grant(
        &self,
        caller: impl Into<Caller>,
        id: RequestId,
        reason: String,
    ) -> Result<usize, ApiError> {
        let caller = caller.into();
        let end: GrantEnd = self
            .blocking(move |admin| {
                let approvals = &admin.services().approvals;
                approvals
                    .revoke_grant(id, caller.actor(), true, &reason)
                    .map_err(failed)
            })
            .await?;
        Ok(self.gateway().cut_grants(&[end]))
    }

    async fn durable(&self, position: Position) -> Result<(), ApiError> {
        let synced = self.services().evidence.sync(position).await;
        synced.map_err(ApiError::Evidence)
    }
}

fn failed(error: ApprovalsError) -> ApiError {
    match error {
        ApprovalsError::Refused(custos_approvals::Refusal::NotFound) => {
            ApiError::NotFound("such key, request or grant".to_owned())
        }
        ApprovalsError::Refused(refusal) => ApiError::BadRequest(refusal.to_string()),
        ApprovalsError::Evidence(error) => ApiError::Evidence(error),
        error => ApiError::Approvals(error),
    }
}
