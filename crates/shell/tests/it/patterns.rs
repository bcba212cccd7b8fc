//! What patterns match, how they are written, and what is wrong with those that are refused.

use custos_shell::{Command, MAX_PATTERN_BYTES, MAX_WILDCARD_WORD, Pattern, PatternError, Reason};

fn matches(pattern: &str, command: &str) -> bool {
    let command = Command::parse(command.as_bytes());
    assert!(command.words().is_some(), "{command:?}");
    Pattern::parse(pattern).unwrap().matches(&command)
}

#[test]
fn wildcards_match_what_the_documentation_says() {
    for (pattern, yes, no) in [
        (
            "x *",
            &["x a", "x a/b", "x /", "x 'a b'", "x .", "x ./a"][..],
            &["x", "x -a", "x ''", "x a b", "x ..", "x a/..", "x a/."][..],
        ),
        ("x **", &["x a", "x a/b"], &["x", "x -a", "x ''"]),
        ("x a*", &["x a", "x ab", "x a-"], &["x b", "x a/b", "x ba"]),
        (
            "x *b",
            &["x b", "x ab", "x abb"],
            &["x -b", "x a/b", "x ba"],
        ),
        (
            "x a*c",
            &["x ac", "x abc", "x acc"],
            &["x a", "x c", "x ab", "x a/c"],
        ),
        (
            "x a**c",
            &["x ac", "x a/c", "x a/b/c", "x a//c"],
            &["x a/b", "x a/../c", "x a/./c"],
        ),
        (
            "x /a/*",
            &["x /a/b", "x /a/.b", "x /a/-"],
            &["x /a/", "x /a", "x /a/b/c", "x /a/b/", "x /a/..", "x /a/."],
        ),
        (
            "x /a/**",
            &["x /a/b", "x /a/b/c", "x /a/b/"],
            &["x /a/", "x /a//", "x /a//b", "x /a/../b", "x /a/b/.."],
        ),
        (
            "x /a/*/c",
            &["x /a/b/c"],
            &["x /a//c", "x /a/c", "x /a/b/b/c", "x /a/../c"],
        ),
        (
            "x /a/**/c",
            &["x /a/b/c", "x /a/b/b/c"],
            &["x /a//c", "x /a/c"],
        ),
        ("x */c", &["x a/c"], &["x /c", "x -/c", "x ../c"]),
        ("x -*", &["x -a", "x -", "x --b=c"], &["x a", "x --b=/c"]),
        (
            "x --b=**",
            &["x --b=/c", "x --b="],
            &["x --b=../c", "x --b=..", "x --b", "x --bc"],
        ),
        (
            "x *.*",
            &["x .", "x a.b", "x a.b.c"],
            &["x ab", "x ..", "x -.a"],
        ),
        ("x 'a*'", &["x 'a*'"], &["x ab", "x a"]),
        ("x a\\*", &["x 'a*'"], &["x ab", "x a"]),
        ("x 'a b'*", &["x 'a b'", "x 'a bc'"], &["x a b", "x a"]),
        (
            "x ...",
            &["x", "x a", "x a b", "x -a", "x ..", "x ''"],
            &["y", "xx"],
        ),
        ("x a ...", &["x a", "x a b c"], &["x", "x b", "x b a"]),
        ("x * ...", &["x a", "x a -b"], &["x", "x -a"]),
        ("x '...'", &["x ..."], &["x", "x a"]),
        ("x ''", &["x ''"], &["x", "x a"]),
        ("*", &["x", "/bin/x"], &["x y"]),
        ("/opt/*", &["/opt/x"], &["/opt/x/y", "/opt/x y"]),
    ] {
        for command in yes {
            assert!(
                matches(pattern, command),
                "{pattern} does not match {command}"
            );
        }
        for command in no {
            assert!(!matches(pattern, command), "{pattern} matches {command}");
        }
    }
}

#[test]
fn anything_is_the_only_pattern_for_complex_commands() {
    let complex = Command::parse(b"a | b");
    for (pattern, expected) in [
        ("...", true),
        ("a ...", false),
        ("* ...", false),
        ("** ...", false),
    ] {
        let pattern = Pattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches(&complex), expected, "{pattern}");
        assert_eq!(pattern.is_anything(), expected, "{pattern}");
    }
    assert_eq!(Pattern::parse(" ... ").unwrap(), Pattern::anything());
}

#[test]
fn the_text_is_canonical() {
    for (text, canonical) in [
        ("  uptime\t", "uptime"),
        ("systemctl   status *", "systemctl status *"),
        ("x **", "x *"),
        ("x '*'", "x '*'"),
        ("x \\*", "x '*'"),
        ("x a'b c'*d", "x 'ab c'*d"),
        ("x \"it's\"*", "x it\\'s*"),
        ("x '' ...", "x '' ..."),
        ("x '...'", "x '...'"),
        ("x '%a' '=b' c=d", "x '%a' '=b' c=d"),
        ("...", "..."),
        ("x /a/**/'b'*.log", "x /a/**/b*.log"),
    ] {
        assert_eq!(
            Pattern::parse(text).unwrap().to_string(),
            canonical,
            "{text}"
        );
    }
}

#[test]
fn errors_say_where() {
    let text = |column, reason| PatternError::Text { column, reason };
    let long = format!("x {}*", "a".repeat(MAX_WILDCARD_WORD));
    let longer = "x".repeat(MAX_PATTERN_BYTES + 1);
    for (pattern, error) in [
        ("", PatternError::Empty),
        (" \t", PatternError::Empty),
        (longer.as_str(), PatternError::TooLong),
        ("x | y", text(3, Reason::Pipe)),
        ("x 'b' a?", text(8, Reason::Glob)),
        ("x [a]", text(3, Reason::Glob)),
        ("x {a,b}", text(3, Reason::Braces)),
        ("x $HOME", text(3, Reason::Variable)),
        ("x ~/a", text(3, Reason::Tilde)),
        ("x =a", text(3, Reason::Equals)),
        ("x 'a", text(3, Reason::UnterminatedQuote)),
        ("x a\\", text(4, Reason::TrailingBackslash)),
        ("x\ny", text(2, Reason::Newline)),
        ("x \u{7}", text(3, Reason::ControlCharacter)),
        ("x ü", text(3, Reason::NotAscii)),
        ("x '\u{200b}'", text(4, Reason::NotAscii)),
        ("... x", PatternError::EllipsisNotLast { column: 1 }),
        ("x ... y", PatternError::EllipsisNotLast { column: 3 }),
        ("x ... ...", PatternError::EllipsisNotLast { column: 3 }),
        ("x ***", PatternError::Stars { column: 5 }),
        ("x *''*", PatternError::Stars { column: 6 }),
        ("x /a/../*", PatternError::Dots { column: 3 }),
        ("x *=..", PatternError::Dots { column: 3 }),
        ("x /a/./*", PatternError::Dots { column: 3 }),
        (long.as_str(), PatternError::WildcardTooLong { column: 3 }),
        (
            "eval *",
            PatternError::NeverRuns {
                column: 1,
                reason: Reason::ShellWord("eval"),
            },
        ),
        (
            " PATH=/tmp x",
            PatternError::NeverRuns {
                column: 2,
                reason: Reason::Assignment,
            },
        ),
        (
            "-x",
            PatternError::NeverRuns {
                column: 1,
                reason: Reason::OptionFirst,
            },
        ),
        (
            "''",
            PatternError::NeverRuns {
                column: 1,
                reason: Reason::EmptyProgram,
            },
        ),
    ] {
        let found = Pattern::parse(pattern).unwrap_err();
        assert_eq!(found, error, "{pattern}");
        if let Some(column) = error.column() {
            assert!(
                found.to_string().starts_with(&format!("column {column}: ")),
                "{found}"
            );
        }
    }
}

#[test]
fn what_fixed_words_may_have_wildcards_may_not() {
    assert!(matches("x /a/../b", "x /a/../b"));
    assert!(matches("x .. -a", "x .. -a"));
    assert!(!matches("x /a/../b", "x /b"));
}
