//! Any bytes as a value of any type: the first three bytes say the type, the format and the mask.
#![no_main]

use std::sync::LazyLock;

use custos_masking::{
    Alphabet, Detector, Detectors, Format, JsonPath, Mask, Masked, PgType, ScopeKey, Transform,
};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

static MASKS: LazyLock<Vec<Mask>> = LazyLock::new(|| {
    let key = ScopeKey::derive(&[7; 32], "fuzz").unwrap();
    let detectors = Detectors::new(&Detector::BUILT_IN).unwrap();
    let transforms = [
        Transform::redact("<it's \"gone\" & \\>").unwrap(),
        Transform::partial(1, 2, '*').unwrap(),
        Transform::token(&key, "t_").unwrap(),
        Transform::hash(&key),
        Transform::format_preserving(&key, Alphabet::CardDigits),
        Transform::format_preserving(&key, Alphabet::Alphanumeric),
        Transform::null(),
    ];
    let paths = vec![JsonPath::parse("$.a[*].b").unwrap()];
    let masks = transforms.into_iter().flat_map(|transform| {
        [
            Mask::whole(transform.clone(), LIMIT),
            Mask::detected(detectors.clone(), transform.clone(), LIMIT),
            Mask::paths(paths.clone(), transform, LIMIT).unwrap(),
        ]
    });
    masks.collect()
});

static KINDS: LazyLock<Vec<PgType>> = LazyLock::new(|| {
    use PgType as T;
    let mut kinds = vec![
        T::Bytea,
        T::Name,
        T::Text,
        T::Bpchar,
        T::Int2,
        T::Int8,
        T::Oid,
        T::Float8,
        T::Numeric,
        T::Money,
        T::Temporal,
        T::Uuid,
        T::Inet,
        T::Macaddr,
        T::Bit,
        T::Json,
        T::Jsonb,
        T::Xml,
        T::Hstore,
        T::Enum,
        T::Record,
        T::Opaque,
    ];
    let nested: Vec<T> = kinds
        .iter()
        .flat_map(|kind| {
            let inner = || Box::new(kind.clone());
            [
                T::Array(inner()),
                T::Multirange(inner()),
                T::Composite(vec![kind.clone(), T::Text]),
            ]
        })
        .collect();
    kinds.extend(nested);
    kinds
});

fuzz_target!(|data: &[u8]| {
    let Some(([kind, format, mask], value)) = data.split_first_chunk() else {
        return;
    };
    let kind = &KINDS[usize::from(*kind) % KINDS.len()];
    let mask = &MASKS[usize::from(*mask) % MASKS.len()];
    let format = if format % 2 == 0 {
        Format::Text
    } else {
        Format::Binary
    };
    let masked = mask.apply(kind, format, value);
    assert_eq!(masked, mask.apply(kind, format, value));
    if let Masked::Value(masked) = &masked {
        assert_ne!(masked, value);
        well_formed(kind, format, masked);
    }
});

/// What can be told without a server. Only documents that parsed are changed, so the result must parse.
fn well_formed(kind: &PgType, format: Format, masked: &[u8]) {
    match (kind, format) {
        (PgType::Int2, Format::Binary) => assert_eq!(masked.len(), 2),
        (PgType::Int8, Format::Binary) => assert_eq!(masked.len(), 8),
        (PgType::Uuid, Format::Binary) => assert_eq!(masked.len(), 16),
        (PgType::Int8, Format::Text) => {
            std::str::from_utf8(masked).unwrap().parse::<i64>().unwrap();
        }
        (PgType::Jsonb, Format::Binary) => assert_eq!(masked.first(), Some(&1)),
        (PgType::Name, _) => assert!(masked.len() <= 63),
        _ => {}
    }
}
