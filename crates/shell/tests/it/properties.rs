//! What holds for all texts.

use custos_shell::{
    Command, Known, MAX_COMMAND_BYTES, MAX_WILDCARD_WORD, Pattern, Word, runs_others,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn pattern_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-z./_=%@-]{1,4}",
        3 => select(vec!["*", "**", "/", " ", " ... ", "'...'", "\\*", "''", "'%'", "'='"]).prop_map(str::to_owned),
        2 => "'[a-z *?$;|~\"\t]{0,4}'",
        1 => "\"[a-z *?;|~']{0,4}\"",
        1 => "\\\\[ -~]",
        1 => "[ -~]",
    ];
    vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, max_global_rejects: 200_000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..64)) {
        let command = Command::parse(&bytes);
        prop_assert!(Pattern::anything().matches(&command));
        if let Some(words) = command.words() {
            prop_assert!(!words.is_empty());
            let _ = (Known::of(words), runs_others(words));
        }
    }

    #[test]
    fn patterns_are_what_they_write(text in pattern_text()) {
        let Ok(pattern) = Pattern::parse(&text) else {
            return Err(TestCaseError::reject("not a pattern"));
        };
        let written = pattern.to_string();
        let again = Pattern::parse(&written);
        prop_assert_eq!(again.as_ref(), Ok(&pattern), "{} {}", text, written);
        prop_assert_eq!(again.unwrap().to_string(), written);
        let _ = pattern.warnings();
    }

    /// A command's own words, quoted, are a pattern for it and for nothing else.
    #[test]
    fn words_are_their_own_pattern(text in "[a-z]{1,3}( [ -~\t]{0,6}){0,3}", other in "[a-z]{1,3}( [ -~]{0,3}){0,2}") {
        let command = Command::parse(text.as_bytes());
        let Some(words) = command.words() else {
            return Err(TestCaseError::reject("not simple"));
        };
        let quoted = words.iter().map(Word::to_string).collect::<Vec<_>>().join(" ");
        let pattern = Pattern::parse(&quoted).unwrap();
        prop_assert!(pattern.matches(&command), "{} {}", text, quoted);
        prop_assert_eq!(Command::parse(quoted.as_bytes()), command.clone());
        let other = Command::parse(other.as_bytes());
        prop_assert_eq!(pattern.matches(&other), other == command);
    }

    /// The matcher against the definition, which tries all ways.
    #[test]
    fn wildcards_are_as_defined(pattern in "[ab/*]{1,7}", word in "[ab/]{0,8}") {
        let Ok(parsed) = Pattern::parse(&format!("x {pattern}")) else {
            return Err(TestCaseError::reject("not a pattern"));
        };
        let command = Command::parse(format!("x '{word}'").as_bytes());
        let whole_word = pattern == "*" || pattern == "**";
        let expected = if whole_word { !word.is_empty() } else { defined(pattern.as_bytes(), word.as_bytes(), true) };
        prop_assert_eq!(parsed.matches(&command), expected, "{} {}", pattern, word);
    }
}

/// `starts` says that the pattern stands at the beginning of a part of a path.
fn defined(pattern: &[u8], word: &[u8], starts: bool) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return word.is_empty();
    };
    if *first != b'*' {
        return word
            .split_first()
            .is_some_and(|(head, tail)| head == first && defined(rest, tail, *first == b'/'));
    }
    let (deep, rest) = match rest.split_first() {
        Some((b'*', after)) => (true, after),
        _ => (false, rest),
    };
    let whole = starts && rest.first().is_none_or(|next| *next == b'/');
    let fits = |taken: &[u8]| {
        let shallow = !taken.contains(&b'/');
        (deep || shallow) && (!whole || taken.first().is_some_and(|head| *head != b'/'))
    };
    (0..=word.len()).any(|length| fits(&word[..length]) && defined(rest, &word[length..], false))
}

/// With backtracking each of these would take longer than the universe.
#[test]
fn matching_is_linear() {
    let stars = "a*".repeat(MAX_WILDCARD_WORD / 2 - 1);
    let deep = "a**".repeat(MAX_WILDCARD_WORD / 2 - 1);
    let mixed = "a*a**".repeat(MAX_WILDCARD_WORD / 4 - 1);
    let word = "a".repeat(MAX_COMMAND_BYTES - 2);
    let command = Command::parse(format!("x {word}").as_bytes());
    for wildcards in [stars, deep, mixed] {
        assert!(
            !Pattern::parse(&format!("x {wildcards}b"))
                .unwrap()
                .matches(&command)
        );
        assert!(
            Pattern::parse(&format!("x {wildcards}"))
                .unwrap()
                .matches(&command)
        );
    }
}

#[test]
fn the_longest_texts_are_read() {
    for sign in [
        "a", " ", "'", "\"", "\\", "\\ ", "''", "' '", "a ", "\\'", "!",
    ] {
        let text = sign.repeat(MAX_COMMAND_BYTES / sign.len());
        let _ = Command::parse(text.as_bytes());
    }
}
