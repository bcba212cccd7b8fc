//! The fuzz targets know good signatures by heart: their seeds, of a real `ssh-keygen` and a real Chromium.

use custos_signatures::{Assertion, PasskeyKey, SignatureError, SshKey, approval_challenge};

use crate::keygen::{MESSAGE, NAMESPACE};

fn seed(target: &str, name: &str) -> String {
    let seeds = custos_testkit::root().join("fuzz/seeds");
    std::fs::read_to_string(seeds.join(target).join(name)).expect("a seed")
}

#[test]
fn signatures_of_ssh_keygen() {
    for name in ["ed25519", "p256", "p521", "rsa", "sk_ed25519", "sk_p256"] {
        let key = SshKey::parse(&seed("sshsig", &format!("key_{name}"))).expect("a good key");
        let armored = seed("sshsig", &format!("good_{name}"));
        let verified = key.verify(NAMESPACE, MESSAGE.as_bytes(), &armored);
        assert_eq!(verified, Ok(()), "{name}");
    }
}

#[test]
fn assertions_of_chromium() {
    let challenge = approval_challenge(MESSAGE.as_bytes());
    for name in ["es256", "eddsa", "rs256"] {
        let key = seed("webauthn", &format!("key_{name}"));
        let key: PasskeyKey = serde_json::from_str(&key).expect("a good key");
        let verified = |kind: &str| {
            let json = seed("webauthn", &format!("{kind}_{name}"));
            let assertion = Assertion::parse(json.as_bytes()).expect("well formed");
            key.verify(&challenge, &assertion)
        };
        assert!(verified("good").is_ok(), "{name}");
        assert_eq!(verified("framed"), Err(SignatureError::CrossOrigin));
        assert_eq!(verified("unverified"), Err(SignatureError::UserNotVerified));
    }
}
