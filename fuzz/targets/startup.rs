//! The first packet of a client: `custos_postgres_wire::startup`.
#![no_main]

use custos_postgres_wire::startup::{
    MAX_STARTUP_BYTES, StartupPacket, decode, encode_ssl_request, encode_startup_message,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match decode(data) {
        Ok(Some((packet, consumed))) => whole(data, packet, consumed),
        Ok(None) => assert!(data.len() < MAX_STARTUP_BYTES),
        Err(error) => {
            assert_eq!(decode(data), Err(error));
            assert!(!error.public_text().is_empty() && error.sqlstate().len() == 5);
        }
    }
    // What can become a packet is never refused early.
    if decode(data).is_ok() {
        assert!((0..data.len().min(16)).all(|cut| decode(&data[..cut]).is_ok()));
    }
});

fn whole(data: &[u8], packet: StartupPacket<'_>, consumed: usize) {
    assert_eq!(
        decode(&data[..consumed.max(1)]),
        Ok(Some((packet, consumed)))
    );
    assert!(consumed == 0 || matches!(decode(&data[..consumed - 1]), Ok(None)));
    let mut written = Vec::new();
    match packet {
        StartupPacket::DirectTls => assert_eq!(consumed, 0),
        StartupPacket::SslRequest => encode_ssl_request(&mut written),
        StartupPacket::GssEncRequest => written.extend_from_slice(b"\0\0\0\x08\x04\xd2\x16\x30"),
        StartupPacket::CancelRequest(request) => request.encode(&mut written).unwrap(),
        StartupPacket::Startup {
            version,
            parameters,
        } => {
            encode_startup_message(version, parameters.iter(), &mut written).unwrap();
            for (name, value) in parameters.iter() {
                assert_eq!(parameters.get(name), Some(value));
            }
            assert!(parameters.protocol_options().count() <= parameters.iter().count());
        }
    }
    assert_eq!(written, &data[..consumed]);
}
