//! Any bytes under any type: no panic, no secret left, the same answer twice.

use std::sync::LazyLock;

use custos_masking::{Format, JsonPath, Mask, Masked, PgType, Transform};
use proptest::prelude::*;

use crate::world::{LIMIT, all, transforms};

/// All types, and some in others.
pub(crate) fn kinds() -> Vec<PgType> {
    use PgType as T;
    let mut kinds = vec![
        T::Bool,
        T::Bytea,
        T::Char,
        T::Name,
        T::Text,
        T::Bpchar,
        T::Int2,
        T::Int4,
        T::Int8,
        T::Oid,
        T::Float4,
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
                T::Range(inner()),
                T::Multirange(inner()),
                T::Composite(vec![kind.clone(), T::Text]),
            ]
        })
        .collect();
    kinds.extend(nested);
    kinds
}

pub(crate) fn masks() -> Vec<(String, Mask)> {
    let mut masks = Vec::new();
    for (name, transform) in transforms() {
        let paths = vec![
            JsonPath::parse("$.a[*].b").unwrap(),
            JsonPath::parse("$.*").unwrap(),
        ];
        masks.push((
            format!("whole {name}"),
            Mask::whole(transform.clone(), LIMIT),
        ));
        masks.push((
            format!("detected {name}"),
            Mask::detected(all(), transform.clone(), LIMIT),
        ));
        masks.push((
            format!("paths {name}"),
            Mask::paths(paths, transform, LIMIT).unwrap(),
        ));
    }
    masks
}

static KINDS: LazyLock<Vec<PgType>> = LazyLock::new(kinds);
static MASKS: LazyLock<Vec<(String, Mask)>> = LazyLock::new(masks);

const CANARY: &str = "zq7canaryq";

/// Texts that are a value of some type, with a secret in it that detectors find.
fn with_canary() -> impl Strategy<Value = String> {
    let mail = format!("{CANARY}@example.com");
    prop_oneof![
        Just(mail.clone()),
        Just(format!("{{{mail},\"{mail}\"}}")),
        Just(format!("({mail},\"{mail}\")")),
        Just(format!(
            "{{\"{mail}\": [\"{mail}\"], \"b\": {{\"c\": \"{mail}\"}}}}"
        )),
        Just(format!("\"{mail}\"=>\"{mail}\"")),
        Just(format!("<a b=\"{mail}\">{mail}<!-- {mail} --></a>")),
        Just(format!("[\"{mail}\",\"{mail}\"]")),
        ("[ -~]{0,8}", "[ -~]{0,8}")
            .prop_map(move |(front, back)| format!("{front} {mail} {back}")),
    ]
}

fn shows(masked: &Masked, value: &[u8], canary: &[u8]) -> bool {
    let shown = match masked {
        Masked::Value(masked) => masked.as_slice(),
        Masked::Unchanged => value,
        Masked::Null => &[],
    };
    shown.windows(canary.len()).any(|window| window == canary)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_bytes_are_masked_or_withheld(
        value in prop::collection::vec(any::<u8>(), 0..120),
        kind in prop::sample::select(kinds()),
    ) {
        for format in [Format::Text, Format::Binary] {
            for (name, mask) in &*MASKS {
                let masked = mask.apply(&kind, format, &value);
                prop_assert_eq!(&masked, &mask.apply(&kind, format, &value), "{} {:?}", name, kind);
                prop_assert!(!matches!(&masked, Masked::Value(masked) if *masked == value));
            }
        }
    }

    #[test]
    fn no_secret_is_left_under_any_type(value in with_canary()) {
        for kind in &*KINDS {
            for (name, mask) in &*MASKS {
                if name.starts_with("paths") {
                    continue;
                }
                let masked = mask.apply(kind, Format::Text, value.as_bytes());
                prop_assert!(!shows(&masked, value.as_bytes(), CANARY.as_bytes()), "{} {:?} {:?}", name, kind, masked);
            }
        }
    }

    #[test]
    fn whole_masks_leave_nothing_of_a_text(secret in "[a-z0-9]{12,40}") {
        for (name, transform) in transforms() {
            let mask = Mask::whole(transform, LIMIT);
            for kind in [PgType::Text, PgType::Bytea, PgType::Name, PgType::Bpchar, PgType::Xml] {
                let masked = mask.apply(&kind, Format::Binary, secret.as_bytes());
                // Six characters in a row: the last two and first one stay in `partial`.
                let parts = secret.as_bytes().windows(8);
                for part in parts {
                    prop_assert!(!shows(&masked, secret.as_bytes(), part), "{} {:?}", name, masked);
                }
            }
        }
    }
}

/// A `record` in a `record`, deeper than anybody needs.
#[test]
fn nesting_ends() {
    let mut value = b"x".to_vec();
    let mut kind = 25_u32;
    for _ in 0..200 {
        let mut outer = 1_i32.to_be_bytes().to_vec();
        outer.extend_from_slice(&kind.to_be_bytes());
        outer.extend_from_slice(&i32::try_from(value.len()).unwrap().to_be_bytes());
        outer.extend_from_slice(&value);
        value = outer;
        kind = 2249;
    }
    let mask = Mask::detected(all(), Transform::null(), LIMIT);
    let masked = mask.apply(&PgType::Record, Format::Binary, &value);
    assert!(matches!(masked, Masked::Value(_)), "{masked:?}");
    let deep = "[".repeat(100_000);
    assert_eq!(
        mask.apply(&PgType::Json, Format::Text, deep.as_bytes()),
        Masked::Null
    );
}

/// Work is linear: twenty times the bytes must not cost a hundred times the time.
#[test]
fn work_grows_with_the_length() {
    let detectors = all().with_pattern("(?:a|aa){1,100}b").unwrap();
    for unit in [
        "4111 ",
        "a@",
        "1.",
        "::",
        "eyJ",
        "+1 ",
        "DE89 ",
        "-----BEGIN PRIVATE KEY-----",
        "aaaaaaaa",
        "(415) ",
        "a.b@c.",
        "AKIA",
    ] {
        let cost = |count: usize| {
            let text = unit.repeat(count);
            nanoseconds(|| detectors.find(text.as_bytes()).len())
        };
        let (short, long) = (cost(2_000), cost(40_000));
        assert!(
            long < short * 100 + 50_000_000,
            "{unit}: {short} ns, then {long} ns"
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "the test measures time")]
fn nanoseconds(work: impl Fn() -> usize) -> u128 {
    let runs = (0..3).map(|_| {
        let start = std::time::Instant::now();
        std::hint::black_box(work());
        start.elapsed().as_nanos()
    });
    runs.min().unwrap()
}
