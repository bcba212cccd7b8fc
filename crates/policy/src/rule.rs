//! One rule, and whether it allows.

use custos_model::{Principal, PrincipalKind};
use serde::{Deserialize, Serialize};

/// Allows the principals to open the resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRule {
    /// Stands in records as the reason. `[a-z0-9][a-z0-9._-]{0,62}`, unique in a policy.
    pub name: String,
    /// Exact login names that the operator gave, `group:NAME`, or `*` for everybody who has signed in.
    pub principals: Vec<String>,
    /// Exact resource names, or the beginning of names followed by `*`.
    pub resources: Vec<String>,
}

/// A rule that was checked, with its lists sorted and without repetition.
#[derive(Clone, Debug)]
pub(crate) struct CompiledRule {
    pub(crate) name: String,
    pub(crate) principals: Vec<String>,
    pub(crate) resources: Vec<String>,
}

/// What stands before a group's name.
pub(crate) const GROUP_PREFIX: &str = "group:";
pub(crate) const EVERYTHING: &str = "*";
/// Issuer of principals that the operator names.
const OPERATOR: &str = "local";

impl CompiledRule {
    pub(crate) fn new(rule: AccessRule) -> Self {
        Self {
            name: rule.name,
            principals: sorted(rule.principals),
            resources: sorted(rule.resources),
        }
    }

    pub(crate) fn allows(&self, principal: &Principal, resource: &str) -> bool {
        self.principal_text(principal).is_some() && self.resource_text(resource).is_some()
    }

    /// A line that says why the rule allows or does not.
    pub(crate) fn explain(&self, principal: &Principal, resource: &str) -> String {
        let name = &self.name;
        match (self.principal_text(principal), self.resource_text(resource)) {
            (Some(who), Some(what)) => format!("  {name}: allows, by `{who}` and `{what}`\n"),
            (Some(_), None) => format!("  {name}: does not name {resource}\n"),
            (None, Some(_)) => {
                format!(
                    "  {name}: names neither {} nor one of its groups\n",
                    principal.name
                )
            }
            (None, None) => format!(
                "  {name}: names neither {} nor one of its groups, and not {resource}\n",
                principal.name
            ),
        }
    }

    fn principal_text(&self, principal: &Principal) -> Option<&str> {
        self.principals
            .iter()
            .map(String::as_str)
            .find(|text| names_principal(text, principal))
    }

    fn resource_text(&self, resource: &str) -> Option<&str> {
        self.resources
            .iter()
            .map(String::as_str)
            .find(|text| names_resource(text, resource))
    }
}

fn names_principal(text: &str, principal: &Principal) -> bool {
    match text.strip_prefix(GROUP_PREFIX) {
        Some(group) => principal.groups.iter().any(|has| has == group),
        None => text == EVERYTHING || (text == principal.name && is_named_here(principal)),
    }
}

/// Whether the principal's name was given by this gateway's operator: one issued a credential for it, or wrote its
/// workload or machine into the configuration. What a provider calls somebody is no name to decide by: people choose it
/// themselves in places, and two providers have an alice each.
fn is_named_here(principal: &Principal) -> bool {
    principal.issuer == OPERATOR
        || matches!(
            principal.kind,
            PrincipalKind::Workload | PrincipalKind::Agent
        )
}

fn names_resource(text: &str, resource: &str) -> bool {
    match text.strip_suffix('*') {
        Some(beginning) => resource.starts_with(beginning),
        None => text == resource,
    }
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts.dedup();
    texts
}
