//! Which literals and parameters must not stand in records.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use custos_session::Rules;
use custos_sql::{Landing, ObjectKind, Statement, Use, Verb};

use super::columns;
use crate::catalogue::Names;

/// What stands in their place, as SQL that says so.
const WITHHELD: &str = "'[masked]'";

/// What must not be recorded of a statement.
pub(super) struct Hidden {
    pub(super) literals: Vec<Range<usize>>,
    /// `None`: all.
    pub(super) parameters: Option<BTreeSet<u32>>,
    pub(super) copy_in: bool,
    pub(super) mentions_labels: bool,
}

/// Columns of the relations that a statement mentions, by their last name.
struct Mentioned {
    labelled: HashSet<String>,
    clear: HashSet<String>,
    /// By relation as written: which of its columns have labels, in order.
    places: Vec<(Vec<String>, Vec<bool>)>,
    unknown: bool,
}

/// A value is recorded if each column that it meets is known and has no label.
pub(super) fn of(statement: &Statement, names: Option<&Names<'_>>, rules: &Rules) -> Hidden {
    let mentioned = mentioned(statement, names, rules);
    let touches = mentioned.unknown || !mentioned.labelled.is_empty();
    if !touches {
        return Hidden {
            literals: Vec::new(),
            parameters: Some(BTreeSet::new()),
            copy_in: false,
            mentions_labels: false,
        };
    }
    let literals = statement.literals.iter();
    let literals = literals.filter(|literal| !mentioned.is_clear(&literal.landings));
    let parameters = statement.parameters.iter();
    let parameters = parameters.filter(|it| !mentioned.is_clear(&it.landings));
    Hidden {
        literals: literals.map(|literal| literal.range.clone()).collect(),
        parameters: Some(parameters.map(|it| it.number).collect()),
        copy_in: statement.shape.copy_in,
        mentions_labels: true,
    }
}

fn mentioned(statement: &Statement, names: Option<&Names<'_>>, rules: &Rules) -> Mentioned {
    let mut mentioned = Mentioned {
        labelled: HashSet::new(),
        clear: HashSet::new(),
        places: Vec::new(),
        unknown: false,
    };
    let effects = statement.effects.iter();
    for effect in effects.filter(|effect| effect.object.kind == ObjectKind::Relation) {
        let relation = &effect.object;
        let Some((names, (oid, table))) =
            names.and_then(|names| Some((names, names.table(&relation.name)?)))
        else {
            // What is only made or dropped has no rows that a literal could be compared with.
            mentioned.unknown |= effect.verb != Verb::Define && effect.verb != Verb::Destroy;
            continue;
        };
        let labels = columns::labels_of_table(rules, names, oid);
        let has: Vec<bool> = labels.iter().map(|labels| !labels.is_empty()).collect();
        for ((_, name, _), labelled) in table.columns.iter().zip(&has) {
            if *labelled {
                mentioned.labelled.insert(name.clone());
            } else {
                mentioned.clear.insert(name.clone());
            }
        }
        mentioned.places.push((relation.name.clone(), has));
    }
    mentioned
}

impl Mentioned {
    fn is_clear(&self, landings: &[Landing]) -> bool {
        !self.unknown && !landings.is_empty() && landings.iter().all(|it| self.is_clear_at(it))
    }

    fn is_clear_at(&self, landing: &Landing) -> bool {
        if let Use::InsertedAt(place) = landing.how {
            let relation = self
                .places
                .iter()
                .find(|(name, _)| *name == landing.relation);
            return relation
                .and_then(|(_, has)| has.get(place))
                .is_some_and(|labelled| !labelled);
        }
        let Some((name, qualifier)) = landing.column.split_last() else {
            return false;
        };
        // Under another name than a relation's own it may be a column of anything.
        let known = qualifier.last().is_none_or(|qualifier| {
            let mut relations = self.places.iter();
            relations.any(|(relation, _)| relation.last() == Some(qualifier))
        });
        known && self.clear.contains(name) && !self.labelled.contains(name)
    }
}

/// The text with other words in these places.
pub(super) fn rewrite(text: &str, mut places: Vec<Range<usize>>) -> String {
    places.sort_by_key(|place| place.start);
    let mut rewritten = String::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        if place.start < from {
            continue;
        }
        rewritten.push_str(text.get(from..place.start).unwrap_or_default());
        rewritten.push_str(WITHHELD);
        from = place.end;
    }
    rewritten.push_str(text.get(from..).unwrap_or_default());
    rewritten
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn literals_are_taken_out() {
        let text = "select 'a', 12 from t";
        assert_eq!(
            rewrite(text, vec![12..14, 7..10]),
            "select '[masked]', '[masked]' from t"
        );
    }
}
