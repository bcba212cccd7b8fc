//! Commands wait for people on their channel, and nothing else does.

use std::path::PathBuf;
use std::process::Command;

use custos_testkit::{PATIENCE, Running, Sshd, Terminal, run, start, wait_for};

use crate::approvals::{Extras, REASON, World};

const POLICY: &str = r#"
version: 1
rules:
  - id: everybody-looks
    who: "*"
    on: ssh/web1
    may: [session.open, ssh.shell]
  - id: commands-need-one
    who: "*"
    on: ssh/web1
    may: ssh.exec
    approve: {of: dba, per: statement, expires: 10m}
"#;

struct Held {
    world: World,
    config: PathBuf,
}

impl Held {
    fn new() -> Self {
        let world = World::with("ssh_held", POLICY, &Extras::default());
        world
            .custos
            .add_ssh("ssh/web1", Sshd::shared(), "ed25519", &[]);
        let config = world.custos.directory().join("ssh_config");
        let text = world.alice().run(&["ssh-config"]).success();
        std::fs::write(&config, text).expect("it can be written");
        Self { world, config }
    }

    fn ssh(&self, arguments: &[&str]) -> Command {
        let alice = self.world.alice().command(&[]);
        let mut command = Command::new("ssh");
        command.arg("-F").arg(&self.config);
        command.args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]);
        for (name, value) in alice.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.args(arguments);
        command
    }

    /// A command that waits, and its request, for which alice has said why.
    fn start(&self, arguments: &[&str]) -> (Running, String) {
        let running = start(&mut self.ssh(arguments));
        let request = wait_for("the notice", PATIENCE, || request_in(&running.stderr()));
        self.say_why(&request);
        (running, request)
    }

    fn say_why(&self, request: &str) {
        self.world
            .alice()
            .run(&["request", "reason", request, REASON])
            .success();
    }
}

fn request_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("waits for approval")?;
    let (_, rest) = rest.split_once("request ")?;
    rest.split_once(',').map(|(id, _)| id.to_owned())
}

#[test]
fn a_command_waits_in_every_way() {
    let held = Held::new();
    approved_with_input(&held);
    denied(&held);
    taken_back_by_the_end_of_the_client(&held);
    taken_back_by_a_key(&held);
    others_go_on(&held);
    let evidence = held.world.finish().evidence;
    let endings: Vec<_> = evidence
        .of_type("request.ended")
        .map(|record| record["reason"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        evidence.of_type("request.opened").count(),
        endings.len(),
        "{endings:?}"
    );
    let approved = evidence.of_type("operation.approved").count();
    assert_eq!(approved, 2, "{endings:?}");
}

/// What the client sent meanwhile reaches the program, once it runs.
fn approved_with_input(held: &Held) {
    let (mut running, request) = held.start(&["custos-web1", "wc -c"]);
    // A byte that is Ctrl-C on a terminal is data here.
    running.write("12345\u{3}");
    running.close_stdin();
    assert_eq!(running.stdout(), "");
    held.world.bob().approve(&request).success();
    let finished = running.finish(PATIENCE);
    assert!(
        finished
            .stderr
            .contains("waits for approval (commands-need-one)"),
        "{finished}"
    );
    assert_eq!(finished.success(), "6\n");
}

fn denied(held: &Held) {
    let (running, request) = held.start(&["custos-web1", "echo never"]);
    held.world.bob().deny(&request).success();
    let finished = running.finish(PATIENCE);
    assert_eq!(finished.stdout, "");
    let said = finished.failure();
    assert!(
        said.contains("this exec was not approved: it was denied"),
        "{said}"
    );
}

fn taken_back_by_the_end_of_the_client(held: &Held) {
    let (running, request) = held.start(&["custos-web1", "echo never"]);
    drop(running);
    wait_for("the request to end", PATIENCE, || {
        (held.world.ending(&request) == "withdrawn").then_some(())
    });
}

fn taken_back_by_a_key(held: &Held) {
    let mut terminal = Terminal::start(&held.ssh(&["-tt", "custos-web1", "echo never"]));
    let request = wait_for("the notice", PATIENCE, || request_in(&terminal.screen()));
    terminal.keys("\u{3}");
    let finished = terminal.finish(PATIENCE);
    assert!(finished.stdout.contains("it was taken back"), "{finished}");
    assert_eq!(held.world.ending(&request), "withdrawn");
}

/// On the same connection a shell goes on while a command waits.
fn others_go_on(held: &Held) {
    let socket = held
        .world
        .custos
        .directory()
        .join("master")
        .display()
        .to_string();
    let shared = [
        "-o",
        "ControlMaster=auto",
        "-o",
        "ControlPersist=yes",
        "-S",
        &socket,
    ];
    run(
        &mut held.ssh(&[&shared[..], &["-f", "-N", "custos-web1"]].concat()),
        PATIENCE,
    )
    .success();
    let (running, request) = held.start(&["-S", &socket, "custos-web1", "echo ran"]);
    let mut shell = start(&mut held.ssh(&["-S", &socket, "custos-web1"]));
    shell.write("echo still here\nexit 3\n");
    let finished = shell.finish(PATIENCE);
    assert_eq!(
        (finished.code(), finished.stdout.as_str()),
        (3, "still here\n"),
        "{finished}"
    );
    assert_eq!(running.stdout(), "");
    held.world.bob().approve(&request).success();
    assert_eq!(running.finish(PATIENCE).success(), "ran\n");
    run(
        &mut held.ssh(&["-S", &socket, "-O", "exit", "custos-web1"]),
        PATIENCE,
    )
    .success();
}
