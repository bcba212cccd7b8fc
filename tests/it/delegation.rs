//! An agent acts for a person, with what both may open, and no longer than both are signed in.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use custos_testkit::{Finished, PATIENCE, Running, now_utc, run, start, wait_for};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::machines::{Key, may_open_the_shop};
use crate::sign_in::World;

/// From a cause to the end of a session, at most.
const CUT_MAX: Duration = Duration::from_secs(1);

/// A world with two agents: `helper`, who may open the shop, and `idle`, who may not.
struct Agents {
    world: World,
    keys: [Key; 2],
    files: TempDir,
}

impl Agents {
    fn new() -> Self {
        let files = tempfile::tempdir().expect("a directory can be made");
        let keys = ["helper", "idle"].map(|name| Key::new(files.path(), name));
        let settings = "check_interval = \"1s\"\n".to_owned()
            + &keys[0].settings("helper", "agent")
            + &keys[1].settings("idle", "agent")
            + &may_open_the_shop("helper");
        let world = World::with(&["okta"], &settings);
        Self { world, keys, files }
    }

    fn key(&self, agent: &str) -> &Path {
        &self.keys[usize::from(agent == "idle")].private
    }

    /// Somebody lets an agent act for her; the file of the token.
    fn delegate(&self, who: &str, agent: &str) -> PathBuf {
        let file = self.files.path().join(format!("{who}-{agent}"));
        let shown = text(&file).to_owned();
        let arguments = [
            "delegate", "--to", agent, "--ttl", "30m", "--output", &shown,
        ];
        let said = run(&mut self.world.command_of(who, &arguments), PATIENCE).success();
        assert!(said.contains(agent), "{said}");
        file
    }

    fn log_in(&self, agent: &str, on_behalf_of: &Path) -> Finished {
        let arguments = [
            "login",
            "--gateway",
            &self.world.url,
            "--machine",
            agent,
            "--key",
            text(self.key(agent)),
            "--on-behalf-of",
            text(on_behalf_of),
        ];
        run(&mut self.world.command_of(agent, &arguments), PATIENCE)
    }

    /// Alice has signed in and `helper` acts for her.
    fn acting() -> Self {
        let agents = Self::new();
        agents.world.sign_in_at("alice", "okta", "alice");
        let token = agents.delegate("alice", "helper");
        agents.log_in("helper", &token).success();
        agents
    }

    fn session(&self) -> Running {
        let arguments = ["connect", "postgres/shop", "--", "psql", "-XAtq"];
        let mut psql = start(&mut self.world.command_of("helper", &arguments));
        psql.write("select 'ready';\n");
        wait_for("the session", PATIENCE, || {
            psql.stdout().contains("ready").then_some(())
        });
        psql
    }

    /// The id of a live sign-in with that name and provider.
    fn sign_in_of(&self, name: &str, provider: &str) -> String {
        let listed = self.world.custos.json(&["sign-in", "ls", "--json"]);
        let rows = listed.as_array().expect("a list").iter();
        let mut found = rows.filter(|row| {
            row["principal"]["name"] == name
                && row["provider"] == provider
                && row["state"] == "live"
        });
        let found = found.next().unwrap_or_else(|| panic!("{name}: {listed}"));
        found["id"].as_str().expect("an id").to_owned()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths here are text")
}

#[test]
fn an_agent_acts_for_a_person_and_records_name_both() {
    let agents = Agents::acting();
    let world = &agents.world;
    let token = agents.files.path().join("alice-helper");
    let mode = std::fs::metadata(&token)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let who = run(&mut world.command_of("helper", &["whoami"]), PATIENCE).success();
    assert!(who.contains("helper (agent)"), "{who}");
    assert!(who.contains("acts for    alice"), "{who}");
    assert_eq!(world.psql_of("helper", "select 42").success(), "42\n");

    // Its access token is over: the delegation is good for another.
    let kept = std::fs::read_dir(world.home().join("helper/gateways")).expect("it is there");
    let mut kept = kept.map(|entry| entry.expect("it can be read").path());
    let kept = kept
        .find(|path| path.extension().is_some_and(|suffix| suffix == "json"))
        .expect("the tokens are kept");
    let tokens = std::fs::read_to_string(&kept).expect("it can be read");
    let mut tokens: Value = serde_json::from_str(&tokens).expect("JSON");
    assert_eq!(tokens["machine"]["on_behalf_of"], json!(token));
    tokens["access_expires_utc_seconds"] = json!(0);
    std::fs::write(&kept, tokens.to_string()).expect("the file can be written");
    assert_eq!(world.psql_of("helper", "select 43").success(), "43\n");
    world.custos.wait_for_ended_sessions(2);

    let evidence = agents.world.custos.finish().evidence;
    let given = evidence
        .of_type("authorization.granted")
        .find(|record| record["detail"]["event"] == "delegated")
        .expect("alice's word is on record");
    assert_eq!(given["actor"]["name"], "alice", "{given}");
    assert_eq!(given["detail"]["agent"], "helper", "{given}");
    let begun: Vec<_> = evidence
        .of_type("sign_in.started")
        .filter(|record| record["detail"]["credential"] == "delegation")
        .collect();
    assert_eq!(begun.len(), 2, "{evidence}");
    for record in begun {
        let detail = &record["detail"];
        assert_eq!(detail["token"], given["detail"]["token"], "{record}");
        let parents = detail["parents"].as_str().expect("two ids");
        let of_alice = given["detail"]["sign_in"].as_str().expect("an id");
        assert!(
            parents.ends_with(of_alice) && parents.contains(' '),
            "{record}"
        );
    }
    for start in evidence.of_type("session.start") {
        let actor = &start["actor"];
        assert_eq!(
            (&actor["name"], &actor["kind"]),
            (&json!("helper"), &json!("agent"))
        );
        assert_eq!(actor["on_behalf_of"][0]["name"], "alice", "{start}");
        assert_eq!(
            start["verdict"]["rules"],
            json!(["helper-opens-the-shop", "readers-open-the-shop"]),
            "{start}"
        );
    }
    for issued in evidence.of_type("credential.issued") {
        assert_eq!(
            issued["actor"]["on_behalf_of"][0]["name"], "alice",
            "{issued}"
        );
    }
}

#[test]
fn an_agent_may_what_both_may_and_uses_what_was_given_to_it() {
    let agents = Agents::new();
    let world = &agents.world;
    world.sign_in_at("alice", "okta", "alice");
    world.sign_in_at("bob", "okta", "bob");
    // Bob may not, and the idle agent may not.
    let of_bob = agents.delegate("bob", "helper");
    agents.log_in("helper", &of_bob).success();
    assert_eq!(world.psql_of("helper", "select 1").code(), 3);
    let to_idle = agents.delegate("alice", "idle");
    agents.log_in("idle", &to_idle).success();
    assert_eq!(world.psql_of("idle", "select 1").code(), 3);
    // What was given to one agent is no use to another, and opens nothing by itself.
    let refused = agents.log_in("helper", &to_idle);
    assert!(
        refused
            .stderr
            .contains("the delegation is for another agent"),
        "{refused}"
    );
    let given = std::fs::read_to_string(&to_idle).expect("it can be read");
    let bearer = format!("Authorization: Bearer {}\r\n", given.trim());
    assert_eq!(
        crate::administrator::call(world, "GET", "/v1/whoami", &bearer),
        401
    );
    // Nobody else than a person delegates, and only to an agent.
    for (who, to, said) in [
        ("idle", "helper", "not a person's own"),
        ("alice", "nobody", "names no agent"),
    ] {
        let arguments = ["delegate", "--to", to];
        let refused = run(&mut world.command_of(who, &arguments), PATIENCE);
        assert_eq!(refused.code(), 1, "{refused}");
        assert!(refused.stderr.contains(said), "{refused}");
    }
    let nobody = run(
        &mut world.command_of("nobody", &["delegate", "--to", "helper"]),
        PATIENCE,
    );
    assert_eq!(nobody.code(), 4, "{nobody}");
    let evidence = agents.world.custos.finish().evidence;
    assert_eq!(evidence.sessions().len(), 0);
    let reasons: Vec<_> = evidence
        .of_type("authorization.refused")
        .map(|record| record["reason"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        reasons,
        [
            "may_act_other",
            "token_rejected",
            "subject_not_a_person",
            "may_act_not_an_agent"
        ]
    );
    let denied = evidence
        .of_type("credential.issued")
        .filter(|record| record["outcome"] == "denied");
    assert_eq!(denied.count(), 2);
}

#[test]
fn a_delegation_ends_with_the_agent_and_with_the_person_within_a_second() {
    for cause in ["person", "provider", "operator", "agent", "delegation"] {
        let agents = Agents::acting();
        let world = &agents.world;
        let mut psql = agents.session();
        let began = match cause {
            "person" => {
                run(&mut world.command_of("alice", &["logout"]), PATIENCE).success();
                now_utc()
            }
            "provider" => {
                let sent = now_utc();
                world.provider("okta").log_out("alice");
                sent
            }
            "delegation" => {
                run(&mut world.command_of("helper", &["logout"]), PATIENCE).success();
                now_utc()
            }
            other => {
                let id = if other == "agent" {
                    agents.sign_in_of("helper", "private_key_jwt")
                } else {
                    agents.sign_in_of("alice", "okta")
                };
                world.custos.cli(&["sign-in", "end", &id]).success();
                now_utc()
            }
        };
        wait_for("the end of the session", PATIENCE, || {
            psql.write_if_alive("select 'still here';\n");
            psql.stderr()
                .contains("the sign-in has ended")
                .then_some(())
        });
        let took = now_utc().saturating_sub(began);
        assert!(took < CUT_MAX, "{cause}: {took:?}");
        assert!(!psql.stdout().contains("still here"), "{cause}");
        psql.close_stdin();
        psql.finish(PATIENCE);
        let again = world.psql_of("helper", "select 44");
        if cause == "agent" {
            // It has its key and alice's word yet.
            assert_eq!(again.success(), "44\n");
        } else {
            assert_ne!(again.code(), 0, "{cause}");
        }
        let evidence = agents.world.custos.finish().evidence;
        let ended = evidence.only("sign_in.ended");
        assert_eq!(ended["detail"]["sessions"], 1, "{cause}: {ended}");
    }
}

#[test]
fn an_agent_of_an_administrator_is_none() {
    let agents = Agents::acting();
    let world = &agents.world;
    let token = crate::administrator::printed(world);
    // Not by a token either: an agent is no person.
    assert_eq!(
        crate::administrator::claim(world, "helper", &token).code(),
        3
    );
    crate::administrator::claim(world, "alice", &token).success();
    for who in ["alice", "helper"] {
        let arguments = ["sign-in", "ls", "--gateway", &world.url];
        let listed = run(&mut world.command_of(who, &arguments), PATIENCE);
        assert_eq!(
            listed.code(),
            if who == "alice" { 0 } else { 3 },
            "{listed}"
        );
    }
    let evidence = agents.world.custos.finish().evidence;
    let refused = evidence.only("authorization.refused");
    assert_eq!(refused["reason"], "not_an_administrator", "{refused}");
    assert_eq!(
        refused["actor"]["on_behalf_of"][0]["name"], "alice",
        "{refused}"
    );
}

#[test]
fn what_a_person_loses_her_agent_loses_too() {
    let agents = Agents::acting();
    let mut psql = agents.session();
    agents
        .world
        .provider("okta")
        .set_groups("alice", &["visitors"]);
    wait_for("the end of the session", PATIENCE, || {
        psql.write_if_alive("select 'still ' || 'here';\n");
        psql.stderr().contains("groups were lost").then_some(())
    });
    psql.close_stdin();
    psql.finish(PATIENCE);
    assert_ne!(agents.world.psql_of("helper", "select 1").code(), 0);
    agents
        .world
        .provider("okta")
        .set_groups("alice", &["analysts"]);
    wait_for("the group", PATIENCE, || {
        let out = agents.world.psql_of("helper", "select 'back'");
        (out.code() == 0).then_some(())
    });
    let evidence = agents.world.custos.finish().evidence;
    let changed = evidence.of_type("sign_in.changed").next().expect("it did");
    assert_eq!(changed["detail"]["sessions"], 1, "{changed}");
    assert_eq!(changed["actor"]["name"], "alice", "{changed}");
}
