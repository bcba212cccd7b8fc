//! Signing in, being signed in, signing out.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use serde_json::{Value, json};

use crate::account_home::{Home, visit};
use crate::account_server::{Server, answer, pairs};
use crate::command::texts;

/// The slowest of our machines.
const DEADLINE: Duration = Duration::from_mins(1);

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn by_browser() {
    let (home, server) = (Home::new(), Server::start());
    let output = home.login(&server, |url| server.authorize(url));
    let shown = home.show(&server, &output);
    let url = shown
        .lines()
        .find(|line| line.contains("code_challenge"))
        .unwrap();
    insta::assert_snapshot!("login-by-browser", shown.replace(url, "  URL"));
    insta::assert_snapshot!("whoami", home.shown(&server, &["whoami"]));
    insta::assert_snapshot!("whoami-json", home.shown(&server, &["whoami", "--json"]));
}

#[test]
fn what_is_kept_is_for_its_owner_alone() {
    let server = Server::start();
    let home = Home::signed_in(&server);
    let tokens = home.tokens().unwrap();
    let text = std::fs::read_to_string(&tokens).unwrap();
    assert!(
        text.contains("access-1") && text.contains("refresh-1"),
        "{text}"
    );
    let directory = tokens.parent().unwrap();
    let modes = [
        mode(&tokens),
        mode(directory),
        mode(&home.state()),
        mode(&home.state().join("gateway")),
    ];
    assert_eq!(modes, [0o600, 0o700, 0o700, 0o600]);

    set_mode(&tokens, 0o644);
    insta::assert_snapshot!("tokens-that-others-read", home.shown(&server, &["whoami"]));
    set_mode(&tokens, 0o600);
    set_mode(directory, 0o755);
    insta::assert_snapshot!(
        "directory-that-others-read",
        home.shown(&server, &["whoami"])
    );
    set_mode(directory, 0o700);
    assert_eq!(home.run(&["whoami"]).status.code(), Some(0));
}

#[test]
fn the_browser_is_started_with_the_url_and_without_a_shell() {
    let (home, server) = (Home::new(), Server::start());
    let programs = home.path().join("bin");
    let pipe = home.path().join("pipe");
    std::fs::create_dir(&programs).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let opener = programs.join("xdg-open");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$#\" \"$@\" > '{}'\n",
        pipe.display()
    );
    std::fs::write(&opener, script).unwrap();
    set_mode(&opener, 0o755);
    let child = home
        .command(&["login", "--gateway", server.url()])
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("DISPLAY", ":0")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let given = std::fs::read_to_string(&pipe).unwrap();
    let url = given.strip_prefix("1\n").unwrap().trim_end();
    visit(&server.authorize(url));
    let (out, err) = texts(&child.wait_with_output().unwrap());
    assert!(out.contains("as alice"), "{out}{err}");
    assert!(
        err.contains("The browser opens") && err.contains(url),
        "{err}"
    );
}

#[test]
fn by_code_where_no_browser_is_to_be_seen() {
    let (home, server) = (Home::new(), Server::start());
    server.state().polls = vec!["authorization_pending"];
    let arguments = ["login", "--gateway", server.url()];
    insta::assert_snapshot!("login-by-device", home.shown(&server, &arguments));
    let polls = server
        .state()
        .asked
        .iter()
        .filter(|asked| asked.contains("token"))
        .count();
    assert_eq!(polls, 2);

    server.state().polls = vec!["access_denied"];
    let output = home
        .command(&["login", "--gateway", server.url(), "--device"])
        .env("DISPLAY", ":0")
        .output();
    insta::assert_snapshot!("login-refused", home.show(&server, &output.unwrap()));
}

#[test]
fn answers_that_a_browser_must_not_bring() {
    let server = Server::start();
    let refused = |change: &dyn Fn(&str) -> String| {
        let home = Home::new();
        let output = home.login(&server, |url| change(&server.authorize(url)));
        assert!(home.tokens().is_none());
        let asked = &server.state().asked;
        assert!(
            !asked.iter().any(|asked| asked.contains("token")),
            "{asked:?}"
        );
        (output.status.code().unwrap(), texts(&output).1)
    };
    let of_this = pairs(&[("iss", server.url())]);
    let of_other = pairs(&[("iss", "https://evil.example")]);
    for (from, to, said) in [
        ("state=", "state=x", "another attempt"),
        (of_this.as_str(), "", "does not name its issuer"),
        (of_this.as_str(), of_other.as_str(), "another issuer"),
        ("code=", "kode=", "without a code"),
    ] {
        let (code, text) = refused(&|url: &str| url.replace(from, to));
        assert!(code == 1 && text.contains(said), "{code} {text}");
    }
    let (code, text) = refused(&|url: &str| url.replace("code=", "error=access_denied&x="));
    assert!(code == 3 && text.contains("access_denied"), "{code} {text}");
}

#[test]
fn who_is_not_signed_in_is_told_how() {
    let (home, server) = (Home::new(), Server::start());
    insta::assert_snapshot!("which-gateway", home.shown(&server, &["login"]));
    insta::assert_snapshot!("not-signed-in", home.shown(&server, &["whoami"]));
    insta::assert_snapshot!("not-signed-in-logout", home.shown(&server, &["logout"]));
    let named = |arguments: &[&str]| {
        let output = home
            .command(arguments)
            .env("CUSTOS_GATEWAY", server.url())
            .output();
        home.show(&server, &output.unwrap())
    };
    insta::assert_snapshot!("not-signed-in-there", named(&["connect", "postgres/shop"]));
    insta::assert_snapshot!(
        "no-gateway-url",
        home.shown(&server, &["whoami", "--gateway", "$(calc)"])
    );
    assert!(server.state().asked.is_empty());
}

#[test]
fn where_a_sign_in_is_looked_for() {
    let home = Home::new();
    let place = |name: &str| {
        let state = home.path().join(name);
        std::fs::create_dir_all(&state).unwrap();
        set_mode(&state, 0o700);
        let gateway = name.split('/').next().unwrap();
        std::fs::write(
            state.join("gateway"),
            format!("https://{gateway}.example\n"),
        )
        .unwrap();
        set_mode(&state.join("gateway"), 0o600);
        home.path().join(gateway)
    };
    let (named, xdg, user) = (
        place("named"),
        place("xdg/custos"),
        place("user/.local/state/custos"),
    );
    let said = |variables: &[(&str, &Path)]| {
        let mut command = crate::command::custos(home.path(), &["whoami"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        (output.status.code().unwrap(), texts(&output).1)
    };
    let by_name = ("CUSTOS_HOME", named.as_path());
    let (by_xdg, by_home) = (("XDG_STATE_HOME", xdg.as_path()), ("HOME", user.as_path()));
    let relative = ("XDG_STATE_HOME", Path::new("xdg"));
    for (variables, expected) in [
        (&[by_name, by_xdg, by_home][..], "https://named.example"),
        (&[by_xdg, by_home], "https://xdg.example"),
        (&[relative, by_home], "https://user.example"),
        (&[by_home], "https://user.example"),
        (
            &[("CUSTOS_HOME", Path::new("named"))],
            "https://named.example",
        ),
    ] {
        let (code, text) = said(variables);
        assert_eq!(code, 4, "{text}");
        assert!(text.contains(expected), "{variables:?}: {text}");
    }
    let (code, text) = said(&[relative]);
    assert!(code == 2 && text.contains("$CUSTOS_HOME"), "{text}");
}

#[test]
fn tokens_are_renewed_before_they_end() {
    let server = Server::start();
    server.state().expires_in = 30;
    let home = Home::signed_in(&server);
    // Within a minute of its end, so each command has a new one.
    assert_eq!(server.state().refreshes, 1);
    server.state().expires_in = 3600;
    for _ in 0..2 {
        let output = home.run(&["whoami"]);
        assert!(output.status.success() && output.stderr.is_empty());
        assert_eq!(server.state().refreshes, 2);
    }
    let tokens = home.tokens().unwrap();
    assert!(
        std::fs::read_to_string(&tokens)
            .unwrap()
            .contains("refresh-3")
    );
    assert_eq!(mode(&tokens), 0o600);
}

#[test]
fn two_processes_use_a_refresh_token_once() {
    let (arrived_sender, arrived) = sync_channel(8);
    let (go_sender, go) = sync_channel::<()>(8);
    let go = Mutex::new(go);
    let server = Server::with(move |request| {
        if request.field("grant_type") == "refresh_token" {
            arrived_sender.send(()).unwrap();
            go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        }
        None
    });
    let home = Home::signed_in(&server);
    let text = std::fs::read_to_string(home.tokens().unwrap()).unwrap();
    let mut stored: Value = serde_json::from_str(&text).unwrap();
    stored["access_expires_utc_seconds"] = json!(1);
    std::fs::write(home.tokens().unwrap(), stored.to_string()).unwrap();

    let first = home.start(&["whoami"]);
    arrived.recv_timeout(DEADLINE).unwrap();
    let second = home.start(&["whoami"]);
    let descriptors = format!("/proc/{}/fd", second.id());
    let is_at_the_lock = || {
        let open = std::fs::read_dir(&descriptors)
            .into_iter()
            .flatten()
            .flatten();
        let mut files = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        files.any(|file| file.extension().is_some_and(|suffix| suffix == "lock"))
    };
    let mut looks = 0;
    while !is_at_the_lock() {
        looks += 1;
        assert!(looks < 60_000, "the second process never came to the lock");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    go_sender.send(()).unwrap();
    // Should the second one ask too, it gets the answer that it deserves.
    go_sender.send(()).unwrap();
    for child in [first, second] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", texts(&output).1);
    }
    assert_eq!(server.state().refreshes, 1);
}

#[test]
fn a_sign_in_that_has_ended_is_needed_anew() {
    let server = Server::start();
    let home = Home::signed_in(&server);
    server.state().generation = 0;
    insta::assert_snapshot!("sign-in-has-ended", home.shown(&server, &["whoami"]));
    assert!(home.tokens().is_none(), "what is of no use is not kept");
    let again = home.run(&["whoami"]);
    assert_eq!(
        again.status.code(),
        Some(4),
        "the gateway is remembered: {}",
        texts(&again).1
    );
}

#[test]
fn a_token_that_is_not_taken_is_renewed_once() {
    let refused = Mutex::new(true);
    let server = Server::with(move |request| {
        let first =
            request.path == "/v1/my/resources" && std::mem::take(&mut *refused.lock().unwrap());
        first.then(|| answer(401, &json!({"error": "expired", "code": "unauthenticated"})))
    });
    let home = Home::signed_in(&server);
    assert!(home.run(&["connect"]).status.success());
    assert_eq!(server.state().refreshes, 1);

    let never = Server::with(|request| {
        let api = request.path == "/v1/my/resources";
        api.then(|| answer(401, &json!({"error": "no", "code": "unauthenticated"})))
    });
    let home = Home::signed_in(&never);
    assert_eq!(home.run(&["connect"]).status.code(), Some(4));
    assert_eq!(never.state().refreshes, 1, "and not again and again");
}

#[test]
fn signing_out_ends_it_at_the_gateway_too() {
    let server = Server::start();
    let home = Home::signed_in(&server);
    insta::assert_snapshot!("logout", home.shown(&server, &["logout"]));
    assert!(home.tokens().is_none());
    assert_eq!(
        server.state().asked.last().unwrap(),
        "DELETE /v1/my/sign-in"
    );
    insta::assert_snapshot!("logout-twice", home.shown(&server, &["logout"]));

    home.sign_in(&server);
    server.state().generation = 0;
    insta::assert_snapshot!("logout-late", home.shown(&server, &["logout"]));
    assert!(home.tokens().is_none());
}

#[test]
fn signing_out_without_the_gateway_forgets_all_the_same() {
    let server = Server::with(|request| {
        let broken = request.method == "DELETE";
        broken.then(|| {
            answer(
                503,
                &json!({"error": "the store is away", "code": "unavailable"}),
            )
        })
    });
    let home = Home::signed_in(&server);
    insta::assert_snapshot!("logout-failed", home.shown(&server, &["logout"]));
    assert!(home.tokens().is_none());

    home.sign_in(&server);
    set_mode(&home.tokens().unwrap(), 0o644);
    let output = home.run(&["logout"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(home.tokens().is_none(), "{}", texts(&output).1);
}

#[test]
fn signing_out_everywhere() {
    let (one, two) = (Server::start(), Server::start());
    let home = Home::signed_in(&one);
    home.sign_in(&two);
    let (out, _) = texts(&home.run(&["whoami"]));
    assert!(out.contains(two.url()), "the last one is meant: {out}");
    let (out, _) = texts(&home.run(&["whoami", "--gateway", one.url()]));
    assert!(out.contains(one.url()), "{out}");

    let damaged = home.state().join("gateways/other.json");
    std::fs::write(&damaged, "{").unwrap();
    set_mode(&damaged, 0o600);
    let output = home.run(&["logout", "--all"]);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert_eq!(out.matches("signed out of").count(), 2, "{out}{err}");
    assert!(err.contains("1 of 3 sign-ins may live on"), "{err}");
    assert!(home.tokens().is_none() && !damaged.exists());
    assert_eq!((one.state().generation, two.state().generation), (0, 0));
    insta::assert_snapshot!("logout-all-of-none", home.shown(&one, &["logout", "--all"]));
}

#[test]
fn a_certificate_is_believed_when_its_authority_was_named_once() {
    let ((server, pem), home) = (Server::tls(), Home::new());
    let arguments = ["login", "--gateway", server.url()];
    let refused = home.show(&server, &home.run(&arguments));
    let cause = refused
        .lines()
        .find(|line| line.contains("caused by"))
        .unwrap();
    insta::assert_snapshot!("unknown-authority", refused.replace(cause, "caused by: …"));
    assert!(server.state().asked.is_empty());

    let file = home.path().join("ca.crt");
    std::fs::write(&file, pem).unwrap();
    let output = home.run(&["login", "--gateway", server.url(), "--ca-file", "ca.crt"]);
    assert!(output.status.success(), "{}", texts(&output).1);
    std::fs::remove_file(&file).unwrap();
    for arguments in [&["whoami"][..], &["logout"], &["login"], &["connect"]] {
        let output = home.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            texts(&output).1
        );
    }
}
