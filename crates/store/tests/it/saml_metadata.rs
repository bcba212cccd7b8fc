//! Kept metadata: the last one of each provider, and none that somebody else wrote.

use custos_store::StoreError;

use crate::support::{Place, random};

#[test]
fn the_last_document_of_each_provider_is_kept() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.saml_metadata("adfs").unwrap(), None);
    for document in [b"first".as_slice(), b"second"] {
        store.put_saml_metadata("adfs", document, random).unwrap();
    }
    store.put_saml_metadata("okta", b"other", random).unwrap();
    drop(store);
    let store = place.open();
    let read = |name: &str| store.saml_metadata(name).unwrap();
    assert_eq!(read("adfs").as_deref(), Some(b"second".as_slice()));
    assert_eq!(read("okta").as_deref(), Some(b"other".as_slice()));
}

#[test]
fn a_document_of_another_provider_is_refused() {
    let place = Place::new();
    let store = place.open();
    store.put_saml_metadata("adfs", b"good", random).unwrap();
    drop(store);
    place.alter("UPDATE saml_metadata SET provider = 'okta'");
    let refused = place.open().saml_metadata("okta");
    assert!(refused.is_err(), "{refused:?}");
    place.alter("UPDATE saml_metadata SET provider = 'adfs', document = x'6d696e65'");
    let refused: Result<_, StoreError> = place.open().saml_metadata("adfs");
    assert!(refused.is_err(), "{refused:?}");
}
