//! How somebody was authenticated.

use serde::{Deserialize, Serialize};

/// By whom, when and how a principal was authenticated; stands in the records of its sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// Name of the provider or workload issuer in this gateway's configuration; `operator` where the operator vouches.
    pub provider: String,
    /// When, UTC nanoseconds: what the provider says, else when the gateway saw it.
    pub authenticated_utc_ns: u64,
    /// Authentication context class (OpenID Connect Core section 2, `acr`; SAML `AuthnContextClassRef`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Authentication methods (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// What else is known and pinned, name and value: a repository, a workflow, a run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<(String, String)>,
}

impl Authentication {
    /// The operator of the gateway's host vouches.
    pub fn by_operator(utc_ns: u64) -> Self {
        Self::by("operator", utc_ns)
    }

    /// A provider vouches, and says no more.
    pub fn by(provider: &str, utc_ns: u64) -> Self {
        Self {
            provider: provider.to_owned(),
            authenticated_utc_ns: utc_ns,
            acr: None,
            amr: Vec::new(),
            facts: Vec::new(),
        }
    }
}
