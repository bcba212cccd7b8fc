//! Commands, shells and files, as they are without a gateway.

use std::process::Command;

use custos_testkit::{Custos, PATIENCE, Sshd, Terminal, run, start, wait_for};
use serde_json::Value;

use super::web1;

/// Output, error stream and exit status are those of a direct connection, whatever the command does.
#[test]
fn commands_end_as_they_do_directly() {
    let (custos, alice) = web1();
    for command in [
        "echo hello",
        "echo out; echo err >&2; exit 3",
        "true",
        "false",
        "kill -TERM $$",
        "exec 1>&-; sleep 0.1; echo late >&2",
        "printf '\\377\\376\\000binary'",
        "cat",
        "no-such-command",
        "sleep 1; head -c 4000000 /dev/zero | sha256sum",
        "echo $LC_TEST",
    ] {
        let through = run(
            custos
                .ssh(&alice, "web1", &["-o", "SendEnv=LC_TEST"])
                .arg(command)
                .env("LC_TEST", "ä"),
            PATIENCE,
        );
        let direct = run(
            Sshd::shared()
                .ssh(&["-o", "SendEnv=LC_TEST"])
                .arg(command)
                .env("LC_TEST", "ä"),
            PATIENCE,
        );
        assert_eq!(through.to_string(), direct.to_string(), "{command}");
    }
    custos.finish();
}

#[test]
fn input_reaches_the_program_and_its_end_too() {
    let (custos, alice) = web1();
    let mut running = start(&mut custos.ssh(&alice, "web1", &["wc -c; echo done"]));
    let text = "x".repeat(1_000_000);
    running.write(&text);
    running.close_stdin();
    assert_eq!(running.finish(PATIENCE).success(), "1000000\ndone\n");
    custos.finish();
}

#[test]
fn a_shell_on_a_terminal() {
    let (custos, alice) = web1();
    let mut terminal = Terminal::start(&custos.ssh(&alice, "web1", &["-tt"]));
    let mut seen = 0;
    let mut expect = |terminal: &Terminal, text| seen = terminal.expect_after(seen, text, PATIENCE);
    terminal.keys("stty -echo; echo re''ady\n");
    expect(&terminal, "ready");
    terminal.keys("printf '\\033]52;c;ZXZpbA==\\007\\033[1mbold\\033[0m'; echo $((6 * 7)); tty\n");
    expect(&terminal, "42\r\n/dev/pts/");
    terminal.keys("echo sleeps; sleep 100\n");
    expect(&terminal, "sleeps");
    terminal.keys("\u{3}");
    terminal.keys("echo after; exit 5\n");
    expect(&terminal, "after");
    let finished = terminal.finish(PATIENCE);
    assert_eq!(finished.code(), 5, "{finished}");
    is_a_cast(&custos);
    custos.finish();
}

#[test]
fn files_come_back_as_they_went() {
    let (custos, alice) = web1();
    let directory = custos.directory().join("files");
    std::fs::create_dir(&directory).expect("it is new");
    let file = directory.join("a file");
    let content: Vec<u8> = (0..3_000_000u32)
        .map(|n| (n.wrapping_mul(7919) >> 5) as u8)
        .collect();
    std::fs::write(&file, &content).expect("it can be written");
    let port = custos.ssh_address().port().to_string();
    let remote = |name: &str| format!("alice+web1@127.0.0.1:{}", directory.join(name).display());
    for (number, flags) in [&["-q"][..], &["-q", "-O"]].into_iter().enumerate() {
        let (there, back) = (
            format!("there{number}"),
            directory.join(format!("back{number}")),
        );
        run(
            custos
                .ssh_client("scp", &alice.secret)
                .args(flags)
                .args(["-P", &port])
                .arg(&file)
                .arg(remote(&there)),
            PATIENCE,
        )
        .success();
        run(
            custos
                .ssh_client("scp", &alice.secret)
                .args(flags)
                .args(["-P", &port])
                .arg(remote(&there))
                .arg(&back),
            PATIENCE,
        )
        .success();
        assert_eq!(std::fs::read(&back).expect("scp wrote it"), content);
    }
    let batch = custos.write_private(
        "batch",
        &format!(
            "put \"{0}\" {1}/put\nget {1}/put {1}/got\nls -l {1}\n",
            file.display(),
            directory.display()
        ),
    );
    run(
        custos
            .ssh_client("sftp", &alice.secret)
            .args(["-q", "-P", &port, "-o", "BatchMode=no", "-b"])
            .arg(batch)
            .arg("alice+web1@127.0.0.1"),
        PATIENCE,
    )
    .success();
    assert_eq!(
        std::fs::read(directory.join("got")).expect("sftp wrote it"),
        content
    );
    custos.finish();
}

/// The gateway signs in at the target with keys of all kinds.
#[test]
fn keys_of_all_kinds() {
    let custos = Custos::start();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let name = format!("ssh/{kind}");
        custos.add_ssh(&name, Sshd::shared(), kind, &[]);
        let alice = custos.issue("alice", &name);
        assert_eq!(
            run(&mut custos.ssh(&alice, kind, &["echo", kind]), PATIENCE).success(),
            format!("{kind}\n")
        );
    }
    custos.finish();
}

/// git and rsync are commands with a protocol of their own on their streams.
#[test]
fn git_clones_and_pushes() {
    let (custos, alice) = web1();
    let directory = custos.directory().join("git");
    let git = |arguments: &[&str]| {
        let ssh = custos.ssh_client("ssh", &alice.secret);
        let words: Vec<String> = std::iter::once("ssh".to_owned())
            .chain(
                ssh.get_args()
                    .map(|word| word.to_str().expect("text").to_owned()),
            )
            .collect();
        let mut command = Command::new("git");
        command.args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "init.defaultBranch=main",
        ]);
        command
            .args(arguments)
            .env("GIT_SSH_COMMAND", words.join(" "));
        for (name, value) in ssh.get_envs() {
            command.env(name, value.expect("they are set"));
        }
        run(&mut command, PATIENCE).success()
    };
    let text = |name: &str| directory.join(name).to_str().expect("text").to_owned();
    let (bare, work, again) = (text("bare"), text("work"), text("again"));
    git(&["init", "-q", "--bare", &bare]);
    let url = format!(
        "ssh://alice+web1@127.0.0.1:{}{bare}",
        custos.ssh_address().port()
    );
    git(&["clone", "-q", &url, &work]);
    std::fs::write(directory.join("work/file"), "content\n").expect("git made it");
    git(&["-C", &work, "add", "file"]);
    git(&["-C", &work, "commit", "-q", "-m", "first"]);
    git(&["-C", &work, "push", "-q", "origin", "main"]);
    git(&["clone", "-q", &url, &again]);
    assert_eq!(
        std::fs::read_to_string(directory.join("again/file")).expect("cloned"),
        "content\n"
    );
    let evidence = custos.finish().evidence;
    let commands = evidence.statements();
    assert!(
        commands
            .iter()
            .any(|text| text.contains("git-receive-pack")),
        "{commands:?}"
    );
}

/// The terminal is there for players.
fn is_a_cast(custos: &Custos) {
    let session = wait_for("the end of the session", PATIENCE, || {
        custos.evidence().sessions().pop()
    });
    let newest = custos
        .cli(&["session", "replay", &session, "--cast"])
        .success();
    let mut lines = newest
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let header = lines.next().expect("a header");
    assert_eq!(header["version"], 3);
    assert!(
        header["term"]["cols"]
            .as_u64()
            .is_some_and(|columns| columns > 0),
        "{header}"
    );
    let events: Vec<Value> = lines.collect();
    assert_eq!(events.last().expect("an event")[2], "5", "{newest}");
    let shown: String = events
        .iter()
        .filter(|event| event[1] == "o")
        .filter_map(|event| event[2].as_str())
        .collect();
    assert!(shown.contains("after"), "{shown}");
    let older = custos
        .cli(&["session", "replay", &session, "--cast=2"])
        .success();
    assert!(older.starts_with('{') && older.contains("after"), "{older}");
    assert!(newest.contains("]52;c;"), "a recording has what came");
    let played = custos
        .cli(&["session", "replay", &session, "--terminal"])
        .success();
    assert!(played.contains("after") && played.contains("\u{1b}[1mbold"));
    assert!(!played.contains("]52;c;"), "{played}");
}

/// Somebody looks on while it goes on, and her terminal obeys to nothing but drawing.
#[test]
fn a_live_terminal_is_watched() {
    let (custos, alice) = web1();
    let mut terminal = Terminal::start(&custos.ssh(&alice, "web1", &["-tt"]));
    terminal.keys("stty -echo; echo re''ady\n");
    terminal.expect_after(0, "ready", PATIENCE);
    let session = wait_for("the session", PATIENCE, || {
        let text = custos.cli(&["session", "ls", "--live", "--json"]).success();
        let list: Value = serde_json::from_str(&text).ok()?;
        list[0]["id"].as_str().map(str::to_owned)
    });
    let watcher = start(&mut custos.command(&["session", "watch", &session, "--terminal"]));
    wait_for("the look to be on record", PATIENCE, || {
        custos.evidence().of_type("recording.read").next().map(drop)
    });
    terminal.keys("printf 'a\\033]0;evil\\007b\\033[31mred\\n'\n");
    let seen = wait_for("what comes now", PATIENCE, || {
        let text = watcher.stdout();
        text.contains("red").then_some(text)
    });
    assert!(
        seen.contains("ab\u{1b}[31mred") && !seen.contains("evil"),
        "{seen:?}"
    );
    terminal.keys("exit\n");
    terminal.finish(PATIENCE);
    watcher.finish(PATIENCE).success();
    custos.finish();
}
