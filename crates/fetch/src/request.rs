//! What is asked, and what is answered.

use std::fmt;

use bytes::Bytes;
use custos_model::Secret;

/// The methods that issuers are asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads a document.
    Get,
    /// Sends a form or a document.
    Post,
}

/// One request.
#[derive(Clone)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: Method,
    /// Absolute, without user, password and fragment; at most 2048 bytes.
    pub url: String,
    /// Beyond those that the client sets: `Host`, `Content-Length`, `Connection`, `User-Agent`, `Accept-Encoding`.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body of a `POST`.
    pub body: Option<Secret>,
    /// The longest body of the answer that is read.
    pub max_response_bytes: usize,
}

impl Request {
    /// Reads a document of at most `max_response_bytes`.
    pub fn get(url: &str, max_response_bytes: usize) -> Self {
        Self {
            method: Method::Get,
            url: url.to_owned(),
            headers: Vec::new(),
            body: None,
            max_response_bytes,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        out.debug_struct("Request")
            .field("method", &self.method)
            .field("headers", &names)
            .field("max_response_bytes", &self.max_response_bytes)
            .finish_non_exhaustive()
    }
}

/// One whole answer, of any status but a redirect.
#[derive(Clone)]
pub struct Response {
    /// 200 to 299, 400 to 599.
    pub status: u16,
    /// `Content-Type`, where it is readable ASCII.
    pub content_type: Option<String>,
    /// At most as many bytes as the request allows.
    pub body: Bytes,
}

/// What the head of an answer says: see [`crate::Client::deliver`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// 200 to 299, 400 to 599.
    pub status: u16,
    /// `Retry-After` (RFC 9110 section 10.2.3), where it is readable ASCII: seconds, or a date.
    pub retry_after: Option<String>,
}

impl fmt::Debug for Response {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body may hold tokens.
        out.debug_struct("Response")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
