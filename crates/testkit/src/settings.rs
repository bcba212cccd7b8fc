//! The configuration file of a gateway under test.

/// What a test may set. Everything else stands at its default.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Lines of the `[limits]` table.
    pub limits: String,
    /// The `[[access]]` tables.
    pub access: String,
    /// A policy document, in place of the `[[access]]` tables.
    pub policy: Option<String>,
    /// `drain_timeout`.
    pub drain_timeout: String,
    /// What the gateway's wall clock is off by (libfaketime's words, as in `-2d`); `None`: it is right.
    pub clock: Option<String>,
}

impl Settings {
    /// Those under a policy document.
    pub fn under(policy: &str) -> Self {
        Self {
            policy: Some(policy.to_owned()),
            ..Self::default()
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: String::new(),
            access: "[[access]]\nname = \"everybody\"\nprincipals = [\"*\"]\nresources = [\"postgres/*\", \"ssh/*\"]\n".to_owned(),
            policy: None,
            drain_timeout: "10s".to_owned(),
            clock: None,
        }
    }
}
