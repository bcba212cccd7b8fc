//! What the tests share.

use custos_masking::{
    Alphabet, Detector, Detectors, Format, Mask, Masked, PgType, ScopeKey, Transform,
};

pub(crate) const LIMIT: usize = 1 << 20;

pub(crate) fn all() -> Detectors {
    Detectors::new(&Detector::BUILT_IN).unwrap()
}

pub(crate) fn key(scope: &str) -> ScopeKey {
    ScopeKey::derive(&[42; 32], scope).unwrap()
}

/// One of each kind, with its name.
pub(crate) fn transforms() -> Vec<(&'static str, Transform)> {
    let key = key("test");
    vec![
        (
            "redact",
            Transform::redact("[it's \"<gone>\" & \\ ✂]").unwrap(),
        ),
        ("partial", Transform::partial(1, 2, '•').unwrap()),
        ("token", Transform::token(&key, "tok_").unwrap()),
        ("hash", Transform::hash(&key)),
        (
            "digits",
            Transform::format_preserving(&key, Alphabet::Digits),
        ),
        (
            "card",
            Transform::format_preserving(&key, Alphabet::CardDigits),
        ),
        (
            "letters",
            Transform::format_preserving(&key, Alphabet::Letters),
        ),
        (
            "alphanumeric",
            Transform::format_preserving(&key, Alphabet::Alphanumeric),
        ),
        ("null", Transform::null()),
    ]
}

/// Masks what all detectors find by a fixed text.
pub(crate) fn redacting() -> Mask {
    Mask::detected(all(), Transform::redact("X").unwrap(), LIMIT)
}

pub(crate) fn masked_text(mask: &Mask, kind: &PgType, value: &str) -> Option<String> {
    match mask.apply(kind, Format::Text, value.as_bytes()) {
        Masked::Value(masked) => Some(String::from_utf8(masked).unwrap()),
        Masked::Unchanged => Some(value.to_owned()),
        Masked::Null => None,
    }
}
