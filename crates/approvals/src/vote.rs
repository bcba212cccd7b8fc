//! One person's decision, and whether it still counts.

use std::collections::BTreeSet;

use custos_identity::give_own_groups;
use custos_model::{ApprovalId, Instant, Principal, PrincipalKind, SignInId};
use custos_policy::documents::{Hours, Rule};
use custos_signatures::Signature;
use custos_store::SignInsOf;
use serde::{Deserialize, Serialize};

use crate::approvals::{Approvals, Live, State};
use crate::quorum::Yes;
use crate::refusal::ApprovalsError;
use crate::request::{Alternative, RequestKind, Statement};

/// SSHSIG namespace of decisions.
pub const NAMESPACE: &str = "custos-approval";

/// A decision as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vote {
    pub(crate) id: ApprovalId,
    pub(crate) approver: Principal,
    pub(crate) sign_in: SignInId,
    /// As it was signed.
    pub(crate) statement: String,
    /// `None`: attested.
    pub(crate) signature: Option<Signature>,
    pub(crate) utc_ns: u64,
}

impl Vote {
    /// What was signed, read again.
    pub(crate) fn read(&self) -> Option<Statement> {
        serde_json::from_str(&self.statement).ok()
    }

    pub(crate) fn key(&self) -> Option<String> {
        self.read()?.key
    }
}

impl Approvals {
    /// The groups that somebody is in now, by her newest sign-in. Nothing where she is not signed in.
    pub(crate) fn groups_now(
        &self,
        person: &Principal,
        now: Instant,
    ) -> Result<Option<Vec<String>>, ApprovalsError> {
        let of = SignInsOf::Principal {
            issuer: &person.issuer,
            subject: &person.subject,
        };
        let mut live = self.inner.sign_ins.live_of(of, now)?;
        live.retain(|one| is_person(&one.principal));
        let newest = live.into_iter().max_by_key(|one| one.issued_utc_ns);
        let Some(mut newest) = newest else {
            return Ok(None);
        };
        give_own_groups(&mut newest.principal, &self.inner.store)?;
        Ok(Some(newest.principal.groups))
    }

    /// Checks a yes as if it came now: key, signature, presence. `Err`: why it does not count any more.
    pub(crate) fn stands(
        &self,
        state: &State,
        vote: &Vote,
        live: &Live,
        now: Instant,
    ) -> Result<Result<Yes, &'static str>, ApprovalsError> {
        if !Self::is_signed(state, vote) {
            return Ok(Err(
                "the approver's key was revoked, or the signature does not fit",
            ));
        }
        let Some(groups) = self.groups_now(&vote.approver, now)? else {
            return Ok(Err("the approver is not signed in any more"));
        };
        let after_seconds = vote.utc_ns.saturating_sub(live.requested_utc_ns) / 1_000_000_000;
        let mut each = live.request.alternatives();
        if !each.any(|alternative| alternative.counts(&groups, after_seconds)) {
            return Ok(Err("the approver is in no group any more that decides"));
        }
        Ok(Ok(Yes {
            groups,
            after_seconds,
            is_attested: vote.signature.is_none(),
            closed: self.closed(live, vote.utc_ns),
        }))
    }

    /// Rules of a request whose hours do not contain a time. Where there are no documents, all.
    pub(crate) fn closed(&self, live: &Live, utc_ns: u64) -> Vec<String> {
        let alternatives: Vec<&Alternative> = live.request.alternatives().collect();
        let rules: BTreeSet<&str> = alternatives.iter().map(|it| it.rule.as_str()).collect();
        let is_review = live.request.kind == RequestKind::BreakGlass;
        let open = self.with_documents(|set| {
            let is_open = |rule: &&&str| {
                // A rule may ask for more than one.
                let approvals = set.rule(rule).into_iter().flat_map(Rule::approvals);
                let mut asked = approvals
                    .filter(|approve| alternatives.contains(&&Alternative::of(rule, approve)));
                let contain = |hours: &Hours| hours.contain(utc_ns);
                is_review || asked.all(|approve| approve.hours.as_ref().is_none_or(contain))
            };
            let open: BTreeSet<&str> = rules.iter().filter(is_open).copied().collect();
            open
        });
        let open = open.unwrap_or_default();
        rules
            .difference(&open)
            .map(|rule| (*rule).to_owned())
            .collect()
    }

    /// Whether the signature is good under a key that is enrolled for the approver now.
    pub(crate) fn is_signed(state: &State, vote: &Vote) -> bool {
        let Some(statement) = vote.read() else {
            return false;
        };
        match (&vote.signature, &statement.key) {
            (None, None) => statement.method == "attested",
            (Some(signature), Some(key)) => state.keys.get(key).is_some_and(|enrolled| {
                enrolled.is_of(&vote.approver)
                    && enrolled.key.method().as_str() == statement.method
                    && enrolled
                        .key
                        .verify(NAMESPACE, vote.statement.as_bytes(), signature)
                        .is_ok()
            }),
            _ => false,
        }
    }
}

/// A human who acts for herself.
pub(crate) fn is_person(principal: &Principal) -> bool {
    principal.kind == PrincipalKind::Human && principal.on_behalf_of.is_empty()
}
