//! The verifier's parser of records.
#![no_main]

use custos_verify::{Code, check_record};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    match check_record(data) {
        Ok(record) => {
            assert_eq!(check_record(data).as_ref(), Ok(&record));
            one_spelling(data, record.kind.as_str());
        }
        Err(bad) => {
            let codes = [
                Code::RecordMalformed,
                Code::RecordNotCanonical,
                Code::RecordTooLarge,
                Code::RecordSchema,
            ];
            assert!(codes.contains(&bad.code) && !bad.message.is_empty());
        }
    }
});

/// A good record is what the JSON library writes for it, and no other spelling of it is good.
fn one_spelling(data: &[u8], kind: &str) {
    assert!(data.len() <= 65_535);
    let value: Value = serde_json::from_slice(data).unwrap();
    assert_eq!(serde_json::to_vec(&value).unwrap(), data);
    assert_eq!(value["type"], kind);
    assert_eq!(value["v"], 1);
    for spoilt in [
        [b" ", data].concat(),
        [data, b"\n"].concat(),
        with_space(data),
    ] {
        assert!(check_record(&spoilt).is_err());
    }
}

/// A space after the first colon, which is never inside a text: keys have none.
fn with_space(data: &[u8]) -> Vec<u8> {
    let colon = data.iter().position(|byte| *byte == b':').unwrap();
    [&data[..=colon], b" ", &data[colon + 1..]].concat()
}
