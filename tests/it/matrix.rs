//! Stock clients against both servers.
//!
//! With `CUSTOS_TEST_DIRECT=1` they connect straight to the server: the baseline of what they do without a gateway.

use custos_testkit::{Client, Custos, Endpoint, Postgres, Version};

fn is_direct() -> bool {
    std::env::var_os("CUSTOS_TEST_DIRECT").is_some_and(|value| value == "1")
}

#[track_caller]
fn check(client: Client, version: Version) {
    let postgres = Postgres::shared(version);
    let database = format!("matrix_{client:?}").to_lowercase();
    postgres.sql(&format!("create database {database} owner app"));
    if is_direct() {
        run_all(client, &Endpoint::direct(postgres, &database));
        return;
    }
    let (custos, credential) = Custos::in_front_of(postgres);
    run_all(client, &custos.endpoint(&credential, &database));
    custos.wait_for_quiet();
    let evidence = custos.finish().evidence;

    let end = evidence
        .of_type("session.end")
        .next()
        .expect("a session ended");
    assert_eq!(end["outcome"], "ok", "{end}");
    assert_eq!(
        evidence.of_type("session.start").count(),
        evidence.of_type("session.end").count()
    );
    for start in evidence.of_type("session.start") {
        assert_eq!(start["actor"]["name"], "alice", "{start}");
        assert_eq!(start["target"]["database"], database.as_str(), "{start}");
        assert!(
            start["src"]["tls"]
                .as_str()
                .is_some_and(|tls| tls.starts_with("TLS")),
            "{start}"
        );
    }
    // The oracle: what the target says it executed is on record, in the same words.
    let executed = postgres.executed_in(&database);
    assert!(executed.len() > 10, "{executed:?}");
    for statement in executed {
        assert!(
            evidence.has_statement(&statement),
            "not on record: {statement}\n{evidence}"
        );
    }
    let mut failed = evidence
        .all()
        .iter()
        .filter(|record| record["op"]["sqlstate"] == "42P01");
    assert!(
        failed.next().is_some(),
        "the error is not on record\n{evidence}"
    );
}

/// Runs the client's program and wants each of its checks reported as passed.
#[track_caller]
fn run_all(client: Client, endpoint: &Endpoint) {
    let output = client.run(endpoint).success();
    for check in client.checks() {
        assert!(
            output.lines().any(|line| line == format!("ok {check}")),
            "{check} did not report\n{output}"
        );
    }
}

macro_rules! matrix {
    ($($name:ident: $client:ident),+) => {
        mod postgres_15 { $(#[test] fn $name() { super::check(super::Client::$client, super::Version::V15); })+ }
        mod postgres_18 { $(#[test] fn $name() { super::check(super::Client::$client, super::Version::V18); })+ }
    };
}

matrix! {
    psycopg: Psycopg,
    asyncpg: Asyncpg,
    sqlalchemy: Sqlalchemy,
    node_postgres: NodePostgres,
    pgjdbc: Pgjdbc,
    pgx: Pgx
}
