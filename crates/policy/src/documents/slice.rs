//! Decisions for one session.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use custos_model::{Principal, PrincipalKind};
use custos_shell::Line;

use super::approve::Approve;
use super::cedar::{Court, Facts, UNMASK};
use super::commands::Commands;
use super::condition::Then;
use super::label::Label;
use super::obligation::{Limit, Record, Require};
use super::question::{Environment, Question, Touched};
use super::rule::{Rule, RuleEffect};
use super::set::{Compiled, PolicySet};
use super::target::Resource;
use super::verb::{Kind, Verb};
use super::verdict::{Alternatives, Ruling, Verdict};
use crate::DEFAULT_DENY;

/// Principals that one operation may be for: who asks, and for whom. A longer chain is denied.
pub const ACTORS_MAX: usize = 16;
/// Verdicts kept of one slice.
const CACHE_MAX: usize = 1024;

/// What policy says to one principal on one resource, however often it is asked.
#[derive(Debug)]
pub struct Slice {
    vocabulary: Arc<super::cedar::Vocabulary>,
    labels: Arc<BTreeMap<String, Label>>,
    /// Who asks, and for whom; each must be allowed. Or why nothing is.
    actors: Result<Vec<Actor>, String>,
    /// Numbers of rows that rules name, sorted: between two of them every number means the same.
    thresholds: Vec<u64>,
    may_hold: bool,
    may_pause: bool,
    cache: Mutex<HashMap<Key, Arc<Verdict>>>,
}

/// All that a verdict depends on within a slice.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    verbs: BTreeSet<Verb>,
    touched: Touched,
    without_where: bool,
    /// How many of the thresholds are exceeded.
    exceeded: usize,
    /// For each rule with hours, whether they hold.
    in_hours: Vec<bool>,
    /// For each rule about commands, whether it is one of them.
    of_commands: Vec<bool>,
    /// Whether it is a line, and for each rule that pauses lines, whether it is one of them.
    of_lines: Option<Vec<bool>>,
}

/// One of those who must be allowed.
#[derive(Debug)]
struct Actor {
    name: String,
    court: Court,
    rules: Vec<Arc<Compiled>>,
    /// Indices of `rules` with requirements or commands: whose requirements are met but for their hours.
    met: BTreeSet<usize>,
    assumed: bool,
}

impl Slice {
    /// Without an environment, whatever rules require is taken to be so.
    pub(super) fn new(
        set: &PolicySet,
        principal: &Principal,
        resource: &Resource,
        environment: Option<&Environment>,
    ) -> Self {
        let actors = actors(principal).and_then(|all| {
            let actor = |principal| Actor::new(set, principal, resource, environment);
            all.into_iter().map(actor).collect::<Result<Vec<_>, _>>()
        });
        let rules = actors.iter().flatten().flat_map(|actor| &actor.rules);
        let may_hold = rules
            .clone()
            .any(|compiled| compiled.rule.approvals().next().is_some());
        let may_pause = rules
            .clone()
            .any(|compiled| compiled.rule.obligations.pause.is_some());
        let thresholds = rules.filter_map(|compiled| compiled.rule.conditions.bulk_insert_over);
        let mut thresholds: Vec<u64> = thresholds.map(|(rows, _)| rows).collect();
        thresholds.sort_unstable();
        thresholds.dedup();
        Self {
            vocabulary: Arc::clone(&set.vocabulary),
            labels: Arc::clone(&set.labels),
            actors,
            thresholds,
            may_hold,
            may_pause,
            cache: Mutex::default(),
        }
    }

    /// Whether people are asked about any operation.
    pub fn may_hold(&self) -> bool {
        self.may_hold
    }

    /// Whether people are asked about lines that somebody enters.
    pub fn may_pause(&self) -> bool {
        self.may_pause
    }

    /// Whether a rule names a line, of which each of these may be the text.
    pub fn pauses(&self, lines: &[Line]) -> bool {
        let mut rules = self.actors.iter().flatten().flat_map(|actor| &actor.rules);
        self.may_pause && rules.any(|compiled| compiled.rule.pauses(lines))
    }

    /// The verdict on an operation.
    pub fn decide(&self, question: &Question) -> Arc<Verdict> {
        self.decide_at(question, question.utc_ns)
    }

    /// The verdict on an operation at another time, UTC nanoseconds, than the question says.
    pub fn decide_at(&self, question: &Question, utc_ns: u64) -> Arc<Verdict> {
        let key = self.key(question, utc_ns);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = cache.get(&key) {
            return Arc::clone(verdict);
        }
        let verdict = Arc::new(self.judge(&Question {
            utc_ns,
            ..question.clone()
        }));
        if cache.len() >= CACHE_MAX {
            cache.clear();
        }
        cache.insert(key, Arc::clone(&verdict));
        verdict
    }

    fn key(&self, question: &Question, utc_ns: u64) -> Key {
        let rows = question.shape.inserted_rows;
        let hours = self.actors.iter().flatten().flat_map(Actor::hours);
        Key {
            verbs: question.verbs.clone(),
            touched: question.touched.clone(),
            without_where: question.shape.without_where,
            exceeded: self
                .thresholds
                .iter()
                .filter(|limit| rows.exceed(**limit))
                .count(),
            in_hours: hours.map(|(_, hours)| hours.contain(utc_ns)).collect(),
            of_commands: self
                .actors
                .iter()
                .flatten()
                .flat_map(|actor| actor.of_commands(question))
                .collect(),
            of_lines: (!question.lines.is_empty()).then(|| {
                let rules = self.actors.iter().flatten().flat_map(|actor| &actor.rules);
                let rules = rules.filter(|compiled| compiled.rule.obligations.pause.is_some());
                rules
                    .map(|compiled| compiled.rule.pauses(&question.lines))
                    .collect()
            }),
        }
    }

    /// Without the cache.
    fn judge(&self, question: &Question) -> Verdict {
        let actors = match &self.actors {
            Ok(actors) => actors,
            Err(reason) => return default_deny(reason.clone()),
        };
        let Touched {
            visible,
            compared,
            stored,
            ..
        } = &question.touched;
        let mut touched = visible.iter().chain(compared).chain(stored);
        if let Some(label) = touched.find(|label| !self.labels.contains_key(*label)) {
            return default_deny(format!("no document defines the label {label}"));
        }
        if question.verbs.is_empty() {
            return default_deny("the operation has no verb".to_owned());
        }
        let verdicts = actors.iter().flat_map(|actor| {
            question.verbs.iter().map(|verb| {
                let error =
                    |message| default_deny(format!("policy could not be evaluated: {message}"));
                self.judge_one(actor, *verb, question).unwrap_or_else(error)
            })
        });
        verdicts
            .reduce(Verdict::and)
            .unwrap_or_else(|| default_deny("nobody asks".to_owned()))
    }

    fn judge_one(&self, actor: &Actor, verb: Verb, question: &Question) -> Result<Verdict, String> {
        let action = self.vocabulary.action(verb.as_str());
        let mut facts = Facts {
            met: actor.met(verb, question),
            without_where: question.shape.without_where,
            inserted_rows: question.shape.inserted_rows.as_long(),
            ..Facts::default()
        };
        // First who allows at all: labels are left out, since which masks apply depends on the answer.
        let answer = actor
            .court
            .ask(action.clone(), &facts)
            .map_err(|refused| refused.message)?;
        if !answer.allowed {
            let mut verdict = actor.denied(verb, &answer.rules);
            if answer.rules.is_empty() {
                verdict.reasons.extend(actor.but_for_its_command(verb));
                verdict
                    .reasons
                    .extend(self.but_for_its_shape(actor, verb, facts)?);
            }
            return Ok(verdict);
        }
        let permits: Vec<&Rule> = actor.rules_named(&answer.rules).collect();
        let asked = permits.iter().flat_map(|rule| &rule.obligations.mask);
        // What is found in values is masked whether a rule says so or not.
        let detected = self.labels_that(|label| !label.detect.is_empty());
        let masks: BTreeSet<&str> = asked.map(String::as_str).chain(detected).collect();
        let visible: BTreeSet<&str> = if question.touched.in_doubt {
            self.labels_that(Label::is_of_columns).collect()
        } else {
            question
                .touched
                .visible
                .iter()
                .map(String::as_str)
                .collect()
        };
        let compared: BTreeSet<&str> = question
            .touched
            .compared
            .iter()
            .map(String::as_str)
            .collect();
        let stored: BTreeSet<&str> = question.touched.stored.iter().map(String::as_str).collect();
        let concerned = masks.iter().chain(&visible).chain(&compared).chain(&stored);
        let concerned: BTreeSet<&str> = concerned.copied().collect();
        let clear = self.clear(actor, &mut facts, concerned)?;
        facts.masked = masks.difference(&clear).copied().collect();
        facts.clear = clear;
        facts.visible = visible;
        facts.compared = compared;
        facts.stored = stored;
        // Then with the labels, so that Cedar's guards see what the verdict masks.
        let answer = actor
            .court
            .ask(action, &facts)
            .map_err(|refused| refused.message)?;
        if !answer.allowed {
            return Ok(actor.denied(verb, &answer.rules));
        }
        Ok(self.verdict(actor, verb, question, &permits, &facts.masked))
    }

    fn labels_that(&self, is_meant: impl Fn(&Label) -> bool) -> impl Iterator<Item = &str> {
        let labels = self.labels.iter();
        labels
            .filter(move |(_, label)| is_meant(label))
            .map(|(name, _)| name.as_str())
    }

    /// Rules that would allow a statement of another shape, in words.
    fn but_for_its_shape(
        &self,
        actor: &Actor,
        verb: Verb,
        mut facts: Facts<'_>,
    ) -> Result<Vec<String>, String> {
        let mut shapes = Vec::new();
        if facts.without_where {
            shapes.push("an UPDATE or DELETE of all rows");
        }
        if facts.inserted_rows > 0 {
            shapes.push("an INSERT of so many rows");
        }
        if shapes.is_empty() {
            return Ok(Vec::new());
        }
        facts.without_where = false;
        facts.inserted_rows = 0;
        let action = self.vocabulary.action(verb.as_str());
        let answer = actor
            .court
            .ask(action, &facts)
            .map_err(|refused| refused.message)?;
        let shapes = shapes.join(", nor ");
        let told = answer.rules.iter().filter(|_| answer.allowed);
        Ok(told
            .map(|rule| format!("`{rule}` allows it, but not {shapes}"))
            .collect())
    }

    /// Labels that the actor sees clear.
    fn clear<'a>(
        &'a self,
        actor: &Actor,
        facts: &mut Facts<'a>,
        concerned: BTreeSet<&str>,
    ) -> Result<BTreeSet<&'a str>, String> {
        let mut clear = BTreeSet::new();
        for label in concerned {
            // Known, or the question would have been denied; the key lives as long as the slice.
            let Some((label, _)) = self.labels.get_key_value(label) else {
                continue;
            };
            facts.label = label;
            let action = self.vocabulary.action(UNMASK);
            let answer = actor
                .court
                .ask(action, facts)
                .map_err(|refused| refused.message)?;
            if answer.allowed {
                clear.insert(label.as_str());
            }
        }
        facts.label = "";
        Ok(clear)
    }

    fn verdict(
        &self,
        actor: &Actor,
        verb: Verb,
        question: &Question,
        permits: &[&Rule],
        masked: &BTreeSet<&str>,
    ) -> Verdict {
        let mut verdict = Verdict::open();
        let mut any_of = Vec::new();
        let mut freely = false;
        // What runs already was agreed to, so only a line that some rule names is asked about.
        let is_other_line =
            !question.lines.is_empty() && !permits.iter().any(|rule| rule.pauses(&question.lines));
        for rule in permits {
            verdict.rules.push(rule.id.clone());
            match wanted(rule, question).filter(|_| !is_other_line) {
                Some(approve) => any_of.push((rule.id.clone(), approve.clone())),
                None => freely = true,
            }
            verdict.record = verdict
                .record
                .and(rule.obligations.record.unwrap_or(Record::default()));
            verdict.limit = verdict
                .limit
                .and(rule.obligations.limit.unwrap_or(Limit::default()));
            verdict
                .obligations
                .insert(rule.id.clone(), rule.obligations.clone());
        }
        for label in masked {
            if let Some(known) = self.labels.get(*label) {
                verdict
                    .masks
                    .insert((*label).to_owned(), known.mask.clone());
            }
        }
        if !freely {
            any_of.sort();
            verdict.ruling = Ruling::Hold;
            verdict
                .reasons
                .push(format!("{} waits for approval of {verb}", actor.name));
            verdict.approvals.push(Alternatives {
                verb,
                actor: actor.name.clone(),
                any_of,
            });
        }
        verdict
    }
}

/// Who must agree before the rule allows an operation, or a line that some rule names.
pub(super) fn wanted<'a>(rule: &'a Rule, question: &Question) -> Option<&'a Approve> {
    if rule.pauses(&question.lines) {
        return rule.obligations.pause.as_ref().map(|pause| &pause.approve);
    }
    let approve = rule.obligations.approve.as_ref()?;
    let only_for_shapes = rule.conditions.mention(Then::Approve);
    let is_asked = !only_for_shapes || rule.conditions.say(Then::Approve, &question.shape);
    is_asked.then_some(approve)
}

/// Who asks, and all for whom, or why nobody may.
pub(super) fn actors(principal: &Principal) -> Result<Vec<&Principal>, String> {
    let mut all = Vec::new();
    let mut waiting = vec![principal];
    while let Some(next) = waiting.pop() {
        if next.kind == PrincipalKind::Unknown {
            return Err("who has not signed in may do nothing".to_owned());
        }
        all.push(next);
        if all.len() + next.on_behalf_of.len() > ACTORS_MAX {
            return Err(format!("more than {ACTORS_MAX} principals act together"));
        }
        waiting.extend(&next.on_behalf_of);
    }
    Ok(all)
}

fn default_deny(reason: String) -> Verdict {
    Verdict::denied(DEFAULT_DENY, reason)
}

impl Actor {
    fn new(
        set: &PolicySet,
        principal: &Principal,
        resource: &Resource,
        environment: Option<&Environment>,
    ) -> Result<Self, String> {
        let kind = Kind::of_name(&resource.name)
            .ok_or_else(|| "the resource is of no known kind".to_owned())?;
        // What is left out here could not have decided: Cedar asks the same again.
        let rules = set
            .rules
            .iter()
            .filter(|compiled| compiled.rule.is_about(principal, resource));
        let rules: Vec<Arc<Compiled>> = rules.cloned().collect();
        let policies = rules
            .iter()
            .flat_map(|compiled| &compiled.policies)
            .chain(set.guards.iter());
        let court = Court::new(&set.vocabulary, principal, resource, kind, policies)
            .map_err(|refused| format!("policy could not be evaluated: {}", refused.message))?;
        let fits = |rule: &Rule| match (&rule.require, environment) {
            (Some(require), Some(environment)) => unmet(require, environment).is_empty(),
            _ => true,
        };
        let met = rules.iter().enumerate();
        let met = met.filter(|(_, it)| !it.rule.is_plain() && fits(&it.rule));
        let met = met.map(|(index, _)| index).collect();
        Ok(Self {
            name: principal.name.clone(),
            court,
            rules,
            met,
            assumed: environment.is_none(),
        })
    }

    /// Hours of the rules whose other requirements are met.
    fn hours(&self) -> impl Iterator<Item = (usize, &super::hours::Hours)> {
        let met = self.met.iter().filter(|_| !self.assumed);
        met.filter_map(|index| {
            let rule = &self.rules.get(*index)?.rule;
            Some((*index, rule.require.as_ref()?.hours.as_ref()?))
        })
    }

    /// Ids of the rules whose requirements are met, and that are about the operation's command.
    fn met(&self, verb: Verb, question: &Question) -> BTreeSet<&str> {
        let closed: BTreeSet<usize> = self
            .hours()
            .filter(|(_, hours)| !hours.contain(question.utc_ns))
            .map(|(index, _)| index)
            .collect();
        let met = self
            .met
            .difference(&closed)
            .filter_map(|index| self.rules.get(*index));
        met.map(|compiled| &compiled.rule)
            .filter(|rule| rule.is_of(verb, question.command.as_ref(), !self.assumed))
            .map(|rule| rule.id.as_str())
            .collect()
    }

    /// Of each rule about commands, whether it is about this one.
    fn of_commands(&self, question: &Question) -> impl Iterator<Item = bool> {
        let rules = self.rules.iter().map(|compiled| &compiled.rule);
        rules
            .filter(|rule| !rule.commands.is_empty())
            .flat_map(|rule| {
                let verbs = question.verbs.iter();
                verbs.map(|verb| rule.is_of(*verb, question.command.as_ref(), !self.assumed))
            })
    }

    /// Rules that allow other commands, in words.
    fn but_for_its_command(&self, verb: Verb) -> impl Iterator<Item = String> {
        let rules = self.rules.iter().map(|compiled| &compiled.rule);
        let others = rules.filter(move |rule| {
            rule.effect == RuleEffect::Permit
                && !rule.commands.is_empty()
                && Commands::are_about(verb)
                && rule.verbs.contains(&verb)
        });
        others.map(|rule| format!("`{}` allows certain commands", rule.id))
    }

    fn rules_named(&self, ids: &BTreeSet<String>) -> impl Iterator<Item = &Rule> {
        let rules = self.rules.iter().map(|compiled| &compiled.rule);
        rules.filter(|rule| rule.effect == RuleEffect::Permit && ids.contains(&rule.id))
    }

    fn denied(&self, verb: Verb, rules: &BTreeSet<String>) -> Verdict {
        let mut verdict =
            Verdict::denied(DEFAULT_DENY, format!("no rule allows {} {verb}", self.name));
        if rules.is_empty() {
            return verdict;
        }
        verdict.rules = rules.iter().cloned().collect();
        let reason = |rule: &String| match rule.split_once(':') {
            Some(("guard", label)) => format!(
                "columns labelled {label} would be seen, and no rule that allows {} {verb} masks them",
                self.name
            ),
            Some(("stored", label)) => {
                format!("columns labelled {label} would be copied to where nothing masks them")
            }
            Some((_, label)) => format!(
                "columns labelled {label} would be compared, which tells their values apart"
            ),
            None => format!("`{rule}` denies {} {verb}", self.name),
        };
        verdict.reasons = verdict.rules.iter().map(reason).collect();
        verdict
    }
}

/// Requirements that are not met, but for hours, in words.
pub(super) fn unmet(require: &Require, environment: &Environment) -> Vec<String> {
    let mut words = Vec::new();
    let list = |texts: &BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>().join(", ");
    let has_acr = environment
        .acr
        .as_ref()
        .is_some_and(|acr| require.acr.contains(acr));
    if !require.acr.is_empty() && !has_acr {
        words.push(format!("a sign-in of class {}", list(&require.acr)));
    }
    if !require.amr.is_subset(&environment.amr) {
        words.push(format!("a sign-in with {}", list(&require.amr)));
    }
    if require.reason && !environment.reason_given {
        words.push("a reason".to_owned());
    }
    let inside = environment.address.is_some_and(|address| {
        require
            .networks
            .iter()
            .any(|network| network.contains(address))
    });
    if !require.networks.is_empty() && !inside {
        let networks: Vec<String> = require.networks.iter().map(ToString::to_string).collect();
        words.push(format!("a connection from {}", networks.join(", ")));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::Document;

    #[test]
    fn another_time_than_the_questions_is_another_verdict() {
        let text = "version: 1\nrules:\n- {id: day, who: '*', on: '*', may: session.open, require: {hours: {days: [thu], from: '00:00', to: '23:59', zone: UTC}}}\n";
        let document = Document { name: "test", text };
        let set = PolicySet::parse(&[document]).expect("documents");
        let alice = Principal {
            kind: PrincipalKind::Human,
            ..Principal::unknown("alice")
        };
        let slice = set.slice(
            &alice,
            &Resource::named("postgres/shop"),
            &Environment::default(),
        );
        let question = Question {
            verbs: BTreeSet::from([Verb::SESSION_OPEN]),
            ..Question::default()
        };
        // The first of January 1970 was a Thursday.
        assert_eq!(slice.decide(&question).ruling, Ruling::Allow);
        let a_day_later = 24 * 3600 * 1_000_000_000;
        assert_eq!(slice.decide_at(&question, a_day_later).ruling, Ruling::Deny);
        assert_eq!(slice.decide_at(&question, 1).ruling, Ruling::Allow);
    }
}
