//! Signature algorithms (RFC 7518 section 3.1, RFC 8037).

use aws_lc_rs::digest;

use crate::base64url;
use crate::rejection::Rejection;

/// A signature algorithm that can be allowed. `none` and the symmetric ones do not exist here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// ECDSA over P-384 with SHA-384.
    Es384,
    /// Ed25519 (`EdDSA` of RFC 8037, or its newer name `Ed25519` of RFC 9864). Ed448 is not taken.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in headers and keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name. Names are case-sensitive (RFC 7518 section 3.1).
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// As [`Algorithm::from_name`], for the `alg` of a token.
    pub(crate) fn of_token(name: &str) -> Result<Self, Rejection> {
        if let Some(known) = Self::from_name(name) {
            return Ok(known);
        }
        if name.eq_ignore_ascii_case("none") {
            return Err(Rejection::AlgorithmNone);
        }
        if matches!(name, "HS256" | "HS384" | "HS512") {
            return Err(Rejection::AlgorithmSymmetric);
        }
        Err(Rejection::AlgorithmUnknown)
    }

    /// `at_hash` of an access token: the left half of its hash (OpenID Connect Core 3.1.3.6). Ed25519 hashes with
    /// SHA-512, as it does inside.
    pub(crate) fn access_token_hash(self, access_token: &str) -> String {
        let hash = match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::EdDsa => &digest::SHA512,
        };
        let whole = digest::digest(hash, access_token.as_bytes());
        let left = whole.as_ref().chunks(whole.as_ref().len() / 2).next();
        base64url::encode(left.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::Algorithm;
    use crate::Rejection;

    #[test]
    fn names_are_exact() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::of_token(algorithm.name()), Ok(algorithm));
            assert!(Algorithm::of_token(&algorithm.name().to_lowercase()).is_err());
        }
        for none in ["none", "None", "nOnE"] {
            assert_eq!(Algorithm::of_token(none), Err(Rejection::AlgorithmNone));
        }
        for unknown in [
            "", "RS1", "ES512", "ES256K", "Ed448", "RS256 ", "hs256", "dir",
        ] {
            assert_eq!(
                Algorithm::of_token(unknown),
                Err(Rejection::AlgorithmUnknown)
            );
        }
    }

    /// OpenID Connect Core, appendix A.4.
    #[test]
    fn known_access_token_hash() {
        let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
            assert_eq!(
                algorithm.access_token_hash(access_token),
                "77QmUPtjPfzWtF2AnpK9RQ"
            );
        }
        let lengths =
            [Algorithm::Es384, Algorithm::EdDsa].map(|it| it.access_token_hash("x").len());
        assert_eq!(lengths, [32, 43]);
    }
}
