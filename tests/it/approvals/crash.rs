//! The gateway is killed in every state of a request: nothing runs then that people had not agreed to, and what they agreed
//! to runs at most once.

use std::time::Duration;

use custos_testkit::{Dice, PATIENCE, start, wait_for};

use super::{World, trail};

/// Rounds in each run; `$CUSTOS_CRASH_ROUNDS` makes it more.
const ROUNDS: usize = 6;
/// The second approval takes about so long, all in all.
const MOMENTS_MS: usize = 120;

fn rounds() -> usize {
    let told = std::env::var("CUSTOS_CRASH_ROUNDS").ok();
    told.and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// How far a request had come when the gateway was killed.
const STATES: [&str; 4] = ["held", "one agreed", "the second agrees", "it ran"];

#[test]
fn killed_in_every_state_nothing_runs_unapproved_and_nothing_twice() {
    let mut world = World::new("held_crash");
    let mut dice = Dice::new(7);
    let mut ran = 0;
    for round in 0..rounds() {
        let state = round % STATES.len();
        let table = format!("crash_{round}");
        let statement = format!("drop table {table}");
        let (mut psql, request) = world.held_drop(&table);
        if state >= 1 {
            world.bob().approve(&request).success();
        }
        let mut second = None;
        if state >= 2 {
            let mut approve = world
                .carol()
                .command(&["approve", &request, "--reason", "seen", "--yes"]);
            second = Some(start(&mut approve));
        }
        if state == 3 {
            psql.wait_for("DROP TABLE");
        } else if state == 2 {
            // Somewhere on its way, from the first call to the answer.
            std::thread::sleep(Duration::from_millis(dice.below(MOMENTS_MS) as u64));
        }
        world.custos.kill();
        psql.finish();
        if let Some(second) = second {
            second.finish(PATIENCE);
        }
        world.custos.restart();
        let ending = wait_for("the end of the request", PATIENCE, || {
            let evidence = world.custos.evidence();
            let trail = trail(&evidence, &request);
            let approved = trail.iter().any(|kind| kind == "operation.approved");
            let ended = trail.iter().any(|kind| kind == "request.ended");
            (ended || approved).then_some(approved)
        });
        let runs = world.runs(&statement);
        let what = format!("round {round}, {}", STATES[state]);
        assert!(runs <= 1, "{what}: it ran {runs} times");
        assert!(
            runs == 0 || ending,
            "{what}: it ran, and no approval of it is on record"
        );
        assert!(
            state >= 2 || runs == 0,
            "{what}: it ran, and two had not agreed"
        );
        assert!(
            state != 3 || runs == 1,
            "{what}: it ran, and the target does not know"
        );
        ran += runs;
        // Whatever came of it, it is over.
        assert_ne!(world.dan().approve(&request).code(), 0, "{what}");
        assert_eq!(
            world.runs(&statement),
            runs,
            "{what}: it ran after the restart"
        );
    }
    println!("{ran} of {} ran", rounds());
    world.finish();
}

#[test]
fn what_was_asked_for_and_granted_outlives_the_gateway() {
    let mut world = World::with(
        "held_crash_grants",
        "
version: 1
rules:
  - id: visits
    who: \"*\"
    on: postgres/shop
    may: [session.open, sql.select]
    approve: {of: \"okta:dba\", per: window, window: 1h, expires: 1h}
",
        &super::Extras::default(),
    );
    let asked = world
        .alice()
        .run(&["request", "postgres/shop", "--reason", "ticket 4711"]);
    let request = asked.success().trim().to_owned();
    world.custos.kill();
    world.custos.restart();
    // Asked before, agreed to after.
    world.bob().approve(&request).success();
    let opens = |world: &World| {
        let connect = [
            "connect",
            "postgres/shop",
            "--",
            "psql",
            "-Atc",
            "select 'in'",
            "-d",
            world.database(),
        ];
        world.alice().run(&connect).code() == 0
    };
    assert!(opens(&world));
    world.custos.kill();
    world.custos.restart();
    assert!(opens(&world), "the grant holds after a crash");
    let revoke = ["grant", "revoke", &request, "--reason", "done"];
    world.bob().run(&revoke).success();
    world.custos.kill();
    world.custos.restart();
    assert!(!opens(&world), "what was revoked stays so");
    world.finish();
}
