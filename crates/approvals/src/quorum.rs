//! Whether enough people have agreed.

use crate::request::Alternative;

/// Combinations of alternatives that are tried at most; demands that have more are not met.
const COMBINATIONS_MAX: usize = 1024;

/// A yes, as far as counting goes. One for each person.
#[derive(Clone, Debug)]
pub(crate) struct Yes {
    /// Her groups.
    pub(crate) groups: Vec<String>,
    /// Seconds from the request to her decision.
    pub(crate) after_seconds: u64,
    /// Without a signature.
    pub(crate) is_attested: bool,
    /// Rules in whose hours she did not decide.
    pub(crate) closed: Vec<String>,
}

impl Yes {
    fn counts(&self, alternative: &Alternative) -> bool {
        (alternative.attested || !self.is_attested)
            && !self.closed.contains(&alternative.rule)
            && alternative.counts(&self.groups, self.after_seconds)
    }
}

/// Which alternative of each demand is met, if all are: each person counts for one demand, and once.
pub(crate) fn met<'a>(
    demands: &'a [Vec<Alternative>],
    all: &[Yes],
) -> Option<Vec<&'a Alternative>> {
    let mut chosen = vec![0; demands.len()];
    for _ in 0..COMBINATIONS_MAX {
        let combination: Option<Vec<&Alternative>> = demands
            .iter()
            .zip(&chosen)
            .map(|(any_of, at)| any_of.get(*at))
            .collect();
        let combination = combination?;
        if are_enough(&combination, all) {
            return Some(combination);
        }
        if !next(demands, &mut chosen) {
            return None;
        }
    }
    None
}

/// The next combination; false after the last.
fn next(demands: &[Vec<Alternative>], chosen: &mut [usize]) -> bool {
    for (any_of, at) in demands.iter().zip(chosen.iter_mut()) {
        *at += 1;
        if *at < any_of.len() {
            return true;
        }
        *at = 0;
    }
    false
}

/// Finds a place for a person for each seat (augmenting paths, Kuhn 1955).
fn are_enough(combination: &[&Alternative], all: &[Yes]) -> bool {
    let seats = combination.iter().flat_map(|alternative| {
        let count = usize::try_from(alternative.count).unwrap_or(usize::MAX);
        std::iter::repeat_n(*alternative, count.min(all.len() + 1))
    });
    let seats: Vec<&Alternative> = seats.collect();
    if seats.len() > all.len() {
        return false;
    }
    // By person.
    let mut seat_of: Vec<Option<usize>> = vec![None; all.len()];
    (0..seats.len()).all(|seat| {
        let mut asked = vec![false; all.len()];
        takes(seat, &seats, all, &mut seat_of, &mut asked)
    })
}

fn takes(
    seat: usize,
    seats: &[&Alternative],
    all: &[Yes],
    seat_of: &mut [Option<usize>],
    asked: &mut [bool],
) -> bool {
    let Some(alternative) = seats.get(seat) else {
        return false;
    };
    for (person, yes) in all.iter().enumerate() {
        let is_new = asked.get(person) == Some(&false);
        if !is_new || !yes.counts(alternative) {
            continue;
        }
        if let Some(asked) = asked.get_mut(person) {
            *asked = true;
        }
        let held = seat_of.get(person).copied().flatten();
        if held.is_none_or(|other| takes(other, seats, all, seat_of, asked)) {
            if let Some(place) = seat_of.get_mut(person) {
                *place = Some(seat);
            }
            return true;
        }
    }
    false
}

/// How many more yeses are needed at least, for people to read.
pub(crate) fn missing(demands: &[Vec<Alternative>], all: &[Yes]) -> u64 {
    let needed = demands.iter().map(|any_of| {
        let each = any_of.iter().map(|alternative| {
            let have = all.iter().filter(|yes| yes.counts(alternative)).count() as u64;
            alternative.count.saturating_sub(have)
        });
        each.min().unwrap_or(0)
    });
    needed.sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Yes, met, missing};
    use crate::request::{Alternative, Escalation};

    fn of(rule: &str, count: u64, of: &str) -> Alternative {
        Alternative {
            attested: false,
            count,
            escalate: None,
            hours: None,
            of: of.to_owned(),
            per: "statement".to_owned(),
            rule: rule.to_owned(),
            seconds: None,
        }
    }

    fn yes(groups: &[&str]) -> Yes {
        Yes {
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            after_seconds: 0,
            is_attested: false,
            closed: Vec::new(),
        }
    }

    fn rules(demands: &[Vec<Alternative>], all: &[Yes]) -> Option<Vec<String>> {
        Some(
            met(demands, all)?
                .iter()
                .map(|it| it.rule.clone())
                .collect(),
        )
    }

    #[test]
    fn nobody_counts_twice() {
        let both = vec![vec![of("a", 1, "dba")], vec![of("b", 1, "leads")]];
        assert_eq!(rules(&both, &[yes(&["dba", "leads"])]), None);
        assert_eq!(missing(&both, &[]), 2);
        // The one who is in both gives way to her who is in one.
        let found = rules(&both, &[yes(&["dba", "leads"]), yes(&["dba"])]);
        assert_eq!(found.unwrap(), ["a", "b"]);
        let two = vec![vec![of("a", 2, "dba")]];
        assert_eq!(rules(&two, &[yes(&["dba"])]), None);
        assert!(rules(&two, &[yes(&["dba"]), yes(&["dba"])]).is_some());
    }

    #[test]
    fn alternatives_escalation_and_attestation() {
        let any = vec![vec![of("a", 2, "dba"), of("b", 1, "leads")]];
        assert_eq!(rules(&any, &[yes(&["leads"])]).unwrap(), ["b"]);
        let mut late = of("a", 1, "dba");
        late.escalate = Some(Escalation {
            after: 600,
            of: "managers".to_owned(),
        });
        let at = |after_seconds| Yes {
            after_seconds,
            ..yes(&["managers"])
        };
        let demands = vec![vec![late]];
        assert_eq!(rules(&demands, &[at(599)]), None);
        assert!(rules(&demands, &[at(600)]).is_some());
        let attested = Yes {
            is_attested: true,
            ..yes(&["dba"])
        };
        let mut demands = vec![vec![of("a", 1, "dba")]];
        assert_eq!(rules(&demands, std::slice::from_ref(&attested)), None);
        demands[0][0].attested = true;
        assert!(rules(&demands, &[attested]).is_some());
        // Out of its hours a yes counts for other rules only.
        let at_night = Yes {
            closed: vec!["a".to_owned()],
            ..yes(&["dba", "leads"])
        };
        let any = vec![vec![of("a", 1, "dba"), of("b", 1, "leads")]];
        assert_eq!(rules(&any, std::slice::from_ref(&at_night)).unwrap(), ["b"]);
        assert_eq!(rules(&[vec![of("a", 1, "dba")]], &[at_night]), None);
        assert_eq!(rules(&[], &[]).unwrap().len(), 0);
        assert_eq!(rules(&[Vec::new()], &[yes(&["dba"])]), None);
    }

    /// Every way to seat people, tried one after the other.
    fn by_force(seats: &[&Alternative], all: &[Yes], taken: &mut Vec<bool>) -> bool {
        let Some((first, rest)) = seats.split_first() else {
            return true;
        };
        (0..all.len()).any(|person| {
            if taken[person] || !all[person].counts(first) {
                return false;
            }
            taken[person] = true;
            let works = by_force(rest, all, taken);
            taken[person] = false;
            works
        })
    }

    proptest! {
        #[test]
        fn agrees_with_trying_everything(
            demands in prop::collection::vec((1_u64..3, 0_usize..3), 1..4),
            people in prop::collection::vec(prop::collection::vec(any::<bool>(), 3), 0..6),
        ) {
            const GROUPS: [&str; 3] = ["a", "b", "c"];
            let demands: Vec<_> = demands.iter().map(|(count, group)| vec![of("r", *count, GROUPS[*group])]).collect();
            let all: Vec<Yes> = people.iter().map(|is_in| {
                let groups: Vec<&str> = GROUPS.into_iter().zip(is_in).filter(|(_, is_in)| **is_in).map(|(group, _)| group).collect();
                yes(&groups)
            }).collect();
            let seats: Vec<&Alternative> = demands.iter().flatten().flat_map(|it| std::iter::repeat_n(it, it.count as usize)).collect();
            let force = by_force(&seats, &all, &mut vec![false; all.len()]);
            prop_assert_eq!(met(&demands, &all).is_some(), force);
        }
    }
}
