//! Sessions are listed, and looking into one is itself on record.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use custos_evidence::{RecordOutcome, SessionEnd, SessionStart, Source, Target};
use custos_model::{Decision, Effect, Operation, Outcome, Principal, PrincipalKind, Verdict};
use serde_json::Value;

use crate::world::{World, of_type};

/// More than one piece of a stream, and more than a socket's buffer.
const ROWS: usize = 60_000;

fn record_session(world: &World) -> String {
    let evidence = &world.evidence;
    let alice = Principal {
        issuer: "local".to_owned(),
        subject: "alice".to_owned(),
        kind: PrincipalKind::Human,
        ..Principal::unknown("alice")
    };
    let verdict = Verdict {
        decision: Decision::Allow,
        rules: vec!["rule".to_owned()],
        masks: Vec::new(),
    };
    let id = evidence.ids().session(evidence.clock().now().utc_ns);
    let (log, _) = evidence
        .begin_session(SessionStart {
            id,
            actor: &alice,
            src: Source {
                ip: Ipv4Addr::LOCALHOST.into(),
                port: 4711,
                client: Some("psql"),
                tls: None,
            },
            target: Target {
                resource: "postgres/shop",
                database: Some("shop"),
                ..Target::default()
            },
            verdict: &verdict,
            durability: "strict",
            detail: &[],
        })
        .unwrap();
    let operation = Operation {
        verb: "query",
        effect: Effect::Unknown,
        may_change: true,
        objects: &[],
        text: "select 1",
        parameters: 0,
    };
    let (number, _) = log.intent(&operation, &verdict).unwrap();
    for start in (0..ROWS).step_by(1000) {
        let mut lines = String::new();
        for row in start..start + 1000 {
            let _ = writeln!(lines, "[\"{row}\"]");
        }
        log.transcript(lines.as_bytes(), 1000).unwrap();
    }
    log.outcome(
        number,
        &Outcome {
            rows: Some(ROWS as u64),
            ..Outcome::default()
        },
    )
    .unwrap();
    let end = SessionEnd {
        outcome: RecordOutcome::Ok,
        reason: "client closed the session",
        detail: &[],
    };
    world.runtime.block_on(log.end(&end)).unwrap();
    id.to_string()
}

#[test]
fn a_session_is_listed_shown_and_replayed() {
    let world = World::own();
    let id = record_session(&world);

    let list = world.get("/v1/sessions").json();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    let row = &list[0];
    assert_eq!(row["id"], id.as_str());
    assert_eq!(
        (
            row["state"].as_str(),
            row["principal"].as_str(),
            row["outcome"].as_str()
        ),
        (Some("ended"), Some("alice"), Some("ok"))
    );
    assert_eq!(
        world.get("/v1/sessions?live=true").json(),
        serde_json::json!([])
    );
    let one = world.get(&format!("/v1/sessions/{id}")).json();
    assert_eq!(one["source"], "127.0.0.1 port 4711");
    assert_eq!(one["reason"], "client closed the session");

    let answer = world.get(&format!("/v1/sessions/{id}/records"));
    let types: Vec<String> = answer
        .body
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        types,
        [
            "session.start",
            "operation.intent",
            "operation.outcome",
            "segment.closed",
            "session.end"
        ]
    );

    let answer = world.get(&format!("/v1/sessions/{id}/transcript"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.lines().count(), ROWS);
    assert_eq!(
        answer.body.lines().last(),
        Some(format!("[\"{}\"]", ROWS - 1).as_str())
    );
    assert_eq!(
        world.post(&format!("/v1/sessions/{id}/cut"), "").status,
        404,
        "it is not live"
    );

    let records = world.records();
    let looks = of_type(&records, "recording.read");
    let parts: Vec<&str> = looks
        .iter()
        .map(|look| look["detail"]["part"].as_str().unwrap())
        .collect();
    assert_eq!(parts, ["records", "transcript"]);
    assert!(
        looks
            .iter()
            .all(|look| look["detail"]["session"] == id.as_str())
    );
    assert!(looks.iter().all(|look| look["actor"]["kind"] == "operator"));
}

#[test]
fn no_look_without_a_record() {
    let world = World::own();
    let id = record_session(&world);
    world.runtime.block_on(world.evidence.shutdown()).unwrap();
    for part in ["records", "transcript"] {
        let answer = world.get(&format!("/v1/sessions/{id}/{part}"));
        assert_eq!(answer.status, 503);
        assert!(!answer.body.contains("select 1"), "{}", answer.body);
    }
}

/// One who takes nothing of a long transcript holds up nobody else.
#[test]
fn a_stalled_reader_is_alone_with_it() {
    let world = World::own();
    let id = record_session(&world);
    let _stalled: Vec<_> = (0..8)
        .map(|_| world.send("GET", &format!("/v1/sessions/{id}/transcript"), ""))
        .collect();
    let answer = world.get(&format!("/v1/sessions/{id}/transcript"));
    assert_eq!(answer.body.lines().count(), ROWS);
}
