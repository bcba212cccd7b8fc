//! Another implementation of JSON Web Tokens agrees in both directions.

use custos_jwt::{
    Algorithm, Class, ClassName, ClassRule, Issuer, IssuerKeys, KeySet, Signer, Token,
};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};

use crate::forge::Forge;
use crate::keys::{ES384, PS256, RS256, TestKey};
use crate::world::{ISSUER, NOW, OURS, at, verify};

/// Its clock is the machine's, so dates are left to ours.
fn validation(algorithm: jsonwebtoken::Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.set_audience(&[OURS]);
    validation.set_issuer(&[ISSUER]);
    validation
}

fn decode(token: &str, jwk: &Value, algorithm: jsonwebtoken::Algorithm) -> Map<String, Value> {
    let jwk: Jwk = serde_json::from_value(jwk.clone()).expect("a key");
    let key = DecodingKey::from_jwk(&jwk).expect("a key");
    let data = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation(algorithm));
    data.expect("good").claims
}

#[test]
fn it_takes_what_our_signer_makes() {
    let signer = Signer::generate().expect("a key");
    let claims = Forge::good(ClassName::AccessToken).claims;
    let token = signer.sign("at+jwt", &claims).expect("signed");
    let jwk = Value::Object(signer.public_jwk().clone());
    assert_eq!(decode(&token, &jwk, jsonwebtoken::Algorithm::ES256), claims);
    let header = jsonwebtoken::decode_header(&token).expect("a header");
    assert_eq!(header.kid.as_deref(), Some(signer.key_id()));
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let jwk: Jwk = serde_json::from_value(jwk).expect("a key");
    let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256);
    assert_eq!(thumbprint.expect("a thumbprint"), signer.key_id());
}

#[test]
fn we_take_what_it_makes_with_our_key() {
    let signer = Signer::generate().expect("a key");
    let key = EncodingKey::from_ec_der(&signer.to_pkcs8().expect("written"));
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        ..Header::new(jsonwebtoken::Algorithm::ES256)
    };
    let claims = Forge::good(ClassName::AccessToken).claims;
    let text = jsonwebtoken::encode(&header, &claims, &key).expect("signed");
    let set = json!({"keys": [signer.public_jwk()]}).to_string();
    let keys = KeySet::parse(set.as_bytes()).expect("a good set");
    let rules = [ClassRule::new(ClassName::AccessToken)];
    let issuer = Issuer::new(ISSUER, &[Algorithm::Es256], &[OURS], rules).expect("a good record");
    let token = Token::parse(text.as_bytes()).expect("well formed");
    let verified =
        IssuerKeys::configured(issuer, keys).verify(&token, &Class::AccessToken, at(NOW));
    assert_eq!(verified.expect("good").subject(), Some("alice"));
}

#[test]
fn both_take_the_same_tokens_of_other_algorithms() {
    let keys: [(&'static TestKey, jsonwebtoken::Algorithm, &str, &str); 3] = [
        (&RS256, jsonwebtoken::Algorithm::RS256, "RS256", "rsa"),
        (&PS256, jsonwebtoken::Algorithm::PS256, "PS256", "rsa"),
        (&ES384, jsonwebtoken::Algorithm::ES384, "ES384", "es3"),
    ];
    for (key, theirs, ours, kid) in keys {
        let forge = Forge::good(ClassName::WorkloadToken).signed(key, ours, kid);
        let text = forge.text();
        assert_eq!(decode(&text, &key.jwk(kid), theirs), forge.claims);
        assert!(
            verify(ClassName::WorkloadToken, text.as_bytes()).is_ok(),
            "{ours}"
        );
    }
}
