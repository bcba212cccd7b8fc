//! Who gets in, and that whoever does not is on record.

use std::time::Duration;

use custos_testkit::{Custos, Endpoint, PATIENCE, Postgres, Settings, Version, run, wait_for};

/// What every failed login hears, whatever its cause.
const ONE_TEXT: &str = "password authentication failed for user";

fn gateway() -> Custos {
    let custos = Custos::start();
    custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
    custos
}

#[test]
fn a_wrong_password_is_denied_and_on_record() {
    let custos = gateway();
    let mut credential = custos.issue("alice", "postgres/shop");
    credential.secret = "cus_wrong".to_owned();
    let heard = custos
        .endpoint(&credential, "shop")
        .query("select 1")
        .failure();
    assert!(
        heard.contains(ONE_TEXT) && heard.contains("alice"),
        "{heard}"
    );

    // A name that does not exist hears the same.
    let mut endpoint = custos.endpoint(&credential, "shop");
    endpoint.user = "mallory".to_owned();
    let unknown = endpoint.query("select 1").failure();
    assert_eq!(unknown.replace("mallory", "alice"), heard);

    let evidence = custos.finish().evidence;
    let failed: Vec<_> = evidence.of_type("login.failed").collect();
    assert_eq!(failed.len(), 2, "{evidence}");
    for (record, name) in failed.iter().zip(["alice", "mallory"]) {
        assert_eq!(record["outcome"], "denied", "{record}");
        assert_eq!(record["actor"]["name"], name, "{record}");
        assert_eq!(record["actor"]["kind"], "unknown", "{record}");
        assert_eq!(record["src"]["ip"], "127.0.0.1", "{record}");
        assert!(record["src"]["tls"].is_string(), "{record}");
        assert!(record["reason"].is_string(), "{record}");
    }
    assert_eq!(evidence.sessions().len(), 0);
}

#[test]
fn a_credential_opens_its_own_resource_only() {
    let (first, second) = (
        Postgres::shared(Version::V15),
        Postgres::shared(Version::V18),
    );
    let custos = Custos::start();
    custos.add_resource("postgres/first", first);
    custos.add_resource("postgres/second", second);
    let which = |resource: &str| {
        let credential = custos.issue("alice", resource);
        custos
            .endpoint(&credential, "shop")
            .query("show server_version_num")
            .success()
    };
    assert!(which("postgres/first").starts_with("15"));
    assert!(which("postgres/second").starts_with("18"));
    let evidence = custos.finish().evidence;
    let opened: Vec<_> = evidence
        .of_type("session.start")
        .map(|record| &record["target"]["resource"])
        .collect();
    assert_eq!(opened, ["postgres/first", "postgres/second"]);
}

#[test]
fn policy_denies_by_default() {
    let access = "[[access]]\nname = \"dba\"\nprincipals = [\"group:dba\", \"bob\"]\nresources = [\"postgres/shop\"]\n";
    let custos = Custos::start_with(&Settings {
        access: access.to_owned(),
        ..Settings::default()
    });
    let postgres = Postgres::shared(Version::V15);
    custos.add_resource("postgres/shop", postgres);
    custos.add_resource("postgres/other", postgres);
    let query = |principal: &str, resource: &str, options: &[&str]| {
        let credential = custos.issue_with(principal, resource, options);
        custos.endpoint(&credential, "shop").query("select 1")
    };
    assert_eq!(query("bob", "postgres/shop", &[]).success(), "1\n");
    assert_eq!(
        query("carol", "postgres/shop", &["--group", "dba"]).success(),
        "1\n"
    );
    for (principal, resource) in [("alice", "postgres/shop"), ("bob", "postgres/other")] {
        let heard = query(principal, resource, &[]).failure();
        assert!(
            heard.contains(resource) && heard.contains("default-deny"),
            "{heard}"
        );
    }
    let evidence = custos.finish().evidence;
    let rules: Vec<_> = evidence
        .of_type("session.start")
        .map(|record| record["verdict"]["rules"][0].clone())
        .collect();
    assert_eq!(rules, ["dba", "dba"]);
    let denied: Vec<_> = evidence.of_type("session.denied").collect();
    assert_eq!(denied.len(), 2, "{evidence}");
    for (record, name) in denied.iter().zip(["alice", "bob"]) {
        assert_eq!(record["outcome"], "denied", "{record}");
        assert_eq!(record["actor"]["name"], name, "{record}");
        assert_eq!(record["verdict"]["effect"], "deny", "{record}");
        assert_eq!(record["verdict"]["rules"][0], "default-deny", "{record}");
    }
}

#[test]
fn an_unknown_database_is_the_targets_to_refuse() {
    let custos = gateway();
    let credential = custos.issue("alice", "postgres/shop");
    let heard = custos
        .endpoint(&credential, "no_such_database")
        .query("select 1")
        .failure();
    assert!(heard.contains("no_such_database"), "{heard}");
    let evidence = custos.finish().evidence;
    assert_eq!(
        evidence.only("session.start")["target"]["database"],
        "no_such_database"
    );
    let end = evidence.only("session.end");
    assert_eq!(end["outcome"], "failed", "{end}");
    assert!(
        end["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("3D000")),
        "{end}"
    );
}

#[test]
fn a_resource_can_be_limited_to_one_database() {
    let postgres = Postgres::shared(Version::V15);
    let custos = Custos::start();
    let authority = postgres.authority().file();
    let options = [
        "--database",
        "shop",
        "--ca-file",
        authority.to_str().expect("a text path"),
    ];
    custos
        .add_target(
            "postgres/one",
            "localhost",
            postgres.port(),
            Postgres::APP,
            &options,
        )
        .success();
    let credential = custos.issue("alice", "postgres/one");
    assert_eq!(
        custos
            .endpoint(&credential, "shop")
            .query("select current_database()")
            .success(),
        "shop\n"
    );
    // libpq's default, when none is given, is the user's name.
    assert_eq!(
        custos
            .endpoint(&credential, "alice")
            .query("select current_database()")
            .success(),
        "shop\n"
    );
    let heard = custos
        .endpoint(&credential, "postgres")
        .query("select 1")
        .failure();
    assert!(heard.contains("shop"), "{heard}");
    let evidence = custos.finish().evidence;
    assert_eq!(evidence.sessions().len(), 2);
    assert_eq!(evidence.only("session.denied")["outcome"], "denied");
}

#[test]
fn an_expired_credential_does_not_open() {
    let custos = gateway();
    let credential = custos.issue_with("alice", "postgres/shop", &["--ttl", "1s"]);
    let endpoint = custos.endpoint(&credential, "shop");
    // On a slow machine it may still open, and then its session is cut.
    wait_for("the credential to expire", Duration::from_secs(10), || {
        let finished = endpoint.query("select 1");
        finished
            .stderr
            .contains(ONE_TEXT)
            .then_some(finished.stderr)
    });
    let evidence = custos.finish().evidence;
    let failed = evidence.only("login.failed");
    assert!(
        failed["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("expired")),
        "{failed}"
    );
}

#[test]
fn a_revoked_credential_does_not_open_and_its_session_is_cut() {
    let custos = gateway();
    let credential = custos.issue("alice", "postgres/shop");
    let endpoint = custos.endpoint(&credential, "shop");
    let mut live = custos_testkit::start(&mut endpoint.psql(&["-Atq"]));
    live.write("select 'open';\n");
    wait_for("the session", PATIENCE, || {
        live.stdout().contains("open").then_some(())
    });

    custos
        .cli(&["credential", "revoke", &credential.id])
        .success();
    let heard = endpoint.query("select 1").failure();
    assert!(heard.contains(ONE_TEXT), "{heard}");
    live.write("select 'still';\n");
    let cut = live.finish(PATIENCE);
    assert!(!cut.stdout.contains("still"), "{cut}");

    let evidence = custos.finish().evidence;
    assert_eq!(
        evidence.only("credential.revoked")["actor"]["kind"],
        "operator"
    );
    let failed = evidence.only("login.failed");
    assert!(
        failed["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("revoked")),
        "{failed}"
    );
    let end = evidence.only("session.end");
    assert_ne!(end["outcome"], "ok", "{end}");
}

#[test]
fn a_credential_can_be_bound_to_a_network() {
    let custos = gateway();
    let here = custos.issue_with("alice", "postgres/shop", &["--from", "127.0.0.0/8"]);
    assert_eq!(
        custos.endpoint(&here, "shop").query("select 1").success(),
        "1\n"
    );
    let elsewhere = custos.issue_with("bob", "postgres/shop", &["--from", "10.0.0.0/8"]);
    let heard = custos
        .endpoint(&elsewhere, "shop")
        .query("select 1")
        .failure();
    assert!(heard.contains(ONE_TEXT), "{heard}");
    let evidence = custos.finish().evidence;
    assert_eq!(evidence.only("login.failed")["actor"]["name"], "bob");
}

#[test]
fn who_acts_for_whom_is_on_record() {
    let custos = gateway();
    let agent = custos.issue_with(
        "triage-bot",
        "postgres/shop",
        &[
            "--kind",
            "agent",
            "--on-behalf-of",
            "alice",
            "--group",
            "bots",
        ],
    );
    custos.endpoint(&agent, "shop").query("select 1").success();
    let evidence = custos.finish().evidence;
    let actor = &evidence.only("session.start")["actor"];
    assert_eq!(actor["kind"], "agent", "{actor}");
    assert_eq!(actor["on_behalf_of"][0]["name"], "alice", "{actor}");
    assert_eq!(actor["groups"][0], "bots", "{actor}");
}

#[test]
fn the_operators_acts_are_on_record() {
    let custos = gateway();
    let credential = custos.issue("alice", "postgres/shop");
    custos
        .endpoint(&credential, "shop")
        .query("select 'looked at'")
        .success();
    custos.wait_for_ended_sessions(1);
    let sessions = custos.json(&["session", "ls", "--json"]);
    let id = sessions[0]["id"].as_str().expect("a session").to_owned();
    let shown = custos.json(&["session", "show", &id, "--json"]);
    assert!(shown.as_array().is_some_and(|records| {
        records
            .iter()
            .any(|it| it["op"]["text"] == "select 'looked at'")
    }));
    let replay = custos
        .cli(&["session", "replay", &id, "--no-timing"])
        .success();
    assert!(
        replay.contains("select 'looked at'") && replay.contains("looked at"),
        "{replay}"
    );
    custos.cli(&["resource", "rm", "postgres/shop"]).success();
    let heard = custos
        .endpoint(&credential, "shop")
        .query("select 1")
        .failure();
    assert!(!heard.is_empty());

    let evidence = custos.finish().evidence;
    for kind in [
        "resource.added",
        "credential.issued",
        "recording.read",
        "resource.removed",
    ] {
        let record = evidence
            .of_type(kind)
            .next()
            .unwrap_or_else(|| panic!("no {kind} in\n{evidence}"));
        assert_eq!(record["actor"]["kind"], "operator", "{record}");
        assert_eq!(record["actor"]["iss"], "local", "{record}");
    }
}

#[test]
fn stock_psql_needs_the_endpoint_only() {
    let custos = gateway();
    let line = custos.cli(&[
        "credential",
        "issue",
        "--principal",
        "alice",
        "--resource",
        "postgres/shop",
        "--format",
        "env",
    ]);
    let script = format!("{}\npsql -XAtq -d shop -c 'select 40 + 2'", line.success());
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &script])
        .env("PGSSLROOTCERT", custos.authority().file());
    let clean: Endpoint = custos.endpoint(&custos.issue("bob", "postgres/shop"), "shop");
    assert_eq!(clean.query("select 1").success(), "1\n");
    assert_eq!(run(&mut shell, PATIENCE).success(), "42\n");
    custos.finish();
}
