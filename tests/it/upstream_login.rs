//! From the gateway to the target: certificates and how the gateway proves itself.

use custos_testkit::{Authority, Custos, FakeServer, Postgres, Settings, Version};
use serde_json::Value;

/// Adds a target, tries it as alice, and returns what psql heard and the end of the session on record.
#[track_caller]
fn attempt(
    host: &str,
    port: u16,
    account: &str,
    options: &[&str],
) -> (Result<String, String>, Value) {
    let custos = Custos::start_with(&Settings {
        limits: "connect_timeout = \"2s\"".to_owned(),
        ..Settings::default()
    });
    custos
        .add_target("postgres/target", host, port, account, options)
        .success();
    let credential = custos.issue("alice", "postgres/target");
    let finished = custos
        .endpoint(&credential, "shop")
        .query("select current_user");
    let heard = if finished.status.success() {
        Ok(finished.stdout)
    } else {
        Err(finished.stderr)
    };
    let stopped = custos.finish();
    for place in [
        format!("{heard:?}"),
        stopped.log.clone(),
        stopped.evidence.to_string(),
    ] {
        assert!(
            !place.contains(Postgres::PASSWORD),
            "the upstream password is in {place}"
        );
    }
    (heard, stopped.evidence.only("session.end").clone())
}

/// The client hears that the target is the trouble, with SQLSTATE class 08, and nothing about its address or account.
#[track_caller]
fn assert_refused((heard, end): (Result<String, String>, Value), reason: &str) {
    let heard = heard.expect_err("the session must not open");
    assert!(
        !heard.contains(Postgres::APP) && !heard.contains("password"),
        "{heard}"
    );
    assert_eq!(end["outcome"], "failed", "{end}");
    let told = end["reason"].as_str().unwrap_or_default();
    assert!(told.contains(reason), "wanted `{reason}` in: {end}");
}

fn server() -> &'static Postgres {
    Postgres::shared(Version::V15)
}

fn right_authority() -> String {
    server().authority().file().display().to_string()
}

#[test]
fn the_right_certificate_opens() {
    let ca = right_authority();
    for mode in ["verify-full", "verify-ca"] {
        let (heard, _) = attempt(
            "localhost",
            server().port(),
            Postgres::APP,
            &["--ca-file", &ca, "--tls", mode],
        );
        assert_eq!(heard.as_deref(), Ok("app\n"));
    }
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let directory = std::env::temp_dir().join(format!("custos-ca-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("/tmp can be written");
    let other = Authority::new(&directory, "other-ca").file();
    let ca = other.to_str().expect("a text path");
    for mode in ["verify-full", "verify-ca"] {
        let result = attempt(
            "localhost",
            server().port(),
            Postgres::APP,
            &["--ca-file", ca, "--tls", mode],
        );
        assert_refused(result, "TLS handshake with the target failed");
    }
    std::fs::remove_dir_all(directory).expect("it was made here");
    // With the system's authorities it is as unknown.
    assert_refused(
        attempt("localhost", server().port(), Postgres::APP, &[]),
        "TLS handshake with the target failed",
    );
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let ca = right_authority();
    let result = attempt(
        "127.0.0.1",
        server().port(),
        Postgres::APP,
        &["--ca-file", &ca],
    );
    assert_refused(result, "TLS handshake with the target failed");
    let (heard, _) = attempt(
        "127.0.0.1",
        server().port(),
        Postgres::APP,
        &["--ca-file", &ca, "--tls", "verify-ca"],
    );
    assert_eq!(heard.as_deref(), Ok("app\n"));
}

#[test]
fn a_target_without_tls_gets_no_password() {
    let server = FakeServer::answering(b"N");
    assert_refused(
        attempt("localhost", server.port(), Postgres::APP, &[]),
        "does not offer TLS",
    );
    assert!(server.accepted() > 0);
}

#[test]
fn md5_needs_permission() {
    let ca = right_authority();
    let refused = attempt(
        "localhost",
        server().port(),
        Postgres::LEGACY,
        &["--ca-file", &ca],
    );
    assert_refused(refused, "MD5");
    let (heard, _) = attempt(
        "localhost",
        server().port(),
        Postgres::LEGACY,
        &["--ca-file", &ca, "--allow-md5"],
    );
    assert_eq!(heard.as_deref(), Ok("legacy\n"));
}

#[test]
fn a_password_in_clear_needs_permission() {
    let ca = right_authority();
    let refused = attempt(
        "localhost",
        server().port(),
        Postgres::CLEAR,
        &["--ca-file", &ca],
    );
    assert_refused(refused, "clear");
    let (heard, _) = attempt(
        "localhost",
        server().port(),
        Postgres::CLEAR,
        &["--ca-file", &ca, "--allow-cleartext"],
    );
    assert_eq!(heard.as_deref(), Ok("clear\n"));
}

#[test]
fn an_account_that_the_target_refuses_is_told_as_such() {
    let ca = right_authority();
    let refused = attempt(
        "localhost",
        server().port(),
        "no_such_account",
        &["--ca-file", &ca],
    );
    assert_refused(refused, "28P01");
}
