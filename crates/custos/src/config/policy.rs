//! Who may do what: access rules in the file itself, or policy documents beside it.

use std::path::{Path, PathBuf};

use custos_policy::documents::Rule;
use custos_policy::{AccessRule, AccessRules, Policy};

use super::problem::Problems;
use super::walk::Section;
use crate::policy_files::{self, LoadError};

/// What is in force, and how it was written.
pub(super) struct Read {
    /// The policy.
    pub(super) policy: Policy,
    /// Access rules as written.
    pub(super) rules: Vec<AccessRule>,
    /// Where the documents are; `None`: there are access rules instead.
    pub(super) files: Option<PathBuf>,
}

/// Documents or access rules: what both said together nobody could read off one of them.
pub(super) fn read(top: &Section<'_>, base: &Path, problems: &mut Problems) -> Option<Read> {
    let (policy, rules) = access(top, problems)?;
    if !top.has("policy") {
        return Some(Read {
            policy: Policy::Access(policy),
            rules,
            files: None,
        });
    }
    if !rules.is_empty() {
        problems.push(
            top.span_of("policy"),
            "`policy` and `[[access]]` are both there",
            "write the access rules as rules of the documents, with `may: [session.open, …]`",
        );
        return None;
    }
    let files = top.path("policy", base, problems)?;
    match policy_files::load(std::slice::from_ref(&files)) {
        Ok(set) => {
            let unenforced: Vec<String> = set.rules().filter_map(unenforced).collect();
            if !unenforced.is_empty() {
                for problem in unenforced {
                    problems.push(top.span_of("policy"), problem, "");
                }
                return None;
            }
            Some(Read {
                policy: Policy::Documents(set),
                rules,
                files: Some(files),
            })
        }
        Err(LoadError::Unreadable { path, source }) => {
            let text = format!("cannot read {}: {source}", path.display());
            problems.push(top.span_of("policy"), text, "");
            None
        }
        Err(LoadError::Problems(found)) => {
            for problem in found {
                problems.push(top.span_of("policy"), problem.to_string(), "");
            }
            None
        }
    }
}

/// What documents can say, and this gateway does not do: better no policy than one that holds only on paper.
fn unenforced(rule: &Rule) -> Option<String> {
    let record = rule.obligations.record;
    let limit = rule.obligations.limit;
    let what = if limit.is_some_and(|limit| limit.rows_changed.is_some()) {
        "`limit: {rows_changed: …}`"
    } else if record.is_some_and(|record| record.sealed) {
        "`record: {sealed: true}`"
    } else {
        return None;
    };
    Some(format!(
        "rule `{}`: {what} is not enforced by this version",
        rule.id
    ))
}

fn access(top: &Section<'_>, problems: &mut Problems) -> Option<(AccessRules, Vec<AccessRule>)> {
    let sections = top.tables("access", "access[]", problems);
    let mut rules = Vec::new();
    let mut places = Vec::new();
    for section in &sections {
        section.refuse_unknown(&[], problems);
        let name = section.text("name", problems);
        let principals = section.texts("principals", problems);
        let resources = section.texts("resources", problems);
        if let (Some(name), Some(principals), Some(resources)) = (name, principals, resources) {
            rules.push(AccessRule {
                name,
                principals,
                resources,
            });
            places.push(section);
        }
    }
    match AccessRules::new(rules.clone()) {
        Ok(policy) => Some((policy, rules)),
        Err(found) => {
            for problem in found {
                let Some(section) = places.get(problem.rule_index) else {
                    continue;
                };
                let key = key_of(&problem.kind);
                problems.push(
                    section.span_of(key),
                    format!("`{}`: {}", section.shown(key), problem.kind),
                    "",
                );
            }
            None
        }
    }
}

fn key_of(kind: &custos_policy::ProblemKind) -> &'static str {
    use custos_policy::ProblemKind::{
        Name, NoPrincipals, NoResources, Principal, RepeatedName, ReservedName, Resource,
    };
    match kind {
        Name | ReservedName | RepeatedName => "name",
        NoPrincipals | Principal { .. } => "principals",
        NoResources | Resource { .. } => "resources",
    }
}
