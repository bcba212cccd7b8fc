//! What holds for every message.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_saml::{Assertion, Metadata, c14n};
use proptest::prelude::*;

use crate::fixture::{NOW, PROVIDER, SP, Sign, judge, options, post, signed};

/// Signed in the three ways, and what is read from them.
static SIGNED: LazyLock<Vec<(String, Assertion)>> = LazyLock::new(|| {
    [Sign::Assertion, Sign::Response, Sign::Both]
        .map(|sign| {
            let xml = signed(sign, |xml| xml);
            let assertion = judge(&xml).unwrap();
            (xml, assertion)
        })
        .into()
});

/// Where the assertion stands, which every one of the messages signs.
fn signed_range(xml: &str) -> std::ops::Range<usize> {
    let end = "</saml:Assertion>";
    xml.find("<saml:Assertion").unwrap()..xml.find(end).unwrap() + end.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever byte is changed, the message is refused or says the same.
    #[test]
    fn a_changed_byte_changes_nothing(which in 0..3_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (xml, assertion) = &SIGNED[which];
        let range = signed_range(xml);
        let mut bytes = xml.clone().into_bytes();
        bytes[range.start + at.index(range.len())] = byte;
        let request_id = crate::fixture::request_id();
        let expected = custos_saml::Expected { request_id: &request_id, utc_ns: NOW };
        if let Ok(read) = SP.response(&PROVIDER, &STANDARD.encode(bytes), &expected) {
            prop_assert_eq!(&read, assertion);
        }
    }

    /// The same for pieces that are removed, repeated or moved, anywhere in the message.
    #[test]
    fn moved_pieces_change_nothing(which in 0..3_usize, from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), length in 0..2000_usize, keep in any::<bool>()) {
        let (xml, assertion) = &SIGNED[which];
        let start = from.index(xml.len());
        let piece = &xml[start..(start + length).min(xml.len())];
        let mut rest = if keep { xml.clone() } else { xml.replacen(piece, "", 1) };
        let to = to.index(rest.len() + 1);
        rest.insert_str(to, piece);
        if let Ok(read) = judge(&rest) {
            prop_assert_eq!(&read, assertion);
        }
    }

    /// Markup that hides, splits or redefines, at every place of the signed element.
    #[test]
    fn inserted_markup_changes_nothing(which in 0..3_usize, at in any::<prop::sample::Index>(), markup in prop::sample::select(vec![
        "<!---->", "<?x?>", "<![CDATA[]]>", "<![CDATA[x]]>", "&#32;", "&#0;", " ", "\r", "\n", "\t", "<x/>", "<saml:NameID>mallory</saml:NameID>",
        " xmlns:saml=\"urn:x\"", " xmlns=\"urn:x\"", " ID=\"_x\"", "\u{e9}", "&amp;", "]]>", "<!DOCTYPE x>",
    ])) {
        let (xml, assertion) = &SIGNED[which];
        let range = signed_range(xml);
        let mut changed = xml.clone();
        changed.insert_str(range.start + at.index(range.len()), markup);
        if let Ok(read) = judge(&changed) {
            prop_assert_eq!(&read, assertion);
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000), text in "[<>/a:=\"'!?&;# -]{0,200}") {
        let _ = Metadata::parse(&bytes, &options());
        let _ = Metadata::parse(text.as_bytes(), &options());
        prop_assert!(judge(&text).is_err());
        prop_assert!(SP.logout_request_by_redirect(&PROVIDER, &text, NOW).is_err());
        prop_assert!(SP.logout_request_by_post(&PROVIDER, &post(&text), NOW).is_err());
    }

    /// The canonical form of a canonical form is itself.
    #[test]
    fn canonical_forms_are_stable(parts in prop::collection::vec(prop::sample::select(vec![
        "<a>", "</a>", "<b xmlns='u'>", "</b>", "<p:c xmlns:p='v' p:d='1' e=\"&#9;&amp;'\">", "</p:c>", "<f/>", "<g xmlns=''/>", "x", "&lt;", "&#13;", "<![CDATA[<]]>", "\r\n", "\u{e9}",
    ]), 0..20), prefixes in prop::sample::select(vec!["", "p", "#default", "p #default q"])) {
        let xml = format!("<r xmlns:q='w'>{}</r>", parts.concat());
        if let Ok(canonical) = c14n::exclusive(&xml, None, false, prefixes) {
            prop_assert_eq!(&c14n::exclusive(&canonical, None, false, prefixes).unwrap(), &canonical);
        }
    }
}
