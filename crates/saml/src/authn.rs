//! `saml:AuthnStatement` (SAML core, section 2.7.2).

use crate::Rejection;
use crate::assertion::{Checks, required_time};
use crate::document::Node;
use crate::element::{Children, attribute, text};
use crate::name_id::plain;
use crate::names::ASSERTION;
use crate::time::{self, SKEW_NS};

const TEXT_BYTES_MAX: usize = 1024;

/// When and how the person signed in at the identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthnStatement {
    /// Nanoseconds since 1970.
    pub instant: u64,
    /// The authentication context class, a URI.
    pub context_class: Option<String>,
    /// The identity provider's name for the session, by which it ends it. At most 1024 bytes.
    pub session_index: Option<String>,
    /// When the session here must end, in nanoseconds since 1970.
    pub session_not_on_or_after: Option<u64>,
}

pub(crate) fn read(node: Node<'_>, checks: &Checks<'_>) -> Result<AuthnStatement, Rejection> {
    let instant = required_time(node, "AuthnInstant")?;
    checks.begins(instant)?;
    let session_not_on_or_after = match attribute(node, "SessionNotOnOrAfter") {
        Some(text) => Some(time::parse(text).ok_or(Rejection::Time)?),
        None => None,
    };
    if session_not_on_or_after.is_some_and(|end| checks.utc_ns >= end.saturating_add(SKEW_NS)) {
        return Err(Rejection::SessionExpired);
    }
    let session_index = attribute(node, "SessionIndex")
        .map(|index| plain(index, TEXT_BYTES_MAX).ok_or(Rejection::AuthnStatement))
        .transpose()?;

    let mut children = Children::of(node).ok_or(Rejection::AuthnStatement)?;
    children.take(ASSERTION, "SubjectLocality");
    let context = children.take(ASSERTION, "AuthnContext");
    let (Some(context), true) = (context, children.finished()) else {
        return Err(Rejection::AuthnStatement);
    };
    Ok(AuthnStatement {
        instant,
        context_class: context_class(context)?,
        session_index: session_index.map(ToOwned::to_owned),
        session_not_on_or_after,
    })
}

/// Section 2.7.2.2. Declarations and authorities beside the class are not looked at.
fn context_class(context: Node<'_>) -> Result<Option<String>, Rejection> {
    let mut children = Children::of(context).ok_or(Rejection::AuthnStatement)?;
    let Some(class) = children.take(ASSERTION, "AuthnContextClassRef") else {
        return Ok(None);
    };
    let class = text(class)
        .and_then(|class| plain(class.trim(), TEXT_BYTES_MAX))
        .ok_or(Rejection::AuthnStatement)?;
    Ok(Some(class.to_owned()))
}
