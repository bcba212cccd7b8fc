//! One public key (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).

use std::fmt;

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::material::{Material, text};
use crate::rejection::Rejection;
use crate::thumbprint;

/// Longest `kid`, of keys and of tokens.
pub const MAX_KEY_ID_BYTES: usize = 256;

/// A public key that may verify signatures.
#[derive(Clone)]
pub struct VerificationKey {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
    thumbprint: String,
}

/// Why a key of a set is passed over (RFC 7517 section 5 wants that, so that issuers can add new kinds).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// `kty` is not RSA, EC or OKP.
    #[error("its type is not known")]
    UnknownType,
    /// `kty` is oct: a secret verifies nothing here.
    #[error("it is a shared secret")]
    Symmetric,
    /// `crv` is not P-256, P-384 or Ed25519.
    #[error("its curve is not known")]
    UnknownCurve,
    /// `use` or `key_ops` says that it verifies no signatures.
    #[error("it is not for verifying signatures")]
    NotForSignatures,
    /// `alg` is unknown or does not fit the key's type.
    #[error("its algorithm is not known or not of its type")]
    UnsuitableAlgorithm,
    /// An RSA key outside 2048 to 8192 bits, or with an exponent that is even, 1, or longer than four bytes.
    #[error("it is an RSA key of a size that is not taken")]
    RsaSize,
    /// A member is missing or malformed, or the point is not on the curve.
    #[error("it is malformed")]
    Malformed,
}

impl VerificationKey {
    pub(crate) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, SkipReason> {
        let material = Material::from_jwk(jwk)?;
        let algorithm = match text(jwk, "alg")? {
            None => None,
            Some(name) => {
                let known = Algorithm::from_name(name).filter(|known| material.suits(*known));
                Some(known.ok_or(SkipReason::UnsuitableAlgorithm)?)
            }
        };
        if !verifies_signatures(jwk)? {
            return Err(SkipReason::NotForSignatures);
        }
        let id = text(jwk, "kid")?;
        if id.is_some_and(|id| id.is_empty() || id.len() > MAX_KEY_ID_BYTES) {
            return Err(SkipReason::Malformed);
        }
        Ok(Self {
            id: id.map(str::to_owned),
            algorithm,
            thumbprint: thumbprint::of_public(jwk).ok_or(SkipReason::Malformed)?,
            material,
        })
    }

    /// `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The key's fingerprint: SHA-256 thumbprint (RFC 7638) in base64url.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Whether the key's type, curve and own `alg` allow this algorithm (RFC 8725 section 3.1).
    pub(crate) fn suits(&self, algorithm: Algorithm) -> bool {
        self.material.suits(algorithm) && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Checks a signature. Whatever the caller checked before, an algorithm that does not suit is refused here too.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Rejection> {
        if !self.suits(algorithm) {
            return Err(Rejection::KeyUnsuitable);
        }
        if self.material.verify(algorithm, message, signature) {
            return Ok(());
        }
        Err(Rejection::SignatureWrong)
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("VerificationKey")
            .field("thumbprint", &self.thumbprint)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// `use` and `key_ops` must agree where both are there (RFC 7517 section 4.3).
fn verifies_signatures(jwk: &Map<String, Value>) -> Result<bool, SkipReason> {
    let by_use = text(jwk, "use")?.is_none_or(|purpose| purpose == "sig");
    let by_operations = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) if operations.iter().all(Value::is_string) => {
            operations.iter().any(|operation| operation == "verify")
        }
        Some(_) => return Err(SkipReason::Malformed),
    };
    Ok(by_use && by_operations)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SkipReason, VerificationKey};
    use crate::base64url::decode;
    use crate::{Algorithm, Rejection};

    /// RFC 7515 appendix A.2.
    fn rsa() -> Value {
        json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})
    }

    /// RFC 7515 appendix A.3.
    fn p256() -> Value {
        json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    /// RFC 8037 appendix A.2.
    fn ed25519() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    fn key(jwk: &Value) -> Result<VerificationKey, SkipReason> {
        VerificationKey::from_jwk(jwk.as_object().expect("an object"))
    }

    /// The same key with one member more, or another.
    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    fn check(jwk: &Value, algorithm: Algorithm, message: &str, signature: &str) {
        let key = key(jwk).expect("a good key");
        let signature = decode(signature).expect("base64url");
        assert_eq!(
            key.verify(algorithm, message.as_bytes(), &signature),
            Ok(())
        );
        let mut longer = signature.clone();
        longer.push(0);
        let mut other = signature.clone();
        other[0] ^= 1;
        for wrong in [&longer[..], &other, &signature[1..], &[]] {
            let refused = key.verify(algorithm, message.as_bytes(), wrong);
            assert_eq!(refused, Err(Rejection::SignatureWrong));
        }
        for other in Algorithm::ALL
            .into_iter()
            .filter(|other| *other != algorithm)
        {
            assert!(key.verify(other, message.as_bytes(), &signature).is_err());
        }
    }

    #[test]
    fn rfc_7515_appendix_a_2() {
        check(
            &rsa(),
            Algorithm::Rs256,
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        );
    }

    #[test]
    fn rfc_7515_appendix_a_3() {
        check(
            &p256(),
            Algorithm::Es256,
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        );
    }

    #[test]
    fn rfc_8037_appendix_a_4() {
        check(
            &ed25519(),
            Algorithm::EdDsa,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        );
    }

    #[test]
    fn keys_that_cannot_be_used_are_passed_over() {
        let modulus = |bytes: usize| crate::base64url::encode(vec![0xff; bytes]);
        let cases = [
            (
                json!({"kty": "AKP", "alg": "ML-DSA-44"}),
                SkipReason::UnknownType,
            ),
            (json!({"kty": "oct", "k": "AAAA"}), SkipReason::Symmetric),
            (json!({}), SkipReason::Malformed),
            (json!({"kty": 1}), SkipReason::Malformed),
            (
                with(p256(), "crv", json!("secp256k1")),
                SkipReason::UnknownCurve,
            ),
            (
                with(ed25519(), "crv", json!("X25519")),
                SkipReason::UnknownCurve,
            ),
            (with(p256(), "crv", json!("P-384")), SkipReason::Malformed),
            (
                with(p256(), "y", p256()["x"].clone()),
                SkipReason::Malformed,
            ),
            (with(ed25519(), "x", json!("AAAA")), SkipReason::Malformed),
            (
                with(rsa(), "use", json!("enc")),
                SkipReason::NotForSignatures,
            ),
            (with(rsa(), "use", json!(["sig"])), SkipReason::Malformed),
            (
                with(rsa(), "key_ops", json!(["encrypt"])),
                SkipReason::NotForSignatures,
            ),
            (
                with(rsa(), "key_ops", json!("verify")),
                SkipReason::Malformed,
            ),
            (
                with(rsa(), "alg", json!("RSA-OAEP")),
                SkipReason::UnsuitableAlgorithm,
            ),
            (
                with(rsa(), "alg", json!("ES256")),
                SkipReason::UnsuitableAlgorithm,
            ),
            (
                with(rsa(), "alg", json!("HS256")),
                SkipReason::UnsuitableAlgorithm,
            ),
            (with(rsa(), "kid", json!("")), SkipReason::Malformed),
            (with(rsa(), "kid", json!(7)), SkipReason::Malformed),
            (with(rsa(), "n", json!(modulus(128))), SkipReason::RsaSize),
            (with(rsa(), "n", json!(modulus(1025))), SkipReason::RsaSize),
            (
                with(rsa(), "n", json!(format!("AAAA{}", modulus(256)))),
                SkipReason::Malformed,
            ),
            (
                with(rsa(), "n", json!(crate::base64url::encode([0xfe; 256]))),
                SkipReason::Malformed,
            ),
            (with(rsa(), "n", json!("")), SkipReason::Malformed),
            (with(rsa(), "e", json!("AQ")), SkipReason::RsaSize),
            (with(rsa(), "e", json!("Ag")), SkipReason::RsaSize),
            (with(rsa(), "e", json!("AQAAAAE")), SkipReason::RsaSize),
            (with(rsa(), "e", json!("AQAB=")), SkipReason::Malformed),
        ];
        for (jwk, reason) in cases {
            assert_eq!(key(&jwk).map(|_| ()), Err(reason), "{jwk}");
        }
    }

    #[test]
    fn a_key_of_its_own_algorithm_serves_no_other() {
        let pinned = key(&with(rsa(), "alg", json!("PS256"))).expect("good");
        assert!(pinned.suits(Algorithm::Ps256) && !pinned.suits(Algorithm::Rs256));
        let operations = with(p256(), "key_ops", json!(["verify"]));
        assert!(key(&with(operations, "use", json!("sig"))).is_ok());
    }
}
