//! The first administrator: a token that is given on the gateway's own host and good once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use custos_testkit::{Browser, Finished, PATIENCE, Running, run, start, wait_for};
use serde_json::{Value, json};

use crate::machines::{Key, log_in};
use crate::sign_in::World;

const WRONG: &str = "aaaa-bbbb-cccc-dddd-eeee-ffff-gggg-hhhh";
const FOR_ADMINISTRATORS: &str = r#"
[[access]]
name = "administrators-open-the-shop"
principals = ["group:custos:administrators"]
resources = ["postgres/shop"]
"#;

/// The token that is offered. Nobody sits at a terminal here, so that it is in a file.
pub(crate) fn offered(world: &World) -> String {
    wait_for("the token", PATIENCE, || offered_now(world))
}

fn offered_now(world: &World) -> Option<String> {
    let text = std::fs::read_to_string(token_file(world)).ok()?;
    Some(text.trim_end().to_owned())
}

fn token_file(world: &World) -> PathBuf {
    world.custos.directory().join("state/administrator.token")
}

fn wait_until_it_is_gone(world: &World) {
    wait_for("the end of the file", PATIENCE, || {
        (!token_file(world).exists()).then_some(())
    });
}

/// Runs SQL behind the gateway's back.
pub(crate) fn alter(world: &World, sql: &str) {
    let database = world.custos.directory().join("state/custos.db");
    let connection = rusqlite::Connection::open(database).expect("it is there");
    connection.execute_batch(sql).expect("it can be altered");
}

pub(crate) fn claim(world: &World, who: &str, token: &str) -> Finished {
    let mut command = world.command_of(who, &["administrator", "claim"]);
    let mut running = start(&mut command);
    running.write(token);
    running.write("\n");
    running.close_stdin();
    running.finish(PATIENCE)
}

/// A call without a browser; the status.
pub(crate) fn call(world: &World, method: &str, path: &str, more: &str) -> u16 {
    let authority = world.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).expect("the gateway listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: 0\r\n{more}\r\n"
    );
    stream
        .write_all(head.as_bytes())
        .expect("the gateway reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the gateway answers");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.expect("a status")
}

/// A psql that has opened the shop.
fn session(world: &World, who: &str) -> Running {
    let arguments = ["connect", "postgres/shop", "--", "psql", "-XAtq"];
    let mut psql = start(&mut world.command_of(who, &arguments));
    psql.write("select 'ready';\n");
    wait_for("the session", PATIENCE, || {
        psql.stdout().contains("ready").then_some(())
    });
    psql
}

fn wait_for_the_end(mut psql: Running) -> Finished {
    wait_for("the end of the session", PATIENCE, || {
        psql.write_if_alive("select 'still here';\n");
        (!psql.is_running() || psql.stderr().contains("FATAL")).then_some(())
    });
    psql.close_stdin();
    psql.finish(PATIENCE)
}

#[test]
fn the_token_makes_one_administrator_and_is_kept_nowhere() {
    let mut world = World::with(&["okta"], FOR_ADMINISTRATORS);
    let token = offered(&world);
    assert_eq!(token.len(), 39, "{token}");
    let file = std::fs::metadata(token_file(&world)).expect("it is there");
    assert_eq!(file.permissions().mode() & 0o7777, 0o600);
    wait_for("its place", PATIENCE, || {
        let path = token_file(&world);
        let shown = path.strip_prefix(world.custos.directory()).ok()?;
        world.custos.log().contains(shown.to_str()?).then_some(())
    });
    world.sign_in_at("alice", "okta", "alice");
    world.sign_in_at("bob", "okta", "bob");
    assert_eq!(
        world.psql_of("bob", "select 1").code(),
        3,
        "nobody has a right by signing in"
    );
    let refused = claim(&world, "bob", WRONG);
    assert_eq!(refused.code(), 3, "{refused}");
    claim(&world, "bob", &token.to_uppercase().replace('-', " ")).success();
    assert_eq!(claim(&world, "alice", &token).code(), 3, "it is used up");
    wait_until_it_is_gone(&world);
    // One that was left behind does not outlive a start at which nothing is offered.
    std::fs::write(token_file(&world), WRONG).expect("it can be written");

    // At once, and in a command line that had signed in before.
    let who = run(&mut world.command_of("bob", &["whoami"]), PATIENCE).success();
    assert!(who.contains("custos:administrators"), "{who}");
    assert_eq!(world.psql_of("bob", "select 42").success(), "42\n");
    let listed = world.custos.json(&["administrator", "ls", "--json"]);
    assert_eq!(listed[0]["name"], "bob", "{listed}");

    world.custos.stop();
    world.custos.restart();
    wait_for("the second start", PATIENCE, || {
        let log = world.custos.log();
        (log.matches(" ready").count() > 1).then_some(())
    });
    wait_until_it_is_gone(&world);
    let still = world.psql_of("bob", "select 43");
    assert_eq!(still.success(), "43\n");

    // Taken back: what was open for it alone is cut.
    let psql = session(&world, "bob");
    let (issuer, subject) = (&listed[0]["issuer"], &listed[0]["subject"]);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let remove = ["administrator", "remove", &text(issuer), &text(subject)];
    world.custos.cli(&remove).success();
    let ended = wait_for_the_end(psql);
    assert!(
        ended.stderr.contains("access is no longer allowed"),
        "{ended}"
    );
    assert_eq!(world.psql_of("bob", "select 1").code(), 3);
    assert_eq!(world.custos.cli(&remove).code(), 1, "she is gone");

    world.custos.wait_for_ended_sessions(3);
    for file in ["state/custos.db", "state/custos.db-wal"] {
        let Ok(bytes) = std::fs::read(world.custos.directory().join(file)) else {
            continue;
        };
        let found = bytes
            .windows(token.len())
            .any(|window| window == token.as_bytes());
        assert!(!found, "{file} holds the token");
    }
    let stopped = world.custos.finish();
    assert!(
        !stopped.log.contains(&token),
        "a log store must not have it"
    );
    let evidence = stopped.evidence;
    assert!(!evidence.to_string().contains(&token));
    assert_eq!(evidence.of_type("administrator.offered").count(), 1);
    let claims: Vec<_> = evidence
        .of_type("administrator.claimed")
        .map(|it| {
            (
                it["actor"]["name"].clone(),
                it["outcome"].clone(),
                it["reason"].clone(),
            )
        })
        .collect();
    assert_eq!(
        claims,
        [
            (json!("bob"), json!("denied"), json!("the token is wrong")),
            (json!("bob"), json!("ok"), Value::Null),
            (
                json!("alice"),
                json!("denied"),
                json!("no token is offered")
            ),
        ]
    );
    let removed = evidence.only("administrator.removed");
    assert_eq!(removed["detail"]["principal"], "bob", "{removed}");
    assert_eq!(removed["detail"]["sessions"], 1, "{removed}");
}

#[test]
fn the_page_takes_the_token_from_whoever_is_signed_in() {
    let mut world = World::with(&["okta"], FOR_ADMINISTRATORS);
    let first = offered(&world);
    world.custos.stop();
    world.custos.restart();
    let token = wait_for("another token", PATIENCE, || {
        offered_now(&world).filter(|token| *token != first)
    });
    let page = format!("{}/administrator", world.url);
    let mut browser = Browser::new();
    // Nobody is asked who is not signed in, and a form from elsewhere is none.
    assert!(browser.open(&page).text().contains("Sign in with"));
    let posted = Browser::new().post(&page, &format!("form_token=x&token={token}"));
    assert_eq!(posted.status, 303, "{}", posted.body);
    world.at_provider(&mut browser, "okta", "alice");
    assert!(
        browser.page().text().contains("Administrator token"),
        "{}",
        browser.page().text()
    );
    let forged = browser.post(&page, &format!("form_token=x&token={token}"));
    assert_eq!(forged.status, 403, "{}", forged.body);
    assert_eq!(
        browser.submit(&[("token", &first)]).status,
        403,
        "only the last one counts"
    );
    let done = browser.submit(&[("token", &token)]).text();
    assert!(done.contains("You administer this gateway now"), "{done}");
    assert!(
        browser
            .open(&world.url)
            .text()
            .contains("custos:administrators")
    );

    let evidence = world.custos.finish().evidence;
    assert_eq!(evidence.of_type("administrator.offered").count(), 2);
    let outcomes: Vec<_> = evidence
        .of_type("administrator.claimed")
        .map(|record| record["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["denied", "ok"]);
}

#[test]
fn a_claim_is_on_record_before_it_counts_and_its_failure_after() {
    let world = World::with(&["okta"], FOR_ADMINISTRATORS);
    let token = offered(&world);
    world.sign_in_at("alice", "okta", "alice");
    world.sign_in_at("bob", "okta", "bob");
    // Control state refuses, and then somebody else was quicker.
    alter(
        &world,
        "CREATE TRIGGER refuse BEFORE INSERT ON administrators BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    assert_ne!(claim(&world, "bob", &token).code(), 0);
    alter(
        &world,
        "DROP TRIGGER refuse; DELETE FROM administrator_token",
    );
    assert_eq!(claim(&world, "alice", &token).code(), 3);
    let listed = world.custos.json(&["administrator", "ls", "--json"]);
    assert_eq!(listed, json!([]));
    let evidence = world.custos.finish().evidence;
    let claims: Vec<_> = evidence
        .of_type("administrator.claimed")
        .map(|it| [&it["actor"]["name"], &it["outcome"], &it["reason"]].map(Value::clone))
        .collect();
    assert_eq!(
        claims,
        [
            [json!("bob"), json!("ok"), Value::Null],
            [json!("bob"), json!("failed"), json!("control state failed")],
            [json!("alice"), json!("ok"), Value::Null],
            [
                json!("alice"),
                json!("failed"),
                json!("no token is offered")
            ],
        ]
    );
}

#[test]
fn guessing_is_slow_and_machines_do_not_administer() {
    let files = tempfile::tempdir().expect("a directory can be made");
    let key = Key::new(files.path(), "backup");
    let world = World::with(&["okta"], &key.settings("backup", "service"));
    let token = offered(&world);
    let private = key.private.to_str().expect("paths here are text");
    let command = log_in(&world, "backup", ["--key", private]);
    run(&mut world.command_of("machine", &command), PATIENCE).success();
    assert_eq!(claim(&world, "machine", &token).code(), 3);
    world.sign_in_at("bob", "okta", "bob");
    for _ in 0..5 {
        assert_eq!(claim(&world, "bob", WRONG).code(), 3);
    }
    let refused = claim(&world, "bob", &token);
    assert!(refused.stderr.contains("too many tries"), "{refused}");
    // Somebody else's tries are counted apart.
    world.sign_in_at("alice", "okta", "alice");
    claim(&world, "alice", &token).success();
    let evidence = world.custos.finish().evidence;
    let reasons: Vec<_> = evidence
        .of_type("administrator.claimed")
        .map(|record| record["reason"].as_str().unwrap_or("granted"))
        .collect();
    let wrong = "the token is wrong";
    assert_eq!(
        reasons,
        [
            "only a person can be an administrator",
            wrong,
            wrong,
            wrong,
            wrong,
            wrong,
            "too many tries within a minute",
            "granted",
        ]
    );
}

#[test]
fn administrators_end_sign_ins_and_cut_sessions_over_the_web_and_nobody_else_does() {
    let world = World::with(&["okta"], FOR_ADMINISTRATORS);
    let token = offered(&world);
    world.sign_in_at("alice", "okta", "alice");
    world.sign_in_at("bob", "okta", "bob");
    claim(&world, "bob", &token).success();
    let psql = session(&world, "alice");
    let at = |who: &str, arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--gateway", &world.url]);
        run(&mut world.command_of(who, &all), PATIENCE)
    };
    let json = |arguments: &[&str]| -> Value {
        let text = at("bob", arguments).success();
        serde_json::from_str(&text).expect("JSON")
    };
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let sessions = json(&["session", "ls", "--live", "--json"]);
    assert_eq!(sessions[0]["principal"], "alice", "{sessions}");
    let session_id = text(&sessions[0]["id"]);
    let sign_ins = json(&["sign-in", "ls", "--json"]);
    let sign_in = sign_ins.as_array().expect("a list").iter();
    let mut of_alice = sign_in.filter(|it| it["principal"]["name"] == "alice");
    let sign_in_id = text(&of_alice.next().expect("she is there")["id"]);

    // The anonymous user and the ordinary one, at each call.
    let calls: [(&str, String, Vec<&str>); 4] = [
        ("GET", "/v1/sign-ins".to_owned(), vec!["sign-in", "ls"]),
        (
            "GET",
            "/v1/sessions/live".to_owned(),
            vec!["session", "ls", "--live"],
        ),
        (
            "DELETE",
            format!("/v1/sign-ins/{sign_in_id}"),
            vec!["sign-in", "end", &sign_in_id],
        ),
        (
            "DELETE",
            format!("/v1/sessions/{session_id}"),
            vec!["session", "cut", &session_id],
        ),
    ];
    for (method, path, arguments) in &calls {
        assert_eq!(call(&world, method, path, ""), 401, "{path}");
        let forged = "Authorization: Bearer x.y.z\r\n";
        assert_eq!(call(&world, method, path, forged), 401, "{path}");
        let refused = at("alice", arguments);
        assert_eq!(refused.code(), 3, "{refused}");
        assert!(refused.stderr.contains("only administrators"), "{refused}");
        assert_eq!(at("nobody", arguments).code(), 4, "{path}");
    }
    assert_eq!(call(&world, "POST", "/v1/administrator", ""), 401);
    assert_eq!(
        at("bob", &["session", "ls"]).code(),
        2,
        "only live ones over the web"
    );

    at("bob", &["session", "cut", &session_id]).success();
    let ended = wait_for_the_end(psql);
    assert!(ended.stderr.contains("cut by administrator bob"), "{ended}");
    let psql = session(&world, "alice");
    at("bob", &["sign-in", "end", &sign_in_id]).success();
    let ended = wait_for_the_end(psql);
    assert!(ended.stderr.contains("the sign-in has ended"), "{ended}");
    assert_eq!(
        at("bob", &["sign-in", "end", &sign_in_id]).code(),
        1,
        "it is over"
    );
    assert_eq!(
        at("bob", &["session", "cut", &session_id]).code(),
        1,
        "it is over"
    );

    world.custos.wait_for_ended_sessions(2);
    let evidence = world.custos.finish().evidence;
    let refused: Vec<_> = evidence
        .of_type("authorization.refused")
        .filter(|record| record["reason"] == "not_an_administrator")
        .collect();
    assert_eq!(refused.len(), 4, "{evidence}");
    assert!(
        refused
            .iter()
            .all(|record| record["actor"]["name"] == "alice")
    );
    let ended = evidence.only("sign_in.ended");
    assert_eq!(ended["actor"]["name"], "bob", "{ended}");
    assert_eq!(ended["src"]["ip"], "127.0.0.1", "{ended}");
    assert_eq!(ended["detail"]["principal"], "alice", "{ended}");
    let cut = evidence.of_type("session.end").next().expect("one");
    assert!(
        cut["reason"].as_str().is_some_and(|it| it.contains("bob")),
        "{cut}"
    );
}
