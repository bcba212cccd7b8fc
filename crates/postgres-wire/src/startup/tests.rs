use super::{
    CancelRequest, MAX_STARTUP_BYTES, PROTOCOL_3_2, StartupPacket, decode, encode_ssl_request,
    encode_startup_message,
};
use crate::WireError;

/// What psql sends to a server with no further settings.
const PSQL: &[u8] = b"\0\0\0\x4d\0\x03\0\0user\0alice\0database\0shop\0\
application_name\0psql\0client_encoding\0UTF8\0\0";

fn packet(code: u32, rest: &[u8]) -> Vec<u8> {
    let length = 8 + u32::try_from(rest.len()).unwrap();
    [&length.to_be_bytes(), &code.to_be_bytes(), rest].concat()
}

#[test]
fn psql_opens_a_session() {
    let (packet, bytes) = decode(PSQL).unwrap().unwrap();
    assert_eq!(bytes, PSQL.len());
    let StartupPacket::Startup {
        version,
        parameters,
    } = packet
    else {
        panic!("not a startup message");
    };
    assert_eq!(version, (3, 0));
    assert_eq!(parameters.get(b"user"), Some(&b"alice"[..]));
    assert_eq!(parameters.get(b"database"), Some(&b"shop"[..]));
    assert_eq!(parameters.get(b"shop"), None);
    assert_eq!(parameters.iter().count(), 4);
}

#[test]
fn every_beginning_waits_for_the_rest() {
    for end in 0..PSQL.len() {
        assert_eq!(decode(&PSQL[..end]), Ok(None), "{end}");
    }
    let more = [PSQL, b"Q"].concat();
    assert_eq!(decode(&more).unwrap().unwrap().1, PSQL.len());
}

#[test]
fn requests_are_told_apart() {
    let ssl = decode(b"\0\0\0\x08\x04\xd2\x16\x2f");
    assert_eq!(ssl, Ok(Some((StartupPacket::SslRequest, 8))));
    let gss = decode(b"\0\0\0\x08\x04\xd2\x16\x30");
    assert_eq!(gss, Ok(Some((StartupPacket::GssEncRequest, 8))));
    let tls = decode(b"\x16\x03\x01");
    assert_eq!(tls, Ok(Some((StartupPacket::DirectTls, 0))));
    let mut out = Vec::new();
    encode_ssl_request(&mut out);
    assert_eq!(out, b"\0\0\0\x08\x04\xd2\x16\x2f");
    assert!(decode(b"\0\0\0\x09\x04\xd2\x16\x2fx").is_err());
}

#[test]
fn cancel_requests_carry_keys_of_4_to_256_bytes() {
    let golden = b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x2akey!";
    let cancel = CancelRequest {
        process_id: 42,
        key: b"key!",
    };
    assert_eq!(
        decode(golden),
        Ok(Some((StartupPacket::CancelRequest(cancel), 16)))
    );
    let mut out = Vec::new();
    cancel.encode(&mut out).unwrap();
    assert_eq!(out, golden);
    assert!(!format!("{cancel:?}").contains("key!"));
    for (bytes, good) in [(0, false), (3, false), (256, true), (257, false)] {
        let body = [&[0; 4], &vec![1; bytes][..]].concat();
        assert_eq!(decode(&packet(80_877_102, &body)).is_ok(), good, "{bytes}");
    }
}

#[test]
fn lengths_are_checked_before_anything_else() {
    for length in [0, 3, 4, 7, 10_001, i32::MAX, -1, i32::MIN] {
        let bytes = length.to_be_bytes();
        assert_eq!(decode(&bytes), Err(WireError::StartupLength(length)));
    }
    assert!(matches!(
        decode(b"GET / HTTP/1.1\r\n"),
        Err(WireError::StartupLength(_))
    ));
    assert!(decode(b"G").is_err());
    let largest = packet(0x0003_0000, &vec![b'x'; MAX_STARTUP_BYTES - 8]);
    assert!(matches!(
        decode(&largest),
        Err(WireError::Unterminated { .. })
    ));
}

#[test]
fn other_protocols_are_refused() {
    let error = decode(&packet(0x0002_0000, b"\0")).unwrap_err();
    assert_eq!(error, WireError::UnsupportedProtocol { major: 2, minor: 0 });
    assert_eq!(error.sqlstate(), "0A000");
    // The version that clients use to see whether negotiation works.
    assert!(decode(&packet(0x0003_270f, b"\0")).unwrap().is_some());
}

#[test]
fn parameters_that_two_readers_could_read_differently_are_refused() {
    for bad in [
        &b""[..],
        b"user\0a\0",
        b"user\0a\0user\0b\0\0",
        b"user\0",
        b"user\0\0",
        b"user\0a\0\0more\0b\0\0",
        b"user\0a",
    ] {
        let bytes = packet(0x0003_0000, bad);
        assert!(decode(&bytes).is_err(), "{}", bad.escape_ascii());
    }
    for (count, good) in [(256, true), (257, false)] {
        let mut many: Vec<u8> = (0..count)
            .flat_map(|number| format!("{number}\0\0").into_bytes())
            .collect();
        many.push(0);
        assert_eq!(decode(&packet(0x0003_0000, &many)).is_ok(), good, "{count}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let parameters = [
        (&b"user"[..], &b"alice"[..]),
        (b"_pq_.x", b"1"),
        (b"options", b""),
    ];
    let mut out = Vec::new();
    encode_startup_message(PROTOCOL_3_2, parameters, &mut out).unwrap();
    let StartupPacket::Startup {
        version,
        parameters: read,
    } = decode(&out).unwrap().unwrap().0
    else {
        panic!("not a startup message");
    };
    assert_eq!(version, PROTOCOL_3_2);
    assert_eq!(read.iter().collect::<Vec<_>>(), parameters);
    assert_eq!(read.protocol_options().collect::<Vec<_>>(), [b"_pq_.x"]);
}

#[test]
fn what_cannot_be_written_leaves_the_buffer_as_it_was() {
    let mut out = b"before".to_vec();
    let long = vec![b'x'; MAX_STARTUP_BYTES];
    for (name, value) in [
        (&b"us\0er"[..], &b""[..]),
        (b"user", b"a\0b"),
        (b"", b"x"),
        (b"user", &long),
    ] {
        assert!(encode_startup_message(PROTOCOL_3_2, [(name, value)], &mut out).is_err());
        assert_eq!(out, b"before");
    }
}
