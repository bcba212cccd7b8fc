//! It cannot be reached from elsewhere, nor be talked into believing that it was called from here.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::header::HOST;
use axum::http::{Method, StatusCode};
use custos_dev_provider::{Provider, ServeError, SettingsError};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::{request, send};
use crate::world::{World, clock, settings};

const DISCOVERY: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn a_public_listener_is_refused_whatever_the_settings_say() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let bound = listener.local_addr().unwrap();
    let issuer = format!("http://127.0.0.1:{}", bound.port());
    let provider = Provider::new(settings(&issuer, clock())).unwrap();
    let refused = provider.serve(listener, CancellationToken::new()).await;
    assert!(matches!(refused, Err(ServeError::NotLoopback(address)) if address == bound));
}

#[tokio::test]
async fn a_listener_that_is_not_the_issuer_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bound = listener.local_addr().unwrap();
    let issuer = format!("http://127.0.0.2:{}", bound.port());
    let provider = Provider::new(settings(&issuer, clock())).unwrap();
    let refused = provider.serve(listener, CancellationToken::new()).await;
    assert!(matches!(refused, Err(ServeError::NotTheIssuer { .. })));
}

#[test]
fn a_public_issuer_is_refused() {
    for issuer in [
        "http://0.0.0.0:9400",
        "http://192.0.2.1:9400",
        "http://localhost:9400",
        "https://idp.example.com",
        "http://[::]:9400",
        "http://127.0.0.1:9400/",
    ] {
        let refused = Provider::new(settings(issuer, clock())).unwrap_err();
        assert!(matches!(refused, SettingsError::Issuer(name) if name == issuer));
    }
}

/// The router on somebody else's server: it answers nobody but loopback peers, and nobody at all when that server
/// does not say who asks.
#[tokio::test]
async fn a_peer_elsewhere_is_refused() {
    let here: SocketAddr = "127.0.0.1:9400".parse().unwrap();
    let provider = Provider::new(settings("http://127.0.0.1:9400", clock())).unwrap();
    let service = TowerToHyperService::new(provider.router());
    for (peer, status) in [
        (Some("127.0.0.1:50000"), StatusCode::OK),
        (Some("[::1]:50000"), StatusCode::OK),
        (Some("192.0.2.1:50000"), StatusCode::FORBIDDEN),
        (Some("[::ffff:192.0.2.1]:50000"), StatusCode::FORBIDDEN),
        (Some("[2001:db8::1]:50000"), StatusCode::FORBIDDEN),
        (None, StatusCode::FORBIDDEN),
    ] {
        let mut request = request(Method::GET, here, DISCOVERY);
        if let Some(peer) = peer {
            let peer: SocketAddr = peer.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let answer = service.call(request).await.unwrap();
        assert_eq!(answer.status(), status, "{peer:?}");
    }
}

#[tokio::test]
async fn another_host_is_refused() {
    let world = World::new().await;
    let port = world.address.port();
    for host in [
        format!("localhost:{port}"),
        format!("evil.example.com:{port}"),
        format!("127.0.0.1:{}", port ^ 1),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{port}."),
        format!("0:{port}"),
        String::new(),
    ] {
        for path in [DISCOVERY, "/authorize", "/keys", "/nothing"] {
            let mut request = request(Method::GET, world.address, path);
            request.headers_mut().insert(HOST, host.parse().unwrap());
            let answer = send(world.address, request).await;
            answer.is_refusal(StatusCode::MISDIRECTED_REQUEST);
        }
    }
    let mut twice = request(Method::GET, world.address, DISCOVERY);
    twice
        .headers_mut()
        .append(HOST, "evil.example.com".parse().unwrap());
    let answer = send(world.address, twice).await;
    answer.is_refusal(StatusCode::MISDIRECTED_REQUEST);
    let mut absolute = request(Method::GET, world.address, DISCOVERY);
    *absolute.uri_mut() = format!("http://evil.example.com{DISCOVERY}")
        .parse()
        .unwrap();
    let answer = send(world.address, absolute).await;
    answer.is_refusal(StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(world.get(DISCOVERY).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_proxy_is_refused() {
    let world = World::new().await;
    for header in [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ] {
        let mut request = request(Method::GET, world.address, DISCOVERY);
        request
            .headers_mut()
            .insert(header, "127.0.0.1".parse().unwrap());
        send(world.address, request)
            .await
            .is_refusal(StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn it_stops_when_told() {
    let mut world = World::new().await;
    assert_eq!(world.get(DISCOVERY).await.status, StatusCode::OK);
    world.stop.cancel();
    let served = world.tasks.join_next().await.unwrap().unwrap();
    assert!(served.is_ok());
}
