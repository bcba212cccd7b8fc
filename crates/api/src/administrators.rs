//! Administrators: who they are, and that somebody is one no more.

use std::collections::BTreeSet;

use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::ADMINISTRATORS;
use custos_model::{Principal, Rfc3339};
use custos_store::StoredCredential;

use crate::admin::Admin;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::record::Act;
use crate::wire::AdministratorRow;

/// In the record of a removal after which something may be left.
const NOT_ALL_REVOKED: &str = "not all credentials could be revoked";

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
    /// sessions that were open for it alone are cut. The record comes after that, also when not all could be revoked,
    /// which is the answer then.
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
                Ok(found)
            })
            .await?;
        // Whatever fails from here on, sessions are cut and the removal is put on record.
        let name = found.as_ref().map(|found| found.name.clone());
        let key = (issuer.clone(), subject.clone());
        let revoked = self
            .blocking(move |admin| revoke(admin, &key.0, &key.1, name))
            .await;
        let cut = self.cut_former(&issuer, &subject);
        let Some(found) = found else {
            revoked?;
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
                reason: revoked.is_err().then_some(NOT_ALL_REVOKED),
                target: None,
                detail: &detail,
            },
        )
        .await?;
        revoked
    }

    fn cut_former(&self, issuer: &str, subject: &str) -> usize {
        let reason = "access is no longer allowed";
        self.gateway().cut_where(reason, |session| {
            let (Some(principal), Some(resource)) = (&session.principal, &session.resource) else {
                return false;
            };
            has_group(principal, issuer, subject) && {
                let now = without_group(principal, issuer, subject);
                !self.services().may_open(&now, resource)
            }
        })
    }
}

/// Revokes each credential that was issued with the group. One that fails holds up no other; the first failure is
/// returned at the end.
fn revoke(
    admin: &Admin,
    issuer: &str,
    subject: &str,
    name: Option<String>,
) -> Result<(), ApiError> {
    let services = admin.services();
    let now = services.clock.now();
    let mut first = None;
    let mut failed = |error: ApiError| {
        tracing::error!(%error, "a former administrator's credentials could not all be revoked");
        first.get_or_insert(error);
    };
    let mut held = match services.store.credentials() {
        Ok(all) => all,
        Err(error) => {
            failed(ApiError::Store(error));
            readable(admin, name, &mut failed)
        }
    };
    held.retain(|it| it.revoked_utc_ns.is_none() && has_group(&it.principal, issuer, subject));
    for credential in held {
        let revoked = services.store.revoke_credential(credential.id, now.utc_ns);
        if let Err(error) = revoked {
            failed(ApiError::Store(error));
        }
    }
    first.map_or(Ok(()), Err)
}

/// Where not every credential can be read: those of each login name that is known and can be.
fn readable(
    admin: &Admin,
    name: Option<String>,
    failed: &mut impl FnMut(ApiError),
) -> Vec<StoredCredential> {
    let store = &admin.services().store;
    let mut names: BTreeSet<String> = name.into_iter().collect();
    let live = admin.gateway().live().into_iter();
    names.extend(live.filter_map(|session| Some(session.principal?.name)));
    match store.all_sign_ins() {
        Ok(all) => names.extend(all.into_iter().map(|sign_in| sign_in.principal.name)),
        Err(error) => failed(ApiError::Store(error)),
    }
    let mut held = Vec::new();
    for name in names {
        match store.credentials_named(&name) {
            Ok(found) => held.extend(found),
            Err(error) => failed(ApiError::Store(error)),
        }
    }
    held
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
