//! What is known of an issuer before it sends anything.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::algorithm::Algorithm;
use crate::class::ClassName;

/// Largest clock difference that is forgiven, and the default.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_mins(1);
/// Longest time since issue that a rule may allow. It bounds how long a used token is remembered.
pub const MAX_TOKEN_AGE: Duration = Duration::from_hours(7 * 24);
/// Longest issuer or audience.
const MAX_NAME_BYTES: usize = 2 << 10;

/// An issuer's record: the only thing that says what is taken from it. Immutable, so it cannot be widened later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    name: String,
    algorithms: Vec<Algorithm>,
    audiences: Vec<String>,
    clock_skew: Duration,
    rules: BTreeMap<ClassName, ClassRule>,
}

/// How tokens of one class are taken from an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRule {
    class: ClassName,
    max_age: Duration,
    required_claims: Vec<String>,
    untyped: bool,
}

/// Why a record is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The issuer or an audience is empty or longer than 2 KiB.
    #[error("an issuer or audience is empty or longer than 2 KiB")]
    Name,
    /// No algorithm is allowed.
    #[error("no signature algorithm is allowed")]
    NoAlgorithm,
    /// No class of tokens is taken.
    #[error("no class of tokens is taken")]
    NoClass,
    /// Two rules for one class.
    #[error("there are two rules for {}", .0.as_str())]
    TwoRules(ClassName),
    /// Such tokens need an audience, and there is none.
    #[error("no audience is accepted for {}", .0.as_str())]
    NoAudience(ClassName),
    /// An age of nothing or of more than a week.
    #[error("the maximum age of {} is not between a second and a week", .0.as_str())]
    MaxAge(ClassName),
    /// More than a minute.
    #[error("more than 60 seconds of clock skew")]
    ClockSkew,
}

impl Issuer {
    /// A record for the issuer of exactly this name: a URL, or the client's id where a client signs for itself.
    ///
    /// `audiences` are ours in access tokens, workload tokens and security events; in identity and logout tokens
    /// they are the only others that may stand beside the client.
    pub fn new(
        name: &str,
        algorithms: &[Algorithm],
        audiences: &[&str],
        rules: impl IntoIterator<Item = ClassRule>,
    ) -> Result<Self, IssuerError> {
        let mut names = audiences.iter().chain([&name]);
        if names.any(|name| name.is_empty() || name.len() > MAX_NAME_BYTES) {
            return Err(IssuerError::Name);
        }
        if algorithms.is_empty() {
            return Err(IssuerError::NoAlgorithm);
        }
        Ok(Self {
            name: name.to_owned(),
            algorithms: algorithms.to_vec(),
            audiences: audiences.iter().map(|&name| name.to_owned()).collect(),
            clock_skew: MAX_CLOCK_SKEW,
            rules: by_class(rules, !audiences.is_empty())?,
        })
    }

    /// The same record with less than 60 seconds of clock difference forgiven.
    pub fn with_clock_skew(self, clock_skew: Duration) -> Result<Self, IssuerError> {
        if clock_skew > MAX_CLOCK_SKEW {
            return Err(IssuerError::ClockSkew);
        }
        Ok(Self { clock_skew, ..self })
    }

    /// `iss` of its tokens.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    pub(crate) fn accepts_audience(&self, audience: &str) -> bool {
        self.audiences.iter().any(|ours| ours == audience)
    }

    pub(crate) fn clock_skew(&self) -> Duration {
        self.clock_skew
    }

    pub(crate) fn rule(&self, class: ClassName) -> Option<&ClassRule> {
        self.rules.get(&class)
    }
}

fn by_class(
    rules: impl IntoIterator<Item = ClassRule>,
    has_audience: bool,
) -> Result<BTreeMap<ClassName, ClassRule>, IssuerError> {
    let mut sorted = BTreeMap::new();
    for rule in rules {
        let class = rule.class;
        if rule.max_age < Duration::from_secs(1) || rule.max_age > MAX_TOKEN_AGE {
            return Err(IssuerError::MaxAge(class));
        }
        if class.needs_issuer_audience() && !has_audience {
            return Err(IssuerError::NoAudience(class));
        }
        if sorted.insert(class, rule).is_some() {
            return Err(IssuerError::TwoRules(class));
        }
    }
    if sorted.is_empty() {
        return Err(IssuerError::NoClass);
    }
    Ok(sorted)
}

impl ClassRule {
    /// Takes tokens of this class, with its default age since issue: 12 hours for identity tokens, one hour for
    /// access and workload tokens, five minutes for logout tokens, a minute for client assertions, a day for
    /// security events.
    pub fn new(class: ClassName) -> Self {
        Self {
            class,
            max_age: class.default_max_age(),
            required_claims: Vec::new(),
            untyped: false,
        }
    }

    /// Another age since issue, a second to a week. Whole seconds count.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// A claim that must be there and not null, beyond those of the class.
    #[must_use]
    pub fn require(mut self, claim: &str) -> Self {
        self.required_claims.push(claim.to_owned());
        self
    }

    /// Takes logout tokens of providers that leave `typ` out or say `JWT` (Back-Channel Logout 1.0 section 2.4 only
    /// recommends `logout+jwt`). Changes nothing for other classes.
    #[must_use]
    pub fn untyped(self) -> Self {
        Self {
            untyped: true,
            ..self
        }
    }

    pub(crate) fn age_limit(&self) -> Duration {
        self.max_age
    }

    pub(crate) fn required_claims(&self) -> &[String] {
        &self.required_claims
    }

    pub(crate) fn takes_untyped(&self) -> bool {
        self.untyped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ClassRule, Issuer, IssuerError, MAX_TOKEN_AGE};
    use crate::{Algorithm, ClassName};

    const NAME: &str = "https://idp.example";

    fn id_tokens() -> ClassRule {
        ClassRule::new(ClassName::IdToken)
    }

    fn error(
        name: &str,
        algorithms: &[Algorithm],
        audiences: &[&str],
        rules: &[ClassRule],
    ) -> IssuerError {
        Issuer::new(name, algorithms, audiences, rules.to_vec()).expect_err("a bad record")
    }

    #[test]
    fn a_record_that_would_take_too_much_or_nothing_is_refused() {
        let es256 = &[Algorithm::Es256][..];
        assert_eq!(error("", es256, &[], &[id_tokens()]), IssuerError::Name);
        assert_eq!(error(NAME, es256, &[""], &[id_tokens()]), IssuerError::Name);
        assert_eq!(
            error(NAME, &[], &[], &[id_tokens()]),
            IssuerError::NoAlgorithm
        );
        assert_eq!(error(NAME, es256, &[], &[]), IssuerError::NoClass);
        let twice = [id_tokens(), id_tokens().untyped()];
        assert_eq!(
            error(NAME, es256, &[], &twice),
            IssuerError::TwoRules(ClassName::IdToken)
        );
        for class in [
            ClassName::AccessToken,
            ClassName::DelegationToken,
            ClassName::WorkloadToken,
            ClassName::SecurityEvent,
        ] {
            let rules = [ClassRule::new(class)];
            assert_eq!(
                error(NAME, es256, &[], &rules),
                IssuerError::NoAudience(class)
            );
        }
        for age in [
            Duration::ZERO,
            Duration::from_millis(999),
            MAX_TOKEN_AGE + Duration::from_secs(1),
        ] {
            let rules = [id_tokens().max_age(age)];
            assert_eq!(
                error(NAME, es256, &[], &rules),
                IssuerError::MaxAge(ClassName::IdToken)
            );
        }
        let good = Issuer::new(NAME, es256, &[], [id_tokens()]).expect("a good record");
        let skew = good.clone().with_clock_skew(Duration::from_secs(61));
        assert_eq!(skew, Err(IssuerError::ClockSkew));
        assert!(good.with_clock_skew(Duration::ZERO).is_ok());
    }
}
