//! Gateways that mean ill, or are none.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::account_home::Home;
use crate::account_server::{Request, Response, Server, answer, metadata};
use crate::command::texts;

const METADATA: &str = "/.well-known/oauth-authorization-server";

/// A gateway whose metadata is changed.
fn with_metadata(name: &'static str, value: Value) -> Server {
    let url = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let own = url.clone();
    let server = Server::with(move |request| {
        let mut document = metadata(own.get().unwrap());
        document[name] = value.clone();
        (request.path == METADATA).then(|| answer(200, &document))
    });
    url.set(server.url().to_owned()).unwrap();
    server
}

/// Signs in with a display and an opener that leaves a trace.
fn refused(home: &Home, server: &Server, arguments: &[&str]) -> String {
    let opener = home.path().join("xdg-open");
    std::fs::write(
        &opener,
        format!(
            "#!/bin/sh\n: > '{}'\n",
            home.path().join("opened").display()
        ),
    )
    .unwrap();
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = home.command(&["login", "--gateway", server.url()]);
    command
        .args(arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", home.path().display()))
        .env("DISPLAY", ":0");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!home.path().join("opened").exists());
    assert!(home.tokens().is_none());
    home.show(server, &output)
}

#[test]
fn an_issuer_of_another_name() {
    let (home, server) = (
        Home::new(),
        with_metadata("issuer", json!("https://evil.example")),
    );
    insta::assert_snapshot!("hostile-issuer", refused(&home, &server, &[]));
    assert_eq!(server.state().asked.len(), 1, "nothing else is asked");
}

#[test]
fn endpoints_that_would_start_something() {
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "device_authorization_endpoint",
    ] {
        for url in [
            "$(calc)",
            "`calc`",
            "file:///usr/bin/calc",
            "javascript:alert(1)",
            "calculator:",
            "--help",
            "http://gw.example.com/oauth",
            "https://evil.example/oauth",
        ] {
            let server = with_metadata(endpoint, json!(url));
            for arguments in [&[][..], &["--no-browser"], &["--device"]] {
                let said = refused(&Home::new(), &server, arguments);
                assert!(said.contains(endpoint), "{url}: {said}");
            }
            let asked = &server.state().asked;
            assert!(
                asked.iter().all(|asked| asked.ends_with(METADATA)),
                "{asked:?}"
            );
        }
    }
    let (home, server) = (
        Home::new(),
        with_metadata("authorization_endpoint", json!("$(calc)")),
    );
    insta::assert_snapshot!("hostile-endpoint", refused(&home, &server, &[]));
}

#[test]
fn answers_that_are_none() {
    let at = |path: &'static str, status: u16, headers: &'static str, body: &'static str| {
        Server::with(move |request: &Request| {
            (request.path == path).then(|| Response {
                status,
                headers: headers.to_owned(),
                body: body.to_owned(),
            })
        })
    };
    let long: &'static str = "x".repeat(300 << 10).leak();
    for (name, server) in [
        ("hostile-long", at(METADATA, 200, "", long)),
        (
            "hostile-redirect",
            at(METADATA, 302, "location: https://evil.example/\r\n", ""),
        ),
        ("hostile-garbage", at(METADATA, 200, "", "<html>\u{1b}[2J")),
        ("hostile-status", at(METADATA, 500, "", "{}")),
        (
            "hostile-encoding",
            at(METADATA, 200, "content-encoding: gzip\r\n", "{}"),
        ),
    ] {
        insta::assert_snapshot!(name, refused(&Home::new(), &server, &[]));
    }
    for (status, headers, body) in [
        (200, "", long),
        (307, "location: https://evil.example/\r\n", ""),
        (200, "", "null"),
        (400, "", "<html>"),
        (
            200,
            "",
            r#"{"access_token":"a\r\nx: y","token_type":"Bearer"}"#,
        ),
        (200, "", r#"{"access_token":"a","token_type":"mac"}"#),
    ] {
        let server = at("/oauth/token", status, headers, body);
        let home = Home::new();
        let output = home.login(&server, |url| server.authorize(url));
        assert_eq!(output.status.code(), Some(1), "{}", texts(&output).1);
        assert!(home.tokens().is_none());
    }
    let server = at(
        "/oauth/device_authorization",
        200,
        "",
        r#"{"device_code":"d","user_code":"A","verification_uri":"javascript:alert(1)","expires_in":9}"#,
    );
    insta::assert_snapshot!(
        "hostile-device",
        refused(&Home::new(), &server, &["--device"])
    );
}

#[test]
fn an_api_that_says_anything() {
    let secret = "{\"secret\": \"cus_hidden\", \"host\": 7}";
    for (status, headers, body) in [
        (201, "", secret),
        (201, "", "<html>"),
        (307, "location: https://evil.example/\r\n", ""),
        (500, "", ""),
        (400, "", r#"{"error":"\u001b[2Jno","code":"x"}"#),
    ] {
        let server = Server::with(move |request| {
            (request.path == "/v1/my/connections").then(|| Response {
                status,
                headers: headers.to_owned(),
                body: body.to_owned(),
            })
        });
        let home = Home::signed_in(&server);
        let shown = home.shown(&server, &["connect", "postgres/shop", "--print"]);
        assert!(shown.starts_with("exit code 1\n"), "{shown}");
        assert!(
            !shown.contains("cus_hidden") && !shown.contains('\u{1b}'),
            "{shown}"
        );
        assert!(!shown.contains("access-"), "{shown}");
    }
}
