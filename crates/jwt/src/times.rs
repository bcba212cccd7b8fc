//! When a token may be used (RFC 7519 sections 4.1.4 to 4.1.6).

use std::time::Duration;

use crate::claims::{Claims, needed};
use crate::rejection::Rejection;

/// The dates of a token that may be used now, in seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) issued_at: u64,
    pub(crate) expires_at: Option<u64>,
    /// The first second in which it would be refused, clock skew included.
    pub(crate) refused_from: u64,
}

/// The limits that a class and an issuer's record set.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_age: Duration,
    pub(crate) clock_skew: Duration,
    /// Whether `exp` must be there.
    pub(crate) expires: bool,
}

impl Limits {
    /// Judges the dates at `now`, in seconds.
    pub(crate) fn check(self, claims: Claims<'_>, now: u64) -> Result<Times, Rejection> {
        let expires_at = claims.date("exp")?;
        if self.expires && expires_at.is_none() {
            return Err(Rejection::ClaimMissing("exp"));
        }
        let issued_at = needed("iat", claims.date("iat"))?;
        let skew = self.clock_skew.as_secs();
        if expires_at.is_some_and(|expires_at| expires_at <= issued_at) {
            return Err(Rejection::ExpiresBeforeIssue);
        }
        if issued_at > now.saturating_add(skew) {
            return Err(Rejection::IssuedInFuture);
        }
        let begins = claims.date("nbf")?.unwrap_or_default();
        if begins > now.saturating_add(skew) {
            return Err(Rejection::NotYetValid);
        }
        let expired_from = expires_at.map_or(u64::MAX, |at| at.saturating_add(skew));
        if now >= expired_from {
            return Err(Rejection::Expired);
        }
        let too_old_from = issued_at
            .saturating_add(self.max_age.as_secs())
            .saturating_add(skew)
            .saturating_add(1);
        if now >= too_old_from {
            return Err(Rejection::TooOld);
        }
        Ok(Times {
            issued_at,
            expires_at,
            refused_from: expired_from.min(too_old_from),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Limits, Times};
    use crate::Rejection;
    use crate::claims::Claims;

    const LIMITS: Limits = Limits {
        max_age: Duration::from_hours(1),
        clock_skew: Duration::from_mins(1),
        expires: true,
    };

    fn check(claims: &Value, now: u64) -> Result<Times, Rejection> {
        let members = claims.as_object().expect("an object");
        LIMITS.check(Claims::new(members)?, now)
    }

    #[test]
    fn the_edges_are_exact() {
        let claims = json!({"iat": 10_000, "nbf": 10_000, "exp": 10_100});
        assert_eq!(check(&claims, 9_939), Err(Rejection::IssuedInFuture));
        assert!(check(&claims, 9_940).is_ok());
        assert!(check(&claims, 10_159).is_ok());
        assert_eq!(check(&claims, 10_160), Err(Rejection::Expired));
        let long = json!({"iat": 10_000, "exp": 90_000});
        assert!(check(&long, 13_660).is_ok());
        assert_eq!(check(&long, 13_661), Err(Rejection::TooOld));
        let no_life = json!({"iat": 10_000, "exp": 10_000});
        assert_eq!(check(&no_life, 10_000), Err(Rejection::ExpiresBeforeIssue));
        assert!(check(&json!({"iat": 10_000, "exp": 10_001}), 10_000).is_ok());
        let late = json!({"iat": 10_000, "nbf": 10_300, "exp": 10_600});
        assert_eq!(check(&late, 10_239), Err(Rejection::NotYetValid));
        assert!(check(&late, 10_240).is_ok());
    }

    proptest! {
        /// `refused_from` is the first second of the end: that is how long a used token must be remembered.
        #[test]
        fn refused_from_is_exact(iat in 0_u64..20_000, life in 1_u64..9_000, now in 0_u64..30_000) {
            let claims = json!({"iat": iat, "exp": iat + life});
            if let Ok(times) = check(&claims, now) {
                prop_assert!(now < times.refused_from);
                prop_assert!(check(&claims, times.refused_from - 1).is_ok());
                prop_assert!(check(&claims, times.refused_from).is_err());
            }
        }
    }
}
