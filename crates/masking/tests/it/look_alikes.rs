//! What must not be found.

use crate::world::all;

const NOTHING: &[&str] = &[
    // Numbers of orders, articles, accounts.
    "ORD-2024-000123456",
    "order 1234567890123",
    "4006381333931",
    "INV-20240131-0042",
    "978-3-16-148410-0",
    "100000000000000000",
    "1700000000",
    "1700000000000",
    "1700000000000000000",
    "0000000000000000",
    "1111111111111111",
    "4111111111111112",
    "4111 1111 1111 1112",
    "4111 1111 11111111",
    "41111111 11111111",
    "1234-5678-9012-3456",
    "9999999999999999",
    "7000000000000000",
    "123456789",
    "987654321",
    "000123456",
    // Cards' numbers inside of longer ones, and as fractions.
    "94111111111111111",
    "a4111111111111111",
    "4111111111111111b",
    "0.4111111111111111",
    "4111111111111111.5",
    // Universally unique identifiers and hashes.
    "550e8400-e29b-41d4-a716-446655440000",
    "4111-1111-1111-111111111111",
    "00000000-0000-0000-0000-000000000000",
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "sha256:2c26b46b68ffc68ff99b453c1d304134",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "507f1f77bcf86cd799439011",
    // Times.
    "2024-01-31",
    "2024-01-31 12:30:45.123456+00",
    "2024-01-31T12:30:45Z",
    "20240131123045",
    "20240131T123045Z",
    "12:34:56",
    "12:34:56.789",
    "1 day 02:03:04",
    "31.01.2024",
    "01/31/2024",
    "Wed, 31 Jan 2024 12:30:45 +0100",
    "[2024-01-01,2024-12-31)",
    "2024-W05-3",
    "P1Y2M10DT2H30M",
    // Versions.
    "1.2.3",
    "v1.2.3.4",
    "version 10.0.0.1",
    "PostgreSQL 15.4.0.1.2",
    "1.2.3.4.5",
    "10.0.19041.1",
    "release: 2.0.1.0",
    "1.3.6.1.4.1.311",
    "1.2.840.113549",
    "react@18.2.0",
    "pkg@1.2.3-rc.beta",
    "~> 2.7.1",
    // Places.
    "51.507351, -0.127758",
    "+51.50735123, -0.12775812",
    "(51.507351,-0.127758)",
    "48°51'24\"N 2°21'03\"E",
    "POINT(-71.064544 42.28787)",
    "40.7128° N",
    // Amounts and plain numbers.
    "$1,234,567.89",
    "1,000,000.00",
    "-12345.678",
    "+1,234",
    "3.14159265358979",
    "1e10",
    "6.02214076e23",
    "100%",
    "123 45 678",
    "200 300 4000",
    "000-12-3456",
    "666-12-3456",
    "912-34-5678",
    "123-00-4567",
    "123-45-0000",
    "123-45-67890",
    "1123-45-6789",
    "123-45-6789-0",
    "12-34-5678",
    // Telephones that are none.
    "415-555-267",
    "115-555-2671",
    "415-155-2671",
    "411-411-4111",
    "+0123456789",
    "+123",
    "4155552671",
    "x+14155552671",
    "415-555-26711",
    "0-415-555-2671",
    "00 11 22 33 44",
    "1234-415-555-2671",
    // Addresses that are none.
    "256.1.1.1",
    "1.2.3",
    "1.2.3.",
    "01.02.03.04",
    "192.168.1",
    "a1.2.3.4b",
    "00:1b:44:11:3a:b7",
    "00:11:22:33:44:55:66:77",
    "::",
    "::1",
    "std::fs::read",
    "a::b",
    "5::dec",
    "now()::date",
    "'x'::text",
    "$1::int8",
    "face::bad",
    "12:30",
    "10:20:30:40",
    "{1:2,3:4}",
    "C::D::E",
    // Mail that is none.
    "alice@localhost",
    "@alice",
    "alice@",
    "a@b",
    "@media screen",
    "icon@2x.png",
    "logo@3x.webp",
    "@scope/pkg",
    "alice @ example.com",
    "user@-example.com",
    "alice@example.c",
    "alice@example.123",
    "x@y..com",
    ".@example.com",
    // Accounts that are none.
    "DE89370400440532013001",
    "XX89370400440532013000",
    "DE8937040044053201300",
    "DE893704004405320130000",
    "US12345678901234567890",
    "ADE89370400440532013000",
    "DE89 3704 0044 0532 0130 01",
    "GB82WEST12345698765433",
    // Tokens and keys that are none.
    "eyJ",
    "eyJhbGciOiJIUzI1NiJ9",
    "eyJhbGci.eyJz",
    "heyJude.example.org",
    "AKIA",
    "AKIAIOSFODNN7EXAMPL",
    "AKIAIOSFODNN7EXAMPLES",
    "XAKIAIOSFODNN7EXAMPLE",
    "AKIAiosfodnn7example",
    "AIzaShort",
    "ghp_short",
    "xoxb-1",
    "sk_live_short",
    "task_live_now",
    "secret_access_key",
    "aws_secret_access_key = short",
    "pk_live_1234567890abcdefgh",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "BEGIN PRIVATE KEY",
    "AccountKey=short",
    "ya29.x",
    "whsec_1",
    // Ordinary text.
    "The quick brown fox jumps over the lazy dog.",
    "O'Brien & Sons (est. 1987), 42 Main St., Apt. 7-B",
    "SELECT * FROM t WHERE id = 42 AND price > 9.99",
    "{\"id\": 42, \"tags\": [\"a\", \"b\"]}",
    "a,b,c;d|e",
    "Größe: 42 cm × 17 cm",
    "件名: 注文 12345 の確認",
    "/usr/share/doc/x-1.2.3/README.md",
    "https://example.com/a/b?c=1#d",
    "C:\\Program Files (x86)\\App\\1.0",
    "",
    " ",
    "\u{0}",
    "NULL",
    "true",
];

#[test]
fn nothing_is_found_in_what_only_looks_alike() {
    assert!(NOTHING.len() > 150);
    let detectors = all();
    let mut problems = Vec::new();
    for text in NOTHING {
        // Alone, and between other things.
        for text in [(*text).to_owned(), format!("x: {text} ;")] {
            let found = detectors.find(text.as_bytes());
            if !found.is_empty() {
                problems.push(format!("{text:?}: {found:?}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Numbers that count up have a correct check digit one time in ten: most are no issuer's.
#[test]
fn few_running_numbers_are_taken_for_cards() {
    let detectors = all();
    let numbers = (0..20_000_u64).map(|number| (number * 7919 + 1_000_000_000_000_000).to_string());
    let hits = numbers
        .filter(|number| !detectors.find(number.as_bytes()).is_empty())
        .count();
    assert_eq!(hits, 0);
}
