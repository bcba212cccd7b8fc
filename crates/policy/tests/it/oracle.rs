//! A second opinion: documents evaluated directly, in a few lines, against what Cedar and the slices say.

use std::collections::BTreeSet;

use custos_policy::documents::{Environment, PolicySet, Ruling};
use proptest::prelude::*;

use crate::random::{LABELS, RandomQuestion, RandomRule, Words, document, question, rule, yaml};
use crate::world::{environment, parse, person, resource, with_labels};

fn about(rule: &RandomRule, asked: &RandomQuestion) -> bool {
    let (name, labels) = asked
        .resource
        .split_once(' ')
        .unwrap_or((asked.resource, ""));
    let who = rule
        .who
        .iter()
        .any(|who| *who == "*" || asked.groups.contains(&who["group:".len()..]));
    let on = rule
        .on
        .iter()
        .any(|on| match (on.split_once(':'), on.strip_suffix('*')) {
            (Some(("label", label)), _) => {
                labels == label || labels.split('=').next() == Some(label)
            }
            (Some((_, kind)), _) => name.starts_with(kind),
            (None, Some(beginning)) => name.starts_with(beginning),
            (None, None) => name == *on,
        });
    who && on
}

fn shape_denied(rule: &RandomRule, asked: &RandomQuestion) -> bool {
    (rule.without_where == Some("deny") && asked.no_where)
        || rule
            .bulk_over
            .is_some_and(|over| asked.rows.unwrap_or(0) > over)
}

/// Ruling and masks for one verb.
fn for_verb(rules: &[RandomRule], asked: &RandomQuestion, verb: &str) -> (Ruling, Words) {
    let denied = (Ruling::Deny, Words::new());
    let about: Vec<&RandomRule> = rules.iter().filter(|rule| about(rule, asked)).collect();
    let forbids = |rule: &&&RandomRule| {
        let unknown =
            verb == "sql.unknown" && rule.verbs.iter().any(|verb| verb.starts_with("sql."));
        let no_shape = rule.without_where.is_none() && rule.bulk_over.is_none();
        rule.forbids
            && (unknown || rule.verbs.contains(verb) && (no_shape || shape_denied(rule, asked)))
    };
    let met = |rule: &&&RandomRule| !rule.forbids && (!rule.reason || asked.reason);
    let permits: Vec<_> = about
        .iter()
        .filter(met)
        .filter(|rule| rule.verbs.contains(verb) && !shape_denied(rule, asked))
        .collect();
    if about.iter().any(|rule| forbids(&rule)) || permits.is_empty() {
        return denied;
    }
    let clear: Words = about
        .iter()
        .filter(met)
        .flat_map(|rule| rule.unmask.clone())
        .collect();
    let masks: Words = permits
        .iter()
        .flat_map(|rule| rule.mask.clone())
        .filter(|label| !clear.contains(label))
        .collect();
    let leaks = asked
        .visible
        .iter()
        .any(|label| !masks.contains(label) && !clear.contains(label));
    if leaks || (asked.compared.contains("pii") && !clear.contains("pii")) {
        return denied;
    }
    let asks = |rule: &&&&RandomRule| {
        rule.approve && (rule.without_where != Some("approve") || asked.no_where)
    };
    let held = permits.iter().filter(asks).count() == permits.len();
    (if held { Ruling::Hold } else { Ruling::Allow }, masks)
}

fn opinion(rules: &[RandomRule], asked: &RandomQuestion) -> (Ruling, Words) {
    let each = asked.verbs.iter().map(|verb| for_verb(rules, asked, verb));
    let (ruling, masks) = each
        .reduce(|one, other| (one.0.max(other.0), &one.1 | &other.1))
        .unwrap();
    (
        ruling,
        if ruling == Ruling::Deny {
            Words::new()
        } else {
            masks
        },
    )
}

fn says(set: &PolicySet, asked: &RandomQuestion) -> (Ruling, BTreeSet<String>, BTreeSet<String>) {
    let groups: Vec<&str> = asked.groups.iter().copied().collect();
    let around: Environment = environment(if asked.reason { "reason" } else { "" });
    let slice = set.slice(
        &person("alice", &groups),
        &resource(asked.resource),
        &around,
    );
    let mut words: Vec<String> = asked.verbs.iter().map(|verb| (*verb).to_owned()).collect();
    words.extend(asked.visible.iter().map(|label| format!("sees:{label}")));
    words.extend(
        asked
            .compared
            .iter()
            .map(|label| format!("compares:{label}")),
    );
    words.extend(asked.no_where.then(|| "no-where".to_owned()));
    words.extend(asked.rows.map(|rows| format!("rows:{rows}")));
    let question = crate::world::question(&words.join(" "));
    let verdict = slice.decide(&question);
    assert_eq!(slice.decide(&question), verdict, "asked again");
    assert_eq!(
        verdict.ruling == Ruling::Hold,
        !verdict.approvals.is_empty()
    );
    (
        verdict.ruling,
        verdict.masks.keys().cloned().collect(),
        verdict.rules.iter().cloned().collect(),
    )
}

fn compiled(rules: &[RandomRule]) -> Option<PolicySet> {
    let text = with_labels("").trim_end().to_owned();
    parse(&format!("{text}\n{}", yaml(rules))).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn cedar_agrees_with_the_oracle(rules in document(), asked in proptest::collection::vec(question(), 1..12)) {
        let set = compiled(&rules);
        prop_assume!(set.is_some());
        let set = set.unwrap();
        for asked in &asked {
            let (ruling, masks, _) = says(&set, asked);
            let (expected, expected_masks) = opinion(&rules, asked);
            let expected_masks: BTreeSet<String> = expected_masks.into_iter().map(str::to_owned).collect();
            prop_assert_eq!((ruling, masks), (expected, expected_masks), "{:?}", asked);
        }
    }

    #[test]
    fn order_does_not_matter(rules in document(), asked in question()) {
        let set = compiled(&rules);
        prop_assume!(set.is_some());
        let mut turned = rules.clone();
        turned.reverse();
        let (set, turned) = (set.unwrap(), compiled(&turned).unwrap());
        prop_assert_eq!(says(&set, &asked), says(&turned, &asked));
        prop_assert_eq!(set.digest(), turned.digest());
        prop_assert_eq!(set.matrix(), turned.matrix());
    }

    #[test]
    fn another_permit_takes_nothing_away(rules in document(), more in rule(), asked in question()) {
        let mut with = rules.clone();
        with.push(RandomRule { id: "more".to_owned(), ..more.clone() });
        let (without, with) = (compiled(&rules), compiled(&with));
        prop_assume!(without.is_some() && with.is_some() && !more.forbids);
        let (before, _, _) = says(&without.unwrap(), &asked);
        let (after, _, _) = says(&with.unwrap(), &asked);
        prop_assert!(after <= before, "{:?} became {:?}", before, after);
    }

    #[test]
    fn another_forbid_gives_nothing_and_wins(rules in document(), asked in question()) {
        let set = compiled(&rules);
        prop_assume!(set.is_some());
        // As an agent's owner would: forbid what was asked, to everybody, in a set where nothing else is said of it.
        let verb = *asked.verbs.first().unwrap();
        let forbid = format!(
            "{}\n{}- {{id: never, who: '*', on: {{name: '{}'}}, deny: {verb}}}\n",
            with_labels("").trim_end(),
            if rules.is_empty() { String::new() } else { yaml(&rules) },
            asked.resource.split(' ').next().unwrap(),
        );
        if let Ok(with) = parse(&forbid) {
            let (ruling, masks, rules) = says(&with, &asked);
            prop_assert_eq!(ruling, Ruling::Deny);
            prop_assert!(masks.is_empty());
            prop_assert!(asked.verbs.len() > 1 || rules.contains("never"), "{:?}", rules);
        }
    }

    /// Whatever is visible is masked, or shown by a rule that says so, or nothing is.
    #[test]
    fn masks_are_never_lost(rules in document(), asked in question()) {
        let set = compiled(&rules);
        prop_assume!(set.is_some());
        let (ruling, masks, _) = says(&set.unwrap(), &asked);
        for label in LABELS.iter().filter(|label| asked.visible.contains(*label)) {
            let unmasked = rules.iter().any(|rule| about(rule, &asked) && rule.unmask.contains(label));
            prop_assert!(ruling == Ruling::Deny || masks.contains(*label) || unmasked, "{}", label);
        }
    }
}
