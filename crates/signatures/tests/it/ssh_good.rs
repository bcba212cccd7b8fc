//! What `ssh-keygen` signs verifies here, and what does not verify there does not here.

use custos_signatures::{ApproverKey, Method, Signature, SignatureError, SshKey};
use custos_testkit::{PATIENCE, run};

use crate::keygen::{KINDS, KeyPair, MESSAGE, NAMESPACE, keygen, openssh_agrees};

#[test]
fn every_kind_of_key_signs() {
    let stranger = KeyPair::new(KINDS[0]).key();
    for kind in KINDS {
        let pair = KeyPair::new(kind);
        let key = pair.key();
        for hash in ["sha256", "sha512"] {
            let option = format!("hashalg={hash}");
            let armored = pair.sign(NAMESPACE, MESSAGE, &["-O", &option]);
            let verified = |key: &SshKey, namespace, message: &str| {
                let here = key.verify(namespace, message.as_bytes(), &armored);
                let there = openssh_agrees(key, namespace, message, &armored);
                assert_eq!(here.is_ok(), there.code() == 0, "{kind:?} {there}");
                here
            };
            assert_eq!(verified(&key, NAMESPACE, MESSAGE), Ok(()), "{kind:?}");
            let other = verified(&key, "file", MESSAGE);
            assert_eq!(other, Err(SignatureError::NamespaceWrong));
            let other = verified(&key, NAMESPACE, "{\"decision\":\"deny\"}");
            assert_eq!(other, Err(SignatureError::SignatureWrong));
            let other = verified(&stranger, NAMESPACE, MESSAGE);
            assert_eq!(other, Err(SignatureError::KeyOther));
        }
    }
}

/// Leading zeros in `r`, `s` and RSA's numbers come once in 256 signatures.
#[test]
fn many_signatures_of_each_length() {
    for kind in [KINDS[1], KINDS[3], KINDS[7]] {
        let pair = KeyPair::new(kind);
        let key = pair.key();
        for number in 0..64 {
            let message = number.to_string();
            let armored = pair.sign(NAMESPACE, &message, &[]);
            assert_eq!(
                key.verify(NAMESPACE, message.as_bytes(), &armored),
                Ok(()),
                "{armored}"
            );
        }
    }
}

#[test]
fn a_key_is_shown_as_ssh_keygen_shows_it() {
    for kind in KINDS {
        let pair = KeyPair::new(kind);
        let key = pair.key();
        let mut command = keygen();
        command.arg("-lf").arg(pair.file("key.pub"));
        let printed = run(&mut command, PATIENCE).success();
        assert_eq!(printed.split(' ').nth(1), Some(key.fingerprint()));
        assert_eq!(format!("{} bob's key\n", key.openssh()), pair.public());
        assert_eq!(SshKey::parse(key.openssh()), Ok(key));
    }
}

#[test]
fn either_kind_of_key_by_one_name() {
    let pair = KeyPair::new(KINDS[0]);
    let key = ApproverKey::Ssh(pair.key());
    assert_eq!(key.method(), Method::Ssh);
    assert_eq!(key.fingerprint(), pair.key().fingerprint());
    let signature = Signature::Ssh(pair.good());
    assert_eq!(
        key.verify(NAMESPACE, MESSAGE.as_bytes(), &signature),
        Ok(None)
    );
    let json = serde_json::json!({"method": "ssh", "key": pair.key().openssh()});
    assert_eq!(serde_json::to_value(&key).expect("JSON"), json);
    assert_eq!(
        serde_json::from_value::<ApproverKey>(json).expect("a key"),
        key
    );
    let json = serde_json::json!({"method": "ssh", "signature": pair.good()});
    assert_eq!(serde_json::to_value(&signature).expect("JSON"), json);
    for bad in [
        r#"{"method":"ssh","key":"ssh-ed25519 AAAA"}"#,
        r#"{"method":"attested"}"#,
        r#"{"method":"ssh","key":"x","more":1}"#,
    ] {
        assert!(serde_json::from_str::<ApproverKey>(bad).is_err(), "{bad}");
    }
}
