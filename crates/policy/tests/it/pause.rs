//! Rules that ask people about certain lines.

use custos_policy::documents::{
    Environment, Line, Per, PolicySet, Question, Ruling, Verb, Verdict, diff,
};

use crate::world::{FRIDAY_TEN, parse, person, resource, set};

const TEXT: &str = "version: 1\nrules:\n\
    - {id: on-request, who: 'group:dev', on: 'ssh/*', may: [session.open, ssh.shell], \
       approve: {of: leads, per: session}, \
       pause: {lines: ['rm ...', 'systemctl stop *'], approve: {of: leads, count: 2, per: statement, expires: 5m}}}\n\
    - {id: freely, who: 'group:ops', on: 'ssh/*', may: [session.open, ssh.shell, ssh.exec], \
       pause: {lines: reboot, approve: {of: leads, per: statement}}}\n\
    - {id: seniors, who: 'group:seniors', on: 'ssh/*', may: ssh.shell}\n";

fn asked(line: Option<&str>) -> Question {
    Question {
        verbs: [Verb::named("ssh.shell").unwrap()].into(),
        lines: line.map(Line::typed).into_iter().collect(),
        utc_ns: FRIDAY_TEN,
        ..Question::default()
    }
}

fn says(set: &PolicySet, groups: &[&str], line: Option<&str>) -> Verdict {
    let (alice, web1) = (person("alice", groups), resource("ssh/web1"));
    let slice = set.slice(&alice, &web1, &Environment::default());
    // Whatever was decided before.
    slice.decide(&asked(Some("reboot; rm x")));
    slice.decide(&asked(Some("ls")));
    slice.decide(&asked(None));
    (*slice.decide(&asked(line))).clone()
}

/// Who is asked: by rule, how many, and what for.
fn asks(verdict: &Verdict) -> Vec<(&str, u64, Per)> {
    let all = verdict.approvals.iter().flat_map(|it| &it.any_of);
    all.map(|(rule, approve)| (rule.as_str(), approve.count, approve.per))
        .collect()
}

#[test]
fn only_lines_that_are_named_are_asked_about() {
    let set = set(TEXT);
    for (groups, line, wanted) in [
        // The shell itself.
        (&["dev"][..], None, vec![("on-request", 1, Per::Session)]),
        (&["ops"], None, vec![]),
        // What runs was agreed to, and other lines are in that.
        (&["dev"], Some("ls"), vec![]),
        (&["dev"], Some("reboot"), vec![]),
        (
            &["dev"],
            Some("sudo rm x"),
            vec![("on-request", 2, Per::Statement)],
        ),
        (
            &["dev"],
            Some("systemctl stop nginx"),
            vec![("on-request", 2, Per::Statement)],
        ),
        (&["ops"], Some("rm x"), vec![]),
        (
            &["ops"],
            Some("reboot"),
            vec![("freely", 1, Per::Statement)],
        ),
        // Approvals of several rules are alternatives, also of one that asks for the shell as a whole.
        (
            &["dev", "ops"],
            Some("reboot; rm x"),
            vec![
                ("freely", 1, Per::Statement),
                ("on-request", 2, Per::Statement),
            ],
        ),
        (
            &["dev", "ops"],
            Some("reboot"),
            vec![
                ("freely", 1, Per::Statement),
                ("on-request", 1, Per::Session),
            ],
        ),
        // One that asks for nothing makes them unnecessary.
        (&["dev", "ops"], Some("rm x"), vec![]),
        (&["dev", "ops", "seniors"], Some("reboot; rm x"), vec![]),
    ] {
        let verdict = says(&set, groups, line);
        assert_eq!(asks(&verdict), wanted, "{groups:?} {line:?}");
        let ruling = if wanted.is_empty() {
            Ruling::Allow
        } else {
            Ruling::Hold
        };
        assert_eq!(verdict.ruling, ruling, "{groups:?} {line:?}");
    }
    assert_eq!(says(&set, &["other"], Some("ls")).ruling, Ruling::Deny);
}

#[test]
fn a_slice_knows_whether_it_names_a_line() {
    let set = set(TEXT);
    let slice = |group| {
        let (alice, web1) = (person("alice", &[group]), resource("ssh/web1"));
        set.slice(&alice, &web1, &Environment::default())
    };
    let ops = slice("ops");
    assert!(ops.may_pause() && ops.may_hold());
    assert!(ops.pauses(&[Line::typed("ls"), Line::typed("reboot")]));
    assert!(!ops.pauses(&[Line::typed("ls")]) && !ops.pauses(&[]));
    let seniors = slice("seniors");
    assert!(!seniors.may_pause() && !seniors.pauses(&[Line::typed("reboot")]));
}

#[test]
fn the_table_the_difference_and_explanations_name_lines() {
    let set = set(TEXT);
    let table = set.matrix().to_markdown();
    for words in [
        "lines that mention `reboot` wait for approval by 1 of leads for the statement, within 30m",
        "lines that mention `rm ...` or `systemctl stop \\*` wait for approval by 2 of leads for the statement, within 5m, \
         approval by 1 of leads for the session",
    ] {
        assert!(table.contains(words), "{words}: {table}");
    }
    let other = self::set(&TEXT.replacen("lines: reboot", "lines: [reboot, halt]", 1));
    let lines = diff(&set, &other);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0]
            .starts_with("group:ops has ssh.shell on ssh/*: was yes (lines that mention `reboot`")
            && lines[0].contains("is yes (lines that mention `halt` or `reboot`"),
        "{lines:?}"
    );
    assert_ne!(set.digest(), other.digest());
    let explained = set.explain(
        &person("bob", &["ops"]),
        &resource("ssh/web1"),
        &Environment::default(),
        &asked(None),
    );
    assert!(
        explained.contains("lines that mention `reboot` wait for approval by 1 of leads"),
        "{explained}"
    );
}

#[test]
fn documents_without_it_have_the_digest_that_they_had() {
    let text =
        "version: 1\nrules:\n- {id: a, who: '*', on: 'ssh/*', may: [session.open, ssh.shell]}\n";
    assert_eq!(
        set(text).digest(),
        "27163cfbc0e2e8239e3c02a2aabdd93de036cbdb51e74047635409361da823a6"
    );
}

#[test]
fn mistakes_are_told() {
    let approve = "approve: {of: leads, per: statement}";
    for (fields, place, message) in [
        (
            format!("may: ssh.shell, pause: {{lines: 'ls | wc', {approve}}}"),
            "3:65",
            "`ls | wc` is no pattern of commands: column 4: the pattern has a pipe",
        ),
        (
            format!("may: ssh.shell, pause: {{lines: [ls, \"'ls'\"], {approve}}}"),
            "3:70",
            "`ls` stands in `pause.lines` twice",
        ),
        (
            format!("may: ssh.shell, pause: {{lines: [], {approve}}}"),
            "3:65",
            "`pause.lines` is an empty list",
        ),
        (
            "may: ssh.shell, pause: {lines: ls}".to_owned(),
            "3:57",
            "`pause` needs `approve`",
        ),
        (
            format!("may: ssh.shell, pause: {{{approve}}}"),
            "3:57",
            "`pause` needs `lines`",
        ),
        (
            "may: ssh.shell, pause: {lines: ls, approve: {of: leads, per: session}}".to_owned(),
            "3:78",
            "each line is approved by itself",
        ),
        (
            "may: ssh.shell, pause: {lines: ls, approve: {of: leads, per: statement, meanwhile: retry}}".to_owned(),
            "3:78",
            "waits for the answer",
        ),
        (
            format!("may: ssh.exec, pause: {{lines: ls, {approve}}}"),
            "3:3",
            "`pause` in `a` can never apply: it is about ssh.shell",
        ),
        (
            format!("deny: ssh.shell, pause: {{lines: ls, {approve}}}"),
            "3:58",
            "`pause` belongs to rules with `may`",
        ),
    ] {
        let text = format!("version: 1\nrules:\n- {{id: a, who: '*', on: 'ssh/*', {fields}}}\n");
        let problems = parse(&text).unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            told.iter()
                .any(|it| it.contains(message) && it.contains(place)),
            "{message} at {place}: {told:?}"
        );
    }
}
