//! `saml:Subject` of a bearer assertion (SAML core, section 2.4; SAML profiles, sections 3.3 and 4.1.4.2).

use crate::Rejection;
use crate::assertion::{Checks, required_time};
use crate::document::Node;
use crate::element::{Children, attribute, only_child};
use crate::name_id::NameId;
use crate::names::{ASSERTION, BEARER};

pub(crate) struct Subject {
    pub(crate) name_id: NameId,
    pub(crate) not_on_or_after: u64,
}

pub(crate) fn read(node: Node<'_>, checks: &Checks<'_>) -> Result<Subject, Rejection> {
    let mut children = Children::of(node).ok_or(Rejection::Structure)?;
    let name_id = children.take(ASSERTION, "NameID").and_then(NameId::read);
    let name_id = name_id.ok_or(Rejection::NameId)?;
    let confirmations = children.take_all(ASSERTION, "SubjectConfirmation");
    let ([confirmation], true) = (confirmations.as_slice(), children.finished()) else {
        return Err(Rejection::SubjectConfirmation);
    };
    if attribute(*confirmation, "Method") != Some(BEARER) {
        return Err(Rejection::SubjectConfirmation);
    }
    let data = only_child(*confirmation, ASSERTION, "SubjectConfirmationData")
        .filter(|data| Children::of(*data).is_some_and(Children::finished))
        .filter(|data| attribute(*data, "NotBefore").is_none())
        .ok_or(Rejection::SubjectConfirmation)?;
    if attribute(data, "Recipient") != Some(checks.recipient) {
        return Err(Rejection::Recipient);
    }
    if attribute(data, "InResponseTo") != Some(checks.request_id) {
        return Err(Rejection::InResponseTo);
    }
    let not_on_or_after = required_time(data, "NotOnOrAfter")?;
    checks.ends(not_on_or_after)?;
    Ok(Subject {
        name_id,
        not_on_or_after,
    })
}
