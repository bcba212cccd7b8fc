//! The compact serialization (RFC 7515 section 7.1).

use std::fmt;

use serde_json::{Map, Value};

use crate::base64url;
use crate::header::Header;
use crate::issuer::Issuer;
use crate::rejection::{Part, Rejection};

/// Longest token.
pub const MAX_TOKEN_BYTES: usize = 16 << 10;

/// A well-formed token that nobody has verified. Its claims come out of [`crate::IssuerKeys::verify`] only.
pub struct Token {
    header: Header,
    claims: Map<String, Value>,
    signing_input: Vec<u8>,
    signature: Vec<u8>,
}

impl Token {
    /// Reads a token of at most 16 KiB: three parts of unpadded base64url in their one spelling, header and claims
    /// each one JSON object without duplicate members. See [`Header`] for what a header may not say.
    pub fn parse(token: &[u8]) -> Result<Self, Rejection> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::TokenTooLong);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejection::TokenParts);
        };
        let decode = |part| base64url::decode(part).ok_or(Rejection::TokenEncoding);
        let parsed = Header::parse(&decode(header)?)?;
        let signature = decode(signature)?;
        if signature.is_empty() {
            return Err(Rejection::SignatureMissing);
        }
        Ok(Self {
            header: parsed,
            claims: crate::json(&decode(claims)?)
                .map_err(|error| Rejection::json(Part::Claims, error))?,
            signing_input: [header, b".", claims].concat(),
            signature,
        })
    }

    /// The header, unproved.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whose token it says it is, among issuers that are known: for choosing the one to verify it with, where the
    /// place it came from does not say. An issuer is matched by its exact string.
    pub fn choose<'a>(&self, known: impl IntoIterator<Item = &'a Issuer>) -> Option<&'a Issuer> {
        let Some(Value::String(claimed)) = self.claims.get("iss") else {
            return None;
        };
        known.into_iter().find(|issuer| issuer.name() == claimed)
    }

    pub(crate) fn signing_input(&self) -> &[u8] {
        &self.signing_input
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whoever reads these has checked the signature.
    pub(crate) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Token")
            .field("algorithm", &self.header.algorithm())
            .finish_non_exhaustive()
    }
}
