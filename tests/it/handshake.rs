//! From the first byte to the session: encryption, versions, channel binding, cancel keys.

use std::process::Command;

use custos_testkit::{Custos, Endpoint, Finished, PATIENCE, Postgres, Version, Wire, run};

const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GSS_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

fn gateway(version: Version) -> (Custos, Endpoint) {
    let (custos, credential) = Custos::in_front_of(Postgres::shared(version));
    let endpoint = custos.endpoint(&credential, "shop");
    (custos, endpoint)
}

/// One query of psql, on libpq 18, with further connection options.
#[track_caller]
fn with_options(endpoint: &Endpoint, options: &str) -> Finished {
    run(
        &mut endpoint.psql_18(&["-Atq", "-c", "select 'in'", options]),
        PATIENCE,
    )
}

#[test]
fn libpq_18_speaks_protocol_3_2() {
    let (custos, endpoint) = gateway(Version::V18);
    assert_eq!(
        with_options(
            &endpoint,
            "min_protocol_version=3.2 max_protocol_version=latest"
        )
        .success(),
        "in\n"
    );
    assert_eq!(
        with_options(&endpoint, "max_protocol_version=3.0").success(),
        "in\n"
    );
    // A target that knows 3.0 only does not keep the client from 3.2.
    custos.add_resource("postgres/old", Postgres::shared(Version::V15));
    let old = custos.endpoint(&custos.issue("bob", "postgres/old"), "shop");
    assert_eq!(
        with_options(&old, "min_protocol_version=3.2 max_protocol_version=3.2").success(),
        "in\n"
    );
    custos.finish();
}

/// A client of the future is told what is spoken here. 3.9999 is what libpq sends to find servers that cannot do that.
#[test]
fn newer_versions_are_negotiated_down() {
    let (custos, _) = gateway(Version::V15);
    let mut wire = Wire::connect(custos.plain_address());
    let mut body = vec![0, 3, 0x27, 0x0f];
    body.extend(b"user\0alice\0_pq_.greased\0yes\0\0");
    wire.send_raw(
        &[
            &u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..],
            &body,
        ]
        .concat(),
    );
    let answer = wire.receive().expect("NegotiateProtocolVersion");
    assert_eq!(answer.tag, b'v');
    assert_eq!(answer.body[..8], [0, 3, 0, 2, 0, 0, 0, 1]);
    assert_eq!(answer.body[8..], *b"_pq_.greased\0");
    assert_eq!(wire.receive().expect("authentication").tag, b'R');
    drop(wire);
    let evidence = custos.finish().evidence;
    assert_eq!(evidence.only("login.failed")["actor"]["name"], "alice");
}

#[test]
fn tls_may_come_first() {
    let (custos, endpoint) = gateway(Version::V18);
    assert_eq!(
        with_options(&endpoint, "sslnegotiation=direct").success(),
        "in\n"
    );
    let evidence = custos.finish().evidence;
    assert!(evidence.only("session.start")["src"]["tls"].is_string());
}

/// `openssl s_client` without ALPN could be another protocol that was turned to this port.
#[test]
fn direct_tls_without_alpn_is_refused() {
    let (custos, _) = gateway(Version::V15);
    let mut openssl = Command::new("openssl");
    openssl.args([
        "s_client",
        "-brief",
        "-connect",
        &custos.tls_address().to_string(),
    ]);
    let said = run(&mut openssl, PATIENCE);
    assert!(!said.stdout.contains("AuthenticationSASL"), "{said}");
    let refused = custos.wait_for_record("a refused connection", |record| {
        record["type"] == "connection.refused"
    });
    assert_eq!(refused["outcome"], "denied", "{refused}");
    custos.finish();
}

#[test]
fn channel_binding_can_be_required() {
    let (custos, endpoint) = gateway(Version::V15);
    assert_eq!(
        with_options(&endpoint, "channel_binding=require").success(),
        "in\n"
    );
    assert_eq!(
        with_options(&endpoint, "channel_binding=disable").success(),
        "in\n"
    );
    let debian = run(
        &mut endpoint.psql(&["-Atq", "-c", "select 'in'", "channel_binding=require"]),
        PATIENCE,
    );
    assert_eq!(debian.success(), "in\n");
    custos.finish();
}

#[test]
fn plain_text_is_refused_where_tls_is_required() {
    let (custos, mut endpoint) = gateway(Version::V15);
    endpoint.root_certificate = None;
    let heard = endpoint.query("select 1").failure();
    assert!(
        heard.contains("requires TLS") && heard.contains("verify-full"),
        "{heard}"
    );
    let evidence = custos.finish().evidence;
    let refused = evidence.only("connection.refused");
    assert_eq!(refused["src"]["ip"], "127.0.0.1", "{refused}");
    assert_eq!(evidence.sessions().len(), 0);
}

#[test]
fn a_plain_listener_declines_tls() {
    let (custos, mut endpoint) = gateway(Version::V15);
    endpoint.port = custos.plain_address().port();
    let heard = endpoint.query("select 1").failure();
    assert!(heard.contains("server does not support SSL"), "{heard}");
    endpoint.root_certificate = None;
    assert_eq!(endpoint.query("select 'plain'").success(), "plain\n");
    let evidence = custos.finish().evidence;
    assert!(
        evidence.only("session.start")["src"].get("tls").is_none(),
        "plain text is not called TLS"
    );
}

#[test]
fn the_gateways_certificate_is_verified_by_the_client() {
    let (custos, mut endpoint) = gateway(Version::V15);
    endpoint.host = "127.0.0.1".to_owned();
    let heard = endpoint.query("select 1").failure();
    assert!(heard.contains("does not match host name"), "{heard}");
    endpoint.host = "localhost".to_owned();
    endpoint.root_certificate = Some(Postgres::shared(Version::V15).authority().file());
    let heard = endpoint.query("select 1").failure();
    assert!(heard.contains("certificate verify failed"), "{heard}");
    custos.finish();
}

#[test]
fn gss_encryption_is_declined_and_the_connection_goes_on() {
    let (custos, _) = gateway(Version::V15);
    let mut wire = Wire::connect(custos.tls_address());
    wire.send_raw(GSS_REQUEST);
    assert_eq!(wire.receive_bytes(1).expect("an answer"), b"N");
    wire.send_raw(SSL_REQUEST);
    assert_eq!(wire.receive_bytes(1).expect("an answer"), b"S");
    drop(wire);
    custos.finish();
}

/// CVE-2021-23214: bytes that stand before the TLS handshake must not be taken for bytes from inside it.
#[test]
fn bytes_before_the_tls_handshake_are_refused() {
    let (custos, _) = gateway(Version::V15);
    let mut wire = Wire::connect(custos.tls_address());
    let mut startup = vec![0, 0, 0, 20, 0, 3, 0, 0];
    startup.extend(b"user\0alice\0\0");
    wire.send_raw(&[SSL_REQUEST, &startup].concat());
    let answer = wire.receive_to_end();
    assert_ne!(answer.first(), Some(&b'S'), "{answer:?}");
    assert!(
        String::from_utf8_lossy(&answer).contains("unencrypted data after an encryption request")
    );
    let refused = custos.wait_for_record("the refusal", |record| {
        record["type"] == "connection.refused"
    });
    assert!(
        refused["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("unencrypted data")),
        "{refused}"
    );
    custos.finish();
}

#[test]
fn an_unknown_cancel_key_cancels_nothing() {
    let (custos, endpoint) = gateway(Version::V15);
    let mut live = custos_testkit::start(&mut endpoint.psql(&["-Atq"]));
    live.write("select 'open';\n");
    custos_testkit::wait_for("the session", PATIENCE, || {
        live.stdout().contains("open").then_some(())
    });
    for process_id in [0_u32, 1, 0x7fff_ffff, 0xffff_ffff] {
        let mut wire = Wire::connect(custos.plain_address());
        let request = [
            &[0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e][..],
            &process_id.to_be_bytes(),
            &[1, 2, 3, 4],
        ]
        .concat();
        wire.send_raw(&request);
        assert_eq!(
            wire.receive_to_end(),
            b"",
            "a cancel request is never answered"
        );
    }
    live.write("select 'still here';\n\\q\n");
    assert!(live.finish(PATIENCE).success().contains("still here"));
    let evidence = custos.finish().evidence;
    let requests: Vec<_> = evidence.of_type("cancel.requested").collect();
    assert_eq!(requests.len(), 4, "{evidence}");
    for request in requests {
        assert_eq!(request["outcome"], "denied", "{request}");
    }
}
