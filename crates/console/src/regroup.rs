//! Somebody who is signed in has other groups now.

use custos_evidence::{DetailValue, EvidenceError, RecordOutcome, RecordType};
use custos_identity::StoredSignIn;

use crate::console::Console;
use crate::record::Entry;

impl Console {
    /// Puts the groups in force that the provider gives now (`PROVIDER:GROUP`); `cause` is what told of it. What is lost
    /// is lost when this returns, and the sessions are cut that policy no longer allows, also when that cannot be put on
    /// record; what is gained is gained after its record is on disk.
    pub(crate) async fn regroup(
        &self,
        sign_in: &StoredSignIn,
        given: &[String],
        cause: &str,
    ) -> Result<(), EvidenceError> {
        let before = &sign_in.principal.groups;
        let mut principal = sign_in.principal.clone();
        principal.groups = self.groups.of(given);
        // Where they cannot be looked up, she has none of them until they can.
        let fallback = principal.groups.clone();
        let principal = self.with_own_groups(principal).await;
        let after = principal.map_or(fallback, |principal| principal.groups);
        let kept: Vec<String> = missing_from(before, &missing_from(before, &after));
        let lost = missing_from(before, &after);
        let gained = missing_from(&after, before);
        if lost.is_empty() && gained.is_empty() {
            return Ok(());
        }
        let mut cut = 0;
        if !lost.is_empty() {
            cut = self.put_in_force(sign_in, kept, cause).await;
        }
        let id = sign_in.id.to_string();
        let mapping = self.groups.applied(given);
        let (lost, gained_text) = (lost.join(", "), gained.join(", "));
        let texts = [
            ("cause", cause),
            ("gained", gained_text.as_str()),
            ("lost", lost.as_str()),
            ("mapping", mapping.as_str()),
            ("provider", sign_in.authentication.provider.as_str()),
            ("sign_in", id.as_str()),
        ];
        let mut detail: Vec<_> = texts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name, DetailValue::Text(text)))
            .collect();
        detail.push(("sessions", DetailValue::from(cut)));
        self.record(Entry {
            kind: RecordType::SignInChanged,
            outcome: RecordOutcome::Ok,
            actor: Some(&sign_in.principal),
            peer: None,
            target: None,
            reason: None,
            detail: &detail,
        })
        .await?;
        if !gained.is_empty() {
            self.put_in_force(sign_in, after, cause).await;
        }
        Ok(())
    }

    /// Returns how many sessions were cut. When the store fails, all of the sign-in's are: they may not go on with groups
    /// that are gone, and new ones cannot begin without the store.
    async fn put_in_force(
        &self,
        sign_in: &StoredSignIn,
        groups: Vec<String>,
        cause: &str,
    ) -> usize {
        let id = sign_in.id;
        let changed = self
            .blocking(move |console| {
                let now = console.now();
                console.sign_ins.regroup(id, groups, now)
            })
            .await;
        match changed {
            Some(Ok(Some(sign_in))) => {
                let reason = format!("access is no longer allowed: groups were lost ({cause})");
                self.gateway.regroup(id, &sign_in.principal, &reason)
            }
            Some(Ok(None)) => 0,
            Some(Err(_)) | None => {
                tracing::error!(sign_in = %id, "groups could not be changed in the store");
                self.cut_sessions(id, cause)
            }
        }
    }
}

/// Those of `all` that are not in `others`.
fn missing_from(all: &[String], others: &[String]) -> Vec<String> {
    let missing = all.iter().filter(|group| !others.contains(group));
    missing.cloned().collect()
}
