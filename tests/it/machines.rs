//! Machines sign in with a key of their own, or with a static secret that ends.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use custos_testkit::{PATIENCE, custos_binary, now_utc, run, wait_for};
use serde_json::{Value, json};

use crate::sign_in::World;

/// 32 characters and more.
const SECRET: &str = "ZmVkY2JhOTg3NjU0MzIxMC1zdGF0aWMtc2VjcmV0";

/// A key pair, made by the command line.
pub(crate) struct Key {
    pub(crate) private: PathBuf,
    pub(crate) public: PathBuf,
    pub(crate) id: String,
}

impl Key {
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        let private = directory.join(format!("{name}.pem"));
        let public = directory.join(format!("{name}.jwks"));
        let mut command = std::process::Command::new(custos_binary());
        command.args(["machine", "new-key"]).arg(&private);
        let printed = run(&mut command, PATIENCE).success();
        let jwks: Value = serde_json::from_str(&printed).expect("a key set");
        std::fs::write(&public, printed).expect("the directory can be written");
        Self {
            private,
            public,
            id: jwks["keys"][0]["kid"]
                .as_str()
                .expect("it has a name")
                .to_owned(),
        }
    }

    pub(crate) fn settings(&self, name: &str, kind: &str) -> String {
        format!(
            "\n[[machine]]\nname = \"{name}\"\nkind = \"{kind}\"\nkeys_file = \"{}\"\n",
            self.public.display()
        )
    }
}

/// A rule that names somebody.
pub(crate) fn may_open_the_shop(name: &str) -> String {
    format!(
        "\n[[access]]\nname = \"{name}-opens-the-shop\"\nprincipals = [\"{name}\"]\n\
         resources = [\"postgres/shop\"]\n"
    )
}

pub(crate) fn log_in<'a>(world: &'a World, name: &'a str, proof: [&'a str; 2]) -> Vec<&'a str> {
    let [option, file] = proof;
    vec![
        "login",
        "--gateway",
        &world.url,
        "--machine",
        name,
        option,
        file,
    ]
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths here are text")
}

/// A day so many days from now, as the configuration has it.
fn day(days: i64) -> String {
    let seconds = i64::try_from(now_utc().as_secs()).expect("the clock is right") + days * 86_400;
    let command = format!("date -u -d @{seconds} +%F");
    let mut shell = std::process::Command::new("sh");
    run(shell.args(["-c", &command]), PATIENCE)
        .success()
        .trim()
        .to_owned()
}

fn with_secret(expires: &str) -> String {
    let mut shell = std::process::Command::new("sh");
    let command = format!("printf %s {SECRET} | sha256sum | cut -c1-64");
    let hash = run(shell.args(["-c", &command]), PATIENCE).success();
    format!(
        "\n[[machine]]\nname = \"old\"\nsecret_sha256 = \"{}\"\nsecret_expires = {expires}\n\
         owner = \"the batch team\"\n",
        hash.trim()
    )
}

#[test]
fn a_machine_signs_in_with_its_key_and_opens_what_rules_name_it_for() {
    let files = tempfile::tempdir().expect("a directory can be made");
    let key = Key::new(files.path(), "backup");
    let mode = std::fs::metadata(&key.private)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let settings = key.settings("backup", "service") + &may_open_the_shop("backup");
    let world = World::with(&[], &settings);
    let command = log_in(&world, "backup", ["--key", text(&key.private)]);
    let said = run(&mut world.command(&command), PATIENCE).success();
    assert!(said.contains("as backup"), "{said}");
    let who = run(&mut world.command(&["whoami"]), PATIENCE).success();
    assert!(
        who.contains("backup (workload)") && who.contains("machine:backup"),
        "{who}"
    );
    assert_eq!(world.psql_of("state", "select 42").success(), "42\n");

    // Its token is over: it signs in anew by itself, with the key whose place it remembers.
    let kept = only_file(&world.home().join("state/gateways"), "json");
    let mut tokens: Value = serde_json::from_str(&read(&kept)).expect("JSON");
    assert_eq!(tokens["machine"]["proof"]["key_file"], json!(key.private));
    let private = read(&key.private);
    let line = private.lines().nth(1).expect("a key has lines");
    assert!(!read(&kept).contains(line), "the key itself is not kept");
    tokens["access_expires_utc_seconds"] = json!(0);
    std::fs::write(&kept, tokens.to_string()).expect("the file can be written");
    assert_eq!(world.psql_of("state", "select 43").success(), "43\n");
    run(&mut world.command(&["logout"]), PATIENCE).success();
    assert_eq!(world.psql_of("state", "select 1").code(), 4);

    world.custos.wait_for_ended_sessions(2);
    let stopped = world.custos.finish();
    assert!(!stopped.log.contains(line));
    let evidence = stopped.evidence;
    let begun: Vec<_> = evidence.of_type("sign_in.started").collect();
    assert_eq!(begun.len(), 2, "{evidence}");
    for record in begun {
        let detail = &record["detail"];
        assert_eq!(detail["credential"], "private_key_jwt", "{record}");
        assert_eq!(detail["key"], json!(key.id), "{record}");
        assert_eq!(detail["client"], "backup", "{record}");
        assert_eq!(record["actor"]["sub"], "machine:backup", "{record}");
        assert_eq!(record["actor"]["kind"], "workload", "{record}");
    }
    let sessions: Vec<_> = evidence.of_type("session.start").collect();
    assert_eq!(sessions.len(), 2, "{evidence}");
    assert_eq!(
        sessions[0]["verdict"]["rules"],
        json!(["backup-opens-the-shop"])
    );
    assert_eq!(evidence.of_type("sign_in.ended").count(), 1);
    assert_eq!(evidence.of_type("finding.standing").count(), 0);
}

fn only_file(directory: &Path, suffix: &str) -> PathBuf {
    let entries = std::fs::read_dir(directory).expect("it is a directory");
    let mut found = entries
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|own| own == suffix));
    found.next().expect("there is one")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it can be read")
}

#[test]
fn who_has_not_the_key_is_refused_with_the_reason_on_record() {
    let files = tempfile::tempdir().expect("a directory can be made");
    let (own, other) = (
        Key::new(files.path(), "own"),
        Key::new(files.path(), "other"),
    );
    let secret = files.path().join("secret");
    custos_private_file(&secret, SECRET);
    let settings = own.settings("backup", "service") + &other.settings("helper", "agent");
    let world = World::with(&[], &settings);
    for (name, proof) in [
        ("backup", ["--key", text(&other.private)]),
        ("nobody", ["--key", text(&own.private)]),
        ("backup", ["--secret-file", text(&secret)]),
    ] {
        let command = log_in(&world, name, proof);
        let refused = run(&mut world.command(&command), PATIENCE);
        assert_eq!(refused.code(), 1, "{refused}");
        assert!(refused.stderr.contains("invalid_client"), "{refused}");
    }
    // A rule that names nobody gives the right key nothing either.
    let command = log_in(&world, "backup", ["--key", text(&own.private)]);
    run(&mut world.command(&command), PATIENCE).success();
    assert_eq!(world.psql_of("state", "select 1").code(), 3);
    let evidence = world.custos.finish().evidence;
    let reasons: Vec<_> = evidence
        .of_type("authorization.refused")
        .map(|record| (record["reason"].clone(), record["detail"]["about"].clone()))
        .collect();
    assert_eq!(
        reasons,
        [
            (json!("client_assertion_rejected"), json!("key_unknown")),
            (json!("client_unknown"), Value::Null),
            (json!("client_secret"), Value::Null),
        ]
    );
}

fn custos_private_file(path: &Path, text: &str) {
    std::fs::write(path, text).expect("it can be written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .expect("its mode can be set");
}

#[test]
fn a_static_secret_is_a_standing_finding_until_it_is_gone() {
    let files = tempfile::tempdir().expect("a directory can be made");
    let file = files.path().join("secret");
    custos_private_file(&file, &format!("{SECRET}\n"));
    let settings = with_secret(&day(31)) + &may_open_the_shop("old");
    let world = World::with(&[], &settings);
    let command = log_in(&world, "old", ["--secret-file", text(&file)]);
    run(&mut world.command(&command), PATIENCE).success();
    assert_eq!(world.psql_of("state", "select 42").success(), "42\n");

    let shown = world.custos.cli(&["status"]).success();
    assert!(
        shown.contains("static secret of machine old (owner: the batch team) is taken for 30 more"),
        "{shown}"
    );
    let looked = world.custos.cli(&["doctor"]).stdout;
    assert!(
        looked.contains("warn  machine") && looked.contains("30 more days"),
        "{looked}"
    );

    // Another end is another machine: what it had opened is over.
    world.reload_with(&(with_secret(&day(-1)) + &may_open_the_shop("old")));
    wait_for("the end of the sign-in", PATIENCE, || {
        let listed = world.custos.json(&["sign-in", "ls", "--json"]);
        (listed[0]["state"] == "ended").then_some(())
    });
    let refused = run(&mut world.command(&["whoami"]), PATIENCE);
    assert!(refused.stderr.contains("invalid_client"), "{refused}");
    let looked = world.custos.cli(&["doctor"]);
    assert!(looked.stdout.contains("FAIL  machine"), "{looked}");

    world.custos.wait_for_ended_sessions(1);
    let stopped = world.custos.finish();
    assert!(!stopped.log.contains(SECRET));
    let evidence = stopped.evidence;
    let findings: Vec<_> = evidence.of_type("finding.standing").collect();
    assert_eq!(
        findings.len(),
        2,
        "one at the start, one at the reload: {evidence}"
    );
    let detail = &findings[0]["detail"];
    assert_eq!(detail["finding"], "static_secret");
    assert_eq!(detail["machine"], "old");
    assert_eq!(detail["owner"], "the batch team");
    assert_eq!(detail["days_left"], json!(30));
    assert!(findings[1]["detail"]["days_left"].as_i64() < Some(0));
    let begun = evidence.only("sign_in.started");
    assert_eq!(begun["detail"]["credential"], "client_secret", "{begun}");
    let ended = evidence.only("sign_in.ended");
    assert_eq!(ended["detail"]["cause"], "configuration", "{ended}");
    let refused = evidence
        .of_type("authorization.refused")
        .last()
        .expect("one");
    assert_eq!(refused["reason"], "client_secret_expired", "{refused}");
}
