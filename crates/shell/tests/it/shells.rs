//! What is simple, every shell reads so, byte for byte.

use std::path::Path;

use custos_shell::{Command, Word};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::shell::{START, SYSTEM_PATH, Shell};

/// Writes its arguments, each ended by NUL.
const PRINT: &str = r"/usr/bin/printf '%s\0'";
/// Texts behind one such command: it is the processes that take the time.
const TEXTS_OF_A_COMMAND: usize = 100;

const CASES: u32 = 2;
/// Everything that means something to some shell, and some letters.
const SIGNS: &str = "abnx019 \t'\"\\$`;&|<>(){}[]*?~#!=^%@+-_:,./";

/// The words behind a command that prints them; `None` for what is not simple.
fn words(text: &str) -> Option<Vec<Vec<u8>>> {
    let parsed = Command::parse(format!("{PRINT} {START} {text}").as_bytes());
    let bytes = |word: &Word| word.as_str().as_bytes().to_vec();
    parsed
        .words()
        .map(|words| words[3..].iter().map(bytes).collect())
}

/// A simple text, and the arguments that all shells must make of it.
#[derive(Clone, Debug)]
struct Simple {
    text: String,
    arguments: Vec<Vec<u8>>,
}

fn simple(texts: impl IntoIterator<Item = String>) -> Vec<Simple> {
    let simple = |text: String| words(&text).map(|arguments| Simple { text, arguments });
    texts.into_iter().filter_map(simple).collect()
}

/// Asks all shells for all texts at once, and where one differs text by text, to name it.
fn compare(simple: &[Simple]) -> Result<(), String> {
    for shell in Shell::all() {
        let command = |texts: &[Simple]| {
            let arguments = texts
                .iter()
                .map(|simple| format!(" {START} {}", simple.text));
            format!("{PRINT}{}", arguments.collect::<String>())
        };
        let commands: Vec<String> = simple.chunks(TEXTS_OF_A_COMMAND).map(command).collect();
        let got = shell.arguments(&commands, Path::new(SYSTEM_PATH));
        let wanted = simple.iter().map(|simple| &simple.arguments);
        if !got.iter().eq(wanted) {
            for simple in simple {
                compare_alone(&shell, &simple.text, &simple.arguments)?;
            }
            return Err(format!("{}: only together", shell.name()));
        }
    }
    Ok(())
}

fn compare_alone(shell: &Shell, text: &str, wanted: &[Vec<u8>]) -> Result<(), String> {
    let command = format!("{PRINT} {START} {text}");
    let got = shell.arguments(&[command], Path::new(SYSTEM_PATH));
    if got.len() == 1 && got[0] == wanted {
        return Ok(());
    }
    Err(format!(
        "{}: {text:?}: wanted {wanted:?}, got {got:?}",
        shell.name()
    ))
}

/// Many texts, which are not all printed when one of them fails.
struct Batch(Vec<String>);

impl std::fmt::Debug for Batch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} texts", self.0.len())
    }
}

fn batch(text: impl Strategy<Value = String>, size: usize) -> impl Strategy<Value = Batch> {
    vec(text, size).prop_map(Batch)
}

fn sign() -> impl Strategy<Value = char> {
    select(SIGNS.chars().collect::<Vec<_>>())
}

fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(sign(), length).prop_map(String::from_iter)
}

/// A text in which most is quoted, and not all of it well.
fn quoted_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => "[a-z0-9_./,:@+%=-]{1,4}",
        2 => select(vec![" ", "\t", "  "]).prop_map(str::to_owned),
        3 => text(0..5).prop_map(|text| format!("'{}'", text.replace('\'', ""))),
        3 => text(0..5).prop_map(|text| format!("\"{}\"", text.replace('"', ""))),
        2 => sign().prop_map(|sign| format!("\\{sign}")),
        1 => text(1..3),
    ];
    vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    /// In batches, so that thousands of texts need few processes.
    #[test]
    fn simple_commands_are_what_the_shells_run(quoted in batch(quoted_text(), 2000), wild in batch(text(0..7), 2000)) {
        let texts = simple([quoted.0, wild.0].concat());
        prop_assert!(texts.len() > 400, "{}", texts.len());
        compare(&texts).map_err(TestCaseError::fail)?;
    }

    /// Each in a process of its own, as at the target.
    #[test]
    fn so_they_are_alone(texts in batch(quoted_text(), 25)) {
        let texts = simple(texts.0);
        for shell in Shell::all() {
            for simple in &texts {
                compare_alone(&shell, &simple.text, &simple.arguments).map_err(TestCaseError::fail)?;
            }
        }
    }

    /// What `Display` writes is read by the shells as the same words.
    #[test]
    fn quoted_words_are_what_the_shells_read(texts in batch(quoted_text(), 1000)) {
        let again = |simple: Simple| {
            let parsed = Command::parse(format!("x {}", simple.text).as_bytes());
            let quoted = parsed.words().unwrap()[1..].iter().map(Word::to_string);
            let text = quoted.collect::<Vec<_>>().join(" ");
            assert_eq!(words(&text).as_ref(), Some(&simple.arguments), "{:?} {text:?}", simple.text);
            Simple { text, ..simple }
        };
        let texts: Vec<Simple> = simple(texts.0).into_iter().map(again).collect();
        prop_assert!(texts.len() > 100, "{}", texts.len());
        compare(&texts).map_err(TestCaseError::fail)?;
    }

    /// A first word that is let through is looked up as a program, whatever it looks like.
    #[test]
    fn first_words_are_programs(names in vec("[a-z0-9A-Z_.%@,:+-]{1,4}", 80)) {
        let directory = tempfile::tempdir().unwrap();
        let mut commands = Vec::new();
        for name in names {
            let command = format!(r"{name} '%s\0' {START} {name}");
            let link = directory.path().join(&name);
            // fish ships a function of this name that runs the program: see the crate, "What is out of reach".
            let is_shipped = name == "ls";
            let is_simple = Command::parse(command.as_bytes()).words().is_some();
            if is_simple && !is_shipped && !link.exists() {
                std::os::unix::fs::symlink("/usr/bin/printf", link).unwrap();
                commands.push((command, name));
            }
        }
        prop_assert!(commands.len() > 30, "{}", commands.len());
        let lines: Vec<String> = commands.iter().map(|(command, _)| command.clone()).collect();
        let wanted: Vec<_> = commands.iter().map(|(_, name)| vec![name.as_bytes().to_vec()]).collect();
        for shell in Shell::all() {
            let got = shell.arguments(&lines, directory.path());
            prop_assert_eq!(&got, &wanted, "{}", shell.name());
        }
    }
}

/// Each pair of signs: bare, inside a word, in quotes, and behind a backslash.
#[test]
fn every_pair_of_signs_is_read_alike() {
    let signs: Vec<char> = (' '..='~').chain(['\t']).collect();
    let pairs = signs
        .iter()
        .flat_map(|first| signs.iter().map(move |second| format!("{first}{second}")));
    let texts = simple(pairs.flat_map(|pair| {
        [
            pair.clone(),
            format!("a{pair}b"),
            format!("'{pair}'"),
            format!("\"{pair}\""),
            format!("a\\{pair}"),
        ]
    }));
    assert!(texts.len() > 20_000, "{}", texts.len());
    compare(&texts).unwrap();
}

/// The oracle itself: what a naive reader takes for one word is told apart.
#[test]
fn the_shells_do_tell() {
    let bash = Shell::named(&["bash"]);
    for text in [
        "$HOME",
        "\"$HOME\"",
        "a\\\nb",
        "{a,b}",
        "~",
        "a;echo b",
        "/bin*",
        "`echo x`",
        "#x",
        "a>b",
        "a b",
    ] {
        compare_alone(&bash, text, &[text.as_bytes().to_vec()]).unwrap_err();
    }
    compare_alone(&bash, "'a b'", &[b"a b".to_vec()]).unwrap();
}
