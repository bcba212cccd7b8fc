//! What a change of documents changes, in lines.

use std::collections::{BTreeMap, BTreeSet};

use super::matrix::{Axes, Cell, Matrix};
use super::matrix_text::sight_word;
use super::set::PolicySet;
use super::target::Target;
use super::verb::Verb;
use super::verdict::Ruling;
use super::who::Who;

/// One line for each right that is gained, lost or changed, and for each label that means something else. Two sets
/// that differ in their digest and have no line differ in rules that decide nothing for anybody on their own.
pub fn diff(old: &PolicySet, new: &PolicySet) -> Vec<String> {
    let axes = Axes::of(old).and(Axes::of(new));
    let before = old.matrix_along(&axes);
    let after = new.matrix_along(&axes);
    let mut lines = Lines::default();
    let keyed = |cells: &[Cell]| -> BTreeMap<(Who, Target, Verb), Cell> {
        let keyed = cells
            .iter()
            .map(|cell| ((cell.who.clone(), cell.on.clone(), cell.verb), cell.clone()));
        keyed.collect()
    };
    let (had, has) = (keyed(&before.cells), keyed(&after.cells));
    let keys: BTreeSet<_> = had.keys().chain(has.keys()).collect();
    for key in keys {
        let (who, on, verb) = key;
        let change = match (had.get(key), has.get(key)) {
            (None, Some(cell)) => format!("gains VERBS on {on}{}", in_brackets(&cell.notes)),
            (Some(_), None) => format!("loses VERBS on {on}"),
            (Some(old), Some(new)) if shown(old) != shown(new) => {
                format!("has VERBS on {on}: was {}, is {}", shown(old), shown(new))
            }
            _ => continue,
        };
        lines.add(who, &change, *verb);
    }
    let mut lines = lines.finish();
    let sights = |matrix: &Matrix| -> BTreeMap<(Who, Target, String), String> {
        let keyed = matrix.columns.iter().map(|it| {
            let key = (it.who.clone(), it.on.clone(), it.label.clone());
            (
                key,
                format!("{}{}", sight_word(it.sight), in_brackets(&it.notes)),
            )
        });
        keyed.collect()
    };
    let (saw, sees) = (sights(&before), sights(&after));
    for (key, now) in &sees {
        let (who, on, label) = key;
        match saw.get(key) {
            Some(then) if then == now => {}
            Some(then) => lines.push(format!("{who} sees {label} on {on} {now}, was {then}")),
            None => lines.push(format!("{who} sees {label} on {on} {now}")),
        }
    }
    lines.extend(labels(old, new));
    lines
}

fn shown(cell: &Cell) -> String {
    let word = if cell.ruling == Ruling::Hold {
        "ask"
    } else {
        "yes"
    };
    format!("{word}{}", in_brackets(&cell.notes))
}

fn in_brackets(notes: &[String]) -> String {
    if notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", notes.join("; "))
    }
}

/// Changes that are the same but for the verb make one line, in the order in which they were found.
#[derive(Default)]
struct Lines(Vec<(Who, String, Vec<Verb>)>);

impl Lines {
    fn add(&mut self, who: &Who, change: &str, verb: Verb) {
        let known = self
            .0
            .iter_mut()
            .rev()
            .find(|(whose, what, _)| whose == who && what == change);
        match known {
            Some((_, _, verbs)) => verbs.push(verb),
            None => self.0.push((who.clone(), change.to_owned(), vec![verb])),
        }
    }

    fn finish(self) -> Vec<String> {
        let line = |(who, change, verbs): (Who, String, Vec<Verb>)| {
            let verbs: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
            format!("{who} {}", change.replacen("VERBS", &verbs.join(", "), 1))
        };
        self.0.into_iter().map(line).collect()
    }
}

fn labels(old: &PolicySet, new: &PolicySet) -> Vec<String> {
    let mut lines = Vec::new();
    let names: BTreeSet<&String> = old.labels().keys().chain(new.labels().keys()).collect();
    for name in names {
        match (old.labels().get(name), new.labels().get(name)) {
            (None, Some(label)) => {
                let marked: Vec<String> = label.marked().into_iter().collect();
                lines.push(format!(
                    "label {name} is new: {} for {}",
                    label.mask,
                    marked.join(", ")
                ));
            }
            (Some(_), None) => lines.push(format!(
                "label {name} is gone: its columns are ordinary ones"
            )),
            (Some(was), Some(is)) => {
                if was.mask != is.mask {
                    lines.push(format!(
                        "label {name} is masked by {}, was {}",
                        is.mask, was.mask
                    ));
                }
                if was.predicates != is.predicates {
                    let word = if is.predicates { "may" } else { "may not" };
                    lines.push(format!(
                        "label {name}: statements {word} compare its columns"
                    ));
                }
                let line = |what: &String, word: &str| format!("label {name} {word} {what}");
                let (was, is) = (was.marked(), is.marked());
                lines.extend(is.difference(&was).map(|what| line(what, "now marks")));
                lines.extend(
                    was.difference(&is)
                        .map(|what| line(what, "no longer marks")),
                );
            }
            (None, None) => {}
        }
    }
    lines
}
