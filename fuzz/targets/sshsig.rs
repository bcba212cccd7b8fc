//! SSH keys and signatures of approvers. Good ones are known by heart: whatever else verifies is forged.
#![no_main]

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_signatures::{APPROVAL_NAMESPACE, SshKey};
use libfuzzer_sys::fuzz_target;

const STATEMENT: &[u8] = b"{\"decision\":\"approve\"}";

static KEYS: LazyLock<Vec<(SshKey, &str)>> = LazyLock::new(|| {
    macro_rules! pair {
        ($name:literal) => {
            (
                include_str!(concat!("../seeds/sshsig/key_", $name)),
                include_str!(concat!("../seeds/sshsig/good_", $name)),
            )
        };
    }
    let all = [
        pair!("ed25519"),
        pair!("p256"),
        pair!("p521"),
        pair!("rsa"),
        pair!("sk_ed25519"),
        pair!("sk_p256"),
    ];
    let parsed = all.map(|(key, good)| (SshKey::parse(key).unwrap(), good));
    for (key, good) in &parsed {
        key.verify(APPROVAL_NAMESPACE, STATEMENT, good).unwrap();
    }
    parsed.into()
});

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        only_what_is_known_verifies(text);
        keys_have_one_spelling(text);
    }
    // Past the armor, and past the base64 of a key.
    only_what_is_known_verifies(&armored(data));
    if let Some(name) = name(data) {
        keys_have_one_spelling(&format!("{name} {}", STANDARD.encode(data)));
    }
});

fn only_what_is_known_verifies(armored: &str) {
    for (key, good) in &*KEYS {
        let verified = key.verify(APPROVAL_NAMESPACE, STATEMENT, armored);
        assert_eq!(verified.is_ok(), armored == *good);
        assert!(key.verify(APPROVAL_NAMESPACE, b"", armored).is_err());
        assert!(key.verify("file", STATEMENT, armored).is_err());
    }
}

fn keys_have_one_spelling(line: &str) {
    if let Ok(key) = SshKey::parse(line) {
        assert!(line.starts_with(key.openssh()));
        assert_eq!(SshKey::parse(key.openssh()).as_ref(), Ok(&key));
        assert_eq!(key.fingerprint().len(), "SHA256:".len() + 43);
        for (_, good) in &*KEYS {
            let known = KEYS.iter().any(|(other, _)| *other == key);
            assert!(known || key.verify(APPROVAL_NAMESPACE, STATEMENT, good).is_err());
        }
    }
}

/// The type that a key's bytes begin with.
fn name(key: &[u8]) -> Option<&str> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    std::str::from_utf8(rest.get(..length)?).ok()
}

fn armored(blob: &[u8]) -> String {
    let mut text = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    for line in STANDARD.encode(blob).as_bytes().chunks(70) {
        writeln!(text, "{}", std::str::from_utf8(line).unwrap()).unwrap();
    }
    text + "-----END SSH SIGNATURE-----\n"
}
