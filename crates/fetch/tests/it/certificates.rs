//! Certificates that prove nothing.

use custos_fetch::{Client, FetchError, Request, Settings, SystemResolver};
use rcgen::{CertificateParams, date_time_ymd};

use crate::names::{client, this_machine};
use crate::server::{Authority, Script, Seen, Server, ok};

/// What becomes of a request for `https://issuer.example` to a server of that kind.
async fn refused(
    params: CertificateParams,
    authority: &Authority,
    trusted: Option<&Authority>,
) -> FetchError {
    let config = authority.server_with(&params);
    let mut server = Server::tls(Script::Say(ok("{}")), config).await;
    let url = format!("https://issuer.example:{}/", server.port);
    let settings = Settings {
        extra_ca_pem: trusted.map(|authority| authority.pem.clone()),
        ..this_machine()
    };
    let refused = client(settings)
        .fetch(Request::get(&url, 64))
        .await
        .unwrap_err();
    assert_eq!(server.next().await, Seen::Connection);
    assert_eq!(server.next().await, Seen::Gone, "no request is sent");
    refused
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

#[tokio::test]
async fn certificates_of_others_are_refused() {
    let authority = Authority::new();
    let other = Authority::new();
    let mut expired = named("issuer.example");
    expired.not_before = date_time_ymd(2020, 1, 1);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut early = named("issuer.example");
    early.not_before = date_time_ymd(4000, 1, 1);
    for (what, params, trusted) in [
        ("unknown authority", named("issuer.example"), None),
        ("another authority", named("issuer.example"), Some(&other)),
        ("another name", named("evil.example"), Some(&authority)),
        (
            "a name below",
            named("www.issuer.example"),
            Some(&authority),
        ),
        ("the address only", named("127.0.0.1"), Some(&authority)),
        ("expired", expired, Some(&authority)),
        ("not valid yet", early, Some(&authority)),
    ] {
        let refused = refused(params, &authority, trusted).await;
        assert!(matches!(refused, FetchError::Tls(_)), "{what}: {refused:?}");
    }
}

#[test]
fn an_extra_authority_is_one() {
    for pem in [
        "",
        "not PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let settings = Settings {
            extra_ca_pem: Some(pem.to_owned()),
            ..Settings::default()
        };
        let refused = Client::new(settings, std::sync::Arc::new(SystemResolver)).map(|_| ());
        assert!(matches!(refused, Err(FetchError::Authorities)), "{pem}");
    }
}
