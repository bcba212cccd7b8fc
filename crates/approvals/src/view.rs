//! What people see of requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_evidence::Position;
use custos_model::{Principal, RequestId};
use serde::Serialize;

use crate::approvals::{Approvals, Live, Progress};
use crate::decide::Approver;
use crate::exact::Part;
use crate::hold::same_people;
use crate::quorum;
use crate::refusal::{ApprovalsError, Refusal};
use crate::request::{Choice, Request, cut};

/// Requests in a list at most, and bytes of their texts.
const LISTED_MAX: usize = 500;
const LISTED_TEXT_BYTES: usize = 200;

/// A request as a caller sees it.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// What is asked.
    pub request: Request,
    /// What it waits for.
    pub waits_for: String,
    /// Who has agreed.
    pub approved_by: Vec<String>,
    /// Enough have, and it waits for its client.
    pub is_approved: bool,
    /// A right that was taken without approval, and the time for its review is over.
    pub is_overdue: bool,
    /// Whether the caller may decide on it; if not, why not.
    pub may_decide: Result<(), &'static str>,
}

/// What will be forwarded, for those who decide.
#[derive(Clone, Debug, Serialize)]
pub struct ExactView {
    /// Key of the commitment, hexadecimal.
    pub commit_key: String,
    /// The parts.
    pub parts: Vec<PartView>,
}

/// One part: text where it is UTF-8, else base64; neither for NULL.
#[derive(Clone, Debug, Serialize)]
pub struct PartView {
    /// What it is.
    pub name: String,
    /// As text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// As base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl PartView {
    fn of(part: &Part) -> Self {
        let value = part.value.as_ref();
        let text = value.and_then(|bytes| String::from_utf8(bytes.clone()).ok());
        let base64 = value
            .filter(|_| text.is_none())
            .map(|bytes| STANDARD.encode(bytes));
        Self {
            name: part.name.clone(),
            text,
            base64,
        }
    }
}

impl Approvals {
    /// The open requests that are somebody's own or hers to decide, oldest first. `sees_all`: administrators and operators.
    pub fn requests(&self, caller: &Approver, sees_all: bool) -> Result<Vec<View>, ApprovalsError> {
        let ids: Vec<RequestId> = {
            let state = self.state();
            let mut ids: Vec<RequestId> = state.requests.keys().copied().collect();
            ids.sort();
            ids
        };
        // The newest, where there are very many.
        let ids = ids.into_iter().rev().take(LISTED_MAX).rev();
        let mut views = Vec::new();
        for id in ids {
            match self.view(id, caller, sees_all) {
                Ok(mut view) => {
                    if let Some(text) = &mut view.request.text {
                        *text = cut(text, LISTED_TEXT_BYTES).to_owned();
                    }
                    views.push(view);
                }
                Err(ApprovalsError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(views)
    }

    /// One request.
    pub fn view(
        &self,
        id: RequestId,
        caller: &Approver,
        sees_all: bool,
    ) -> Result<View, ApprovalsError> {
        let now = self.now();
        let mut state = self.state();
        let live = state.requests.get(&id).ok_or(Refusal::NotFound)?;
        if !sees_all && !sees(live, &caller.principal) {
            return Err(Refusal::NotFound.into());
        }
        let yeses = self.yeses(&mut state, id, now)?;
        let live = state.requests.get(&id).ok_or(Refusal::NotFound)?;
        let may = self.may_decide(live, caller, Choice::Approve, now);
        let met = quorum::met(&live.request.approve, &yeses).is_some();
        Ok(View {
            request: live.request.clone(),
            waits_for: if met {
                String::new()
            } else {
                live.waits_for(&yeses)
            },
            approved_by: live
                .votes
                .iter()
                .map(|vote| vote.approver.name.clone())
                .collect(),
            is_approved: live.is_approved && met,
            is_overdue: state.grants.get(&id).is_some_and(|grant| grant.is_overdue),
            may_decide: may.map_err(Refusal::code),
        })
    }

    /// What an operation will do to the byte, for somebody who may decide on it. That she saw it is on record at the position
    /// that is returned, which is to be durable first. `None`: it is no operation.
    pub fn show(
        &self,
        id: RequestId,
        caller: &Approver,
    ) -> Result<(Option<ExactView>, Position), ApprovalsError> {
        let state = self.state();
        let live = state.requests.get(&id).ok_or(Refusal::NotFound)?;
        if !sees(live, &caller.principal) {
            return Err(Refusal::NotFound.into());
        }
        self.may_decide(live, caller, Choice::Deny, self.now())?;
        let position = self.record_viewed(&live.request, &caller.principal)?;
        let exact = live.exact.as_ref().map(|(exact, key)| ExactView {
            commit_key: key.to_hex(),
            parts: exact.parts().iter().map(PartView::of).collect(),
        });
        Ok((exact, position))
    }

    /// Follows a request that somebody may see; for whoever waits for its end.
    pub fn follow(
        &self,
        id: RequestId,
        caller: &Principal,
        sees_all: bool,
    ) -> Result<tokio::sync::watch::Receiver<Progress>, Refusal> {
        let state = self.state();
        let live = state.requests.get(&id).ok_or(Refusal::NotFound)?;
        if !sees_all && !sees(live, caller) {
            return Err(Refusal::NotFound);
        }
        Ok(live.progress.subscribe())
    }
}

/// Whose it is, or who is in a group that decides.
fn sees(live: &Live, principal: &Principal) -> bool {
    let decides = live.request.groups();
    same_people(&live.requester, principal)
        || principal
            .groups
            .iter()
            .any(|group| decides.contains(group.as_str()))
}
