//! The name of a key made from the key (RFC 7638).

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use crate::base64url;

/// SHA-256 over the members that are required of the key's type, in lexicographic order, without white space.
pub(crate) fn of_public(jwk: &Map<String, Value>) -> Option<String> {
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    // Values of these types are base64url or names of curves: nothing in them needs escaping.
    let members: Option<Vec<String>> = names
        .iter()
        .map(|name| Some(format!("\"{name}\":\"{}\"", jwk.get(*name)?.as_str()?)))
        .collect();
    let canonical = format!("{{{}}}", members?.join(","));
    let hash = digest::digest(&digest::SHA256, canonical.as_bytes());
    Some(base64url::encode(hash))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of_public;

    #[test]
    fn rfc_7638_section_3_1() {
        let jwk = json!({"kty": "RSA", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
        let thumbprint = of_public(jwk.as_object().expect("an object"));
        assert_eq!(
            thumbprint.as_deref(),
            Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        );
    }

    #[test]
    fn rfc_8037_appendix_a_3() {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let thumbprint = of_public(jwk.as_object().expect("an object"));
        assert_eq!(
            thumbprint.as_deref(),
            Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        );
    }
}
