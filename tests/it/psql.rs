//! What a person does at psql, on a terminal and off it.

use std::time::{Duration, Instant};

use custos_testkit::{
    Custos, Endpoint, PATIENCE, Postgres, Terminal, Version, run, start, wait_for,
};

/// A gateway before the shared server, with a database of its own for alice.
fn shop(version: Version, database: &str) -> (Custos, Endpoint) {
    let postgres = Postgres::shared(version);
    postgres.sql(&format!("create database {database} owner app"));
    let (custos, credential) = Custos::in_front_of(postgres);
    let endpoint = custos.endpoint(&credential, database);
    (custos, endpoint)
}

#[test]
fn describes_tables_like_a_direct_connection() {
    let database = "psql_describe";
    let (custos, endpoint) = shop(Version::V15, database);
    endpoint
        .query("create table orders (id int primary key, total numeric(10,2) not null default 0)")
        .success();
    let direct = Endpoint::direct(Postgres::shared(Version::V15), database);
    for command in [
        r"\d orders",
        r"\dt+",
        r"\l+ psql_describe",
        r"\du app",
        r"\df pg_sleep",
    ] {
        let through = run(&mut endpoint.psql(&["-c", command]), PATIENCE).success();
        let past = run(&mut direct.psql(&["-c", command]), PATIENCE).success();
        assert_eq!(through, past, "{command}");
        assert!(through.lines().count() > 2, "{command}: {through}");
    }
    custos.finish();
}

#[test]
fn copies_files_both_ways() {
    let (custos, endpoint) = shop(Version::V15, "psql_copy");
    let lines = (0..20_000)
        .map(|number| format!("{number}\titem {number}\n"))
        .collect::<Vec<_>>()
        .concat();
    let file = custos.write_private("in.tsv", &lines);
    let out = custos.directory().join("out.tsv");
    endpoint
        .query("create table items (id int, name text)")
        .success();
    let copy_in = format!(r"\copy items from '{}'", file.display());
    assert_eq!(
        run(&mut endpoint.psql(&["-c", &copy_in]), PATIENCE).success(),
        "COPY 20000\n"
    );
    let copy_out = format!(
        r"\copy (select * from items order by id) to '{}'",
        out.display()
    );
    assert_eq!(
        run(&mut endpoint.psql(&["-c", &copy_out]), PATIENCE).success(),
        "COPY 20000\n"
    );
    assert_eq!(std::fs::read_to_string(out).expect("psql wrote it"), lines);

    // A line that does not fit ends the copy, and nothing of it stays.
    let bad = custos.write_private("bad.tsv", "1\tfine\nnot a number\tbad\n");
    let copy_bad = format!(r"\copy items from '{}'", bad.display());
    assert!(
        run(&mut endpoint.psql(&["-c", &copy_bad]), PATIENCE)
            .failure()
            .contains("invalid input syntax")
    );
    assert_eq!(
        endpoint.query("select count(*) from items").success(),
        "20000\n"
    );

    let evidence = custos.finish().evidence;
    let copies = evidence
        .statements()
        .iter()
        .filter(|&&text| text == "COPY  items FROM STDIN ")
        .count();
    assert_eq!(copies, 2, "{evidence}");
    let mut outcomes = evidence.of_type("operation.outcome");
    assert!(
        outcomes.any(|outcome| outcome["op"]["rows"] == 20_000),
        "{evidence}"
    );
    let mut outcomes = evidence.of_type("operation.outcome");
    assert!(
        outcomes.any(|outcome| outcome["op"]["sqlstate"] == "22P02"),
        "{evidence}"
    );
}

#[test]
fn watches_a_statement() {
    let (custos, endpoint) = shop(Version::V15, "psql_watch");
    let mut terminal = Terminal::start(&endpoint.psql(&["-q"]));
    terminal.keys("select 'seen ' || 6 * 7 as it \\watch 0.1\n");
    let mut shown = terminal.expect_after(0, "seen 42", PATIENCE);
    for _ in 0..3 {
        shown = terminal.expect_after(shown, "seen 42", PATIENCE);
    }
    terminal.keys("\u{3}");
    terminal.keys("\\q\n");
    terminal.finish(PATIENCE);
    let evidence = custos.finish().evidence;
    let watched = evidence
        .statements()
        .iter()
        .filter(|text| text.starts_with("select 'seen '"))
        .count();
    assert!(watched >= 4, "{watched} in\n{evidence}");
}

#[track_caller]
fn control_c(version: Version, database: &str, libpq_18: bool) {
    let (custos, endpoint) = shop(version, database);
    let arguments = ["-q", "-v", "ON_ERROR_STOP=0"];
    let command = if libpq_18 {
        endpoint.psql_18(&arguments)
    } else {
        endpoint.psql(&arguments)
    };
    let mut terminal = Terminal::start(&command);
    terminal.keys("select 'ready' || 1;\n");
    let shown = terminal.expect_after(0, "ready1", PATIENCE);
    terminal.keys("select pg_sleep(60);\n");
    wait_for("the statement to run", PATIENCE, || {
        let running = "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'";
        let count = Postgres::shared(version).sql(&format!("{running} and datname = '{database}'"));
        (count == "1").then_some(())
    });
    let pressed = Instant::now();
    terminal.keys("\u{3}");
    let shown = terminal.expect_after(shown, "canceling statement due to user request", PATIENCE);
    let took = pressed.elapsed();
    assert!(took < Duration::from_secs(1), "Ctrl-C took {took:?}");
    terminal.keys("select 'alive' || 2;\n\\q\n");
    terminal.expect_after(shown, "alive2", PATIENCE);
    terminal.finish(PATIENCE);

    let evidence = custos.finish().evidence;
    let cancelled = evidence.outcome_of("select pg_sleep(60);");
    assert_eq!(cancelled["op"]["sqlstate"], "57014", "{cancelled}");
    let request = evidence.only("cancel.requested");
    assert_eq!(request["outcome"], "ok", "{request}");
    assert_eq!(
        request["detail"]["session"], cancelled["sess"]["id"],
        "{request}"
    );
}

#[test]
fn control_c_cancels_within_a_second() {
    control_c(Version::V15, "psql_ctrl_c", false);
}

/// libpq 18 sends its cancel request inside TLS.
#[test]
fn control_c_of_libpq_18_cancels_within_a_second() {
    control_c(Version::V18, "psql_ctrl_c_18", true);
}

#[test]
fn notifications_cross_sessions() {
    let (custos, endpoint) = shop(Version::V15, "psql_notify");
    let mut listener = start(&mut endpoint.psql(&["-Atq"]));
    listener.write("listen news;\nselect 'listening';\n");
    wait_for("LISTEN", PATIENCE, || {
        listener.stdout().contains("listening").then_some(())
    });
    endpoint.query("notify news, 'käse is out'").success();
    // psql looks for notifications when it has run something.
    wait_for("the notification", PATIENCE, || {
        listener.write("select 1;\n");
        listener
            .stdout()
            .contains(r#"Asynchronous notification "news" with payload "käse is out""#)
            .then_some(())
    });
    listener.write("\\q\n");
    listener.finish(PATIENCE).success();
    let stopped = custos.finish();
    assert_eq!(stopped.evidence.sessions().len(), 2);
}
