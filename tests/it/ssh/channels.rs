//! Several channels on one connection, and readers that stop.

use std::process::Command;

use custos_testkit::{Credential, Custos, PATIENCE, resident_bytes, run, start, wait_for};

use super::web1;

/// A connection that further commands share, as ControlMaster keeps it.
struct Master<'c> {
    custos: &'c Custos,
    alice: &'c Credential,
    socket: String,
}

impl<'c> Master<'c> {
    fn open(custos: &'c Custos, alice: &'c Credential, options: &[&str]) -> Self {
        let socket = custos.directory().join("master").display().to_string();
        let master = Self {
            custos,
            alice,
            socket,
        };
        let mut command = master.options();
        command
            .args(options)
            .args(["-M", "-f", "-N"])
            .arg("alice+web1@127.0.0.1");
        run(&mut command, PATIENCE).success();
        master
    }

    fn options(&self) -> Command {
        let mut command = self.custos.ssh_client("ssh", &self.alice.secret);
        command.args(["-p", &self.custos.ssh_address().port().to_string()]);
        command.args(["-S", &self.socket]);
        command
    }

    fn command(&self, text: &str) -> Command {
        let mut command = self.options();
        command.args(["alice+web1@127.0.0.1", text]);
        command
    }
}

impl Drop for Master<'_> {
    fn drop(&mut self) {
        let mut command = self.options();
        command.args(["-O", "exit", "alice+web1@127.0.0.1"]);
        run(&mut command, PATIENCE);
    }
}

/// A channel whose reader has stopped holds its own data and nobody else's, in bounded memory.
#[test]
fn a_reader_that_stops_stops_nobody_else() {
    let (custos, alice) = web1();
    let master = Master::open(&custos, &alice, &[]);
    let before = resident_bytes(custos.pid());
    // It reads nothing of what comes.
    let stalled = Command::new("sh")
        .args(["-c", "\"$@\" | { read line; sleep 60; }", "sh"])
        .arg("ssh")
        .args(
            master
                .command("yes stalled | head -c 1000000000")
                .get_args(),
        )
        .envs(
            master
                .options()
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn();
    let mut stalled = stalled.expect("sh is there");
    for _ in 0..5 {
        let other = run(
            &mut master.command("head -c 4000000 /dev/zero; echo end"),
            PATIENCE,
        );
        let other = other.success();
        assert!(other.len() == 4_000_004 && other.ends_with("end\n"));
    }
    let grown = resident_bytes(custos.pid()).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
    let _ = stalled.kill();
    let _ = stalled.wait();
    drop(master);
    custos.finish();
}

/// OpenSSH's own way to look for lost or stuck data.
#[test]
fn nothing_is_lost_behind_a_slow_start() {
    let (custos, alice) = web1();
    let command = "sleep 1; head -c 4000000 /dev/zero";
    let mut running = start(&mut custos.ssh(&alice, "web1", &[&format!("{command} | sha256sum")]));
    running.close_stdin();
    let direct = run(
        Command::new("sh").args(["-c", &format!("{command} | sha256sum")]),
        PATIENCE,
    );
    assert_eq!(running.finish(PATIENCE).success(), direct.success());
    custos.finish();
}

#[test]
fn keys_are_exchanged_again_and_again() {
    let (custos, alice) = web1();
    for limit in ["16", "64K", "1M"] {
        let option = format!("RekeyLimit={limit}");
        let down = custos
            .ssh_client("ssh", &alice.secret)
            .args([
                "-p",
                &custos.ssh_address().port().to_string(),
                "-o",
                &option,
            ])
            .args([
                "alice+web1@127.0.0.1",
                "head -c 3000000 /dev/zero | tee /dev/stderr",
            ])
            .stdin(std::process::Stdio::null())
            .output()
            .expect("ssh is there");
        assert!(down.status.success(), "{limit}: {}", down.status);
        assert_eq!(
            (down.stdout.len(), down.stderr.len()),
            (3_000_000, 3_000_000),
            "{limit}"
        );
    }
    custos.finish();
}

/// As many channels as there may be, and one more, which is told so.
#[test]
fn there_is_a_limit_to_channels() {
    let (custos, alice) = web1();
    let master = Master::open(&custos, &alice, &[]);
    let many: Vec<_> = (0..32)
        .map(|_| start(&mut master.command("echo here; cat")))
        .collect();
    for running in &many {
        wait_for("all channels", PATIENCE, || {
            running.stdout().contains("here").then_some(())
        });
    }
    let refused = run(&mut master.command("echo too many"), PATIENCE);
    assert!(
        refused.stderr.contains("Session open refused by peer"),
        "{refused}"
    );
    drop(many);
    drop(master);
    custos.finish();
}

/// Whoever has read enough is let go, whatever the program still has to say.
#[test]
fn a_reader_that_leaves_is_let_go() {
    let (custos, alice) = web1();
    let ssh = custos.ssh(&alice, "web1", &["yes"]);
    let mut command = Command::new("sh");
    command.args(["-c", "\"$@\" </dev/null | head -c 100000 | wc -c", "sh"]);
    command.arg("ssh").args(ssh.get_args());
    for (name, value) in ssh.get_envs() {
        command.env(name, value.expect("they are set"));
    }
    assert_eq!(run(&mut command, PATIENCE).success(), "100000\n");
    // And a program that stops reading ends with what it had to say.
    let mut running = start(&mut custos.ssh(&alice, "web1", &["head -c 1 | wc -c"]));
    running.write(&"x".repeat(100_000));
    assert_eq!(running.finish(PATIENCE).success(), "1\n");
    custos.finish();
}
