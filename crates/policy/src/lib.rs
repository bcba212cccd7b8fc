//! Who may do what. Pure: rules, a principal and a resource in; a verdict with its reasons out.
//!
//! A [`Policy`] has one of two forms: access rules, which say who may open what and nothing more, or policy
//! [`documents`], which judge every operation. What no rule allows is denied.
//!
//! **Invariant**: a principal that proved nothing is denied whatever the rules say.

mod access;
mod digest;
pub mod documents;
mod problem;
mod rule;

pub use access::AccessRules;
pub use problem::{PolicyProblem, ProblemKind};
pub use rule::AccessRule;

use std::collections::BTreeSet;
use std::sync::Arc;

use custos_model::{Decision, Principal, Verdict};

use documents::{Alternatives, Environment, PolicySet, Question, Resource, Ruling, Slice, Verb};

/// The rule name in verdicts when no rule allowed.
pub const DEFAULT_DENY: &str = "default-deny";

/// What is in force.
#[derive(Debug)]
pub enum Policy {
    /// Who may open what, and there do whatever the resource's account may.
    Access(AccessRules),
    /// Who may do what, operation by operation.
    Documents(PolicySet),
}

/// Whether somebody may open a resource, and what would make it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The decision as long as nobody has approved anything, and the rules behind it.
    pub verdict: Verdict,
    /// Once all of these are fulfilled it is allowed. Empty where it is already, and where no approval can help.
    pub approvals: Vec<Alternatives>,
}

impl Policy {
    /// Lower-case hexadecimal SHA-256 of what it says.
    pub fn digest(&self) -> &str {
        match self {
            Self::Access(rules) => rules.digest(),
            Self::Documents(set) => set.digest(),
        }
    }

    /// Whether the principal may open the resource at all, and by which rules. What rules require of the way in which
    /// somebody comes (network, hours, class of the sign-in) is taken to be so.
    pub fn open(&self, principal: &Principal, resource: &Resource) -> Verdict {
        match self {
            Self::Access(rules) => rules.open(principal, &resource.name),
            Self::Documents(set) => opening(&set.slice_assuming(principal, resource), 0).verdict,
        }
    }

    /// The same for one who is here in this way at this time (UTC nanoseconds), and what judges the operations that
    /// follow; `None`: nothing does.
    pub fn session(
        &self,
        principal: &Principal,
        resource: &Resource,
        environment: &Environment,
        utc_ns: u64,
    ) -> (Verdict, Option<Arc<Slice>>) {
        match self {
            Self::Access(rules) => (rules.open(principal, &resource.name), None),
            Self::Documents(set) => {
                let slice = set.shared_slice(principal, resource, environment);
                (opening(&slice, utc_ns).verdict, Some(slice))
            }
        }
    }

    /// Whether the principal, who is here in this way at this time (UTC nanoseconds), may open the resource, and if
    /// approvals are all that it wants, which.
    pub fn opening(
        &self,
        principal: &Principal,
        resource: &Resource,
        environment: &Environment,
        utc_ns: u64,
    ) -> Opening {
        match self {
            Self::Access(rules) => Opening {
                verdict: rules.open(principal, &resource.name),
                approvals: Vec::new(),
            },
            Self::Documents(set) => {
                opening(&set.shared_slice(principal, resource, environment), utc_ns)
            }
        }
    }

    /// The same, where what rules require of the way in which somebody comes is taken to be so.
    pub fn opening_assuming(&self, principal: &Principal, resource: &Resource) -> Opening {
        match self {
            Self::Access(rules) => Opening {
                verdict: rules.open(principal, &resource.name),
                approvals: Vec::new(),
            },
            Self::Documents(set) => opening(&set.slice_assuming(principal, resource), 0),
        }
    }

    /// What would be said to the principal, who is here in this way at this time (UTC nanoseconds), about a session with
    /// the resource in which operations with these verbs are asked for. For whoever asks in advance: what is touched and
    /// how statements look is not known yet. Access rules have no approvals and allow every verb to whom they allow a
    /// session.
    pub fn ask(
        &self,
        principal: &Principal,
        resource: &Resource,
        environment: &Environment,
        verbs: &BTreeSet<Verb>,
        utc_ns: u64,
    ) -> documents::Verdict {
        match self {
            Self::Access(rules) => {
                let verdict = rules.open(principal, &resource.name);
                let ruling = match verdict.decision {
                    Decision::Allow => Ruling::Allow,
                    Decision::Hold => Ruling::Hold,
                    Decision::Deny => Ruling::Deny,
                };
                documents::Verdict {
                    ruling,
                    rules: verdict.rules,
                    ..documents::Verdict::open()
                }
            }
            Self::Documents(set) => {
                let slice = set.shared_slice(principal, resource, environment);
                let mut verbs = verbs.clone();
                verbs.insert(Verb::SESSION_OPEN);
                (*slice.decide(&asking(verbs, utc_ns))).clone()
            }
        }
    }
}

fn opening(slice: &Slice, utc_ns: u64) -> Opening {
    let verdict = slice.decide(&asking([Verb::SESSION_OPEN].into(), utc_ns));
    Opening {
        verdict: Verdict {
            decision: match verdict.ruling {
                Ruling::Allow => Decision::Allow,
                // As long as nobody has approved it.
                Ruling::Hold | Ruling::Deny => Decision::Deny,
            },
            rules: verdict.rules.clone(),
            masks: Vec::new(),
        },
        approvals: verdict.approvals.clone(),
    }
}

fn asking(verbs: BTreeSet<Verb>, utc_ns: u64) -> Question {
    Question {
        verbs,
        utc_ns,
        ..Question::default()
    }
}
