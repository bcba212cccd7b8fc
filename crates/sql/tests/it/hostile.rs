//! Texts that are made to cost much, or to end the process.

use custos_sql::{SqlError, TEXT_BYTES_MAX, Verb, parse};

/// On the smallest stack that a session runs on: tokio's.
fn analysed(text: String) -> Result<usize, SqlError> {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let thread = thread.spawn(move || parse(&text).map(|script| script.statements.len()));
    thread.expect("a thread").join().expect("no panic")
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!(
        "select {}{inner}{}",
        open.repeat(depth),
        close.repeat(depth)
    )
}

fn chain(first: &str, link: &str, times: usize) -> String {
    format!("{first}{}", link.repeat(times))
}

#[test]
fn nesting_is_refused_and_does_no_harm() {
    for depth in [50, 100, 1000, 3000, 9000, 20_000, 100_000] {
        for (open, inner, close) in [
            ("(select ", "1", ")"),
            ("case when true then ", "1", " else 0 end"),
            ("f(", "1", ")"),
            ("array[", "1", "]"),
            ("not (not ", "true", ")"),
            ("- -", "1", ""),
            ("(1 + ", "1", ")"),
            ("coalesce(null, ", "1", ")"),
            ("exists (select 1 where ", "true", ")"),
            ("row(", "1", ")"),
            ("(a, ", "1", ")"),
        ] {
            let text = nested(open, inner, close, depth);
            let is_long = text.len() > TEXT_BYTES_MAX;
            let found = analysed(text);
            assert!(found.is_err(), "{open} {depth}: {found:?}");
            assert!(!is_long || found == Err(SqlError::TooLong));
        }
    }
}

#[test]
fn chains_are_refused_and_do_no_harm() {
    for times in [200, 5000, 60_000] {
        for (first, link) in [
            ("select 1", "+1"),
            ("select 'a'", "||'a'"),
            ("select 1", "::int"),
            ("select 1", " union all select 1"),
            ("select * from a", " join a on true"),
            ("select * from a", " natural join a"),
            ("select a", " is null"),
            ("select a", " collate c"),
            ("select a", " at time zone 'utc'"),
            ("select a", " between 1 and 2 is null"),
        ] {
            let found = analysed(chain(first, link, times));
            assert!(found.is_err(), "{link} {times}: {found:?}");
        }
    }
}

#[test]
fn what_people_write_is_not_too_deep() {
    for text in [
        nested("(", "1", ")", 1000),
        nested("(select ", "1", ")", 12),
        nested("case when true then ", "1", " else 0 end", 20),
        nested("f(", "1", ")", 40),
        chain("select 1", "+1", 40),
        chain("select 1", " union all select 1", 80),
        chain("select * from a", " join a on true", 40),
        chain("select * from a where a", " and a", 20_000),
        chain("select * from a where a", " or a", 20_000),
        chain("select * from a where a", " or a and b", 20_000),
        chain("select 1 where 1 in (1", ", 1", 10_000) + ")",
        chain("insert into a values (1, 'x')", ", (1, 'x')", 10_000),
        chain("select 1", ", 1", 1600),
        chain("select 1", "; select 1", 10_000),
    ] {
        let shown: String = text.chars().take(60).collect();
        let found = analysed(text);
        assert!(found.is_ok(), "{shown}: {found:?}");
    }
}

#[test]
fn size_is_limited() {
    let long = format!("select '{}'", "x".repeat(TEXT_BYTES_MAX));
    assert_eq!(parse(&long).err(), Some(SqlError::TooLong));
    let many = chain("select 1", ",1", 200_000);
    assert_eq!(parse(&many).err(), Some(SqlError::TooManyTokens));
}

/// The parser's tree has the source of such an assignment once for each column.
#[test]
fn an_assignment_does_not_multiply_its_source() {
    let columns = chain("a", ",a", 20_000);
    let source = chain("select 1", ",1", 20_000);
    assert_eq!(
        parse(&format!("update t set ({columns}) = ({source})")).err(),
        Some(SqlError::TooDeep)
    );
    let mut nested = "select 1".to_owned();
    for _ in 0..6 {
        let columns = chain("a", ",a", 50);
        nested = format!("with x as (update t set ({columns}) = ({nested}) returning 1) select 1");
    }
    assert_eq!(parse(&nested).err(), Some(SqlError::TooDeep));
    assert!(
        parse("update t set (a, b) = (select 1, 2), c = 3, (d, e) = (4, 5) where lower(f) = 'x'")
            .is_ok()
    );
}

/// Many names of WITH and many uses of them are looked up, not searched for.
#[test]
fn many_names_cost_no_more_than_their_number() {
    let ctes: Vec<String> = (0..5000)
        .map(|number| format!("a{number} as (table b)"))
        .collect();
    let text = format!("with {} select 1", ctes.join(","));
    let script = parse(&text).expect("it is within limits");
    assert_eq!(script.statements[0].effects.len(), 1);
}

#[test]
fn odd_texts_are_answered() {
    for text in ["", " ", ";", ";;", "--", "/* */"] {
        assert_eq!(parse(text).expect(text).statements.len(), 0, "{text:?}");
    }
    for text in [
        "\0",
        "select 1\0",
        "select '\0'",
        "\u{feff}select 1 from",
        "select $",
        "'",
        "$$",
        "U&'\\'",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    let script =
        parse("delete from \"ü\u{1F600}\" where x = 'é'; drop table a").expect("it parses");
    assert!(script.statements[0].does(Verb::Delete) && script.statements[1].does(Verb::Destroy));
    assert_eq!(script.statements[0].effects[0].object.name, ["ü\u{1F600}"]);
}

mod anything {
    use custos_sql::parse;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn no_text_ends_the_session(text in "\\PC{0,80}") {
            let _ = parse(&text);
        }

        /// Words of the language in any order reach far deeper into the grammar than characters do.
        #[test]
        fn no_words_end_the_session(words in proptest::collection::vec(
            proptest::sample::select(vec![
                "select", "from", "where", "(", ")", ",", ";", "a", "b", "1", "'x'", "with", "as", "drop", "function",
                "rule", "trigger", "on", "table", "create", "alter", "update", "set", "=", "delete", "into", "values",
                "merge", "using", "when", "matched", "then", "copy", "to", "program", "grant", "$1", "*", ".", "::", "aggregate",
                "operator", "cast", "comment", "is", "null", "union", "all", "view", "returning", "do", "call", "domain",
            ]), 1..14)) {
            let _ = parse(&words.join(" "));
        }
    }
}
