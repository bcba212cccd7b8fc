//! The ID of a message that we send.

use std::fmt;
use std::fmt::Write as _;

/// The ID of a message that we send, which its answer repeats. To be kept where only the browser that was sent away
/// finds it again, and to be used for one answer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    const HEX_DIGITS: usize = 40;

    /// SAML core, section 1.3.4, asks for 128 to 160 random bits.
    pub fn from_random(random: [u8; 20]) -> Self {
        let mut id = String::from("_");
        for byte in random {
            // Writing to a string does not fail.
            let _ = write!(id, "{byte:02x}");
        }
        Self(id)
    }

    /// Reads what [`Self::as_str`] gave. `None`: nothing that this type made.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('_')?;
        let good = digits.len() == Self::HEX_DIGITS
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| Self(text.to_owned()))
    }

    /// As it stands in the message.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RequestId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn has_one_spelling() {
        let id = RequestId::from_random([0xa5; 20]);
        assert_eq!(RequestId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(id.as_str().len(), 41);
        for bad in [
            "",
            "_",
            "_A5",
            &id.as_str().to_uppercase(),
            &id.as_str()[1..],
        ] {
            assert_eq!(RequestId::parse(bad), None, "{bad}");
        }
    }
}
