//! Ways around rules of a cautious policy. None matches, and each says why.

use custos_shell::{Command, Pattern, Reason};

use Why::{Is, Words};

const RULES: &[&str] = &[
    "systemctl status *",
    "uptime",
    "cat /var/log/app/*",
    "/usr/bin/id",
    "tail -n * /var/log/app/**",
    "rm /srv/uploads/**",
    "dd if=/srv/images/** of=/dev/null",
    "backup --target=* run",
    "journalctl -u *.service",
    "git -C /srv/app pull",
    "/opt/checks/check_*",
    "ls ./public/*",
];

/// Why nothing matches.
#[derive(Debug, PartialEq, Eq)]
enum Why {
    /// The command is complex.
    Is(Reason),
    /// It is simple, and its words are not the rule's; the text says what was tried.
    Words(&'static str),
}

const ATTEMPTS: &[(&str, Why)] = &[
    // A second command.
    ("uptime; id", Is(Reason::Semicolon)),
    ("uptime;id", Is(Reason::Semicolon)),
    (";uptime", Is(Reason::Semicolon)),
    ("uptime ;", Is(Reason::Semicolon)),
    ("uptime && id", Is(Reason::Ampersand)),
    ("uptime || id", Is(Reason::Pipe)),
    ("uptime & id", Is(Reason::Ampersand)),
    ("uptime &", Is(Reason::Ampersand)),
    ("uptime | sh", Is(Reason::Pipe)),
    ("uptime |& sh", Is(Reason::Pipe)),
    ("uptime\nid", Is(Reason::Newline)),
    ("uptime\n", Is(Reason::Newline)),
    ("\nuptime", Is(Reason::Newline)),
    ("uptime\r\nid", Is(Reason::ControlCharacter)),
    ("uptime\rid", Is(Reason::ControlCharacter)),
    ("systemctl status 'x\nid'", Is(Reason::Newline)),
    ("systemctl status \"x\nid\"", Is(Reason::Newline)),
    ("systemctl status x;id", Is(Reason::Semicolon)),
    ("systemctl status 'x';id", Is(Reason::Semicolon)),
    ("systemctl status \"x\";id", Is(Reason::Semicolon)),
    ("systemctl status x'\n'id", Is(Reason::Newline)),
    ("cat /var/log/app/x|sh", Is(Reason::Pipe)),
    // Substitution.
    ("systemctl status $(id)", Is(Reason::CommandSubstitution)),
    ("systemctl status `id`", Is(Reason::CommandSubstitution)),
    (
        "systemctl status \"$(id)\"",
        Is(Reason::CommandSubstitution),
    ),
    ("systemctl status \"`id`\"", Is(Reason::CommandSubstitution)),
    (
        "systemctl status \"a`id`b\"",
        Is(Reason::CommandSubstitution),
    ),
    ("systemctl status ${x:-$(id)}", Is(Reason::Variable)),
    ("systemctl status $((1+1))", Is(Reason::CommandSubstitution)),
    ("systemctl status $HOME", Is(Reason::Variable)),
    ("systemctl status \"$HOME\"", Is(Reason::Variable)),
    ("systemctl status $'x\\nid'", Is(Reason::Variable)),
    ("systemctl status $\"x\"", Is(Reason::Variable)),
    ("systemctl status $", Is(Reason::Variable)),
    ("$SHELL -c id", Is(Reason::Variable)),
    ("u${x}ptime", Is(Reason::Variable)),
    ("${0}", Is(Reason::Variable)),
    ("$(echo uptime)", Is(Reason::CommandSubstitution)),
    ("`echo uptime`", Is(Reason::CommandSubstitution)),
    ("systemctl status <(id)", Is(Reason::Redirection)),
    ("systemctl status =(id)", Is(Reason::Equals)),
    ("systemctl status =id", Is(Reason::Equals)),
    ("systemctl status ''=id", Is(Reason::Equals)),
    ("systemctl status \"\"=id", Is(Reason::Equals)),
    // Redirection.
    ("uptime > /etc/cron.d/x", Is(Reason::Redirection)),
    ("uptime >> /home/app/.bashrc", Is(Reason::Redirection)),
    ("uptime 2>/tmp/x", Is(Reason::Redirection)),
    ("uptime < /etc/shadow", Is(Reason::Redirection)),
    ("uptime <<< x", Is(Reason::Redirection)),
    ("uptime &> /tmp/x", Is(Reason::Ampersand)),
    (">/tmp/x uptime", Is(Reason::Redirection)),
    ("cat /var/log/app/x>/tmp/x", Is(Reason::Redirection)),
    ("uptime ^ sh", Is(Reason::Caret)),
    // Another way to run the program.
    ("sh -c uptime", Words("a shell runs it")),
    ("bash -c 'uptime; id'", Words("a shell runs it")),
    ("eval uptime", Is(Reason::ShellWord("eval"))),
    ("exec uptime", Is(Reason::ShellWord("exec"))),
    ("command uptime", Is(Reason::ShellWord("command"))),
    ("builtin uptime", Is(Reason::ShellWord("builtin"))),
    ("\\eval uptime", Is(Reason::Escape)),
    ("'eval' uptime", Is(Reason::ShellWord("eval"))),
    ("e\"va\"l uptime", Is(Reason::ShellWord("eval"))),
    (". /tmp/uptime", Is(Reason::ShellWord("."))),
    ("'.' /tmp/uptime", Is(Reason::ShellWord("."))),
    ("source uptime", Is(Reason::ShellWord("source"))),
    ("time uptime", Is(Reason::ShellWord("time"))),
    ("! uptime", Is(Reason::History)),
    ("coproc uptime", Is(Reason::ShellWord("coproc"))),
    ("noglob uptime", Is(Reason::ShellWord("noglob"))),
    ("nocorrect uptime", Is(Reason::ShellWord("nocorrect"))),
    ("- uptime", Is(Reason::OptionFirst)),
    ("repeat 2 uptime", Is(Reason::ShellWord("repeat"))),
    ("if uptime", Is(Reason::ShellWord("if"))),
    ("while uptime", Is(Reason::ShellWord("while"))),
    ("begin uptime", Is(Reason::ShellWord("begin"))),
    ("{ uptime", Is(Reason::Braces)),
    ("{ uptime; }", Is(Reason::Braces)),
    ("(uptime)", Is(Reason::Parentheses)),
    ("[[ -v x ]]", Is(Reason::Glob)),
    ("'[' -v 'a[$(id)]' ']'", Is(Reason::ShellWord("["))),
    ("test -v 'a[$(id)]'", Is(Reason::ShellWord("test"))),
    ("printf -v 'a[$(id)]' x", Is(Reason::ShellWord("printf"))),
    ("trap id EXIT", Is(Reason::ShellWord("trap"))),
    ("alias uptime=id", Is(Reason::ShellWord("alias"))),
    ("function uptime", Is(Reason::ShellWord("function"))),
    ("uptime() { id; }", Is(Reason::Parentheses)),
    ("uptime () { id; }", Is(Reason::Parentheses)),
    ("env uptime", Words("another program runs it")),
    ("env PATH=/tmp uptime", Words("another program runs it")),
    ("sudo uptime", Words("another program runs it")),
    ("nohup uptime", Words("another program runs it")),
    ("busybox uptime", Words("another program has it")),
    ("xargs uptime", Words("another program runs it")),
    ("setsid uptime", Words("another program runs it")),
    ("%1", Is(Reason::Job)),
    ("'%1'", Is(Reason::ProgramName)),
    ("uptime:", Is(Reason::ProgramName)),
    ("@ x = 1", Is(Reason::Equals)),
    ("@ x", Is(Reason::ShellWord("@"))),
    ("-c id", Is(Reason::OptionFirst)),
    ("+x", Is(Reason::OptionFirst)),
    ("'-s'", Is(Reason::OptionFirst)),
    ("--rcfile=/tmp/x", Is(Reason::OptionFirst)),
    // Another program of that name.
    ("./uptime", Words("a path")),
    ("/tmp/uptime", Words("a path")),
    ("../uptime", Words("a path")),
    ("bin/../uptime", Words("a path")),
    ("id", Words("the rule has a path")),
    ("/usr/bin/../bin/id", Words("the same file, another text")),
    ("//usr/bin/id", Words("the same file, another text")),
    ("/usr/bin/./id", Words("the same file, another text")),
    ("/usr//bin/id", Words("the same file, another text")),
    ("/bin/id", Words("a symbolic link on most systems")),
    (
        "/proc/self/cwd/usr/bin/id",
        Words("the same file, another text"),
    ),
    ("/usr/bin/id -u", Words("an argument too many")),
    ("/usr/bin/id ''", Words("an empty argument too many")),
    ("uptime ''", Words("an empty argument too many")),
    ("UPTIME", Words("letters")),
    ("Uptime", Words("letters")),
    ("uptime.", Words("a letter too many")),
    ("uptime\u{200b}", Is(Reason::NotAscii)),
    (
        "/opt/checks/check_x/../../../bin/sh",
        Words("a path behind the wildcard"),
    ),
    (
        "/opt/checks/check_/bin/sh",
        Words("a path behind the wildcard"),
    ),
    ("/opt/checks/check_x --exec id", Words("arguments too many")),
    // Assignments.
    ("PATH=/tmp uptime", Is(Reason::Assignment)),
    ("LD_PRELOAD=/tmp/x.so uptime", Is(Reason::Assignment)),
    ("BASH_ENV=/tmp/x uptime", Is(Reason::Assignment)),
    ("x=uptime", Is(Reason::Assignment)),
    ("x+=1 uptime", Is(Reason::Assignment)),
    ("'PATH'=/tmp uptime", Is(Reason::Assignment)),
    ("x[0]=1 uptime", Is(Reason::Glob)),
    // Expansion.
    ("cat /var/log/app/*", Is(Reason::Glob)),
    ("cat /var/log/app/?", Is(Reason::Glob)),
    ("cat /var/log/app/[a-z]", Is(Reason::Glob)),
    ("cat /var/log/app/{a,/etc/shadow}", Is(Reason::Braces)),
    ("cat {/var/log/app/a,/etc/shadow}", Is(Reason::Braces)),
    ("systemctl status ~", Is(Reason::Tilde)),
    ("systemctl status ~root", Is(Reason::Tilde)),
    ("systemctl status x~y", Is(Reason::Tilde)),
    ("systemctl status a^b", Is(Reason::Caret)),
    ("systemctl status %1", Is(Reason::Job)),
    ("systemctl status !!", Is(Reason::History)),
    ("systemctl status '!!'", Is(Reason::History)),
    ("systemctl status \"!!\"", Is(Reason::History)),
    ("systemctl status x!y", Is(Reason::History)),
    ("systemctl status +(x)", Is(Reason::Parentheses)),
    ("systemctl status @(x)", Is(Reason::Parentheses)),
    ("u{p,}time", Is(Reason::Braces)),
    ("/usr/bin/i?", Is(Reason::Glob)),
    ("/usr/bin/i[d]", Is(Reason::Glob)),
    ("uptime # x", Is(Reason::Comment)),
    ("uptime #", Is(Reason::Comment)),
    ("#uptime", Is(Reason::Comment)),
    ("systemctl status x#y", Is(Reason::Comment)),
    // Quotes that shells read differently.
    (
        "systemctl status \"a\\\"; id; \\\"b\"",
        Is(Reason::QuotedBackslash),
    ),
    (
        "systemctl status 'a\\'; id; 'b'",
        Is(Reason::QuotedBackslash),
    ),
    ("systemctl status 'a\\\\'", Is(Reason::QuotedBackslash)),
    ("systemctl status \"a\\\\\"", Is(Reason::QuotedBackslash)),
    ("systemctl status \"\\$(id)\"", Is(Reason::QuotedBackslash)),
    ("systemctl status 'a''b'", Is(Reason::AdjacentQuotes)),
    ("systemctl status \"a\"\"b\"", Is(Reason::AdjacentQuotes)),
    ("systemctl status \\n", Is(Reason::Escape)),
    ("systemctl status \\x41", Is(Reason::Escape)),
    ("systemctl status a\\", Is(Reason::TrailingBackslash)),
    ("systemctl status a\\\nid", Is(Reason::Newline)),
    ("upt\\\nime", Is(Reason::Newline)),
    ("systemctl status 'a", Is(Reason::UnterminatedQuote)),
    ("systemctl status \"a", Is(Reason::UnterminatedQuote)),
    ("systemctl status '", Is(Reason::UnterminatedQuote)),
    ("systemctl status 'a'\"b", Is(Reason::UnterminatedQuote)),
    ("\\uptime", Is(Reason::Escape)),
    // Characters.
    // In GB18030, bash takes the quote behind `1` in, and runs `id`.
    (
        "systemctl status \"\u{3042}1\"'\";id;: '\\'",
        Is(Reason::NotAscii),
    ),
    ("uptime\0", Is(Reason::ControlCharacter)),
    ("uptime\0; id", Is(Reason::ControlCharacter)),
    ("uptime\u{1b}[2J", Is(Reason::ControlCharacter)),
    ("uptime\u{7f}", Is(Reason::ControlCharacter)),
    ("uptime\u{b}id", Is(Reason::ControlCharacter)),
    ("uptime\u{c}id", Is(Reason::ControlCharacter)),
    ("uptime\u{85}id", Is(Reason::NotAscii)),
    ("systemctl status 'a\u{85}b'", Is(Reason::NotAscii)),
    ("systemctl\u{a0}status x", Is(Reason::NotAscii)),
    ("systemctl status\u{a0}x", Is(Reason::NotAscii)),
    ("systemctl\u{3000}status x", Is(Reason::NotAscii)),
    ("systemctl\u{2003}status x", Is(Reason::NotAscii)),
    ("systemctl status 'x\u{2028}id'", Is(Reason::NotAscii)),
    ("systemctl status 'x\u{202e}di'", Is(Reason::NotAscii)),
    ("systemctl status '\u{feff}x'", Is(Reason::NotAscii)),
    ("systemctl status '\u{f600}'", Is(Reason::NotAscii)),
    ("systemctl status '\u{fdd0}'", Is(Reason::NotAscii)),
    ("systemctl status x\u{ff1b}id", Is(Reason::NotAscii)),
    ("systemctl status \u{2018}x\u{2019}", Is(Reason::NotAscii)),
    ("uptim\u{435}", Is(Reason::NotAscii)),
    ("'uptim\u{435}'", Is(Reason::NotAscii)),
    ("'\u{ff55}ptime'", Is(Reason::NotAscii)),
    ("systemctl 'st\u{430}tus' x", Is(Reason::NotAscii)),
    ("cat '/var\u{2215}log/app/x'", Is(Reason::NotAscii)),
    // Options where a name should be.
    ("systemctl status --root=/tmp", Words("an option")),
    (
        "systemctl status -H root@other",
        Words("an option, and a word too many"),
    ),
    ("systemctl status -Hother", Words("an option")),
    ("systemctl status '-Hother'", Words("an option")),
    ("systemctl status \\-Hother", Words("an option")),
    ("systemctl status \"-H\"other", Words("an option")),
    ("systemctl status ''-Hother", Words("an option")),
    ("systemctl status --", Words("an option")),
    ("systemctl status -", Words("an option")),
    ("systemctl status x y", Words("two names")),
    ("systemctl status", Words("no name")),
    ("systemctl status ''", Words("an empty name")),
    ("systemctl status x ''", Words("two names")),
    ("systemctl -Hother status x", Words("an option before")),
    ("systemctl 'status x'", Words("two words in one")),
    ("'systemctl status' x", Words("two words in one")),
    ("'systemctl status x'", Words("two words in one")),
    ("systemctl stop x", Words("another verb")),
    ("systemctl statusx x", Words("another verb")),
    ("systemctl statu x", Words("another verb")),
    ("tail -n -f /var/log/app/x", Words("an option")),
    ("tail -n 1 -f /var/log/app/x", Words("a word too many")),
    ("journalctl -u --file=x.service", Words("an option")),
    ("backup --target=x run --now", Words("a word too many")),
    (
        "git -C /srv/app pull --upload-pack=id",
        Words("a word too many"),
    ),
    (
        "git -C /srv/app -c core.pager=id pull",
        Words("words too many"),
    ),
    // Out of the directory.
    ("cat /var/log/app/../../../etc/shadow", Words("parents")),
    ("cat /var/log/app/..", Words("the parent")),
    ("cat /var/log/app/.", Words("the directory itself")),
    ("cat /var/log/app/", Words("the directory itself")),
    ("cat /var/log/app", Words("the directory itself")),
    ("cat /var/log/app/x/y", Words("a directory deeper")),
    ("cat /var/log/appx", Words("beside it")),
    ("cat /var/log/app-secret/x", Words("beside it")),
    ("cat /var/log/app/x /etc/shadow", Words("a second file")),
    (
        "cat '/var/log/app/x /etc/shadow'",
        Words("a directory deeper, with a blank"),
    ),
    ("cat /etc/shadow", Words("elsewhere")),
    ("cat -- /var/log/app/x", Words("an option before")),
    ("cat var/log/app/x", Words("elsewhere")),
    ("cat ./var/log/app/x", Words("elsewhere")),
    ("cat /var/log//app/x", Words("the same file, another text")),
    ("cat /var/log/./app/x", Words("the same file, another text")),
    ("cat /VAR/log/app/x", Words("letters")),
    (
        "tail -n 5 /var/log/app/a/../../../../etc/shadow",
        Words("parents"),
    ),
    ("tail -n 5 /var/log/app/a/..", Words("the parent")),
    ("tail -n 5 '/var/log/app/..'", Words("the parent")),
    ("tail -n 5 /var/log/app/.'.'/x", Words("the parent")),
    ("tail -n 5 /var/log/app/\\.\\./x", Words("the parent")),
    ("tail -n 5 /var/log/app/./x", Words("another text")),
    (
        "tail -n ../x /var/log/app/x",
        Words("a parent in the number"),
    ),
    ("rm /srv/uploads/", Words("the directory itself")),
    ("rm /srv/uploads//", Words("the directory itself")),
    ("rm /srv/uploads/.", Words("the directory itself")),
    ("rm -r /srv/uploads/x", Words("an option")),
    ("rm /srv/uploads/x -r", Words("an option behind")),
    (
        "dd if=/srv/images/../../etc/shadow of=/dev/null",
        Words("parents"),
    ),
    ("dd if=/srv/images/x of=/dev/sda", Words("another target")),
    ("dd if=/etc/shadow of=/dev/null", Words("elsewhere")),
    ("dd of=/dev/null if=/srv/images/x", Words("another order")),
    ("backup --target=.. run", Words("the parent behind `=`")),
    ("backup --target=../x run", Words("the parent behind `=`")),
    (
        "backup --target=/etc run",
        Words("a path where a name is allowed"),
    ),
    ("backup --target x run", Words("the same, another text")),
    ("ls ./public/..", Words("the parent")),
    ("ls ./public/../private", Words("the parent")),
    ("ls public/x", Words("the same, another text")),
    // Nothing.
    ("", Is(Reason::Empty)),
    ("   ", Is(Reason::Empty)),
    ("\t", Is(Reason::Empty)),
    ("''", Is(Reason::EmptyProgram)),
    ("\"\" uptime", Is(Reason::EmptyProgram)),
];

const ALLOWED: &[(&str, &str)] = &[
    ("uptime", "uptime"),
    ("  uptime\t", "uptime"),
    ("'uptime'", "uptime"),
    ("up\"time\"", "uptime"),
    ("systemctl status nginx", "systemctl status *"),
    ("systemctl  status\tnginx.service", "systemctl status *"),
    ("systemctl status 'nginx'", "systemctl status *"),
    ("systemctl status getty@tty1.service", "systemctl status *"),
    ("systemctl status /dev/sda", "systemctl status *"),
    ("systemctl status 'a;b'", "systemctl status *"),
    ("systemctl status a\\;b", "systemctl status *"),
    ("systemctl status '$(id)'", "systemctl status *"),
    (
        "systemctl status 'system-systemd\\x2dfsck.slice'",
        "systemctl status *",
    ),
    ("systemctl status \\!x", "systemctl status *"),
    ("cat /var/log/app/x.log", "cat /var/log/app/*"),
    ("cat /var/log/app/.hidden", "cat /var/log/app/*"),
    ("cat /var/log/app/x..log", "cat /var/log/app/*"),
    ("cat '/var/log/app/two words'", "cat /var/log/app/*"),
    ("cat \"/var/log/app/it's\"", "cat /var/log/app/*"),
    ("cat /var/log/app/-x", "cat /var/log/app/*"),
    ("/usr/bin/id", "/usr/bin/id"),
    ("/usr/bin/'id'", "/usr/bin/id"),
    ("tail -n 20 /var/log/app/x", "tail -n * /var/log/app/**"),
    ("tail -n +1 /var/log/app/a/b/c", "tail -n * /var/log/app/**"),
    ("rm /srv/uploads/a/b", "rm /srv/uploads/**"),
    ("rm /srv/uploads/a/", "rm /srv/uploads/**"),
    (
        "dd if=/srv/images/a.img of=/dev/null",
        "dd if=/srv/images/** of=/dev/null",
    ),
    ("backup --target=night run", "backup --target=* run"),
    ("backup --target= run", "backup --target=* run"),
    ("journalctl -u a.service", "journalctl -u *.service"),
    ("git -C /srv/app pull", "git -C /srv/app pull"),
    ("/opt/checks/check_disk", "/opt/checks/check_*"),
    ("ls ./public/x", "ls ./public/*"),
];

fn rules() -> Vec<Pattern> {
    RULES
        .iter()
        .map(|rule| Pattern::parse(rule).unwrap())
        .collect()
}

#[test]
fn no_rule_is_got_around() {
    let rules = rules();
    assert!(ATTEMPTS.len() >= 200, "{}", ATTEMPTS.len());
    for (text, why) in ATTEMPTS {
        let command = Command::parse(text.as_bytes());
        match (&command, why) {
            (Command::Complex(found), Is(reason)) => assert_eq!(found, reason, "{text:?}"),
            (Command::Simple(_), Words(tried)) => assert!(!tried.is_empty(), "{text:?}"),
            _ => panic!("{text:?}: {command:?} is not {why:?}"),
        }
        for rule in &rules {
            assert!(!rule.matches(&command), "{text:?} matches {rule}");
        }
        assert!(Pattern::anything().matches(&command), "{text:?}");
    }
}

#[test]
fn what_is_not_text_matches_nothing() {
    let rules = rules();
    for bytes in [
        &b"uptime\xff"[..],
        b"\xffuptime",
        b"systemctl status \xa0",
        b"systemctl\xa0status x",
        b"systemctl status '\xc3'",
        b"systemctl status '\xc0\xaf'",
        b"systemctl status '\xed\xa0\x80'",
        b"cat /var/log/app/\xc0\xae\xc0\xae/x",
    ] {
        let command = Command::parse(bytes);
        assert_eq!(
            command,
            Command::Complex(Reason::NotAscii),
            "{}",
            bytes.escape_ascii()
        );
        assert!(rules.iter().all(|rule| !rule.matches(&command)));
    }
}

#[test]
fn attempts_are_each_another() {
    let mut texts: Vec<_> = ATTEMPTS.iter().map(|(text, _)| text).collect();
    texts.sort_unstable();
    assert!(
        texts.is_sorted_by(|one, next| one < next),
        "one stands twice"
    );
}

#[test]
fn what_is_meant_is_allowed() {
    let rules = rules();
    for (text, by) in ALLOWED {
        let command = Command::parse(text.as_bytes());
        let matching = rules.iter().filter(|rule| rule.matches(&command));
        let matching: Vec<String> = matching.map(ToString::to_string).collect();
        assert_eq!(matching, [*by], "{text:?}: {command:?}");
    }
    for rule in RULES {
        assert!(ALLOWED.iter().any(|(_, by)| by == rule), "{rule}");
    }
}
