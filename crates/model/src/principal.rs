//! Who is asking.

use serde::{Deserialize, Serialize};

/// What kind of identity a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person.
    Human,
    /// A CI job or service account.
    Workload,
    /// An AI agent, always on somebody's behalf.
    Agent,
    /// The operator of the gateway's own host, known by a local admin socket.
    Operator,
    /// Not authenticated.
    Unknown,
}

impl PrincipalKind {
    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Workload => "workload",
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::Unknown => "unknown",
        }
    }
}

/// An authenticated identity. Its key is (`issuer`, `subject`), never a name or an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Who vouches for it: an issuer URL, or `local` for credentials issued by the operator.
    pub issuer: String,
    /// The issuer's own stable name for it.
    pub subject: String,
    /// The name that it signs in with, for people to read.
    pub name: String,
    /// Person, workload, agent or operator.
    pub kind: PrincipalKind,
    /// Groups, namespaced by the issuer's mapping.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The chain that it acts for, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_behalf_of: Vec<Principal>,
}

impl Principal {
    /// Somebody who claims `name` and has proved nothing.
    pub fn unknown(name: &str) -> Self {
        Self {
            issuer: String::new(),
            subject: String::new(),
            name: name.to_owned(),
            kind: PrincipalKind::Unknown,
            groups: Vec::new(),
            on_behalf_of: Vec::new(),
        }
    }
}
