//! A real Chromium makes passkeys and signs with them.

use custos_signatures::{
    APPROVAL_NAMESPACE, ApproverKey, Assertion, PasskeyAlgorithm, PasskeyKey, Signature,
    SignatureError, approval_challenge,
};
use custos_testkit::Chromium;
use serde_json::Value;

use crate::forge::text;

fn bytes(value: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let text = value.as_str().expect("a string");
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .expect("base64url")
}

fn assertion(value: &Value) -> Assertion {
    Assertion::parse(value.to_string().as_bytes()).expect("what a browser writes")
}

#[test]
fn every_algorithm_in_a_real_browser() {
    let statements = [
        &b"{\"decision\":\"approve\"}"[..],
        b"{\"decision\":\"deny\"}",
    ];
    let challenges = statements.map(|statement| text(&approval_challenge(statement)));
    let numbers = PasskeyAlgorithm::ALL.map(PasskeyAlgorithm::number);
    let seen = Chromium::passkeys(&numbers, &challenges);
    let [rp_id, origin] = ["rp_id", "origin"].map(|name| seen[name].as_str().expect("text"));
    let passkeys = seen["passkeys"].as_array().expect("a list");
    assert_eq!(passkeys.len(), 3);
    for (passkey, algorithm) in passkeys.iter().zip(PasskeyAlgorithm::ALL) {
        assert_eq!(passkey["algorithm"], algorithm.number());
        let [id, spki] = ["credential_id", "spki"].map(|name| bytes(&passkey[name]));
        let key = PasskeyKey::new(id, spki, algorithm, rp_id, origin).expect("a good key");
        let approver = ApproverKey::Passkey(key.clone());
        for (statement, made) in statements.iter().zip(&[0, 1]) {
            let made = assertion(&passkey["assertions"][made]);
            let signature = Signature::WebAuthn(made);
            for other in statements {
                let verified = approver.verify(APPROVAL_NAMESPACE, other, &signature);
                if other == *statement {
                    let facts = verified.expect("good").expect("facts");
                    assert!(facts.sign_count > 0 && !facts.backed_up, "{facts:?}");
                } else {
                    assert_eq!(verified, Err(SignatureError::ChallengeWrong));
                }
            }
        }
        let challenge = approval_challenge(statements[0]);
        let unverified = key.verify(&challenge, &assertion(&passkey["unverified"]));
        assert_eq!(unverified, Err(SignatureError::UserNotVerified));
        let framed = key.verify(&challenge, &assertion(&passkey["framed"]));
        assert_eq!(framed, Err(SignatureError::CrossOrigin));
        assert_eq!(passkey["refused"], "NotAllowedError");
    }
}
