//! What a log's directory holds beside hashes: entry bundles, paths of tiles, texts of checkpoints.
#![no_main]

use custos_tlog::{Checkpoint, Hash, TilePath, entries};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    entry_bundle(data);
    if let Ok(text) = std::str::from_utf8(data) {
        texts(text);
    }
});

/// Encoding what was decoded gives the same bytes, as far as the bundle was good.
fn entry_bundle(bundle: &[u8]) {
    let mut encoded = Vec::new();
    let mut bad = false;
    let mut count = 0;
    for item in entries::decode(bundle) {
        assert!(!bad, "something came after an error");
        match item {
            Ok(record) => {
                count += 1;
                entries::encode(&mut encoded, record).unwrap();
            }
            Err(_) => bad = true,
        }
    }
    assert!(count <= 256);
    assert!(bundle.starts_with(&encoded));
    assert_eq!(bad, encoded.len() != bundle.len());
}

/// What is accepted has one spelling only.
fn texts(text: &str) {
    if let Ok(path) = TilePath::parse(text) {
        assert_eq!(path.to_string(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_text(), text);
    }
    if let Ok(hash) = Hash::from_base64(text) {
        assert_eq!(hash.to_base64(), text);
    }
}
