//! Rules about certain commands, and ways around them. Whatever is tried would leave a file behind if it worked.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use custos_testkit::{Credential, Custos, Finished, PATIENCE, Settings, Sshd, run};

/// What the account may run, beside what people agree to.
fn policy(witness: &Path) -> String {
    format!(
        r#"
version: 1
rules:
  - id: looks
    who: "*"
    on: ssh/web1
    may: [session.open, ssh.exec]
    commands:
      - uptime
      - echo *
      - cat /var/log/app/*
      - touch {0}/allowed
      - tail -n * {0}/**
  - id: files-out
    who: "*"
    on: ssh/web1
    may: ssh.download
    commands: scp -f {0}/**
  - id: no-dd
    who: "*"
    on: ssh/web1
    deny: ssh.exec
    commands: dd ...
"#,
        witness.display()
    )
}

struct Guarded {
    custos: Custos,
    alice: Credential,
    directory: PathBuf,
}

impl Guarded {
    fn new() -> Self {
        let directory =
            std::env::temp_dir().join(format!("custos-commands-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let custos = Custos::start_with(&Settings::under(&policy(&directory)));
        custos.add_ssh(
            "ssh/web1",
            Sshd::shared(),
            "ed25519",
            &["--accept-env", "DEPLOY_*"],
        );
        let alice = custos.issue("alice", "ssh/web1");
        Self {
            custos,
            alice,
            directory,
        }
    }

    /// One connection for all that is tried.
    fn ssh(&self, arguments: &[&str]) -> Command {
        let socket = self.custos.directory().join("master");
        let mut command = self.custos.ssh_client("ssh", &self.alice.secret);
        command.args(["-p", &self.custos.ssh_address().port().to_string()]);
        command.args(["-o", "ControlMaster=auto", "-o", "ControlPersist=20"]);
        command
            .arg("-o")
            .arg(format!("ControlPath={}", socket.display()));
        command.arg("alice+web1@127.0.0.1").args(arguments);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, command: &str) -> Finished {
        run(&mut self.ssh(&[command]), PATIENCE)
    }

    fn witness(&self) -> PathBuf {
        self.directory.join("witness")
    }

    #[track_caller]
    fn is_denied(&self, command: &str) {
        let tried = self.run(command);
        assert!(!self.witness().exists(), "{command} ran: {tried}");
        assert_eq!(tried.code(), 126, "{command}: {tried}");
        assert!(tried.stderr.contains("is denied"), "{command}: {tried}");
    }
}

/// `W` is the file that must not come to be.
const ATTEMPTS: &[&str] = &[
    // A second command.
    "touch W",
    "uptime; touch W",
    "uptime && touch W",
    "uptime || touch W",
    "uptime & touch W",
    "uptime | touch W",
    "uptime\ntouch W",
    "uptime\r\ntouch W",
    "\ntouch W",
    "uptime #\ntouch W",
    // Substitution and expansion.
    "echo $(touch W)",
    "echo `touch W`",
    "echo \"$(touch W)\"",
    "echo ${x:-$(touch W)}",
    "echo $((a[$(touch W)]))",
    "echo <(touch W)",
    "echo x > W",
    "echo x >> W",
    "echo x >| W",
    "cat /var/log/app/{x,../../../etc/passwd}",
    "cat /var/log/app/../../../etc/passwd",
    "cat /var/log/app/*",
    "cat ~/x",
    // Quoting and encodings.
    "'touch' W",
    "to\\uch W",
    "t''ouch W",
    "$'\\x74ouch' W",
    "\u{ff54}ouch W",
    "echo '\n'; touch W",
    "echo \\\ntouch W",
    "echo a\u{a0}b",
    "echo '$(touch W)\\'$(touch W)",
    "echo \"!x\"",
    // Other programs that run it.
    "sh -c 'touch W'",
    "bash -c 'touch W'",
    "env touch W",
    "sudo touch W",
    "nohup touch W",
    "xargs touch W",
    "find / -maxdepth 0 -exec touch W ;",
    "eval touch W",
    "exec touch W",
    ". /tmp/x",
    "command touch W",
    "busybox touch W",
    "python3 -c 'open(\"W\",\"w\")'",
    // Environment and functions.
    "X=1 touch W",
    "PATH=/tmp uptime; touch W",
    "uptime() { touch W; }; uptime",
    "function uptime { touch W; }; uptime",
    "alias uptime='touch W'; uptime",
    "trap 'touch W' EXIT",
    "BASH_ENV=/tmp/x bash",
    // Names that are not the rule's.
    "/usr/bin/touch W",
    "./uptime",
    "Uptime; touch W",
    "touch W/../witness",
    "touch A/allowed W",
    "touch A/allowed -r W",
    // Options where arguments were meant.
    "tail -n +1 -- A/x",
    "tail -n 1 --follow=name A/x",
    "tail -n 1 A/../x",
    "echo -e x y",
    // What a rule denies whoever else allows it.
    "dd of=W",
    // Commands that clients send by themselves.
    "scp -t W",
    "scp -f /etc/passwd",
    "scp -f A/../x",
    "rsync --server -e.LsfxCIvu . W",
    "git-receive-pack 'W'",
    "internal-sftp",
    "",
    " ",
];

#[test]
fn nothing_gets_around_a_rule() {
    let guarded = Guarded::new();
    let witness = guarded.witness().display().to_string();
    let allowed = guarded.directory.display().to_string();
    assert!(guarded.run("uptime").success().contains("load average"));
    assert_eq!(guarded.run("echo 'a  b'").success(), "a  b\n");
    guarded.run(&format!("touch '{allowed}/allowed'")).success();
    assert!(guarded.directory.join("allowed").exists());
    for attempt in ATTEMPTS {
        let command = attempt
            .replace("A/", &format!("{allowed}/"))
            .replace('W', &witness);
        if command.trim().is_empty() {
            // A client sends an empty command as a shell.
            let tried = run(&mut guarded.ssh(&["-T", &command]), PATIENCE);
            assert_eq!(tried.code(), 126, "{tried}");
            continue;
        }
        guarded.is_denied(&command);
    }
    let pipe = guarded.run("uptime | cat");
    assert!(
        pipe.stderr.contains("`no-dd` denies alice ssh.exec")
            && pipe
                .stderr
                .contains("rules for certain commands allow none with a pipe"),
        "{pipe}"
    );
    let other = guarded.run("id");
    assert!(
        other.stderr.contains("`looks` allows certain commands"),
        "{other}"
    );
    no_shell(&guarded);
    no_variables(&guarded);
    let Guarded {
        custos, directory, ..
    } = guarded;
    let evidence = custos.finish().evidence;
    let denied = evidence
        .of_type("operation.intent")
        .filter(|record| record["verdict"]["effect"] == "deny")
        .count();
    assert!(denied >= ATTEMPTS.len(), "{denied} of {}", ATTEMPTS.len());
    std::fs::remove_dir_all(directory).expect("it is ours");
}

/// No way to a shell: with a terminal, without, as a subsystem.
fn no_shell(guarded: &Guarded) {
    for arguments in [&["-tt"][..], &["-T"], &["-s", "shell"], &["-s", "sftp"]] {
        let mut command = guarded.ssh(&[]);
        command.args(arguments);
        let tried = run(&mut command, PATIENCE);
        assert!(!tried.status.success(), "{arguments:?}: {tried}");
    }
    let mut terminal = guarded.ssh(&["-tt", "uptime; id"]);
    assert_eq!(run(&mut terminal, PATIENCE).code(), 126);
}

/// What a client may set changes no command into another.
fn no_variables(guarded: &Guarded) {
    let trap = guarded.directory.join("trap");
    std::fs::write(&trap, format!("touch {}", guarded.witness().display())).expect("a file");
    for name in [
        "BASH_ENV",
        "ENV",
        "LD_PRELOAD",
        "PATH",
        "BASH_FUNC_uptime%%",
        "ZDOTDIR",
    ] {
        let mut command = guarded.custos.ssh_client("ssh", &guarded.alice.secret);
        command.args(["-p", &guarded.custos.ssh_address().port().to_string()]);
        command
            .arg("-o")
            .arg(format!("SetEnv={name}={}", trap.display()));
        command.args(["alice+web1@127.0.0.1", "uptime"]);
        let tried = run(&mut command, PATIENCE);
        assert!(!guarded.witness().exists(), "{name}: {tried}");
        assert!(tried.stdout.contains("load average"), "{name}: {tried}");
        let added = guarded.custos.cli(&[
            "resource",
            "add",
            "ssh/other",
            "--host",
            "127.0.0.1",
            "--account",
            "x",
            "--accept-env",
            name,
        ]);
        assert!(
            added
                .failure()
                .contains("clients decide what a command runs")
        );
    }
}

/// Nobody counts what comes back, so a rule that limits it allows nothing.
#[test]
fn a_limit_that_is_not_kept_allows_nothing() {
    let policy = "version: 1\nrules:\n- {id: a-little, who: '*', on: ssh/web1, may: [session.open, ssh.exec, \
                  ssh.shell, ssh.download], limit: {bytes: 1KiB}}\n";
    let custos = Custos::start_with(&Settings::under(policy));
    custos.add_ssh("ssh/web1", Sshd::shared(), "ed25519", &[]);
    let alice = custos.issue("alice", "ssh/web1");
    for arguments in [
        &["echo in"][..],
        &["-tt"],
        &["scp -f /etc/hostname"],
        &["-s", "sftp"],
    ] {
        let tried = run(
            custos.ssh(&alice, "web1", arguments).stdin(Stdio::null()),
            PATIENCE,
        );
        assert_eq!(tried.code(), 126, "{arguments:?}: {tried}");
        let told = format!("{}{}", tried.stdout, tried.stderr);
        assert!(
            told.contains("limit-of-bytes-is-not-built-for-ssh"),
            "{tried}"
        );
    }
    custos.finish();
}
