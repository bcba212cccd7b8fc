//! Changes: their digest, their lines, and what they would have meant for the past.

use custos_policy::documents::{Counts, Document, PolicySet, Recorded, diff, simulate};

use crate::world::{environment, person, question, resource, rules, set};

const SMALL: &str = include_str!("../../../../examples/policies/small-team.yaml");

fn lines(from: &str, to: &str) -> Vec<String> {
    diff(&rules(from), &rules(to))
}

const READ: &str =
    "- {id: read, who: 'group:analysts', on: postgres/app-db, may: sql.select, mask: pii}\n";

#[test]
fn rights_gained_lost_and_changed() {
    let more = format!(
        "{READ}- {{id: write, who: 'group:analysts', on: postgres/app-db, may: [sql.update, sql.insert]}}\n"
    );
    assert_eq!(lines(READ, READ), [""; 0]);
    assert_eq!(
        lines(READ, &more),
        ["group:analysts gains sql.insert, sql.update on postgres/app-db"]
    );
    assert_eq!(
        lines(&more, READ),
        ["group:analysts loses sql.insert, sql.update on postgres/app-db"]
    );
    let asked = more.replace(
        "sql.insert]",
        "sql.insert], approve: {of: leads, per: session}",
    );
    assert_eq!(
        lines(&more, &asked),
        [
            "group:analysts has sql.insert, sql.update on postgres/app-db: was yes, \
          is ask (approval by 1 of leads for the session, within 30m)"
        ]
    );
    let denied = format!("{READ}- {{id: no, who: '*', on: postgres/app-db, deny: sql.dml}}\n");
    assert_eq!(lines(READ, &denied), [""; 0], "what nobody may is not lost");
    let clear = format!(
        "{READ}- {{id: clear, who: 'group:analysts', on: postgres/app-db, may: 'unmask:pii'}}\n"
    );
    assert_eq!(
        lines(READ, &clear),
        [
            "group:analysts has sql.read on postgres/app-db: was yes (masks pii), is yes",
            "group:analysts sees pii on postgres/app-db clear, was masked"
        ]
    );
    let everybody = READ.replace("'group:analysts'", "'*'");
    assert_eq!(
        lines(READ, &everybody),
        [
            "everybody gains sql.read on postgres/app-db (masks pii)",
            "everybody sees pay on postgres/app-db refused",
            "everybody sees pii on postgres/app-db masked"
        ]
    );
}

#[test]
fn labels_changed() {
    let changed = SMALL
        .replace("\"*.*.e_mail\"", "\"*.*.mail\"")
        .replace("predicates: allow", "predicates: deny");
    let changed = changed.replace("mask: {partial: {last: 3}}", "mask: hash");
    insta::assert_snapshot!(diff(&set(SMALL), &set(&changed)).join("\n"));
}

#[test]
fn the_digest_is_of_what_is_said() {
    let of = |texts: &[&str]| {
        let documents: Vec<_> = texts
            .iter()
            .map(|text| Document { name: "p", text })
            .collect();
        PolicySet::parse(&documents).unwrap().digest().to_owned()
    };
    let (a, b) = (
        "- {id: a, who: ['group:x', 'group:y'], on: '*', may: [sql.select, sql.dml]}\n",
        "- {id: b, who: '*', on: '*', may: sql.ddl}\n",
    );
    let document = |rules: &str| format!("version: 1\nrules:\n{rules}");
    let whole = of(&[&document(&format!("{a}{b}"))]);
    assert_eq!(of(&[&document(&format!("# notes\n{b}{a}"))]), whole);
    assert_eq!(of(&[&document(b), &document(a)]), whole);
    let same = a
        .replace("'group:x', 'group:y'", "'group:y', 'group:x'")
        .replace(
            "sql.select, sql.dml",
            "sql.insert, sql.read, sql.update, sql.delete",
        );
    assert_eq!(of(&[&document(&format!("{same}{b}"))]), whole);
    for (from, to) in [
        ("id: a", "id: c"),
        ("group:x", "group:z"),
        ("sql.select, ", ""),
        ("on: '*', may: [", "on: postgres/x, may: ["),
    ] {
        assert_ne!(
            of(&[&document(&format!("{}{b}", a.replace(from, to)))]),
            whole,
            "{from}"
        );
    }
}

const ASK: &str = "- {id: a, who: 'group:dev', on: postgres/shop, may: sql.delete, \
                   approve: {count: 2, of: dba, per: window, window: 1h}}\n";

/// Each changes what an approval says.
const MORE: [&str; 5] = [
    "hours: {days: [mon, fri], from: '09:00', to: '17:00', zone: Europe/Berlin}",
    "escalate: {after: 10m, of: managers}",
    "attested: true",
    "meanwhile: retry",
    "break_glass: {for: 1h, review: security, within: 1d}",
];

fn with(more: &str) -> String {
    ASK.replace("window: 1h", &format!("window: 1h, {more}"))
}

/// Computed by another program from the canonical form as it was before approvals had hours and the like; old records
/// and approvals refer to it.
#[test]
fn an_approval_without_later_fields_has_the_digest_it_always_had() {
    let document = |rules: &str| set(&format!("version: 1\nrules:\n{rules}"));
    let digest = "0f2c5b5baa271a91d034b28752896fab73155d840da69b7ed2359903eccbb276";
    assert_eq!(document(ASK).digest(), digest);
    let defaults = with("attested: false, meanwhile: wait, expires: 30m");
    assert_eq!(document(&defaults).digest(), digest);
    let mut seen = vec![digest.to_owned()];
    for more in MORE {
        let other = document(&with(more)).digest().to_owned();
        assert!(!seen.contains(&other), "{more}");
        seen.push(other);
    }
}

#[test]
fn a_rules_digest_is_of_the_rule_alone() {
    let other = "- {id: b, who: '*', on: '*', may: sql.ddl}\n";
    let of = |rules_text: &str| rules(rules_text).rule_digest("a").unwrap();
    let digest = of(ASK);
    assert!(
        digest.len() == 64
            && digest
                .bytes()
                .all(|byte| b"0123456789abcdef".contains(&byte))
    );
    assert_eq!(of(&format!("{other}{ASK}")), digest);
    assert_eq!(of(&ASK.replace("id: a", "id: a, note: for people")), digest);
    assert_eq!(
        set(&format!("version: 1\nrules:\n{ASK}"))
            .rule_digest("a")
            .unwrap(),
        digest
    );
    let changed = [
        ("group:dev", "group:ops"),
        ("postgres/shop", "postgres/*"),
        ("sql.delete", "sql.dml"),
        ("count: 2, ", ""),
        ("of: dba", "of: leads"),
        ("sql.delete,", "sql.delete, limit: {rows: 1},"),
    ];
    let changed = changed.map(|(from, to)| ASK.replace(from, to));
    for text in changed.into_iter().chain(MORE.map(with)) {
        assert_ne!(of(&text), digest, "{text}");
    }
    let set = rules(&format!("{other}{ASK}"));
    assert_eq!(set.rule("b").unwrap().id, "b");
    assert!(set.rule("c").is_none() && set.rule_digest("c").is_none());
    assert_ne!(set.rule_digest("b"), set.rule_digest("a"));
}

#[test]
fn approvals_changed() {
    for more in MORE {
        assert_eq!(lines(ASK, &with(more)).len(), 1, "{more}");
    }
    assert_eq!(
        lines(ASK, &with(&MORE.join(", "))),
        [
            "group:dev has sql.delete on postgres/shop: was ask (approval by 2 of dba for 1h, within 30m), \
             is ask (approval by 2 of dba for 1h, after 10m also of managers, or by attestation, \
             given from 09:00 to 17:00 Europe/Berlin on mon, fri, for which the client comes again, within 30m, \
             or taken for 1h without it and reviewed by security within 1d)"
        ]
    );
}

#[test]
fn the_past_is_counted() {
    let set = rules(
        "- {id: read, who: 'group:dev', on: '*', may: sql.select, mask: pii}\n\
         - {id: ask, who: 'group:dev', on: '*', may: sql.delete, approve: {of: leads, per: statement}}\n",
    );
    let recorded = |name: &str, groups: &[&str], what: &str| Recorded {
        principal: person(name, groups),
        resource: resource("postgres/shop"),
        environment: environment(""),
        question: question(what),
    };
    let past = [
        recorded("alice", &["dev"], "sql.read sees:pii"),
        recorded("alice", &["dev"], "sql.read sees:pay"),
        recorded("alice", &["dev"], "sql.delete"),
        recorded("bob", &[], "sql.read"),
        recorded("alice", &["dev"], "sql.read"),
    ];
    let by_rule = [
        ("ask", 1),
        ("default-deny", 1),
        ("guard:pay", 1),
        ("read", 2),
    ];
    let expected = Counts {
        operations: 5,
        allowed: 2,
        held: 1,
        denied: 2,
        masked: 2,
        by_rule: by_rule.map(|(rule, count)| (rule.to_owned(), count)).into(),
    };
    assert_eq!(simulate(&set, past), expected);
}
