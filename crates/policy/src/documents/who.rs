//! Whom a rule is for.

use std::fmt;

use custos_model::{Principal, PrincipalKind};
use serde::Serialize;

use super::reader::Reader;
use super::yaml::{Node, Value};

/// One way of naming principals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Everybody who has signed in.
    Everybody,
    /// Members of a group, by its name in the gateway.
    Group(String),
    /// A workload, by its name in the gateway's configuration.
    Workload(String),
    /// Any workload, machine or agent, by the name that the operator gave it.
    Machine(String),
    /// Exactly one principal.
    Principal {
        /// Who vouches for it.
        issuer: String,
        /// The issuer's own name for it.
        subject: String,
    },
}

impl Who {
    /// Whether the principal is meant. Names that a provider gives decide nothing: people choose them in places.
    pub(super) fn means(&self, principal: &Principal) -> bool {
        match self {
            Self::Everybody => true,
            Self::Group(name) => principal.groups.contains(name),
            Self::Workload(name) => workload_name(principal) == Some(name),
            Self::Machine(name) => machine_name(principal) == Some(name),
            Self::Principal { issuer, subject } => {
                principal.issuer == *issuer && principal.subject == *subject
            }
        }
    }

    /// Whether everybody whom `other` means is meant too, as far as the words tell.
    pub(super) fn covers(&self, other: &Self) -> bool {
        *self == Self::Everybody || self == other
    }
}

pub(super) fn workload_name(principal: &Principal) -> Option<&String> {
    (principal.kind == PrincipalKind::Workload).then_some(&principal.name)
}

/// Whoever is no person has its name from the operator: from the configuration, or with its credential.
pub(super) fn machine_name(principal: &Principal) -> Option<&String> {
    let machine = matches!(
        principal.kind,
        PrincipalKind::Workload | PrincipalKind::Agent
    );
    machine.then_some(&principal.name)
}

impl fmt::Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => out.write_str("everybody"),
            Self::Group(name) => write!(out, "group:{name}"),
            Self::Workload(name) => write!(out, "workload:{name}"),
            Self::Machine(name) => write!(out, "machine:{name}"),
            Self::Principal { issuer, subject } => write!(out, "{subject} of {issuer}"),
        }
    }
}

/// The field `who`, sorted.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Who> {
    let mut all = Vec::new();
    for item in reader.list(node, "`who`") {
        let Some(who) = read_one(reader, item) else {
            continue;
        };
        if all.contains(&who) {
            reader.say(item.at, format!("{who} stands in `who` twice"));
        } else {
            all.push(who);
        }
    }
    if all.len() > 1 && all.contains(&Who::Everybody) {
        reader.say(node.at, "`*` is everybody, so that the others say nothing");
    }
    all.sort();
    all
}

fn read_one(reader: &mut Reader<'_>, node: &Node) -> Option<Who> {
    if matches!(node.value, Value::Map(_)) {
        let fields = reader.fields(node, "a principal", &["issuer", "subject"])?;
        let issuer = reader.needed(&fields, "issuer", "a principal");
        let subject = reader.needed(&fields, "subject", "a principal");
        return Some(Who::Principal {
            issuer: reader.text(issuer?, "`issuer`")?.to_owned(),
            subject: reader.text(subject?, "`subject`")?.to_owned(),
        });
    }
    let text = reader.text(node, "an entry of `who`")?;
    if text == "*" {
        return Some(Who::Everybody);
    }
    let named = text.split_once(':').and_then(|(kind, name)| {
        // A `*` within a name would look like a pattern and be none.
        let name = (!name.is_empty() && name.trim() == name && !name.contains('*'))
            .then(|| name.to_owned())?;
        match kind {
            "group" => Some(Who::Group(name)),
            "workload" => Some(Who::Workload(name)),
            "machine" => Some(Who::Machine(name)),
            _ => None,
        }
    });
    if named.is_none() {
        reader.say(
            node.at,
            format!(
                "`{text}` names nobody: write `group:NAME`, `workload:NAME`, `machine:NAME`, \
                 `{{issuer: URL, subject: ID}}`, or `'*'` for everybody"
            ),
        );
    }
    named
}
