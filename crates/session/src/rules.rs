//! What policy says to one session, operation by operation.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use custos_model::{Decision, Principal, RequestId, Verdict};
use custos_policy::Policy;
use custos_policy::documents::{
    Alternatives, Durability, Environment, Label, Limit, Line, Obligations, PolicySet, Question,
    Resource, Ruling, Slice, Verdict as Answer,
};

use crate::core::Core;
use crate::error::SessionError;
use crate::masks::Masks;

/// The policy in force for one session. A change of policy, or of the principal's groups, makes a new one, which the
/// next operation finds.
#[derive(Clone, Debug)]
pub struct Rules {
    policy: Arc<Policy>,
    /// `None`: operations are not judged.
    slice: Option<Arc<Slice>>,
    made: Arc<Made>,
    principal_version: u64,
    version: u64,
}

/// Verdicts whose masks a session keeps.
const SHOWN_KEPT: usize = 32;

/// Masks that were made under the same rules: those of most statements are the same.
#[derive(Debug, Default)]
struct Made {
    recorded: OnceLock<Masks>,
    /// Of verdicts that the slice gave, which keeps them as well.
    shown: Mutex<Vec<(Arc<Answer>, Masks)>>,
}

impl Made {
    fn recorded(&self, core: &Core, policy: &Arc<Policy>) -> Result<Masks, SessionError> {
        if let Some(known) = self.recorded.get() {
            return Ok(known.clone());
        }
        let made = core.shared.maskers.recorded(policy).map_err(|_| NO_MASK)?;
        Ok(self.recorded.get_or_init(|| made).clone())
    }

    fn shown(
        &self,
        core: &Core,
        policy: &Arc<Policy>,
        answer: &Arc<Answer>,
    ) -> Result<Masks, SessionError> {
        let mut all = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = all.iter().find(|(known, _)| Arc::ptr_eq(known, answer)) {
            return Ok(known.clone());
        }
        let made = core.shared.maskers.of(policy, &answer.masks);
        let made = made.map_err(|_| NO_MASK)?;
        if all.len() >= SHOWN_KEPT {
            all.clear();
        }
        all.push((Arc::clone(answer), made.clone()));
        Ok(made)
    }
}

/// What was decided on an operation.
#[derive(Clone, Debug)]
pub struct Ruled {
    /// Whether it may pass, and by which rules.
    pub verdict: Verdict,
    /// Why not, a line for each cause.
    pub reasons: Vec<String>,
    /// What its results are shown under.
    pub masks: Masks,
    /// How much it may return, and how often there may be one.
    pub limit: Limit,
    /// People are asked about some of the lines that are entered into it.
    pub pauses: bool,
    /// What must be on disk before bytes go on; `None`: as the resource has it.
    pub durability: Option<Durability>,
    /// Who must agree before it may pass. Empty but where it is held.
    pub(crate) approvals: Vec<Alternatives>,
    /// A grant by which it may pass.
    pub(crate) grant: Option<RequestId>,
    /// The policy that it was decided under.
    pub(crate) policy: Arc<Policy>,
}

impl Ruled {
    /// Whether people have to approve it, or have done so for some time.
    pub fn needs_approval(&self) -> bool {
        self.grant.is_some() || !self.approvals.is_empty()
    }
}

impl Rules {
    /// Whether operations are judged one by one. If not, whoever may open the resource may do whatever its account may.
    pub fn are_judged(&self) -> bool {
        self.slice.is_some()
    }

    /// Whether people are asked about any operation.
    pub fn may_hold(&self) -> bool {
        self.slice.as_ref().is_some_and(|slice| slice.may_hold())
    }

    /// Whether people are asked about lines that somebody enters into what runs.
    pub fn may_pause(&self) -> bool {
        self.slice.as_ref().is_some_and(|slice| slice.may_pause())
    }

    /// Whether a rule names a line, of which each of these may be the text.
    pub fn pause(&self, lines: &[Line]) -> bool {
        self.slice.as_ref().is_some_and(|slice| slice.pauses(lines))
    }

    /// Another number for other rules.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Digest of the policy.
    pub fn digest(&self) -> &str {
        self.policy.digest()
    }

    fn documents(&self) -> Option<&PolicySet> {
        match &*self.policy {
            Policy::Documents(set) if self.are_judged() => Some(set),
            _ => None,
        }
    }

    fn have(&self, is_meant: impl Fn(&Label) -> bool) -> bool {
        self.documents()
            .is_some_and(|set| set.labels().values().any(is_meant))
    }

    /// Whether columns have labels.
    pub fn have_labels(&self) -> bool {
        self.have(Label::is_of_columns)
    }

    /// Whether something is looked for in all values.
    pub fn detect(&self) -> bool {
        self.have(|label| !label.detect.is_empty())
    }

    /// All labels of columns.
    pub fn labels(&self) -> BTreeSet<String> {
        let labels = self.documents().into_iter().flat_map(PolicySet::labels);
        let labels = labels.filter(|(_, label)| label.is_of_columns());
        labels.map(|(name, _)| name.clone()).collect()
    }

    /// The labels of a column.
    pub fn labels_of(&self, schema: &str, table: &str, column: &str) -> BTreeSet<String> {
        self.documents()
            .map_or_else(BTreeSet::new, |set| set.labels_of(schema, table, column))
    }

    /// The labels that a column's comment gives it.
    pub fn labels_in_comment(&self, comment: &str) -> BTreeSet<String> {
        self.documents()
            .map_or_else(BTreeSet::new, |set| set.labels_in_comment(comment))
    }
}

/// Whose session it is, and how they are here: what rules are chosen by.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) resource: Resource,
    pub(crate) environment: Environment,
    /// What people must agree to before it may be opened.
    pub(crate) approvals: Vec<Alternatives>,
    pub(crate) current: Mutex<Rules>,
}

impl Place {
    /// Asks whether the session may be opened; keeps what judges its operations.
    pub(crate) fn open(
        policy: Arc<Policy>,
        principal: &Principal,
        resource: Resource,
        environment: Environment,
        utc_ns: u64,
    ) -> (Verdict, Self) {
        let (mut verdict, slice) = policy.session(principal, &resource, &environment, utc_ns);
        let opening = policy.opening(principal, &resource, &environment, utc_ns);
        if verdict.decision == Decision::Deny && !opening.approvals.is_empty() {
            verdict.decision = Decision::Hold;
        }
        let rules = Rules {
            policy,
            slice,
            made: Arc::default(),
            principal_version: 0,
            version: 0,
        };
        let place = Self {
            resource,
            environment,
            approvals: opening.approvals,
            current: Mutex::new(rules),
        };
        (verdict, place)
    }

    /// The rules of now.
    pub(crate) fn rules(&self, core: &Core) -> Rules {
        let policy = core.shared.services.policy.load();
        let principal_version = core.principal_version();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&policy, &current.policy) && principal_version == current.principal_version {
            return current.clone();
        }
        let policy = Arc::clone(&policy);
        let principal = core.state().principal.clone();
        let slice = principal.and_then(|principal| {
            let utc_ns = core.shared.services.clock.now().utc_ns;
            policy
                .session(&principal, &self.resource, &self.environment, utc_ns)
                .1
        });
        *current = Rules {
            slice,
            made: Arc::default(),
            policy,
            principal_version,
            version: current.version + 1,
        };
        current.clone()
    }

    /// Decides under the rules that the question was made for; without one, under those of now, and then what is judged
    /// is denied.
    pub(crate) fn decide(
        &self,
        core: &Core,
        question: Option<(&Question, &Rules)>,
    ) -> Result<Ruled, SessionError> {
        let (question, rules) = match question {
            Some((question, rules)) => (Some(question), rules.clone()),
            None => (None, self.rules(core)),
        };
        let Some(slice) = &rules.slice else {
            return Ok(Ruled {
                verdict: Verdict {
                    decision: Decision::Allow,
                    rules: Vec::new(),
                    masks: Vec::new(),
                },
                reasons: Vec::new(),
                masks: Masks::default(),
                limit: Limit::default(),
                pauses: false,
                durability: None,
                approvals: Vec::new(),
                grant: None,
                policy: rules.policy,
            });
        };
        let utc_ns = core.shared.services.clock.now().utc_ns;
        let nothing = Question::default();
        let verdict = slice.decide_at(question.unwrap_or(&nothing), utc_ns);
        let (mut approvals, mut grant) = (Vec::new(), None);
        let decision = match verdict.ruling {
            Ruling::Allow => Decision::Allow,
            Ruling::Deny => Decision::Deny,
            Ruling::Hold => {
                (approvals, grant) = core.unmet(&self.resource.name, &verdict.approvals);
                if approvals.is_empty() {
                    Decision::Allow
                } else {
                    Decision::Hold
                }
            }
        };
        let masks = rules.made.shown(core, &rules.policy, &verdict)?;
        Ok(Ruled {
            verdict: Verdict {
                decision,
                rules: verdict.rules.clone(),
                masks: verdict.masks.keys().cloned().collect(),
            },
            reasons: verdict.reasons.clone(),
            masks,
            limit: verdict.limit,
            pauses: pauses(&verdict),
            durability: verdict.record.durability,
            approvals,
            grant,
            policy: Arc::clone(&rules.policy),
        })
    }
}

/// Whether people are asked about lines: a rule that allows without any approval makes that of others unnecessary.
fn pauses(verdict: &Answer) -> bool {
    let mut rules = verdict.obligations.values();
    let is_free = |it: &Obligations| it.pause.is_none() && it.approve.is_none();
    rules.clone().any(|it| it.pause.is_some()) && !rules.any(is_free)
}

const NO_MASK: SessionError = SessionError::Internal("a mask cannot be made");

/// The masks of what is recorded.
pub(crate) fn recorded(core: &Core, rules: &Rules) -> Result<Masks, SessionError> {
    rules.made.recorded(core, &rules.policy)
}
