//! Every assertion is used once.

use custos_saml::{Assertion, Rejection, ReplayCache};

use crate::fixture::{NOW, SECOND, Sign, judge, signed};

fn assertion(id: &str) -> Assertion {
    let mut assertion = judge(&signed(Sign::Assertion, |xml| xml)).unwrap();
    id.clone_into(&mut assertion.id);
    assertion
}

#[test]
fn the_second_use_is_refused() {
    let mut cache = ReplayCache::new(2);
    let (first, second) = (assertion("_1"), assertion("_2"));
    assert_eq!(cache.use_once(&first, NOW), Ok(()));
    assert_eq!(cache.use_once(&first, NOW), Err(Rejection::Replayed));
    assert_eq!(cache.use_once(&second, NOW), Ok(()));
    assert_eq!(
        cache.use_once(&first, NOW + 60 * SECOND),
        Err(Rejection::Replayed)
    );
}

#[test]
fn ids_belong_to_their_issuer() {
    let mut cache = ReplayCache::new(2);
    let mut other = assertion("_1");
    other.issuer.push_str("_1");
    other.id.clear();
    assert_eq!(cache.use_once(&assertion("_1"), NOW), Ok(()));
    assert_eq!(cache.use_once(&other, NOW), Ok(()));
}

#[test]
fn a_full_cache_forgets_nothing() {
    let mut cache = ReplayCache::new(1);
    assert_eq!(cache.use_once(&assertion("_1"), NOW), Ok(()));
    assert_eq!(
        cache.use_once(&assertion("_2"), NOW),
        Err(Rejection::ReplayCacheFull)
    );
    assert_eq!(
        cache.use_once(&assertion("_1"), NOW),
        Err(Rejection::Replayed)
    );
    // Valid for 270 seconds more, and 60 for clocks that differ.
    let end = NOW + 330 * SECOND;
    let mut late = assertion("_3");
    late.not_on_or_after = end + SECOND;
    assert_eq!(
        cache.use_once(&late, end - 1),
        Err(Rejection::ReplayCacheFull)
    );
    assert_eq!(cache.use_once(&late, end), Ok(()));
    assert_eq!(cache.len(), 1);
}

/// What was forgotten as expired stays refused, also when the clock is set back.
#[test]
fn a_clock_that_goes_back() {
    let mut cache = ReplayCache::new(2);
    let used = assertion("_1");
    assert_eq!(cache.use_once(&used, NOW), Ok(()));
    let mut late = assertion("_2");
    late.not_on_or_after = u64::MAX;
    assert_eq!(cache.use_once(&late, NOW + 3600 * SECOND), Ok(()));
    assert_eq!(cache.len(), 1);
    assert_eq!(cache.use_once(&used, NOW), Err(Rejection::Expired));
}
