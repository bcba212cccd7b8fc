//! What will be forwarded, byte for byte, and the commitment to it.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

/// Bytes of one operation that can be held at most: people are to read it.
pub const EXACT_BYTES_MAX: usize = 1 << 20;
const DOMAIN: &[u8] = b"custos operation v1\0";
/// Stands for NULL, where a length is told.
const NULL: [u8; 4] = [0xff; 4];

/// One part: its name, and its bytes; `None` is NULL.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is, for whoever reads it: `statement`, `parameter 1 (text)`.
    pub name: String,
    /// What will be sent.
    pub value: Option<Vec<u8>>,
}

impl fmt::Debug for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Part({:?})", self.name)
    }
}

/// All parts of an operation, as they will be forwarded. Shows nothing of them in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Exact {
    parts: Vec<Part>,
}

impl Exact {
    /// Adds a part.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: Option<&[u8]>) -> Self {
        self.parts.push(Part {
            name: name.into(),
            value: value.map(<[u8]>::to_vec),
        });
        self
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Bytes of names and values.
    pub fn bytes(&self) -> usize {
        let bytes = |part: &Part| part.name.len() + part.value.as_ref().map_or(0, Vec::len);
        self.parts.iter().map(bytes).sum()
    }

    /// The commitment under a key (ADR 15, "The statement").
    pub fn commit(&self, key: &CommitKey) -> Commitment {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.0.as_slice());
        let mut context = hmac::Context::with_key(&key);
        context.update(DOMAIN);
        for part in &self.parts {
            push(&mut context, Some(part.name.as_bytes()));
            push(&mut context, part.value.as_deref());
        }
        Commitment(context.sign().as_ref().to_vec())
    }
}

fn push(context: &mut hmac::Context, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        return context.update(&NULL);
    };
    // Longer parts are refused before anything is committed to.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1);
    context.update(&length.to_be_bytes());
    context.update(bytes);
}

impl fmt::Debug for Exact {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Exact({} parts)", self.parts.len())
    }
}

/// The key of one commitment. In memory for as long as its request is open.
#[derive(Clone)]
pub struct CommitKey(Zeroizing<Vec<u8>>);

impl CommitKey {
    /// Makes one. `random` fills a buffer with random bytes of cryptographic quality.
    pub fn make(random: impl Fn(&mut [u8])) -> Self {
        let mut key = Zeroizing::new(vec![0; 32]);
        random(&mut key);
        Self(key)
    }

    /// As approvers got it.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digit = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(digit).collect();
        bytes
            .filter(|bytes| bytes.len() == 32)
            .map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// As approvers get it.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }
}

impl fmt::Debug for CommitKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CommitKey(…)")
    }
}

/// HMAC-SHA-256 of what will be forwarded. `Display` is lower-case hexadecimal.
#[derive(Clone, Debug)]
pub struct Commitment(Vec<u8>);

impl PartialEq for Commitment {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex(&self.0))
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{CommitKey, Exact};

    #[test]
    fn a_commitment_tells_every_difference() {
        let key = CommitKey::make(|bytes| bytes.fill(7));
        let of = |exact: &Exact| exact.commit(&key).to_string();
        let one = Exact::default().with("statement", Some(b"drop table a"));
        let others = [
            Exact::default().with("statement", Some(b"drop table b")),
            Exact::default().with("statement", Some(b"drop table a ")),
            one.clone().with("parameter 1 (text)", None),
            one.clone().with("parameter 1 (text)", Some(b"")),
            one.clone().with("parameter 1 (binary)", Some(b"")),
            // The border between parts counts.
            Exact::default().with("statementdrop", Some(b" table a")),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(of(&one), of(other), "{at}");
            assert!(others.iter().skip(at + 1).all(|next| of(next) != of(other)));
        }
        // As Python's hmac has it.
        assert_eq!(
            of(&one),
            "bb57cd0c6de4e420293820f0a5b313646084f0376a462919f182c0ffa62465eb"
        );
        assert!(!format!("{one:?} {key:?}").contains("drop"));
    }
}
