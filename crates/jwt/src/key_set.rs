//! An issuer's public keys (RFC 7517 section 5).

use serde_json::{Map, Value};

use crate::header::Header;
use crate::key::{SkipReason, VerificationKey};
use crate::rejection::Rejection;
use custos_strict_json::JsonError;

/// Longest key set.
pub const MAX_KEY_SET_BYTES: usize = 256 << 10;
/// Most keys of a set, those that are passed over counted.
pub const MAX_KEYS: usize = 64;

/// Members that only a private key has (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
const PRIVATE: [&str; 2] = ["d", "priv"];
/// Members that only a private RSA key has: other types may call something public so.
const PRIVATE_RSA: [&str; 6] = ["p", "q", "dp", "dq", "qi", "oth"];

/// Why a text is not taken as a key set. The keys of before stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Longer than 256 KiB.
    #[error("the key set is longer than 256 KiB")]
    TooLong,
    /// Not a JSON object with an array `keys` of objects.
    #[error("the text is not a JSON Web Key Set")]
    Malformed,
    /// An object names a member twice.
    #[error("the key set names a member twice")]
    Duplicate,
    /// Nested too deeply.
    #[error("the key set is nested too deeply")]
    TooDeep,
    /// More than 64 keys.
    #[error("the key set has more than 64 keys")]
    TooMany,
    /// A private key is published: nothing that it signs proves anything.
    #[error("the key set publishes a private key")]
    PrivateKey,
}

impl KeySetError {
    /// The word in records. Never changes its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "key_set_too_long",
            Self::Malformed => "key_set_malformed",
            Self::Duplicate => "key_set_duplicate",
            Self::TooDeep => "key_set_too_deep",
            Self::TooMany => "key_set_too_many",
            Self::PrivateKey => "key_set_private_key",
        }
    }
}

/// The keys of one issuer that may verify signatures. May be empty: an issuer can withdraw all.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    skipped: Vec<SkipReason>,
}

impl KeySet {
    /// Reads a set of at most 256 KiB and 64 keys. Keys that cannot be used are passed over ([`SkipReason`]);
    /// private key members, duplicate members and whatever is no key set refuse the whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        if bytes.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetError::TooLong);
        }
        let set = crate::json(bytes).map_err(|error| match error {
            JsonError::Malformed => KeySetError::Malformed,
            JsonError::Duplicate => KeySetError::Duplicate,
            JsonError::TooDeep => KeySetError::TooDeep,
        })?;
        let Some(Value::Array(entries)) = set.get("keys") else {
            return Err(KeySetError::Malformed);
        };
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut parsed = Self {
            keys: Vec::new(),
            skipped: Vec::new(),
        };
        for entry in entries {
            parsed.take(entry.as_object().ok_or(KeySetError::Malformed)?)?;
        }
        Ok(parsed)
    }

    fn take(&mut self, jwk: &Map<String, Value>) -> Result<(), KeySetError> {
        let has = |name: &&str| jwk.contains_key(*name);
        let rsa = jwk.get("kty").is_some_and(|kind| kind == "RSA");
        if PRIVATE.iter().any(has) || (rsa && PRIVATE_RSA.iter().any(has)) {
            return Err(KeySetError::PrivateKey);
        }
        match VerificationKey::from_jwk(jwk) {
            Ok(key) => self.keys.push(key),
            Err(reason) => self.skipped.push(reason),
        }
        Ok(())
    }

    /// The keys that may be used.
    pub fn keys(&self) -> &[VerificationKey] {
        &self.keys
    }

    /// Why the others are not.
    pub fn skipped(&self) -> &[SkipReason] {
        &self.skipped
    }

    /// The one key that a header can mean.
    ///
    /// With `kid`: the key of that name, if it suits the algorithm. Keys of one name and different types are told
    /// apart by the algorithm (RFC 7517 section 4.5); if more than one is left, none is tried. Without `kid`: the
    /// only key of the set that suits.
    pub fn find(&self, header: &Header) -> Result<&VerificationKey, Rejection> {
        let named: Vec<&VerificationKey> = self
            .keys
            .iter()
            .filter(|key| header.key_id().is_none() || key.id() == header.key_id())
            .collect();
        let mut suitable = named.iter().filter(|key| key.suits(header.algorithm()));
        match (suitable.next(), suitable.next(), header.key_id()) {
            (Some(key), None, _) => Ok(key),
            (Some(_), Some(_), Some(_)) => Err(Rejection::KeyAmbiguous),
            (Some(_), Some(_), None) => Err(Rejection::KeyNotNamed),
            (None, _, Some(_)) if !named.is_empty() => Err(Rejection::KeyUnsuitable),
            (None, ..) => Err(Rejection::KeyUnknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{KeySet, KeySetError, MAX_KEY_SET_BYTES, MAX_KEYS};
    use crate::{Header, Rejection, SkipReason};

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn ed25519(kid: Option<&str>) -> Value {
        match kid {
            Some(kid) => json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": kid}),
            None => json!({"kty": "OKP", "crv": "Ed25519", "x": X}),
        }
    }

    fn p256(kid: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn find(keys: &[Value], header: &str) -> Result<(), Rejection> {
        let header = Header::parse(header.as_bytes()).expect("a good header");
        parse(keys).expect("a good set").find(&header).map(|_| ())
    }

    #[test]
    fn what_is_no_key_set_is_refused() {
        let with_private = |name: &str| {
            let mut key = ed25519(Some("a"));
            key[name] = json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
            json!({ "keys": [key] }).to_string()
        };
        let cases = [
            (String::new(), KeySetError::Malformed),
            ("<html>".to_owned(), KeySetError::Malformed),
            ("{}".to_owned(), KeySetError::Malformed),
            (r#"{"keys":{}}"#.to_owned(), KeySetError::Malformed),
            (r#"{"keys":[[]]}"#.to_owned(), KeySetError::Malformed),
            (r#"{"keys":[null]}"#.to_owned(), KeySetError::Malformed),
            (
                r#"{"keys":[],"keys":[]}"#.to_owned(),
                KeySetError::Duplicate,
            ),
            (
                r#"{"keys":[{"kid":"a","kid":"b"}]}"#.to_owned(),
                KeySetError::Duplicate,
            ),
            (
                format!(r#"{{"keys":[],"x":{}1{}}}"#, "[".repeat(16), "]".repeat(16)),
                KeySetError::TooDeep,
            ),
            (
                json!({"keys": vec![ed25519(Some("a")); MAX_KEYS + 1]}).to_string(),
                KeySetError::TooMany,
            ),
            (" ".repeat(MAX_KEY_SET_BYTES + 1), KeySetError::TooLong),
            (with_private("d"), KeySetError::PrivateKey),
            (with_private("priv"), KeySetError::PrivateKey),
            (
                r#"{"keys":[{"kty":"RSA","dp":"AA"}]}"#.to_owned(),
                KeySetError::PrivateKey,
            ),
            (
                r#"{"keys":[{"kty":"oct","d":1}]}"#.to_owned(),
                KeySetError::PrivateKey,
            ),
        ];
        for (text, error) in cases {
            let short: String = text.chars().take(60).collect();
            assert_eq!(
                KeySet::parse(text.as_bytes()).map(|_| ()),
                Err(error),
                "{short}"
            );
        }
        assert!(parse(&vec![ed25519(Some("a")); MAX_KEYS]).is_ok());
    }

    #[test]
    fn an_empty_set_is_a_set() {
        let set = parse(&[]).expect("good");
        assert!(set.keys().is_empty() && set.skipped().is_empty());
        assert_eq!(find(&[], r#"{"alg":"EdDSA"}"#), Err(Rejection::KeyUnknown));
    }

    #[test]
    fn unusable_keys_are_counted_and_harm_no_other() {
        let set = parse(&[
            json!({"kty": "oct", "k": "AA"}),
            ed25519(Some("a")),
            json!({"kty": "X"}),
        ]);
        let set = set.expect("good");
        assert_eq!(set.keys().len(), 1);
        assert_eq!(
            set.skipped(),
            [SkipReason::Symmetric, SkipReason::UnknownType]
        );
    }

    #[test]
    fn one_key_or_none() {
        let a = || ed25519(Some("a"));
        assert_eq!(find(&[a()], r#"{"alg":"EdDSA","kid":"a"}"#), Ok(()));
        assert_eq!(
            find(&[a(), p256("a")], r#"{"alg":"ES256","kid":"a"}"#),
            Ok(())
        );
        assert_eq!(find(&[a(), p256("b")], r#"{"alg":"EdDSA"}"#), Ok(()));
        assert_eq!(find(&[ed25519(None)], r#"{"alg":"EdDSA"}"#), Ok(()));
        assert_eq!(
            find(&[ed25519(None)], r#"{"alg":"EdDSA","kid":"a"}"#),
            Err(Rejection::KeyUnknown)
        );
        assert_eq!(
            find(&[a()], r#"{"alg":"EdDSA","kid":"A"}"#),
            Err(Rejection::KeyUnknown)
        );
        assert_eq!(
            find(&[a()], r#"{"alg":"ES256","kid":"a"}"#),
            Err(Rejection::KeyUnsuitable)
        );
        assert_eq!(
            find(&[a()], r#"{"alg":"ES256"}"#),
            Err(Rejection::KeyUnknown)
        );
        assert_eq!(
            find(&[a(), a()], r#"{"alg":"EdDSA","kid":"a"}"#),
            Err(Rejection::KeyAmbiguous)
        );
        assert_eq!(
            find(&[a(), ed25519(None)], r#"{"alg":"EdDSA"}"#),
            Err(Rejection::KeyNotNamed)
        );
    }
}
