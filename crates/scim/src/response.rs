//! What goes out.

use serde::Serialize;
use serde_json::{Value, json};

use crate::ScimError;

/// Media type of every body (RFC 7644 section 3.1).
pub const CONTENT_TYPE: &str = "application/scim+json";

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// JSON of [`CONTENT_TYPE`]; empty with status 204.
    pub body: Vec<u8>,
    /// The Location header, of a new resource.
    pub location: Option<String>,
    /// The Allow header, with status 405.
    pub allow: Option<&'static str>,
}

impl Response {
    /// The answer for a directory that cannot be read or written.
    pub fn unavailable() -> Self {
        Self::refused(&ScimError::Unavailable)
    }

    /// The answer for a request that is refused (RFC 7644 section 3.12).
    pub fn refused(error: &ScimError) -> Self {
        let mut document = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": error.status().to_string(),
            "detail": error.to_string(),
        });
        if let (Some(kind), Value::Object(members)) = (error.scim_type(), &mut document) {
            members.insert("scimType".to_owned(), kind.into());
        }
        let allow = match error {
            ScimError::Method { allow } => Some(*allow),
            _ => None,
        };
        Self {
            allow,
            ..Self::document(error.status(), &document)
        }
    }

    pub(crate) fn document(status: u16, document: &impl Serialize) -> Self {
        Self {
            status,
            // Texts, numbers and lists: writing them to memory does not fail.
            body: serde_json::to_vec(document).unwrap_or_default(),
            location: None,
            allow: None,
        }
    }

    pub(crate) fn no_content() -> Self {
        Self {
            status: 204,
            body: Vec::new(),
            location: None,
            allow: None,
        }
    }
}
