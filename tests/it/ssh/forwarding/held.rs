//! Connections that wait for people.

use std::process::Command;

use custos_testkit::{PATIENCE, Running, Sshd, run, start, wait_for};

use super::attacks::Echo;
use crate::approvals::{Extras, REASON, World};

const POLICY: &str = r#"
version: 1
rules:
  - id: everybody-looks
    who: "*"
    on: ssh/web1
    may: [session.open, ssh.exec]
  - id: connections-need-one
    who: "*"
    on: ssh/web1
    may: ssh.forward
    approve: {of: dba, per: statement, expires: 10m}
"#;

struct Waiting {
    world: World,
    config: std::path::PathBuf,
}

impl Waiting {
    fn ssh(&self, arguments: &[&str]) -> Command {
        let alice = self.world.alice().command(&[]);
        let mut command = Command::new("ssh");
        command.arg("-F").arg(&self.config);
        command.args(["-o", "BatchMode=yes", "-o", "LogLevel=INFO"]);
        for (name, value) in alice.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.args(arguments);
        command
    }

    fn start(&self, to: &str) -> (Running, String) {
        let opened = || {
            let evidence = self.world.custos.evidence();
            let ids = evidence.of_type("request.opened");
            let ids = ids.map(|it| it["approval"]["id"].as_str().map(str::to_owned));
            ids.collect::<Option<Vec<_>>>().expect("each has an id")
        };
        let known = opened();
        let running = start(&mut self.ssh(&["-W", to, "custos-web1"]));
        let request = wait_for("the request", PATIENCE, || {
            opened().into_iter().find(|id| !known.contains(id))
        });
        let reason = ["request", "reason", &request, REASON];
        wait_for("the request to be known", PATIENCE, || {
            let said = self.world.alice().run(&reason);
            said.status.success().then_some(())
        });
        (running, request)
    }
}

#[test]
fn a_connection_opens_when_people_have_agreed() {
    let world = World::with("ssh_forward_held", POLICY, &Extras::default());
    let custos = &world.custos;
    custos.add_ssh("ssh/web1", Sshd::shared(), "ed25519", &[]);
    let config = custos.directory().join("ssh_config");
    let text = world.alice().run(&["ssh-config"]).success();
    std::fs::write(&config, text).expect("it can be written");
    let waiting = Waiting { world, config };
    let echo = Echo::start();
    let to = echo.address();

    let (mut running, request) = waiting.start(&to);
    running.write("a word");
    running.close_stdin();
    assert_eq!((running.stdout().as_str(), echo.visitors()), ("", 0));
    waiting.world.bob().approve(&request).success();
    assert_eq!(running.finish(PATIENCE).success(), "a word");

    let (running, request) = waiting.start(&to);
    waiting.world.bob().deny(&request).success();
    let said = running.finish(PATIENCE).failure();
    assert!(
        said.contains("this forward was not approved: it was denied"),
        "{said}"
    );

    let (running, request) = waiting.start(&to);
    drop(running);
    wait_for("the request to end", PATIENCE, || {
        (waiting.world.ending(&request) == "withdrawn").then_some(())
    });
    assert_eq!(echo.visitors(), 1);

    // What comes from the target cannot wait.
    let back = [
        "-o",
        "ExitOnForwardFailure=yes",
        "-R",
        "0:127.0.0.1:1",
        "custos-web1",
        "true",
    ];
    assert!(!run(&mut waiting.ssh(&back), PATIENCE).status.success());
    let evidence = waiting.world.finish().evidence;
    assert!(
        evidence
            .to_string()
            .contains("hold-of-remote-forwarding-is-not-built")
    );
    assert_eq!(evidence.of_type("operation.approved").count(), 1);
}
