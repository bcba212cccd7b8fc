//! libpq 18 signs in with an OAuth token, and nothing but such a token signs in that way.

use std::process::Command;

use custos_testkit::{
    Browser, Custos, Endpoint, Message, PATIENCE, Postgres, Settings, Version, Wire, clients, root,
    run, start, wait_for,
};
use serde_json::Value;

use super::World;

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What a client says to have OAUTHBEARER offered.
const ASK: (&str, &str) = ("options", "-c custos.auth=oauth");

impl World {
    /// Where stock clients connect, as this person and without a password.
    fn endpoint(&self, name: &str) -> Endpoint {
        let credential = self.custos.issue("nobody", "postgres/shop");
        Endpoint {
            user: name.to_owned(),
            password: String::new(),
            ..self.custos.endpoint(&credential, "shop")
        }
    }

    /// libpq 18 driven by a program, in the person's environment.
    fn libpq(&self, endpoint: &Endpoint, sql: &str) -> Command {
        let mut command = Command::new(clients().join("python/bin/python"));
        let conninfo = format!(
            "oauth_issuer={} oauth_client_id=custos-libpq require_auth=oauth options='-c custos.auth=oauth'",
            self.url
        );
        command
            .arg(root().join("tests/clients/python/libpq_oauth.py"))
            .args([conninfo.as_str(), sql]);
        endpoint.apply(&mut command);
        command
            .env("LD_LIBRARY_PATH", clients().join("postgres-18/native/lib"))
            // Over plain HTTP on loopback, which libpq takes for tests only.
            .env("PGOAUTHDEBUG", "UNSAFE");
        command
    }

    /// Lets a device in, as this person.
    fn approve(&self, person: &str, code: &str) {
        let mut browser = Browser::new();
        browser.open(&format!("{}/device", self.url));
        self.at_provider(&mut browser, "okta", person);
        browser.submit(&[("user_code", code)]);
        browser.submit(&[("answer", "yes")]);
        assert_eq!(browser.page().status, 200, "{}", browser.page().text());
    }

    /// An access token of this person, got by a device.
    pub(super) fn access_token(&self, person: &str, client: &str, scope: &str) -> String {
        let post = |path: &str, form: &str| -> Value {
            let page = Browser::new().post(&format!("{}{path}", self.url), form);
            assert_eq!(page.status, 200, "{}", page.body);
            serde_json::from_str(&page.body).expect("JSON")
        };
        let form = format!("client_id={client}&scope={scope}");
        let device = post("/oauth/device_authorization", &form);
        self.approve(person, device["user_code"].as_str().expect("a code"));
        let code = device["device_code"].as_str().expect("a code");
        let form = format!("grant_type={DEVICE_GRANT}&client_id={client}&device_code={code}");
        let token = post("/oauth/token", &form);
        token["access_token"].as_str().expect("a token").to_owned()
    }

    /// A connection by hand that was offered OAUTHBEARER.
    pub(super) fn offered(&self, name: &str) -> Wire {
        let mut wire =
            Wire::connect_tls(self.custos.tls_address(), &self.custos.authority().file());
        wire.send_startup(&[("user", name), ("database", "shop"), ASK]);
        let offer = wire.receive().expect("an offer");
        assert_eq!(offer.tag, b'R');
        assert_eq!(offer.body, b"\0\0\0\x0aOAUTHBEARER\0\0");
        wire
    }
}

/// SASLInitialResponse with this message.
fn initial(mechanism: &str, message: Option<&[u8]>) -> Vec<u8> {
    let mut body = [mechanism.as_bytes(), b"\0"].concat();
    match message {
        Some(message) => {
            let length = u32::try_from(message.len()).expect("it is small");
            body.extend(length.to_be_bytes());
            body.extend(message);
        }
        None => body.extend((-1_i32).to_be_bytes()),
    }
    body
}

pub(super) fn with_token(token: &str) -> Vec<u8> {
    let message = format!("n,,\x01auth=Bearer {token}\x01\x01");
    initial("OAUTHBEARER", Some(message.as_bytes()))
}

/// The refusal in the mechanism's words, and the error after its acknowledgement.
#[track_caller]
fn refusal(wire: &mut Wire) -> (Value, Message) {
    let refused = wire.receive().expect("an answer");
    assert_eq!(
        (refused.tag, &refused.body[..4]),
        (b'R', &[0, 0, 0, 11][..])
    );
    let json = serde_json::from_slice(&refused.body[4..]).expect("JSON");
    wire.send(b'p', b"\x01");
    (json, error(wire))
}

#[track_caller]
fn error(wire: &mut Wire) -> Message {
    let error = wire.receive().expect("an error");
    assert_eq!(error.tag, b'E', "{error:?}");
    assert_eq!(wire.receive_to_end(), b"");
    error
}

/// The reasons of the failed logins on record.
fn reasons(evidence: &custos_testkit::Evidence) -> Vec<String> {
    let failed = evidence.of_type("login.failed");
    failed
        .map(|record| {
            assert_eq!(record["detail"]["method"], "oauthbearer", "{record}");
            record["reason"].as_str().unwrap_or_default().to_owned()
        })
        .collect()
}

#[test]
fn libpq_18_gets_a_token_by_a_device_code_and_its_session_ends_with_the_sign_in() {
    let world = World::new(&["okta"]);
    let mut client = start(&mut world.libpq(&world.endpoint("alice"), "select 40 + 2"));
    let code = wait_for("the code", PATIENCE, || {
        assert!(client.is_running(), "{}", client.stderr());
        let shown = client.stdout();
        let line = shown.lines().find(|line| line.starts_with("visit "))?;
        line.split(' ').next_back().map(str::to_owned)
    });
    world.approve("alice", &code);
    client.write("approved\n");
    wait_for("the result", PATIENCE, || {
        assert!(client.is_running(), "{}", client.stderr());
        client.stdout().contains("result 42").then_some(())
    });
    let discovered = format!(
        "discovered {}/.well-known/openid-configuration postgres\n",
        world.url
    );
    assert!(
        client.stdout().starts_with(&discovered),
        "{}",
        client.stdout()
    );

    world.end_first();
    wait_for("the end of the session", PATIENCE, || {
        client.write_if_alive("select 'still here'\n");
        let ended = client.stderr().contains("the sign-in has ended");
        ended.then_some(())
    });
    assert!(!client.stdout().contains("still here"));
    client.finish(PATIENCE);

    let evidence = world.custos.finish().evidence;
    assert_eq!(
        reasons(&evidence),
        ["the client asked where to get a token"]
    );
    let begun = evidence.only("sign_in.started");
    let session = evidence.only("session.start");
    assert_eq!(session["actor"], begun["actor"], "{session}");
    let detail = &session["detail"];
    assert_eq!(detail["method"], "oauthbearer", "{session}");
    assert_eq!(detail["sign_in"], begun["detail"]["sign_in"], "{session}");
    assert_eq!(detail["provider"], "okta", "{session}");
    assert_eq!(evidence.only("sign_in.ended")["detail"]["sessions"], 1);
}

#[test]
fn psql_18_learns_where_to_sign_in_and_passwords_work_beside_it() {
    let world = World::new(&["okta"]);
    let endpoint = world.endpoint("alice");
    let connect = |settings: &str| {
        let mut psql = endpoint.psql_18(&["-Atq", "-c", "select 1", settings]);
        psql.env_remove("PGPASSWORD").env("PGOAUTHDEBUG", "UNSAFE");
        run(&mut psql, PATIENCE).failure()
    };
    // This psql was built without the module that opens the browser, so it stops where that begins.
    let issuer = format!("oauth_issuer={} oauth_client_id=custos-libpq", world.url);
    let told = connect(&format!("{issuer} options='-c custos.auth=oauth'"));
    assert!(told.contains("no OAuth flows are available"), "{told}");
    let told = connect(
        "oauth_issuer=https://elsewhere.example oauth_client_id=custos-libpq options='-ccustos.auth=oauth'",
    );
    assert!(told.contains("is incompatible with oauth_issuer"), "{told}");
    let told = connect("options=--custos.auth=oauth");
    assert!(told.contains("oauth_client_id are not both set"), "{told}");
    let told = connect("options='-c custos.auth=ldap'");
    assert!(told.contains("knows the value \"oauth\" only"), "{told}");

    // Whoever does not ask is offered what was always offered, and libpq 18 takes it.
    world.sign_in("okta", "alice");
    let arguments = [
        "connect",
        "postgres/shop",
        "--",
        "psql",
        "-XAtqc",
        "select 'in'",
    ];
    let mut psql = world.command(&arguments);
    psql.env("LD_LIBRARY_PATH", clients().join("postgres-18/native/lib"))
        .env("PGCHANNELBINDING", "require");
    assert_eq!(run(&mut psql, PATIENCE).success(), "in\n");
    world.custos.wait_for_ended_sessions(1);
    let evidence = world.custos.finish().evidence;
    let session = evidence.only("session.start");
    assert_eq!(session["detail"]["method"], "scram-sha-256", "{session}");
}

#[test]
fn a_token_opens_what_policy_allows_its_owner_and_nothing_else() {
    let world = World::new(&["okta"]);
    let alice = world.access_token("alice", "custos-libpq", "postgres");
    let bob = world.access_token("bob", "custos-libpq", "postgres");
    let cli = world.access_token("alice", "custos-cli", "api");
    let as_token = |name: &str, token: &str| {
        let mut client = world.libpq(&world.endpoint(name), "select 'in'");
        run(client.env("TOKEN", token), PATIENCE)
    };
    let taken = as_token("alice", &alice).success();
    assert!(taken.ends_with("result in\n"), "{taken}");
    // A token is good until it expires, by whoever of this name has it.
    assert!(as_token("alice", &alice).success().contains("result in"));

    let denied = as_token("bob", &bob).failure();
    assert!(
        denied.contains("access to postgres/shop is denied"),
        "{denied}"
    );
    let failed = "OAuth bearer authentication failed for user \"alice\"";
    assert!(as_token("alice", &bob).failure().contains(failed));
    let short = as_token("alice", &cli).failure();
    assert!(short.contains("insufficient_scope"), "{short}");

    // A resource that does not exist, and one that cannot.
    for resource in ["postgres/elsewhere", "elsewhere"] {
        let mut wire =
            Wire::connect_tls(world.custos.tls_address(), &world.custos.authority().file());
        let resource = format!("-c custos.auth=oauth -c custos.resource={resource}");
        wire.send_startup(&[("user", "alice"), ("options", &resource)]);
        wire.receive().expect("an offer");
        wire.send(b'p', &with_token(&alice));
        if resource.ends_with("=elsewhere") {
            assert_eq!(refusal(&mut wire).0["status"], "invalid_request");
        } else {
            assert_eq!(error(&mut wire).field(b'C').as_deref(), Some("28000"));
        }
    }

    let signature = |token: &str| token.rsplit('.').next().unwrap_or_default().to_owned();
    let changed = alice.replace(&signature(&alice), &signature(&bob));
    assert!(as_token("alice", &changed).failure().contains(failed));
    world.end_first();
    assert!(as_token("alice", &alice).failure().contains(failed));

    let stopped = world.custos.finish();
    let evidence = &stopped.evidence;
    let mut reasons = reasons(evidence);
    reasons.retain(|reason| !reason.starts_with("the client asked"));
    assert_eq!(
        reasons,
        [
            "the token is not of this login name",
            "the token is not for postgres",
            "no resource is named",
            "token_rejected (signature_wrong)",
            "token_revoked",
        ],
        "{evidence}"
    );
    assert_eq!(evidence.sessions().len(), 2);
    assert_eq!(evidence.of_type("session.denied").count(), 2);
    for token in [&alice, &bob, &cli] {
        let secret = signature(token);
        assert!(!stopped.log.contains(&secret) && !evidence.to_string().contains(&secret));
    }
}

#[test]
fn the_exchange_byte_by_byte() {
    let world = World::new(&["okta"]);
    let mut wire = world.offered("alice");
    wire.send(b'p', &initial("OAUTHBEARER", Some(b"n,,\x01auth=\x01\x01")));
    let answer = wire.receive().expect("an answer");
    let json = format!(
        r#"{{"status":"invalid_token","openid-configuration":"{}/.well-known/openid-configuration","scope":"postgres"}}"#,
        world.url
    );
    assert_eq!(answer.tag, b'R');
    assert_eq!(answer.body, [&[0, 0, 0, 11], json.as_bytes()].concat());
    wire.send(b'p', b"\x01");
    let refused = error(&mut wire);
    assert_eq!(refused.field(b'C').as_deref(), Some("28000"));

    // Without an initial response the client is asked for it.
    let mut wire = world.offered("alice");
    wire.send(b'p', &initial("OAUTHBEARER", None));
    let asked = wire.receive().expect("a question");
    assert_eq!(
        (asked.tag, asked.body.as_slice()),
        (b'R', &[0, 0, 0, 11][..])
    );
    let token = world.access_token("alice", "custos-libpq", "postgres");
    let message = format!("n,,\x01host=localhost\x01auth=bearer {token}\x01\x01");
    wire.send(b'p', message.as_bytes());
    let answer = wire.receive().expect("an answer");
    assert_eq!((answer.tag, answer.body.as_slice()), (b'R', &[0; 4][..]));
    wire.receive_until(b'Z').expect("the session is open");
    wire.send(b'X', b"");
    world.custos.wait_for_ended_sessions(1);
    world.custos.finish();
}

#[test]
fn malformed_messages_are_refused_cleanly_and_on_record() {
    let world = World::new(&["okta"]);
    let long = format!("n,,\x01auth=Bearer {}\x01\x01", "x".repeat(15 * 1024));
    let mut malformed: Vec<(Vec<u8>, &str)> = [
        (&b""[..], "it is empty"),
        (
            b"p=tls-server-end-point,,\x01auth=\x01\x01",
            "channel binding",
        ),
        (b"x,,\x01auth=\x01\x01", "channel binding flag"),
        (
            b"n,a=bob,\x01auth=Bearer x\x01\x01",
            "authorization identity",
        ),
        (b"n,,auth=Bearer x", "no separator"),
        (b"n,,\x02auth=Bearer x\x02\x02", "no separator"),
        (b"n,,\x01auth=Bearer x\x01", "last separator"),
        (b"n,,\x01auth=Bearer x\0\x01\x01", "not allowed"),
        (
            b"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01",
            "more than one",
        ),
        (b"n,,\x01\x01", "no auth value"),
        (b"n,,\x01auth=Basic eDp5\x01\x01", "not a bearer token"),
    ]
    .into_iter()
    .map(|(message, problem)| (initial("OAUTHBEARER", Some(message)), problem))
    .collect();
    malformed.push((initial("SCRAM-SHA-256", Some(b"n,,n=,r=x")), "not offered"));
    malformed.push((b"OAUTHBEARER\0\0\0\0\x09n,,".to_vec(), "too early"));
    malformed.push((vec![b'x'; 17 * 1024], "larger than the limit"));
    for (body, problem) in &malformed {
        let mut wire = world.offered("alice");
        wire.send(b'p', body);
        let refused = error(&mut wire);
        let code = refused.field(b'C').unwrap_or_default();
        assert!(
            ["08P01", "54000"].contains(&code.as_str()),
            "{problem}: {code}"
        );
        let told = refused.field(b'M').unwrap_or_default();
        assert!(told.contains(problem), "{problem}: {told}");
    }
    // A well-formed token of the greatest size is judged, and is none.
    let mut wire = world.offered("alice");
    wire.send(b'p', &initial("OAUTHBEARER", Some(long.as_bytes())));
    assert_eq!(refusal(&mut wire).0["status"], "invalid_token");
    // A refusal that is not acknowledged.
    let mut wire = world.offered("alice");
    wire.send(b'p', &with_token("x"));
    wire.receive().expect("a refusal");
    wire.send(b'p', b"\x01\x01");
    assert_eq!(error(&mut wire).field(b'C').as_deref(), Some("08P01"));
    // Nothing at all.
    drop(world.offered("alice"));
    let count = malformed.len() + 3;
    wait_for("the records", PATIENCE, || {
        let failed = world.custos.evidence();
        (failed.of_type("login.failed").count() == count).then_some(())
    });
    let evidence = world.custos.finish().evidence;
    assert_eq!(reasons(&evidence).len(), count);
    assert_eq!(evidence.sessions().len(), 0);
}

#[test]
fn it_is_offered_inside_tls_and_where_tokens_are_issued_only() {
    let world = World::new(&["okta"]);
    let mut plain = Wire::connect(world.custos.plain_address());
    plain.send_startup(&[
        ("user", "alice"),
        ("database", "shop"),
        ("custos.auth", "oauth"),
    ]);
    let refused = error(&mut plain);
    assert_eq!(refused.field(b'C').as_deref(), Some("0A000"));
    world.custos.finish();

    let custos = Custos::start_with(&Settings::default());
    custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
    let mut wire = Wire::connect_tls(custos.tls_address(), &custos.authority().file());
    wire.send_startup(&[("user", "alice"), ("database", "shop"), ASK]);
    let refused = error(&mut wire);
    assert_eq!(refused.field(b'C').as_deref(), Some("0A000"));
    let told = refused.field(b'M').unwrap_or_default();
    assert!(told.contains("no web address"), "{told}");
    let evidence = custos.finish().evidence;
    assert_eq!(evidence.of_type("connection.refused").count(), 1);
}
