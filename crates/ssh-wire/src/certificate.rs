//! Certificates (OpenSSH PROTOCOL.certkeys): a key with what its holder may do, signed by an authority.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_signatures::SshKey;

use crate::encoding::{Put as _, Reader};
use crate::error::WireError;
use crate::host_key::{KeyError, PrivateKey, certified};

/// Bytes of a certificate at most.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// Principals, critical options and extensions at most, each.
const MAX_ENTRIES: usize = 256;

/// Whom it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// Somebody who signs in.
    User,
    /// A server.
    Host,
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whom it is for.
    pub kind: CertificateKind,
    /// Number, for the authority's own records.
    pub serial: u64,
    /// A name, which servers log.
    pub key_id: String,
    /// Login names or host names that it is good for. Here none is none, though OpenSSH takes it as all.
    pub principals: Vec<String>,
    /// From when on, seconds since 1970.
    pub valid_after: u64,
    /// Until when, exclusive.
    pub valid_before: u64,
    /// Conditions that whoever does not know them must refuse.
    pub critical_options: BTreeMap<String, Vec<u8>>,
    /// What its holder may do besides signing in.
    pub extensions: BTreeMap<String, Vec<u8>>,
}

/// A certificate that was read. Only [`Certificate::is_signed_by`] says whether it is any authority's.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The key that it is for.
    pub key: SshKey,
    /// What it says.
    pub grant: Grant,
    authority: SshKey,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Certificate {
    /// Reads a line as `ssh-keygen` writes it: the kind, base64, and a remark. Returns it as it goes over the wire too.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn parse(line: &str) -> Result<(Vec<u8>, Self), WireError> {
        let mut words = line.split_ascii_whitespace();
        let (Some(kind), Some(text)) = (words.next(), words.next()) else {
            return Err(WireError::Unknown);
        };
        let bytes = STANDARD.decode(text).map_err(|_| WireError::Unknown)?;
        let certificate = Self::decode(&bytes)?;
        if Reader::new(&bytes).text()? != kind {
            return Err(WireError::Unknown);
        }
        Ok((bytes, certificate))
    }

    /// Reads a certificate as it goes over the wire.
    ///
    /// # Errors
    /// [`WireError`] for what is no certificate of a kind of key that is used, or has parts twice or out of order. An
    /// authority that is a certificate itself is refused (CVE-2025-49825 had it taken).
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > MAX_CERTIFICATE_BYTES {
            return Err(WireError::TooLong("certificate"));
        }
        let mut reader = Reader::new(bytes);
        let kind = reader.text()?;
        let fields = fields(kind).ok_or(WireError::Unknown)?;
        let plain = kind.strip_suffix("-cert-v01@openssh.com");
        let plain = plain.ok_or(WireError::Unknown)?;
        reader.string()?;
        let mut key = Vec::new();
        // Security keys have their suffix after the rest: sk-ssh-ed25519@openssh.com.
        if plain.starts_with("sk-") {
            key.string(format!("{plain}@openssh.com"));
        } else {
            key.string(plain);
        }
        for _ in 0..fields {
            key.string(reader.string()?);
        }
        let serial = reader.uint64()?;
        let kind = match reader.uint32()? {
            1 => CertificateKind::User,
            2 => CertificateKind::Host,
            _ => return Err(WireError::Unknown),
        };
        let key_id = reader.text()?.to_owned();
        let principals = principals(reader.string()?)?;
        let (valid_after, valid_before) = (reader.uint64()?, reader.uint64()?);
        let critical_options = options(reader.string()?)?;
        let extensions = options(reader.string()?)?;
        reader.string()?;
        let authority = reader.string()?;
        let signed_bytes = bytes.len() - reader.clone().rest().len();
        let signature = reader.string()?.to_vec();
        reader.end()?;
        let read = |blob: &[u8]| SshKey::decode(blob).map_err(|_| WireError::Unknown);
        Ok(Self {
            key: read(&key)?,
            grant: Grant {
                kind,
                serial,
                key_id,
                principals,
                valid_after,
                valid_before,
                critical_options,
                extensions,
            },
            authority: read(authority)?,
            signed: bytes.get(..signed_bytes).unwrap_or_default().to_vec(),
            signature,
        })
    }

    /// Whether this authority signed it. The algorithm is the key's own; RSA signs with SHA-2.
    pub fn is_signed_by(&self, authority: &SshKey) -> bool {
        let names: &[&str] = match authority.kind() {
            "ssh-rsa" => &["rsa-sha2-512", "rsa-sha2-256"],
            kind => &[kind],
        };
        self.authority == *authority
            && names.iter().any(|name| {
                let verified = authority.verify_plain(name, &self.signed, &self.signature);
                verified.is_ok()
            })
    }

    /// Makes a certificate for `key`; returned as it goes over the wire. `nonce`: 32 random bytes.
    pub fn issue(
        key: &SshKey,
        grant: &Grant,
        authority: &PrivateKey,
        nonce: [u8; 32],
    ) -> Result<Vec<u8>, KeyError> {
        let plain = key.encode();
        let mut reader = Reader::new(&plain);
        let kind = reader.text().map_err(|_| KeyError::Invalid)?;
        let kind = certified(kind.strip_suffix("@openssh.com").unwrap_or(kind));
        if fields(&kind).is_none() {
            return Err(KeyError::Kind);
        }
        let mut out = Vec::with_capacity(1024);
        out.string(&kind).string(nonce).raw(reader.rest());
        out.uint64(grant.serial).uint32(match grant.kind {
            CertificateKind::User => 1,
            CertificateKind::Host => 2,
        });
        out.string(&grant.key_id);
        let mut principals = Vec::new();
        for principal in &grant.principals {
            principals.string(principal);
        }
        out.string(principals)
            .uint64(grant.valid_after)
            .uint64(grant.valid_before);
        for options in [&grant.critical_options, &grant.extensions] {
            let mut all = Vec::new();
            for (name, value) in options {
                all.string(name).string(value);
            }
            out.string(all);
        }
        out.string("").string(authority.public().encode());
        let algorithm = authority.algorithms().first().ok_or(KeyError::Kind)?;
        let signature = authority.sign(algorithm, &out).ok_or(KeyError::Invalid)?;
        out.string(signature);
        Ok(out)
    }
}

/// How many strings a key of this kind of certificate has; `mpint`s are read as strings.
fn fields(kind: &str) -> Option<usize> {
    match kind {
        "ssh-ed25519-cert-v01@openssh.com" => Some(1),
        "ssh-rsa-cert-v01@openssh.com"
        | "ecdsa-sha2-nistp256-cert-v01@openssh.com"
        | "ecdsa-sha2-nistp384-cert-v01@openssh.com"
        | "ecdsa-sha2-nistp521-cert-v01@openssh.com"
        | "sk-ssh-ed25519-cert-v01@openssh.com" => Some(2),
        "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" => Some(3),
        _ => None,
    }
}

fn principals(list: &[u8]) -> Result<Vec<String>, WireError> {
    let mut reader = Reader::new(list);
    let mut principals = Vec::new();
    while !reader.is_at_end() {
        principals.push(reader.text()?.to_owned());
        if principals.len() > MAX_ENTRIES {
            return Err(WireError::TooLong("list of principals"));
        }
    }
    Ok(principals)
}

/// Names must be in order, each once.
fn options(list: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, WireError> {
    let mut reader = Reader::new(list);
    let mut options = BTreeMap::new();
    while !reader.is_at_end() {
        let (name, value) = (reader.text()?, reader.string()?);
        let is_next = options
            .last_key_value()
            .is_none_or(|(last, _): (&String, _)| last.as_str() < name);
        if !is_next || options.len() >= MAX_ENTRIES {
            return Err(WireError::TooLong("list of options"));
        }
        options.insert(name.to_owned(), value.to_vec());
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Certificate, CertificateKind, Grant};
    use crate::host_key::PrivateKey;

    fn grant() -> Grant {
        Grant {
            kind: CertificateKind::User,
            serial: 7,
            key_id: "alice".to_owned(),
            principals: vec!["alice".to_owned(), "deploy".to_owned()],
            valid_after: 100,
            valid_before: 200,
            critical_options: BTreeMap::new(),
            extensions: BTreeMap::from([("permit-pty".to_owned(), Vec::new())]),
        }
    }

    #[test]
    fn issued_and_read() {
        let authority = PrivateKey::from_seed(&[1; 32]).unwrap();
        let key = PrivateKey::from_seed(&[2; 32]).unwrap();
        let other = PrivateKey::from_seed(&[3; 32]).unwrap();
        let bytes = Certificate::issue(key.public(), &grant(), &authority, [9; 32]).unwrap();
        let read = Certificate::decode(&bytes).unwrap();
        assert_eq!((&read.grant, &read.key), (&grant(), key.public()));
        assert!(read.is_signed_by(authority.public()));
        assert!(!read.is_signed_by(other.public()));
        for length in 0..bytes.len() {
            assert!(Certificate::decode(&bytes[..length]).is_err());
        }
        for place in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[place] ^= 1;
            let taken = Certificate::decode(&altered);
            assert!(
                !taken.is_ok_and(|read| read.is_signed_by(authority.public())),
                "{place}"
            );
        }
    }

    #[test]
    fn authorities_are_keys() {
        let authority = PrivateKey::from_seed(&[1; 32]).unwrap();
        let key = PrivateKey::from_seed(&[2; 32]).unwrap();
        let nested = Certificate::issue(authority.public(), &grant(), &authority, [9; 32]).unwrap();
        let bytes = Certificate::issue(key.public(), &grant(), &authority, [9; 32]).unwrap();
        let plain = authority.public().encode();
        let at = bytes
            .windows(plain.len())
            .position(|part| part == plain)
            .unwrap();
        let length = (nested.len() as u32).to_be_bytes();
        let forged = [
            &bytes[..at - 4],
            &length,
            &nested,
            &bytes[at + plain.len()..],
        ]
        .concat();
        assert!(Certificate::decode(&forged).is_err());
    }
}
