//! How often somebody may do something: operations on one resource, over all sessions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use custos_model::Principal;
use custos_policy::documents::Rate;

/// Principals and resources that are counted at once; then those are forgotten whose allowance is whole again.
const COUNTED: usize = 64 * 1024;

/// Who asks, of what, and how often they may.
type Key = (String, String, String, u64, u64);

/// An allowance that fills as time goes by, and is whole at first (GCRA, ITU-T I.371).
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// When the allowance will be whole again, monotonic nanoseconds.
    whole_at: Mutex<HashMap<Key, u64>>,
}

impl Rates {
    /// Counts one operation. False: it is one too many, and is not counted.
    pub(crate) fn take(
        &self,
        principal: &Principal,
        resource: &str,
        rate: Rate,
        now_mono_ns: u64,
    ) -> bool {
        let window_ns = rate.seconds.saturating_mul(1_000_000_000);
        let one_ns = window_ns / rate.count.max(1);
        let key = (
            principal.issuer.clone(),
            principal.subject.clone(),
            resource.to_owned(),
            rate.count,
            rate.seconds,
        );
        let mut all = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= COUNTED && !all.contains_key(&key) {
            all.retain(|_, whole_at| *whole_at > now_mono_ns);
            if all.len() >= COUNTED {
                return false;
            }
        }
        let whole_at = all.entry(key).or_insert(now_mono_ns);
        let after = (*whole_at).max(now_mono_ns).saturating_add(one_ns);
        if after - now_mono_ns > window_ns {
            return false;
        }
        *whole_at = after;
        true
    }
}

#[cfg(test)]
mod tests {
    use custos_model::Principal;
    use custos_policy::documents::Rate;

    use super::Rates;

    #[test]
    fn an_allowance_fills_as_time_goes_by() {
        let rates = Rates::default();
        let alice = Principal::unknown("alice");
        let rate = Rate {
            count: 3,
            seconds: 60,
        };
        let second = 1_000_000_000;
        let takes = |resource: &str, at: u64| rates.take(&alice, resource, rate, at * second);
        assert!((0..3).all(|_| takes("postgres/a", 1)));
        assert!(!takes("postgres/a", 1) && !takes("postgres/a", 20));
        assert!(takes("postgres/b", 1), "another resource");
        assert!(takes("postgres/a", 21) && !takes("postgres/a", 22));
        assert!((0..3).all(|_| takes("postgres/a", 200)) && !takes("postgres/a", 200));
        let bob = Principal {
            subject: "bob".to_owned(),
            ..Principal::unknown("bob")
        };
        assert!(rates.take(&bob, "postgres/a", rate, 200 * second));
    }
}
