//! The endpoints (RFC 7644 section 3.2).

use crate::error::Failure;
use crate::query::{Query, decoded};
use crate::{
    Change, Committed, Directory, MAX_BODY_BYTES, Request, Response, ScimError, discovery,
};

/// The service provider at one base URL.
#[derive(Clone, Debug)]
pub struct ServiceProvider {
    base_url: String,
}

/// The answer to a request, and what it changed: already committed, and empty when it is refused or changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the provisioning source gets.
    pub response: Response,
    /// What is different now.
    pub changes: Vec<Change>,
}

/// One request while it is worked on.
pub(crate) struct Call<'a, D> {
    pub(crate) base_url: &'a str,
    pub(crate) directory: &'a D,
    pub(crate) request: &'a Request<'a>,
    pub(crate) query: Query,
}

pub(crate) type Outcome<D> = Result<Answer, Failure<<D as Directory>::Error>>;

/// Longest path that is looked at.
const MAX_PATH_BYTES: usize = 1 << 10;
const COLLECTION: ScimError = ScimError::Method { allow: "GET, POST" };
const RESOURCE: ScimError = ScimError::Method {
    allow: "GET, PUT, PATCH, DELETE",
};

impl ServiceProvider {
    /// `base_url` is what stands before `/Users`, for example `https://custos.example.com/scim/v2`.
    pub fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
        }
    }

    /// Answers one request. Whatever the request is, an error is the directory's: the caller logs it and answers
    /// [`Response::unavailable`].
    pub fn handle<D: Directory>(
        &self,
        directory: &mut D,
        request: &Request<'_>,
    ) -> Result<Answer, D::Error> {
        let answer = match self.answer(directory, request) {
            Ok(answer) => answer,
            Err(Failure::Refused(error)) => return Ok(Answer::refused(&error)),
            Err(Failure::Directory(error)) => return Err(error),
        };
        if answer.changes.is_empty() {
            return Ok(answer);
        }
        Ok(match directory.commit(&answer.changes)? {
            Committed::Done => answer,
            Committed::Conflict => Answer::refused(&ScimError::Uniqueness("id or name")),
            Committed::Full => Answer::refused(&ScimError::Full),
        })
    }

    fn answer<D: Directory>(&self, directory: &D, request: &Request<'_>) -> Outcome<D> {
        if request.body.len() > MAX_BODY_BYTES {
            return Err(ScimError::TooLarge.into());
        }
        let segments = segments(request.path)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let call = Call {
            base_url: &self.base_url,
            directory,
            request,
            query: Query::parse(request.query)?,
        };
        match (segments.as_slice(), request.method) {
            (["Users"], "GET") => call.list_users(),
            (["Users"], "POST") => call.create_user(),
            (["Users", id], "GET") => call.read_user(id),
            (["Users", id], "PUT") => call.replace_user(id),
            (["Users", id], "PATCH") => call.patch_user(id),
            (["Users", id], "DELETE") => call.delete_user(id),
            (["Groups"], "GET") => call.list_groups(),
            (["Groups"], "POST") => call.create_group(),
            (["Groups", id], "GET") => call.read_group(id),
            (["Groups", id], "PUT") => call.replace_group(id),
            (["Groups", id], "PATCH") => call.patch_group(id),
            (["Groups", id], "DELETE") => call.delete_group(id),
            (["Users" | "Groups"], _) => Err(COLLECTION.into()),
            (["Users" | "Groups", _], _) => Err(RESOURCE.into()),
            (path, method) => {
                let document = discovery::document(path, method, &self.base_url)?;
                Ok(Answer::unchanged(Response::document(200, &document)))
            }
        }
    }
}

impl Answer {
    pub(crate) fn unchanged(response: Response) -> Self {
        Self {
            response,
            changes: Vec::new(),
        }
    }

    fn refused(error: &ScimError) -> Self {
        Self::unchanged(Response::refused(error))
    }
}

fn segments(path: &str) -> Result<Vec<String>, ScimError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(ScimError::NotFound);
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let segment = |segment: &str| {
        // A plus sign is itself in a path.
        decoded(&segment.replace('+', "%2B")).map_err(|_| ScimError::NotFound)
    };
    path.split('/').map(segment).collect()
}
