//! Why a request is refused.

use crate::{
    MAX_BODY_BYTES, MAX_EMAILS, MAX_GROUP_MEMBERS, MAX_MEMBERS_LISTED, MAX_MEMBERS_PER_REQUEST,
    MAX_PATCH_OPERATIONS,
};

/// Why a request is refused. The text goes to the provisioning source; it repeats none of the request's values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScimError {
    /// The body is longer than [`MAX_BODY_BYTES`].
    #[error("the body is longer than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// The body is not JSON, nests too deeply, or names a member twice.
    #[error("the body cannot be read: {0}")]
    Json(custos_strict_json::JsonError),
    /// The body or the query is not what its message has to be.
    #[error("{0}")]
    Syntax(&'static str),
    /// A kept attribute has a value that it cannot have.
    #[error("{attribute}: {problem}")]
    Value {
        /// The attribute.
        attribute: &'static str,
        /// What is wrong with its value.
        problem: &'static str,
    },
    /// More patch operations than [`MAX_PATCH_OPERATIONS`].
    #[error("more than {MAX_PATCH_OPERATIONS} operations")]
    Operations,
    /// More members named than [`MAX_MEMBERS_PER_REQUEST`].
    #[error("more than {MAX_MEMBERS_PER_REQUEST} members in one request")]
    Members,
    /// The group would have more members than [`MAX_GROUP_MEMBERS`].
    #[error("the group would have more than {MAX_GROUP_MEMBERS} members")]
    GroupFull,
    /// More addresses than [`MAX_EMAILS`].
    #[error("more than {MAX_EMAILS} e-mail addresses")]
    Emails,
    /// The path of a patch operation cannot be used.
    #[error("the path cannot be used: {0}")]
    Path(&'static str),
    /// The filter cannot be used.
    #[error("the filter cannot be used: {0}")]
    Filter(&'static str),
    /// The path of a patch operation selects nothing.
    #[error("the operation has no target: {0}")]
    NoTarget(&'static str),
    /// The attribute is read only, or required and to be removed.
    #[error("{0} cannot be changed so")]
    Mutability(&'static str),
    /// Another resource has this value already.
    #[error("another resource has this {0}")]
    Uniqueness(&'static str),
    /// The answer would hold more members than [`MAX_MEMBERS_LISTED`].
    #[error(
        "more than {MAX_MEMBERS_LISTED} members to list: use excludedAttributes=members or a smaller count"
    )]
    TooMany,
    /// There are as many users or groups as are taken.
    #[error("the directory has as many users or groups as it takes")]
    Full,
    /// The request does not say who sends it. For the caller, who knows the tokens.
    #[error("the bearer token is missing or not the right one")]
    Unauthorized,
    /// No such resource or endpoint.
    #[error("not found")]
    NotFound,
    /// The endpoint does not know this method.
    #[error("the endpoint knows {allow}")]
    Method {
        /// The methods that it knows, as the Allow header lists them.
        allow: &'static str,
    },
    /// A part of SCIM that is not supported: Bulk, Me, search by POST.
    #[error("{0} is not supported")]
    NotImplemented(&'static str),
    /// The directory cannot be read or written now.
    #[error("the directory is not available")]
    Unavailable,
}

impl ScimError {
    /// The HTTP status (RFC 7644 section 3.12).
    pub fn status(&self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::NotFound => 404,
            Self::Method { .. } => 405,
            Self::Uniqueness(_) => 409,
            Self::TooLarge => 413,
            Self::NotImplemented(_) => 501,
            Self::Unavailable => 503,
            // RFC 4918 section 11.5: what the request is about cannot be stored.
            Self::Full => 507,
            _ => 400,
        }
    }

    /// The detail error keyword (RFC 7644 section 3.12, table 9), where one fits.
    pub fn scim_type(&self) -> Option<&'static str> {
        Some(match self {
            Self::Json(_) | Self::Syntax(_) => "invalidSyntax",
            Self::Value { .. }
            | Self::Operations
            | Self::Members
            | Self::GroupFull
            | Self::Emails => "invalidValue",
            Self::Path(_) => "invalidPath",
            Self::Filter(_) => "invalidFilter",
            Self::NoTarget(_) => "noTarget",
            Self::Mutability(_) => "mutability",
            Self::Uniqueness(_) => "uniqueness",
            Self::TooMany => "tooMany",
            Self::TooLarge
            | Self::Full
            | Self::Unauthorized
            | Self::NotFound
            | Self::Method { .. }
            | Self::NotImplemented(_)
            | Self::Unavailable => return None,
        })
    }
}

/// How working on a request can end early.
pub(crate) enum Failure<E> {
    /// The request is at fault.
    Refused(ScimError),
    /// The directory failed; its error is the caller's to log.
    Directory(E),
}

impl<E> From<ScimError> for Failure<E> {
    fn from(error: ScimError) -> Self {
        Self::Refused(error)
    }
}
