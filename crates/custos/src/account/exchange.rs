//! A request and its answer on a connection.

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST,
    HeaderValue, USER_AGENT,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::http::{Answer, Body, HttpError, Request};

const HEADER_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 64;

/// The request as it goes out.
pub(super) fn message(request: &Request<'_>) -> anyhow::Result<hyper::Request<Full<Bytes>>> {
    let (kind, bytes) = match &request.body {
        Body::Nothing => (None, Bytes::new()),
        Body::Form(form) => (
            Some("application/x-www-form-urlencoded"),
            Bytes::copy_from_slice(form.as_bytes()),
        ),
        Body::Json(json) => (Some("application/json"), Bytes::copy_from_slice(json)),
    };
    let mut message = hyper::Request::builder()
        .method(request.method.clone())
        .uri(request.url.path_and_query())
        .body(Full::new(bytes))?;
    let headers = message.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(request.url.authority())?);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let agent = concat!("custos/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if let Some(kind) = kind {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(token) = request.bearer {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(message)
}

/// Sends it on a connection and reads the whole answer.
pub(super) async fn talk<S>(
    stream: S,
    message: hyper::Request<Full<Bytes>>,
    authority: &str,
    answer_bytes_max: usize,
) -> Result<Answer, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |source| HttpError::Broken {
        authority: authority.to_owned(),
        source,
    };
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Dropping the set closes the connection. What breaks here shows in the answer.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(message).await.map_err(broken)?;
    read(response, authority, answer_bytes_max).await
}

async fn read(
    response: hyper::Response<Incoming>,
    authority: &str,
    answer_bytes_max: usize,
) -> Result<Answer, HttpError> {
    let authority = authority.to_owned();
    let status = response.status();
    if status.is_redirection() {
        let status = status.as_u16();
        return Err(HttpError::Redirect { authority, status });
    }
    if response.headers().contains_key(CONTENT_ENCODING) {
        return Err(HttpError::Encoded { authority });
    }
    let mut incoming = response.into_body();
    let announced = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > answer_bytes_max {
        return Err(HttpError::TooLong {
            authority,
            kib: answer_bytes_max >> 10,
        });
    }
    let mut body = Vec::with_capacity(announced);
    while let Some(frame) = incoming.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(source) => return Err(HttpError::Broken { authority, source }),
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if body.len() + data.len() > answer_bytes_max {
            return Err(HttpError::TooLong {
                authority,
                kib: answer_bytes_max >> 10,
            });
        }
        body.extend_from_slice(data);
    }
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use custos_model::Secret;
    use hyper::Method;

    use super::super::http::ANSWER_BYTES_MAX;
    use super::super::http::form;
    use super::super::web_url::WebUrl;
    use super::*;

    #[test]
    fn tokens_are_sent_as_bearer_and_never_shown() {
        let url = WebUrl::parse("https://gw.example.com/v1/whoami?x=y").unwrap();
        let token = Secret::new("eyJ.x".to_owned());
        let message = message(&Request {
            method: Method::POST,
            url: &url,
            bearer: Some(&token),
            body: Body::Form(form(&[("a", "b c&d"), ("e", "ü")])),
            answer_bytes_max: ANSWER_BYTES_MAX,
        })
        .unwrap();
        assert_eq!(message.uri(), "/v1/whoami?x=y");
        assert_eq!(message.headers()[HOST], "gw.example.com");
        assert_eq!(message.headers()[AUTHORIZATION], "Bearer eyJ.x");
        assert!(!format!("{message:?}").contains("eyJ"), "{message:?}");
        assert_eq!(form(&[("a", "b c&d"), ("e", "ü")]), "a=b+c%26d&e=%C3%BC");
        let split = Secret::new("a\r\nx: y".to_owned());
        let request = Request {
            method: Method::GET,
            url: &url,
            bearer: Some(&split),
            body: Body::Nothing,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        assert!(super::message(&request).is_err());
    }
}
