//! What is wrong with a set of rules.

use std::collections::HashSet;

use custos_model::{Protocol, ResourceName};

use crate::rule::{AccessRule, EVERYTHING, GROUP_PREFIX};

/// One thing that is wrong with one rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access rule {} (`{rule}`): {kind}", rule_index + 1)]
pub struct PolicyProblem {
    /// Which rule, counted from 0 as given.
    pub rule_index: usize,
    /// Its name as given.
    pub rule: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What can be wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The name does not fit.
    #[error(
        "a name has 1 to 63 lower-case letters, digits, `.`, `_` and `-`, and begins with a letter or digit"
    )]
    Name,
    /// The name is `default-deny`, which stands for the absence of a rule.
    #[error("the name `default-deny` is taken by what happens when no rule allows")]
    ReservedName,
    /// Another rule has the name.
    #[error("an earlier rule has the same name")]
    RepeatedName,
    /// Nobody is named.
    #[error("`principals` is empty, so that the rule allows nobody")]
    NoPrincipals,
    /// Nothing is named.
    #[error("`resources` is empty, so that the rule allows nothing")]
    NoResources,
    /// Not a principal.
    #[error(
        "`{text}` in `principals` is none: write a login name, `group:NAME`, or `*` for everybody"
    )]
    Principal {
        /// The text as given.
        text: String,
    },
    /// Not a resource.
    #[error(
        "`{text}` in `resources` is none: write `postgres/NAME` or `ssh/NAME`, or the beginning of names and `*`"
    )]
    Resource {
        /// The text as given.
        text: String,
    },
}

/// All problems, in the order of the rules.
pub(crate) fn find(rules: &[AccessRule]) -> Vec<PolicyProblem> {
    let mut seen = HashSet::new();
    let mut problems = Vec::new();
    for (rule_index, rule) in rules.iter().enumerate() {
        let mut kinds = kinds_in(rule);
        if !seen.insert(rule.name.as_str()) {
            kinds.push(ProblemKind::RepeatedName);
        }
        let named = |kind| PolicyProblem {
            rule_index,
            rule: rule.name.clone(),
            kind,
        };
        problems.extend(kinds.into_iter().map(named));
    }
    problems
}

fn kinds_in(rule: &AccessRule) -> Vec<ProblemKind> {
    let mut kinds = Vec::new();
    if !is_rule_name(&rule.name) {
        kinds.push(ProblemKind::Name);
    }
    if rule.name == crate::DEFAULT_DENY {
        kinds.push(ProblemKind::ReservedName);
    }
    if rule.principals.is_empty() {
        kinds.push(ProblemKind::NoPrincipals);
    }
    if rule.resources.is_empty() {
        kinds.push(ProblemKind::NoResources);
    }
    let principals = rule.principals.iter().filter(|text| !is_principal(text));
    kinds.extend(principals.map(|text| ProblemKind::Principal { text: text.clone() }));
    let resources = rule.resources.iter().filter(|text| !is_resource(text));
    kinds.extend(resources.map(|text| ProblemKind::Resource { text: text.clone() }));
    kinds
}

fn is_rule_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
        })
}

/// A `*` within a name would look like a pattern and be none, so it is refused.
fn is_principal(text: &str) -> bool {
    let name = text.strip_prefix(GROUP_PREFIX).unwrap_or(text);
    let (bytes_max, may_be_everything) = if name.len() < text.len() {
        (255, false)
    } else {
        (63, true)
    };
    if text == EVERYTHING {
        return may_be_everything;
    }
    (1..=bytes_max).contains(&name.len())
        && name.trim() == name
        && !name.contains(|c: char| c == '*' || c.is_control())
}

/// A beginning that no resource name can have is a slip of the pen, and would silently allow nothing.
fn is_resource(text: &str) -> bool {
    match text.strip_suffix('*') {
        None => text.parse::<ResourceName>().is_ok(),
        Some(beginning) => {
            let is_of_a_protocol =
                |protocol: Protocol| format!("{}/", protocol.as_str()).starts_with(beginning);
            Protocol::ALL.into_iter().any(is_of_a_protocol)
                || beginning.parse::<ResourceName>().is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ProblemKind, is_principal, is_resource};
    use crate::{AccessRule, AccessRules};

    fn rule(name: &str, principals: &[&str], resources: &[&str]) -> AccessRule {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        AccessRule {
            name: name.to_owned(),
            principals: owned(principals),
            resources: owned(resources),
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = AccessRules::new(vec![
            rule("good", &["*"], &["*"]),
            rule("Bad Name", &[], &[]),
            rule("good", &["a*"], &["mysql/shop", "postgres/ok"]),
            rule("default-deny", &["*"], &["*"]),
        ])
        .unwrap_err();
        let found: Vec<_> = problems
            .iter()
            .map(|it| (it.rule_index, it.kind.clone()))
            .collect();
        assert_eq!(
            found,
            [
                (1, ProblemKind::Name),
                (1, ProblemKind::NoPrincipals),
                (1, ProblemKind::NoResources),
                (2, ProblemKind::Principal { text: "a*".into() }),
                (
                    2,
                    ProblemKind::Resource {
                        text: "mysql/shop".into()
                    }
                ),
                (2, ProblemKind::RepeatedName),
                (3, ProblemKind::ReservedName),
            ]
        );
        assert_eq!(
            problems[3].to_string(),
            "access rule 3 (`good`): `a*` in `principals` is none: write a login name, `group:NAME`, or `*` for everybody"
        );
    }

    #[test]
    fn principals() {
        for good in [
            "*",
            "alice",
            "alice@example.org",
            "group:staff",
            "group:a b",
            "Ünal",
        ] {
            assert!(is_principal(good), "{good}");
        }
        for bad in [
            "",
            "group:",
            "group:*",
            "group: staff",
            "a*",
            "**",
            " alice",
            "a\nb",
            &"a".repeat(64),
        ] {
            assert!(!is_principal(bad), "{bad}");
        }
    }

    #[test]
    fn resources() {
        for good in ["*", "p*", "postgres/*", "postgres/shop", "postgres/shop-*"] {
            assert!(is_resource(good), "{good}");
        }
        for bad in [
            "",
            "postgres/",
            "shop",
            "shop*",
            "postgre/*",
            "postgres/Shop*",
            "*shop",
            "postgres/*/x",
            "**",
        ] {
            assert!(!is_resource(bad), "{bad}");
        }
    }
}
