//! Assertions that are wrong in one thing, and else as good as they can be: the forger has the key.

use custos_signatures::{
    APPROVAL_NAMESPACE, ApproverKey, Assertion, Facts, MAX_ASSERTION_BYTES, Method,
    PasskeyAlgorithm, PasskeyKey, Signature, SignatureError, approval_challenge,
};
use serde_json::{Value, json};

use crate::forge::{CHALLENGE, Draft, ORIGIN, RP_ID, Secret, sha256, text};

type Change = fn(&mut Draft);

const CASES: &[(&str, Change, SignatureError)] = &[
    (
        "another passkey",
        |it| it.id.push(0),
        SignatureError::CredentialOther,
    ),
    (
        "the making of a passkey",
        |it| it.replace("webauthn.get", "webauthn.create"),
        SignatureError::ClientDataType,
    ),
    (
        "padded challenge",
        |it| it.replace("\",\"origin", "=\",\"origin"),
        SignatureError::ChallengeWrong,
    ),
    (
        "challenge in another alphabet",
        |it| {
            let other = text(&CHALLENGE).replace('-', "+").replace('_', "/");
            it.replace(&text(&CHALLENGE), &other);
        },
        SignatureError::ChallengeWrong,
    ),
    (
        "another challenge",
        |it| it.replace(&text(&CHALLENGE), &text(&[0xfa; 32])),
        SignatureError::ChallengeWrong,
    ),
    (
        "no challenge",
        |it| it.replace("\"challenge\"", "\"Challenge\""),
        SignatureError::ClientDataMalformed,
    ),
    (
        "another site",
        |it| it.replace("https://custos.", "https://evil."),
        SignatureError::OriginWrong,
    ),
    (
        "another port",
        |it| it.replace(ORIGIN, "https://custos.example.com:8443"),
        SignatureError::OriginWrong,
    ),
    (
        "another scheme",
        |it| it.replace("https:", "http:"),
        SignatureError::OriginWrong,
    ),
    (
        "origin with a slash",
        |it| it.replace(ORIGIN, "https://custos.example.com/"),
        SignatureError::OriginWrong,
    ),
    (
        "origin that is a list",
        |it| it.replace(&format!("\"{ORIGIN}\""), &format!("[\"{ORIGIN}\"]")),
        SignatureError::ClientDataMalformed,
    ),
    (
        "in a frame",
        |it| it.replace("false", "true"),
        SignatureError::CrossOrigin,
    ),
    (
        "in a frame, and says where",
        |it| it.replace("}", ",\"topOrigin\":\"https://evil.example\"}"),
        SignatureError::CrossOrigin,
    ),
    (
        "crossOrigin that is a string",
        |it| it.replace("false", "\"false\""),
        SignatureError::ClientDataMalformed,
    ),
    (
        "two origins",
        |it| it.replace("{", "{\"origin\":\"https://evil.example\","),
        SignatureError::ClientDataMalformed,
    ),
    (
        "two types",
        |it| it.replace("}", ",\"type\":\"webauthn.get\"}"),
        SignatureError::ClientDataMalformed,
    ),
    (
        "two of something else",
        |it| it.replace("}", ",\"x\":{\"y\":1,\"y\":1}}"),
        SignatureError::ClientDataMalformed,
    ),
    (
        "something behind it",
        |it| it.client_data.push('x'),
        SignatureError::ClientDataMalformed,
    ),
    (
        "a byte order mark",
        |it| it.client_data.insert(0, '\u{feff}'),
        SignatureError::ClientDataMalformed,
    ),
    (
        "no object",
        |it| it.client_data.replace_range(.., "[]"),
        SignatureError::ClientDataMalformed,
    ),
    (
        "nested deeply",
        |it| {
            let deep = format!(",\"x\":{}{}}}", "[".repeat(100), "]".repeat(100));
            it.replace("}", &deep);
        },
        SignatureError::ClientDataMalformed,
    ),
    (
        "another relying party",
        |it| it.authenticator_data[..32].copy_from_slice(&sha256(b"example.com")),
        SignatureError::RelyingPartyWrong,
    ),
    (
        "nobody there",
        |it| it.flags(0x04),
        SignatureError::PresenceMissing,
    ),
    (
        "nobody verified",
        |it| it.flags(0x01),
        SignatureError::UserNotVerified,
    ),
    (
        "backed up and not to be",
        |it| it.flags(0x15),
        SignatureError::AuthenticatorDataMalformed,
    ),
    (
        "says that it has a credential",
        |it| it.flags(0x45),
        SignatureError::AuthenticatorDataMalformed,
    ),
    (
        "says that it has extensions",
        |it| it.flags(0x85),
        SignatureError::AuthenticatorDataMalformed,
    ),
    (
        "extensions",
        |it| {
            it.flags(0x85);
            it.authenticator_data.push(0xa0);
        },
        SignatureError::AuthenticatorDataMalformed,
    ),
    (
        "bytes behind it",
        |it| it.authenticator_data.push(0),
        SignatureError::AuthenticatorDataMalformed,
    ),
    (
        "a byte too few",
        |it| {
            it.authenticator_data.pop();
        },
        SignatureError::AuthenticatorDataMalformed,
    ),
    (
        "hardly any",
        |it| it.authenticator_data.truncate(3),
        SignatureError::AuthenticatorDataMalformed,
    ),
];

#[test]
fn good_ones_verify() {
    for secret in Secret::all() {
        let key = secret.key();
        let facts = |flags| {
            let mut draft = Draft::good();
            draft.flags(flags);
            key.verify(&CHALLENGE, &draft.signed(&secret))
        };
        let expected = |backup_eligible, backed_up| {
            Ok(Facts {
                sign_count: 263,
                backup_eligible,
                backed_up,
            })
        };
        assert_eq!(facts(0x05), expected(false, false));
        assert_eq!(facts(0x0d), expected(true, false));
        assert_eq!(facts(0x1d), expected(true, true));
        let changes: [Change; 4] = [
            |it| it.replace(",\"crossOrigin\":false", ""),
            |it| it.replace("{", "{\"a\":[1,{}],"),
            |it| it.replace("{", "{ "),
            |it| it.replace("webauthn", "\\u0077ebauthn"),
        ];
        for change in changes {
            let mut draft = Draft::good();
            change(&mut draft);
            assert!(key.verify(&CHALLENGE, &draft.signed(&secret)).is_ok());
        }
    }
}

#[test]
fn one_wrong_thing() {
    for secret in Secret::all() {
        let key = secret.key();
        for (name, change, reason) in CASES {
            let mut draft = Draft::good();
            change(&mut draft);
            let verified = key.verify(&CHALLENGE, &draft.signed(&secret));
            assert_eq!(verified, Err(*reason), "{name}");
        }
        for other in Secret::all() {
            let verified = key.verify(&CHALLENGE, &Draft::good().signed(&other));
            assert_eq!(verified, Err(SignatureError::SignatureWrong));
        }
    }
}

#[test]
fn every_bit_counts() {
    for secret in Secret::all() {
        let key = secret.key();
        let good = Draft::good();
        let signature = good.signed(&secret).signature().to_vec();
        let verifies = |draft: &Draft, signature: &[u8]| {
            let assertion = draft.with(signature);
            key.verify(&CHALLENGE, &assertion).is_ok()
        };
        assert!(verifies(&good, &signature));
        for at in 0..signature.len() {
            assert!(at == 0 || !verifies(&good, &signature[..at]));
            for bit in 0..8 {
                let mut other = signature.clone();
                other[at] ^= 1 << bit;
                assert!(!verifies(&good, &other), "{at} {bit}");
            }
        }
        let longer = [&signature[..], &[0]].concat();
        assert!(!verifies(&good, &longer));
        for at in 0..good.authenticator_data.len() * 8 {
            let mut other = good.clone();
            other.authenticator_data[at / 8] ^= 1 << (at % 8);
            assert!(!verifies(&other, &signature), "{at}");
        }
        for at in 0..good.client_data.len() {
            let mut other = good.clone();
            other.client_data.insert(at, ' ');
            assert!(!verifies(&other, &signature), "{at}");
        }
    }
}

#[test]
fn keys_that_are_not_taken() {
    let secrets = Secret::all();
    let new = |spki: &[u8], algorithm| {
        PasskeyKey::new(b"id".to_vec(), spki.to_vec(), algorithm, RP_ID, ORIGIN).map(|_| ())
    };
    for secret in &secrets {
        let spki = secret.spki();
        assert_eq!(new(&spki, secret.algorithm()), Ok(()));
        for algorithm in PasskeyAlgorithm::ALL {
            let expected = algorithm == secret.algorithm();
            assert_eq!(new(&spki, algorithm).is_ok(), expected);
        }
        let malformed = Err(SignatureError::KeyMalformed);
        for at in 0..spki.len() {
            assert_eq!(new(&spki[..at], secret.algorithm()), malformed);
        }
        let longer = [&spki[..], &[0]].concat();
        assert_eq!(new(&longer, secret.algorithm()), malformed);
    }
    let mut weak = secrets[1].spki();
    weak[12..].fill(0);
    assert_eq!(
        new(&weak, PasskeyAlgorithm::EdDsa),
        Err(SignatureError::KeyWeak)
    );
    let mut off_curve = secrets[0].spki();
    off_curve[90] ^= 1;
    let malformed = Err(SignatureError::KeyMalformed);
    assert_eq!(new(&off_curve, PasskeyAlgorithm::Es256), malformed);
    let made = |id: Vec<u8>, origin| {
        PasskeyKey::new(id, weak.clone(), PasskeyAlgorithm::EdDsa, RP_ID, origin).map(|_| ())
    };
    assert_eq!(made(Vec::new(), ORIGIN), malformed);
    assert_eq!(made(vec![1; 1024], ORIGIN), malformed);
    let elsewhere = made(vec![1], "https://example.com");
    assert_eq!(elsewhere, Err(SignatureError::KeyOrigin));
    assert_eq!(
        PasskeyAlgorithm::try_from(-65535),
        Err(SignatureError::KeyUnsupported)
    );
}

#[test]
fn json_of_assertions() {
    let [secret, ..] = Secret::all();
    let assertion = Draft::good().signed(&secret);
    let written = serde_json::to_value(&assertion).expect("JSON");
    let parse = |json: &Value| Assertion::parse(json.to_string().as_bytes());
    assert_eq!(parse(&written).as_ref(), Ok(&assertion));
    assert_eq!(
        serde_json::from_value::<Assertion>(written.clone()).expect("JSON"),
        assertion
    );
    let mut names: Vec<&String> = written.as_object().expect("an object").keys().collect();
    // In an order that features of serde_json change.
    names.sort();
    assert_eq!(names, ["id", "rawId", "response", "type"]);
    assert_eq!(written["response"].get("userHandle"), None);
    let malformed = Err(SignatureError::AssertionMalformed);
    for (pointer, value) in [
        ("/id", json!("b3RoZXI")),
        ("/rawId", json!("b3RoZXI")),
        ("/type", json!("password")),
        ("/response", json!([])),
        ("/response/signature", json!("")),
        ("/response/signature", json!("AA==")),
        ("/response/signature", json!("+/8")),
        ("/response/signature", json!([1])),
        ("/response/signature", json!(text(&[0; 1025]))),
        ("/response/clientDataJSON", json!(text(&[b' '; 4097]))),
        ("/response/authenticatorData", json!(text(&[0; 1025]))),
    ] {
        let mut other = written.clone();
        *other.pointer_mut(pointer).expect("a member") = value;
        assert_eq!(parse(&other), malformed, "{other}");
        assert!(serde_json::from_value::<Assertion>(other).is_err());
    }
    let good = written.to_string();
    for other in [
        good.replacen('{', "{\"id\":\"Y3JlZGVudGlhbA\",", 1),
        good.replacen('{', "{\"x\":1,\"x\":1,", 1),
        format!("{good}x"),
        "[]".to_owned(),
        String::new(),
    ] {
        assert_eq!(Assertion::parse(other.as_bytes()), malformed, "{other}");
    }
    let mut handle = written;
    handle["response"]["userHandle"] = json!(text(&[7; 64]));
    let parsed = parse(&handle).expect("good");
    assert_eq!(parsed.user_handle(), Some(&[7; 64][..]));
    handle["response"]["userHandle"] = json!(text(&[7; 65]));
    assert_eq!(parse(&handle), malformed);
    let long = format!("{good}{}", " ".repeat(MAX_ASSERTION_BYTES));
    let parsed = Assertion::parse(long.as_bytes());
    assert_eq!(parsed, Err(SignatureError::TooLong));
}

#[test]
fn either_kind_of_key_by_one_name() {
    for secret in Secret::all() {
        let key = ApproverKey::Passkey(secret.key());
        assert_eq!(key.method(), Method::WebAuthn);
        let json = serde_json::to_value(&key).expect("JSON");
        assert_eq!(json["method"], "webauthn");
        assert_eq!(json["key"]["algorithm"], secret.algorithm().number());
        assert_eq!(
            serde_json::from_value::<ApproverKey>(json.clone()).expect("a key"),
            key
        );
        let mut other = json;
        other["key"]["more"] = json!(1);
        assert!(serde_json::from_value::<ApproverKey>(other).is_err());

        let statement = b"{\"decision\":\"approve\"}";
        let mut draft = Draft::good();
        draft.replace(&text(&CHALLENGE), &text(&approval_challenge(statement)));
        let signature = Signature::WebAuthn(draft.signed(&secret));
        let json = serde_json::to_value(&signature).expect("JSON");
        assert_eq!(json["method"], "webauthn");
        assert_eq!(
            serde_json::from_value::<Signature>(json).expect("a signature"),
            signature
        );
        let verified = key.verify(APPROVAL_NAMESPACE, statement, &signature);
        assert_eq!(verified.expect("good").expect("facts").sign_count, 263);
        let other = key.verify(APPROVAL_NAMESPACE, b"{}", &signature);
        assert_eq!(other, Err(SignatureError::ChallengeWrong));
        let other = key.verify("custos-other", statement, &signature);
        assert_eq!(other, Err(SignatureError::NamespaceWrong));
        let ssh = Signature::Ssh("-----BEGIN SSH SIGNATURE-----".to_owned());
        let other = key.verify(APPROVAL_NAMESPACE, statement, &ssh);
        assert_eq!(other, Err(SignatureError::MethodWrong));
    }
}

#[test]
fn the_challenge_is_what_the_documents_say() {
    let challenge = approval_challenge(b"{}");
    assert_eq!(challenge[..], sha256(b"custos approval v1\0{}"));
    let key = Secret::all()[0].key();
    let fingerprint = key.fingerprint();
    assert_eq!(fingerprint.len(), "SHA256:".len() + 43);
}
