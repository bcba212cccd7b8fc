//! A provider's directory says who may sign in, with which groups, and for how long.

mod source;

use std::time::Duration;

use custos_dev_provider::subject;
use custos_testkit::{
    Browser, Custos, PATIENCE, Postgres, Running, Settings, Version, free_port, now_utc, run,
    start, wait_for,
};
use serde_json::{Value, json};
use source::{Source, USER};

use crate::revocation::{CUT_MAX, STATES};
use crate::sign_in::World;
use crate::sign_in::providers::TestProvider;

/// Bearer tokens of Okta and Entra ID, and Entra's next one.
const OKTA: &str = "okta-canary-Zm9vYmFyYmF6cXV4Zm9vYmFy";
const ENTRA: &str = "entra-canary-cXV4YmF6YmFyZm9vcXV4YmF6";
const ENTRA_NEXT: &str = "entra-next-canary-YmFyYmF6cXV4Zm9vYmFy";

/// The settings of a gateway with these providers; those in `provisioned` have a directory.
fn settings(url: &str, providers: &[TestProvider], provisioned: &[&str]) -> Settings {
    let mut access = format!(
        "[web]\naddress = \"{}\"\nurl = \"{url}\"\ntls = \"off\"\nclient_ca_file = \"ca.crt\"\n",
        url.trim_start_matches("http://")
    );
    for provider in providers {
        if !provisioned.contains(&provider.name.as_str()) {
            access += &provider.settings();
            continue;
        }
        access += &(provider.settings_without_groups() + "check_interval = \"1s\"\n");
        access += match provider.name.as_str() {
            "okta" => "\n[[provisioning]]\nprovider = \"okta\"\ntoken_file = \"okta.token\"\n",
            _ => {
                "\n[[provisioning]]\nprovider = \"entra\"\ntoken_file = \"entra.token\"\n\
                 next_token_file = \"entra.next\"\nmatch = \"user_name\"\n"
            }
        };
    }
    access += r#"
[[group]]
name = "readers"
members = ["okta:analysts", "entra:analysts"]

[[access]]
name = "readers-open-the-shop"
principals = ["group:readers"]
resources = ["postgres/shop"]
"#;
    Settings {
        access,
        ..Settings::default()
    }
}

/// A gateway whose provider Okta has a directory, and Entra ID too where it is named.
fn world(names: &[&str]) -> World {
    let url = format!("http://127.0.0.1:{}", free_port());
    let providers: Vec<_> = names
        .iter()
        .map(|name| TestProvider::start(name, &url))
        .collect();
    // The files of the tokens lie beside the configuration, which is there only then.
    let mut custos = Custos::start();
    custos.write_private("okta.token", &format!("{OKTA}\n"));
    custos.write_private("entra.token", ENTRA);
    custos.write_private("entra.next", ENTRA_NEXT);
    let settings = settings(&url, &providers, names);
    custos.write_settings(&settings);
    custos.stop();
    custos.restart();
    custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
    World {
        custos,
        providers,
        url,
        home: tempfile::tempdir().expect("a directory can be made"),
        access: settings.access,
    }
}

impl World {
    fn okta(&self) -> Source {
        Source::new(&self.url, "okta", OKTA)
    }

    fn entra(&self) -> Source {
        Source::new(&self.url, "entra", ENTRA)
    }

    /// Somebody tries to sign in with a browser; returns the status and what it shows at last.
    fn tries(&self, provider: &str, name: &str) -> (u16, String) {
        let mut browser = Browser::new();
        browser.open(&format!("{}/sign-in", self.url));
        self.at_provider(&mut browser, provider, name);
        (browser.page().status, browser.page().text())
    }

    /// Alice's session at the shop, with this statement under way.
    fn session(&self, sql: &str) -> Running {
        let arguments = ["connect", "postgres/shop", "--", "psql", "-XAtq"];
        let mut psql = start(&mut self.command(&arguments));
        psql.write(&format!("{sql};\n"));
        wait_for("the session", PATIENCE, || {
            psql.stdout().contains("ready").then_some(())
        });
        psql
    }
}

#[test]
fn a_directory_says_who_signs_in_with_which_groups() {
    let mut world = world(&["okta"]);
    let okta = world.okta();
    // As Okta does it: it looks, creates with all that it knows, pushes a group, and then its members.
    let by_name = okta.get("/Users?filter=userName eq \"alice\"&startIndex=1&count=100");
    assert_eq!(by_name.body["totalResults"], 0, "{by_name:?}");
    let alice = okta.create(
        "/Users",
        &json!({
            "schemas": [USER],
            "userName": "alice",
            "name": {"givenName": "Alice", "familyName": "Canary-Archer"},
            "emails": [{"primary": true, "value": "canary@mail.example", "type": "work"}],
            "displayName": "Alice Canary-Archer",
            "locale": "en-US",
            "externalId": subject("alice"),
            "groups": [],
            "password": "canary-1mz050nq",
            "active": true,
        }),
    );
    let analysts = okta.group("analysts", &[]);
    let members =
        json!([{"op": "add", "path": "members", "value": [{"value": alice, "display": "alice"}]}]);
    let path = format!("/Groups/{analysts}");
    assert_eq!(okta.patch(&path, &members).status, 204);
    let kept = okta.get(&format!("/Users/{alice}"));
    assert_eq!(
        kept.body["emails"][0]["value"], "canary@mail.example",
        "{kept:?}"
    );

    world.sign_in("okta", "alice");
    let who = run(&mut world.command(&["whoami"]), PATIENCE).success();
    assert!(
        who.contains("readers") && who.contains("okta:analysts"),
        "{who}"
    );
    assert_eq!(world.psql("select 40 + 2").success(), "42\n");
    // The provider knows bob, the directory does not; and what is there only in name is nobody.
    let (status, shown) = world.tries("okta", "bob");
    assert_eq!(status, 403, "{shown}");
    let carol = json!({"schemas": [USER], "userName": "carol", "externalId": subject("carol"), "active": false});
    okta.create("/Users", &carol);
    assert_eq!(world.tries("okta", "carol").0, 403);
    okta.user("dan", "another key");
    assert_eq!(world.tries("okta", "dan").0, 403);

    world.custos.stop();
    world.custos.restart();
    let listed = okta.get("/Users");
    assert_eq!(listed.body["totalResults"], 3, "{listed:?}");
    let group = okta.get(&path);
    assert_eq!(
        group.body["members"],
        json!([{"value": alice, "type": "User"}])
    );
    assert_eq!(world.psql("select 'still'").success(), "still\n");
    world.custos.wait_for_ended_sessions(2);
    world.custos.stop();

    let secrets = [OKTA, "canary@mail", "Canary-Archer", "canary-1mz050nq"];
    let mut places = world.custos.files();
    places.retain(|(path, _)| !path.ends_with("okta.token"));
    places.push(("the log".into(), world.custos.log().into_bytes()));
    for (path, bytes) in places {
        let text = String::from_utf8_lossy(&bytes);
        for secret in secrets {
            assert!(!text.contains(secret), "{} has {secret}", path.display());
        }
    }
    let evidence = world.custos.finish().evidence;
    let begun = evidence.only("sign_in.started");
    assert_eq!(
        begun["actor"]["groups"],
        json!(["readers", "okta:analysts"]),
        "{begun}"
    );
    let failed: Vec<_> = evidence.of_type("sign_in.failed").collect();
    assert_eq!(failed.len(), 3, "{evidence}");
    for (record, name) in failed.iter().zip(["bob", "carol", "dan"]) {
        assert_eq!(record["outcome"], "denied", "{record}");
        assert_eq!(record["detail"]["kind"], "not_provisioned", "{record}");
        assert_eq!(record["actor"]["name"], name, "{record}");
    }
    let changes: Vec<&Value> = evidence.of_type("provisioning.changed").collect();
    let events: Vec<_> = changes
        .iter()
        .map(|it| it["detail"]["event"].clone())
        .collect();
    assert_eq!(
        events,
        [
            "user_created",
            "group_created",
            "members_added",
            "user_created",
            "user_created"
        ]
    );
    let detail = &changes[0]["detail"];
    assert_eq!(detail["provider"], "okta");
    assert_eq!(
        (&detail["user"], &detail["user_name"]),
        (&json!(alice), &json!("alice"))
    );
    assert_eq!(detail["external_id"], json!(subject("alice")));
    assert_eq!(
        changes[2]["detail"]["members"],
        json!(format!("alice ({alice})"))
    );
    assert_eq!(changes[0]["src"]["ip"], "127.0.0.1");
}

/// What a source does to alice, and in which states of her sessions that is tried.
const CAUSES: [(&str, &[usize]); 6] = [
    ("Okta deactivates her", &[0, 1, 2]),
    ("Entra ID deactivates her", &[0]),
    ("she is deleted", &[1]),
    ("her key is another one", &[0]),
    ("she leaves the group", &[0, 1, 2]),
    ("the group is renamed", &[0]),
];

#[test]
fn whoever_loses_access_loses_sessions_within_a_second() {
    for (cause, states) in CAUSES {
        for state in states {
            let (state, sql) = STATES[*state];
            let groups_only = ["she leaves the group", "the group is renamed"].contains(&cause);
            let (words, kind) = if groups_only {
                ("groups were lost", "sign_in.changed")
            } else {
                ("the sign-in has ended", "sign_in.ended")
            };
            let world = world(&["okta"]);
            let okta = world.okta();
            let alice = okta.user("alice", &subject("alice"));
            let analysts = okta.group("analysts", &[&alice]);
            world.sign_in("okta", "alice");
            let mut psql = world.session(sql);
            let (user, group) = (format!("/Users/{alice}"), format!("/Groups/{analysts}"));
            let began = now_utc();
            let reply = match cause {
                "Okta deactivates her" => okta.patch(
                    &user,
                    &json!([{"op": "replace", "value": {"active": false}}]),
                ),
                "Entra ID deactivates her" => okta.patch(
                    &user,
                    &json!([{"op": "Replace", "path": "active", "value": "False"}]),
                ),
                "she is deleted" => okta.send(&format!("DELETE {user}"), &Value::Null),
                "her key is another one" => okta.patch(
                    &user,
                    &json!([{"op": "replace", "path": "externalId", "value": "x"}]),
                ),
                "she leaves the group" => {
                    let path = format!("members[value eq \"{alice}\"]");
                    okta.patch(&group, &json!([{"op": "remove", "path": path}]))
                }
                _ => okta.patch(
                    &group,
                    &json!([{"op": "replace", "value": {"displayName": "other"}}]),
                ),
            };
            assert!(reply.status < 300, "{cause}: {reply:?}");
            wait_for("the end of the session", PATIENCE, || {
                // An idle psql notices at its next statement.
                if state != "in a statement" {
                    psql.write_if_alive("select 'still ' || 'here';\n");
                }
                psql.stderr().contains(words).then_some(())
            });
            let took: Duration = now_utc().saturating_sub(began);
            println!("{cause}, {state}: cut {took:?} after it began");
            assert!(took < CUT_MAX, "{cause}, {state}: {took:?}");
            assert!(!psql.stdout().contains("still here"), "{cause}, {state}");
            psql.close_stdin();
            psql.finish(PATIENCE);
            assert_ne!(world.psql("select 1").code(), 0, "{cause}, {state}");
            let evidence = world.custos.finish().evidence;
            let told = evidence.only(kind);
            assert_eq!(told["detail"]["cause"], "provisioning", "{told}");
            assert_eq!(told["detail"]["sessions"], 1, "{told}");
            assert_eq!(told["actor"]["name"], "alice", "{told}");
            let place = |kind: &str| {
                let mut all = evidence.all().iter();
                let found = all.rposition(|record| record["type"] == kind);
                found.expect("it is on record")
            };
            assert!(place("provisioning.changed") < place(kind));
        }
    }
}

#[test]
fn what_takes_nothing_away_ends_nothing() {
    let world = world(&["okta"]);
    let okta = world.okta();
    let alice = okta.user("alice", &subject("alice"));
    let bob = okta.user("bob", &subject("bob"));
    let analysts = okta.group("analysts", &[&alice, &bob]);
    world.sign_in("okta", "alice");
    let mut psql = world.session("select 'ready'");
    let user = format!("/Users/{alice}");
    // Other attributes, another group more, and what happens to somebody else.
    let named = json!([{"op": "replace", "value": {"displayName": "Alice", "userName": "alicia"}}]);
    assert_eq!(okta.patch(&user, &named).status, 200);
    okta.group("more", &[&alice]);
    let who = run(&mut world.command(&["whoami"]), PATIENCE).success();
    assert!(
        who.contains("okta:more"),
        "a new group counts at once: {who}"
    );
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(okta.patch(&format!("/Users/{bob}"), &off).status, 200);
    let out = json!([{"op": "remove", "path": format!("members[value eq \"{bob}\"]")}]);
    assert_eq!(okta.patch(&format!("/Groups/{analysts}"), &out).status, 204);
    psql.write("select 'still here';\n");
    wait_for("the answer", PATIENCE, || {
        psql.stdout().contains("still here").then_some(())
    });
    psql.close_stdin();
    psql.finish(PATIENCE);
    // Switched off and on again she may come back, but what she had is over.
    assert_eq!(okta.patch(&user, &off).status, 200);
    let on = json!([{"op": "replace", "path": "active", "value": true}]);
    assert_eq!(okta.patch(&user, &on).status, 200);
    assert_ne!(world.psql("select 1").code(), 0);
    world.sign_in("okta", "alice");
    assert_eq!(world.psql("select 'back'").success(), "back\n");
    let evidence = world.custos.finish().evidence;
    assert_eq!(evidence.of_type("sign_in.ended").count(), 1, "{evidence}");
    let changed = evidence.only("sign_in.changed");
    assert_eq!(changed["detail"]["gained"], "okta:more", "{changed}");
    let mut begun = evidence.of_type("sign_in.started");
    let groups = json!(["readers", "okta:analysts", "okta:more"]);
    assert_eq!(begun.nth(1).expect("the second")["actor"]["groups"], groups);
}

#[test]
fn names_match_where_they_are_said_to_and_both_tokens_are_good() {
    let world = world(&["okta", "entra"]);
    // As Entra ID does it: a test of the connection, the user, the group without members, then one by one.
    let entra = world.entra();
    let test = entra.get("/Users?filter=userName+eq+%22e3d1ed73-1d6c-4d79-9a3b-0b5a6a6f8b50%22");
    assert_eq!((test.status, &test.body["totalResults"]), (200, &json!(0)));
    let alice = entra.create(
        "/Users",
        &json!({
            "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "userName": "alice",
            "active": true,
            "meta": {"resourceType": "User"},
            "roles": [],
        }),
    );
    entra.user("Bob", "1");
    let next = Source::new(&world.url, "entra", ENTRA_NEXT);
    let analysts = next.group("analysts", &[]);
    let joined = json!([{"op": "Add", "path": "members", "value": [{"value": alice}]}]);
    assert_eq!(
        next.patch(&format!("/Groups/{analysts}"), &joined).status,
        204
    );

    world.sign_in("entra", "alice");
    assert_eq!(world.psql("select 'by name'").success(), "by name\n");
    let (status, shown) = world.tries("entra", "bob");
    assert_eq!(status, 403, "another case is another name: {shown}");
    // The other provider's directory is empty: the same name there is nobody.
    assert_eq!(world.okta().get("/Users").body["totalResults"], 0);
    assert_eq!(world.tries("okta", "alice").0, 403);
    world.custos.finish();
}

#[test]
fn only_the_source_of_a_directory_reaches_it() {
    let world = world(&["okta", "entra"]);
    let okta = world.okta();
    let alice = okta.user("alice", &subject("alice"));
    okta.group("analysts", &[&alice]);
    world.sign_in("okta", "alice");
    let with = |authorization: &str| Source {
        authorization: authorization.to_owned(),
        ..okta.clone()
    };
    let state = format!("{:?}", world.home.path());
    let access_token = access_token(&world);
    assert!(!access_token.is_empty(), "alice's tokens are in {state}");
    let unknown = Source::new(&world.url, "adfs", OKTA);
    let strangers = [
        ("anonymous", with(""), "no_token"),
        (
            "a wrong token",
            with(&format!("Bearer {OKTA}x")),
            "wrong_token",
        ),
        ("no token at all", with("Bearer "), "no_token"),
        ("another scheme", with(&format!("Basic {OKTA}")), "no_token"),
        (
            "another provider's token",
            with(&format!("Bearer {ENTRA}")),
            "wrong_token",
        ),
        (
            "alice's own token",
            with(&format!("Bearer {access_token}")),
            "wrong_token",
        ),
        ("a provider without a directory", unknown, "no_provisioning"),
    ];
    let body = json!({"schemas": [USER], "userName": "mallory", "active": true});
    let user = format!("/Users/{alice}");
    for (who, stranger, _) in &strangers {
        let lines = [
            "GET /Users".to_owned(),
            "POST /Users".to_owned(),
            format!("DELETE {user}"),
            format!("PUT {user}"),
            "GET /ServiceProviderConfig".to_owned(),
            "GET ".to_owned(),
            "GET /".to_owned(),
        ];
        for line in lines {
            let reply = stranger.send(&line, &body);
            assert_eq!(reply.status, 401, "{who}, {line}: {reply:?}");
            reply.refused(401);
            assert!(
                reply.has_header("www-authenticate: Bearer"),
                "{who}: {reply:?}"
            );
        }
    }
    // What the source itself sends wrongly is refused in SCIM's own words.
    okta.get("/Users/nobody").refused(404);
    okta.get("/Bulk").refused(501);
    okta.send("PUT /Users", &body).refused(405);
    okta.send_text("POST /Users", "{").refused(400);
    okta.send_text("POST /Users", &" ".repeat((256 << 10) + 1))
        .refused(413);
    okta.send(
        "POST /Users",
        &json!({"schemas": [USER], "userName": "ALICE"}),
    )
    .refused(409);
    assert_eq!(okta.get("/Users").body["totalResults"], 1);
    assert_eq!(world.psql("select 'untouched'").success(), "untouched\n");

    let stopped = world.custos.finish();
    for secret in [OKTA, ENTRA, ENTRA_NEXT, &access_token] {
        assert!(!stopped.log.contains(secret), "the log has a token");
        assert!(
            !stopped.evidence.to_string().contains(secret),
            "evidence has a token"
        );
    }
    let refused: Vec<&Value> = stopped.evidence.of_type("provisioning.refused").collect();
    assert_eq!(refused.len(), 7 * strangers.len(), "{}", stopped.evidence);
    for (records, (who, _, reason)) in refused.chunks(7).zip(&strangers) {
        for record in records {
            assert_eq!(record["outcome"], "denied", "{record}");
            assert_eq!(record["reason"], *reason, "{who}: {record}");
            let known = *reason != "no_provisioning";
            assert_eq!(
                record["detail"]["provider"] == "okta",
                known,
                "{who}: {record}"
            );
        }
    }
}

/// What alice's command line presents.
fn access_token(world: &World) -> String {
    let mut waiting = vec![world.home.path().to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("it can be listed");
            waiting.extend(entries.flatten().map(|entry| entry.path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if let Some((_, rest)) = text.split_once("\"access_token\"") {
            return rest.split('"').nth(1).unwrap_or_default().to_owned();
        }
    }
    String::new()
}

#[test]
fn a_change_that_cannot_be_put_on_record_is_not_made() {
    let world = world(&["okta"]);
    let okta = world.okta();
    okta.user("alice", &subject("alice"));
    world.custos.fail_writes(true);
    let bob = json!({"schemas": [USER], "userName": "bob", "externalId": "b"});
    okta.send("POST /Users", &bob).refused(503);
    world.custos.fail_writes(false);
    wait_for("the gateway to recover", PATIENCE, || {
        let again = okta.send("POST /Users", &bob);
        // A conflict would say that the first one had been stored.
        assert_ne!(again.status, 409, "{again:?}");
        (again.status == 201).then_some(())
    });
    assert_eq!(okta.get("/Users").body["totalResults"], 2);
    let evidence = world.custos.finish().evidence;
    // Whatever is on record as made was made, or it is on record that it was not.
    let changes: Vec<&Value> = evidence.of_type("provisioning.changed").collect();
    let undone: Vec<&Value> = changes
        .iter()
        .filter(|record| record["outcome"] == "failed")
        .map(|record| &record["detail"]["request"])
        .collect();
    let made = changes.iter().filter(|record| {
        record["outcome"] == "ok" && !undone.contains(&&record["detail"]["request"])
    });
    let made: Vec<_> = made
        .map(|record| record["detail"]["user_name"].clone())
        .collect();
    assert_eq!(made, ["alice", "bob"], "{evidence}");
}

#[test]
fn sign_ins_of_before_are_held_against_a_new_directory() {
    let mut world = world(&["okta"]);
    world
        .custos
        .write_settings(&settings(&world.url, &world.providers, &[]));
    world.custos.stop();
    world.custos.restart();
    world.sign_in("okta", "alice");
    assert_eq!(world.psql("select 'by claim'").success(), "by claim\n");
    world.custos.wait_for_ended_sessions(1);
    world
        .custos
        .write_settings(&settings(&world.url, &world.providers, &["okta"]));
    world.custos.stop();
    world.custos.restart();
    assert_ne!(world.psql("select 1").code(), 0);
    let evidence = world.custos.finish().evidence;
    let ended = evidence.only("sign_in.ended");
    assert_eq!(ended["detail"]["cause"], "provisioning", "{ended}");
    assert!(ended.get("src").is_none(), "nobody asked for it: {ended}");
}

#[test]
fn asking_the_provider_again_takes_no_group_of_the_directory() {
    let world = world(&["okta"]);
    let okta = world.okta();
    let alice = okta.user("alice", &subject("alice"));
    okta.user("dan", &subject("dan"));
    okta.group("analysts", &[&alice]);
    world.sign_in("okta", "alice");
    assert_eq!(world.tries("okta", "dan").0, 200);
    // Whoever signed in first is asked about first.
    world.provider("okta").set_enabled("dan", false);
    let ended = world
        .custos
        .wait_for_record("the end of dan's sign-in", |record| {
            record["type"] == "sign_in.ended"
        });
    assert_eq!(ended["detail"]["cause"], "check", "{ended}");
    let who = run(&mut world.command(&["whoami"]), PATIENCE).success();
    assert!(who.contains("readers, okta:analysts"), "{who}");
    assert_eq!(world.psql("select 'as before'").success(), "as before\n");
    let evidence = world.custos.finish().evidence;
    assert_eq!(evidence.of_type("sign_in.changed").count(), 0, "{evidence}");
}
