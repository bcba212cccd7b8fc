//! RFC 6962 section 2.1 hashing.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Length of a [`Hash`] in bytes.
pub const HASH_BYTES: usize = 32;

/// The prefixes keep a leaf from being passed off as a node (RFC 6962 section 2.1).
const LEAF_PREFIX: u8 = 0;
const NODE_PREFIX: u8 = 1;

/// A SHA-256 hash of a leaf, a node or a whole tree.
///
/// Prints as standard base64 with padding (the form in checkpoints) and debugs as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

/// The text is not the standard base64 form of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a base64 SHA-256 hash")]
pub struct HashError;

/// SHA-256(0x00 ‖ record), RFC 6962 section 2.1.
pub fn leaf_hash(record: &[u8]) -> Hash {
    sha256(&[&[LEAF_PREFIX], record])
}

/// SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[NODE_PREFIX], &left.0, &right.0])
}

impl Hash {
    /// SHA-256 of nothing: the root of the empty tree.
    pub fn empty_root() -> Self {
        sha256(&[])
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Standard base64 with padding, as [`fmt::Display`] prints it.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads what [`Self::to_base64`] writes and nothing else (canonical padding and trailing bits).
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        let bytes = STANDARD.decode(text).map_err(|_| HashError)?;
        <[u8; HASH_BYTES]>::try_from(bytes)
            .map(Self)
            .map_err(|_| HashError)
    }

    /// Lower-case hex.
    pub fn to_hex(&self) -> String {
        format!("{self:?}")
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_base64())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// SHA-256 of the parts in a row.
pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; HASH_BYTES];
    // SHA-256 always gives 32 bytes, so the two slices are of equal length.
    bytes.copy_from_slice(context.finish().as_ref());
    Hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_leaf_and_empty_tree_have_the_published_hashes() {
        assert_eq!(
            leaf_hash(b"").to_hex(),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        assert_eq!(
            Hash::empty_root().to_hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn base64_is_read_in_one_form_only() {
        let hash = leaf_hash(b"x");
        let text = hash.to_string();
        assert_eq!(Hash::from_base64(&text), Ok(hash));
        assert_eq!(
            Hash::from_base64(text.trim_end_matches('=')),
            Err(HashError)
        );
        assert_eq!(Hash::from_base64(&format!("{text}\n")), Err(HashError));
        assert_eq!(Hash::from_base64("AAAA"), Err(HashError));
        // 32 zero bytes end in "AA="; the last sextet's spare bits must be zero.
        let zeros = Hash([0; HASH_BYTES]).to_string();
        assert_eq!(
            Hash::from_base64(&zeros.replace("A=", "B=")),
            Err(HashError)
        );
    }
}
