//! An authenticator that does what it is told, and the browser before it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_signatures::{Assertion, PasskeyAlgorithm, PasskeyKey};
use serde_json::json;

pub(crate) const RP_ID: &str = "custos.example.com";
pub(crate) const ORIGIN: &str = "https://custos.example.com";

/// Such that its base64url has letters that base64 has not.
pub(crate) const CHALLENGE: [u8; 32] = [0xfb; 32];

pub(crate) enum Secret {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

impl Secret {
    pub(crate) fn all() -> [Self; 3] {
        let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
        [
            Self::Es256(ecdsa.expect("a key")),
            Self::EdDsa(Ed25519KeyPair::generate().expect("a key")),
            Self::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
        ]
    }

    pub(crate) fn algorithm(&self) -> PasskeyAlgorithm {
        match self {
            Self::Es256(_) => PasskeyAlgorithm::Es256,
            Self::EdDsa(_) => PasskeyAlgorithm::EdDsa,
            Self::Rs256(_) => PasskeyAlgorithm::Rs256,
        }
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        let spki: PublicKeyX509Der<'_> = match self {
            Self::Es256(pair) => pair.public_key().as_der(),
            Self::EdDsa(pair) => pair.public_key().as_der(),
            Self::Rs256(pair) => pair.public_key().as_der(),
        }
        .expect("a key");
        spki.as_ref().to_vec()
    }

    pub(crate) fn key(&self) -> PasskeyKey {
        let id = b"credential".to_vec();
        PasskeyKey::new(id, self.spki(), self.algorithm(), RP_ID, ORIGIN).expect("a good key")
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => {
                let signature = pair.sign(&random, message).expect("signed");
                signature.as_ref().to_vec()
            }
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("signed");
                signature
            }
        }
    }
}

/// What will be signed, and can be wrong.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) id: Vec<u8>,
    pub(crate) client_data: String,
    pub(crate) authenticator_data: Vec<u8>,
}

impl Draft {
    pub(crate) fn good() -> Self {
        let challenge = text(&CHALLENGE);
        let client_data = format!(
            r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{ORIGIN}","crossOrigin":false}}"#
        );
        Self {
            id: b"credential".to_vec(),
            client_data,
            authenticator_data: [&sha256(RP_ID.as_bytes())[..], &[0x1d], &[0, 0, 1, 7]].concat(),
        }
    }

    pub(crate) fn replace(&mut self, from: &str, to: &str) {
        assert!(self.client_data.contains(from), "{from}");
        self.client_data = self.client_data.replace(from, to);
    }

    pub(crate) fn flags(&mut self, flags: u8) {
        self.authenticator_data[32] = flags;
    }

    pub(crate) fn signed(&self, secret: &Secret) -> Assertion {
        let hash = sha256(self.client_data.as_bytes());
        let signature = secret.sign(&[&self.authenticator_data[..], &hash].concat());
        self.with(&signature)
    }

    pub(crate) fn with(&self, signature: &[u8]) -> Assertion {
        let json = json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(self.client_data.as_bytes()),
                "authenticatorData": text(&self.authenticator_data),
                "signature": text(signature),
                "userHandle": null,
            },
        });
        Assertion::parse(json.to_string().as_bytes()).expect("well formed")
    }
}
