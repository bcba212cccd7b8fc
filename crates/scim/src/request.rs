//! What comes in.

use std::fmt;

/// One request of a provisioning source that the caller has authenticated.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The HTTP method, in capitals.
    pub method: &'a str,
    /// The path below the base URL, as it was sent: `/Users/2819c223`.
    pub path: &'a str,
    /// The query without its question mark, as it was sent.
    pub query: &'a str,
    /// The body; the caller reads at most one byte more than [`crate::MAX_BODY_BYTES`].
    pub body: &'a [u8],
    /// UTC nanoseconds since the epoch.
    pub now: u64,
    /// Random bytes, for the id of a new resource.
    pub random: [u8; 16],
}

/// Without query and body: they hold names, and from Okta a password that we ignore.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Request<'_> {
    /// The id of a new resource.
    pub(crate) fn new_id(&self) -> String {
        uuid::Builder::from_random_bytes(self.random)
            .into_uuid()
            .to_string()
    }
}
