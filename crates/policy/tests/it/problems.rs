//! What is wrong with a document, and where it stands.

use custos_policy::documents::{Document, PolicySet};

use crate::world::{parse, with_labels};

fn problems(text: &str) -> Vec<String> {
    let problems = parse(text).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

/// Of one rule, that stands on line 6.
fn of_rule(rule: &str) -> Vec<String> {
    problems(&with_labels(&format!("- {{{rule}}}\n")))
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    let text = "version: 2\nrule: []\nrules:\n  - id: Bad Id\n    who: [alice, 'group:']\n    on: shop\n    may: [sql.reed]\n    obligations: {}\n";
    insta::assert_snapshot!(problems(text).join("\n"));
}

#[test]
fn everything_wrong_with_an_approval_is_told_with_its_place() {
    let text = "version: 1\nrules:\n  - id: a\n    who: group:dev\n    on: postgres/shop\n    may: session.open\n    \
                approve:\n      of: leads\n      per: statement\n      expires: 10m\n      \
                hours: {from: '09:00', to: '09:00', zone: UTC}\n      \
                escalate:\n        after: 10m\n        of: group:leads\n      attested: yes\n      meanwhile: hang\n      \
                break_glass:\n        for: 60\n        review: '*'\n        of: security\n";
    insta::assert_snapshot!(problems(text).join("\n"));
}

#[test]
fn approvals_are_checked() {
    for (fields, why) in [
        (
            "hours: always",
            "`hours` is a mapping of: days, from, to, zone",
        ),
        (
            "hours: {from: '09:00', to: '17:00'}",
            "`hours` needs `zone`",
        ),
        (
            "escalate: managers",
            "`escalate` is a mapping of: after, of",
        ),
        ("escalate: {of: managers}", "`escalate` needs `after`"),
        ("escalate: {after: 10m}", "`escalate` needs `of`"),
        (
            "escalate: {after: 10, of: managers}",
            "`after` is a duration",
        ),
        (
            "escalate: {after: 10m, of: 'group:'}",
            "`group:` names no group",
        ),
        (
            "escalate: {after: 10m, of: x}",
            "`x` counts from the beginning",
        ),
        (
            "escalate: {after: 30m, of: managers}",
            "`after` must be shorter than `expires`, which is 30m",
        ),
        (
            "escalate: {after: 2h, of: managers}, expires: 1h",
            "`after` must be shorter than `expires`, which is 1h",
        ),
        ("attested: maybe", "`attested` is `true` or `false`"),
        ("meanwhile: go", "known here: wait, retry"),
        (
            "break_glass: true",
            "`break_glass` is a mapping of: for, review, within",
        ),
        (
            "break_glass: {review: y, within: 1d}",
            "`break_glass` needs `for`",
        ),
        (
            "break_glass: {for: 1h, within: 1d}",
            "`break_glass` needs `review`",
        ),
        (
            "break_glass: {for: 1h, review: y}",
            "`break_glass` needs `within`",
        ),
        (
            "break_glass: {for: 1h, review: 'a*', within: 1d}",
            "`a*` names no group",
        ),
        (
            "break_glass: {for: 1h, review: y, within: 1w}",
            "`within` is a duration",
        ),
        ("window: 1h", "`window` belongs to"),
        ("reason: true", "`approve` has no field `reason`"),
    ] {
        let said = of_rule(&format!(
            "id: a, who: '*', on: '*', may: sql.dml, approve: {{of: x, per: session, {fields}}}"
        ));
        let [problem] = said.as_slice() else {
            panic!("{fields}: {said:?}");
        };
        assert!(
            problem.starts_with("p.yaml:6:") && problem.contains(why),
            "{fields}: {problem}"
        );
    }
    let glass = "break_glass: {for: 1h, review: y, within: 1d}";
    let rule = |may: &str, fields: &str| {
        of_rule(&format!(
            "id: a, who: '*', on: '*', may: {may}, approve: {{of: x, {fields}}}"
        ))
    };
    for (may, fields, why) in [
        (
            "sql.dml",
            format!("per: statement, {glass}"),
            "p.yaml:6:90: `break_glass` belongs to `per: session` and `per: window`",
        ),
        (
            "session.open",
            "per: session, meanwhile: wait".to_owned(),
            "p.yaml:6:91: `meanwhile` is about operations",
        ),
    ] {
        let said = rule(may, &fields);
        assert!(
            said.len() == 1 && said[0].starts_with(why),
            "{fields}: {said:?}"
        );
    }
    for (may, fields) in [
        ("sql.dml", format!("per: session, {glass}")),
        ("sql.dml", format!("per: window, window: 2h, {glass}")),
        (
            "[session.open, sql.dml]",
            "per: session, meanwhile: retry".to_owned(),
        ),
        (
            "sql.dml",
            "per: statement, escalate: {after: 29m, of: group:y}".to_owned(),
        ),
    ] {
        assert_eq!(rule(may, &fields), [""; 0], "{fields}");
    }
}

/// What the documentation shows is what the reader takes; so is the fuzzer's seed, or it would fuzz refusals only.
#[test]
fn rules_that_are_shown_are_accepted() {
    let page = include_str!("../../../../docs/policy.md");
    let shown: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|text| text.contains("rules:"))
        .collect();
    assert_eq!(shown.len(), 3);
    for text in shown {
        let version = if text.contains("version: 1") {
            ""
        } else {
            "version: 1\n"
        };
        assert_eq!(problems(&format!("{version}{text}")), [""; 0]);
    }
    assert_eq!(
        problems(include_str!("../../../../fuzz/seeds/policy/approvals")),
        [""; 0]
    );
}

#[test]
fn a_rule_says_what_it_needs() {
    for (rule, why) in [
        ("id: a", "a rule needs `who`"),
        ("id: a, who: '*', on: '*'", "a rule needs `may` or `deny`"),
        (
            "id: a, who: '*', on: '*', may: sql.select, deny: sql.dml",
            "not both",
        ),
        (
            "id: a, who: [], on: '*', may: sql.select",
            "`who` is an empty list",
        ),
        (
            "id: a, who: ['*', 'group:x'], on: '*', may: sql.select",
            "`*` is everybody",
        ),
        (
            "id: a, who: ['group:x', 'group:x'], on: '*', may: sql.select",
            "group:x stands in `who` twice",
        ),
        (
            "id: a, who: {issuer: x}, on: '*', may: sql.select",
            "a principal needs `subject`",
        ),
        (
            "id: a, who: 'group:a*', on: '*', may: sql.select",
            "`group:a*` names nobody",
        ),
        (
            "id: a, who: alice, on: '*', may: sql.select",
            "`alice` names nobody",
        ),
        (
            "id: a, who: '*', on: 'postgres/Shop', may: sql.select",
            "can be no resource's name",
        ),
        (
            "id: a, who: '*', on: 'shop/*', may: sql.select",
            "can be no resource's name",
        ),
        (
            "id: a, who: '*', on: {}, may: sql.select",
            "needs `name`, `label` or `kind`",
        ),
        (
            "id: a, who: '*', on: {label: 'a=b=c'}, may: sql.select",
            "`a=b=c` is no label",
        ),
        (
            "id: a, who: '*', on: {kind: oracle}, may: sql.select",
            "`kind` cannot be `oracle`",
        ),
        (
            "id: a, who: '*', on: {name: postgres/x, kind: ssh}, may: sql.select",
            "of another kind",
        ),
        ("id: a, who: '*', on: '*', may: sql.drop", "known: sql.read"),
        (
            "id: a, who: '*', on: '*', may: [sql.dml, sql.insert]",
            "sql.insert is said twice",
        ),
        (
            "id: a, who: '*', on: '*', may: 'unmask:other'",
            "no document defines the label `other`; known: pay, pii",
        ),
        (
            "id: a, who: '*', on: '*', deny: 'unmask:pii'",
            "`unmask` cannot be denied",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.select, mask: other",
            "no document defines the label `other`",
        ),
        (
            "id: a, who: '*', on: '*', may: [sql.select, 'unmask:pii'], mask: pii",
            "both masks and unmasks `pii`",
        ),
        (
            "id: a, who: '*', on: '*', deny: sql.dml, mask: pii",
            "`mask` belongs to rules with `may`",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, approve: {of: x}",
            "`approve` needs `per`",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, approve: {of: x, per: window}",
            "`window` belongs to",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, approve: {of: x, per: session, window: 1h}",
            "`window` belongs to",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, approve: {count: 0, of: x, per: session}",
            "from 1 to 10",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, approve: {of: x, per: session, expires: 90}",
            "is a duration",
        ),
        (
            "id: a, who: '*', on: '*', may: 'unmask:pii', approve: {of: x, per: session}",
            "cannot wait",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, require: {}",
            "asks for nothing",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, require: {reason: yes}",
            "`true` or `false`",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, require: {networks: 10.0.0.1/8}",
            "is no network",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, limit: {rows: 1k}",
            "is a number",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, limit: {bytes: 10}",
            "is a size",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, limit: {rate: 10}",
            "is a rate",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, conditions: {without_where: approve}",
            "needs `approve`",
        ),
        (
            "id: a, who: '*', on: '*', deny: sql.dml, conditions: {without_where: approve}",
            "can only say `deny`",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, conditions: {without_where: allow}",
            "known here: deny, approve",
        ),
        (
            "id: default-deny, who: '*', on: '*', may: sql.dml",
            "absence of a rule",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.dml, note: \"a\\u202eb\"",
            "characters that do not show",
        ),
    ] {
        let said = of_rule(rule);
        assert!(
            said.iter().any(|line| line.contains(why)),
            "{rule}: {said:?}"
        );
        assert!(
            said.iter().all(|line| line.starts_with("p.yaml:6:")),
            "{said:?}"
        );
    }
}

#[test]
fn rules_that_can_never_apply_are_mistakes() {
    for (rule, why) in [
        (
            "id: a, who: '*', on: {kind: ssh}, may: sql.select",
            "never apply to sql.read",
        ),
        (
            "id: a, who: '*', on: ['ssh/*', 'postgres/*'], may: sql.select",
            "never apply to ssh/*",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.select, conditions: {without_where: deny}",
            "`without_where` in `a` can never apply",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.update, conditions: {bulk_insert_over: 5}",
            "`bulk_insert_over` in `a` can never apply",
        ),
        (
            "id: a, who: '*', on: '*', may: [sql.update, sql.unknown], conditions: {without_where: deny}",
            "not known",
        ),
        (
            "id: a, who: '*', on: '*', may: sql.update, require: {hours: {from: '09:00', to: '09:00', zone: UTC}}",
            "never hold",
        ),
    ] {
        let said = of_rule(rule);
        assert!(
            said.iter().any(|line| line.contains(why)),
            "{rule}: {said:?}"
        );
    }
    let denied = "- {id: a, who: 'group:x', on: {label: env=prod, kind: postgres}, may: sql.dml}\n\
                  - {id: no, who: '*', on: {label: env=prod}, deny: [sql.dml, sql.ddl]}\n";
    assert_eq!(
        problems(&with_labels(denied)),
        ["p.yaml:6:3: `a` can never apply: `no` denies all of it to everybody whom it is for"]
    );
    let partly = denied.replace("may: sql.dml", "may: [sql.dml, sql.select]");
    assert_eq!(problems(&with_labels(&partly)), [""; 0]);
}

#[test]
fn labels_are_checked() {
    let of_label = |label: &str| problems(&format!("version: 1\nlabels:\n  {label}\n"));
    for (label, why) in [
        ("Pii: {}", "a label has 1 to 63"),
        ("pii: {columns: [a.b.c]}", "needs `mask`"),
        (
            "pii: {columns: [ssn], mask: redact}",
            "no pattern of columns",
        ),
        ("pii: {columns: [a.b.SSN], mask: redact}", "in lower case"),
        ("pii: {columns: [a.b.c], mask: blur}", "cannot be `blur`"),
        (
            "pii: {columns: [a.b.c], mask: {partial: {}}}",
            "leaves `first` or `last`",
        ),
        (
            "pii: {columns: [a.b.c], mask: {token: {}}}",
            "needs `scope`",
        ),
        (
            "pii: {columns: [a.b.c], mask: {token: {scope: x}, partial: {last: 1}}}",
            "one transform",
        ),
        (
            "pii: {columns: [a.b.c], mask: redact, predicates: maybe}",
            "known here: allow, deny",
        ),
    ] {
        let said = of_label(label);
        assert!(
            said.iter().any(|line| line.contains(why)),
            "{label}: {said:?}"
        );
    }
}

#[test]
fn documents_are_checked_together() {
    let one = Document {
        name: "one.yaml",
        text: "version: 1\nlabels: {pii: {columns: ['*.*.a'], mask: hash}}\nrules:\n- {id: a, who: '*', on: '*', may: sql.select}\n",
    };
    let two = Document {
        name: "two.yaml",
        text: "version: 1\nlabels: {pii: {columns: ['*.*.b'], mask: hash}}\nrules:\n- {id: a, who: '*', on: '*', may: sql.dml}\n",
    };
    let problems = PolicySet::parse(&[one, two]).unwrap_err();
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["two.yaml:2:10: the label `pii` is defined twice"]);
    let two = Document {
        name: "two.yaml",
        text: "version: 1\nrules:\n- {id: a, who: '*', on: '*', may: sql.dml, mask: pii}\n",
    };
    let problems = PolicySet::parse(&[one, two]).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "two.yaml:3:3: the id `a` is taken by the rule at one.yaml:4"
    );
}

#[test]
fn an_empty_set_denies_and_limits_hold() {
    assert!(PolicySet::parse(&[]).unwrap().matrix().cells.is_empty());
    let rule = |n: usize| format!("- {{id: r{n}, who: '*', on: '*', may: sql.dml}}\n");
    let many = (0..5001).map(rule).collect::<Vec<_>>().concat();
    let said = problems(&format!("version: 1\nrules:\n{many}"));
    assert_eq!(said, ["p.yaml:1:1: there are more than 5000 rules"]);
    assert_eq!(
        problems("version: 1\n"),
        ["p.yaml:1:1: the document has neither `rules` nor `labels`"]
    );
    assert_eq!(
        problems("version: 1\nrules: none\n"),
        ["p.yaml:2:8: `rules` is a list"]
    );
}

/// Whatever is accepted is evaluated, also on the small stack of a thread.
#[test]
fn the_longest_rules_decide() {
    let list =
        |max: usize, of: &dyn Fn(usize) -> String| (0..max).map(of).collect::<Vec<_>>().join(", ");
    let rule = |who: usize, on: usize, labels: usize| {
        format!(
            "- {{id: a, who: [{}], on: [{}, {{label: [{}]}}], may: sql.select}}\n",
            list(who, &|n| format!("'group:g{n}'")),
            list(on, &|n| format!("'postgres/a{n}*'")),
            list(labels, &|n| format!("l{n}")),
        )
    };
    let set = parse(&with_labels(&rule(1000, 63, 16))).unwrap();
    let principal = crate::world::person("alice", &["g999"]);
    let labels: Vec<String> = (0..16).map(|n| format!(" l{n}")).collect();
    let labels = labels.concat();
    let asked = std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(move || {
            let environment = crate::world::environment("");
            let on = format!("postgres/x{labels}");
            crate::world::shown(&crate::world::decide(
                &set,
                &principal,
                &on,
                &environment,
                "sql.read",
            ))
        });
    assert_eq!(asked.unwrap().join().unwrap(), "allow by a");
    for (who, on, labels) in [(1001, 1, 1), (1, 64, 1), (1, 1, 17)] {
        assert_eq!(problems(&with_labels(&rule(who, on, labels))).len(), 1);
    }
}

#[test]
fn problems_are_not_told_without_end() {
    let many = "- nonsense\n".repeat(5000);
    assert_eq!(problems(&format!("version: 1\nrules:\n{many}")).len(), 100);
}

#[test]
fn a_label_says_what_it_is_of() {
    for (label, why) in [
        (
            "mask: redact",
            "needs `columns`, `commented: true` or `detect`",
        ),
        (
            "commented: false, mask: redact",
            "needs `columns`, `commented: true` or `detect`",
        ),
        ("detect: card, mask: redact", "`detect` cannot be `card`"),
        (
            "detect: [email, email], mask: redact",
            "stands in `detect` twice",
        ),
        ("detect: {pattern: '('}, mask: redact", "does not parse"),
        (
            "detect: {pattern: 'a+'}, mask: redact",
            "give repetitions a bound",
        ),
        ("detect: {word: a}, mask: redact", "no field `word`"),
        (
            "detect: email, paths: '$.a', mask: redact",
            "`paths` is about a label's columns",
        ),
        (
            "detect: email, predicates: allow, mask: redact",
            "`predicates` is about",
        ),
        (
            "commented: true, paths: 'a.b', mask: redact",
            "is no path in a document",
        ),
        (
            "commented: perhaps, mask: redact",
            "`commented` is `true` or `false`",
        ),
    ] {
        let text = format!("version: 1\nlabels:\n  pii: {{{label}}}\n");
        let told = problems(&text).join("\n");
        assert!(told.contains(why), "{label}: {told}");
    }
    let patterns: Vec<String> = (0..40)
        .map(|number| format!("{{pattern: 'x{number}y'}}"))
        .collect();
    let text = format!(
        "version: 1\nlabels:\n  pii: {{detect: [{}], mask: redact}}\n",
        patterns.join(", ")
    );
    assert!(problems(&text).join("").contains("patterns"));
}
