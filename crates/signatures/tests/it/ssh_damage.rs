//! Damaged signatures: none verifies, and nothing panics.

use proptest::prelude::{ProptestConfig, any, proptest};

use crate::blob::{armor, unarmor};
use crate::keygen::{KINDS, KeyPair, MESSAGE, NAMESPACE};
use custos_signatures::SshKey;

/// Not RSA of 3072 bits and another application, which are like others.
fn pairs() -> impl Iterator<Item = KeyPair> {
    KINDS[..8]
        .iter()
        .filter(|kind| kind.last() != Some(&"3072"))
        .map(|kind| KeyPair::new(kind))
}

#[test]
fn every_bit_counts() {
    for pair in pairs() {
        let key = pair.key();
        let good = pair.good();
        let verifies = |armored: &str| key.verify(NAMESPACE, MESSAGE.as_bytes(), armored).is_ok();
        assert!(verifies(&good));
        for at in 0..good.len() {
            assert!(!verifies(&good[..at]), "{at}");
            assert!(!verifies(&good[at + 1..]), "{at}");
            for bit in 0..8 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(text) = String::from_utf8(bytes) {
                    assert!(!verifies(&text), "{at} {bit}");
                }
            }
        }
        let blob = unarmor(&good);
        for at in 0..blob.len() {
            assert!(!verifies(&armor(&blob[..at])), "{at}");
            for bit in 0..8 {
                let mut bytes = blob.clone();
                bytes[at] ^= 1 << bit;
                assert!(!verifies(&armor(&bytes)), "{at} {bit}");
            }
        }
    }
}

#[test]
fn no_damaged_key_is_another_spelling_of_a_key() {
    for pair in pairs() {
        let good = pair.key();
        let line = good.openssh();
        for at in 0..line.len() {
            assert_ne!(SshKey::parse(&line[..at]).as_ref(), Ok(&good));
            for bit in 0..7 {
                let mut bytes = line.to_owned().into_bytes();
                bytes[at] ^= 1 << bit;
                let text = String::from_utf8(bytes).expect("ASCII");
                if let Ok(other) = SshKey::parse(&text) {
                    assert_ne!(other.fingerprint(), good.fingerprint(), "{text}");
                    assert!(text.starts_with(other.openssh()), "{text}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_may_come(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
        let key = SshKey::parse(key).expect("a good key");
        for armored in [&text, &armor(&bytes), &armor(&[b"SSHSIG\0\0\0\x01", &bytes[..]].concat())] {
            assert!(key.verify(NAMESPACE, b"", armored).is_err());
        }
        let _ = SshKey::parse(&text);
        let _ = SshKey::parse(&format!("ssh-rsa {text}"));
    }
}
