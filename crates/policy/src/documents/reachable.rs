//! Rules that can never apply: each is a mistake, since whoever wrote it meant something by it.

use super::commands::{ARE_COMMANDS, Commands};
use super::condition::{BULK_INSERT, WITHOUT_WHERE};
use super::pause::TAKE_LINES;
use super::problem::Problem;
use super::rule::{Placed, Rule, RuleEffect};
use super::target::Target;
use super::verb::{Kind, Verb};

pub(super) fn check(rules: &[Placed]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for placed in rules {
        let mut say = |message: String| {
            problems.push(Problem::new(&placed.file, placed.at, message));
        };
        for verb in &placed.rule.verbs {
            if !placed
                .rule
                .on
                .iter()
                .any(|target| can_be_done(*verb, target))
            {
                say(format!(
                    "`{}` can never apply to {verb}: nothing in `on` is of kind {}",
                    placed.rule.id,
                    names(verb.kinds())
                ));
            }
        }
        for target in &placed.rule.on {
            if !placed.rule.verbs.is_empty()
                && !placed
                    .rule
                    .verbs
                    .iter()
                    .any(|verb| can_be_done(*verb, target))
            {
                say(format!(
                    "`{}` can never apply to {target}: none of its verbs is for that kind",
                    placed.rule.id
                ));
            }
        }
        for message in idle_conditions(&placed.rule) {
            say(message);
        }
        if let Some(by) = rules
            .iter()
            .find(|other| forbids_all_of(&other.rule, &placed.rule))
        {
            say(format!(
                "`{}` can never apply: `{}` denies all of it to everybody whom it is for",
                placed.rule.id, by.rule.id
            ));
        }
    }
    problems
}

fn can_be_done(verb: Verb, target: &Target) -> bool {
    target
        .only_kind()
        .is_none_or(|kind| verb.kinds().contains(&kind))
}

fn names(kinds: &[Kind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    names.join(" or ")
}

fn idle_conditions(rule: &Rule) -> Vec<String> {
    let says = |words: &[&str]| {
        words
            .iter()
            .any(|word| rule.verbs.iter().any(|verb| verb.as_str() == *word))
    };
    let mut messages = Vec::new();
    let mut idle = |condition: &str, verbs: &[&str]| {
        if !says(verbs) {
            messages.push(format!(
                "`{condition}` in `{}` can never apply: it is about {}",
                rule.id,
                verbs.join(" and ")
            ));
        }
    };
    if rule.conditions.without_where.is_some() {
        idle("without_where", WITHOUT_WHERE);
    }
    if rule.conditions.bulk_insert_over.is_some() {
        idle("bulk_insert_over", BULK_INSERT);
    }
    if rule.obligations.pause.is_some() {
        idle("pause", TAKE_LINES);
    }
    if !rule.commands.is_empty() {
        idle("commands", ARE_COMMANDS);
        let mut others = rule
            .verbs
            .iter()
            .filter(|verb| !Commands::are_about(**verb));
        if rule.effect == RuleEffect::Forbid
            && let Some(other) = others.next()
        {
            messages.push(format!(
                "`{}` denies commands, and {other} is none: write a rule of its own for it",
                rule.id
            ));
        }
    }
    let unknown = rule
        .verbs
        .iter()
        .find(|verb| verb.unknown_of_its_protocol() == Some(**verb));
    if let Some(unknown) =
        unknown.filter(|_| !rule.conditions.is_empty() || !rule.commands.is_empty())
    {
        let what = if rule.commands.is_empty() {
            "has conditions, and the shape"
        } else {
            "is about commands, and that"
        };
        messages.push(format!(
            "`{}` {what} of {unknown} is not known: write a rule of its own for it",
            rule.id
        ));
    }
    messages
}

fn forbids_all_of(by: &Rule, rule: &Rule) -> bool {
    by.effect == RuleEffect::Forbid
        && rule.effect == RuleEffect::Permit
        && by.conditions.is_empty()
        && by.commands.is_empty()
        && rule.unmask.is_empty()
        && rule.verbs.is_subset(&by.verbs)
        && rule
            .who
            .iter()
            .all(|who| by.who.iter().any(|other| other.covers(who)))
        && rule
            .on
            .iter()
            .all(|on| by.on.iter().any(|other| other.covers(on)))
}
