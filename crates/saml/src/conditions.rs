//! `saml:Conditions` (SAML core, section 2.5).

use crate::Rejection;
use crate::assertion::{Checks, required_time};
use crate::document::Node;
use crate::element::{Children, is, text};
use crate::names::ASSERTION;

/// Returns when the assertion stops to be valid. Every condition must be understood: `OneTimeUse` is kept by the
/// replay cache for all assertions, `ProxyRestriction` and others are refused.
pub(crate) fn check(node: Node<'_>, checks: &Checks<'_>) -> Result<u64, Rejection> {
    checks.begins(required_time(node, "NotBefore")?)?;
    let not_on_or_after = required_time(node, "NotOnOrAfter")?;
    checks.ends(not_on_or_after)?;
    let mut is_for_us = false;
    for condition in Children::of(node).ok_or(Rejection::Structure)?.rest() {
        if is(condition, ASSERTION, "AudienceRestriction") {
            check_audience(condition, checks.audience)?;
            is_for_us = true;
        } else if !is(condition, ASSERTION, "OneTimeUse") {
            return Err(Rejection::Condition);
        }
    }
    if is_for_us {
        Ok(not_on_or_after)
    } else {
        Err(Rejection::Audience)
    }
}

/// Section 2.5.1.4: one of the audiences of each restriction.
fn check_audience(restriction: Node<'_>, wanted: &str) -> Result<(), Rejection> {
    let mut children = Children::of(restriction).ok_or(Rejection::Structure)?;
    let audiences = children.take_all(ASSERTION, "Audience");
    if !children.finished() {
        return Err(Rejection::Structure);
    }
    if audiences
        .iter()
        .any(|audience| text(*audience) == Some(wanted))
    {
        return Ok(());
    }
    Err(Rejection::Audience)
}
