//! Those who approve, with keys made here: from the specifications, and sharing nothing with the verifier.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD as BASE64URL};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use crate::writer::hex;

pub(crate) const NAMESPACE: &str = "custos-approval";
pub(crate) const ORIGIN: &str = "https://custos.example.com";
const RP_ID: &str = "custos.example.com";

/// How somebody signs.
#[derive(Clone)]
pub(crate) enum Signer {
    /// An SSH key made from a seed.
    Ssh(u8),
    /// The same on a security key.
    SecurityKey(u8),
    /// A passkey for ES256, made from a seed.
    Passkey(u8),
    /// Nobody signs.
    Attested,
}

/// Somebody who approves.
#[derive(Clone)]
pub(crate) struct Approver {
    pub(crate) name: &'static str,
    pub(crate) signer: Signer,
}

pub(crate) const BOB: Approver = Approver {
    name: "bob",
    signer: Signer::Ssh(20),
};
pub(crate) const CAROL: Approver = Approver {
    name: "carol",
    signer: Signer::Passkey(21),
};

impl Approver {
    pub(crate) fn actor(&self) -> Value {
        json!({"iss": "custos", "kind": "human", "name": self.name, "sub": self.name, "groups": ["dba"]})
    }

    pub(crate) fn in_statement(&self) -> Value {
        json!({"issuer": "custos", "name": self.name, "subject": self.name})
    }

    pub(crate) fn method(&self) -> &'static str {
        match self.signer {
            Signer::Ssh(_) | Signer::SecurityKey(_) => "ssh",
            Signer::Passkey(_) => "webauthn",
            Signer::Attested => "attested",
        }
    }

    pub(crate) fn extension(&self) -> &'static str {
        match self.method() {
            "webauthn" => "webauthn.json",
            _ => "sshsig",
        }
    }

    /// The public key as `ssh` or SubjectPublicKeyInfo has it.
    fn public(&self) -> Vec<u8> {
        match self.signer {
            Signer::Ssh(seed) => {
                strings(&[b"ssh-ed25519", ed25519(seed).verifying_key().as_bytes()])
            }
            Signer::SecurityKey(seed) => strings(&[
                b"sk-ssh-ed25519@openssh.com",
                ed25519(seed).verifying_key().as_bytes(),
                b"ssh:",
            ]),
            Signer::Passkey(seed) => {
                let prefix = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
                let point = p256(seed).verifying_key().to_sec1_point(false);
                [&unhex(prefix)[..], point.as_bytes()].concat()
            }
            Signer::Attested => Vec::new(),
        }
    }

    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(&self.public())
    }

    /// `detail` of `approver.enrolled`.
    pub(crate) fn enrolment(&self) -> Value {
        let public = self.public();
        let mut detail = json!({
            "approver": "01932f5a-7c1e-7abc-8def-00000000e001", "issuer": "custos", "subject": self.name, "name": self.name,
            "key": self.fingerprint(), "method": self.method(),
        });
        if let Signer::Passkey(_) = self.signer {
            detail["public_key"] = BASE64URL.encode(public).into();
            detail["credential_id"] = BASE64URL.encode(self.name).into();
            detail["rp_id"] = RP_ID.into();
            detail["origin"] = ORIGIN.into();
        } else {
            let kind = match self.signer {
                Signer::Ssh(_) => "ssh-ed25519",
                _ => "sk-ssh-ed25519@openssh.com",
            };
            detail["public_key"] = format!("{kind} {}", STANDARD.encode(public)).into();
        }
        detail
    }

    /// The content of the signature's file.
    pub(crate) fn sign(&self, statement: &[u8]) -> Vec<u8> {
        match self.signer {
            Signer::Ssh(_) | Signer::SecurityKey(_) => self.sshsig(NAMESPACE, statement),
            Signer::Passkey(_) => self.assertion(statement, |_| {}, |_| {}),
            Signer::Attested => Vec::new(),
        }
    }

    /// PROTOCOL.sshsig, and PROTOCOL.u2f for security keys.
    pub(crate) fn sshsig(&self, namespace: &str, statement: &[u8]) -> Vec<u8> {
        let digest = Sha512::digest(statement);
        let signed = [
            b"SSHSIG",
            &strings(&[namespace.as_bytes(), b"", b"sha512", &digest])[..],
        ]
        .concat();
        let signature = match self.signer {
            Signer::Ssh(seed) => {
                strings(&[b"ssh-ed25519", &ed25519(seed).sign(&signed).to_bytes()])
            }
            Signer::SecurityKey(seed) => {
                let tail = [1, 0, 0, 0, 7];
                let signed = [&Sha256::digest("ssh:")[..], &tail, &Sha256::digest(signed)].concat();
                let signature = ed25519(seed).sign(&signed).to_bytes();
                [
                    &strings(&[b"sk-ssh-ed25519@openssh.com", &signature])[..],
                    &tail,
                ]
                .concat()
            }
            _ => panic!("no SSH key"),
        };
        let parts = [
            &self.public()[..],
            namespace.as_bytes(),
            b"",
            b"sha512",
            &signature,
        ];
        armor(&[b"SSHSIG\0\0\0\x01", &strings(&parts)[..]].concat())
    }

    /// An assertion whose client data and authenticator data are changed before they are signed.
    pub(crate) fn assertion(
        &self,
        statement: &[u8],
        client: impl FnOnce(&mut Value),
        authenticator: impl FnOnce(&mut Vec<u8>),
    ) -> Vec<u8> {
        use p256::ecdsa::{Signature, signature::Signer as _};
        let Signer::Passkey(seed) = self.signer else {
            panic!("no passkey")
        };
        let challenge = Sha256::digest([b"custos approval v1\0", statement].concat());
        let mut data = json!({"type": "webauthn.get", "challenge": BASE64URL.encode(challenge), "origin": ORIGIN, "crossOrigin": false});
        client(&mut data);
        let data = data.to_string();
        let mut of_authenticator = [&Sha256::digest(RP_ID)[..], &[5, 0, 0, 0, 9]].concat();
        authenticator(&mut of_authenticator);
        let signed = [&of_authenticator[..], &Sha256::digest(&data)].concat();
        let signature: Signature = p256(seed).sign(&signed);
        let id = BASE64URL.encode(self.name);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL.encode(data),
                "authenticatorData": BASE64URL.encode(of_authenticator),
                "signature": BASE64URL.encode(signature.to_der().as_bytes()),
            },
        })
        .to_string()
        .into_bytes()
    }
}

pub(crate) fn fingerprint(public: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(public)))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Base64 in lines of seventy.
pub(crate) fn armor(blob: &[u8]) -> Vec<u8> {
    let base64 = STANDARD.encode(blob);
    let lines: Vec<&[u8]> = base64.as_bytes().chunks(70).collect();
    [
        b"-----BEGIN SSH SIGNATURE-----\n",
        &lines.join(&b"\n"[..])[..],
        b"\n-----END SSH SIGNATURE-----\n",
    ]
    .concat()
}

fn ed25519(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn p256(seed: u8) -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn strings(parts: &[&[u8]]) -> Vec<u8> {
    let one = |part: &&[u8]| [&(part.len() as u32).to_be_bytes()[..], part].concat();
    parts.iter().flat_map(one).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}
