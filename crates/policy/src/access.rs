//! Access rules: who may open what. Whoever may open a resource may do there whatever its account may.
//!
//! Rules only ever allow, so that their order does not matter and one rule can be read without the others.

use custos_model::{Decision, Principal, PrincipalKind, Verdict};

use crate::DEFAULT_DENY;
use crate::digest;
use crate::problem::{self, PolicyProblem};
use crate::rule::{AccessRule, CompiledRule};

/// Checked access rules.
#[derive(Clone, Debug)]
pub struct AccessRules {
    /// By name.
    rules: Vec<CompiledRule>,
    digest: String,
}

impl AccessRules {
    /// Checks the rules; all problems are told at once.
    pub fn new(rules: Vec<AccessRule>) -> Result<Self, Vec<PolicyProblem>> {
        let problems = problem::find(&rules);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut rules: Vec<_> = rules.into_iter().map(CompiledRule::new).collect();
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        let digest = digest::of(&rules);
        Ok(Self { rules, digest })
    }

    /// Lower-case hexadecimal SHA-256 of the rules. The order of rules, and of the texts in them, does not change it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the principal may open the resource, and by which rules. Whoever acts for others may open what all of
    /// them may, and no more.
    pub fn open(&self, principal: &Principal, resource: &str) -> Verdict {
        let mut verdict = self.open_alone(principal, resource);
        for other in &principal.on_behalf_of {
            let theirs = self.open_alone(other, resource);
            if verdict.decision == Decision::Allow && theirs.decision == Decision::Allow {
                verdict.rules.extend(theirs.rules);
            } else {
                verdict = denied();
            }
        }
        verdict.rules.sort_unstable();
        verdict.rules.dedup();
        verdict
    }

    fn open_alone(&self, principal: &Principal, resource: &str) -> Verdict {
        let allowing = self
            .rules
            .iter()
            .filter(|rule| rule.allows(principal, resource));
        let rules: Vec<String> = match principal.kind {
            PrincipalKind::Unknown => Vec::new(),
            _ => allowing.map(|rule| rule.name.clone()).collect(),
        };
        if rules.is_empty() {
            denied()
        } else {
            Verdict {
                decision: Decision::Allow,
                rules,
                masks: Vec::new(),
            }
        }
    }

    /// The verdict in words, with a line for each rule that says why it did or did not allow. For operators: it names
    /// rules, which a refused client must not learn.
    pub fn explain(&self, principal: &Principal, resource: &str) -> String {
        let verdict = self.open(principal, resource);
        let word = match verdict.decision {
            Decision::Allow => "may",
            Decision::Hold | Decision::Deny => "may not",
        };
        let mut text = format!("{} {word} open {resource}\n", principal.name);
        if principal.kind == PrincipalKind::Unknown {
            text.push_str("  nobody who has not signed in may open anything\n");
            return text;
        }
        for rule in &self.rules {
            text.push_str(&rule.explain(principal, resource));
        }
        if verdict.decision == Decision::Deny {
            text.push_str("  default-deny: no rule allows it\n");
        }
        text
    }
}

fn denied() -> Verdict {
    Verdict::denied(DEFAULT_DENY)
}

#[cfg(test)]
mod tests {
    use custos_model::{Decision, Principal, PrincipalKind};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::AccessRules;
    use crate::AccessRule;

    fn rule(name: &str, principals: &[&str], resources: &[&str]) -> AccessRule {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        AccessRule {
            name: name.to_owned(),
            principals: owned(principals),
            resources: owned(resources),
        }
    }

    fn principal(name: &str, groups: &[&str]) -> Principal {
        Principal {
            issuer: "local".to_owned(),
            subject: name.to_owned(),
            kind: PrincipalKind::Human,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Principal::unknown(name)
        }
    }

    fn resource(name: &str) -> String {
        name.to_owned()
    }

    fn policy() -> AccessRules {
        AccessRules::new(vec![
            rule("staff-staging", &["group:staff"], &["postgres/staging-*"]),
            rule("alice-shop", &["alice", "bob"], &["postgres/shop"]),
            rule("all-sandbox", &["*"], &["postgres/sandbox*"]),
        ])
        .unwrap()
    }

    fn rules_for(name: &str, groups: &[&str], target: &str) -> Vec<String> {
        let verdict = policy().open(&principal(name, groups), &resource(target));
        assert_eq!(
            verdict.decision == Decision::Deny,
            verdict.rules == ["default-deny"]
        );
        verdict.rules
    }

    #[test]
    fn nothing_is_allowed_without_a_rule() {
        let empty = AccessRules::new(Vec::new()).unwrap();
        let verdict = empty.open(&principal("alice", &["staff"]), &resource("postgres/shop"));
        assert_eq!(verdict.decision, Decision::Deny);
        assert_eq!(verdict.rules, ["default-deny"]);
    }

    #[test]
    fn names_are_exact() {
        assert_eq!(rules_for("alice", &[], "postgres/shop"), ["alice-shop"]);
        for name in ["Alice", "alice ", "alic", "alicea", "", "group:staff", "*"] {
            assert_eq!(
                rules_for(name, &[], "postgres/shop"),
                ["default-deny"],
                "{name}"
            );
        }
    }

    #[test]
    fn names_of_providers_decide_nothing() {
        let of_provider = Principal {
            issuer: "https://okta.example".to_owned(),
            ..principal("alice", &[])
        };
        let open =
            |principal: &Principal| policy().open(principal, &resource("postgres/shop")).rules;
        assert_eq!(open(&of_provider), ["default-deny"]);
        for kind in [PrincipalKind::Workload, PrincipalKind::Agent] {
            let machine = Principal {
                kind,
                ..of_provider.clone()
            };
            assert_eq!(open(&machine), ["alice-shop"], "the configuration names it");
        }
        let staff = Principal {
            groups: vec!["staff".to_owned()],
            ..of_provider
        };
        let verdict = policy().open(&staff, &resource("postgres/staging-1"));
        assert_eq!(verdict.rules, ["staff-staging"]);
    }

    #[test]
    fn whoever_acts_for_others_may_what_all_of_them_may() {
        let acting = |chain: &[Principal]| Principal {
            kind: PrincipalKind::Agent,
            on_behalf_of: chain.to_vec(),
            ..principal("bob", &[])
        };
        let open =
            |principal: &Principal| policy().open(principal, &resource("postgres/shop")).rules;
        let (alice, carol) = (principal("alice", &[]), principal("carol", &[]));
        assert_eq!(open(&acting(&[])), ["alice-shop"]);
        assert_eq!(open(&acting(std::slice::from_ref(&alice))), ["alice-shop"]);
        assert_eq!(open(&acting(&[alice, carol])), ["default-deny"]);
    }

    #[test]
    fn groups_are_not_names_and_names_are_not_groups() {
        assert_eq!(
            rules_for("carol", &["staff"], "postgres/staging-1"),
            ["staff-staging"]
        );
        for (name, group) in [
            ("staff", "other"),
            ("group:staff", "other"),
            ("carol", "group:staff"),
            ("carol", "Staff"),
        ] {
            assert_eq!(
                rules_for(name, &[group], "postgres/staging-1"),
                ["default-deny"],
                "{name} {group}"
            );
        }
        assert_eq!(
            rules_for("carol", &["alice"], "postgres/shop"),
            ["default-deny"]
        );
    }

    #[test]
    fn resources_are_exact_or_by_prefix() {
        assert_eq!(rules_for("alice", &[], "postgres/shop2"), ["default-deny"]);
        assert_eq!(
            rules_for("carol", &["staff"], "postgres/staging"),
            ["default-deny"]
        );
        assert_eq!(
            rules_for("carol", &["staff"], "postgres/staging-"),
            ["staff-staging"]
        );
        assert_eq!(
            rules_for("anyone", &[], "postgres/sandbox"),
            ["all-sandbox"]
        );
    }

    #[test]
    fn all_allowing_rules_are_named_in_order() {
        let policy = AccessRules::new(vec![
            rule("z", &["*"], &["*"]),
            rule("a", &["alice"], &["postgres/*"]),
            rule("m", &["bob"], &["*"]),
        ])
        .unwrap();
        let verdict = policy.open(&principal("alice", &[]), &resource("postgres/shop"));
        assert_eq!(verdict.rules, ["a", "z"]);
    }

    #[test]
    fn who_proved_nothing_gets_nothing() {
        let all = AccessRules::new(vec![rule("all", &["*", "alice"], &["*"])]).unwrap();
        let verdict = all.open(&Principal::unknown("alice"), &resource("postgres/shop"));
        assert_eq!(verdict.decision, Decision::Deny);
        assert!(
            all.explain(&Principal::unknown("alice"), &resource("postgres/shop"))
                .contains("may not")
        );
    }

    #[test]
    fn explanation_agrees_with_the_verdict() {
        let text = policy().explain(
            &principal("carol", &["staff"]),
            &resource("postgres/staging-1"),
        );
        assert_eq!(
            text,
            "carol may open postgres/staging-1\n  \
             alice-shop: names neither carol nor one of its groups, and not postgres/staging-1\n  \
             all-sandbox: does not name postgres/staging-1\n  \
             staff-staging: allows, by `group:staff` and `postgres/staging-*`\n"
        );
        let denied = policy().explain(&principal("mallory", &[]), &resource("postgres/shop"));
        assert!(
            denied.starts_with("mallory may not open postgres/shop\n"),
            "{denied}"
        );
        assert!(
            denied.ends_with("  default-deny: no rule allows it\n"),
            "{denied}"
        );
    }

    fn any_rules() -> impl Strategy<Value = Vec<AccessRule>> {
        let principal = select(vec!["*", "alice", "bob", "group:staff", "group:ops"]);
        let resource = select(vec![
            "*",
            "postgres/*",
            "postgres/a",
            "postgres/ab",
            "postgres/a*",
        ]);
        let lists = (vec(principal, 1..3), vec(resource, 1..3));
        vec(lists, 0..5).prop_map(|rules| {
            let numbered = rules.iter().enumerate();
            numbered
                .map(|(n, (who, what))| rule(&format!("rule-{n}"), who, what))
                .collect()
        })
    }

    proptest! {
        /// Rules only allow: the verdict on all of them is the union of the verdicts on each, in any order.
        #[test]
        fn rules_are_independent_of_each_other(
            rules in any_rules(),
            who in select(vec!["alice", "bob", "carol"]),
            group in select(vec!["staff", "ops", "none"]),
            what in select(vec!["postgres/a", "postgres/ab", "postgres/b"]),
        ) {
            let (who, what) = (principal(who, &[group]), resource(what));
            let mut allowing = Vec::new();
            for rule in &rules {
                let alone = AccessRules::new(vec![rule.clone()]).unwrap().open(&who, &what);
                if alone.decision == Decision::Allow {
                    allowing.push(rule.name.clone());
                }
            }
            let forwards = AccessRules::new(rules.clone()).unwrap();
            let backwards = AccessRules::new(rules.into_iter().rev().collect()).unwrap();
            let verdict = forwards.open(&who, &what);
            prop_assert_eq!(&verdict, &backwards.open(&who, &what));
            prop_assert_eq!(forwards.digest(), backwards.digest());
            prop_assert_eq!(verdict.decision == Decision::Allow, !allowing.is_empty());
            if verdict.decision == Decision::Allow {
                prop_assert_eq!(verdict.rules, allowing);
            }
        }
    }
}
