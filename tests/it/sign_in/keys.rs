//! The keys that sign the gateway's own tokens change, and tokens live or die by it.

use custos_testkit::{Browser, Message, PATIENCE, Wire, run};
use serde_json::{Value, json};

use super::World;

/// A month, less three minutes.
const ALMOST_A_MONTH_AGO: &str = "-43197m";

impl World {
    /// A session with this token: its first answer of weight.
    fn opened_by(&self, token: &str) -> Message {
        let mut wire = self.offered("alice");
        wire.send(b'p', &super::bearer::with_token(token));
        let answer = wire.receive().expect("an answer");
        if answer.body == [0, 0, 0, 0] {
            self.finish(wire);
        }
        answer
    }

    fn finish(&self, mut wire: Wire) {
        wire.receive_until(b'Z').expect("the session is open");
        wire.send(b'X', b"");
        self.custos.wait_for_quiet();
    }

    /// The published keys: `kid` and state.
    fn keys(&self) -> Vec<(String, String)> {
        let rows = self.custos.json(&["key", "ls", "--json"]);
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let rows = rows.as_array().cloned().unwrap_or_default();
        rows.iter()
            .map(|row| (text(row, "id"), text(row, "state")))
            .collect()
    }

    fn published(&self) -> Vec<String> {
        let page = Browser::new()
            .open(&format!("{}/oauth/keys", self.url))
            .clone();
        let set: Value = serde_json::from_str(&page.body).expect("JSON");
        let keys = set["keys"].as_array().cloned().unwrap_or_default();
        keys.iter()
            .map(|key| key["kid"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

#[test]
fn a_token_survives_a_rotation_and_a_restart_and_dies_with_its_keys() {
    let mut world = World::at(&["okta"], "", Some(ALMOST_A_MONTH_AGO));
    let made = world.keys();
    world.custos.stop();
    world.custos.set_clock(None);
    world.custos.restart();
    assert_eq!(world.keys(), made, "not due yet");
    world.sign_in("okta", "alice");
    let token = world.access_token("alice", "custos-libpq", "postgres");

    // Time passes, and at the next start the rotation is due.
    world.custos.stop();
    world.custos.set_clock(Some("+5m"));
    world.custos.restart();
    let rotated = world.custos.wait_for_record("the rotation", |record| {
        record["detail"]["event"] == "keys_rotated"
    });
    let ((first, _), (second, _)) = (&made[0], &made[1]);
    assert_eq!(rotated["detail"]["signs"], json!(second), "{rotated}");
    assert_eq!(rotated["detail"]["issuer"], json!(world.url), "{rotated}");
    let keys = wait_for_keys(&world, 3);
    let states: Vec<_> = keys.iter().map(|(_, state)| state.as_str()).collect();
    assert_eq!(states, ["current", "next", "retired"]);
    assert_eq!((&keys[0].0, &keys[2].0), (second, first));
    let ids: Vec<_> = keys.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(world.published(), ids);
    assert_eq!(world.opened_by(&token).body, [0, 0, 0, 0]);
    let new = world.access_token("alice", "custos-libpq", "postgres");
    assert_eq!(world.opened_by(&new).body, [0, 0, 0, 0]);

    // The key after it was published just now.
    let early = run(&mut world.custos.command(&["key", "rotate"]), PATIENCE);
    assert_eq!(early.code(), 1, "{early}");
    assert!(
        early
            .stderr
            .contains("hint: after a leak: custos key rotate --now"),
        "{early}"
    );

    let told = world.custos.cli(&["key", "rotate", "--now"]).success();
    for id in &ids {
        assert!(told.contains(&format!("{id} is gone")), "{told}");
    }
    let keys = world.keys();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|(id, _)| !ids.contains(id)));
    for dead in [&token, &new] {
        assert_eq!(world.opened_by(dead).body[..4], [0, 0, 0, 11]);
    }
    // Who is signed in stays so: the command line gets a new token by itself.
    run(&mut world.command(&["whoami"]), PATIENCE).success();

    world.custos.stop();
    world.custos.restart();
    assert_eq!(world.keys(), keys);
    assert_eq!(world.opened_by(&token).body[..4], [0, 0, 0, 11]);
    run(&mut world.command(&["whoami"]), PATIENCE).success();

    let evidence = world.custos.finish().evidence;
    let of = |event: &'static str| {
        evidence
            .of_type("issuer.keys")
            .filter(move |record| record["detail"]["event"] == event)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("keys_rotated").len(), 1);
    let [replaced] = of("keys_replaced")[..] else {
        panic!("one replacement: {evidence}");
    };
    assert_eq!(replaced["actor"]["kind"], "operator", "{replaced}");
    assert_eq!(replaced["detail"]["signs"], json!(keys[0].0), "{replaced}");
    assert_eq!(
        replaced["detail"]["removed"],
        json!(ids.join(" ")),
        "{replaced}"
    );
    let reasons: Vec<_> = evidence
        .of_type("login.failed")
        .map(|record| record["reason"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(reasons, ["token_rejected (key_unknown)"; 3]);
}

/// The record comes before the keys are in force.
fn wait_for_keys(world: &World, count: usize) -> Vec<(String, String)> {
    custos_testkit::wait_for("the keys", PATIENCE, || {
        let keys = world.keys();
        (keys.len() == count).then_some(keys)
    })
}

#[test]
fn keys_are_the_operators_and_there_where_tokens_are() {
    let world = World::new(&["okta"]);
    let early = run(&mut world.custos.command(&["key", "rotate"]), PATIENCE);
    assert_eq!(early.code(), 1, "{early}");
    assert_eq!(world.keys().len(), 2);
    // Signed in or not, nobody reaches it from the network.
    for page in ["/v1/keys", "/v1/keys/rotate"] {
        assert_eq!(
            Browser::new().open(&format!("{}{page}", world.url)).status,
            404
        );
        let posted = Browser::new().post(&format!("{}{page}", world.url), "now=true");
        assert_eq!(posted.status, 404);
    }
    // What cannot be kept does not happen.
    let before = world.keys();
    world.custos.fail_writes(true);
    let failed = run(
        &mut world.custos.command(&["key", "rotate", "--now"]),
        PATIENCE,
    );
    assert_eq!(failed.code(), 1, "{failed}");
    world.custos.fail_writes(false);
    assert_eq!(world.keys(), before);
    let evidence = world.custos.finish().evidence;
    let done = evidence
        .of_type("issuer.keys")
        .filter(|record| record["detail"]["signs"].is_string() && record["outcome"] == "ok");
    assert_eq!(done.count(), 0, "{evidence}");

    let custos = custos_testkit::Custos::start();
    let none = run(&mut custos.command(&["key", "rotate", "--now"]), PATIENCE);
    assert_eq!(none.code(), 1, "{none}");
    assert!(none.stderr.contains("without a web address"), "{none}");
    custos.finish();
}
