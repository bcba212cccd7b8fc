//! Both sides together, and against the vector of RFC 7677 section 3.

use std::num::NonZeroU32;

use proptest::prelude::*;

use crate::{
    ChannelBinding, ClientExchange, MAX_MESSAGE_BYTES, SCRAM_SHA_256, SCRAM_SHA_256_PLUS,
    ScramError, ServerExchange, Verifier,
};

const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT: [u8; 16] = [
    0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81,
];
const CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &[u8] = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL: &[u8] = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL: &[u8] = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

const HASH: &[u8] = &[9; 32];

fn verifier(password: &str, iterations: u32) -> Verifier {
    Verifier::derive(password, &SALT, NonZeroU32::new(iterations).unwrap())
}

fn rfc_client() -> ClientExchange {
    ClientExchange::new("pencil", CLIENT_NONCE, ChannelBinding::None).with_username("user")
}

fn challenged() -> ServerExchange {
    let mut server = ServerExchange::start(SCRAM_SHA_256, CLIENT_FIRST, None).unwrap();
    assert_eq!(server.challenge(SERVER_NONCE, &SALT, 4096), SERVER_FIRST);
    server
}

/// A whole exchange; `Some` when both sides accept.
fn run(
    client_password: &str,
    server_password: &str,
    binding: ChannelBinding,
    end_point: Option<&[u8]>,
) -> Result<Option<()>, ScramError> {
    let mut client = ClientExchange::new(client_password, "abc", binding);
    let mut server = ServerExchange::start(client.mechanism(), &client.first(), end_point)?;
    let challenge = server.challenge("def", &SALT, 2);
    let proof = server.finish(&client.respond(&challenge)?)?;
    let Some(server_final) = proof.check(&verifier(server_password, 2)) else {
        return Ok(None);
    };
    client.finish(&server_final).map(Some)
}

#[test]
fn client_gives_the_rfc_vector() {
    let mut client = rfc_client();
    assert_eq!(client.mechanism(), "SCRAM-SHA-256");
    assert_eq!(client.first(), CLIENT_FIRST);
    let last = client.respond(SERVER_FIRST).unwrap();
    assert_eq!(
        last.escape_ascii().to_string(),
        CLIENT_FINAL.escape_ascii().to_string()
    );
    assert_eq!(client.finish(SERVER_FINAL), Ok(()));
    assert_eq!(client.finish(SERVER_FINAL), Err(ScramError::OutOfOrder));
    assert_eq!(client.respond(SERVER_FIRST), Err(ScramError::OutOfOrder));
}

#[test]
fn server_gives_the_rfc_vector() {
    let server = challenged();
    assert_eq!(server.username(), "user");
    assert!(!server.is_bound());
    let proof = server.finish(CLIENT_FINAL).unwrap();
    assert_eq!(
        proof.check(&verifier("pencil", 4096)).as_deref(),
        Some(SERVER_FINAL)
    );
    assert_eq!(proof.check(&verifier("pencils", 4096)), None);
}

#[test]
fn one_of_several_candidates_is_found() {
    let proof = challenged().finish(CLIENT_FINAL).unwrap();
    let [wrong, right, other] = ["pen", "pencil", "brush"].map(|password| verifier(password, 4096));
    let (index, message) = proof.check_any([&wrong, &other, &right]).unwrap();
    assert_eq!((index, &message[..]), (2, SERVER_FINAL));
    assert_eq!(proof.check_any([&right, &wrong]).unwrap().0, 0);
    assert_eq!(proof.check_any([&wrong, &other]), None);
    assert_eq!(proof.check_any([]), None);
}

#[test]
fn both_sides_agree_with_and_without_binding() {
    let bound = ChannelBinding::TlsServerEndPoint(HASH.to_vec());
    assert_eq!(run("a", "a", ChannelBinding::None, None), Ok(Some(())));
    assert_eq!(
        run("a", "a", ChannelBinding::None, Some(HASH)),
        Ok(Some(()))
    );
    assert_eq!(run("a", "a", ChannelBinding::Unused, None), Ok(Some(())));
    assert_eq!(run("a", "a", bound.clone(), Some(HASH)), Ok(Some(())));
    assert_eq!(run("a", "b", bound, Some(HASH)), Ok(None));
}

#[test]
fn a_man_in_the_middle_is_noticed() {
    let other_channel = ChannelBinding::TlsServerEndPoint(vec![8; 32]);
    assert_eq!(
        run("a", "a", other_channel, Some(HASH)),
        Err(ScramError::ChannelBinding)
    );
    assert_eq!(
        run("a", "a", ChannelBinding::Unused, Some(HASH)),
        Err(ScramError::Downgrade)
    );
}

#[test]
fn the_strongest_binding_is_chosen() {
    let offer = |names: &[&'static str], end_point| {
        ChannelBinding::choose(names.iter().map(|name| name.as_bytes()), end_point)
    };
    let both = [SCRAM_SHA_256_PLUS, SCRAM_SHA_256];
    assert_eq!(
        offer(&both, Some(HASH)),
        Ok(ChannelBinding::TlsServerEndPoint(HASH.to_vec()))
    );
    assert_eq!(offer(&both, None), Ok(ChannelBinding::None));
    assert_eq!(
        offer(&[SCRAM_SHA_256], Some(HASH)),
        Ok(ChannelBinding::Unused)
    );
    assert_eq!(
        offer(&[SCRAM_SHA_256_PLUS], None),
        Err(ScramError::NotOffered)
    );
    assert_eq!(
        offer(&["OAUTHBEARER"], Some(HASH)),
        Err(ScramError::NotOffered)
    );
}

#[test]
fn first_messages_of_clients_are_held_to_the_grammar() {
    let start = |message: &[u8]| ServerExchange::start(SCRAM_SHA_256, message, None);
    for good in [
        &b"n,,n=,r=abc"[..],
        b"y,,n=,r=abc",
        b"n,,n=,r=abc,x=optional",
    ] {
        assert!(start(good).is_ok(), "{}", good.escape_ascii());
    }
    for bad in [
        &b""[..],
        b"n",
        b"n,",
        b"n,,",
        b"N,,n=,r=abc",
        b"p=tls-server-end-point,,n=,r=abc",
        b"n,a=admin,n=,r=abc",
        b"n,,r=abc,n=",
        b"n,,n=",
        b"n,,n=,r=",
        b"n,,n=,r=a c",
        b"n,,n=,r=\xc3\xa9",
        b"n,,n=,r=\xff",
        b"n,,n=a=b,r=abc",
        b"n,,n=,r=abc,",
        b"n,,n=,r=abc,x",
        b"n,,n=,r=abc,1=x",
        b"n,,n=,r=a\0bc",
    ] {
        assert!(
            matches!(start(bad), Err(ScramError::Malformed { .. })),
            "{}",
            bad.escape_ascii()
        );
    }
    assert_eq!(
        start(b"n,,m=x,n=,r=abc").unwrap_err(),
        ScramError::Extension
    );
    assert_eq!(
        start(b"n,,n=,r=abc,m=x").unwrap_err(),
        ScramError::Extension
    );
    let long = [b"n,,n=,r=", &vec![b'a'; MAX_MESSAGE_BYTES][..]].concat();
    assert!(start(&long).is_err());
    assert_eq!(start(b"n,,n=a=2Cb=3Dc,r=abc").unwrap().username(), "a,b=c");
}

#[test]
fn only_offered_mechanisms_can_be_chosen() {
    let bound = b"p=tls-server-end-point,,n=,r=abc";
    let start = |mechanism, message: &[u8], end_point| {
        ServerExchange::start(mechanism, message, end_point).map(|server| server.is_bound())
    };
    assert_eq!(start(SCRAM_SHA_256_PLUS, bound, Some(HASH)), Ok(true));
    assert_eq!(
        start(SCRAM_SHA_256_PLUS, bound, None),
        Err(ScramError::Mechanism)
    );
    assert_eq!(
        start("SCRAM-SHA-1", b"n,,n=,r=abc", None),
        Err(ScramError::Mechanism)
    );
    for unbound in [
        &b"n,,n=,r=abc"[..],
        b"y,,n=,r=abc",
        b"p=tls-unique,,n=,r=abc",
    ] {
        assert!(matches!(
            start(SCRAM_SHA_256_PLUS, unbound, Some(HASH)),
            Err(ScramError::Malformed { .. })
        ));
    }
}

#[test]
fn last_messages_of_clients_are_held_to_the_grammar() {
    let text = std::str::from_utf8(CLIENT_FINAL).unwrap();
    let finish = |message: &str| challenged().finish(message.as_bytes()).unwrap_err();
    let nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let proof = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    for bad in [
        String::new(),
        format!("c=biws,{nonce}"),
        format!("{nonce},c=biws,{proof}"),
        format!("{nonce},{proof}"),
        format!("c=biws,{proof}"),
        format!("c=biws,{nonce},{proof},x=after"),
        format!("c=biws,{nonce},p=AAAA"),
        format!("c=biws,{nonce},{}", proof.trim_end_matches('=')),
        format!("c=*,{nonce},{proof}"),
        format!("{text}\0"),
    ] {
        assert!(
            matches!(finish(&bad), ScramError::Malformed { .. }),
            "{bad}"
        );
    }
    assert_eq!(
        finish(&text.replace("biws", "eSws")),
        ScramError::ChannelBinding
    );
    assert_eq!(finish(&text.replace("k0,", "k1,")), ScramError::Nonce);
    assert_eq!(
        finish(&format!("c=biws,{nonce},m=x,{proof}")),
        ScramError::Extension
    );
    let early = ServerExchange::start(SCRAM_SHA_256, CLIENT_FIRST, None).unwrap();
    assert_eq!(
        early.finish(CLIENT_FINAL).unwrap_err(),
        ScramError::OutOfOrder
    );
}

#[test]
fn first_messages_of_servers_are_held_to_the_grammar() {
    let respond = |message: &str| rfc_client().respond(message.as_bytes()).unwrap_err();
    let nonce = "r=rOprNGfwEbeRWgbNEkqOx";
    for bad in [
        String::new(),
        nonce.to_owned(),
        format!("{nonce},s=AAAA"),
        format!("{nonce},i=1,s=AAAA"),
        format!("s=AAAA,{nonce},i=1"),
        format!("{nonce},s=,i=1"),
        format!("{nonce},s=A,i=1"),
        format!("{nonce},s=AAAA,i="),
        format!("{nonce},s=AAAA,i=01"),
        format!("{nonce},s=AAAA,i=+1"),
        format!("{nonce},s=AAAA,i=-1"),
        format!("{nonce},s=AAAA,i=99999999999999999999"),
        format!("{nonce},s=AAAA,i=1,"),
    ] {
        assert!(
            matches!(respond(&bad), ScramError::Malformed { .. }),
            "{bad}"
        );
    }
    for foreign in [
        "r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=1",
        "r=other,s=AAAA,i=1",
        "r=rOprNGfwEbeRWgbNEkqO ,s=AAAA,i=1",
    ] {
        assert_eq!(respond(foreign), ScramError::Nonce, "{foreign}");
    }
    for count in [0, 1_000_001, 4_294_967_296] {
        let message = format!("{nonce},s=AAAA,i={count}");
        assert_eq!(respond(&message), ScramError::Iterations(count));
    }
    assert_eq!(
        respond(&format!("m=x,{nonce},s=AAAA,i=1")),
        ScramError::Extension
    );
    assert_eq!(
        respond("e=other-error"),
        ScramError::Refused("other-error".to_owned())
    );
}

#[test]
fn a_server_that_does_not_know_the_password_is_refused() {
    let finish = |message: &[u8]| {
        let mut client = rfc_client();
        client.respond(SERVER_FIRST).unwrap();
        client.finish(message).unwrap_err()
    };
    assert_eq!(
        finish(b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
        ScramError::ServerSignature
    );
    for bad in [&b""[..], b"v=", b"v=AAAA", b"x=6rri"] {
        assert!(matches!(finish(bad), ScramError::Malformed { .. }));
    }
    assert_eq!(
        finish(b"e=invalid-proof"),
        ScramError::Refused("invalid-proof".to_owned())
    );
    assert_eq!(
        rfc_client().finish(SERVER_FINAL),
        Err(ScramError::OutOfOrder)
    );
}

#[test]
fn passwords_are_prepared_as_postgresql_does() {
    let same =
        |left: &str, right: &str| verifier(left, 1).stored_key == verifier(right, 1).stored_key;
    // RFC 4013 section 3: a soft hyphen vanishes, compatibility characters are replaced.
    assert!(same("I\u{ad}X", "IX"));
    assert!(same("\u{2168}", "IX"));
    // What SASLprep refuses or empties is hashed as it is.
    assert!(!same("a\u{7}", "a"));
    assert!(!same("\u{ad}", ""));
}

#[test]
fn nothing_secret_is_shown() {
    let verifier = verifier("pencil", 1);
    let shown = format!("{verifier:?} {:?}", rfc_client());
    assert_eq!(
        shown,
        "Verifier { iterations: 1, .. } ClientExchange { mechanism: \"SCRAM-SHA-256\", .. }"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A changed byte anywhere in the client's last message never passes.
    #[test]
    fn altered_proofs_are_refused(position in 0..CLIENT_FINAL.len(), flip in 1_u8..=255) {
        let mut message = CLIENT_FINAL.to_vec();
        message[position] ^= flip;
        if let Ok(proof) = challenged().finish(&message) {
            prop_assert_eq!(proof.check(&rfc_verifier()), None);
        }
    }

    /// Nor does one in the server's last message.
    #[test]
    fn altered_signatures_are_refused(position in 0..SERVER_FINAL.len(), flip in 1_u8..=255) {
        let mut client = ClientExchange::new("a", "abc", ChannelBinding::None);
        let mut server =
            ServerExchange::start(SCRAM_SHA_256, &client.first(), None).unwrap();
        let last = client.respond(&server.challenge("def", &SALT, 1)).unwrap();
        let proof = server.finish(&last).unwrap();
        let mut message = proof.check(&verifier("a", 1)).unwrap();
        message[position] ^= flip;
        prop_assert!(client.finish(&message).is_err());
    }

    /// Any password works, on both sides and with any bytes in between.
    #[test]
    fn any_password_agrees_with_itself(password in "\\PC*") {
        prop_assert_eq!(
            run(&password, &password, ChannelBinding::None, None),
            Ok(Some(()))
        );
    }

    /// Hostile bytes are refused and never panic.
    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(ServerExchange::start(SCRAM_SHA_256_PLUS, &bytes, Some(HASH)).is_err());
        prop_assert!(challenged().finish(&bytes).is_err());
        prop_assert!(rfc_client().respond(&bytes).is_err());
    }
}

/// The verifier of the RFC's password, derived once because it costs 4096 iterations.
fn rfc_verifier() -> Verifier {
    use std::sync::OnceLock;
    static DERIVED: OnceLock<Verifier> = OnceLock::new();
    DERIVED.get_or_init(|| verifier("pencil", 4096)).clone()
}
