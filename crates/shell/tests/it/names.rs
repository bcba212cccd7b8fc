//! The words on which the real shells act by themselves are all in the table.

use std::path::Path;

use custos_shell::{Command, HARMLESS_BUILTINS, Reason};

use crate::shell::{SYSTEM_PATH, Shell};

/// How a shell lists its builtins and reserved words.
const LISTS: &[(&str, &str)] = &[
    ("bash", "compgen -b; compgen -k"),
    (
        "zsh",
        "print -l ${(k)builtins} ${(k)dis_builtins} ${(k)reswords}",
    ),
    ("ksh93", "builtin"),
    ("fish", "builtin -n"),
    ("tcsh", "builtins"),
    ("busybox", "help"),
];

fn is_let_through(name: &str) -> bool {
    Command::parse(format!("{name} x").as_bytes())
        .words()
        .is_some()
}

#[test]
fn no_shell_has_a_builtin_that_is_not_known() {
    for shell in Shell::all() {
        let Some((_, list)) = LISTS
            .iter()
            .find(|(program, _)| *program == shell.program())
        else {
            continue;
        };
        let output = shell.output(list, Path::new(SYSTEM_PATH));
        let names = String::from_utf8(output).unwrap();
        // busybox prints a title, and ksh93 the paths of builtins that replace programs.
        let names = names
            .split_whitespace()
            .filter(|name| !name.contains(['/', '-']) || *name == "ls-F");
        let names: Vec<&str> = names.filter(|name| *name != "Built").collect();
        assert!(
            names.len() > 25 || shell.name().contains("emulate"),
            "{}: {names:?}",
            shell.name()
        );
        for name in names {
            let is_harmless = HARMLESS_BUILTINS.contains(&name);
            assert_eq!(
                is_let_through(name),
                is_harmless,
                "{}: {name}",
                shell.name()
            );
        }
    }
}

/// Arguments that some builtin would run.
const CODE: &[&str] = &[
    "a[$(touch hit)]",
    "$(touch hit)",
    "`touch hit`",
    "a[`touch hit`]",
    "%$(touch hit)",
];

#[test]
fn harmless_builtins_run_nothing() {
    for shell in Shell::all() {
        let mut commands = Vec::new();
        for name in HARMLESS_BUILTINS
            .iter()
            .filter(|name| !matches!(**name, "login" | "newgrp"))
        {
            for code in CODE {
                commands.push(format!("{name} '{code}'"));
                commands.push(format!("{name} -s '{code}'"));
            }
        }
        for command in &commands {
            assert!(
                Command::parse(command.as_bytes()).words().is_some(),
                "{command}"
            );
        }
        shell.output(&commands.join("\n"), Path::new(SYSTEM_PATH));
        assert!(!shell.home().join("hit").exists(), "{}", shell.name());
    }
}

/// Why `printf` and `test` are not among them.
#[test]
fn arithmetic_is_code() {
    for command in ["printf -v 'a[$(touch hit)]' x", "test -v 'a[$(touch hit)]'"] {
        let bash = Shell::named(&["bash"]);
        bash.output(command, Path::new(SYSTEM_PATH));
        assert!(bash.home().join("hit").exists(), "{command}");
        let reason = Command::parse(command.as_bytes());
        assert!(
            matches!(reason, Command::Complex(Reason::ShellWord(_))),
            "{reason:?}"
        );
    }
}

/// Why a first word must not begin with `-`: the shell takes it for its own, though there is such a program.
#[test]
fn options_are_not_programs() {
    for argv in [&["sh"], &["dash"], &["bash"]] {
        let shell = Shell::named(argv);
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/usr/bin/touch", directory.path().join("-e")).unwrap();
        shell.output("-e hit", directory.path());
        assert!(!shell.home().join("hit").exists(), "{}", shell.name());
        shell.output(" -e hit", directory.path());
        assert!(shell.home().join("hit").exists(), "{}", shell.name());
    }
    for command in ["-e hit", " -e hit"] {
        let parsed = Command::parse(command.as_bytes());
        assert_eq!(parsed, Command::Complex(Reason::OptionFirst), "{command}");
    }
}
