//! Blocked before the target hears of it, with an error that says why; the session goes on.

use custos_testkit::{PATIENCE, run};

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
