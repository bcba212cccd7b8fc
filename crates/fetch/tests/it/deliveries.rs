//! Requests of which only the head of the answer counts.

use std::time::Duration;

use custos_fetch::{FetchError, Method, Receipt, Request, Settings};
use custos_model::Secret;

use crate::names::{client, plain};
use crate::server::{Script, Server, ok};

fn document(port: u16) -> Request {
    Request {
        method: Method::Post,
        url: format!("http://receiver.example:{port}/hook"),
        headers: vec![("content-type", Secret::new("application/json".to_owned()))],
        body: Some(Secret::new("{\"a\":1}".to_owned())),
        max_response_bytes: 64,
    }
}

async fn delivered(script: Script) -> Result<Receipt, FetchError> {
    let server = Server::plain(script).await;
    client(plain()).deliver(document(server.port)).await
}

async fn said(text: &str) -> Result<Receipt, FetchError> {
    delivered(Script::Say(text.as_bytes().to_vec())).await
}

#[tokio::test]
async fn a_document_is_sent_whole_and_the_status_is_told() {
    let mut server = Server::plain(Script::Say(ok("{}"))).await;
    let receipt = client(plain())
        .deliver(document(server.port))
        .await
        .unwrap();
    assert_eq!((receipt.status, receipt.retry_after), (200, None));
    let (_, request) = server.request().await;
    assert!(request.starts_with("POST /hook HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
}

#[tokio::test]
async fn when_to_come_again_is_told() {
    let text = "HTTP/1.1 503 X\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n";
    let receipt = said(text).await.unwrap();
    assert_eq!(receipt.status, 503);
    assert_eq!(receipt.retry_after.as_deref(), Some("120"));
}

#[tokio::test]
async fn what_follows_a_head_makes_no_failure_of_it() {
    let long = ok(&"a".repeat(1 << 20));
    assert_eq!(delivered(Script::Say(long)).await.unwrap().status, 200);
    let head = b"HTTP/1.1 202 X\r\n\r\n".to_vec();
    let endless = Script::Repeat(head.clone(), vec![b'a'; 1024]);
    assert_eq!(delivered(endless).await.unwrap().status, 202);
    let silent = Script::SayAndHang(b"HTTP/1.1 204 X\r\ncontent-length: 9\r\n\r\n".to_vec());
    assert_eq!(delivered(silent).await.unwrap().status, 204);
    let encoded = "HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\na";
    assert_eq!(said(encoded).await.unwrap().status, 200);
}

#[tokio::test]
async fn redirects_and_silence_are_failures() {
    let redirect = "HTTP/1.1 307 X\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n";
    let refused = said(redirect).await.unwrap_err();
    assert!(
        matches!(refused, FetchError::Redirect { status: 307 }),
        "{refused:?}"
    );
    let server = Server::plain(Script::Silence).await;
    let hasty = Settings {
        total_timeout: Duration::from_millis(50),
        ..plain()
    };
    let refused = client(hasty)
        .deliver(document(server.port))
        .await
        .unwrap_err();
    assert!(matches!(refused, FetchError::Timeout), "{refused:?}");
}
