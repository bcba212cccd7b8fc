//! What comes back.

use custos_fetch::{FetchError, Request, Response};

use crate::names::{client, plain};
use crate::server::{Script, Server, ok};

async fn answered(script: Script, max_response_bytes: usize) -> Result<Response, FetchError> {
    let server = Server::plain(script).await;
    let url = format!("http://issuer.example:{}/", server.port);
    client(plain())
        .fetch(Request::get(&url, max_response_bytes))
        .await
}

async fn said(text: &str) -> Result<Response, FetchError> {
    answered(Script::Say(text.as_bytes().to_vec()), 64).await
}

#[tokio::test]
async fn every_status_but_a_redirect_is_an_answer() {
    for status in [200, 204, 400, 401, 404, 429, 500, 503] {
        let text = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(said(&text).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut elsewhere = Server::plain(Script::Say(ok("{}"))).await;
    for status in [301, 302, 303, 307, 308] {
        let port = elsewhere.port;
        let text = format!(
            "HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n"
        );
        let refused = said(&text).await.unwrap_err();
        assert!(
            matches!(refused, FetchError::Redirect { status: found } if found == status),
            "{refused:?}"
        );
    }
    assert!(elsewhere.was_left_alone().await);
}

#[tokio::test]
async fn a_status_that_ends_no_request_is_no_answer() {
    for status in [101, 600, 999] {
        let text = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        let refused = said(&text).await.unwrap_err();
        assert!(
            matches!(refused, FetchError::Status { status: found } if found == status),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit() {
    let body = "a".repeat(64);
    assert_eq!(
        answered(Script::Say(ok(&body)), 64)
            .await
            .unwrap()
            .body
            .len(),
        64
    );
    let refused = answered(Script::Say(ok(&body)), 63).await.unwrap_err();
    assert!(
        matches!(refused, FetchError::TooLarge { limit: 63 }),
        "{refused:?}"
    );
    // Without a length up front, in pieces or until the end of the connection.
    let pieces = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20\r\n".to_owned()
        + &"a".repeat(32)
        + "\r\n21\r\n"
        + &"a".repeat(33)
        + "\r\n0\r\n\r\n";
    assert_eq!(
        answered(Script::Say(pieces.clone().into_bytes()), 65)
            .await
            .unwrap()
            .body
            .len(),
        65
    );
    let refused = said(&pieces).await.unwrap_err();
    assert!(
        matches!(refused, FetchError::TooLarge { limit: 64 }),
        "{refused:?}"
    );
    let refused = said(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(65)))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, FetchError::TooLarge { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_body_without_end_is_given_up_at_the_limit() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let refused = answered(Script::Repeat(head, vec![b'a'; 1024]), 1 << 20)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, FetchError::TooLarge { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_header_without_end_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for line in [
        b"x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".to_vec(),
        vec![b'a'; 1024],
    ] {
        let refused = answered(Script::Repeat(head.clone(), line), 64)
            .await
            .unwrap_err();
        assert!(matches!(refused, FetchError::Http(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_chunk_extension_without_end_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;".to_vec();
    let refused = answered(Script::Repeat(head, vec![b'a'; 1024]), 64)
        .await
        .unwrap_err();
    assert!(matches!(refused, FetchError::Http(_)), "{refused:?}");
}

#[tokio::test]
async fn an_encoded_body_is_not_decoded() {
    for encoding in ["gzip", "br", "deflate", "identity, gzip", "IDENTITY2"] {
        let text = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        let refused = said(&text).await.unwrap_err();
        assert!(
            matches!(refused, FetchError::Encoded),
            "{encoding}: {refused:?}"
        );
    }
    let plain = "HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length: 2\r\n\r\n{}";
    assert!(said(plain).await.is_ok());
}

#[tokio::test]
async fn a_broken_answer_is_no_answer() {
    for text in [
        "",
        "hello",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nx y: 1\r\ncontent-length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n",
    ] {
        let refused = said(text).await.unwrap_err();
        assert!(
            matches!(refused, FetchError::Http(_)),
            "{text}: {refused:?}"
        );
    }
}
