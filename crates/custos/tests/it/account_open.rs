//! `custos connect`.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

use crate::account_home::Home;
use crate::account_server::Server;
use crate::command::texts;

fn signed_in() -> (Home, Server) {
    let server = Server::start();
    (Home::signed_in(&server), server)
}

/// Runs a shell script as the client.
fn client(home: &Home, script: &str) -> Output {
    home.run(&["connect", "postgres/shop", "--", "sh", "-c", script])
}

#[test]
fn what_may_be_opened_is_listed() {
    let (home, server) = signed_in();
    insta::assert_snapshot!("connect-list", home.shown(&server, &["connect"]));
    insta::assert_snapshot!(
        "connect-list-json",
        home.shown(&server, &["connect", "--json"])
    );
}

#[test]
fn what_is_printed() {
    let (home, server) = signed_in();
    let shown = |arguments: &[&str]| {
        let given = [&["connect", "postgres/shop"], arguments].concat();
        home.shown(&server, &given)
    };
    insta::assert_snapshot!("connect-print", shown(&["--print"]));
    insta::assert_snapshot!("connect-env", shown(&["--env", "--ttl", "10m"]));
    insta::assert_snapshot!("connect-two-ways", shown(&["--env", "--print"]));
}

#[test]
fn refusals_have_their_exit_codes() {
    let (home, server) = signed_in();
    insta::assert_snapshot!(
        "connect-denied",
        home.shown(&server, &["connect", "postgres/orders"])
    );
    insta::assert_snapshot!(
        "connect-unknown",
        home.shown(&server, &["connect", "postgres/none"])
    );
    let shown = home.shown(
        &server,
        &["connect", "postgres/shop", "--", "no-such-client"],
    );
    insta::assert_snapshot!("connect-no-client", shown);
}

#[test]
fn the_client_ends_it() {
    let (home, _server) = signed_in();
    assert_eq!(client(&home, "exit 7").status.code(), Some(7));
    assert_eq!(client(&home, "exit 0").status.code(), Some(0));
    assert_eq!(client(&home, "kill -TERM $$").status.code(), Some(143));
    assert_eq!(client(&home, "kill -KILL $$").status.code(), Some(137));
}

#[test]
fn the_client_knows_where_to_go_and_nobody_else_does() {
    let (home, _server) = signed_in();
    let script = "printf '%s\\n' \"$PGHOST $PGPORT $PGUSER $PGDATABASE $PGPASSWORD $PGSSLMODE\"; \
                  printf '%s\\n' \"[$PGSERVICE$PGHOSTADDR$PGPASSFILE]\"; cat \"$PGSSLROOTCERT\"; \
                  tr '\\0' ' ' < /proc/$$/cmdline; tr '\\0' ' ' < /proc/$PPID/cmdline";
    let output = home
        .command(&[
            "connect",
            "postgres/shop",
            "--ttl",
            "5m",
            "--",
            "sh",
            "-c",
            script,
        ])
        .env("PGSERVICE", "elsewhere")
        .env("PGHOSTADDR", "192.0.2.1")
        .env("PGPASSFILE", "/elsewhere")
        .env("PGPASSWORD", "another")
        .output();
    let (out, err) = texts(&output.unwrap());
    let mut lines = out.lines();
    assert_eq!(
        lines.next(),
        Some("gw.example.com 6432 alice shopdb cus_for_300_s verify-full"),
        "{err}"
    );
    assert_eq!(lines.next(), Some("[]"));
    assert_eq!(lines.next(), Some("-----BEGIN CERTIFICATE-----"));
    assert_eq!(out.matches("cus_for_").count(), 1, "{out}");
    assert!(err.is_empty(), "{err}");
}

#[test]
fn the_usual_client_gets_the_options() {
    let (home, _server) = signed_in();
    let psql = home.path().join("psql");
    std::fs::write(&psql, "#!/bin/sh\nprintf '%s|' \"$#\" \"$@\"; exit 3\n").unwrap();
    std::fs::set_permissions(&psql, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = home
        .command(&["connect", "postgres/shop", "--", "-c", "select 1"])
        .env("PATH", format!("{}:/usr/bin:/bin", home.path().display()))
        .output()
        .unwrap();
    assert_eq!(
        (texts(&output).0.as_str(), output.status.code()),
        ("2|-c|select 1|", Some(3))
    );
}

#[test]
fn signals_reach_the_client() {
    let (home, _server) = signed_in();
    let script = "trap 'kill $!; exit 9' INT TERM; sleep 600 & echo ready; wait $!";
    // Ctrl-C goes to everybody at the terminal, other signals to the one process.
    for (signal, to_all) in [("INT", true), ("TERM", false)] {
        let mut command = home.command(&["connect", "postgres/shop", "--", "sh", "-c", script]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
        let target = if to_all {
            format!("-{}", child.id())
        } else {
            child.id().to_string()
        };
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), "--", &target])
            .status();
        assert!(sent.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(9), "{signal}");
    }
}

#[test]
fn services_are_written_beside_those_of_others() {
    let (home, server) = signed_in();
    let arguments = ["connect", "postgres/shop", "--write"];
    insta::assert_snapshot!("connect-write", home.shown(&server, &arguments));
    let file = home.state().join("postgres/pg_service.conf");
    let service = std::fs::read_to_string(&file).unwrap();
    let own = "# mine\n[own]\nhost=x\n";
    std::fs::write(&file, format!("{own}\n{service}\n# end\n")).unwrap();
    assert!(
        home.run(&["connect", "postgres/shop", "--write", "--ttl", "5m"])
            .status
            .success()
    );
    let after = std::fs::read_to_string(&file).unwrap();
    assert_eq!(after, format!("{own}\n{service}\n# end\n"));

    let passwords: Vec<String> = home
        .files("postgres")
        .into_iter()
        .filter(|name| name.ends_with("pgpass"))
        .collect();
    assert_eq!(passwords.len(), 1);
    let path = home.state().join("postgres").join(&passwords[0]);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "gw.example.com:6432:shopdb:alice:cus_for_300_s\n"
    );
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o600
    );
}
