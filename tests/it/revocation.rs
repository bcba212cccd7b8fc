//! Whatever ends what somebody signed in with ends her sessions too, whatever they are doing.

use std::time::Duration;

use custos_testkit::{Browser, PATIENCE, Running, Settings, now_utc, run, start, wait_for};

use crate::administrator::alter;
use crate::sign_in::World;

/// From a cause to the end of a session, at most.
pub(crate) const CUT_MAX: Duration = Duration::from_secs(1);
/// How often providers are asked here, and with that, how long they may keep news to themselves.
const CHECKED: &str = "check_interval = \"1s\"\n";
/// The gateway looks once a second who is due.
const TOLD_MAX: Duration = Duration::from_secs(2);

/// What a session is doing when its sign-in ends.
pub(crate) const STATES: [(&str, &str); 3] = [
    ("idle", "select 'ready'"),
    ("in a statement", "select 'ready'; select pg_sleep(60)"),
    ("in a transaction", "begin; select 'ready'; select 1"),
];

/// One session of alice in each state.
struct Sessions(Vec<(&'static str, Running)>);

impl Sessions {
    fn begin(world: &World) -> Self {
        let arguments = ["connect", "postgres/shop", "--", "psql", "-XAtq"];
        let sessions = STATES.map(|(state, sql)| {
            let mut psql = start(&mut world.command(&arguments));
            psql.write(&format!("{sql};\n"));
            (state, psql)
        });
        for (state, psql) in &sessions {
            wait_for(state, PATIENCE, || {
                psql.stdout().contains("ready").then_some(())
            });
        }
        Self(sessions.into())
    }

    /// Waits until all have been cut, in these words; returns how long the last one took.
    fn cut_since(&mut self, began: Duration, words: &str) -> Duration {
        let mut last = Duration::ZERO;
        for (state, psql) in &mut self.0 {
            wait_for("the end of the session", PATIENCE, || {
                // An idle psql notices at its next statement.
                if *state != "in a statement" {
                    psql.write_if_alive("select 'still ' || 'here';\n");
                }
                psql.stderr().contains(words).then_some(())
            });
            last = now_utc().saturating_sub(began);
        }
        last
    }

    fn finish(self) {
        for (_, mut psql) in self.0 {
            psql.close_stdin();
            psql.finish(PATIENCE);
        }
    }
}

/// Lets a cause end alice's sign-in under three sessions.
fn ends(provider_keys: &str, words: &str, at_most: Duration, cause: impl FnOnce(&World)) -> World {
    let world = World::with(&["okta"], provider_keys);
    world.sign_in("okta", "alice");
    let mut sessions = Sessions::begin(&world);
    let began = now_utc();
    cause(&world);
    let took = sessions.cut_since(began, words);
    println!("the last of three sessions was cut {took:?} after the cause");
    assert!(took < at_most, "{took:?}");
    sessions.finish();
    assert_ne!(world.psql("select 1").code(), 0);
    world
}

fn ended_as(world: World, cause: &str) {
    let evidence = world.custos.finish().evidence;
    let ended = evidence.only("sign_in.ended");
    assert_eq!(ended["detail"]["cause"], cause, "{ended}");
    assert_eq!(ended["detail"]["sessions"], 3, "{ended}");
    for end in evidence.of_type("session.end") {
        assert_eq!(end["outcome"], "interrupted", "{end}");
    }
}

#[test]
fn logout_cuts_sessions() {
    // A command has to start first.
    let at_most = CUT_MAX + Duration::from_secs(1);
    let world = ends("", "the sign-in has ended", at_most, |world| {
        run(&mut world.command(&["logout"]), PATIENCE).success();
    });
    ended_as(world, "logout");
}

#[test]
fn an_administrator_cuts_sessions() {
    let at_most = CUT_MAX + Duration::from_secs(1);
    let world = ends("", "the sign-in has ended", at_most, |world| {
        world.end_first();
    });
    ended_as(world, "administrator");
}

#[test]
fn a_logout_at_the_provider_cuts_sessions() {
    let world = ends("", "the sign-in has ended", CUT_MAX, |world| {
        world.provider("okta").log_out("alice");
    });
    ended_as(world, "provider");
}

#[test]
fn a_person_disabled_at_the_provider_is_cut() {
    let at_most = TOLD_MAX + CUT_MAX;
    let world = ends(CHECKED, "the sign-in has ended", at_most, |world| {
        world.provider("okta").set_enabled("alice", false);
    });
    ended_as(world, "check");
}

#[test]
fn an_end_that_cannot_be_stored_is_in_force_and_is_stored_later() {
    type Ends = fn(&World);
    let causes: [(&str, &str, Ends); 4] = [
        ("check", CHECKED, |world| {
            world.provider("okta").set_enabled("alice", false);
        }),
        // Whoever asked for it hears that it is not stored.
        ("provider", "", |world| {
            world.provider("okta").log_out_answered("alice", 503);
        }),
        ("logout", "", |world| {
            assert_ne!(run(&mut world.command(&["logout"]), PATIENCE).code(), 0);
        }),
        ("administrator", "", |world| {
            assert_ne!(
                world.custos.cli(&["sign-in", "end", &world.first()]).code(),
                0
            );
        }),
    ];
    for (name, keys, cause) in causes {
        let mut world = World::with(&["okta"], keys);
        world.sign_in("okta", "alice");
        let mut sessions = Sessions::begin(&world);
        alter(
            &world,
            "CREATE TRIGGER full1 BEFORE UPDATE ON sign_ins BEGIN SELECT RAISE(ABORT, 'full'); END;
             CREATE TRIGGER full2 BEFORE INSERT ON provider_sessions BEGIN SELECT RAISE(ABORT, 'full'); END;",
        );
        cause(&world);
        sessions.cut_since(now_utc(), "the sign-in has ended");
        sessions.finish();
        assert_ne!(world.psql("select 1").code(), 0, "{name}");
        let ended = wait_for("the record of the end", PATIENCE, || {
            let evidence = world.custos.evidence();
            evidence.of_type("sign_in.ended").next().cloned()
        });
        assert_eq!(ended["detail"]["cause"], name, "{ended}");
        assert_eq!(ended["outcome"], "failed", "{ended}");
        assert_eq!(ended["reason"], "not_stored_yet", "{ended}");
        alter(&world, "DROP TRIGGER full1; DROP TRIGGER full2;");
        wait_for("the end to be stored", PATIENCE, || {
            let told = world
                .custos
                .log()
                .contains("ends of sign-ins are stored now");
            told.then_some(())
        });
        world.custos.stop();
        world.custos.restart();
        assert_ne!(world.psql("select 1").code(), 0, "{name}");
        world.custos.finish();
    }
}

#[test]
fn a_lost_group_cuts_sessions_and_leaves_the_sign_in() {
    let at_most = TOLD_MAX + CUT_MAX;
    let world = ends(CHECKED, "groups were lost", at_most, |world| {
        world.provider("okta").set_groups("alice", &["visitors"]);
    });
    let who = run(&mut world.command(&["whoami"]), PATIENCE).success();
    assert!(!who.contains("readers"), "{who}");
    assert!(who.contains("okta:visitors"), "{who}");
    let evidence = world.custos.finish().evidence;
    let changed = evidence.only("sign_in.changed");
    assert_eq!(changed["detail"]["cause"], "check", "{changed}");
    assert_eq!(changed["detail"]["lost"], "readers, okta:analysts");
    assert_eq!(changed["detail"]["gained"], "okta:visitors");
    assert_eq!(changed["detail"]["sessions"], 3, "{changed}");
    assert_eq!(evidence.of_type("sign_in.ended").count(), 0, "{evidence}");
}

#[test]
fn the_end_of_a_sign_in_cuts_sessions() {
    let before = now_utc();
    let world = World::with(&["okta"], "sign_in_max = \"10s\"\n");
    world.sign_in("okta", "alice");
    let after = now_utc();
    let lasts = Duration::from_secs(10);
    let mut sessions = Sessions::begin(&world);
    let took = sessions.cut_since(before, "has expired");
    assert!(took >= lasts, "{took:?} after it began at the earliest");
    let took = now_utc().saturating_sub(after + lasts);
    println!("the last of three sessions was cut {took:?} after the end at the most");
    assert!(took < CUT_MAX, "{took:?}");
    sessions.finish();
    assert_ne!(world.psql("select 1").code(), 0);
    world.custos.finish();
}

#[test]
fn a_session_goes_on_when_a_group_is_lost_that_did_not_open_it() {
    let world = World::with(&["okta"], CHECKED);
    let okta = world.provider("okta");
    okta.set_groups("alice", &["analysts", "visitors"]);
    world.sign_in("okta", "alice");
    let arguments = ["connect", "postgres/shop", "--", "psql", "-XAtq"];
    let mut psql = start(&mut world.command(&arguments));
    psql.write("select 'ready';\n");
    wait_for("the session", PATIENCE, || {
        psql.stdout().contains("ready").then_some(())
    });
    okta.set_groups("alice", &["analysts"]);
    wait_for("the gateway to learn of it", PATIENCE, || {
        let who = run(&mut world.command(&["whoami"]), PATIENCE).success();
        (!who.contains("visitors")).then_some(())
    });
    psql.write("select 'still here';\n");
    psql.close_stdin();
    assert!(psql.finish(PATIENCE).success().contains("still here"));
    let evidence = world.custos.finish().evidence;
    let changed = evidence.only("sign_in.changed");
    assert_eq!(changed["detail"]["sessions"], 0, "{changed}");
}

#[test]
fn a_group_is_gained_without_signing_in_again() {
    let world = World::with(&["okta"], CHECKED);
    world.sign_in("okta", "bob");
    assert_ne!(world.psql("select 1").code(), 0);
    let groups = ["sre", "sre-leads", "analysts"];
    world.provider("okta").set_groups("bob", &groups);
    wait_for("the group", PATIENCE, || {
        (world.psql("select 1").code() == 0).then_some(())
    });
    let evidence = world.custos.finish().evidence;
    let changed = evidence.only("sign_in.changed");
    assert_eq!(changed["detail"]["gained"], "readers, okta:analysts");
    assert_eq!(
        changed["detail"]["mapping"], "okta:analysts=readers",
        "{changed}"
    );
}

#[test]
fn sessions_go_on_while_the_provider_is_down_and_are_checked_when_it_is_back() {
    let mut world = World::with(&["okta"], CHECKED);
    world.sign_in("okta", "alice");
    let mut sessions = Sessions::begin(&world);
    world.providers[0].stop();
    wait_for("the gateway to notice", PATIENCE, || {
        world
            .custos
            .log()
            .contains("could not be checked")
            .then_some(())
    });
    assert_eq!(world.psql("select 1").success(), "1\n");
    world.providers[0].set_groups("alice", &[]);
    world.providers[0].start_again();
    sessions.cut_since(now_utc(), "groups were lost");
    sessions.finish();
    let evidence = world.custos.finish().evidence;
    let unchecked = evidence.only("sign_in.unchecked");
    assert_eq!(unchecked["actor"]["name"], "alice", "{unchecked}");
    assert_eq!(unchecked["detail"]["provider"], "okta", "{unchecked}");
    assert_eq!(evidence.of_type("sign_in.changed").count(), 1, "{evidence}");
}

#[test]
fn signing_out_leads_to_the_provider_and_back() {
    for (keys, everywhere) in [("", true), ("sign_out = \"here\"\n", false)] {
        let world = World::with(&["okta"], keys);
        let mut browser = Browser::new();
        browser.open(&format!("{}/sign-in", world.url));
        world.at_provider(&mut browser, "okta", "alice");
        let out = browser.submit(&[]);
        assert_eq!(out.status, 200, "{}", out.text());
        assert!(out.text().contains("no longer open anything"));
        let onward = out.header("refresh").map(str::to_owned);
        assert_eq!(onward.is_some(), everywhere, "{onward:?}");
        if let Some(onward) = onward {
            let onward = onward.strip_prefix("0;url=").expect("at once");
            let back = browser.open(onward);
            assert_eq!(back.status, 200, "{}", back.text());
            assert_eq!(back.url, format!("{}/signed-out", world.url));
        }
        browser.open(&format!("{}/sign-in", world.url));
        browser.follow("/sign-in/okta");
        let asked = !browser.page().text().contains("You are signed in");
        assert_eq!(asked, everywhere, "{}", browser.page().text());
        let evidence = world.custos.finish().evidence;
        let ended = evidence.of_type("sign_in.ended").next().expect("it ended");
        assert_eq!(ended["detail"]["cause"], "logout", "{ended}");
    }
}

#[test]
fn a_start_holds_sign_ins_against_the_configuration() {
    let mut world = World::with(&["okta", "entra"], "");
    world.sign_in_at("alice", "okta", "alice");
    world.sign_in_at("other", "entra", "alice");
    assert_eq!(world.psql_of("alice", "select 1").success(), "1\n");
    assert_eq!(world.psql_of("other", "select 1").success(), "1\n");
    // One provider is gone, and the other's group gives nothing any more.
    let entra = world.providers[1].settings();
    let access = world.access.replace(&entra, "");
    let access = access.replace("\"okta:analysts\", ", "\"okta:nobody\", ");
    world.custos.write_settings(&Settings {
        access,
        ..Settings::default()
    });
    world.custos.stop();
    world.custos.restart();
    assert_ne!(world.psql_of("alice", "select 1").code(), 0);
    assert_ne!(world.psql_of("other", "select 1").code(), 0);
    let who = run(&mut world.command_of("alice", &["whoami"]), PATIENCE).success();
    assert!(!who.contains("readers"), "{who}");
    let out = run(&mut world.command_of("other", &["whoami"]), PATIENCE);
    assert_eq!(out.code(), 4, "{out}");
    let evidence = world.custos.finish().evidence;
    let ended = evidence.only("sign_in.ended");
    assert_eq!(ended["detail"]["cause"], "configuration", "{ended}");
    let changed = evidence.only("sign_in.changed");
    assert_eq!(changed["detail"]["lost"], "readers", "{changed}");
    assert_eq!(changed["detail"]["cause"], "configuration", "{changed}");
}
