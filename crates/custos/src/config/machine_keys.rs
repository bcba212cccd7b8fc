//! Public keys of machines: a JSON Web Key Set, or keys in PEM, each under its RFC 7638 thumbprint.

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_jwt::KeySet;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Reads either form.
pub(super) fn read(text: &str) -> anyhow::Result<KeySet> {
    if !text.contains("-----BEGIN ") {
        return Ok(KeySet::parse(text.as_bytes())?);
    }
    ensure!(
        !text.contains("PRIVATE KEY-----"),
        "a private key, which belongs to the machine alone"
    );
    let mut keys = Vec::new();
    for der in SubjectPublicKeyInfoDer::pem_slice_iter(text.as_bytes()) {
        let der = der.map_err(|error| anyhow::anyhow!("not PEM: {error:?}"))?;
        keys.push(named(jwk(der.as_ref())?)?);
    }
    Ok(KeySet::parse(
        json!({ "keys": keys }).to_string().as_bytes(),
    )?)
}

/// With its thumbprint as name, which is how `custos login` names the key that it signs with.
fn named(mut jwk: Value) -> anyhow::Result<Value> {
    let alone = KeySet::parse(json!({ "keys": [jwk.clone()] }).to_string().as_bytes())?;
    let key = alone
        .keys()
        .first()
        .with_context(|| match alone.skipped().first() {
            Some(reason) => format!("a key cannot be used: {reason}"),
            None => "a key cannot be used".to_owned(),
        })?;
    if let Some(members) = jwk.as_object_mut() {
        members.insert("kid".to_owned(), key.thumbprint().into());
    }
    Ok(jwk)
}

/// RFC 7518 section 6, RFC 8037 section 2.
fn jwk(der: &[u8]) -> anyhow::Result<Value> {
    let info = SubjectPublicKeyInfoRef::from_der(der).context("not a public key")?;
    let bits = info
        .subject_public_key
        .as_bytes()
        .context("not a public key")?;
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match info.algorithm.oid {
        EC => {
            let (curve, length) = match info.algorithm.parameters_oid() {
                Ok(P256) => ("P-256", 32),
                Ok(P384) => ("P-384", 48),
                _ => bail!("a curve that is not supported"),
            };
            let point = bits
                .strip_prefix(&[4])
                .and_then(|point| point.split_at_checked(length))
                .context("a point in another form than uncompressed")?;
            let (x, y) = point;
            Ok(json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)}))
        }
        ED25519 => Ok(json!({"kty": "OKP", "crv": "Ed25519", "x": text(bits)})),
        RSA => {
            let (modulus, exponent) = rsa(bits).context("not an RSA key")?;
            Ok(json!({"kty": "RSA", "n": text(&modulus), "e": text(&exponent)}))
        }
        _ => bail!("a kind of key that is not supported"),
    }
}

/// `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa(bits: &[u8]) -> x509_cert::der::Result<(Vec<u8>, Vec<u8>)> {
    let mut reader = SliceReader::new(bits)?;
    let numbers: (Vec<u8>, Vec<u8>) = reader.sequence(|reader| {
        let modulus = UintRef::decode(reader)?.as_bytes().to_vec();
        let exponent = UintRef::decode(reader)?.as_bytes().to_vec();
        Ok::<_, x509_cert::der::Error>((modulus, exponent))
    })?;
    reader.finish()?;
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::read;

    /// Made by another program than ours.
    fn pem(arguments: &str) -> String {
        let script = format!("openssl genpkey {arguments} | openssl pkey -pubout");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn keys_in_pem_get_their_thumbprint_as_name() {
        for arguments in [
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
            "-algorithm ED25519",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        ] {
            let text = pem(arguments);
            let set = read(&(text.clone() + &text.replace('\n', "\r\n"))).unwrap();
            assert_eq!(set.keys().len(), 2, "{arguments}");
            let key = &set.keys()[0];
            assert_eq!(key.id(), Some(key.thumbprint()), "{arguments}");
        }
    }

    #[test]
    fn a_key_of_ours_has_the_same_name_in_both_forms() {
        use base64::Engine as _;
        let signer = custos_jwt::Signer::generate().unwrap();
        let der = signer.to_pkcs8().unwrap();
        let private = base64::engine::general_purpose::STANDARD.encode(der.as_slice());
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pem");
        let whole = format!("-----BEGIN PRIVATE KEY-----\n{private}\n-----END PRIVATE KEY-----\n");
        std::fs::write(&file, &whole).unwrap();
        let output = Command::new("openssl")
            .args(["pkey", "-pubout", "-in"])
            .arg(&file)
            .output()
            .unwrap();
        let set = read(&String::from_utf8(output.stdout).unwrap()).unwrap();
        assert_eq!(set.keys()[0].id(), Some(signer.key_id()));
        let said = read(&whole).unwrap_err().to_string();
        assert!(said.contains("private key"), "{said}");
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        for text in [
            "",
            "{}",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            &pem("-algorithm EC -pkeyopt ec_paramgen_curve:secp521r1"),
            &pem("-algorithm X25519"),
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
