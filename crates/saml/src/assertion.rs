//! An assertion, read from bytes that were signed (SAML core, section 2; SAML profiles, section 4.1.4.2).

use std::fmt;

use crate::Rejection;
use crate::attributes::{self, Attribute};
use crate::authn::{self, AuthnStatement};
use crate::conditions;
use crate::document::Node;
use crate::element::{Children, attribute, is};
use crate::name_id::NameId;
use crate::names::{ASSERTION, SIGNATURE};
use crate::response::{check_version, is_issuer};
use crate::signature::is_id;
use crate::subject;
use crate::time::{self, SKEW_NS};

/// Who signed in, and how, as the identity provider signed it. `Debug` shows neither names nor attributes.
#[derive(Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The assertion's own ID, unique for its issuer.
    pub id: String,
    /// The identity provider's `entityID`.
    pub issuer: String,
    /// Who.
    pub name_id: NameId,
    /// When and how the person signed in, and the session at the identity provider.
    pub authn: AuthnStatement,
    /// What else is said, in the order of the assertion; each name once.
    pub attributes: Vec<Attribute>,
    /// When the assertion stops to be valid, in nanoseconds since 1970, without the allowance for clocks.
    pub not_on_or_after: u64,
}

impl fmt::Debug for Assertion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Assertion")
            .field("id", &self.id)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// What the parts of a response are held against.
#[derive(Clone, Copy)]
pub(crate) struct Checks<'a> {
    pub(crate) idp: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) recipient: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) utc_ns: u64,
}

impl Checks<'_> {
    pub(crate) fn issuer(&self, issuer: Node<'_>) -> Result<(), Rejection> {
        if is_issuer(issuer, self.idp) {
            Ok(())
        } else {
            Err(Rejection::Issuer)
        }
    }

    /// `IssueInstant` is a time, and has come.
    pub(crate) fn issued(&self, node: Node<'_>) -> Result<(), Rejection> {
        self.begins(required_time(node, "IssueInstant")?)
    }

    pub(crate) fn begins(&self, not_before: u64) -> Result<(), Rejection> {
        if not_before > self.utc_ns.saturating_add(SKEW_NS) {
            return Err(Rejection::NotYetValid);
        }
        Ok(())
    }

    pub(crate) fn ends(&self, not_on_or_after: u64) -> Result<(), Rejection> {
        if self.utc_ns >= not_on_or_after.saturating_add(SKEW_NS) {
            return Err(Rejection::Expired);
        }
        Ok(())
    }
}

pub(crate) fn required_time(node: Node<'_>, name: &str) -> Result<u64, Rejection> {
    let text = attribute(node, name).ok_or(Rejection::Structure)?;
    time::parse(text).ok_or(Rejection::Time)
}

/// `node` is a node of a document that was parsed from signed bytes.
pub(crate) fn read(node: Node<'_>, checks: &Checks<'_>) -> Result<Assertion, Rejection> {
    if !is(node, ASSERTION, "Assertion") {
        return Err(Rejection::Kind);
    }
    check_version(node)?;
    let id = attribute(node, "ID")
        .filter(|id| is_id(id))
        .ok_or(Rejection::Structure)?;
    let mut children = Children::of(node).ok_or(Rejection::Structure)?;
    checks.issuer(
        children
            .take(ASSERTION, "Issuer")
            .ok_or(Rejection::Structure)?,
    )?;
    checks.issued(node)?;
    children.take(SIGNATURE, "Signature");
    let subject = children
        .take(ASSERTION, "Subject")
        .ok_or(Rejection::Structure)?;
    let subject = subject::read(subject, checks)?;
    let conditions = children
        .take(ASSERTION, "Conditions")
        .ok_or(Rejection::Structure)?;
    let conditions_end = conditions::check(conditions, checks)?;

    let (mut authn, mut attribute_statements) = (Vec::new(), Vec::new());
    for statement in children.rest() {
        if is(statement, ASSERTION, "AuthnStatement") {
            authn.push(statement);
        } else if is(statement, ASSERTION, "AttributeStatement") {
            attribute_statements.push(statement);
        } else {
            return Err(Rejection::Structure);
        }
    }
    let [authn] = authn.as_slice() else {
        return Err(Rejection::AuthnStatement);
    };
    Ok(Assertion {
        id: id.to_owned(),
        issuer: checks.idp.to_owned(),
        name_id: subject.name_id,
        authn: authn::read(*authn, checks)?,
        attributes: attributes::read(&attribute_statements)?,
        not_on_or_after: subject.not_on_or_after.min(conditions_end),
    })
}
