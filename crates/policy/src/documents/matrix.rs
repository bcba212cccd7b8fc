//! Everything that the documents allow, as a table: who × resource × verb, and who × resource × label.
//!
//! Each cell is a real decision about somebody who is nothing but what the row says, on a resource that is nothing but
//! what the table's heading says. Requirements are taken to be met, and told.

use std::collections::BTreeSet;

use custos_model::{Principal, PrincipalKind};
use serde::{Serialize, Serializer};

use super::commands::Commands;
use super::condition::Then;
use super::pause::Pause;
use super::question::{Question, Shape, Touched};
use super::rule::{Rule, RuleEffect};
use super::set::PolicySet;
use super::slice::Slice;
use super::target::{Resource, Target};
use super::verb::{Kind, Verb};
use super::verdict::{Ruling, Verdict, limited, recorded};
use super::who::Who;

/// What stands in representatives where rules leave it open. No name and no value of a label is that.
const ANYTHING: &str = "…";

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// What is not denied, by resource, who and verb.
    pub cells: Vec<Cell>,
    /// How columns with labels are seen by those who may read.
    pub columns: Vec<Column>,
}

/// Somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// On which resources.
    #[serde(serialize_with = "as_text")]
    pub on: Target,
    /// Who.
    #[serde(serialize_with = "as_text")]
    pub who: Who,
    /// What.
    pub verb: Verb,
    /// Allow or hold.
    pub ruling: Ruling,
    /// Under which conditions and with which obligations, in words.
    pub notes: Vec<String>,
    /// Which rules allow it.
    pub rules: Vec<String>,
}

/// How somebody sees columns of a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// On which resources.
    #[serde(serialize_with = "as_text")]
    pub on: Target,
    /// Who.
    #[serde(serialize_with = "as_text")]
    pub who: Who,
    /// Label of columns.
    pub label: String,
    /// How.
    pub sight: Sight,
    /// Under which conditions they are clear, in words.
    pub notes: Vec<String>,
}

/// How columns are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// As they are.
    Clear,
    /// With the label's mask.
    Masked,
    /// Statements that show them are denied.
    Refused,
}

fn as_text<S: Serializer>(value: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

/// Along what a table is made, so that two sets can be compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Axes {
    pub(super) who: BTreeSet<Who>,
    pub(super) on: BTreeSet<Target>,
    pub(super) verbs: BTreeSet<Verb>,
    pub(super) labels: BTreeSet<String>,
}

impl Axes {
    pub(super) fn of(set: &PolicySet) -> Self {
        let mut axes = Self::default();
        for rule in set.rules() {
            axes.who.extend(rule.who.iter().cloned());
            axes.on.extend(rule.on.iter().cloned());
            axes.verbs.extend(&rule.verbs);
        }
        axes.labels.extend(set.labels().keys().cloned());
        axes
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.who.extend(other.who);
        self.on.extend(other.on);
        self.verbs.extend(other.verbs);
        self.labels.extend(other.labels);
        self
    }
}

impl PolicySet {
    /// Who may do what, for everybody and everything that the documents name.
    pub fn matrix(&self) -> Matrix {
        self.matrix_along(&Axes::of(self))
    }

    pub(super) fn matrix_along(&self, axes: &Axes) -> Matrix {
        let mut matrix = Matrix {
            cells: Vec::new(),
            columns: Vec::new(),
        };
        for on in &axes.on {
            for who in &axes.who {
                let principal = representative(who);
                for kind in Kind::ALL {
                    self.row(&mut matrix, axes, (on, who), &principal, kind);
                }
            }
        }
        matrix
    }

    fn row(
        &self,
        matrix: &mut Matrix,
        axes: &Axes,
        (on, who): (&Target, &Who),
        principal: &Principal,
        kind: Kind,
    ) {
        // Each verb is asked about on the first kind that it can be done to.
        let verbs = axes
            .verbs
            .iter()
            .filter(|verb| first_kind(**verb, on) == Some(kind));
        let verbs: Vec<Verb> = verbs.copied().collect();
        let resource = representative_resource(on, kind);
        let about = self
            .rules()
            .any(|rule| rule.effect == RuleEffect::Permit && rule.is_about(principal, &resource));
        if verbs.is_empty() || !about {
            return;
        }
        let slice = Slice::new(self, principal, &resource, None);
        for verb in &verbs {
            let verdict = slice.decide(&asking(*verb, Touched::default()));
            if verdict.ruling == Ruling::Deny {
                continue;
            }
            matrix.cells.push(Cell {
                on: on.clone(),
                who: who.clone(),
                verb: *verb,
                ruling: verdict.ruling,
                notes: self.notes(&verdict, *verb, principal, &resource),
                rules: verdict.rules.clone(),
            });
            if *verb == Verb::SQL_READ {
                matrix.columns.extend(axes.labels.iter().map(|label| {
                    let sight = sight(&slice, label);
                    Column {
                        on: on.clone(),
                        who: who.clone(),
                        label: label.clone(),
                        sight,
                        notes: self.clear_if(sight, label, principal, &resource),
                    }
                }));
            }
        }
    }

    /// What the rules require that unmask the label, unless one requires nothing.
    fn clear_if(
        &self,
        sight: Sight,
        label: &str,
        principal: &Principal,
        resource: &Resource,
    ) -> Vec<String> {
        let unmasking = self.rules().filter(|rule| {
            sight == Sight::Clear
                && rule.unmask.contains(label)
                && rule.is_about(principal, resource)
        });
        let ways: Vec<String> = unmasking
            .map(|rule| way(rule, Verb::SESSION_OPEN))
            .collect();
        if ways.is_empty() || ways.iter().any(String::is_empty) {
            return Vec::new();
        }
        vec![ways.join("; or ")]
    }

    fn notes(
        &self,
        verdict: &Verdict,
        verb: Verb,
        principal: &Principal,
        resource: &Resource,
    ) -> Vec<String> {
        let named = |rule: &&Rule| verdict.rules.contains(&rule.id);
        let ways: Vec<String> = self
            .rules()
            .filter(named)
            .map(|rule| way(rule, verb))
            .collect();
        let mut notes = Vec::new();
        if !ways.iter().any(String::is_empty) {
            notes.push(ways.join("; or "));
        }
        if !verdict.masks.is_empty() {
            let labels: Vec<&str> = verdict.masked().into_iter().collect();
            notes.push(format!("masks {}", labels.join(", ")));
        }
        notes.extend(recorded(verdict.record));
        notes.extend(limited(verdict.limit));
        let forbidding = self.rules().filter(|rule| {
            rule.effect == RuleEffect::Forbid
                && rule.verbs.contains(&verb)
                && rule.is_about(principal, resource)
        });
        let shapes = forbidding.map(|rule| {
            if !rule.commands.is_empty() {
                return format!("what may run {}", rule.commands);
            }
            rule.conditions.about(verb).shapes(Then::Deny).join(" or ")
        });
        notes.extend(
            shapes
                .filter(|shapes| !shapes.is_empty())
                .map(|shapes| format!("never {shapes}")),
        );
        notes
    }
}

/// Under what the rule allows the verb; empty for one that always does.
fn way(rule: &Rule, verb: Verb) -> String {
    let mut words = Vec::new();
    let conditions = rule.conditions.about(verb);
    if let Some(require) = &rule.require {
        let mut needs = super::slice::unmet(require, &super::question::Environment::default());
        needs.extend(
            require
                .hours
                .as_ref()
                .map(|hours| format!("the time from {hours}")),
        );
        words.push(format!("needs {}", needs.join(" and ")));
    }
    if !rule.commands.is_empty() && Commands::are_about(verb) {
        words.push(format!("only {}", rule.commands));
    }
    if let Some(pause) = &rule.obligations.pause
        && Pause::is_about(verb)
    {
        words.push(pause.in_full());
    }
    let denied = conditions.shapes(Then::Deny);
    if !denied.is_empty() {
        words.push(format!("not {}", denied.join(", not ")));
    }
    let asks_always = !rule.conditions.mention(Then::Approve);
    let shapes = conditions.shapes(Then::Approve);
    if let Some(approve) = rule
        .obligations
        .approve
        .as_ref()
        .filter(|_| asks_always || !shapes.is_empty())
    {
        let only = if asks_always {
            String::new()
        } else {
            format!(" if {}", shapes.join(" or "))
        };
        words.push(approve.in_full(&only));
    }
    words.join(", ")
}

fn sight(slice: &Slice, label: &str) -> Sight {
    let touched = Touched {
        visible: BTreeSet::from([label.to_owned()]),
        ..Touched::default()
    };
    let verdict = slice.decide(&asking(Verb::SQL_READ, touched));
    match verdict.ruling {
        Ruling::Deny => Sight::Refused,
        _ if verdict.masks.contains_key(label) => Sight::Masked,
        _ => Sight::Clear,
    }
}

fn asking(verb: Verb, touched: Touched) -> Question {
    Question {
        verbs: BTreeSet::from([verb]),
        touched,
        shape: Shape::default(),
        ..Question::default()
    }
}

fn first_kind(verb: Verb, on: &Target) -> Option<Kind> {
    match on.only_kind() {
        Some(kind) => verb.kinds().contains(&kind).then_some(kind),
        None => verb.kinds().first().copied(),
    }
}

fn representative_resource(on: &Target, kind: Kind) -> Resource {
    let name = on.name.as_ref().map(|name| name.replace('*', ANYTHING));
    let labels = on.labels.iter().map(|label| {
        let (name, value) = label.split_once('=').unwrap_or((label, ANYTHING));
        (name.to_owned(), value.to_owned())
    });
    Resource {
        name: name.unwrap_or_else(|| format!("{}/{ANYTHING}", kind.as_str())),
        labels: labels.collect(),
    }
}

fn representative(who: &Who) -> Principal {
    let mut principal = Principal {
        issuer: ANYTHING.to_owned(),
        subject: ANYTHING.to_owned(),
        kind: PrincipalKind::Human,
        ..Principal::unknown(&who.to_string())
    };
    match who {
        Who::Everybody => {}
        Who::Group(name) => principal.groups.push(name.clone()),
        Who::Workload(name) => {
            principal.kind = PrincipalKind::Workload;
            principal.name.clone_from(name);
        }
        Who::Machine(name) => {
            // An agent, because a workload's name would be looked for among workloads too.
            principal.kind = PrincipalKind::Agent;
            "local".clone_into(&mut principal.issuer);
            principal.name.clone_from(name);
        }
        Who::Principal { issuer, subject } => {
            principal.issuer.clone_from(issuer);
            principal.subject.clone_from(subject);
        }
    }
    principal
}

#[cfg(test)]
mod tests {
    use crate::documents::slice::wanted;
    use crate::documents::{Document, PolicySet, Question, Ruling};

    #[test]
    fn a_cell_is_held_exactly_where_a_plain_statement_would_be() {
        let text = "version: 1\nrules:\n- {id: a, who: 'group:x', on: '*', may: [sql.delete, sql.update], \
                    approve: {of: y, per: statement}, conditions: {without_where: approve}}\n\
                    - {id: b, who: 'group:z', on: '*', may: sql.delete, approve: {of: y, per: statement}}\n";
        let set = PolicySet::parse(&[Document { name: "p", text }]).unwrap();
        for cell in set.matrix().cells {
            let rule = set
                .rules()
                .find(|rule| cell.rules == [rule.id.clone()])
                .unwrap();
            assert_eq!(
                cell.ruling == Ruling::Hold,
                wanted(rule, &Question::default()).is_some()
            );
        }
        assert_eq!(set.matrix().cells.len(), 3);
    }
}
