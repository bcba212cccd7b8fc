//! Rules about certain commands.

use custos_policy::documents::{Command, Environment, PolicySet, Question, Ruling, Verb, diff};

use crate::world::{FRIDAY_TEN, parse, person, resource, set};

const TEXT: &str = "version: 1\nrules:\n\
    - {id: restarts, who: 'group:ops', on: 'ssh/*', may: [session.open, ssh.exec], \
       commands: ['systemctl restart nginx', 'journalctl -u * ...']}\n\
    - {id: rest, who: 'group:ops', on: 'ssh/*', may: ssh.exec, commands: '...', approve: {of: leads, per: statement}}\n\
    - {id: backups, who: 'group:backup', on: 'ssh/*', may: [session.open, ssh.download], commands: 'scp -f /srv/**'}\n\
    - {id: developers, who: 'group:dev', on: 'ssh/*', may: [session.open, ssh.exec, ssh.shell]}\n\
    - {id: never-rm, who: 'group:dev', on: 'ssh/*', deny: ssh.exec, commands: ['rm ...', 'dd ...']}\n";

fn asked(verb: &str, command: Option<&str>) -> Question {
    Question {
        verbs: [Verb::named(verb).unwrap()].into(),
        command: command.map(|text| Command::parse(text.as_bytes())),
        utc_ns: FRIDAY_TEN,
        ..Question::default()
    }
}

fn says(set: &PolicySet, group: &str, verb: &str, command: Option<&str>) -> (Ruling, String) {
    let slice = set.slice(
        &person("alice", &[group]),
        &resource("ssh/web1"),
        &Environment::default(),
    );
    let verdict = slice.decide(&asked(verb, command));
    (verdict.ruling, verdict.rules.join(", "))
}

fn text(word: &str) -> String {
    word.to_owned()
}

#[test]
fn a_rule_allows_the_commands_that_it_names() {
    let set = set(TEXT);
    for (command, ruling, rules) in [
        ("systemctl restart nginx", Ruling::Allow, "rest, restarts"),
        (
            "systemctl  restart 'nginx'",
            Ruling::Allow,
            "rest, restarts",
        ),
        ("journalctl -u nginx -n 5", Ruling::Allow, "rest, restarts"),
        ("systemctl restart sshd", Ruling::Hold, "rest"),
        ("systemctl restart nginx; id", Ruling::Hold, "rest"),
        ("systemctl restart $(id)", Ruling::Hold, "rest"),
        ("", Ruling::Hold, "rest"),
    ] {
        let said = says(&set, "ops", "ssh.exec", Some(command));
        assert_eq!(said, (ruling, text(rules)), "{command}");
    }
    // What has no command is none of them, not even of any.
    for verb in ["ssh.exec", "ssh.shell", "ssh.unknown", "ssh.upload"] {
        let said = says(&set, "ops", verb, None);
        assert_eq!(said, (Ruling::Deny, text("default-deny")), "{verb}");
    }
    let opened = says(&set, "ops", "session.open", None);
    assert_eq!(opened, (Ruling::Allow, text("restarts")));
}

#[test]
fn transfers_are_commands_too() {
    let set = set(TEXT);
    let said = |command| says(&set, "backup", "ssh.download", command).0;
    assert_eq!(said(Some("scp -f /srv/db/dump")), Ruling::Allow);
    assert_eq!(said(Some("scp -f /srv/../etc/shadow")), Ruling::Deny);
    assert_eq!(said(Some("scp -f /etc/shadow")), Ruling::Deny);
    assert_eq!(said(None), Ruling::Deny);
}

#[test]
fn a_rule_that_denies_commands_denies_what_may_run_them() {
    let set = set(TEXT);
    let denied = (Ruling::Deny, text("never-rm"));
    for command in [
        "rm -rf /",
        "/bin/rm x",
        "'r'm x",
        "ls; rm x",
        "ls | wc",
        "$X",
        "sh -c 'rm x'",
        "sudo rm x",
        "xargs rm",
        "find / -delete -exec rm {} +",
        "python3 -c 'x'",
    ] {
        assert_eq!(
            says(&set, "dev", "ssh.exec", Some(command)),
            denied,
            "{command}"
        );
    }
    assert_eq!(says(&set, "dev", "ssh.exec", None), denied);
    let allowed = (Ruling::Allow, text("developers"));
    for command in ["ls -l", "rmdir x", "cat rm", "uptime"] {
        assert_eq!(
            says(&set, "dev", "ssh.exec", Some(command)),
            allowed,
            "{command}"
        );
    }
    assert_eq!(says(&set, "dev", "ssh.shell", None), allowed);
    // Of what is not understood nobody knows that it is none of them.
    let unknown = says(&set, "dev", "ssh.unknown", None);
    assert_eq!(unknown, denied);
}

#[test]
fn verdicts_on_different_commands_are_not_mixed_up() {
    let set = set(TEXT);
    let (alice, web1) = (person("alice", &["ops"]), resource("ssh/web1"));
    let slice = set.slice(&alice, &web1, &Environment::default());
    for _ in 0..2 {
        let restart = slice.decide(&asked("ssh.exec", Some("systemctl restart nginx")));
        let other = slice.decide(&asked("ssh.exec", Some("reboot")));
        assert_eq!(
            (restart.ruling, other.ruling),
            (Ruling::Allow, Ruling::Hold)
        );
    }
}

#[test]
fn the_table_and_the_difference_name_commands() {
    let set = set(TEXT);
    let table = set.matrix().to_markdown();
    for words in [
        "only `journalctl -u \\* ...` or `systemctl restart nginx`",
        "only `scp -f /srv/\\*\\*`",
        "never what may run `dd ...` or `rm ...`",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    let wider = set_with("scp -f /srv/**", "scp -f /**");
    let lines = diff(&set, &wider);
    assert_eq!(
        lines,
        [
            "group:backup has ssh.download on ssh/*: was yes (only `scp -f /srv/**`), is yes (only `scp -f /**`)"
        ]
    );
    assert_ne!(set.digest(), wider.digest());
    let same = set_with("systemctl restart nginx", "systemctl   restart \"nginx\"");
    assert_eq!(
        set.digest(),
        same.digest(),
        "quotes and blanks mean nothing"
    );
}

fn set_with(old: &str, new: &str) -> PolicySet {
    set(&TEXT.replacen(old, new, 1))
}

#[test]
fn an_explanation_says_which_commands_would_do() {
    let set = set(TEXT);
    let explained = set.explain(
        &person("bob", &["backup"]),
        &resource("ssh/web1"),
        &Environment::default(),
        &asked("ssh.download", Some("scp -f /etc/shadow")),
    );
    assert!(
        explained.contains("`backups`, if the command were `scp -f /srv/**`"),
        "{explained}"
    );
}

#[test]
fn authors_are_told_what_runs_other_commands() {
    let rule = |pattern: &str, more: &str| {
        let text = format!(
            "version: 1\nrules:\n- {{id: a, who: '*', on: 'ssh/*', may: ssh.exec, commands: '{pattern}'{more}}}\n"
        );
        parse(&text).unwrap().warnings()
    };
    assert_eq!(rule("uptime", ""), Vec::<String>::new());
    let held = ", approve: {of: leads, per: statement}";
    assert_eq!(rule("...", held), Vec::<String>::new());
    for pattern in ["...", "sudo ...", "find ...", "* x"] {
        let warnings = rule(pattern, "");
        assert_eq!(warnings.len(), 1, "{pattern}");
        assert!(
            warnings[0].starts_with("`a`: a rule that allows"),
            "{warnings:?}"
        );
    }
}

#[test]
fn mistakes_are_told() {
    for (fields, message) in [
        (
            "may: ssh.exec, commands: 'ls | wc'",
            "`ls | wc` is no pattern of commands: column 4: the pattern has a pipe",
        ),
        (
            "may: ssh.exec, commands: 'eval x'",
            "on which the shell itself acts",
        ),
        ("may: ssh.exec, commands: []", "`commands` is an empty list"),
        (
            "may: ssh.exec, commands: [ls, \"'ls'\"]",
            "`ls` stands in `commands` twice",
        ),
        (
            "may: ssh.shell, commands: ls",
            "`commands` in `a` can never apply",
        ),
        (
            "may: [ssh.exec, ssh.unknown], commands: ls",
            "is about commands, and that of ssh.unknown is not known",
        ),
        (
            "deny: [ssh.exec, ssh.shell], commands: ls",
            "denies commands, and ssh.shell is none",
        ),
        (
            "may: [ssh.exec], commands: ls, conditions: {without_where: deny}",
            "write two rules",
        ),
    ] {
        let text = format!("version: 1\nrules:\n- {{id: a, who: '*', on: 'ssh/*', {fields}}}\n");
        let problems = parse(&text).unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            told.iter().any(|it| it.contains(message)),
            "{message}: {told:?}"
        );
    }
}
