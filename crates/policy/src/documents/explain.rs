//! Why, and what else would have been needed, as a person would ask.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use custos_model::Principal;

use super::condition::Then;
use super::question::{Environment, Question};
use super::rule::{Rule, RuleEffect};
use super::set::PolicySet;
use super::slice::{actors, unmet, wanted};
use super::target::Resource;
use super::verb::Verb;
use super::verdict::{Ruling, Verdict, limited, recorded};

/// Lines about rules that would have allowed.
const NEAR_MISSES_MAX: usize = 12;

impl PolicySet {
    /// The verdict in words, with the rules behind it; of a denial, with what would have allowed it. For operators: it
    /// names rules and groups, which a refused client must not learn.
    pub fn explain(
        &self,
        principal: &Principal,
        resource: &Resource,
        environment: &Environment,
        question: &Question,
    ) -> String {
        let verdict = self
            .slice(principal, resource, environment)
            .decide(question);
        let mut text = headline(&verdict, principal, resource, question);
        match verdict.ruling {
            Ruling::Allow => obligations(&mut text, &verdict),
            Ruling::Hold => {
                approvals(&mut text, &verdict);
                obligations(&mut text, &verdict);
            }
            Ruling::Deny => {
                for reason in &verdict.reasons {
                    line(&mut text, 1, &format!("{reason}."));
                }
                self.remedies(&mut text, principal, resource, environment, question);
            }
        }
        text
    }

    fn remedies(
        &self,
        text: &mut String,
        principal: &Principal,
        resource: &Resource,
        environment: &Environment,
        question: &Question,
    ) {
        let Ok(everybody) = actors(principal) else {
            return;
        };
        for actor in everybody {
            let alone = Principal {
                on_behalf_of: Vec::new(),
                ..actor.clone()
            };
            let slice = self.slice(&alone, resource, environment);
            for verb in &question.verbs {
                let question = Question {
                    verbs: BTreeSet::from([*verb]),
                    ..question.clone()
                };
                let verdict = slice.decide(&question);
                if verdict.ruling == Ruling::Deny {
                    self.remedies_of_one(
                        text,
                        &verdict,
                        (&alone, resource, environment),
                        &question,
                        *verb,
                    );
                }
            }
        }
    }

    fn remedies_of_one(
        &self,
        text: &mut String,
        verdict: &Verdict,
        (principal, resource, environment): (&Principal, &Resource, &Environment),
        question: &Question,
        verb: Verb,
    ) {
        for rule in self.rules().filter(|rule| verdict.rules.contains(&rule.id)) {
            let shapes = rule.conditions.shapes(Then::Deny);
            let when = if !rule.commands.is_empty() {
                format!(", what may run {}", rule.commands)
            } else if shapes.is_empty() {
                String::new()
            } else {
                format!(", {}", shapes.join(" or "))
            };
            line(
                text,
                1,
                &format!(
                    "`{}` is for {} on {}{when}; no other rule can overrule it.",
                    rule.id,
                    who(rule),
                    on(rule)
                ),
            );
        }
        for guarded in &verdict.rules {
            if let Some((_, label)) = guarded.split_once(':') {
                self.sights(text, label, guarded.starts_with("guard:"));
            }
        }
        if verdict.rules != [crate::DEFAULT_DENY] {
            return;
        }
        let allowing = self
            .rules()
            .filter(|rule| rule.effect == RuleEffect::Permit && rule.verbs.contains(&verb));
        let mut misses: Vec<(usize, &str, Vec<String>)> = allowing
            .map(|rule| {
                let missing = missing(rule, principal, resource, environment, question);
                (missing.len(), rule.id.as_str(), missing)
            })
            .filter(|(count, _, _)| *count > 0)
            .collect();
        misses.sort();
        if misses.is_empty() {
            line(text, 1, &format!("No rule allows {verb} to anybody."));
            return;
        }
        line(
            text,
            1,
            &format!("What would allow {} {verb}:", principal.name),
        );
        for (_, id, missing) in misses.iter().take(NEAR_MISSES_MAX) {
            line(text, 2, &format!("`{id}`, if {}", missing.join(", and ")));
        }
        if misses.len() > NEAR_MISSES_MAX {
            line(
                text,
                2,
                &format!("and {} more rules", misses.len() - NEAR_MISSES_MAX),
            );
        }
    }

    fn sights(&self, text: &mut String, label: &str, by_mask: bool) {
        let with = |has: &dyn Fn(&Rule) -> bool| {
            let rules = self.rules().filter(|rule| has(rule));
            let ids: Vec<String> = rules
                .map(|rule| format!("`{}` (for {} on {})", rule.id, who(rule), on(rule)))
                .collect();
            if ids.is_empty() {
                "no rule does".to_owned()
            } else {
                ids.join(", ")
            }
        };
        if by_mask {
            line(
                text,
                1,
                &format!(
                    "Rules that mask {label}: {}.",
                    with(&|rule| rule.obligations.mask.contains(label))
                ),
            );
        }
        line(
            text,
            1,
            &format!(
                "Rules that show {label} clear: {}.",
                with(&|rule| rule.unmask.contains(label))
            ),
        );
    }
}

/// What would have to be different for the rule to allow.
fn missing(
    rule: &Rule,
    principal: &Principal,
    resource: &Resource,
    environment: &Environment,
    question: &Question,
) -> Vec<String> {
    let mut words = Vec::new();
    if !rule.is_for(principal) {
        words.push(format!("{} were {}", principal.name, who(rule)));
    }
    if !rule.is_on(resource) {
        words.push(format!("{} were {}", resource.name, on(rule)));
    }
    if let Some(require) = &rule.require {
        let needs = unmet(require, environment);
        if !needs.is_empty() {
            words.push(format!("there were {}", needs.join(" and ")));
        }
        if let Some(hours) = require
            .hours
            .as_ref()
            .filter(|hours| !hours.contain(question.utc_ns))
        {
            words.push(format!("it were {hours}"));
        }
    }
    let of_command = |verb: &Verb| rule.is_of(*verb, question.command.as_ref(), true);
    if !question.verbs.iter().all(of_command) {
        words.push(format!("the command were {}", rule.commands));
    }
    if rule.conditions.say(Then::Deny, &question.shape) {
        words.push(format!(
            "the statement were not one {}",
            rule.conditions.shapes(Then::Deny).join(" or ")
        ));
    }
    if let Some(approve) = wanted(rule, question)
        && !words.is_empty()
    {
        words.push(format!("there were {approve}"));
    }
    words
}

fn headline(
    verdict: &Verdict,
    principal: &Principal,
    resource: &Resource,
    question: &Question,
) -> String {
    let verbs: Vec<&str> = question.verbs.iter().map(|verb| verb.as_str()).collect();
    let word = match verdict.ruling {
        Ruling::Allow => "may",
        Ruling::Hold => "may, once approved,",
        Ruling::Deny => "may not",
    };
    let objects = if question.objects.is_empty() {
        String::new()
    } else {
        format!(" ({})", question.objects.join(", "))
    };
    let mut text = format!(
        "{} {word} {} on {}{objects}\n",
        principal.name,
        verbs.join(", "),
        resource.name
    );
    for other in &principal.on_behalf_of {
        line(
            &mut text,
            1,
            &format!("acts for {}: both must be allowed", other.name),
        );
    }
    if verdict.ruling != Ruling::Deny {
        line(&mut text, 1, &format!("by {}", verdict.rules.join(", ")));
    }
    text
}

fn approvals(text: &mut String, verdict: &Verdict) {
    for alternatives in &verdict.approvals {
        let any: Vec<String> = alternatives
            .any_of
            .iter()
            .map(|(rule, approve)| format!("{approve} (`{rule}`)"))
            .collect();
        line(
            text,
            1,
            &format!(
                "{} for {} needs {}",
                alternatives.verb,
                alternatives.actor,
                any.join(", or ")
            ),
        );
    }
}

fn obligations(text: &mut String, verdict: &Verdict) {
    for (label, transform) in &verdict.masks {
        line(
            text,
            1,
            &format!("columns labelled {label} are masked: {transform}"),
        );
    }
    for (rule, obligations) in &verdict.obligations {
        if let Some(pause) = &obligations.pause {
            line(text, 1, &format!("{pause} (`{rule}`)"));
        }
    }
    for words in recorded(verdict.record)
        .into_iter()
        .chain(limited(verdict.limit))
    {
        line(text, 1, &words);
    }
}

fn who(rule: &Rule) -> String {
    let words: Vec<String> = rule.who.iter().map(ToString::to_string).collect();
    words.join(" or ")
}

fn on(rule: &Rule) -> String {
    let words: Vec<String> = rule.on.iter().map(ToString::to_string).collect();
    words.join(" or ")
}

fn line(text: &mut String, depth: usize, words: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}{words}", "  ".repeat(depth));
}
