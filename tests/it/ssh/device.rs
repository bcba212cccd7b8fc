//! Stock clients with nothing to prove themselves with: their person signs in in a browser.

use std::process::Command;
use std::time::{Duration, Instant};

use custos_ssh_wire::message::{
    AuthenticationMethod, AuthenticationRequest, SERVICE_AUTHENTICATION, SERVICE_CONNECTION,
    number, request_service,
};
use custos_testkit::{Browser, Credential, PATIENCE, Sshd, Terminal, run, wait_for};
use serde_json::Value;

use super::hostile::Client;
use crate::sign_in::World;

const ACCESS: &str = "
[[access]]
name = \"readers-open-web1\"
principals = [\"group:readers\", \"carol\"]
resources = [\"ssh/web1\"]
";

fn world() -> World {
    let world = World::with(&["okta"], ACCESS);
    let server = Sshd::shared();
    world.custos.add_ssh("ssh/web1", server, "ed25519", &[]);
    world
}

/// A client as it is, without a configuration, key or agent.
fn ssh(world: &World, user: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("ssh");
    command.args(["-F", "none", "-o", "StrictHostKeyChecking=no"]);
    command.args(["-o", "UserKnownHostsFile=/dev/null"]);
    command.args(["-o", "IdentityFile=none", "-o", "IdentityAgent=none"]);
    command.args(["-p", &world.custos.ssh_address().port().to_string()]);
    command.arg(format!("{user}@127.0.0.1")).args(arguments);
    command.env_remove("SSH_ASKPASS").env_remove("DISPLAY");
    command
}

/// The code that a text shows.
fn code_in(text: &str) -> Option<String> {
    let mut words = text.split(|found: char| found.is_whitespace() || found == ',');
    let is_code = |word: &&str| {
        word.len() == 9
            && word.bytes().enumerate().all(|(at, byte)| {
                if at == 4 {
                    byte == b'-'
                } else {
                    byte.is_ascii_uppercase()
                }
            })
    };
    words.find(is_code).map(str::to_owned)
}

/// A client that asks its person to sign in, and the code that it shows.
fn asking(world: &World, user: &str, arguments: &[&str]) -> (Terminal, String) {
    let terminal = Terminal::start(&ssh(world, user, arguments));
    terminal.expect_after(0, "press Enter", PATIENCE);
    let screen = terminal.screen();
    assert!(
        screen.contains(&format!("{}/device", world.url)),
        "{screen}"
    );
    let code = code_in(&screen).expect("it is on the screen");
    (terminal, code)
}

/// A browser of somebody who has signed in and typed a code.
fn typed(world: &World, person: &str, code: &str) -> Browser {
    let mut browser = Browser::new();
    browser.open(&format!("{}/device", world.url));
    world.at_provider(&mut browser, "okta", person);
    browser.submit(&[("user_code", code)]);
    browser
}

/// Events of authorizations, with what they are about.
fn events(evidence: &custos_testkit::Evidence, kind: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = evidence.of_type(kind);
    all.map(|it| {
        (
            text(&it["detail"]["event"]),
            text(&it["detail"]["resource"]),
        )
    })
    .collect()
}

#[test]
fn somebody_signs_in_in_a_browser_and_the_session_ends_with_that() {
    let world = world();
    let (mut terminal, code) = asking(&world, "alice+web1", &["-tt", "echo o''pen; sleep 100"]);
    let mut browser = typed(&world, "alice", &code);
    let shown = browser.page().text();
    for part in ["ssh/web1", "127.0.0.1", &code, "alice"] {
        assert!(shown.contains(part), "{part} is not on the page: {shown}");
    }
    assert!(
        !terminal.screen().contains("open\r"),
        "looking is not agreeing"
    );
    browser.submit(&[("answer", "yes")]);
    assert_eq!(browser.page().status, 200, "{}", browser.page().text());
    terminal.keys("\n");
    terminal.expect_after(0, "open\r", PATIENCE);
    let ended = Instant::now();
    world.end_first();
    let finished = terminal.finish(PATIENCE);
    assert!(ended.elapsed() < Duration::from_secs(2), "{finished}");
    assert!(
        finished.stdout.contains("session ended by the gateway"),
        "{finished}"
    );
    let evidence = world.custos.finish().evidence;
    let (start, begun) = (
        evidence.only("session.start"),
        evidence.only("sign_in.started"),
    );
    assert_eq!(start["detail"]["method"], "device-code", "{start}");
    assert_eq!(start["detail"]["sign_in"], begun["detail"]["sign_in"]);
    assert_eq!(start["actor"]["sub"], begun["actor"]["sub"]);
    let about = |event: &str| (event.to_owned(), "ssh/web1".to_owned());
    assert_eq!(
        events(&evidence, "authorization.granted"),
        ["device_started", "device_shown", "device_approved"].map(about)
    );
}

/// Enter may be pressed at once: the client goes on when she has signed in. Quiet ones show all that is needed.
#[test]
fn a_client_waits_after_enter_too_and_no_trace_of_the_code_is_left() {
    let world = world();
    let (mut terminal, code) = asking(&world, "alice+web1", &["-q", "echo i''n"]);
    terminal.keys("\n");
    let mut browser = typed(&world, "alice", &code);
    browser.submit(&[("answer", "yes")]);
    let finished = terminal.finish(PATIENCE);
    assert!(
        finished.status.success() && finished.stdout.contains("in\r"),
        "{finished}"
    );
    world.custos.wait_for_ended_sessions(1);
    let letters = code.replace('-', "");
    let mut places = world.custos.files();
    places.push(("log".into(), world.custos.log().into_bytes()));
    for (place, bytes) in places {
        for form in [&code, &letters] {
            let found = bytes
                .windows(form.len())
                .any(|part| part.eq_ignore_ascii_case(form.as_bytes()));
            assert!(!found, "{} contains {form}", place.display());
        }
    }
    world.custos.finish();
}

/// What a code is for is known to the one who started it, and she alone can say yes; what she may open is policy's.
#[test]
fn nobody_else_lets_a_connection_in_and_policy_decides_as_ever() {
    let world = world();
    let (mut terminal, code) = asking(&world, "alice+web1", &["echo i''n"]);
    let browser = typed(&world, "bob", &code);
    let page = browser.page();
    assert_eq!(page.status, 403, "{}", page.text());
    assert!(page.text().contains("as somebody else"), "{}", page.text());
    // It waits for her still.
    let mut browser = typed(&world, "alice", &code);
    browser.submit(&[("answer", "yes")]);
    terminal.keys("\n");
    assert!(terminal.finish(PATIENCE).status.success());

    let (mut terminal, code) = asking(&world, "bob+web1", &["echo i''n"]);
    let mut browser = typed(&world, "bob", &code);
    browser.submit(&[("answer", "yes")]);
    assert_eq!(browser.page().status, 200, "{}", browser.page().text());
    terminal.keys("\n");
    let refused = terminal.finish(PATIENCE);
    assert!(
        refused.stdout.contains("access to ssh/web1 is denied"),
        "{refused}"
    );
    let evidence = world.custos.finish().evidence;
    assert_eq!(evidence.sessions().len(), 1);
    assert_eq!(
        evidence.only("authorization.refused")["reason"],
        "other_person"
    );
    assert_eq!(evidence.only("session.denied")["actor"]["name"], "bob");
}

#[test]
fn a_code_that_is_denied_runs_out_or_is_left_signs_nobody_in() {
    let world = world();
    let (denied, code) = asking(&world, "alice+web1", &["echo i''n"]);
    let mut browser = typed(&world, "alice", &code);
    browser.submit(&[("answer", "no")]);
    assert!(browser.page().text().contains("Refused"));
    let (left, abandoned) = asking(&world, "alice+web1", &["echo i''n"]);
    drop(left);
    // What is withdrawn is not found any more, nor what has run out.
    let is_gone = |code: &str| {
        let browser = typed(&world, "alice", code);
        let text = browser.page().text();
        text.contains("No device is waiting").then_some(())
    };
    wait_for("the code to be withdrawn", PATIENCE, || is_gone(&abandoned));
    let file = world.custos.config_file();
    let text = std::fs::read_to_string(&file).expect("it is there");
    let limits = "[limits]\nsign_in_timeout = \"4s\"\n";
    std::fs::write(&file, text.replace("[limits]\n", limits)).expect("it can be written");
    world.custos.reload();
    wait_for("the reload", PATIENCE, || {
        world.custos.log().contains("reload").then_some(())
    });
    let (mut expired, late) = asking(&world, "alice+web1", &["echo i''n"]);
    expired.keys("\n");
    let finished = expired.finish(PATIENCE);
    assert!(finished.stdout.contains("login failed"), "{finished}");
    assert!(is_gone(&late).is_some());
    drop(denied);
    let reasons = || {
        let evidence = custos_testkit::Evidence::read(&world.custos.evidence_directory());
        let failed = evidence.of_type("login.failed");
        let mut reasons: Vec<_> = failed
            .map(|it| it["reason"].as_str().unwrap_or_default().to_owned())
            .collect();
        reasons.sort_unstable();
        (reasons.len() == 3).then_some(reasons)
    };
    let reasons = wait_for("three failed logins", PATIENCE, reasons);
    assert_eq!(
        reasons,
        [
            "device_denied",
            "device_expired",
            "the client left while somebody was to sign in"
        ]
    );
    let evidence = world.custos.finish().evidence;
    assert_eq!(evidence.sessions().len(), 0);
    let refused = evidence
        .of_type("authorization.refused")
        .find(|it| it["detail"]["event"] == "device_denied");
    let refused = refused.expect("it is on record");
    assert_eq!(refused["detail"]["resource"], "ssh/web1", "{refused}");
}

/// A client by hand that asks for a code; the number of the gateway's answer, and the answer.
fn by_hand(world: &World, login_name: &str) -> (Client, u8, Vec<u8>) {
    let mut client = Client::connect(world.custos.ssh_address());
    client.send(|out| request_service(out, SERVICE_AUTHENTICATION));
    assert_eq!(client.next().expect("accepted")[0], number::SERVICE_ACCEPT);
    let answer = ask(&mut client, login_name);
    (client, answer[0], answer)
}

fn ask(client: &mut Client, login_name: &str) -> Vec<u8> {
    let request = AuthenticationRequest {
        login_name,
        service: SERVICE_CONNECTION.as_bytes(),
        method: AuthenticationMethod::KeyboardInteractive,
    };
    client.send(|out| request.encode(out));
    client.next().expect("an answer")
}

/// One network has sixteen codes for connections at a time, and each connection one. What one gives up, another can have;
/// other devices have codes all the while, and the gateway stops without waiting for anybody.
#[test]
fn those_who_wait_are_bounded() {
    let world = world();
    let (asks, fails) = (number::USERAUTH_INFO_REQUEST, number::USERAUTH_FAILURE);
    let mut waiting: Vec<_> = (0..16)
        .map(|_| {
            let (client, answer, _) = by_hand(&world, "alice+web1");
            assert_eq!(answer, asks);
            client
        })
        .collect();
    let (refused, answer, text) = by_hand(&world, "alice+web1");
    assert_eq!(answer, fails);
    assert!(!String::from_utf8_lossy(&text).contains("keyboard-interactive"));
    let device = ["login", "--gateway", &world.url, "--device"];
    let device = custos_testkit::start(&mut world.command(&device));
    wait_for("a device's code", PATIENCE, || code_in(&device.stderr()));
    // Another one is not given to a connection that had one.
    let mut given_up = waiting.pop().expect("there are some");
    assert_eq!(ask(&mut given_up, "alice+web1")[0], fails);
    wait_for("a place", PATIENCE, || {
        let (client, answer, _) = by_hand(&world, "alice+web1");
        (answer == asks).then_some(client)
    });
    // Nothing is asked of who names no target, or one that has no name.
    for name in ["alice", "alice+", "alice+Web 1"] {
        assert_eq!(by_hand(&world, name).1, fails, "{name}");
    }
    drop((refused, given_up));
    let stopping = Instant::now();
    let evidence = world.custos.finish().evidence;
    assert!(stopping.elapsed() < Duration::from_secs(5));
    let refused = evidence.of_type("authorization.refused");
    let reasons: Vec<_> = refused.map(|it| it["reason"].clone()).collect();
    assert!(!reasons.is_empty() && reasons.iter().all(|it| it == "too_many_from_network"));
}

const PARAMIKO: &str = r#"
import paramiko, sys
host, port, user, password = sys.argv[1:]
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect(host, int(port), user, password, look_for_keys=False, allow_agent=False)
print(client.exec_command("echo in")[1].read().decode(), end="")
"#;

const ASYNCSSH: &str = r#"
import asyncio, asyncssh, sys
host, port, user, password = sys.argv[1:]
async def main():
    async with asyncssh.connect(host, int(port), username=user, password=password, known_hosts=None,
                                client_keys=None, agent_path=None) as connection:
        print((await connection.run("echo in")).stdout, end="")
asyncio.run(main())
"#;

/// PuTTY's client: the host key that it is to expect, and more.
fn plink(world: &World, user: &str, arguments: &[&str]) -> Command {
    let port = world.custos.ssh_address().port().to_string();
    let file = world.home().join("host_key");
    let known = format!("UserKnownHostsFile={}", file.display());
    let asks = [
        "-o",
        &known,
        "-o",
        "BatchMode=yes",
        "-o",
        "HashKnownHosts=no",
    ];
    let mut stranger = Command::new("ssh");
    stranger.args(["-F", "none", "-o", "StrictHostKeyChecking=no", "-p", &port]);
    run(stranger.args(asks).arg("nobody@127.0.0.1"), PATIENCE).failure();
    let shown = run(Command::new("ssh-keygen").arg("-lf").arg(&file), PATIENCE).success();
    let print = shown.split_whitespace().nth(1).expect("a fingerprint");
    let mut command = Command::new("plink");
    command.args(["-ssh", "-no-antispoof", "-P", &port, "-hostkey", print]);
    command.env("HOME", world.home());
    command.args(arguments).arg(format!("{user}@127.0.0.1"));
    command.arg("echo i''n");
    command
}

#[test]
fn putty_asks_the_same_and_answers_with_a_credential() {
    let world = world();
    let mut terminal = Terminal::start(&plink(&world, "alice+web1", &[]));
    terminal.expect_after(0, "connection password", PATIENCE);
    let code = code_in(&terminal.screen()).expect("it is on the screen");
    terminal.keys("\n");
    let mut browser = typed(&world, "alice", &code);
    browser.submit(&[("answer", "yes")]);
    let finished = terminal.finish(PATIENCE);
    assert!(finished.stdout.contains("\nin"), "{finished}");
    let carol = world.custos.issue("carol", "ssh/web1");
    let given = ["-batch", "-pw", &carol.secret];
    let finished = run(&mut plink(&world, "carol+web1", &given), PATIENCE);
    assert_eq!(finished.success(), "in\n");
    world.custos.finish();
}

/// Whoever has a connection credential is not kept: it is an answer to the question too. Who may ask nobody is not asked.
#[test]
fn credentials_open_what_they_opened_before() {
    let world = world();
    let carol = world.custos.issue("carol", "ssh/web1");
    let as_carol =
        |arguments: &[&str]| run(&mut world.custos.ssh(&carol, "web1", arguments), PATIENCE);
    assert_eq!(as_carol(&["echo in"]).success(), "in\n");
    let wrong = Credential {
        secret: format!("{}x", carol.secret),
        ..carol.clone()
    };
    run(
        &mut world.custos.ssh(&wrong, "web1", &["echo in"]),
        PATIENCE,
    )
    .failure();
    for program in [PARAMIKO, ASYNCSSH] {
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-W", "ignore", "-c", program, "127.0.0.1"]);
        command.arg(world.custos.ssh_address().port().to_string());
        command.args(["carol+web1", &carol.secret]);
        assert_eq!(run(&mut command, PATIENCE).success(), "in\n");
    }
    let mut batch = ssh(&world, "carol+web1", &["-o", "BatchMode=yes", "echo in"]);
    let refused = run(&mut batch, PATIENCE);
    assert!(
        refused.clone().failure().contains("Permission denied"),
        "{refused}"
    );
    let evidence = world.custos.finish().evidence;
    let starts: Vec<_> = evidence.of_type("session.start").collect();
    assert_eq!(starts.len(), 3);
    assert!(starts.iter().all(|it| it["detail"]["method"] == "password"));
}
