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

use std::sync::Arc;

use custos_model::{Decision, Principal, Verdict};

use documents::{Environment, PolicySet, Question, Resource, Ruling, Slice, Verb};

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
            Self::Documents(set) => opened(&set.slice_assuming(principal, resource), 0),
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
                (opened(&slice, utc_ns), Some(slice))
            }
        }
    }
}

fn opened(slice: &Slice, utc_ns: u64) -> Verdict {
    let question = Question {
        verbs: [Verb::SESSION_OPEN].into(),
        utc_ns,
        ..Question::default()
    };
    let verdict = slice.decide(&question);
    Verdict {
        decision: match verdict.ruling {
            Ruling::Allow => Decision::Allow,
            // Nobody can approve anything yet.
            Ruling::Hold | Ruling::Deny => Decision::Deny,
        },
        rules: verdict.rules.clone(),
        masks: Vec::new(),
    }
}
