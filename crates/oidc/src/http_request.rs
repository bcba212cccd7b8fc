//! Requests for the caller to send.

use std::fmt;

use custos_model::Secret;

/// GET or POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Without a body.
    Get,
    /// With a form.
    Post,
}

/// A request for the caller to send, to exactly this URL and without following redirects. `Debug` shows neither
/// headers nor body.
#[derive(Clone)]
pub struct HttpRequest {
    /// GET or POST.
    pub method: Method,
    /// An endpoint of the provider.
    pub url: String,
    /// Names and values of headers. Some values are credentials.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body of a POST.
    pub body: Option<Secret>,
    /// The longest answer that is worth reading.
    pub max_response_bytes: usize,
}

impl HttpRequest {
    pub(crate) fn form(url: &str, body: String, max_response_bytes: usize) -> Self {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
        ];
        Self {
            method: Method::Post,
            url: url.to_owned(),
            headers: headers
                .map(|(name, value)| (name, Secret::new(value.to_owned())))
                .to_vec(),
            body: Some(Secret::new(body)),
            max_response_bytes,
        }
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
