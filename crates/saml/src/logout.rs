//! Logout that the identity provider begins (SAML core, section 3.7; SAML profiles, section 4.4).
//!
//! A logout request ends sessions, so an unsigned one is never read.

use std::fmt;

use crate::document::{Document, Node};
use crate::element::{Children, attribute, is, text};
use crate::name_id::{NameId, plain};
use crate::names::{ASSERTION, PROTOCOL, STATUS_REQUESTER, STATUS_RESPONDER, STATUS_SUCCESS};
use crate::response::{check_version, is_encrypted, is_issuer, read_form_field};
use crate::service_provider::ServiceProviderError;
use crate::shape::MESSAGE;
use crate::signature::{self, is_id};
use crate::time::{self, SECOND_NS, SKEW_NS};
use crate::write::escape;
use crate::{Metadata, Rejection, RequestId, ServiceProvider, SignatureError, redirect};

/// How long a request without an end of its own is good for.
pub(crate) const AGE_MAX_NS: u64 = 300 * SECOND_NS;
const SESSIONS_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 1024;

/// Whose sessions shall end. `Debug` does not show the name.
#[derive(Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// The request's ID, which the response repeats.
    pub id: String,
    /// The identity provider's `entityID`.
    pub issuer: String,
    /// Who.
    pub name_id: NameId,
    /// When the provider wrote it, nanoseconds since 1970 by its own clock.
    pub issued_utc_ns: u64,
    /// Which of the person's sessions; all when there is none. At most 64.
    pub session_indexes: Vec<String>,
    /// Comes back with the response, when the request came by HTTP-Redirect. At most 1024 bytes.
    pub relay_state: Option<String>,
}

impl fmt::Debug for LogoutRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LogoutRequest")
            .field("id", &self.id)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// What became of a logout request (SAML core, section 3.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutStatus {
    /// The sessions have ended, or there were none.
    Success,
    /// The request was not accepted.
    Requester,
    /// We could not end them.
    Responder,
}

impl ServiceProvider {
    /// Verifies a query string of HTTP-Redirect, exactly as it was received, without the `?`.
    ///
    /// # Errors
    /// See [`Rejection`]; [`SignatureError::Missing`] without a signature.
    pub fn logout_request_by_redirect(
        &self,
        idp: &Metadata,
        query: &str,
        utc_ns: u64,
    ) -> Result<LogoutRequest, Rejection> {
        if !idp.is_valid_at(utc_ns) {
            return Err(Rejection::MetadataExpired);
        }
        let received = redirect::receive(query, "SAMLRequest", idp.keys())?;
        let document = Document::parse_bytes(&received.message, &MESSAGE)?;
        // Bindings, section 3.4.4.1: the query is signed, and the message then has no signature of its own.
        if !signature::all(&document).is_empty() {
            return Err(SignatureError::Placement.into());
        }
        let request = self.read_logout_request(document.root(), idp, utc_ns)?;
        Ok(LogoutRequest {
            relay_state: received.relay_state,
            ..request
        })
    }

    /// Verifies the form field `SAMLRequest` of HTTP-POST.
    ///
    /// # Errors
    /// See [`Rejection`]; [`SignatureError::Missing`] without a signature.
    pub fn logout_request_by_post(
        &self,
        idp: &Metadata,
        form_field: &str,
        utc_ns: u64,
    ) -> Result<LogoutRequest, Rejection> {
        if !idp.is_valid_at(utc_ns) {
            return Err(Rejection::MetadataExpired);
        }
        let bytes = read_form_field(form_field)?;
        let document = Document::parse_bytes(&bytes, &MESSAGE)?;
        if !is(document.root(), PROTOCOL, "LogoutRequest") {
            return Err(Rejection::Kind);
        }
        let signature = signature::only_signature(&document)?;
        let canonical = signature::verify(&document, signature, idp.keys())?;
        let document = Document::parse(&canonical, &MESSAGE.canonical())?;
        self.read_logout_request(document.root(), idp, utc_ns)
    }

    fn read_logout_request(
        &self,
        node: Node<'_>,
        idp: &Metadata,
        utc_ns: u64,
    ) -> Result<LogoutRequest, Rejection> {
        if !is(node, PROTOCOL, "LogoutRequest") {
            return Err(Rejection::Kind);
        }
        check_version(node)?;
        let id = attribute(node, "ID").filter(|id| is_id(id));
        let id = id.ok_or(Rejection::Structure)?;
        if node.descendants().any(is_encrypted) {
            return Err(Rejection::Encrypted);
        }
        let mut children = Children::of(node).ok_or(Rejection::Structure)?;
        let issuer = children
            .take(ASSERTION, "Issuer")
            .ok_or(Rejection::Structure)?;
        if !is_issuer(issuer, idp.entity_id()) {
            return Err(Rejection::Issuer);
        }
        let ours = self.logout.as_ref().ok_or(Rejection::Destination)?;
        if attribute(node, "Destination") != Some(ours.as_str()) {
            return Err(Rejection::Destination);
        }
        let issued_utc_ns = check_age(node, utc_ns)?;
        let name_id = children.take(ASSERTION, "NameID").and_then(NameId::read);
        let name_id = name_id.ok_or(Rejection::NameId)?;
        let sessions = children.take_all(PROTOCOL, "SessionIndex");
        if !children.finished() || sessions.len() > SESSIONS_MAX {
            return Err(Rejection::Structure);
        }
        let sessions = sessions.into_iter().map(|node| {
            let index = text(node).and_then(|index| plain(index, TEXT_BYTES_MAX));
            index.map(ToOwned::to_owned).ok_or(Rejection::Structure)
        });
        Ok(LogoutRequest {
            id: id.to_owned(),
            issuer: idp.entity_id().to_owned(),
            name_id,
            issued_utc_ns,
            session_indexes: sessions.collect::<Result<_, _>>()?,
            relay_state: None,
        })
    }

    /// The address that the browser is sent to with a signed `LogoutResponse`, by HTTP-Redirect.
    ///
    /// # Errors
    /// [`ServiceProviderError::NoLogout`] when the identity provider has no address for it.
    pub fn logout_response(
        &self,
        idp: &Metadata,
        id: &RequestId,
        request: &LogoutRequest,
        status: LogoutStatus,
        utc_ns: u64,
    ) -> Result<String, ServiceProviderError> {
        let to = idp
            .logout_response_location()
            .ok_or(ServiceProviderError::NoLogout)?;
        let status = match status {
            LogoutStatus::Success => STATUS_SUCCESS,
            LogoutStatus::Requester => STATUS_REQUESTER,
            LogoutStatus::Responder => STATUS_RESPONDER,
        };
        let response = format!(
            "<samlp:LogoutResponse xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" \
             IssueInstant=\"{now}\" Destination=\"{destination}\" InResponseTo=\"{request}\">\
             <saml:Issuer>{issuer}</saml:Issuer>\
             <samlp:Status><samlp:StatusCode Value=\"{status}\"/></samlp:Status></samlp:LogoutResponse>",
            id = id.as_str(),
            now = time::format(utc_ns),
            destination = escape(to.as_str()),
            request = escape(&request.id),
            issuer = escape(&self.entity_id),
        );
        let relay_state = request.relay_state.as_deref();
        Ok(redirect::signed_address(
            to,
            "SAMLResponse",
            &response,
            relay_state,
            &self.key,
        )?)
    }
}

/// When it was written. An old request would end a new session.
fn check_age(node: Node<'_>, utc_ns: u64) -> Result<u64, Rejection> {
    let read = |name| {
        attribute(node, name)
            .map(|text| time::parse(text).ok_or(Rejection::Time))
            .transpose()
    };
    let issued = read("IssueInstant")?.ok_or(Rejection::Structure)?;
    let end = read("NotOnOrAfter")?.unwrap_or(u64::MAX);
    let end = end.min(issued.saturating_add(AGE_MAX_NS));
    if issued > utc_ns.saturating_add(SKEW_NS) {
        return Err(Rejection::NotYetValid);
    }
    if utc_ns >= end.saturating_add(SKEW_NS) {
        return Err(Rejection::Expired);
    }
    Ok(issued)
}
