//! Hostile forms, headers, keys and signatures, shown on identity tokens.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use custos_jwt::ClassName::{self, IdToken};
use serde_json::{Value, json};

use crate::forge::Forge;
use crate::keys::{ED, ES256, PS256, RS256, RS384, RS512, STRANGER, decode};
use crate::world::{Case, all_refused, case};

#[test]
fn all_are_refused() {
    all_refused(CASES);
}

pub(crate) const CASES: &[Case] = &[
    case("token_parts", IdToken, "empty", |_| String::new()),
    case("token_parts", IdToken, "two parts", |it| it.input()),
    case("token_parts", IdToken, "four parts", |it| {
        format!("{}.", it.text())
    }),
    case("token_parts", IdToken, "encrypted", |it| {
        format!("{}.AA.AA", it.text())
    }),
    case("token_parts", IdToken, "JSON serialization", |it| {
        json!({"payload": it.input(), "signatures": []}).to_string()
    }),
    case("token_encoding", IdToken, "space in front", |it| {
        format!(" {}", it.text())
    }),
    case("token_encoding", IdToken, "line end behind", |it| {
        it.text() + "\n"
    }),
    case("token_encoding", IdToken, "padding", |it| it.text() + "=="),
    case("token_encoding", IdToken, "other alphabet", |it| {
        standard_alphabet(&it)
    }),
    case("token_encoding", IdToken, "left-over bits", |it| {
        left_over_bits(&it.text())
    }),
    case("token_encoding", IdToken, "Unicode", |it| it.text() + "ä"),
    case("token_too_long", IdToken, "too long", |it| {
        it.claim("pad", "x".repeat(12_200).into()).text()
    }),
    case("signature_missing", IdToken, "no signature", |it| {
        it.input() + "."
    }),
    case("header_malformed", IdToken, "empty header", |it| {
        it.raw_header("").text()
    }),
    case("header_malformed", IdToken, "header is a list", |it| {
        it.raw_header("[]").text()
    }),
    case("header_malformed", IdToken, "header and more", |it| {
        it.raw_header(r#"{"alg":"ES256","kid":"es"}{}"#).text()
    }),
    case("header_too_long", IdToken, "header too long", |it| {
        it.header("pad", "x".repeat(2048).into()).text()
    }),
    case("header_duplicate", IdToken, "header twice alg", |it| {
        it.raw_header(r#"{"alg":"none","alg":"ES256","kid":"es"}"#)
            .text()
    }),
    case("header_duplicate", IdToken, "header twice deep", |it| {
        it.raw_header(r#"{"alg":"ES256","kid":"es","x":[{"a":1,"a":1}]}"#)
            .text()
    }),
    case("header_too_deep", IdToken, "header too deep", |it| {
        it.header("x", nested(16)).text()
    }),
    case("header_forbidden", IdToken, "crit", |it| {
        it.header("crit", json!(["exp"])).text()
    }),
    case("header_forbidden", IdToken, "jwk", |it| {
        let jwk = STRANGER.jwk("es");
        it.key(&STRANGER).header("jwk", jwk).text()
    }),
    case("header_forbidden", IdToken, "jku", |it| {
        it.header("jku", "https://evil.example/keys".into()).text()
    }),
    case("header_forbidden", IdToken, "x5u", |it| {
        it.header("x5u", "https://evil.example/chain".into()).text()
    }),
    case("header_forbidden", IdToken, "x5c", |it| {
        it.header("x5c", json!(["MIIB"])).text()
    }),
    case("header_forbidden", IdToken, "b64", |it| {
        it.header("b64", false.into()).text()
    }),
    case("header_forbidden", IdToken, "zip", |it| {
        it.header("zip", "DEF".into()).text()
    }),
    case("header_member", IdToken, "kid is a number", |it| {
        it.header("kid", 1.into()).text()
    }),
    case("header_member", IdToken, "kid is empty", |it| {
        it.header("kid", "".into()).text()
    }),
    case("header_member", IdToken, "kid too long", |it| {
        it.header("kid", "k".repeat(257).into()).text()
    }),
    case("header_member", IdToken, "kid is null", |it| {
        it.header("kid", Value::Null).text()
    }),
    case("header_member", IdToken, "typ is a list", |it| {
        it.header("typ", json!(["JWT"])).text()
    }),
    case("header_member", IdToken, "cty is a number", |it| {
        it.header("cty", 1.into()).text()
    }),
    case("header_member", IdToken, "alg is a number", |it| {
        it.header("alg", 256.into()).text()
    }),
    case("nested_token", IdToken, "nested token", |it| {
        it.header("cty", "jwt".into()).text()
    }),
    case("algorithm_missing", IdToken, "alg is missing", |it| {
        it.headless("alg").text()
    }),
    case("algorithm_none", IdToken, "alg none, unsigned", |it| {
        it.header("alg", "none".into()).input() + "."
    }),
    case("algorithm_none", IdToken, "alg nOnE, signed", |it| {
        it.header("alg", "nOnE".into()).text()
    }),
    case(
        "algorithm_symmetric",
        IdToken,
        "public key as shared secret",
        shared_secret,
    ),
    case("algorithm_unknown", IdToken, "alg ES256K", |it| {
        it.header("alg", "ES256K".into()).text()
    }),
    case("algorithm_unknown", IdToken, "alg in lower case", |it| {
        it.header("alg", "es256".into()).text()
    }),
    case(
        "algorithm_not_allowed",
        IdToken,
        "alg not of this issuer",
        |it| it.signed(&RS512, "RS512", "rsa").text(),
    ),
    case("key_unknown", IdToken, "unknown kid", |it| {
        it.header("kid", "es2".into()).text()
    }),
    case("key_unknown", IdToken, "kid in other case", |it| {
        it.header("kid", "ES".into()).text()
    }),
    case("key_unknown", IdToken, "kid is a path", |it| {
        it.header("kid", "../../../../dev/null".into()).text()
    }),
    case("key_unknown", IdToken, "kid is SQL", |it| {
        it.header("kid", "es' OR '1'='1".into()).text()
    }),
    case("key_unknown", IdToken, "key for encryption", |it| {
        it.signed(&RS256, "RS256", "enc").text()
    }),
    case("key_unsuitable", IdToken, "key of another type", |it| {
        it.header("alg", "RS256".into()).text()
    }),
    case(
        "key_unsuitable",
        IdToken,
        "RSA signature, name of an EC key",
        |it| it.signed(&RS256, "RS256", "es").text(),
    ),
    case(
        "key_unsuitable",
        IdToken,
        "key pinned to another algorithm",
        |it| it.signed(&RS256, "RS256", "pinned").text(),
    ),
    case("key_ambiguous", IdToken, "two keys of one name", |it| {
        it.signed(&ED, "EdDSA", "twice").text()
    }),
    case("key_not_named", IdToken, "no kid, several keys", |it| {
        it.signed(&ED, "EdDSA", "x").headless("kid").text()
    }),
    case(
        "signature_wrong",
        IdToken,
        "key of somebody else under the same name",
        |it| it.key(&STRANGER).text(),
    ),
    case("signature_wrong", IdToken, "ASN.1 signature", |it| {
        asn1_signature(&it)
    }),
    case("signature_wrong", IdToken, "signature of zeros", |it| {
        it.with_signature(&[0; 64])
    }),
    case("signature_wrong", IdToken, "signature cut short", |it| {
        let text = it.text();
        it.with_signature(&decode(last_part(&text))[1..])
    }),
    case("signature_wrong", IdToken, "PSS said to be PKCS#1", |it| {
        it.signed(&PS256, "RS256", "rsa").text()
    }),
    case(
        "signature_wrong",
        IdToken,
        "SHA-384 said to be SHA-256",
        |it| it.signed(&RS384, "RS256", "rsa").text(),
    ),
    case(
        "signature_wrong",
        IdToken,
        "claims changed after signing",
        |it| {
            spliced(
                &it,
                &Forge::good(ClassName::IdToken).claim("sub", "bob".into()),
            )
        },
    ),
    case(
        "signature_wrong",
        IdToken,
        "header changed after signing",
        |it| spliced(&it, &Forge::good(ClassName::IdToken).headless("kid")),
    ),
    case(
        "signature_wrong",
        IdToken,
        "signature of another token",
        |it| {
            let other = Forge::good(ClassName::IdToken)
                .claim("sub", "bob".into())
                .text();
            it.with_signature(&decode(last_part(&other)))
        },
    ),
];

/// Lists in lists.
pub(crate) fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

fn last_part(token: &str) -> &str {
    token.rsplit('.').next().expect("a part")
}

fn spliced(signed: &Forge, changed: &Forge) -> String {
    let token = signed.text();
    format!("{}.{}", changed.input(), last_part(&token))
}

fn standard_alphabet(forge: &Forge) -> String {
    let token = forge.with_signature(&[0xfb; 64]);
    assert!(token.contains('-'));
    token.replace('-', "+")
}

/// 64 bytes end in a letter of which four bits are not used.
fn left_over_bits(token: &str) -> String {
    let last = token.chars().last().expect("a letter");
    let next = match last {
        'A' => 'B',
        'Q' => 'R',
        'g' => 'h',
        'w' => 'x',
        other => panic!("{other} does not end 64 bytes"),
    };
    format!("{}{next}", &token[..token.len() - 1])
}

/// The attack on verifiers that take an issuer's public key for a secret.
fn shared_secret(forge: Forge) -> String {
    let forge = forge.header("alg", "HS256".into());
    let secret = ES256.jwk("es").to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    forge.with_signature(hmac::sign(&key, forge.input().as_bytes()).as_ref())
}

fn asn1_signature(forge: &Forge) -> String {
    let pkcs8 = ES256.ecdsa().to_pkcs8v1().expect("written");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref());
    let signature = pair
        .expect("the same key")
        .sign(&SystemRandom::new(), forge.input().as_bytes());
    forge.with_signature(signature.expect("signed").as_ref())
}
