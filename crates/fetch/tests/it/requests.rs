//! What goes out.

use custos_fetch::{Client, FetchError, Method, Request, Settings};
use custos_model::Secret;

use crate::names::{Names, client, plain, this_machine};
use crate::server::{Authority, Script, Seen, Server, ok};

fn post(url: String, body: &str) -> Request {
    Request {
        method: Method::Post,
        url,
        headers: vec![
            (
                "content-type",
                Secret::new("application/x-www-form-urlencoded".to_owned()),
            ),
            ("authorization", Secret::new("Basic Y2FuYXJ5".to_owned())),
        ],
        body: Some(Secret::new(body.to_owned())),
        max_response_bytes: 1024,
    }
}

#[tokio::test]
async fn a_name_stays_a_name_in_the_handshake_and_in_the_header() {
    let authority = Authority::new();
    let config = authority.server("issuer.example");
    let mut server = Server::tls(Script::Say(ok("{}")), config).await;
    let port = server.port;
    let settings = Settings {
        extra_ca_pem: Some(authority.pem.clone()),
        ..this_machine()
    };
    let url = format!("https://issuer.example:{port}/.well-known/openid-configuration?a=1");
    let response = client(settings)
        .fetch(Request::get(&url, 1024))
        .await
        .unwrap();
    assert_eq!(
        (response.status, response.body.as_ref()),
        (200, b"{}".as_ref())
    );
    assert_eq!(response.content_type.as_deref(), Some("application/json"));
    let (name, request) = server.request().await;
    assert_eq!(name.as_deref(), Some("issuer.example"));
    assert!(
        request.starts_with("GET /.well-known/openid-configuration?a=1 HTTP/1.1\r\n"),
        "{request}"
    );
    let request = request.to_lowercase();
    for header in [
        format!("\r\nhost: issuer.example:{port}\r\n"),
        "\r\nconnection: close\r\n".to_owned(),
    ] {
        assert!(request.contains(&header), "{request}");
    }
    assert!(request.contains("\r\naccept-encoding: identity\r\n"));
    assert!(!request.contains("cookie"));
}

#[tokio::test]
async fn a_form_is_sent_whole() {
    let mut server = Server::plain(Script::Say(ok("{}"))).await;
    let url = format!("http://issuer.example:{}/token", server.port);
    let body = "grant_type=authorization_code&code=a%2Bb";
    client(plain()).fetch(post(url, body)).await.unwrap();
    let (_, request) = server.request().await;
    let (header, sent) = request.split_once("\r\n\r\n").unwrap();
    assert!(header.starts_with("POST /token HTTP/1.1\r\n"));
    let header = header.to_lowercase();
    assert!(header.contains("\r\nauthorization: basic y2fuyxj5"));
    assert!(header.contains("\r\ncontent-type: application/x-www-form-urlencoded"));
    assert_eq!(sent, body);
}

#[tokio::test]
async fn headers_cannot_be_smuggled_or_replaced() {
    let mut server = Server::plain(Script::Say(ok("{}"))).await;
    let url = format!("http://issuer.example:{}/token", server.port);
    for (name, value) in [
        ("x", "a\r\nhost: evil.example"),
        ("x", "a\n"),
        ("x", "a\0"),
        ("x y", "a"),
        ("", "a"),
        ("host", "evil.example"),
        ("Host", "evil.example"),
        ("connection", "keep-alive"),
        ("content-length", "0"),
        ("transfer-encoding", "chunked"),
        ("accept-encoding", "gzip"),
        ("authorization", "twice"),
    ] {
        let mut request = post(url.clone(), "a=1");
        request.headers.push((name, Secret::new(value.to_owned())));
        let refused = client(plain()).fetch(request).await.unwrap_err();
        assert!(matches!(refused, FetchError::Header), "{name}: {refused:?}");
    }
    assert!(server.was_left_alone().await);
}

#[tokio::test]
async fn a_bad_url_asks_nobody() {
    let names = Names::always(&["127.0.0.1"]);
    let client = Client::new(plain(), names.clone()).unwrap();
    for url in [
        "file:///etc/passwd",
        "https://alice:pw@issuer.example/",
        "https://issuer.example/#x",
        "issuer.example",
    ] {
        let refused = client.fetch(Request::get(url, 1)).await.unwrap_err();
        assert!(matches!(refused, FetchError::Url), "{url}: {refused:?}");
    }
    assert_eq!(names.asked(), 0);
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_no_connection() {
    let mut server = Server::plain(Script::SayAndHang(Vec::new())).await;
    let url = format!("http://issuer.example:{}/", server.port);
    let client = client(plain());
    let mut fetching = Box::pin(client.fetch(Request::get(&url, 1)));
    tokio::select! {
        ended = &mut fetching => panic!("{ended:?}"),
        (_, request) = server.request() => assert!(request.starts_with("GET / ")),
    }
    drop(fetching);
    assert_eq!(server.next().await, Seen::Gone);
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!(
        "{:?}",
        post("https://issuer.example/token?canary".to_owned(), "canary")
    );
    assert!(
        !shown.contains("canary") && !shown.contains("Y2FuYXJ5"),
        "{shown}"
    );
    let answered = custos_fetch::Response {
        status: 200,
        content_type: None,
        body: b"canary".to_vec().into(),
    };
    assert!(!format!("{answered:?}").contains("canary"));
}
