//! The protected header (RFC 7515 section 4).

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::key::MAX_KEY_ID_BYTES;
use crate::rejection::{Part, Rejection};

/// Longest header, decoded.
pub const MAX_HEADER_BYTES: usize = 2 << 10;

/// Members that change how a token is to be read, or bring or name a key of the sender's choice.
const FORBIDDEN: [&str; 7] = ["crit", "jwk", "jku", "x5u", "x5c", "b64", "zip"];

/// What a token says about its own signature: only `alg`, `kid` and `typ` matter.
///
/// Not proved by anything before the signature is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
    kind: Option<String>,
}

impl Header {
    /// Refused are `crit`, `jwk`, `jku`, `x5u`, `x5c`, `b64` and `zip`, members of a wrong type, and a nested token
    /// (`cty` = `JWT`, RFC 7519 section 5.2). Other members are ignored.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() > MAX_HEADER_BYTES {
            return Err(Rejection::HeaderTooLong);
        }
        let members = crate::json(bytes).map_err(|error| Rejection::json(Part::Header, error))?;
        if let Some(name) = FORBIDDEN
            .into_iter()
            .find(|name| members.contains_key(*name))
        {
            return Err(Rejection::HeaderForbidden(name));
        }
        let algorithm = text(&members, "alg")?.ok_or(Rejection::AlgorithmMissing)?;
        let algorithm = Algorithm::of_token(algorithm)?;
        if text(&members, "cty")?.map(media_type).as_deref() == Some("jwt") {
            return Err(Rejection::NestedToken);
        }
        let key_id = text(&members, "kid")?;
        if key_id.is_some_and(|id| id.is_empty() || id.len() > MAX_KEY_ID_BYTES) {
            return Err(Rejection::HeaderMember("kid"));
        }
        Ok(Self {
            algorithm,
            key_id: key_id.map(str::to_owned),
            kind: text(&members, "typ")?.map(media_type),
        })
    }

    /// `alg`.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`, one to 256 bytes. The sender's word: for comparing only.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// `typ` in lower case and without `application/` (RFC 7515 section 4.1.9).
    pub(crate) fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }
}

fn text<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, Rejection> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Rejection::HeaderMember(name)),
    }
}

/// Media types do not mind case; a name without `/` stands for one below `application/`.
fn media_type(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    match lower.strip_prefix("application/") {
        Some(short) if !short.contains('/') => short.to_owned(),
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, MAX_HEADER_BYTES, media_type};
    use crate::{Algorithm, Rejection};

    fn parse(text: &str) -> Result<Header, Rejection> {
        Header::parse(text.as_bytes())
    }

    #[test]
    fn reads_what_matters_and_ignores_the_rest() {
        let header =
            parse(r#"{"alg":"ES256","kid":"k1","typ":"application/AT+jwt","x5t":"a","nonce":1}"#);
        let header = header.expect("good");
        assert_eq!(header.algorithm(), Algorithm::Es256);
        assert_eq!(header.key_id(), Some("k1"));
        assert_eq!(header.kind(), Some("at+jwt"));
    }

    #[test]
    fn the_longest_header_is_taken() {
        let padded = |length: usize| {
            let empty = r#"{"alg":"ES256","pad":""}"#.len();
            format!(
                r#"{{"alg":"ES256","pad":"{}"}}"#,
                "x".repeat(length - empty)
            )
        };
        assert!(parse(&padded(MAX_HEADER_BYTES)).is_ok());
        assert_eq!(
            parse(&padded(MAX_HEADER_BYTES + 1)),
            Err(Rejection::HeaderTooLong)
        );
    }

    #[test]
    fn media_types_have_one_spelling() {
        assert_eq!(media_type("JWT"), "jwt");
        assert_eq!(media_type("Application/Logout+JWT"), "logout+jwt");
        assert_eq!(media_type("application/a/b"), "application/a/b");
        assert_eq!(media_type("text/jwt"), "text/jwt");
    }
}
