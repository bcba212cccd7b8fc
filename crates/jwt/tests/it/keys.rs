//! Private keys for tests, made once in each run, and the set of their public halves.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_jwt::KeySet;
use serde_json::{Value, json};

/// A key that signs as one algorithm and may appear under any name.
pub(crate) enum TestKey {
    Ed25519(Ed25519KeyPair),
    Ecdsa(&'static str, EcdsaKeyPair),
    Rsa(&'static dyn RsaEncoding, RsaKeyPair),
}

pub(crate) static ED: LazyLock<TestKey> = LazyLock::new(|| ed25519(7));
pub(crate) static ED_OTHER: LazyLock<TestKey> = LazyLock::new(|| ed25519(8));
pub(crate) static ES256: LazyLock<TestKey> = LazyLock::new(p256);
/// In no set: whoever holds it is not the issuer.
pub(crate) static STRANGER: LazyLock<TestKey> = LazyLock::new(p256);
pub(crate) static ES384: LazyLock<TestKey> = LazyLock::new(|| {
    let pair = EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING);
    TestKey::Ecdsa("P-384", pair.expect("a key"))
});
static RSA_PAIR: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"));
pub(crate) static RS256: LazyLock<TestKey> = LazyLock::new(|| rsa(&signature::RSA_PKCS1_SHA256));
pub(crate) static RS384: LazyLock<TestKey> = LazyLock::new(|| rsa(&signature::RSA_PKCS1_SHA384));
pub(crate) static RS512: LazyLock<TestKey> = LazyLock::new(|| rsa(&signature::RSA_PKCS1_SHA512));
pub(crate) static PS256: LazyLock<TestKey> = LazyLock::new(|| rsa(&signature::RSA_PSS_SHA256));
pub(crate) static PS384: LazyLock<TestKey> = LazyLock::new(|| rsa(&signature::RSA_PSS_SHA384));
pub(crate) static PS512: LazyLock<TestKey> = LazyLock::new(|| rsa(&signature::RSA_PSS_SHA512));

/// The issuer's keys: `ed`, `es`, `es3`, `rsa`; `pinned` for PS256 only; `enc` not for signatures; two named `twice`.
pub(crate) static SET: LazyLock<KeySet> = LazyLock::new(|| {
    let keys = [
        ED.jwk("ed"),
        ES256.jwk("es"),
        ES384.jwk("es3"),
        RS256.jwk("rsa"),
        with(RS256.jwk("pinned"), "alg", "PS256"),
        with(RS256.jwk("enc"), "use", "enc"),
        ED.jwk("twice"),
        ED_OTHER.jwk("twice"),
    ];
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("a good set")
});

fn with(mut jwk: Value, name: &str, value: &str) -> Value {
    jwk[name] = value.into();
    jwk
}

pub(crate) fn ed25519(seed: u8) -> TestKey {
    TestKey::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed"))
}

fn p256() -> TestKey {
    let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING);
    TestKey::Ecdsa("P-256", pair.expect("a key"))
}

/// One pair for all: generating takes time.
fn rsa(encoding: &'static dyn RsaEncoding) -> TestKey {
    TestKey::Rsa(encoding, RSA_PAIR.clone())
}

impl TestKey {
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Ecdsa(_, pair) => pair
                .sign(&random, message)
                .expect("signed")
                .as_ref()
                .to_vec(),
            Self::Rsa(encoding, pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)
                    .expect("signed");
                signature
            }
        }
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Ed25519(pair) => {
                let x = encode(pair.public_key());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid})
            }
            Self::Ecdsa(curve, pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y), "kid": kid})
            }
            Self::Rsa(_, pair) => {
                let public = pair.public_key();
                let n = encode(public.modulus().big_endian_without_leading_zero());
                let e = encode(public.exponent().big_endian_without_leading_zero());
                json!({"kty": "RSA", "n": n, "e": e, "kid": kid})
            }
        }
    }

    /// The private key in PKCS#8, of ECDSA keys.
    pub(crate) fn ecdsa(&self) -> &EcdsaKeyPair {
        match self {
            Self::Ecdsa(_, pair) => pair,
            _ => panic!("not an ECDSA key"),
        }
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}
