//! SSH's binary forms, written by hand so that they can be wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn unarmor(armored: &str) -> Vec<u8> {
    let lines = armored.lines().filter(|line| !line.starts_with('-'));
    STANDARD.decode(lines.collect::<String>()).expect("base64")
}

/// As `ssh-keygen` does: 70 letters a line.
pub(crate) fn armor(blob: &[u8]) -> String {
    let text = base64(blob);
    let lines = text.as_bytes().chunks(70);
    let lines: Vec<&str> = lines
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN SSH SIGNATURE-----\n{lines}\n-----END SSH SIGNATURE-----\n")
}

/// RFC 4251 section 5, `string`.
pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short");
    [&length.to_be_bytes(), bytes].concat()
}

pub(crate) fn strings(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| string(part)).collect()
}

pub(crate) fn key_line(name: &str, parts: &[&[u8]]) -> String {
    let bytes = [string(name.as_bytes()), strings(parts)].concat();
    format!("{name} {}", base64(&bytes))
}

/// The parts of an SSHSIG.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts {
    pub(crate) version: u32,
    pub(crate) key: Vec<u8>,
    pub(crate) namespace: Vec<u8>,
    pub(crate) reserved: Vec<u8>,
    pub(crate) hash: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Parts {
    pub(crate) fn of(armored: &str) -> Self {
        let blob = unarmor(armored);
        let rest = blob.strip_prefix(b"SSHSIG").expect("the magic");
        let (version, mut rest) = rest.split_first_chunk::<4>().expect("a version");
        let mut next = || {
            let (length, more) = rest.split_first_chunk::<4>().expect("a length");
            let length = usize::try_from(u32::from_be_bytes(*length)).expect("short");
            let (part, more) = more.split_at(length);
            rest = more;
            part.to_vec()
        };
        Self {
            version: u32::from_be_bytes(*version),
            key: next(),
            namespace: next(),
            reserved: next(),
            hash: next(),
            signature: next(),
        }
    }

    pub(crate) fn blob(&self) -> Vec<u8> {
        let parts = [
            &self.key[..],
            &self.namespace,
            &self.reserved,
            &self.hash,
            &self.signature,
        ];
        let version = self.version.to_be_bytes();
        [&b"SSHSIG"[..], &version, &strings(&parts)].concat()
    }

    pub(crate) fn armored(&self) -> String {
        armor(&self.blob())
    }
}
