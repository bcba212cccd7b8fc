//! PostgreSQL itself reads the masked values: each type, in both formats, under each mask.

use std::sync::Once;

use custos_masking::{Format, Mask, Masked, PgType};
use custos_testkit::{Endpoint, Message, Postgres, Version, Wire};

use crate::hostile::masks;

const CANARY: &str = "zq7canaryq@example.com";
const CARD: &str = "4111111111111111";

/// A type by its name in SQL, and values of it as text.
struct Column {
    sql: &'static str,
    kind: PgType,
    values: &'static [&'static str],
}

fn columns() -> Vec<Column> {
    use PgType as T;
    let column = |sql, kind, values| Column { sql, kind, values };
    let array = |kind| T::Array(Box::new(kind));
    vec![
        column(
            "text",
            T::Text,
            &[
                "",
                "Ünïcode ✂",
                "mail zq7canaryq@example.com, \"x\" \\ {,}",
                "4111 1111 1111 1111",
            ],
        ),
        column("varchar(80)", T::Text, &["zq7canaryq@example.com"]),
        column("character(40)", T::Bpchar, &["zq7canaryq@example.com"]),
        column("name", T::Name, &["zq7canaryq@example.com"]),
        column("\"char\"", T::Char, &["x"]),
        column("bool", T::Bool, &["true"]),
        column("int2", T::Int2, &["0", "-32768", "32767"]),
        column(
            "int4",
            T::Int4,
            &["0", "-2147483648", "2147483647", "123456"],
        ),
        column(
            "int8",
            T::Int8,
            &["0", "-9223372036854775808", "9223372036854775807", CARD],
        ),
        column("oid", T::Oid, &["0", "4294967295"]),
        column("float4", T::Float4, &["1.5", "NaN", "-Infinity"]),
        column("float8", T::Float8, &["1e300", "4111111111111111", "-0.25"]),
        column(
            "numeric",
            T::Numeric,
            &[
                "0",
                "0.00001",
                "-12345678901234567890.1234567890",
                "NaN",
                "Infinity",
                "1e100",
                CARD,
                "10000",
                "99999999",
            ],
        ),
        column("money", T::Money, &["1234567.89", "-1"]),
        column("date", T::Temporal, &["2024-01-31", "infinity"]),
        column("time", T::Temporal, &["12:34:56.789"]),
        column("timetz", T::Temporal, &["12:34:56+02"]),
        column("timestamp", T::Temporal, &["2024-01-31 12:34:56"]),
        column("timestamptz", T::Temporal, &["2024-01-31 12:34:56+00"]),
        column("interval", T::Temporal, &["1 year 2 days 03:04:05"]),
        column("uuid", T::Uuid, &["550e8400-e29b-41d4-a716-446655440000"]),
        column(
            "inet",
            T::Inet,
            &["192.168.1.5/24", "2001:db8::ff00:42:8329"],
        ),
        column("cidr", T::Inet, &["10.1.0.0/16"]),
        column("macaddr", T::Macaddr, &["08:00:2b:01:02:03"]),
        column("macaddr8", T::Macaddr, &["08:00:2b:01:02:03:04:05"]),
        column(
            "bytea",
            T::Bytea,
            &["\\x", "\\x00ff10", "zq7canaryq@example.com"],
        ),
        column(
            "json",
            T::Json,
            &[
                "{\"zq7canaryq@example.com\": [1, \"zq7canaryq\\u0040example.com\", null, true, 4111111111111111]}",
                "\"zq7canaryq@example.com\"",
                "null",
                "17",
            ],
        ),
        column(
            "jsonb",
            T::Jsonb,
            &[
                "{\"a\": [{\"b\": \"zq7canaryq@example.com\"}], \"n\": -1.5e3}",
                "[\"4111 1111 1111 1111\", 123456]",
                "123456.5",
                "\"x\"",
            ],
        ),
        column(
            "xml",
            T::Xml,
            &[
                "<a b=\"zq7canaryq@example.com\">zq7canaryq&#64;example.com &amp; so</a>",
                "plain &lt;zq7canaryq@example.com&gt;",
            ],
        ),
        column(
            "hstore",
            T::Hstore,
            &[
                "\"mail\"=>\"zq7canaryq@example.com\", \"n\"=>NULL, \"zq7canaryq@example.com\"=>\"a\\\"b\\\\\"",
                "",
            ],
        ),
        column("mood", T::Enum, &["happy"]),
        column("mail", T::Text, &["zq7canaryq@example.com"]),
        column(
            "tsvector",
            T::Opaque,
            &["'zq7canaryq@example.com':1 'fat':2"],
        ),
        column("tsquery", T::Opaque, &["'zq7canaryq@example.com' & 'fat'"]),
        column("bit(5)", T::Bit, &["10110"]),
        column("varbit", T::Bit, &["1011"]),
        column("point", T::Opaque, &["(1.5,2.5)"]),
        column("pg_lsn", T::Opaque, &["16/B374D848"]),
        column(
            "int4range",
            T::Range(Box::new(T::Int4)),
            &["[1,10)", "empty", "(,5)"],
        ),
        column(
            "int8range",
            T::Range(Box::new(T::Int8)),
            &["[4111111111111111,4111111111111112)"],
        ),
        column("numrange", T::Range(Box::new(T::Numeric)), &["[1.5,2.5]"]),
        column(
            "tstzrange",
            T::Range(Box::new(T::Temporal)),
            &["[2024-01-01,2024-02-01)"],
        ),
        column(
            "int8multirange",
            T::Multirange(Box::new(T::Int8)),
            &[
                "{[1,5),[10,20)}",
                "{}",
                "{[4111111111111111,4111111111111112)}",
            ],
        ),
        column(
            "text[]",
            array(T::Text),
            &[
                "{}",
                "{a,NULL,\"NULL\",zq7canaryq@example.com,\"b \\\"c\\\" \\\\ {}\"}",
                "[2:3][0:1]={{a,b},{zq7canaryq@example.com,\"\"}}",
            ],
        ),
        column(
            "int4[]",
            array(T::Int4),
            &["{1,NULL,123456}", "{{1,2},{3,4}}"],
        ),
        column("int8[]", array(T::Int8), &["{4111111111111111,7}"]),
        column("numeric[]", array(T::Numeric), &["{1.5,123456789.25}"]),
        column(
            "uuid[]",
            array(T::Uuid),
            &["{550e8400-e29b-41d4-a716-446655440000}"],
        ),
        column(
            "bytea[]",
            array(T::Bytea),
            &["{\"\\\\x00ff\",zq7canaryq@example.com}"],
        ),
        column(
            "jsonb[]",
            array(T::Jsonb),
            &["{\"{\\\"a\\\": \\\"zq7canaryq@example.com\\\"}\"}"],
        ),
        column(
            "timestamptz[]",
            array(T::Temporal),
            &["{\"2024-01-31 12:34:56+00\"}"],
        ),
        column("mood[]", array(T::Enum), &["{happy,sad}"]),
        column(
            "person",
            person(),
            &[
                "(7,\"zq7canaryq@example.com\",\"{a,zq7canaryq@example.com}\",)",
                "(,,,)",
                "(123456,\"a \"\"b\"\" \\\\ ,)(\",{},\"{\"\"k\"\": 1}\")",
            ],
        ),
        column(
            "person[]",
            array(person()),
            &["{\"(7,zq7canaryq@example.com,,)\",NULL}"],
        ),
    ]
}

fn person() -> PgType {
    let texts = PgType::Array(Box::new(PgType::Text));
    PgType::Composite(vec![PgType::Int4, PgType::Text, texts, PgType::Jsonb])
}

fn connect() -> Wire {
    static PREPARED: Once = Once::new();
    let server = Postgres::shared(Version::V15);
    PREPARED.call_once(|| {
        server.sql_in(
            Postgres::DATABASE,
            "create extension hstore;
             create type mood as enum ('happy', 'sad');
             create domain mail as text;
             create type person as (id int4, mail text, notes text[], more jsonb)",
        );
    });
    Wire::sign_in(&Endpoint {
        host: Postgres::HOST.to_owned(),
        port: server.port(),
        user: Postgres::CLEAR.to_owned(),
        password: Postgres::PASSWORD.to_owned(),
        database: Postgres::DATABASE.to_owned(),
        root_certificate: Some(server.authority().file()),
    })
    .unwrap()
}

fn code(format: Format) -> [u8; 2] {
    match format {
        Format::Text => [0, 0],
        Format::Binary => [0, 1],
    }
}

/// The value read by the server as the type in one format, and written in another one; or its error.
fn cast(
    wire: &mut Wire,
    sql: &str,
    value: &[u8],
    from: Format,
    to: Format,
) -> Result<Vec<u8>, String> {
    wire.send(b'P', format!("\0select $1::{sql}\0\0\0").as_bytes());
    let length = u32::try_from(value.len()).unwrap().to_be_bytes();
    let parts: [&[u8]; 8] = [
        b"\0\0\0\x01",
        &code(from),
        &[0, 1],
        &length,
        value,
        &[0, 1],
        &code(to),
        b"",
    ];
    wire.send(b'B', &parts.concat());
    wire.send(b'E', b"\0\0\0\0\0");
    wire.send(b'S', b"");
    let answers = wire.receive_until(b'Z').unwrap();
    if let Some(error) = answers.iter().find(|answer| answer.tag == b'E') {
        return Err(error.field(b'M').unwrap_or_default());
    }
    let row: &Message = answers.iter().find(|answer| answer.tag == b'D').unwrap();
    Ok(row.body[6..].to_vec())
}

fn contains(value: &[u8], secret: &str) -> bool {
    value
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

#[test]
fn every_mask_of_every_type_parses_in_both_formats() {
    let mut wire = connect();
    let (mut problems, mut values) = (Vec::new(), 0);
    for column in columns() {
        for value in column.values {
            let read = |wire: &mut Wire, format| {
                cast(wire, column.sql, value.as_bytes(), Format::Text, format)
            };
            let text = read(&mut wire, Format::Text)
                .unwrap_or_else(|error| panic!("{} {value}: {error}", column.sql));
            let binary = read(&mut wire, Format::Binary).unwrap();
            for (name, mask) in masks() {
                let mut shown = |format, original: &[u8]| {
                    let masked = shown(&mut wire, &column, &mask, format, original);
                    values += usize::from(matches!(masked, Ok(Some(_))));
                    masked.map_err(|error| {
                        let at = format!("{} {name} {format:?} {value}", column.sql);
                        problems.push(format!("{at}: {error}"));
                    })
                };
                let one = shown(Format::Text, &text);
                let other = shown(Format::Binary, &binary);
                if one != other {
                    problems.push(format!(
                        "{} {name} {value}: {one:?} in text, {other:?} in binary",
                        column.sql
                    ));
                }
            }
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems: {problems:#?}",
        problems.len()
    );
    assert!(values > 1500, "{values}");
}

/// What a client would see, as text; NULL; or what is wrong with it.
fn shown(
    wire: &mut Wire,
    column: &Column,
    mask: &Mask,
    format: Format,
    original: &[u8],
) -> Result<Option<String>, String> {
    let value = match mask.apply(&column.kind, format, original) {
        Masked::Null => return Ok(None),
        Masked::Unchanged => original.to_vec(),
        Masked::Value(masked) => masked,
    };
    let seen = cast(wire, column.sql, &value, format, Format::Text)?;
    let whole = !mask_is_partial(mask);
    if whole && (contains(&seen, CANARY) || contains(&value, CANARY) || contains(&seen, CARD)) {
        return Err(format!(
            "the secret is left: {}",
            String::from_utf8_lossy(&seen)
        ));
    }
    String::from_utf8(seen)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// Masks by path leave what stands elsewhere.
fn mask_is_partial(mask: &Mask) -> bool {
    format!("{mask:?}").contains("Paths")
}
