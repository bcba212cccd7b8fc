use std::sync::Arc;

use aho_corasick::AhoCorasick;

use super::cluster::Finding;
use super::custom::{Custom, MAX_PATTERNS};
use super::scanner::Scanner;
use super::secret;
use crate::error::MaskError;

/// A kind of sensitive text, the more serious first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detector {
    /// A private key in a file's form (RFC 7468, RFC 4716), from its first line to its last.
    PrivateKey,
    /// A JSON Web Token, signed or encrypted, also one that was cut off.
    JsonWebToken,
    /// A key or token of AWS, Google Cloud, Azure, GitHub, Slack or Stripe.
    CloudKey,
    /// A payment card number with its check digit.
    PaymentCard,
    /// An international bank account number with its check digits.
    Iban,
    /// A social security number of the United States, with its hyphens or spaces.
    SocialSecurity,
    /// An e-mail address.
    Email,
    /// A telephone number: international with `+`, or in a national form of North America, France or the United
    /// Kingdom.
    Phone,
    /// An IPv4 or IPv6 address.
    IpAddress,
    /// The pattern of this number, in the order in which they were added.
    Custom(u8),
}

impl Detector {
    /// All that are built in.
    pub const BUILT_IN: [Self; 9] = [
        Self::PrivateKey,
        Self::JsonWebToken,
        Self::CloudKey,
        Self::PaymentCard,
        Self::Iban,
        Self::SocialSecurity,
        Self::Email,
        Self::Phone,
        Self::IpAddress,
    ];

    /// Its name in policy; `None` for a pattern.
    pub fn as_str(self) -> Option<&'static str> {
        Some(match self {
            Self::PrivateKey => "private_key",
            Self::JsonWebToken => "json_web_token",
            Self::CloudKey => "cloud_key",
            Self::PaymentCard => "payment_card",
            Self::Iban => "iban",
            Self::SocialSecurity => "social_security",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::IpAddress => "ip_address",
            Self::Custom(_) => return None,
        })
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::BUILT_IN.into_iter();
        all.find(|detector| detector.as_str() == Some(name))
    }

    fn bit(self) -> u16 {
        match self {
            Self::PrivateKey => 1,
            Self::JsonWebToken => 1 << 1,
            Self::CloudKey => 1 << 2,
            Self::PaymentCard => 1 << 3,
            Self::Iban => 1 << 4,
            Self::SocialSecurity => 1 << 5,
            Self::Email => 1 << 6,
            Self::Phone => 1 << 7,
            Self::IpAddress => 1 << 8,
            Self::Custom(_) => 0,
        }
    }
}

/// A set of detectors, ready to search. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Detectors {
    kinds: u16,
    prefixes: Option<Arc<AhoCorasick>>,
    patterns: Arc<[String]>,
    custom: Option<Custom>,
}

impl Detectors {
    /// These detectors, of those built in. Patterns come by [`Self::with_pattern`].
    ///
    /// # Errors
    /// [`MaskError::PatternTooLarge`] if the automaton of prefixes cannot be built, which no input brings about.
    pub fn new(kinds: &[Detector]) -> Result<Self, MaskError> {
        let kinds = kinds.iter().fold(0, |all, kind| all | kind.bit());
        let with_prefix = [
            Detector::PrivateKey,
            Detector::JsonWebToken,
            Detector::CloudKey,
        ];
        let any = with_prefix.iter().any(|kind| kinds & kind.bit() != 0);
        Ok(Self {
            kinds,
            prefixes: any.then(secret::automaton).transpose()?.map(Arc::new),
            patterns: Arc::new([]),
            custom: None,
        })
    }

    /// Adds a regular expression (the syntax of the crate `regex`). Its number is that of the patterns before it.
    ///
    /// # Errors
    /// When it does not parse, matches the empty text, has no bound, or exceeds a limit: [`super::MAX_PATTERN_BYTES`],
    /// [`super::MAX_PATTERN_MATCH_BYTES`], [`MAX_PATTERNS`].
    pub fn with_pattern(mut self, pattern: &str) -> Result<Self, MaskError> {
        if self.patterns.len() >= MAX_PATTERNS {
            return Err(MaskError::TooManyPatterns(MAX_PATTERNS));
        }
        Custom::check(pattern)?;
        let mut patterns = self.patterns.to_vec();
        patterns.push(pattern.to_owned());
        self.custom = Some(Custom::new(&patterns)?);
        self.patterns = patterns.into();
        Ok(self)
    }

    /// All that is found in a text, in order, without overlaps. Allocates only if something is found.
    pub fn find(&self, text: &[u8]) -> Vec<Finding> {
        Scanner::whole(self, text)
    }

    pub(crate) fn has(&self, kind: Detector) -> bool {
        match kind {
            Detector::Custom(_) => self.custom.is_some(),
            _ => self.kinds & kind.bit() != 0,
        }
    }

    pub(crate) fn prefixes(&self) -> Option<&AhoCorasick> {
        self.prefixes.as_deref()
    }

    pub(crate) fn custom(&self) -> Option<&Custom> {
        self.custom.as_ref()
    }
}
