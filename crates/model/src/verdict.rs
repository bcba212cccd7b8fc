//! What was decided.

/// Allowed, held or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Goes on.
    Allow,
    /// Waits until people have agreed.
    Hold,
    /// Does not, and the rules say why.
    Deny,
}

/// A decision with the rules that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Allowed, held or denied.
    pub decision: Decision,
    /// Names of the rules that decided; `default-deny` when none allowed.
    pub rules: Vec<String>,
    /// Labels whose values are masked.
    pub masks: Vec<String>,
}

impl Verdict {
    /// Denied by a rule that is none of policy.
    pub fn denied(rule: &str) -> Self {
        Self {
            decision: Decision::Deny,
            rules: vec![rule.to_owned()],
            masks: Vec::new(),
        }
    }
}
