//! Servers that take their time.

use std::time::Duration;

use custos_fetch::{FetchError, Request, Settings};

use crate::names::{client, plain, this_machine};
use crate::server::{Authority, Script, Seen, Server};

fn hasty(settings: Settings) -> Settings {
    Settings {
        connect_timeout: Duration::from_millis(200),
        total_timeout: Duration::from_millis(400),
        ..settings
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_and_the_connection_closed() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab",
    ] {
        let mut server = Server::plain(Script::SayAndHang(said.as_bytes().to_vec())).await;
        let url = format!("http://issuer.example:{}/", server.port);
        let refused = client(hasty(plain()))
            .fetch(Request::get(&url, 64))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, FetchError::Timeout),
            "{said}: {refused:?}"
        );
        server.request().await;
        assert_eq!(server.next().await, Seen::Gone);
    }
}

#[tokio::test]
async fn a_body_in_drops_is_given_up_too() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let drop = b"1\r\na\r\n".to_vec();
    let server = Server::plain(Script::Drip(head, drop, Duration::from_millis(20))).await;
    let url = format!("http://issuer.example:{}/", server.port);
    let refused = client(hasty(plain()))
        .fetch(Request::get(&url, 1 << 20))
        .await
        .unwrap_err();
    assert!(matches!(refused, FetchError::Timeout), "{refused:?}");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_given_up() {
    let authority = Authority::new();
    let mut server = Server::tls(Script::Silence, authority.server("issuer.example")).await;
    let url = format!("https://issuer.example:{}/", server.port);
    let refused = client(hasty(this_machine()))
        .fetch(Request::get(&url, 64))
        .await
        .unwrap_err();
    assert!(matches!(refused, FetchError::ConnectTimeout), "{refused:?}");
    assert_eq!(server.next().await, Seen::Connection);
    assert_eq!(server.next().await, Seen::Gone);
}
