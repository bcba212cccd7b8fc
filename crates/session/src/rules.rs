//! What policy says to one session, operation by operation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use custos_model::{Decision, Principal, Verdict};
use custos_policy::Policy;
use custos_policy::documents::{Environment, Question, Resource, Ruling, Slice, Transform};

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
    principal_version: u64,
    version: u64,
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
}

impl Rules {
    /// Whether operations are judged one by one. If not, whoever may open the resource may do whatever its account may.
    pub fn are_judged(&self) -> bool {
        self.slice.is_some()
    }

    /// Another number for other rules.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Digest of the policy.
    pub fn digest(&self) -> &str {
        self.policy.digest()
    }

    /// Whether columns have labels.
    pub fn have_labels(&self) -> bool {
        match &*self.policy {
            Policy::Documents(set) if self.are_judged() => !set.labels().is_empty(),
            _ => false,
        }
    }

    /// All labels of columns.
    pub fn labels(&self) -> BTreeSet<String> {
        match &*self.policy {
            Policy::Documents(set) => set.labels().keys().cloned().collect(),
            Policy::Access(_) => BTreeSet::new(),
        }
    }

    /// The labels of a column.
    pub fn labels_of(&self, schema: &str, table: &str, column: &str) -> BTreeSet<String> {
        match &*self.policy {
            Policy::Documents(set) => set.labels_of(schema, table, column),
            Policy::Access(_) => BTreeSet::new(),
        }
    }
}

/// Whose session it is, and how they are here: what rules are chosen by.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) resource: Resource,
    pub(crate) environment: Environment,
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
        let (verdict, slice) = policy.session(principal, &resource, &environment, utc_ns);
        let rules = Rules {
            policy,
            slice: slice.map(Arc::new),
            principal_version: 0,
            version: 0,
        };
        let place = Self {
            resource,
            environment,
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
            slice: slice.map(Arc::new),
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
                },
                reasons: Vec::new(),
                masks: Masks::default(),
            });
        };
        let mut question = question.cloned().unwrap_or_default();
        question.utc_ns = core.shared.services.clock.now().utc_ns;
        let verdict = slice.decide(&question);
        let mut reasons = verdict.reasons.clone();
        let decision = match verdict.ruling {
            Ruling::Allow => Decision::Allow,
            Ruling::Deny => Decision::Deny,
            Ruling::Hold => {
                reasons.push("approvals are not built yet, so what needs one is denied".to_owned());
                Decision::Deny
            }
        };
        let masks = masks(core, &verdict.masks)?;
        Ok(Ruled {
            verdict: Verdict {
                decision,
                rules: verdict.rules.clone(),
            },
            reasons,
            masks,
        })
    }
}

/// The masks of what is recorded.
pub(crate) fn recorded(core: &Core, rules: &Rules) -> Result<Masks, SessionError> {
    let Policy::Documents(set) = &*rules.policy else {
        return Ok(Masks::default());
    };
    let labels = set.labels().iter();
    let shown = labels.map(|(name, label)| (name.clone(), label.mask.clone()));
    masks(core, &shown.collect())
}

fn masks(core: &Core, shown: &BTreeMap<String, Transform>) -> Result<Masks, SessionError> {
    let made = core.shared.maskers.of(shown);
    made.map_err(|_| SessionError::Internal("a mask cannot be made"))
}
