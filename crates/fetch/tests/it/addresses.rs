//! Where the client does not go.

use std::sync::Arc;

use custos_fetch::{AddressClass, Client, FetchError, Request, Settings, SystemResolver};

use crate::names::{Names, client, plain, this_machine};
use crate::server::{Script, Server, ok};

async fn refused(settings: Settings, addresses: &[&str]) -> FetchError {
    let client = Client::new(settings, Names::always(addresses)).unwrap();
    client
        .fetch(Request::get("https://issuer.example/", 1))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn no_class_of_inner_address_is_reached() {
    for (address, class) in [
        ("127.0.0.1", AddressClass::Loopback),
        ("127.200.0.1", AddressClass::Loopback),
        ("::1", AddressClass::Loopback),
        ("10.1.2.3", AddressClass::Private),
        ("172.20.0.1", AddressClass::Private),
        ("192.168.0.1", AddressClass::Private),
        ("169.254.169.254", AddressClass::Metadata),
        ("fd00:ec2::254", AddressClass::Metadata),
        ("169.254.10.1", AddressClass::LinkLocal),
        ("fe80::1", AddressClass::LinkLocal),
        ("100.64.0.1", AddressClass::CarrierGrade),
        ("fd12:3456::1", AddressClass::UniqueLocal),
        ("224.0.0.251", AddressClass::Multicast),
        ("ff02::fb", AddressClass::Multicast),
        ("0.0.0.0", AddressClass::Unspecified),
        ("::", AddressClass::Unspecified),
        ("::ffff:127.0.0.1", AddressClass::Embedded),
        ("::ffff:169.254.169.254", AddressClass::Embedded),
        ("::127.0.0.1", AddressClass::Embedded),
        ("64:ff9b::7f00:1", AddressClass::Embedded),
        ("2002:7f00:1::", AddressClass::Embedded),
        ("2001:0:7f00:1::", AddressClass::Embedded),
        ("192.0.2.1", AddressClass::Reserved),
        ("255.255.255.255", AddressClass::Reserved),
        ("2001:db8::1", AddressClass::Reserved),
    ] {
        let refused = refused(Settings::default(), &[address]).await;
        assert!(
            matches!(refused, FetchError::Address(found) if found == class),
            "{address}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_mixes_inner_and_outer_addresses_reaches_neither() {
    let mut server = Server::plain(Script::Say(ok("{}"))).await;
    for addresses in [["1.1.1.1", "127.0.0.1"], ["127.0.0.1", "1.1.1.1"]] {
        let client = Client::new(Settings::default(), Names::always(&addresses)).unwrap();
        let url = format!("https://issuer.example:{}/", server.port);
        let refused = client.fetch(Request::get(&url, 1)).await.unwrap_err();
        assert!(
            matches!(refused, FetchError::Address(AddressClass::Loopback)),
            "{refused:?}"
        );
    }
    assert!(server.was_left_alone().await);
}

#[tokio::test]
async fn a_name_is_resolved_once_and_that_answer_is_used() {
    let mut server = Server::plain(Script::Say(ok("{}"))).await;
    // Whoever asks a second time, between the check and the connection, would be sent elsewhere.
    let names = Names::changing(&["127.0.0.1"], &["169.254.169.254"]);
    let client = Client::new(plain(), names.clone()).unwrap();
    let url = format!("http://issuer.example:{}/", server.port);
    let response = client.fetch(Request::get(&url, 16)).await.unwrap();
    assert_eq!(response.body.as_ref(), b"{}");
    assert_eq!(names.asked(), 1);
    server.request().await;
}

#[tokio::test]
async fn numbers_in_place_of_names_are_addresses_too() {
    let client = Client::new(Settings::default(), Arc::new(SystemResolver)).unwrap();
    for (host, class) in [
        ("127.0.0.1", AddressClass::Loopback),
        ("[::1]", AddressClass::Loopback),
        ("[::ffff:10.0.0.1]", AddressClass::Embedded),
        ("169.254.169.254", AddressClass::Metadata),
        ("10.0.0.1", AddressClass::Private),
        ("localhost", AddressClass::Loopback),
    ] {
        let url = format!("https://{host}/");
        let refused = client.fetch(Request::get(&url, 1)).await.unwrap_err();
        assert!(
            matches!(refused, FetchError::Address(found) if found == class),
            "{host}: {refused:?}"
        );
    }
    // The system reads these as addresses of this machine; no certificate is for such a name.
    for host in ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0"] {
        let url = format!("https://{host}/");
        let refused = client.fetch(Request::get(&url, 1)).await.unwrap_err();
        assert!(matches!(refused, FetchError::Url), "{host}: {refused:?}");
        let url = format!("http://{host}/");
        let refused = client.fetch(Request::get(&url, 1)).await.unwrap_err();
        assert!(matches!(refused, FetchError::Plain), "{host}: {refused:?}");
    }
}

#[tokio::test]
async fn plain_http_reaches_this_machine_where_allowed_and_nothing_else() {
    let mut server = Server::plain(Script::Say(ok("{}"))).await;
    let url = format!("http://127.0.0.1:{}/", server.port);
    for settings in [Settings::default(), this_machine()] {
        let refused = client(settings)
            .fetch(Request::get(&url, 1))
            .await
            .unwrap_err();
        assert!(matches!(refused, FetchError::Plain), "{refused:?}");
    }
    for address in ["10.0.0.1", "1.1.1.1", "::ffff:127.0.0.1"] {
        let client = Client::new(plain(), Names::always(&[address])).unwrap();
        let refused = client
            .fetch(Request::get("http://localhost/", 1))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, FetchError::Plain),
            "{address}: {refused:?}"
        );
    }
    assert!(server.was_left_alone().await);
    assert!(client(plain()).fetch(Request::get(&url, 16)).await.is_ok());
}

#[tokio::test]
async fn a_name_without_addresses_or_with_far_too_many_is_refused() {
    let none = refused(Settings::default(), &[]).await;
    assert!(matches!(none, FetchError::Addresses), "{none:?}");
    let many = refused(Settings::default(), &["1.1.1.1"; 65]).await;
    assert!(matches!(many, FetchError::Addresses), "{many:?}");
}

#[tokio::test]
async fn the_next_address_is_tried_where_one_does_not_answer() {
    let mut server = Server::plain(Script::Say(ok("{}"))).await;
    let client = Client::new(plain(), Names::always(&["127.0.0.2", "127.0.0.1"])).unwrap();
    let url = format!("http://issuer.example:{}/", server.port);
    assert!(client.fetch(Request::get(&url, 16)).await.is_ok());
    server.request().await;
    let client = Client::new(plain(), Names::always(&["127.0.0.2"])).unwrap();
    let refused = client.fetch(Request::get(&url, 16)).await.unwrap_err();
    assert!(matches!(refused, FetchError::Connect(_)), "{refused:?}");
}
