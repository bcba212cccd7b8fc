//! Detectors inside of what types hold: strings and keys of JSON, elements, columns, bytes, markup.

use custos_masking::{Format, JsonPath, Mask, Masked, PgType, Transform};

use crate::world::{LIMIT, masked_text, redacting};

fn array(element: PgType) -> PgType {
    PgType::Array(Box::new(element))
}

/// Type, value, and what is left of it; none: NULL.
fn cases() -> Vec<(PgType, &'static str, Option<&'static str>)> {
    vec![
        (PgType::Text, "to alice@example.com, now", Some("to X, now")),
        (PgType::Text, "nothing", Some("nothing")),
        (
            PgType::Json,
            r#"{"a": "alice@example.com", "b": [1, "x"]}"#,
            Some(r#"{"a": "X", "b": [1, "x"]}"#),
        ),
        (
            PgType::Jsonb,
            r#"{"alice@example.com": {"alice\u0040example.com": 1}}"#,
            Some(r#"{"X": {"X": 1}}"#),
        ),
        (
            PgType::Json,
            r#"["4111\u00201111 1111\u0020111\u0031", "say \"hi\""]"#,
            Some(r#"["X", "say \"hi\""]"#),
        ),
        (
            PgType::Json,
            r#"{"n": 4111111111111111, "m": -1.5e3}"#,
            Some(r#"{"n": "X", "m": -1.5e3}"#),
        ),
        (
            PgType::Json,
            "\"\\ud83d\\ude00 alice@example.com \\n\"",
            Some("\"😀 X \\u000a\""),
        ),
        (PgType::Json, r#"{"a": "alice@example.com""#, None),
        (PgType::Json, r#"{"a": alice@example.com}"#, None),
        (PgType::Json, r#"{"a": 1,}"#, None),
        (PgType::Json, "", None),
        (
            array(PgType::Text),
            r#"{alice@example.com,"b, c",NULL,"alice@example.com \" x"}"#,
            Some(r#"{"X","b, c",NULL,"X \" x"}"#),
        ),
        (
            array(PgType::Text),
            r#"[2:3]={{a,bob@example.com},{"",c}}"#,
            Some(r#"[2:3]={{a,"X"},{"",c}}"#),
        ),
        (
            array(PgType::Int8),
            "{1,4111111111111111,NULL}",
            Some("{1,NULL,NULL}"),
        ),
        (
            array(PgType::Jsonb),
            r#"{"{\"a\": \"alice@example.com\"}"}"#,
            Some(r#"{"{\"a\": \"X\"}"}"#),
        ),
        (array(PgType::Text), r#"{a,"alice@example.com}"#, None),
        (array(PgType::Text), "{a}}", None),
        (
            PgType::Composite(vec![PgType::Int4, PgType::Text, PgType::Text]),
            r#"(7,"alice@example.com, ""x"" \\ ",)"#,
            Some(r#"(7,"X, ""x"" \\ ",)"#),
        ),
        (
            PgType::Composite(vec![PgType::Int4]),
            "(7,alice@example.com)",
            None,
        ),
        (PgType::Record, "(7,alice@example.com)", Some("(7,)")),
        (
            PgType::Hstore,
            r#""mail"=>"alice@example.com", "n"=>NULL, "10.0.0.1"=>"a\"b""#,
            Some(r#""mail"=>"X", "n"=>NULL, "X"=>"a\"b""#),
        ),
        (PgType::Hstore, "", Some("")),
        (
            PgType::Bytea,
            "\\x616c696365406578616d706c652e636f6d20",
            Some("\\x5820"),
        ),
        (
            PgType::Bytea,
            "\\001alice\\100example.com\\\\",
            Some("\\001X\\\\"),
        ),
        (PgType::Bytea, "\\x616", None),
        (
            PgType::Xml,
            "<a m='alice@example.com'>b&#64;c bob&#x40;example.com &amp;</a>",
            Some("<a m='X'>b&#64;c X &amp;</a>"),
        ),
        (PgType::Xml, "<a><!-- alice@example.com --></a>", None),
        (PgType::Xml, "<ip-10.0.0.1/>", None),
        (PgType::Int8, "4111111111111111", None),
        (PgType::Int8, "42", Some("42")),
        (PgType::Float8, "4.111111111111111e+15", None),
        (PgType::Float8, "51.5073219", Some("51.5073219")),
        (PgType::Inet, "192.168.1.1/24", None),
        (
            PgType::Range(Box::new(PgType::Int8)),
            "[4111111111111111,4111111111111112)",
            None,
        ),
        (
            PgType::Range(Box::new(PgType::Int4)),
            "[1,10)",
            Some("[1,10)"),
        ),
        (PgType::Enum, "alice@example.com", None),
        (PgType::Opaque, "'alice@example.com':1 'x':2", None),
        (
            PgType::Temporal,
            "2024-01-31 12:00:00",
            Some("2024-01-31 12:00:00"),
        ),
        (PgType::Bpchar, "alice@example.com   ", Some("X")),
    ]
}

#[test]
fn what_is_found_is_replaced_in_its_place() {
    let mask = redacting();
    let mut problems = Vec::new();
    for (kind, value, expected) in cases() {
        let masked = masked_text(&mask, &kind, value);
        if masked.as_deref() != expected {
            problems.push(format!("{kind:?} {value}: {masked:?} and not {expected:?}"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

fn by_path(path: &str, document: &str) -> Option<String> {
    let paths = vec![JsonPath::parse(path).unwrap()];
    let mask = Mask::paths(paths, Transform::redact("X").unwrap(), LIMIT).unwrap();
    masked_text(&mask, &PgType::Jsonb, document)
}

#[test]
fn paths_select_places_of_documents() {
    let document = r#"{"a": {"b": [{"c": "s1", "d": 1}, {"c": 7}]}, "c": "s2", "e": null}"#;
    for (path, expected) in [
        (
            "$.a.b[*].c",
            r#"{"a": {"b": [{"c": "X", "d": 1}, {"c": "X"}]}, "c": "s2", "e": null}"#,
        ),
        (
            "$.a.b.c",
            r#"{"a": {"b": [{"c": "X", "d": 1}, {"c": "X"}]}, "c": "s2", "e": null}"#,
        ),
        (
            "$.a.b[1].c",
            r#"{"a": {"b": [{"c": "s1", "d": 1}, {"c": "X"}]}, "c": "s2", "e": null}"#,
        ),
        (
            "$[*].c",
            r#"{"a": {"b": [{"c": "s1", "d": 1}, {"c": 7}]}, "c": "X", "e": null}"#,
        ),
        ("$.a", r#"{"a": "X", "c": "s2", "e": null}"#),
        ("$.*", r#"{"a": "X", "c": "X", "e": null}"#),
        ("$['e']", document),
        ("$.missing.c", document),
        ("$", "\"X\""),
    ] {
        assert_eq!(by_path(path, document).as_deref(), Some(expected), "{path}");
    }
    assert_eq!(
        by_path("$.a", r#"{"\u0061": "s"}"#).unwrap(),
        r#"{"\u0061": "X"}"#
    );
    assert_eq!(
        by_path("$.a", r#"{"a": 1, "a": 2}"#).unwrap(),
        r#"{"a": "X", "a": "X"}"#
    );
    assert_eq!(by_path("$.a", r#"{"a": "s""#), None);
}

#[test]
fn a_path_into_what_has_no_places_masks_all() {
    let mask = Mask::paths(
        vec![JsonPath::parse("$.a").unwrap()],
        Transform::redact("X").unwrap(),
        LIMIT,
    )
    .unwrap();
    assert_eq!(
        masked_text(&mask, &PgType::Text, r#"{"a": 1}"#).unwrap(),
        "X"
    );
    assert_eq!(mask.apply(&PgType::Int4, Format::Text, b"42"), Masked::Null);
}
