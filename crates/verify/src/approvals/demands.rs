//! What a request demands (`approve` of a statement), and whether approvers meet it.

use serde_json::{Map, Value};

use super::members::text;

/// Choices of alternatives that are tried at most; one request has a few rules.
const MAX_CHOICES: usize = 10_000;

/// One way to meet a demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alternative {
    count: usize,
    of: String,
    attested: bool,
    /// Another group, and after how many nanoseconds it may as well.
    escalate: Option<(String, i128)>,
}

/// An approval, as far as demands ask.
#[derive(Debug, Clone)]
pub(super) struct Approver<'a> {
    pub(super) groups: &'a [String],
    pub(super) attested: bool,
    /// Nanoseconds from the request to the decision.
    pub(super) after_ns: i128,
}

/// All must be met, each by one of its alternatives.
pub(super) type Demands = Vec<Vec<Alternative>>;

/// Reads `approve`; nothing if it has another form.
pub(super) fn read(value: &Value) -> Option<Demands> {
    value.as_array()?.iter().map(read_demand).collect()
}

fn read_demand(value: &Value) -> Option<Vec<Alternative>> {
    let alternatives = value.as_array().filter(|list| !list.is_empty())?;
    alternatives
        .iter()
        .map(|one| alternative(one.as_object()?))
        .collect()
}

fn alternative(members: &Map<String, Value>) -> Option<Alternative> {
    const KNOWN: &[&str] = &[
        "attested", "count", "escalate", "hours", "of", "per", "rule", "seconds",
    ];
    let known = members.keys().all(|key| KNOWN.contains(&key.as_str()));
    let whole = |name| {
        members
            .get(name)
            .is_none_or(|value: &Value| value.as_u64().is_some())
    };
    let texts = text(members, "rule").is_some()
        && members.get("hours").is_none_or(Value::is_string)
        && matches!(
            text(members, "per"),
            Some("statement" | "session" | "window" | "review")
        );
    if !known || !texts || !whole("seconds") {
        return None;
    }
    let escalate = match members.get("escalate") {
        Some(value) => Some(escalation(value.as_object()?)?),
        None => None,
    };
    Some(Alternative {
        count: usize::try_from(members.get("count")?.as_u64()?)
            .ok()
            .filter(|count| *count > 0)?,
        of: text(members, "of")?.to_owned(),
        attested: match members.get("attested") {
            Some(value) => value.as_bool().filter(|attested| *attested)?,
            None => false,
        },
        escalate,
    })
}

fn escalation(members: &Map<String, Value>) -> Option<(String, i128)> {
    let after = members.get("after")?.as_u64()?;
    let of = text(members, "of")?.to_owned();
    (members.len() == 2).then_some((of, i128::from(after) * 1_000_000_000))
}

impl Alternative {
    fn takes(&self, approver: &Approver<'_>) -> bool {
        let is_in = |group: &String| approver.groups.contains(group);
        let escalated = self
            .escalate
            .as_ref()
            .is_some_and(|(group, after)| is_in(group) && approver.after_ns >= *after);
        (is_in(&self.of) || escalated) && (self.attested || !approver.attested)
    }
}

/// Whether there is a choice of alternatives, and an assignment of approvers to them, each to one, that meets all demands.
pub(super) fn are_met(demands: &Demands, approvers: &[Approver<'_>]) -> bool {
    let mut choice = vec![0; demands.len()];
    for _ in 0..MAX_CHOICES {
        let chosen = demands
            .iter()
            .zip(&choice)
            .filter_map(|(demand, at)| demand.get(*at));
        if is_met(&chosen.collect::<Vec<_>>(), approvers) {
            return true;
        }
        if !next(&mut choice, demands) {
            return false;
        }
    }
    false
}

/// Counts up, the last demand first; false after the last choice.
fn next(choice: &mut [usize], demands: &Demands) -> bool {
    for (at, demand) in choice.iter_mut().zip(demands).rev() {
        *at += 1;
        if *at < demand.len() {
            return true;
        }
        *at = 0;
    }
    false
}

fn is_met(chosen: &[&Alternative], approvers: &[Approver<'_>]) -> bool {
    let places = chosen
        .iter()
        .fold(0_usize, |sum, one| sum.saturating_add(one.count));
    if places > approvers.len() {
        return false;
    }
    let places: Vec<&Alternative> = chosen
        .iter()
        .flat_map(|one| std::iter::repeat_n(*one, one.count))
        .collect();
    // The place that each approver has.
    let mut taken = vec![None; approvers.len()];
    (0..places.len()).all(|place| {
        let mut tried = vec![false; approvers.len()];
        seat(place, &places, approvers, &mut taken, &mut tried)
    })
}

/// Finds an approver for a place, moving others if that helps (augmenting paths; depth is at most the number of approvers).
fn seat(
    place: usize,
    places: &[&Alternative],
    approvers: &[Approver<'_>],
    taken: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for (at, approver) in approvers.iter().enumerate() {
        let takes = places.get(place).is_some_and(|one| one.takes(approver));
        if !takes || tried.get(at).copied().unwrap_or(true) {
            continue;
        }
        if let Some(tried) = tried.get_mut(at) {
            *tried = true;
        }
        let free = match taken.get(at).copied().flatten() {
            None => true,
            Some(other) => seat(other, places, approvers, taken, tried),
        };
        if free && let Some(taken) = taken.get_mut(at) {
            *taken = Some(place);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn met(approve: &Value, approvers: &[(&[&str], bool, i128)]) -> bool {
        let groups: Vec<Vec<String>> = approvers
            .iter()
            .map(|(groups, _, _)| groups.iter().map(|group| (*group).to_owned()).collect())
            .collect();
        let approvers: Vec<_> = approvers
            .iter()
            .zip(&groups)
            .map(|((_, attested, seconds), groups)| Approver {
                groups,
                attested: *attested,
                after_ns: seconds * 1_000_000_000,
            })
            .collect();
        are_met(&read(approve).unwrap(), &approvers)
    }

    #[test]
    fn each_approver_counts_for_one_demand() {
        let dba = json!({"count": 1, "of": "dba", "per": "statement", "rule": "drops"});
        let owner = json!({"count": 1, "of": "owners", "per": "statement", "rule": "orders"});
        let both = json!([[dba], [owner]]);
        let everything: &[&str] = &["dba", "owners"];
        assert!(!met(&both, &[(everything, false, 0)]));
        // Whoever could be either goes where the other cannot.
        assert!(met(&both, &[(everything, false, 0), (&["dba"], false, 0)]));
        assert!(!met(&both, &[(&["dba"], false, 0), (&["dba"], false, 0)]));
        assert!(met(&json!([[dba, owner]]), &[(&["owners"], false, 0)]));
    }

    #[test]
    fn others_may_after_a_while_and_words_count_where_that_is_said() {
        let slow = json!([[{"count": 1, "escalate": {"after": 600, "of": "managers"}, "of": "dba", "per": "session", "rule": "x"}]]);
        assert!(!met(&slow, &[(&["managers"], false, 599)]));
        assert!(met(&slow, &[(&["managers"], false, 600)]));
        assert!(!met(&slow, &[(&["managers"], true, 600)]));
        let word = json!([[{"attested": true, "count": 1, "of": "dba", "per": "window", "rule": "x", "seconds": 60}]]);
        assert!(met(&word, &[(&["dba"], true, 0)]));
    }

    #[test]
    fn other_forms_are_none() {
        let good = json!({"count": 1, "of": "dba", "per": "statement", "rule": "drops"});
        for (member, value) in [
            ("count", json!(0)),
            ("count", json!("1")),
            ("per", json!("day")),
            ("attested", json!(false)),
            ("escalate", json!({"after": 1})),
            ("other", json!(1)),
        ] {
            let mut bad = good.clone();
            bad[member] = value;
            assert_eq!(read(&json!([[bad]])), None, "{member}");
        }
        assert_eq!(read(&json!([[]])), None);
        assert_eq!(read(&json!([[good]])).map(|demands| demands.len()), Some(1));
        let many = json!({"count": 1_u64 << 52, "of": "dba", "per": "statement", "rule": "drops"});
        assert!(!met(&json!([[many]]), &[(&["dba"], false, 0)]));
    }
}
