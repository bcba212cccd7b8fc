//! Transforms on values: what comes out, and what never does.

use custos_masking::{Alphabet, Detector, Format, Mask, MaskError, Masked, PgType, Transform};

use crate::world::{LIMIT, all, key, masked_text, transforms};

fn whole(transform: &Transform, kind: &PgType, value: &str) -> Option<String> {
    masked_text(&Mask::whole(transform.clone(), LIMIT), kind, value)
}

#[test]
fn transforms_of_text() {
    let key = key("test");
    let text = |transform: &Transform, value: &str| whole(transform, &PgType::Text, value);
    assert_eq!(
        text(&Transform::redact("gone").unwrap(), "alice").unwrap(),
        "gone"
    );
    assert_eq!(
        text(
            &Transform::partial(2, 4, '*').unwrap(),
            "4111-1111-1111-1234"
        )
        .unwrap(),
        "41*************1234"
    );
    let token = text(
        &Transform::token(&key, "tok_").unwrap(),
        "alice@example.com",
    )
    .unwrap();
    assert!(token.starts_with("tok_") && token.len() == 30, "{token}");
    assert_eq!(text(&Transform::hash(&key), "alice").unwrap().len(), 64);
    assert_eq!(text(&Transform::null(), "alice"), None);
    let card = text(
        &Transform::format_preserving(&key, Alphabet::CardDigits),
        "4111 1111 1111 1111",
    )
    .unwrap();
    assert_eq!(card.len(), 19);
}

/// Within a scope one value has one token, whatever the type holds it as text; in another scope it has another.
#[test]
fn tokens_can_be_joined_within_a_scope_only() {
    let (one, other) = (
        Transform::token(&key("one"), "").unwrap(),
        Transform::token(&key("other"), "").unwrap(),
    );
    let token = whole(&one, &PgType::Text, "alice").unwrap();
    assert_eq!(whole(&one, &PgType::Bpchar, "alice     ").unwrap(), token);
    assert_eq!(whole(&one, &PgType::Name, "alice").unwrap(), token);
    assert_eq!(
        whole(&one, &PgType::Jsonb, "\"alice\"").unwrap(),
        format!("\"{token}\"")
    );
    assert_eq!(
        whole(&one, &PgType::Json, "\"\\u0061lice\"").unwrap(),
        format!("\"{token}\"")
    );
    assert_eq!(whole(&one, &PgType::Xml, "alice").unwrap(), token);
    let in_array = whole(&one, &PgType::Array(Box::new(PgType::Text)), "{alice}").unwrap();
    assert_eq!(in_array, format!("{{\"{token}\"}}"));
    let found = Mask::detected(all(), one.clone(), LIMIT);
    let mail = whole(&one, &PgType::Text, "alice@example.com").unwrap();
    assert_eq!(
        masked_text(&found, &PgType::Text, "a alice@example.com b").unwrap(),
        format!("a {mail} b")
    );
    assert_ne!(whole(&other, &PgType::Text, "alice").unwrap(), token);
    assert_ne!(
        whole(&Transform::hash(&key("one")), &PgType::Text, "alice").unwrap(),
        token
    );
}

#[test]
fn numbers_stay_numbers_or_become_null() {
    let key = key("test");
    let digits = Transform::format_preserving(&key, Alphabet::Alphanumeric);
    for (kind, value) in [
        (PgType::Int4, "2147483647"),
        (PgType::Int8, "-9223372036854775807"),
        (PgType::Numeric, "123456.789"),
    ] {
        let masked = whole(&digits, &kind, value).unwrap();
        assert_eq!(
            (masked.len(), masked != value),
            (value.len(), true),
            "{masked}"
        );
    }
    assert_eq!(whole(&digits, &PgType::Int4, "12345"), None);
    assert_eq!(whole(&digits, &PgType::Int2, "12345"), None);
    let partial = Transform::partial(0, 4, '*').unwrap();
    assert_eq!(
        whole(&partial, &PgType::Int8, "4111111111111234").unwrap(),
        "1234"
    );
    assert_eq!(
        whole(&partial, &PgType::Numeric, "-15.25").unwrap(),
        "-0.00"
    );
    let token = Transform::token(&key, "t_").unwrap();
    assert_eq!(whole(&token, &PgType::Int2, "1"), None);
    assert_ne!(
        whole(&token, &PgType::Int4, "1"),
        whole(&token, &PgType::Int4, "2")
    );
    assert_eq!(whole(&token, &PgType::Float8, "1.5"), None);
    assert_eq!(
        whole(&Transform::redact("0").unwrap(), &PgType::Int4, "1"),
        None
    );
}

/// Binary and text are two writings of one value, and so are their masks.
#[test]
fn integers_have_the_same_mask_in_both_formats() {
    for (name, transform) in transforms() {
        let mask = Mask::whole(transform, LIMIT);
        for number in [0_i64, 7, -42, 4_111_111_111_111_111, i64::MAX, i64::MIN] {
            let text = masked_text(&mask, &PgType::Int8, &number.to_string());
            let binary = match mask.apply(&PgType::Int8, Format::Binary, &number.to_be_bytes()) {
                Masked::Value(bytes) => Some(i64::from_be_bytes(bytes.try_into().unwrap())),
                Masked::Unchanged => Some(number),
                Masked::Null => None,
            };
            assert_eq!(
                text.map(|text| text.parse::<i64>().unwrap()),
                binary,
                "{name} {number}"
            );
        }
    }
}

#[test]
fn each_detector_can_have_its_own_transform() {
    let mask = Mask::detected(all(), Transform::redact("[gone]").unwrap(), LIMIT)
        .with(
            Detector::PaymentCard,
            Transform::partial(0, 4, '*').unwrap(),
        )
        .with(Detector::Phone, Transform::null());
    let masked = |value: &str| masked_text(&mask, &PgType::Text, value);
    assert_eq!(
        masked("4111111111111111 of alice@example.com").unwrap(),
        "************1111 of [gone]"
    );
    assert_eq!(masked("call +14155552671"), None);
}

#[test]
fn a_value_over_the_limit_is_replaced_unseen() {
    let mask = Mask::detected(all(), Transform::null(), 10);
    let apply = |kind: PgType, value: &[u8]| mask.apply(&kind, Format::Text, value);
    assert_eq!(apply(PgType::Text, b"harmless11"), Masked::Unchanged);
    assert_eq!(
        apply(PgType::Text, b"harmless 11"),
        Masked::Value(b"[redacted]".to_vec())
    );
    assert_eq!(apply(PgType::Jsonb, b"\"harmless \""), Masked::Null);
}

#[test]
fn transforms_that_could_break_a_value_are_refused() {
    let key = key("test");
    assert_eq!(
        Transform::redact("a\0").unwrap_err(),
        MaskError::Redaction(256)
    );
    assert_eq!(
        Transform::redact(&"a".repeat(257)).unwrap_err(),
        MaskError::Redaction(256)
    );
    assert_eq!(
        Transform::token(&key, "a b").unwrap_err(),
        MaskError::TokenPrefix(32)
    );
    assert_eq!(
        Transform::token(&key, &"a".repeat(33)).unwrap_err(),
        MaskError::TokenPrefix(32)
    );
    assert_eq!(
        Transform::partial(1, 1, '\\').unwrap_err(),
        MaskError::MaskCharacter
    );
    assert_eq!(
        Mask::paths(Vec::new(), Transform::null(), 1).unwrap_err(),
        MaskError::JsonPaths(64)
    );
    assert_eq!(format!("{key:?}"), "ScopeKey(..)");
    assert!(!format!("{:?}", Transform::hash(&key)).contains("42"));
}
