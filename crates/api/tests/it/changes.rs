//! Every change is on record, before it is answered.

use serde_json::{Value, json};

use crate::world::{World, of_type, shop};

fn issue(world: &World) -> Value {
    let body = json!({
        "principal": "alice", "kind": "human", "groups": ["dba"], "resource": "postgres/shop",
        "ttl_seconds": 600, "source_networks": ["10.0.0.0/8"],
    });
    let answer = world.post("/v1/credentials", &body.to_string());
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

#[test]
fn resources_and_credentials_live_and_leave_records() {
    let world = World::own();
    world.add_shop();
    let again = world.post("/v1/resources", &shop("x").to_string());
    assert_eq!(
        (again.status, again.json()["code"].clone()),
        (409, json!("exists"))
    );

    let issued = issue(&world);
    let id = issued["id"].as_str().unwrap().to_owned();
    assert!(issued["secret"].as_str().unwrap().starts_with("cus_"));
    let list = world.get("/v1/credentials").json();
    assert_eq!(list[0]["state"], "valid");
    assert_eq!(list[0]["principal"]["groups"], json!(["dba"]));
    assert_eq!(list[0]["expires"], issued["expires"]);

    for _ in 0..2 {
        assert_eq!(
            world.delete(&format!("/v1/credentials/{id}")).status,
            204,
            "also when it was revoked before"
        );
    }
    assert_eq!(world.get("/v1/credentials").json()[0]["state"], "revoked");
    assert_eq!(world.get("/v1/resources").json()[0]["host"], "db.internal");
    assert_eq!(world.delete("/v1/resources/postgres/shop").status, 204);
    assert_eq!(world.get("/v1/resources").json(), json!([]));

    let records = world.records();
    let changes: Vec<&Value> = records
        .iter()
        .filter(|record| {
            !matches!(
                record["type"].as_str(),
                Some("log.open" | "node.start" | "node.stop")
            )
        })
        .collect();
    let types: Vec<&str> = changes
        .iter()
        .map(|record| record["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "resource.added",
            "credential.issued",
            "credential.revoked",
            "resource.removed"
        ]
    );
    let uid = rustix::process::geteuid().as_raw().to_string();
    for record in &changes {
        assert_eq!(record["actor"]["kind"], "operator");
        assert_eq!(record["actor"]["iss"], "local");
        assert_eq!(record["actor"]["sub"], uid.as_str());
        assert_eq!(record["target"]["resource"], "postgres/shop");
        assert_eq!(record["outcome"], "ok");
    }
    assert_eq!(changes[0]["target"]["addr"], "db.internal:5432");
    assert_eq!(changes[0]["detail"]["tls"], "verify-full");
    assert_eq!(changes[0]["detail"]["labels"], "env=test");
    assert_eq!(changes[1]["detail"]["credential"], id.as_str());
    assert_eq!(changes[1]["detail"]["principal"], "alice");
    assert_eq!(changes[1]["detail"]["source_networks"], "10.0.0.0/8");
    assert_eq!(changes[2]["detail"]["credential"], id.as_str());
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    let world = World::own();
    world.add_shop();
    let id = issue(&world)["id"].as_str().unwrap().to_owned();
    world.runtime.block_on(world.evidence.shutdown()).unwrap();

    let other = shop("x")
        .to_string()
        .replace("postgres/shop", "postgres/other");
    let refused = [
        world.post("/v1/resources", &other),
        world.delete("/v1/resources/postgres/shop"),
        world.delete(&format!("/v1/credentials/{id}")),
        world.post(
            "/v1/credentials",
            r#"{"principal":"bob","kind":"human","resource":"postgres/shop","ttl_seconds":60}"#,
        ),
    ];
    for answer in refused {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(answer.json()["code"], "evidence_unavailable");
        assert!(!answer.body.contains("cus_"), "no secret without a record");
    }
    let names: Vec<String> = world
        .store
        .resources()
        .unwrap()
        .iter()
        .map(|it| it.name.to_string())
        .collect();
    assert_eq!(names, ["postgres/shop"]);
    let list = world.get("/v1/credentials").json();
    let state = |name: &str| {
        let found = list
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["principal"]["name"] == name);
        found.unwrap()["state"].clone()
    };
    assert_eq!(state("alice"), "valid");
    assert_eq!(
        state("bob"),
        "revoked",
        "nobody was told its secret, and it opens nothing"
    );
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let world = World::own();
    world.add_shop();
    let good = json!({"principal": "alice", "kind": "human", "resource": "postgres/shop", "ttl_seconds": 60});
    for (member, value) in [
        ("kind", json!("operator")),
        ("kind", json!("unknown")),
        ("kind", json!("king")),
        ("ttl_seconds", json!(0)),
        ("ttl_seconds", json!(3601)),
        ("principal", json!("")),
        ("principal", json!("a\nb")),
        ("resource", json!("shop")),
        ("source_networks", json!(["10.0.0.0/99"])),
        ("surprise", json!(1)),
    ] {
        let mut body = good.clone();
        body[member] = value.clone();
        let answer = world.post("/v1/credentials", &body.to_string());
        assert_eq!(answer.status, 400, "{member} {value}: {}", answer.body);
    }
    let mut unknown = good.clone();
    unknown["resource"] = json!("postgres/nowhere");
    assert_eq!(
        world.post("/v1/credentials", &unknown.to_string()).status,
        404
    );
    let mut weak = shop("x");
    weak["resource"]["tls"] = json!("disable");
    weak["resource"]["allow_cleartext"] = json!(true);
    weak["resource"]["name"] = json!("postgres/weak");
    assert_eq!(world.post("/v1/resources", &weak.to_string()).status, 400);
    let records = world.records();
    assert_eq!(of_type(&records, "credential.issued").len(), 0);
    assert_eq!(of_type(&records, "resource.added").len(), 1);
}

/// What is on record was done, and what was done is on record, also when nobody waits for the answer.
#[test]
fn callers_that_leave_cannot_split_a_change() {
    let world = World::own();
    let store = world.store.clone();
    // On a slow machine a caller may have left before its request is read, and then there is nothing to do.
    for number in 0..3000 {
        if number >= 30 && !store.resources().unwrap().is_empty() {
            break;
        }
        let body = shop("x")
            .to_string()
            .replace("postgres/shop", &format!("postgres/shop-{number}"));
        drop(world.send("POST", "/v1/resources", &body));
    }
    assert!(!store.resources().unwrap().is_empty());
    let records = world.records();
    let done = store.resources().unwrap().len();
    assert_eq!(of_type(&records, "resource.added").len(), done);
}

#[test]
fn status_tells_how_evidence_is() {
    let world = World::own();
    world.add_shop();
    let status = world.get("/v1/status").json();
    assert_eq!(status["health"], "good");
    assert_eq!(status["node"], "custos/test");
    assert_eq!(status["verifier_key"], world.evidence.verifier_key());
    assert!(
        status["pending_bytes"].is_u64() && status["wal_bytes"].as_u64() > Some(0),
        "{status}"
    );
}
