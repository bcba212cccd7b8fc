//! Signatures as the Standard Webhooks specification has them: HMAC-SHA256 over id, time and body.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_model::Secret;
use zeroize::Zeroizing;

/// What a secret of the scheme's own form begins with.
const PREFIX: &str = "whsec_";
/// The shortest secret (the specification has 24 to 64 bytes).
pub const SECRET_BYTES_MIN: usize = 24;
/// The longest.
const SECRET_BYTES_MAX: usize = 1024;

/// A secret that a webhook's receiver has too.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

/// Text that is no secret to sign with. The text is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// `whsec_`, and something else than base64 behind it.
    #[error("what stands behind `whsec_` is not base64")]
    Base64,
    /// Fewer bytes than could not be guessed, or more than anybody needs.
    #[error("a signing secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")]
    Length,
}

impl SigningSecret {
    /// Takes `whsec_` and base64, or any other text, whose own bytes are the secret then.
    pub fn parse(text: &Secret) -> Result<Self, SecretError> {
        let text = text.expose();
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?,
            None => text.as_bytes().to_vec(),
        };
        let bytes = Zeroizing::new(bytes);
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()) {
            return Err(SecretError::Length);
        }
        Ok(Self(bytes))
    }

    fn signature(&self, message: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        for part in message {
            context.update(part);
        }
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningSecret(…)")
    }
}

/// The value of `webhook-signature`: one signature for each secret, with a space in between.
pub(crate) fn signatures(
    secrets: &[SigningSecret],
    id: &str,
    timestamp: &str,
    body: &str,
) -> String {
    let message: [&[u8]; 5] = [
        id.as_bytes(),
        b".",
        timestamp.as_bytes(),
        b".",
        body.as_bytes(),
    ];
    let signatures: Vec<String> = secrets.iter().map(|it| it.signature(&message)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{SecretError, SigningSecret, signatures};
    use custos_model::Secret;

    fn parse(text: &str) -> Result<SigningSecret, SecretError> {
        SigningSecret::parse(&Secret::new(text.to_owned()))
    }

    /// The example of the specification's own libraries.
    #[test]
    fn signs_as_the_specification_does() {
        let secret = parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            signatures(
                &[secret],
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "1614265330",
                "{\"test\": 2432232314}"
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn secrets_are_long_enough_and_not_shown() {
        assert_eq!(parse(&"a".repeat(23)), Err(SecretError::Length));
        assert_eq!(parse(&"a".repeat(1025)), Err(SecretError::Length));
        assert_eq!(parse("whsec_Y2FuYXJ5"), Err(SecretError::Length));
        assert_eq!(parse("whsec_~"), Err(SecretError::Base64));
        let raw = parse("canary-canary-canary-canary").unwrap();
        let same = parse("whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5").unwrap();
        assert_eq!(raw, same);
        assert_eq!(format!("{raw:?}"), "SigningSecret(…)");
    }
}
