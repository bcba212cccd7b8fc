//! Stopping, reloading, crashing.

use std::time::{Duration, Instant};

use custos_testkit::{
    Client, Custos, Endpoint, PATIENCE, Postgres, Running, Settings, Version, start, wait_for,
};
use rustix::process::Signal;

fn shared() -> &'static Postgres {
    Postgres::shared(Version::V15)
}

/// A psql that has run one statement and waits for more.
#[track_caller]
fn open_session(endpoint: &Endpoint) -> Running {
    let mut client = start(&mut endpoint.psql(&["-Atq"]));
    client.write("select 'open';\n");
    wait_for("the session", PATIENCE, || {
        client.stdout().contains("open").then_some(())
    });
    client
}

#[test]
fn sigterm_lets_operations_finish_and_closes_idle_sessions() {
    let (mut custos, credential) = Custos::in_front_of(shared());
    let endpoint = custos.endpoint(&credential, "shop");
    let mut idle = open_session(&endpoint);
    let mut busy = open_session(&endpoint);
    busy.write("select pg_sleep(4), 'done';\n");
    custos.wait_for_record("the operation under way", |record| {
        record["op"]["text"] == "select pg_sleep(4), 'done';"
    });
    custos_testkit::signal(custos.pid(), Signal::TERM);

    custos.wait_for_record("the end of the idle session", |record| {
        record["type"] == "session.end"
    });
    idle.write("select 'too late';\n");
    let idle = idle.finish(PATIENCE);
    assert!(idle.stderr.contains("the gateway is stopping"), "{idle}");
    busy.close_stdin();
    let busy = busy.finish(PATIENCE);
    assert!(
        busy.stdout.contains("|done"),
        "the answer of the last operation must arrive: {busy}"
    );
    let ended = custos.collect();
    assert_eq!(ended.code(), 0, "{ended}");
    let evidence = custos.finish().evidence;
    assert_eq!(
        evidence.outcome_of("select pg_sleep(4), 'done';")["outcome"],
        "ok"
    );
    assert_eq!(evidence.of_type("session.end").count(), 2);
    assert_eq!(
        evidence.all().last().map(|record| record["type"].clone()),
        Some("node.stop".into())
    );
}

#[test]
fn sigterm_does_not_wait_for_ever() {
    let custos = Custos::start_with(&Settings {
        drain_timeout: "1s".to_owned(),
        ..Settings::default()
    });
    custos.add_resource("postgres/shop", shared());
    let credential = custos.issue("alice", "postgres/shop");
    let mut busy = open_session(&custos.endpoint(&credential, "shop"));
    busy.write("select pg_sleep(60);\n");
    custos.wait_for_record("the operation", |record| {
        record["op"]["text"] == "select pg_sleep(60);"
    });
    let told = Instant::now();
    let stopped = custos.finish();
    assert!(
        told.elapsed() < Duration::from_secs(15),
        "took {:?}",
        told.elapsed()
    );
    let end = stopped.evidence.only("session.end");
    assert_ne!(end["outcome"], "ok", "{end}");
    busy.finish(PATIENCE);
}

#[test]
fn sighup_changes_policy_for_live_sessions_too() {
    let custos = Custos::start();
    custos.add_resource("postgres/shop", shared());
    let [alice, bob] =
        ["alice", "bob"].map(|name| custos.endpoint(&custos.issue(name, "postgres/shop"), "shop"));
    let [mut of_alice, mut of_bob] = [&alice, &bob].map(open_session);

    let access =
        "[[access]]\nname = \"bob-only\"\nprincipals = [\"bob\"]\nresources = [\"postgres/*\"]\n";
    custos.write_settings(&Settings {
        access: access.to_owned(),
        ..Settings::default()
    });
    custos.reload();
    let changed = custos.wait_for_record("config.changed", |record| {
        record["type"] == "config.changed"
    });
    assert_eq!(changed["outcome"], "ok", "{changed}");
    assert!(
        changed["detail"].to_string().contains("access"),
        "{changed}"
    );
    custos.wait_for_record("the end of alice's session", |record| {
        record["type"] == "session.end" && record["actor"]["name"] == "alice"
    });
    of_alice.write("select 'too late';\n");
    let cut = of_alice.finish(PATIENCE);
    assert!(
        cut.stderr.contains("access is no longer allowed") && !cut.stdout.contains("too late"),
        "{cut}"
    );
    assert!(alice.query("select 1").failure().contains("default-deny"));
    of_bob.write("select 'goes on';\n\\q\n");
    assert!(of_bob.finish(PATIENCE).success().contains("goes on"));

    let evidence = custos.finish().evidence;
    assert_ne!(
        evidence.only("session.denied")["gw"]["policy"],
        evidence.of_type("session.start").next().expect("a session")["gw"]["policy"],
        "records name the policy in force"
    );
}

#[test]
fn sighup_refuses_a_broken_file_and_keeps_the_old() {
    let (custos, credential) = Custos::in_front_of(shared());
    std::fs::write(custos.config_file(), "cluster = \"test\"\nnonsense = 1\n")
        .expect("it can be written");
    custos.reload();
    wait_for("the refusal in the log", PATIENCE, || {
        custos.log().contains("nonsense").then_some(())
    });
    assert_eq!(
        custos
            .endpoint(&credential, "shop")
            .query("select 1")
            .success(),
        "1\n"
    );
    custos.finish();
}

#[test]
fn sighup_takes_a_new_certificate() {
    let (custos, credential) = Custos::in_front_of(shared());
    let endpoint = custos.endpoint(&credential, "shop");
    let mut live = open_session(&endpoint);
    let renewed = custos_testkit::Authority::new(custos.directory(), "renewed-ca");
    renewed.issue("gateway", &["localhost"]);
    custos.reload();
    let fresh = Endpoint {
        root_certificate: Some(renewed.file()),
        ..endpoint.clone()
    };
    wait_for("the new certificate", PATIENCE, || {
        fresh.query("select 1").status.success().then_some(())
    });
    endpoint.query("select 1").failure();
    live.write("select 'old connection';\n\\q\n");
    assert!(live.finish(PATIENCE).success().contains("old connection"));
    custos.finish();
}

#[test]
fn after_sigkill_everything_acknowledged_is_there() {
    let (mut custos, credential) = Custos::in_front_of(shared());
    let endpoint = custos.endpoint(&credential, "shop");
    let mut live = open_session(&endpoint);
    live.write("create temp table t (n int);\n");
    for number in 0..200 {
        live.write(&format!(
            "insert into t values ({number}) returning 'acknowledged {number}';\n"
        ));
    }
    wait_for("many answers", PATIENCE, || {
        live.stdout().contains("acknowledged 100").then_some(())
    });
    custos.kill();
    let heard = live.stdout();
    drop(live);
    custos.restart();

    let evidence = custos.evidence();
    let recovered = wait_for("the recovery on record", PATIENCE, || {
        let end = custos.evidence().of_type("session.end").next().cloned();
        end.filter(|end| end["outcome"] == "interrupted")
    });
    assert!(
        recovered["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("without closing")),
        "{recovered}"
    );
    drop(evidence);
    // Whatever the client saw is on record: the statement with its outcome, and the row in the transcript.
    let seen: Vec<&str> = heard
        .lines()
        .filter(|line| line.starts_with("acknowledged"))
        .collect();
    assert!(seen.len() > 100, "{heard}");
    let transcripts = custos.transcripts();
    let evidence = custos.evidence();
    for line in seen {
        assert!(
            transcripts.contains(&format!("[\"{line}\"]")),
            "{line} is not in the transcript"
        );
        let text = format!(
            "insert into t values ({}) returning '{line}';",
            &line["acknowledged ".len()..]
        );
        assert_eq!(evidence.outcome_of(&text)["outcome"], "ok", "{line}");
    }
    // What the target executed has an intent, acknowledged or not.
    for statement in shared()
        .executed_in("shop")
        .iter()
        .filter(|text| text.contains("returning 'acknowledged"))
    {
        assert!(
            evidence.statements().contains(&statement.as_str()),
            "{statement}"
        );
    }
    // And it goes on.
    assert_eq!(endpoint.query("select 'again'").success(), "again\n");
    custos.finish();
}

/// Killed again and again under load from several clients, it never loses anything or fails to come up.
#[test]
fn sigkill_again_and_again() {
    let (mut custos, credential) = Custos::in_front_of(shared());
    let endpoint = custos.endpoint(&credential, "shop");
    for round in 0..5 {
        let mut clients: Vec<Running> = (0..4).map(|_| open_session(&endpoint)).collect();
        for client in &mut clients {
            for number in 0..300 {
                client.write(&format!("select 'round {round} number {number}';\n"));
            }
        }
        wait_for("load", PATIENCE, || {
            clients[0]
                .stdout()
                .contains(&format!("round {round} number {}", 20 * round))
                .then_some(())
        });
        custos.kill();
        drop(clients);
        custos.restart();
    }
    let evidence = custos.finish().evidence;
    assert_eq!(
        evidence.of_type("node.start").count(),
        6,
        "one for each start"
    );
    let ends: Vec<_> = evidence.of_type("session.end").collect();
    assert_eq!(ends.len(), evidence.sessions().len());
    assert!(
        ends.iter()
            .filter(|end| end["outcome"] == "interrupted")
            .count()
            >= 15
    );
}

#[test]
fn evidence_that_was_tampered_with_is_named() {
    let (mut custos, credential) = Custos::in_front_of(shared());
    Client::Psycopg
        .run(&custos.endpoint(&credential, "shop"))
        .success();
    custos.stop();
    let verdict = custos.verify(0);
    assert!(verdict.contains("PASS"), "{verdict}");
    let bundle = custos
        .files()
        .into_iter()
        .find(|(path, _)| path.to_string_lossy().contains("tile/entries/000"))
        .expect("there are entries");
    let (path, original) = bundle;
    let mut bytes = original.clone();
    let place = bytes
        .windows(5)
        .position(|window| window == b"alice")
        .expect("alice is on record");
    bytes[place] = b'b';
    std::fs::write(&path, &bytes).expect("it can be written");
    let verdict = custos.verify(6);
    assert!(verdict.contains("FAIL record"), "{verdict}");
    std::fs::write(&path, &original).expect("it can be written");
    custos.finish();
}

/// Every write to a file fails, as on a full disk: new work is refused, live sessions end and hear why. When writing
/// works again so does the gateway, and what happened is on record.
#[test]
fn when_evidence_cannot_be_written_traffic_stops() {
    let (custos, credential) = Custos::in_front_of(shared());
    let endpoint = custos.endpoint(&credential, "shop");
    let mut live = open_session(&endpoint);
    custos.fail_writes(true);
    live.write("create table must_not_exist (n int);\n");
    let failed = Instant::now();
    let live = live.finish(PATIENCE);
    assert!(
        failed.elapsed() < Duration::from_secs(5),
        "the session lived for {:?}",
        failed.elapsed()
    );
    assert!(live.stderr.contains("evidence"), "{live}");
    let refused = endpoint.query("select 1").failure();
    assert!(refused.contains("evidence"), "{refused}");
    assert_eq!(
        shared().sql_in(
            "shop",
            "select count(*) from pg_tables where tablename = 'must_not_exist'"
        ),
        "0"
    );

    custos.fail_writes(false);
    wait_for("the gateway to recover", PATIENCE, || {
        endpoint
            .query("select 'back'")
            .status
            .success()
            .then_some(())
    });
    custos.wait_for_quiet();
    let evidence = custos.finish().evidence;
    assert!(
        evidence.of_type("evidence.failed").count() > 0,
        "{evidence}"
    );
    assert!(
        evidence.of_type("evidence.recovered").count() > 0,
        "{evidence}"
    );
    let end = evidence
        .of_type("session.end")
        .next()
        .expect("the live session ended");
    assert_ne!(end["outcome"], "ok", "{end}");
}
