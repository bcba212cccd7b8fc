//! Administrators: who they are, and that somebody is one no more.

use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::ADMINISTRATORS;
use custos_model::{Decision, Principal, Rfc3339};

use crate::admin::Admin;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::record::Act;
use crate::wire::AdministratorRow;

impl Admin {
    /// Every administrator.
    pub async fn administrators(&self) -> Result<Vec<AdministratorRow>, ApiError> {
        self.blocking(|admin| {
            let list = admin.services().store.administrators();
            let list = list.map_err(ApiError::Store)?;
            Ok(list
                .into_iter()
                .map(|found| AdministratorRow {
                    issuer: found.issuer,
                    subject: found.subject,
                    name: found.name,
                    since: Rfc3339(found.since_utc_ns).to_string(),
                })
                .collect())
        })
        .await
    }

    /// Somebody is an administrator no more: the group is gone, credentials that were issued with it are revoked, and
    /// sessions that were open for it alone are cut. The record comes after that.
    pub async fn remove_administrator(
        &self,
        caller: impl Into<Caller>,
        issuer: String,
        subject: String,
    ) -> Result<(), ApiError> {
        let (admin, caller) = (self.clone(), caller.into());
        self.to_the_end(async move { admin.end_administration(&caller, issuer, subject).await })
            .await
    }

    async fn end_administration(
        &self,
        caller: &Caller,
        issuer: String,
        subject: String,
    ) -> Result<(), ApiError> {
        let key = (issuer.clone(), subject.clone());
        let found = self
            .blocking(move |admin| {
                let (issuer, subject) = &key;
                let store = &admin.services().store;
                let list = store.administrators().map_err(ApiError::Store)?;
                let found = list
                    .into_iter()
                    .find(|it| it.issuer == *issuer && it.subject == *subject);
                let removed = store.remove_administrator(issuer, subject);
                removed.map_err(ApiError::Store)?;
                revoke(admin, issuer, subject)?;
                Ok(found)
            })
            .await?;
        let cut = self.cut_former(&issuer, &subject);
        let Some(found) = found else {
            return Err(ApiError::NotFound(format!(
                "administrator {subject} of {issuer}"
            )));
        };
        let detail = [
            ("principal", DetailValue::Text(&found.name)),
            ("principal_iss", DetailValue::Text(&found.issuer)),
            ("principal_sub", DetailValue::Text(&found.subject)),
            ("sessions", DetailValue::from(cut)),
        ];
        self.record(
            caller,
            Act {
                kind: RecordType::AdministratorRemoved,
                outcome: RecordOutcome::Ok,
                reason: None,
                target: None,
                detail: &detail,
            },
        )
        .await
    }

    fn cut_former(&self, issuer: &str, subject: &str) -> usize {
        let policy = self.services().policy.load_full();
        let reason = "access is no longer allowed";
        self.gateway().cut_where(reason, |session| {
            let (Some(principal), Some(resource)) = (&session.principal, &session.resource) else {
                return false;
            };
            has_group(principal, issuer, subject) && {
                let now = without_group(principal, issuer, subject);
                policy.open(&now, resource).decision == Decision::Deny
            }
        })
    }
}

fn revoke(admin: &Admin, issuer: &str, subject: &str) -> Result<(), ApiError> {
    let credentials = &admin.services().credentials;
    let now = admin.services().clock.now();
    for credential in credentials.list().map_err(ApiError::Identity)? {
        if credential.revoked_utc_ns.is_none() && has_group(&credential.principal, issuer, subject)
        {
            let revoked = credentials.revoke(credential.id, now);
            revoked.map_err(ApiError::Identity)?;
        }
    }
    Ok(())
}

/// The principal and those whom it acts for.
fn chain(principal: &Principal) -> impl Iterator<Item = &Principal> {
    std::iter::once(principal).chain(&principal.on_behalf_of)
}

fn has_group(principal: &Principal, issuer: &str, subject: &str) -> bool {
    chain(principal).any(|it| {
        it.issuer == issuer
            && it.subject == subject
            && it.groups.iter().any(|group| group == ADMINISTRATORS)
    })
}

fn without_group(principal: &Principal, issuer: &str, subject: &str) -> Principal {
    let mut principal = principal.clone();
    let strip = |it: &mut Principal| {
        if it.issuer == issuer && it.subject == subject {
            it.groups.retain(|group| group != ADMINISTRATORS);
        }
    };
    strip(&mut principal);
    principal.on_behalf_of.iter_mut().for_each(strip);
    principal
}
