//! What is looked for in values reaches neither who may not see it nor the disk, however a program says it.

use std::process::Command;

use custos_testkit::{
    Credential, Custos, PATIENCE, Settings, Sshd, Terminal, run, start, wait_for,
};

const POLICY: &str = r#"
version: 1
labels:
  found:
    detect: [payment_card, email, private_key, cloud_key, social_security]
    mask: redact
rules:
  - id: everything
    who: "*"
    on: ssh/web1
    may: [session.open, ssh.exec, ssh.shell, ssh.upload, ssh.download]
  - id: clear
    who: group:owners
    on: ssh/web1
    may: unmask:found
"#;

const CANARIES: [&str; 4] = [
    "4111 1111 1111 1111",
    "dora@canary.example",
    "AKIAIOSFODNN7EXAMPLE",
    "078-05-1120",
];

fn guarded() -> (Custos, Credential) {
    let custos = Custos::start_with(&Settings::under(POLICY));
    custos.add_ssh("ssh/web1", Sshd::shared(), "ed25519", &[]);
    let alice = custos.issue("alice", "ssh/web1");
    (custos, alice)
}

/// A program that prints what is in a file, which no command says: each byte of it apart, or with a colour in it.
fn script(custos: &Custos) -> (String, Vec<String>) {
    let place = custos.directory().join("canaries");
    std::fs::write(&place, CANARIES.join("\n")).expect("a file");
    let place = place.display();
    let python = |text: &str| {
        format!(
            "python3 -c \"import sys,time\nfor c in open('{place}').read().split(chr(10)):\n{text}\""
        )
    };
    let line = " w=lambda s:(sys.stdout.write(s),sys.stdout.flush())\n";
    let ways = vec![
        format!("cat {place}"),
        format!("cat {place} >&2"),
        python(&format!(
            "{line} for i in range(1,len(c)): w(c[:i]); time.sleep(.004); w(c[i:]+chr(10))"
        )),
        python(&format!(
            "{line} for i in range(1,len(c)): w(c[:i]+'\\x1b[1;31m'+c[i:]+'\\x1b[0m'+chr(10))"
        )),
        python(&format!(
            "{line} for x in c: w(x); time.sleep(.004)\n w(chr(10))"
        )),
        python(&format!(
            "{line} for x in c: w('\\x1b[3%dm'%(ord(x)%8)+x)\n w(chr(10))"
        )),
        python(&format!("{line} w('x'*30000+' '+c+' '+'x'*30000+chr(10))")),
        python(&format!("{line} w('\\x1b]0;'+c+'\\x07'+chr(10))")),
    ];
    (place.to_string(), ways)
}

/// As somebody sees it: without colours.
fn seen(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|sign: char| sign.is_ascii_alphabetic());
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

#[track_caller]
fn has_none(text: &str, where_: &str) {
    let plain = seen(text);
    for canary in CANARIES {
        assert!(!plain.contains(canary), "{where_}: {canary} in {text}");
    }
}

/// Nothing of them is in what a gateway leaves behind.
fn is_nowhere(custos: &Custos) {
    for (path, bytes) in custos.files() {
        // Made by the test itself.
        if !path.starts_with(custos.evidence_directory()) {
            continue;
        }
        has_none(
            &String::from_utf8_lossy(&bytes),
            &path.display().to_string(),
        );
    }
    let transcripts = custos.transcripts();
    assert!(
        transcripts.contains("output"),
        "no transcript was looked at"
    );
    has_none(&transcripts, "transcripts");
    has_none(&custos.log(), "the log");
    for record in custos.evidence().all() {
        has_none(&record.to_string(), "records");
    }
}

#[test]
fn canaries_reach_nobody() {
    let (mut custos, alice) = guarded();
    let (_, ways) = script(&custos);
    for way in &ways {
        let plain = run(&mut custos.ssh(&alice, "web1", &[way]), PATIENCE);
        assert!(plain.status.success(), "{way}: {plain}");
        has_none(&plain.stdout, way);
        has_none(&plain.stderr, way);
        assert!(seen(&plain.to_string()).contains("****"), "{way}: {plain}");
        let on_terminal = run(&mut custos.ssh(&alice, "web1", &["-tt", way]), PATIENCE);
        has_none(&on_terminal.stdout, way);
    }
    said_by_the_client(&custos, &alice);
    custos.stop();
    is_nowhere(&custos);
    custos.finish();
}

/// In a command, in what is typed, in a variable and in the name of a file.
fn said_by_the_client(custos: &Custos, alice: &Credential) {
    for canary in CANARIES {
        let echoed = run(
            &mut custos.ssh(alice, "web1", &[&format!("echo '{canary}'")]),
            PATIENCE,
        );
        has_none(&echoed.success(), "an echo");
        let mut typed = start(&mut custos.ssh(alice, "web1", &["wc -c"]));
        typed.write(canary);
        typed.close_stdin();
        // The program is told what was said.
        assert_eq!(
            typed.finish(PATIENCE).success().trim(),
            canary.len().to_string()
        );
        let mut variable = custos.ssh(
            alice,
            "web1",
            &["-o", "SendEnv=LC_TEST", "printf %s \"$LC_TEST\" | wc -c"],
        );
        variable.env("LC_TEST", canary);
        assert_eq!(
            run(&mut variable, PATIENCE).success().trim(),
            canary.len().to_string()
        );
    }
    let mut kind = custos.ssh(alice, "web1", &["-tt", "echo $TERM | wc -c"]);
    kind.env("TERM", "dora@canary.example");
    assert_eq!(run(&mut kind, PATIENCE).success().trim(), "20");
    let mut shell = Terminal::start(&custos.ssh(alice, "web1", &["-tt"]));
    shell.keys("PS1='$ '; stty -echo; echo re''ady\n");
    shell.expect_after(0, "ready", PATIENCE);
    for canary in CANARIES {
        shell.keys(&format!("echo '{canary}'\n"));
    }
    shell.keys("exit\n");
    has_none(&shell.finish(PATIENCE).stdout, "a shell");
}

/// Whoever may see them clear does, and records have them masked all the same.
#[test]
fn who_may_see_them_does() {
    let (mut custos, _) = guarded();
    let carol = custos.issue_with("carol", "ssh/web1", &["--group", "owners"]);
    let (place, ways) = script(&custos);
    for way in &ways {
        let through = run(&mut custos.ssh(&carol, "web1", &[way]), PATIENCE);
        let direct = run(&mut Sshd::shared().ssh(&[way]), PATIENCE);
        assert_eq!(through.to_string(), direct.to_string(), "{way}");
    }
    let back = custos.directory().join("back");
    let mut copied = custos.ssh_client("scp", &carol.secret);
    copied.args(["-q", "-O", "-P", &custos.ssh_address().port().to_string()]);
    copied
        .arg(format!("carol+web1@127.0.0.1:{place}"))
        .arg(&back);
    run(&mut copied, PATIENCE).success();
    assert_eq!(
        std::fs::read_to_string(&back).expect("a file"),
        CANARIES.join("\n")
    );
    custos.stop();
    is_nowhere(&custos);
    custos.finish();
}

/// What cannot be masked does not come.
#[test]
fn files_do_not_come_unmasked() {
    let (mut custos, alice) = guarded();
    let (place, _) = script(&custos);
    let port = custos.ssh_address().port().to_string();
    let back = custos.directory().join("back");
    let remote = format!("alice+web1@127.0.0.1:{place}");
    let there = format!("{place}-there");
    for options in [&["-q"][..], &["-q", "-O"]] {
        let scp = || {
            let mut command = custos.ssh_client("scp", &alice.secret);
            command.args(options).args(["-P", &port]);
            command
        };
        let refused = run(scp().arg(&remote).arg(&back), PATIENCE);
        let told = refused.clone().failure().to_lowercase();
        assert!(
            told.contains("files-cannot-be-masked") || told.contains("permission denied"),
            "{refused}"
        );
        assert!(!back.exists());
        let sent = run(
            scp()
                .arg(&place)
                .arg(format!("alice+web1@127.0.0.1:{there}")),
            PATIENCE,
        );
        sent.success();
        assert_eq!(
            std::fs::read_to_string(&there).expect("a file"),
            CANARIES.join("\n")
        );
        std::fs::remove_file(&there).expect("it is there");
    }
    let mut rsync = Command::new("rsync");
    let shell = custos.ssh_client("ssh", &alice.secret);
    let shell_line: Vec<String> = std::iter::once("ssh".to_owned())
        .chain(shell.get_args().map(|it| it.to_string_lossy().into_owned()))
        .chain(["-p".to_owned(), port.clone()])
        .collect();
    for (name, value) in shell.get_envs() {
        if let Some(value) = value {
            rsync.env(name, value);
        }
    }
    rsync
        .args(["-e", &shell_line.join(" "), &remote])
        .arg(&back);
    assert!(
        run(&mut rsync, PATIENCE)
            .failure()
            .contains("files-cannot-be-masked")
    );
    assert!(!back.exists());
    custos.stop();
    is_nowhere_but(&custos);
    let evidence = custos.finish().evidence;
    let refused = evidence.all().iter().map(ToString::to_string);
    let refused = refused.filter(|record| record.contains("files-cannot-be-masked"));
    assert!(refused.count() >= 3);
}

fn is_nowhere_but(custos: &Custos) {
    has_none(&custos.transcripts(), "transcripts");
    for record in custos.evidence().all() {
        has_none(&record.to_string(), "records");
    }
}

/// What has nothing in it comes as it is, at once, and however much of it.
#[test]
fn the_rest_is_as_it_was() {
    let (custos, alice) = guarded();
    for command in [
        "ls -la --color=always /usr/bin | head -200",
        "head -c 3000000 /dev/zero",
        "seq 200000",
        "printf '\\033[2J\\033[1;5Hx\\033]0;title\\007\\r\\n\\343\\201\\202'",
        "echo err >&2; printf 'no newline'",
        "yes | head -c 1000000",
        "printf 'ends in a word: 41'",
    ] {
        let through = run(&mut custos.ssh(&alice, "web1", &[command]), PATIENCE);
        let direct = run(&mut Sshd::shared().ssh(&[command]), PATIENCE);
        assert!(through.to_string() == direct.to_string(), "{command}");
    }
    // A program that waits for an answer to its last word gets one.
    let mut asking = start(&mut custos.ssh(
        &alice,
        "web1",
        &["printf 'Name of 41'; read x; echo \"<$x>\""],
    ));
    wait_for("the question", PATIENCE, || {
        asking.stdout().contains("41").then_some(())
    });
    asking.write("bob\n");
    assert_eq!(asking.finish(PATIENCE).success(), "Name of 41<bob>\n");
    // Each letter that is typed is seen.
    let mut terminal = Terminal::start(&custos.ssh(&alice, "web1", &["-tt"]));
    terminal.keys("PS1='$ '; echo re''ady\n");
    let mut seen = terminal.expect_after(0, "ready", PATIENCE);
    for part in ["e", "c", "h", "o", " ", "u", "v"] {
        terminal.keys(part);
        seen = terminal.expect_after(seen, part, PATIENCE);
    }
    terminal.keys("\nexit\n");
    terminal.finish(PATIENCE);
    custos.finish();
}
