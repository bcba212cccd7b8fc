//! Signatures that are wrong in one thing, and else as good as they can be: the forger has the key.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use custos_signatures::{MAX_ARMOR_BYTES, SignatureError, SshKey};

use crate::blob::{Parts, armor, key_line, string, strings};
use crate::keygen::{KINDS, KeyPair, MESSAGE, NAMESPACE, openssh_agrees};

struct Forger {
    pair: Ed25519KeyPair,
}

impl Forger {
    fn new() -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
        Self { pair }
    }

    fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn key(&self) -> SshKey {
        SshKey::parse(&key_line("ssh-ed25519", &[self.public()])).expect("a good key")
    }

    /// Unsigned.
    fn draft(&self) -> Parts {
        Parts {
            version: 1,
            key: strings(&[b"ssh-ed25519", self.public()]),
            namespace: NAMESPACE.into(),
            reserved: Vec::new(),
            hash: b"sha512".into(),
            signature: Vec::new(),
        }
    }

    /// Signed as it is, with whatever is wrong in it.
    fn signed(&self, parts: &Parts) -> Parts {
        let hash = match &parts.hash[..] {
            b"sha256" => &SHA256,
            b"sha384" => &SHA384,
            _ => &SHA512,
        };
        let digest = digest(hash, MESSAGE.as_bytes());
        let content = strings(&[
            &parts.namespace,
            &parts.reserved,
            &parts.hash,
            digest.as_ref(),
        ]);
        let signature = self.pair.sign(&[&b"SSHSIG"[..], &content].concat());
        Parts {
            signature: strings(&[b"ssh-ed25519", signature.as_ref()]),
            ..parts.clone()
        }
    }
}

fn refused(key: &SshKey, armored: &str, reason: SignatureError) {
    let verified = key.verify(NAMESPACE, MESSAGE.as_bytes(), armored);
    assert_eq!(verified, Err(reason), "{armored}");
}

#[test]
fn what_is_signed_here_verifies_there() {
    let forger = Forger::new();
    let key = forger.key();
    for hash in [&b"sha256"[..], b"sha512"] {
        let draft = Parts {
            hash: hash.into(),
            ..forger.draft()
        };
        let armored = forger.signed(&draft).armored();
        assert_eq!(key.verify(NAMESPACE, MESSAGE.as_bytes(), &armored), Ok(()));
        openssh_agrees(&key, NAMESPACE, MESSAGE, &armored).success();
    }
}

type Change = fn(&mut Parts);

#[test]
fn one_wrong_part() {
    let forger = Forger::new();
    let key = forger.key();
    let cases: [(Change, SignatureError); 10] = [
        (|it| it.version = 0, SignatureError::VersionUnknown),
        (|it| it.version = 2, SignatureError::ArmorMalformed),
        (|it| it.namespace.clear(), SignatureError::ArmorMalformed),
        (|it| it.namespace.push(0), SignatureError::NamespaceWrong),
        (
            |it| it.namespace.make_ascii_uppercase(),
            SignatureError::NamespaceWrong,
        ),
        (|it| it.reserved.push(0), SignatureError::ReservedUsed),
        (
            |it| it.hash = b"sha384".into(),
            SignatureError::ArmorMalformed,
        ),
        (
            |it| it.hash = b"SHA512".into(),
            SignatureError::ArmorMalformed,
        ),
        (|it| it.key.push(0), SignatureError::ArmorMalformed),
        (
            |it| it.key = strings(&[b"ssh-ed25519", &[9; 32]]),
            SignatureError::KeyOther,
        ),
    ];
    for (change, reason) in cases {
        let mut draft = forger.draft();
        change(&mut draft);
        refused(&key, &forger.signed(&draft).armored(), reason);
    }
}

#[test]
fn ed25519_signatures_have_one_spelling() {
    /// The group's order, little-endian (RFC 8032 section 5.1).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let forger = Forger::new();
    let key = forger.key();
    let good = forger.signed(&forger.draft());
    let mut other = good.clone();
    let at = other.signature.len() - 32;
    let mut carry = 0;
    for (byte, add) in other.signature[at..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_ne!(other, good);
    refused(&key, &other.armored(), SignatureError::SignatureWrong);
    for tail in [&[0][..], &string(b"")] {
        let mut longer = good.clone();
        longer.signature.extend_from_slice(tail);
        refused(&key, &longer.armored(), SignatureError::ArmorMalformed);
        let blob = [&good.blob(), tail].concat();
        refused(&key, &armor(&blob), SignatureError::ArmorMalformed);
    }
}

#[test]
fn armor_has_one_spelling() {
    let forger = Forger::new();
    let key = forger.key();
    let good = forger.signed(&forger.draft()).armored();
    let (first, rest) = good.split_once('\n').expect("lines");
    for other in [
        String::new(),
        format!("{good}\n"),
        format!("{good}{good}"),
        format!("\n{good}"),
        format!("text\n{good}"),
        format!("{good}text\n"),
        good.replace('\n', "\r\n"),
        good.replace('\n', " \n"),
        good.replace("SSH SIGNATURE", "SSH2 SIGNATURE"),
        good.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        good.to_lowercase(),
        good.trim_end().to_owned(),
        format!("{first}\nComment: x\n\n{rest}"),
        format!("{first}\n\n{rest}"),
        rest.to_owned(),
        // Wrapped after 64 letters.
        {
            let letters: String = rest.lines().filter(|line| !line.starts_with('-')).collect();
            let (one, two) = letters.split_at(64);
            let (two, three) = two.split_at(64);
            good.replace(&rest[..rest.find('-').expect("an end")], "")
                .replacen('\n', &format!("\n{one}\n{two}\n{three}\n"), 1)
        },
    ] {
        refused(&key, &other, SignatureError::ArmorMalformed);
    }
    let long = format!("{good}{}", "\n".repeat(MAX_ARMOR_BYTES));
    refused(&key, &long, SignatureError::TooLong);
}

#[test]
fn algorithms_are_the_keys() {
    let rsa = KeyPair::new(KINDS[4]);
    let parts = Parts::of(&rsa.good());
    let bytes = parts.signature.split_at(4 + "rsa-sha2-512".len() + 4).1;
    for (name, reason) in [
        ("ssh-rsa", SignatureError::AlgorithmWrong),
        ("rsa-sha2-256", SignatureError::SignatureWrong),
        ("ssh-dss", SignatureError::ArmorMalformed),
        ("unknown@example.com", SignatureError::AlgorithmWrong),
    ] {
        let signature = strings(&[name.as_bytes(), bytes]);
        let other = Parts {
            signature,
            ..parts.clone()
        };
        refused(&rsa.key(), &other.armored(), reason);
    }
    // Good signatures of one key under the name of another.
    let pairs: Vec<_> = KINDS[..8].iter().map(|kind| KeyPair::new(kind)).collect();
    for pair in &pairs {
        let parts = Parts::of(&pair.good());
        for other in &pairs {
            let theirs = Parts {
                signature: Parts::of(&other.good()).signature,
                ..parts.clone()
            };
            let verified = pair
                .key()
                .verify(NAMESPACE, MESSAGE.as_bytes(), &theirs.armored());
            assert_eq!(
                verified.is_ok(),
                std::ptr::eq(pair, other),
                "{}",
                theirs.armored()
            );
        }
    }
}

#[test]
fn a_security_key_that_nobody_touched() {
    for kind in ["ed25519-sk", "ecdsa-sk"] {
        let pair = KeyPair::new(&["-t", kind, "-O", "no-touch-required"]);
        refused(&pair.key(), &pair.good(), SignatureError::PresenceMissing);
        // The flag alone does not help: it is signed.
        let mut parts = Parts::of(&pair.good());
        let at = parts.signature.len() - 5;
        assert_eq!(parts.signature[at], 0);
        parts.signature[at] = 1;
        refused(
            &pair.key(),
            &parts.armored(),
            SignatureError::SignatureWrong,
        );
    }
}
