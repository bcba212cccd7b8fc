//! Private keys: what a server proves itself with, an authority signs with, and a client signs in with.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_signatures::SshKey;
use ssh_key::EcdsaCurve;
use ssh_key::private::KeypairData;
use zeroize::Zeroizing;

use crate::encoding::Put as _;

/// A private key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is in no form that is read.
    #[error("it is neither an OpenSSH private key nor a PKCS#8 one")]
    Format,
    /// It is under a passphrase.
    #[error("it is under a passphrase; take that away with `ssh-keygen -p`")]
    Encrypted,
    /// RSA keys are read from PKCS#8 only.
    #[error("an RSA key must be in PKCS#8; convert it with `ssh-keygen -p -m PKCS8`")]
    RsaFormat,
    /// Its kind is not used.
    #[error("its kind is not used; take Ed25519, ECDSA over P-256, P-384 or P-521, or RSA")]
    Kind,
    /// The crypto library refuses it.
    #[error("it is not a valid key")]
    Invalid,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaCurve, EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// A private key of which the public one is known.
pub struct PrivateKey {
    pair: Pair,
    public: SshKey,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PrivateKey({})", self.public.fingerprint())
    }
}

impl PrivateKey {
    /// Ed25519, from its 32 bytes of seed (RFC 8032 section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Invalid)?;
        Self::new(Pair::Ed25519(pair))
    }

    /// The same as [`PrivateKey::from_seed`], as a file that OpenSSH reads (PROTOCOL.key), without a passphrase.
    pub fn openssh_from_seed(seed: &[u8; 32], remark: &str) -> Result<Zeroizing<String>, KeyError> {
        let public = Self::from_seed(seed)?.public().encode();
        let own = public
            .get(public.len().saturating_sub(32)..)
            .unwrap_or_default();
        let both = Zeroizing::new([seed.as_slice(), own].concat());
        let mut private = Zeroizing::new(Vec::with_capacity(256));
        // Two equal numbers, by which a wrong passphrase shows; here there is none.
        private
            .uint32(0)
            .uint32(0)
            .string("ssh-ed25519")
            .string(own);
        private.string(both.as_slice()).string(remark);
        for padding in 1..=8u8 {
            if private.len().is_multiple_of(8) {
                break;
            }
            private.byte(padding);
        }
        let mut key = Zeroizing::new(Vec::with_capacity(512));
        key.raw(b"openssh-key-v1\0")
            .string("none")
            .string("none")
            .string("");
        key.uint32(1).string(&public).string(private.as_slice());
        let encoded = Zeroizing::new(STANDARD.encode(key.as_slice()));
        let mut text = Zeroizing::new(String::with_capacity(512));
        text.push_str("-----BEGIN OPENSSH PRIVATE KEY-----\n");
        for (place, letter) in encoded.chars().enumerate() {
            if place > 0 && place % 70 == 0 {
                text.push('\n');
            }
            text.push(letter);
        }
        text.push_str("\n-----END OPENSSH PRIVATE KEY-----\n");
        Ok(text)
    }

    /// Reads an OpenSSH private key (PROTOCOL.key) of Ed25519 or ECDSA, or a PKCS#8 one (RFC 5958) of RSA, in PEM.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
            return Self::parse_openssh(text);
        }
        if text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            return Err(KeyError::Encrypted);
        }
        let body = text
            .strip_prefix("-----BEGIN PRIVATE KEY-----")
            .and_then(|text| text.strip_suffix("-----END PRIVATE KEY-----"))
            .ok_or(KeyError::Format)?;
        let body: Zeroizing<String> =
            Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        let der = STANDARD
            .decode(body.as_bytes())
            .map_err(|_| KeyError::Format)?;
        let der = Zeroizing::new(der);
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| KeyError::Kind)?;
        Self::new(Pair::Rsa(pair))
    }

    fn parse_openssh(text: &str) -> Result<Self, KeyError> {
        let key = ssh_key::PrivateKey::from_openssh(text).map_err(|_| KeyError::Format)?;
        let pair = match key.key_data() {
            KeypairData::Encrypted(_) => return Err(KeyError::Encrypted),
            KeypairData::Rsa(_) => return Err(KeyError::RsaFormat),
            KeypairData::Ed25519(pair) => {
                let seed = Zeroizing::new(pair.private.to_bytes());
                let pair = Ed25519KeyPair::from_seed_and_public_key(&*seed, &pair.public.0);
                Pair::Ed25519(pair.map_err(|_| KeyError::Invalid)?)
            }
            KeypairData::Ecdsa(pair) => {
                let (curve, algorithm) = match pair.curve() {
                    EcdsaCurve::NistP256 => (
                        EcdsaCurve::NistP256,
                        &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                    ),
                    EcdsaCurve::NistP384 => (
                        EcdsaCurve::NistP384,
                        &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
                    ),
                    EcdsaCurve::NistP521 => (
                        EcdsaCurve::NistP521,
                        &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
                    ),
                };
                let (secret, public) = (pair.private_key_bytes(), pair.public_key_bytes());
                let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, secret, public);
                Pair::Ecdsa(curve, pair.map_err(|_| KeyError::Invalid)?)
            }
            _ => return Err(KeyError::Kind),
        };
        Self::new(pair)
    }

    fn new(pair: Pair) -> Result<Self, KeyError> {
        let mut blob = Vec::new();
        match &pair {
            Pair::Ed25519(pair) => {
                blob.string("ssh-ed25519").string(pair.public_key());
            }
            Pair::Ecdsa(curve, pair) => {
                let kind = format!("ecdsa-sha2-{}", curve.as_str());
                blob.string(kind)
                    .string(curve.as_str())
                    .string(pair.public_key());
            }
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let e = public.exponent().big_endian_without_leading_zero().to_vec();
                let n = public.modulus().big_endian_without_leading_zero().to_vec();
                blob.string("ssh-rsa").mpint(&e).mpint(&n);
            }
        }
        let public = SshKey::decode(&blob).map_err(|_| KeyError::Invalid)?;
        Ok(Self { pair, public })
    }

    /// The public key.
    pub fn public(&self) -> &SshKey {
        &self.public
    }

    /// Names of the algorithms that it signs by, the preferred one first.
    pub fn algorithms(&self) -> &'static [&'static str] {
        match &self.pair {
            Pair::Ed25519(_) => &["ssh-ed25519"],
            Pair::Ecdsa(EcdsaCurve::NistP256, _) => &["ecdsa-sha2-nistp256"],
            Pair::Ecdsa(EcdsaCurve::NistP384, _) => &["ecdsa-sha2-nistp384"],
            Pair::Ecdsa(EcdsaCurve::NistP521, _) => &["ecdsa-sha2-nistp521"],
            Pair::Rsa(_) => &["rsa-sha2-512", "rsa-sha2-256"],
        }
    }

    /// Signs `message` by one of its algorithms, as it goes over the wire (RFC 4253 section 6.6). `None`: it does not sign by
    /// that, or the library failed.
    pub fn sign(&self, algorithm: &str, message: &[u8]) -> Option<Vec<u8>> {
        if !self.algorithms().contains(&algorithm) {
            return None;
        }
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(message).ok()?.as_ref().to_vec(),
            Pair::Ecdsa(_, pair) => {
                let both = pair.sign(&random, message).ok()?;
                let (r, s) = both.as_ref().split_at_checked(both.as_ref().len() / 2)?;
                let mut numbers = Vec::new();
                numbers.mpint(r).mpint(s);
                numbers
            }
            Pair::Rsa(pair) => {
                let padding: &dyn RsaEncoding = if algorithm == "rsa-sha2-512" {
                    &signature::RSA_PKCS1_SHA512
                } else {
                    &signature::RSA_PKCS1_SHA256
                };
                let mut bytes = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut bytes).ok()?;
                bytes
            }
        };
        let mut out = Vec::with_capacity(signature.len() + 32);
        out.string(algorithm).string(&signature);
        Some(out)
    }
}

/// What a server proves itself with.
#[derive(Debug)]
pub struct HostKey {
    private: Arc<PrivateKey>,
    public: Vec<u8>,
    certificate: Option<Vec<u8>>,
}

impl HostKey {
    /// `certificate`: of an authority for this key, as it goes over the wire.
    pub fn new(private: impl Into<Arc<PrivateKey>>, certificate: Option<Vec<u8>>) -> Self {
        let private = private.into();
        let public = private.public().encode();
        Self {
            private,
            public,
            certificate,
        }
    }

    /// Its public key.
    pub fn public(&self) -> &SshKey {
        self.private.public()
    }

    /// Names of its algorithms, that of its certificate first.
    pub(crate) fn algorithms(&self) -> Vec<String> {
        let plain = self.private.algorithms().iter();
        let certified = plain.clone().map(|name| certified(name));
        let certified = certified.filter(|_| self.certificate.is_some());
        certified
            .chain(plain.map(|name| (*name).to_owned()))
            .collect()
    }

    /// The public key or certificate that goes with an algorithm, and the name that signatures have.
    pub(crate) fn of(&self, algorithm: &str) -> Option<(&[u8], &'static str)> {
        let mut names = self.private.algorithms().iter();
        names.find_map(|name| {
            if *name == algorithm {
                return Some((self.public.as_slice(), *name));
            }
            let certificate = self.certificate.as_deref()?;
            (certified(name) == algorithm).then_some((certificate, *name))
        })
    }

    pub(crate) fn sign(&self, algorithm: &str, message: &[u8]) -> Option<Vec<u8>> {
        self.private.sign(algorithm, message)
    }
}

/// The name of an algorithm when a certificate stands in place of the key.
pub fn certified(algorithm: &str) -> String {
    format!("{algorithm}-cert-v01@openssh.com")
}

#[cfg(test)]
mod tests {
    use super::{KeyError, PrivateKey};

    #[test]
    fn a_written_key_is_read_again() {
        let seed = [5; 32];
        let text = PrivateKey::openssh_from_seed(&seed, "remark").unwrap();
        let read = PrivateKey::parse(&text).unwrap();
        assert_eq!(
            read.public(),
            PrivateKey::from_seed(&seed).unwrap().public()
        );
        assert!(text.lines().all(|line| line.len() <= 70));
    }

    /// `ssh-keygen` is the judge of what is written, and makes what is read.
    #[test]
    fn openssh_reads_what_is_written_and_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        let text = PrivateKey::openssh_from_seed(&[5; 32], "remark").unwrap();
        std::fs::write(&file, text.as_bytes()).unwrap();
        run("chmod", &["600", file.to_str().unwrap()]);
        let public = run("ssh-keygen", &["-y", "-f", file.to_str().unwrap()]);
        let ours = PrivateKey::from_seed(&[5; 32]).unwrap();
        assert_eq!(public.trim(), format!("{} remark", ours.public().openssh()));
        for (kind, more) in [
            ("ed25519", &[][..]),
            ("ecdsa", &["-b", "256"]),
            ("ecdsa", &["-b", "384"]),
            ("ecdsa", &["-b", "521"]),
            ("rsa", &["-b", "2048", "-m", "PKCS8"]),
        ] {
            let file = directory.path().join(format!("{kind}{}", more.join("")));
            let path = file.to_str().unwrap();
            run(
                "ssh-keygen",
                &[&["-q", "-N", "", "-t", kind, "-f", path], more].concat(),
            );
            let key = PrivateKey::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
            let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
            assert!(public.starts_with(key.public().openssh()), "{public}");
            for algorithm in key.algorithms() {
                let signature = key.sign(algorithm, b"message").unwrap();
                key.public()
                    .verify_plain(algorithm, b"message", &signature)
                    .unwrap();
                assert!(
                    key.public()
                        .verify_plain(algorithm, b"massage", &signature)
                        .is_err()
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        let path = file.to_str().unwrap();
        run(
            "ssh-keygen",
            &["-q", "-N", "secret", "-t", "ed25519", "-f", path],
        );
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(PrivateKey::parse(&text).unwrap_err(), KeyError::Encrypted);
        assert_eq!(PrivateKey::parse("").unwrap_err(), KeyError::Format);
    }

    fn run(program: &str, arguments: &[&str]) -> String {
        let output = std::process::Command::new(program)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}
