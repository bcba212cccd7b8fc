//! Who may not, and what may not be done.

use custos_testkit::{Custos, PATIENCE, Settings, Sshd, run, wait_for};

use super::web1;

#[test]
fn who_has_no_credential_gets_nowhere() {
    let server = Sshd::start_with("");
    let custos = Custos::start();
    custos.add_ssh("ssh/web1", &server, "ed25519", &[]);
    let alice = custos.issue("alice", "ssh/web1");
    for (user, secret, why) in [
        ("alice+web1", "cus_wrong", "unknown"),
        ("bob+web1", alice.secret.as_str(), "another's"),
        ("alice+web2", alice.secret.as_str(), "for another target"),
        ("alice+../web1", alice.secret.as_str(), "no name"),
    ] {
        let mut command = custos.ssh_client("ssh", secret);
        command.args(["-p", &custos.ssh_address().port().to_string()]);
        command.args([&format!("{user}@127.0.0.1"), "echo in"]);
        let refused = run(&mut command, PATIENCE);
        assert!(
            refused.stdout.is_empty() && !refused.status.success(),
            "{why}: {refused}"
        );
    }
    assert!(!server.log().contains("Accepted"), "{}", server.log());
    let evidence = custos.finish().evidence;
    assert_eq!(evidence.of_type("login.failed").count(), 4);
}

/// The name alone opens what the credential is for.
#[test]
fn a_credential_knows_its_target() {
    let (custos, alice) = web1();
    let mut command = custos.ssh_client("ssh", &alice.secret);
    command.args(["-p", &custos.ssh_address().port().to_string()]);
    command.args(["alice@127.0.0.1", "echo in"]);
    assert_eq!(run(&mut command, PATIENCE).success(), "in\n");
    custos.finish();
}

/// Somebody in the middle, or a server that was set up anew: nothing is sent there.
#[test]
fn a_target_with_another_key_is_refused() {
    let custos = Custos::start();
    let other = Sshd::start_with("");
    custos.add_ssh("ssh/web1", &other, "ed25519", &[]);
    let wrong = Sshd::shared().host_key();
    let port = other.port().to_string();
    let key = other.key("ed25519").display().to_string();
    custos
        .cli(&[
            "resource",
            "add",
            "ssh/moved",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--account",
            &Sshd::account(),
            "--key-file",
            &key,
            "--host-key",
            &wrong,
        ])
        .success();
    let alice = custos.issue("alice", "ssh/moved");
    let refused = run(&mut custos.ssh(&alice, "moved", &["echo in"]), PATIENCE);
    assert!(
        refused
            .clone()
            .failure()
            .contains("host key is not the one that is known"),
        "{refused}"
    );
    assert!(!other.log().contains("Accepted"));
    let evidence = custos.finish().evidence;
    let end = evidence.only("session.end");
    assert!(
        end["reason"].as_str().expect("a text").contains("host key"),
        "{end}"
    );
}

/// Each way to forward is refused, and on record.
#[test]
fn nothing_is_forwarded() {
    let (custos, alice) = web1();
    let port = custos.ssh_address().port().to_string();
    let sshd = Sshd::shared().port();
    // A shell of the target's that nobody would see.
    let mut through = custos.ssh_client("ssh", &alice.secret);
    through.args([
        "-p",
        &port,
        "-W",
        &format!("127.0.0.1:{sshd}"),
        "alice+web1@127.0.0.1",
    ]);
    assert!(!run(&mut through, PATIENCE).status.success());
    for option in ["-R0:127.0.0.1:1", "-R/tmp/custos-never:127.0.0.1:1"] {
        let mut command = custos.ssh_client("ssh", &alice.secret);
        command.args(["-p", &port, "-o", "ExitOnForwardFailure=yes", option]);
        command.args(["alice+web1@127.0.0.1", "echo in"]);
        assert!(!run(&mut command, PATIENCE).status.success(), "{option}");
    }
    let mut agent = custos.ssh_client("ssh", &alice.secret);
    agent.args([
        "-p",
        &port,
        "-A",
        "alice+web1@127.0.0.1",
        "echo [$SSH_AUTH_SOCK]",
    ]);
    agent.env("SSH_AUTH_SOCK", custos.directory().join("no-agent"));
    assert_eq!(run(&mut agent, PATIENCE).success(), "[]\n");
    let evidence = custos.finish().evidence;
    let refused = evidence
        .of_type("operation.error")
        .filter(|record| record.to_string().contains("forwarding-not-granted"))
        .count();
    assert!(refused >= 3, "{refused}");
}

const POLICY: &str = "\
version: 1
rules:
  - id: commands-only
    who: \"*\"
    on: ssh/web1
    may: [session.open, ssh.exec]
";

/// A rule that is not there is named, the target hears nothing, and the connection goes on.
#[test]
fn a_refused_shell_names_the_rule() {
    let custos = Custos::start_with(&Settings::under(POLICY));
    custos.add_ssh("ssh/web1", Sshd::shared(), "ed25519", &[]);
    let alice = custos.issue("alice", "ssh/web1");
    assert_eq!(
        run(&mut custos.ssh(&alice, "web1", &["echo in"]), PATIENCE).success(),
        "in\n"
    );
    let shell = run(&mut custos.ssh(&alice, "web1", &["-tt"]), PATIENCE);
    assert_eq!(shell.code(), 126, "{shell}");
    assert!(
        shell
            .stderr
            .contains("custos: this shell is denied (default-deny)"),
        "{shell}"
    );
    let evidence = custos.finish().evidence;
    let denied = evidence
        .of_type("operation.intent")
        .filter(|record| record["verdict"]["effect"] == "deny")
        .count();
    assert_eq!(denied, 1);
}

/// Nothing of a command is too far back to be on record, and none that different programs would read differently runs.
#[test]
fn the_whole_command_is_on_record() {
    let (custos, alice) = web1();
    let long = format!(": {}; echo the-tail", " ".repeat(60_000));
    let finished = run(&mut custos.ssh(&alice, "web1", &[&long]), PATIENCE);
    assert_eq!(finished.success(), "the-tail\n");
    let session = wait_for("the end of the session", PATIENCE, || {
        custos.evidence().sessions().pop()
    });
    let text = custos
        .cli(&["session", "replay", &session, "--json"])
        .success();
    assert!(text.contains("echo the-tail"), "{} bytes", text.len());
    custos.finish();
}
