//! Targets by ProxyJump: stock clients, which hold strictly to the gateway's authority for hosts and ask nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use custos_testkit::{Finished, PATIENCE, Running, Sshd, Terminal, run, start, wait_for};
use serde_json::Value;

use super::certificates::Job;

/// A job whose OpenSSH configuration also has its targets under their own names.
struct Jumper {
    job: Job,
    config: PathBuf,
}

impl Jumper {
    fn new() -> Self {
        Self::of(Job::new())
    }

    fn of(job: Job) -> Self {
        let config = job.directory().join("jump-config");
        let text = run(&mut job.command(&["ssh-config", "--jump"]), PATIENCE).success();
        std::fs::write(&config, text).expect("it can be written");
        let known = read(&job.state(".known_hosts"));
        assert!(
            known.starts_with("@cert-authority * ssh-ed25519 ") && known.lines().count() == 1,
            "{known}"
        );
        Self { job, config }
    }

    /// A client with nothing but the configuration.
    fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.arg("-F").arg(&self.config);
        command.args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]);
        command.args(arguments);
        self.environment(&mut command);
        command
    }

    fn environment(&self, command: &mut Command) {
        for (name, value) in self.job.command(&[]).get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
    }

    fn ssh(&self, arguments: &[&str]) -> Finished {
        run(&mut self.client("ssh", arguments), PATIENCE)
    }

    /// A connection to the gateway that is there for others: it, the option by which targets are reached through it, and that
    /// by which it is found.
    fn shared(&self) -> (Running, String, String) {
        let socket = self.job.directory().join("master");
        let control = format!("ControlPath={}", socket.display());
        let mut master = start(&mut self.client("ssh", &["-o", &control, "-M", "-N", "custos"]));
        wait_for("the connection", PATIENCE, || {
            assert!(master.is_running(), "{}", master.stderr());
            socket.exists().then_some(())
        });
        let config = self.config.display();
        let proxy = format!("ProxyCommand=ssh -F {config} -o {control} -W %h:%p custos");
        (master, proxy, control)
    }

    /// Asks the gateway for a connection, and says what became of it.
    fn asks_for(&self, place: &str) -> String {
        let refused = self.ssh(&["-W", place, "custos"]);
        assert!(
            !refused.status.success() && refused.stdout.is_empty(),
            "{place}: {refused}"
        );
        let line = refused.stderr.lines().find(|it| it.contains("open failed"));
        line.unwrap_or_else(|| panic!("{place}: {refused}"))
            .to_owned()
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it is there")
}

fn refusals(records: &[Value], rule: &str) -> usize {
    let refused = records.iter().filter(|record| {
        record["type"] == "operation.error" && record["verdict"]["rules"][0] == rule
    });
    refused.count()
}

/// What the clients bring and get is what they do directly, and each connection within the other is a session.
#[test]
fn every_client_jumps() {
    let jumper = Jumper::new();
    let program = "cat; echo err >&2; exit 7";
    let through = |mut command: Command| {
        let mut running = start(&mut command);
        running.write("in\n");
        running.close_stdin();
        let ended = running.finish(PATIENCE);
        (ended.code(), ended.stdout, ended.stderr)
    };
    let direct = through(Sshd::shared().ssh(&[program]));
    assert_eq!(direct, (7, "in\n".to_owned(), "err\n".to_owned()));
    let quiet = ["-o", "LogLevel=ERROR"];
    for to in [
        &["web1", program][..],
        &["-J", "custos", "web1", program],
        &["deploy+web1@web1", program],
    ] {
        assert_eq!(
            through(jumper.client("ssh", &[&quiet, to].concat())),
            direct
        );
    }
    let directory = jumper.job.directory();
    let (file, there, back) = (
        directory.join("file"),
        directory.join("there"),
        directory.join("back"),
    );
    let content: Vec<u8> = (0..3_000_000u32).map(|at| (at >> 3) as u8).collect();
    std::fs::write(&file, &content).expect("it can be written");
    let text = |path: &Path| path.to_str().expect("paths here are text").to_owned();
    let copies = |program: &str, arguments: &[&str]| {
        run(
            &mut jumper.client(program, &[&quiet, arguments].concat()),
            PATIENCE,
        )
        .success();
    };
    let same = |path: &Path| {
        assert_eq!(std::fs::read(path).expect("it was copied"), content);
        std::fs::remove_file(path).expect("it is there");
    };
    let remote = format!("web1:{}", there.display());
    copies("scp", &["-q", "-J", "custos", &text(&file), &remote]);
    copies("scp", &["-q", "-O", "-J", "custos", &remote, &text(&back)]);
    same(&back);
    copies("sftp", &["-q", &remote, &text(&back)]);
    same(&back);
    same(&there);
    let mut rsync = Command::new("rsync");
    jumper.environment(&mut rsync);
    let shell = format!(
        "ssh -F {} -o BatchMode=yes -J custos",
        jumper.config.display()
    );
    rsync.args(["-a", "-e", &shell]).arg(&file).arg(&remote);
    run(&mut rsync, PATIENCE).success();
    same(&there);
    let evidence = jumper.job.finish().evidence;
    let starts: Vec<_> = evidence.of_type("session.start").collect();
    let (outer, inner): (Vec<_>, Vec<_>) = starts
        .into_iter()
        .partition(|start| start["target"]["resource"] == "gateway");
    assert_eq!((outer.len(), inner.len()), (7, 7));
    for start in &inner {
        assert_eq!(start["target"]["resource"], "ssh/web1");
        assert_eq!(start["actor"]["name"], "deploy");
        let through = &start["detail"]["through"];
        assert!(
            outer.iter().any(|outer| outer["sess"]["id"] == *through),
            "{start}"
        );
    }
    assert!(
        evidence
            .of_type("session.end")
            .all(|end| end["outcome"] == "ok")
    );
}

/// A terminal works as it does directly, and several connections to targets share one to the gateway.
#[test]
fn targets_share_a_connection() {
    let jumper = Jumper::new();
    let (master, proxy, control) = jumper.shared();
    let terminals: Vec<_> = (0..3)
        .map(|number| {
            let program = format!("echo open-{number}; read word; echo got-$word");
            Terminal::start(&jumper.client(
                "ssh",
                &[
                    "-o",
                    &proxy,
                    "-o",
                    "ProxyJump=none",
                    "-tt",
                    "web1",
                    &program,
                ],
            ))
        })
        .collect();
    for (number, terminal) in terminals.iter().enumerate() {
        terminal.expect_after(0, &format!("open-{number}"), PATIENCE);
    }
    for (number, mut terminal) in terminals.into_iter().enumerate() {
        terminal.keys(&format!("{number}\r"));
        let ended = terminal.finish(PATIENCE);
        assert!(ended.stdout.contains(&format!("got-{number}")), "{ended}");
    }
    let ends = run(
        &mut jumper.client("ssh", &["-o", &control, "-O", "exit", "custos"]),
        PATIENCE,
    );
    assert!(ends.status.success(), "{ends}");
    master.finish(PATIENCE);
    let evidence = jumper.job.finish().evidence;
    let starts: Vec<_> = evidence.of_type("session.start").collect();
    assert_eq!(starts.len(), 4);
    let outer = &starts[0]["sess"]["id"];
    assert!(
        starts[1..]
            .iter()
            .all(|start| start["detail"]["through"] == *outer)
    );
}

/// One whose client takes nothing any more stops no other, in either direction.
#[test]
fn a_stopped_client_stops_no_other() {
    let jumper = Jumper::new();
    let (master, proxy, _) = jumper.shared();
    let options = ["-o", &proxy, "-o", "ProxyJump=none", "-o", "LogLevel=ERROR"];
    let client = |program| jumper.client("ssh", &[&options[..], &["web1", program]].concat());
    let mut stopped = start(&mut client("echo open; exec head -c 100000000 /dev/zero"));
    wait_for("the program", PATIENCE, || {
        assert!(stopped.is_running(), "{}", stopped.stderr());
        (!stopped.stdout().is_empty()).then_some(())
    });
    stopped.signal(rustix::process::Signal::STOP);
    for _ in 0..3 {
        let mut other = start(&mut client("wc -c; head -c 5000000 /dev/zero | wc -c"));
        other.write(&"x".repeat(3_000_000));
        other.close_stdin();
        assert_eq!(other.finish(PATIENCE).success(), "3000000\n5000000\n");
    }
    assert!(stopped.is_running());
    stopped.signal(rustix::process::Signal::KILL);
    drop((stopped, master));
    jumper.job.finish();
}

/// The gateway is known by its authority alone: for its own name, and in place of a target for that target's.
#[test]
fn hosts_are_known_by_their_names() {
    let jumper = Jumper::new();
    let known = jumper.job.state(".known_hosts");
    let known = format!(
        "UserKnownHostsFile={}",
        known.display().to_string().replace('%', "%%")
    );
    // What is asked for by another name than those of the configuration is signed in to with the same key.
    let key = jumper.job.state(".cert.pub").display().to_string();
    let key = key.trim_end_matches(".cert.pub").replace('%', "%%");
    let identity = [
        "-o".to_owned(),
        known,
        "-o".to_owned(),
        format!("IdentityFile={key}"),
        "-o".to_owned(),
        format!("CertificateFile={key}.cert.pub"),
        "-o".to_owned(),
        "LogLevel=ERROR".to_owned(),
    ];
    let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
    // The alias, and the name of the resource's host.
    for (name, options) in [
        (
            "custos-web1",
            &["-o", "HostName=custos-web1", "-p", "22"][..],
        ),
        ("127.0.0.1", &["-p", "22"]),
        ("127.0.0.1", &["-p", &Sshd::shared().port().to_string()]),
    ] {
        let all = [
            &identity,
            options,
            &["-l", "deploy", "-J", "custos", name, "echo in"],
        ];
        assert_eq!(jumper.ssh(&all.concat()).success(), "in\n", "{name}");
    }
    for to in [
        &["-o", "HostKeyAlias=web2", "web1", "echo in"][..],
        &["-o", "HostKeyAlias=web1", "custos-web1", "echo in"],
        // By another name of the same target than was asked for, and that is its host's.
        &["-o", "HostKeyAlias=127.0.0.1", "web1", "echo in"],
    ] {
        let refused = jumper.ssh(to);
        assert!(
            refused
                .clone()
                .failure()
                .contains("is not a listed principal")
                && refused.stdout.is_empty(),
            "{refused}"
        );
    }
    let line = run(
        &mut jumper.job.command(&["ssh-config", "--known-hosts"]),
        PATIENCE,
    )
    .success();
    let port = jumper.job.custos().ssh_address().port();
    let hosts = format!("@cert-authority localhost,[localhost]:{port},custos-*,web1 ssh-ed25519 ");
    assert!(
        line.starts_with(&hosts) && line.lines().count() == 1,
        "{line}"
    );
    let own = jumper.job.directory().join("known_hosts");
    std::fs::write(&own, line).expect("it can be written");
    let own = format!("UserKnownHostsFile={}", own.display());
    let quiet = ["-o", "LogLevel=ERROR", "-o", &own];
    assert_eq!(
        jumper
            .ssh(&[&quiet[..], &["web1", "echo in"]].concat())
            .success(),
        "in\n"
    );
    jumper.job.finish();
}

/// A server that has a certificate of the authority for people is none that this gateway answers for.
#[test]
fn an_authority_for_people_is_none_for_hosts() {
    let jumper = Jumper::new();
    let certificate = jumper.job.state(".cert.pub").display().to_string();
    let key = certificate.trim_end_matches(".cert.pub");
    let impostor = jumper.job.directory().join("host");
    let copy = |from: &str, to: &str| {
        let to = format!("{}{to}", impostor.display());
        std::fs::copy(from, to).expect("it can be copied");
    };
    copy(key, "");
    copy(&certificate, "-cert.pub");
    let server = Sshd::start_with(&format!(
        "HostKey {0}\nHostCertificate {0}-cert.pub",
        impostor.display()
    ));
    let port = server.port().to_string();
    let refused = jumper.ssh(&[
        "-v",
        "-o",
        "ProxyJump=none",
        "-o",
        "HostName=127.0.0.1",
        "-p",
        &port,
        "web1",
        "echo in",
    ]);
    let said = refused.clone().failure();
    assert!(
        said.contains("Server host certificate: ssh-ed25519-cert-v01@openssh.com")
            && said.contains("Host key verification failed")
            && refused.stdout.is_empty(),
        "{refused}"
    );
    jumper.job.finish();
}

/// What is not there and what is not for her look the same; nothing but targets is there to be had.
#[test]
fn a_passage_leads_to_her_own_targets_alone() {
    let jumper = Jumper::new();
    let (there, elsewhere) = (jumper.asks_for("web2:22"), jumper.asks_for("web9:22"));
    assert!(
        there.contains("no target of this name is open to you") && there == elsewhere,
        "{there}\n{elsewhere}"
    );
    assert_eq!(jumper.asks_for("web2:2222"), elsewhere);
    assert_eq!(jumper.asks_for("ssh/web1:22"), elsewhere);
    let other = jumper.asks_for("web1:2222");
    assert!(other.contains("port 22"), "{other}");
    // A program, a shell and each way to forward.
    let program = jumper.ssh(&["custos", "echo in"]);
    assert!(
        program.clone().failure().contains("no target is named") && program.stdout.is_empty(),
        "{program}"
    );
    for option in ["-R0:127.0.0.1:1", "-R/tmp/custos-never:127.0.0.1:1"] {
        let refused = jumper.ssh(&["-o", "ExitOnForwardFailure=yes", "-N", option, "custos"]);
        assert!(!refused.status.success(), "{refused}");
    }
    let evidence = jumper.job.finish().evidence;
    assert_eq!(refusals(evidence.all(), "target-not-open"), 4);
    assert_eq!(refusals(evidence.all(), "target-port"), 1);
    assert_eq!(refusals(evidence.all(), "no-target-named"), 1);
    assert_eq!(refusals(evidence.all(), "forwarding-not-granted"), 2);
    assert!(
        evidence
            .of_type("session.start")
            .all(|start| start["target"]["resource"] == "gateway")
    );
}

/// Inside, a name may say the target once more and no other, and a session leads no further.
#[test]
fn inside_there_is_one_target() {
    let jumper = Jumper::new();
    let other = jumper.ssh(&["deploy+web2@web1", "echo in"]);
    assert!(
        other.clone().failure().contains("login failed") && other.stdout.is_empty(),
        "{other}"
    );
    let nested = jumper.ssh(&["-W", "web1:22", "web1"]);
    assert!(
        nested
            .clone()
            .failure()
            .contains("forwarding is not granted")
            && nested.stdout.is_empty(),
        "{nested}"
    );
    let evidence = jumper.job.finish().evidence;
    assert_eq!(
        evidence.only("login.failed")["reason"],
        "the login name names another target than the connection leads to"
    );
    assert_eq!(refusals(evidence.all(), "forwarding-not-granted"), 1);
}

/// Whoever has a way in lends it to nobody: not even to one who could come in by herself.
#[test]
fn a_passage_is_lent_to_nobody() {
    let access = "\n[[access]]\nname = \"alice-too\"\nprincipals = [\"alice\"]\nresources = [\"ssh/web1\"]\n";
    let jumper = Jumper::of(Job::under(Sshd::shared(), &[], access));
    let alice = jumper.job.custos().issue("alice", "ssh/web1");
    let mut direct = jumper.job.custos().ssh(&alice, "web1", &["echo in"]);
    assert_eq!(run(&mut direct, PATIENCE).success(), "in\n");
    let proxy = format!(
        "ProxyCommand=ssh -F {} -W web1:22 custos",
        jumper.config.display()
    );
    let mut through = jumper.job.custos().ssh_client("ssh", &alice.secret);
    jumper.environment(&mut through);
    through.args(["-o", &proxy, "alice@web1", "echo in"]);
    let refused = run(&mut through, PATIENCE);
    assert!(
        refused
            .clone()
            .failure()
            .contains("somebody-elses-connection")
            && refused.stdout.is_empty(),
        "{refused}"
    );
    let evidence = jumper.job.finish().evidence;
    let denied = evidence.only("session.denied");
    assert_eq!(denied["actor"]["name"], "alice");
    assert_eq!(denied["verdict"]["rules"][0], "somebody-elses-connection");
}

/// The end of the sign-in ends the connection to the gateway, and with it what is open through it.
#[test]
fn sessions_end_with_the_sign_in() {
    let jumper = Jumper::new();
    let terminal = Terminal::start(&jumper.client("ssh", &["-tt", "web1", "echo open; sleep 100"]));
    terminal.expect_after(0, "open", PATIENCE);
    run(&mut jumper.job.command(&["logout"]), PATIENCE).success();
    let ended = terminal.finish(PATIENCE);
    assert!(
        ended.stdout.contains("session ended by the gateway"),
        "{ended}"
    );
    let evidence = jumper.job.finish().evidence;
    let ends: Vec<_> = evidence.of_type("session.end").collect();
    assert!(
        ends.len() == 2 && ends.iter().all(|end| end["outcome"] == "interrupted"),
        "{ends:?}"
    );
}

/// So does the end of the connection itself, however it comes.
#[test]
fn sessions_end_with_their_connection() {
    let jumper = Jumper::new();
    let pid = jumper.job.directory().join("pid");
    let proxy = format!(
        "ProxyCommand=sh -c 'echo $$ > {}; exec ssh -F {} -W %h:%p custos'",
        pid.display(),
        jumper.config.display()
    );
    let mut client = start(&mut jumper.client(
        "ssh",
        &[
            "-o",
            "ProxyJump=none",
            "-o",
            &proxy,
            "web1",
            "echo open; sleep 100",
        ],
    ));
    wait_for("the program", PATIENCE, || {
        assert!(client.is_running(), "{}", client.stderr());
        client.stdout().contains("open").then_some(())
    });
    let jump: u32 = read(&pid).trim().parse().expect("a number");
    custos_testkit::signal(jump, rustix::process::Signal::KILL);
    client.finish(PATIENCE);
    wait_for("the end of both", PATIENCE, || {
        let ends = jumper.job.custos().evidence();
        (ends.of_type("session.end").count() == 2).then_some(())
    });
    jumper.job.finish();
}

/// A connection to a target that nobody signs in to ends, and so does one to the gateway that leads nowhere.
#[test]
fn nothing_stays_open_for_nothing() {
    let jumper = Jumper::new();
    let custos = jumper.job.custos();
    let file = custos.directory().join("custos.toml");
    let limits = "[limits]\nhandshake_timeout = \"3s\"\nidle_timeout = \"4s\"\n";
    std::fs::write(&file, read(&file).replace("[limits]\n", limits)).expect("it is there");
    custos.reload();
    wait_for("the reload", PATIENCE, || {
        custos.log().contains("reload").then_some(())
    });
    let mut half = start(&mut jumper.client("ssh", &["-W", "web1:22", "custos"]));
    let ended = half_open(&mut half);
    assert!(ended.starts_with("SSH-2.0-"), "{ended}");
    half.finish(PATIENCE);
    let idle = jumper.ssh(&["-N", "custos"]);
    assert!(idle.clone().failure().contains("for too long"), "{idle}");
    let evidence = jumper.job.finish().evidence;
    let refused = evidence.only("connection.refused");
    assert_eq!(refused["detail"]["kind"], "timeout");
}

/// What the gateway says, as a target, to one who says nothing.
fn half_open(half: &mut Running) -> String {
    wait_for("the gateway to answer", PATIENCE, || {
        let said = half.stdout();
        (!said.is_empty()).then_some(said)
    })
}

/// There are as many connections through one as there are channels of a session, and refusals end it.
#[test]
fn a_flood_of_channels_is_bounded() {
    let jumper = Jumper::new();
    let (mut master, _, control) = jumper.shared();
    // Through the one connection, or not at all.
    let options = ["-o", &control, "-o", "Port=1"];
    let ask = |place: &str| {
        let arguments = [&options[..], &["-W", place, "custos"]].concat();
        start(&mut jumper.client("ssh", &arguments))
    };
    let mut open: Vec<_> = (0..32).map(|_| ask("web1:22")).collect();
    for one in &mut open {
        half_open(one);
    }
    let more = ask("web1:22").finish(PATIENCE);
    assert!(!more.status.success() && more.stdout.is_empty(), "{more}");
    let mut asked = 0;
    while master.is_running() {
        asked += 1;
        assert!(asked < 100, "refusals have no end");
        ask("web9:22").finish(PATIENCE);
    }
    drop(open);
    let evidence = jumper.job.finish().evidence;
    assert_eq!(refusals(evidence.all(), "too-many-connections"), 1);
    assert_eq!(refusals(evidence.all(), "target-not-open"), 63);
}
