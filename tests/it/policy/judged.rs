//! Blocked before the target hears of it, with an error that says why; the session goes on.

use custos_testkit::{PATIENCE, Version, run};

use super::{POLICY, Site};

#[test]
fn a_denied_statement_names_the_rule_and_the_session_goes_on() {
    let site = Site::new("judged", POLICY);
    let endpoint = site.as_member("analysts");
    let mut psql = endpoint.psql(&[
        "-At",
        "-v",
        "VERBOSITY=verbose",
        "-v",
        "ON_ERROR_STOP=0",
        "-c",
        "delete from people where id = 2",
        "-c",
        "select count(*) from people",
    ]);
    let finished = run(&mut psql, PATIENCE);
    assert_eq!(finished.stdout.trim(), "2", "{}", finished.stderr);
    let heard = &finished.stderr;
    assert!(
        heard.contains("42501")
            && heard.contains("policy denies sql.delete on people: default-deny")
            && heard.contains("no rule allows alice sql.delete")
            && heard.contains("operation 1"),
        "{heard}"
    );
    let refused = endpoint.query("copy people to program 'cat'").failure();
    assert!(refused.contains("nothing-leaves"), "{refused}");
    assert_eq!(site.at_target("select count(*) from people"), "2");
    let evidence = site.custos.finish().evidence;
    let intent = evidence
        .of_type("operation.intent")
        .find(|record| record["op"]["text"] == "delete from people where id = 2")
        .expect("a record of the attempt");
    assert_eq!(intent["verdict"]["effect"], "deny");
    assert_eq!(intent["verdict"]["rules"][0], "default-deny");
    let outcome = evidence.outcome_of("delete from people where id = 2");
    assert_eq!(outcome["outcome"], "denied");
}

#[test]
fn whatever_it_looks_like() {
    let site = Site::new("looks", POLICY);
    let endpoint = site.as_member("analysts");
    for sql in [
        "DeLeTe/**/from people",
        "with gone as (delete from people returning *) select * from gone",
        "explain analyze delete from people",
        "prepare p as delete from people",
        "do $$ begin delete from people; end $$",
        "select lo_import('/etc/passwd')",
        "select 1; delete from people",
        "select set_config('role', 'postgres', false)",
        "set role postgres",
        "truncate people",
        "create table copied as select 1",
        "select pg_read_file('/etc/passwd')",
        "copy people from stdin",
        "select * into other from orders",
        "call nothing()",
        "select nextval('no_such')",
    ] {
        let heard = endpoint.query(sql).failure();
        let stopped = heard.contains("policy denies") || heard.contains("as far as the gateway");
        assert!(stopped, "{sql}: {heard}");
    }
    assert_eq!(site.at_target("select count(*) from people"), "2");
    // What does nothing is not hindered.
    for sql in [
        "select version()",
        "begin; select 1; commit",
        "set statement_timeout = '5s'",
        "show search_path",
        "select now(), current_user, pg_size_pretty(pg_database_size(current_database()))",
        "select o.id, sum(total) from orders o join people p on p.id = o.person group by 1",
        "explain select * from orders",
        "",
    ] {
        endpoint.query(sql).success();
    }
    site.custos.finish();
}

#[test]
fn how_much_a_statement_changes_is_judged() {
    let site = Site::new("amounts", POLICY);
    let developers = site.as_member("developers");
    let many: Vec<String> = (100..220).map(|id| format!("({id}, 'x')")).collect();
    for sql in [
        "delete from orders".to_owned(),
        "update orders set total = 1 where true".to_owned(),
        "update orders set total = 1 where note = note".to_owned(),
        "with x as (delete from orders where 1 = 1 returning id) select * from x".to_owned(),
        "prepare p as delete from orders; execute p".to_owned(),
        format!("insert into orders (id, note) values {}", many.join(", ")),
        "insert into orders (id) select g from generate_series(300, 302) g".to_owned(),
        "copy orders (id, note) from stdin".to_owned(),
    ] {
        let heard = developers.query(&sql).failure();
        assert!(
            heard.contains("policy denies")
                && heard.contains("`developers-work` allows it, but not"),
            "{sql}: {heard}"
        );
    }
    for sql in [
        "insert into orders (id, note) values (50, 'a'), (51, 'b')",
        "update orders set total = 1 where id = 50",
        "delete from orders where id in (50, 51)",
        "create table mine (id int); insert into mine values (1); drop table if exists nothing",
    ] {
        let seen = developers.query(sql);
        assert_eq!(
            seen.stderr.contains("policy denies"),
            sql.contains("drop"),
            "{sql}: {}",
            seen.stderr
        );
    }
    assert_eq!(site.at_target("select count(*) from orders"), "1");
    site.custos.finish();
}

#[test]
fn documents_are_simulated_over_what_is_on_record() {
    let site = Site::new("simulated", POLICY);
    let plain = Site::unjudged(Version::V15, "simulated");
    let endpoint = plain.as_member("developers");
    for sql in [
        "select count(*) from orders",
        "update orders set total = 2 where id = 1",
        "update orders set total = 3",
        "truncate orders",
        "create table later (id int)",
    ] {
        endpoint.query(sql).success();
    }
    let evidence = plain.custos.evidence_directory();
    let policy = plain.custos.write_private("policy.yaml", POLICY);
    let directory = evidence.to_str().expect("paths here are text").to_owned();
    let policy = policy.to_str().expect("paths here are text").to_owned();
    plain.custos.wait_for_ended_sessions(5);
    let counts = plain.custos.json(&[
        "policy",
        "simulate",
        &policy,
        "--evidence",
        &directory,
        "--json",
    ]);
    let number = |name: &str| counts[name].as_u64();
    assert_eq!(number("sessions"), Some(5), "{counts}");
    assert_eq!(number("operations"), Some(5), "{counts}");
    assert_eq!(
        (number("allowed"), number("denied")),
        (Some(3), Some(2)),
        "{counts}"
    );
    assert_eq!(counts["by_rule"]["developers-work"], 3, "{counts}");
    assert_eq!(counts["by_rule"]["default-deny"], 2, "{counts}");
    site.custos.finish();
    plain.custos.finish();
}

#[test]
fn records_say_what_was_done_to_what_and_what_was_masked() {
    let site = Site::new("told", POLICY);
    let endpoint = site.as_member("developers");
    let statements = [
        ("select ssn, notes from people", "read", "people"),
        (
            "update orders set note = 'x' where id = 1",
            "write",
            "orders",
        ),
        ("create table told_of (id int)", "define", "told_of"),
        ("drop table told_of", "destroy", "told_of"),
        (
            "alter role postgres rename to nobody",
            "administer",
            "postgres",
        ),
        ("copy orders to program 'cat'", "escape", "cat"),
        (
            "begin; delete from orders where id = 1; rollback",
            "write",
            "orders",
        ),
    ];
    for (sql, _, _) in statements {
        endpoint.query(sql);
    }
    let evidence = site.custos.finish().evidence;
    for (sql, effect, object) in statements {
        let intents = evidence.of_type("operation.intent");
        let op = intents
            .map(|record| record["op"].clone())
            .find(|op| op["text"] == sql)
            .unwrap_or_else(|| panic!("no record of {sql}"));
        assert_eq!(op["effect"], effect, "{sql}: {op}");
        let objects = op["objects"].as_array().expect("objects");
        assert!(objects.contains(&object.into()), "{sql}: {op}");
    }
    let intent = evidence
        .of_type("operation.intent")
        .find(|record| record["op"]["text"] == statements[0].0)
        .expect("a record");
    assert_eq!(
        intent["mask"]["rules"],
        serde_json::json!(["pii.email", "pii.ssn"])
    );
    let outcome = evidence.outcome_of(statements[0].0);
    assert_eq!(
        outcome["mask"],
        serde_json::json!({"count": 1, "fields": 1})
    );
}
