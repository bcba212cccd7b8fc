//! Proof Key for Code Exchange (RFC 7636), method S256 only.

use aws_lc_rs::constant_time;

use crate::opaque::{decode_32, sha256};
use crate::parameters::Parameters;
use crate::reason::Reason;
use crate::refusal::Refusal;

/// The hash that a client has to find the origin of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge([u8; 32]);

impl Challenge {
    /// From an authorization request (section 4.3). Without a method, `plain` would be meant: refused.
    pub(crate) fn parse(parameters: &Parameters) -> Result<Self, Reason> {
        let challenge = parameters
            .get("code_challenge")
            .ok_or(Reason::ChallengeMissing)?;
        if parameters.get("code_challenge_method") != Some("S256") {
            return Err(Reason::ChallengeMethod);
        }
        decode_32(challenge)
            .map(Self)
            .ok_or(Reason::ChallengeMalformed)
    }

    /// Section 4.6.
    pub(crate) fn is_met_by(&self, verifier: &str) -> bool {
        constant_time::verify_slices_are_equal(&sha256(verifier.as_bytes()), &self.0).is_ok()
    }
}

/// Section 4.1: 43 to 128 unreserved characters.
pub(crate) fn verifier(parameters: &Parameters) -> Result<&str, Refusal> {
    const NAME: &str = "code_verifier";
    let verifier = parameters.require(NAME)?;
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved) {
        Ok(verifier)
    } else {
        Err(Refusal::malformed(NAME))
    }
}

#[cfg(test)]
mod tests {
    use super::Challenge;
    use crate::opaque::decode_32;

    /// RFC 7636 appendix B.
    #[test]
    fn the_rfc_s_own_example() {
        let challenge = decode_32("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").map(Challenge);
        let met = |verifier| {
            challenge
                .as_ref()
                .is_some_and(|own| own.is_met_by(verifier))
        };
        assert!(met("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!met("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
        assert!(!met("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
    }
}
