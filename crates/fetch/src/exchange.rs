//! One request and its answer on a connection.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    RETRY_AFTER, TRANSFER_ENCODING, USER_AGENT,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::error::FetchError;
use crate::request::{Method, Receipt, Request, Response};
use crate::target::Target;

const MAX_HEADER_BYTES: usize = 64 << 10;
const MAX_HEADERS: usize = 64;

/// An answer whose head is there. Dropping it closes the connection.
pub(crate) struct Answer {
    response: hyper::Response<Incoming>,
    _connection: JoinSet<hyper::Result<()>>,
}

/// Sends the request and reads the head of the answer.
pub(crate) async fn exchange<S>(
    stream: S,
    message: hyper::Request<Full<Bytes>>,
) -> Result<Answer, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(FetchError::Http)?;
    // Dropping the set, also when the caller gives up, closes the connection.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let response = sender
        .send_request(message)
        .await
        .map_err(FetchError::Http)?;
    let status = response.status().as_u16();
    match status {
        200..=299 | 400..=599 => {}
        300..=399 => return Err(FetchError::Redirect { status }),
        _ => return Err(FetchError::Status { status }),
    }
    Ok(Answer {
        response,
        _connection: tasks,
    })
}

/// The request as it goes out. Made before anything is resolved, so that a bad one goes nowhere.
pub(crate) fn message(
    target: &Target,
    request: Request,
) -> Result<hyper::Request<Full<Bytes>>, FetchError> {
    let method = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    let host = HeaderValue::from_str(&target.authority).map_err(|_| FetchError::Url)?;
    let body = request.body.map_or_else(Bytes::new, |body| {
        Bytes::copy_from_slice(body.expose().as_bytes())
    });
    let mut message = hyper::Request::builder()
        .method(method)
        .uri(target.path_and_query.as_str())
        .body(Full::new(body))
        .map_err(|_| FetchError::Url)?;
    let headers = message.headers_mut();
    for (name, value) in request.headers {
        let name = HeaderName::try_from(name).map_err(|_| FetchError::Header)?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| FetchError::Header)?;
        value.set_sensitive(true);
        if is_our_own(&name) || headers.insert(name, value).is_some() {
            return Err(FetchError::Header);
        }
    }
    headers.insert(HOST, host);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static("custos"));
    Ok(message)
}

fn is_our_own(name: &HeaderName) -> bool {
    let ours = [
        HOST,
        CONNECTION,
        ACCEPT_ENCODING,
        USER_AGENT,
        TRANSFER_ENCODING,
    ];
    ours.contains(name) || name == hyper::header::CONTENT_LENGTH
}

impl Answer {
    /// The whole answer.
    pub(crate) async fn read(self, max_response_bytes: usize) -> Result<Response, FetchError> {
        let (head, mut body) = self.response.into_parts();
        let encodings = head.headers.get_all(CONTENT_ENCODING).iter();
        if encodings.into_iter().any(|encoding| encoding != "identity") {
            return Err(FetchError::Encoded);
        }
        let too_large = FetchError::TooLarge {
            limit: max_response_bytes,
        };
        if body.size_hint().lower() > max_response_bytes as u64 {
            return Err(too_large);
        }
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(FetchError::Http)?.into_data() else {
                continue;
            };
            if bytes.len().saturating_add(data.len()) > max_response_bytes {
                return Err(too_large);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Response {
            status: head.status.as_u16(),
            content_type: text(&head.headers, &CONTENT_TYPE),
            body: bytes.freeze(),
        })
    }

    /// What the head alone says.
    pub(crate) fn receipt(&self) -> Receipt {
        Receipt {
            status: self.response.status().as_u16(),
            retry_after: text(self.response.headers(), &RETRY_AFTER),
        }
    }

    /// Lets the server finish what it has to say, up to that many bytes, and forgets it.
    pub(crate) async fn drain(mut self, max_response_bytes: usize) {
        let mut bytes = 0_usize;
        while let Some(Ok(frame)) = self.response.body_mut().frame().await {
            bytes = bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if bytes > max_response_bytes {
                return;
            }
        }
    }
}

/// A header's value, where it is readable ASCII.
fn text(headers: &hyper::HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
