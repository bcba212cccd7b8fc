//! Messages above the transport, certificates and keys: read or refused; what is read and written again is the same.
#![no_main]

use bytes::{Bytes, BytesMut};
use custos_ssh_wire::message::{
    AuthenticationMethod, AuthenticationRequest, ChannelData, ChannelMessage, ChannelOpen,
    ChannelRequest, Confirmation, GlobalRequest, OpenFailure, information_responses, service_name,
};
use custos_ssh_wire::{Certificate, PrivateKey, SshKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = service_name(bytes);
    let _ = information_responses(bytes);
    let _ = ChannelMessage::decode(bytes);
    let _ = Confirmation::decode(bytes);
    let _ = OpenFailure::decode(bytes);
    let _ = ChannelData::decode(Bytes::copy_from_slice(bytes));
    let _ = Certificate::decode(bytes);
    let _ = SshKey::decode(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = PrivateKey::parse(text);
    }
    if let Ok(request) = ChannelRequest::decode(bytes) {
        let mut again = BytesMut::new();
        request.encode(&mut again);
        assert_eq!(ChannelRequest::decode(&again).as_ref(), Ok(&request));
    }
    if let Ok(open) = ChannelOpen::decode(bytes) {
        let mut again = BytesMut::new();
        open.encode(&mut again);
        assert_eq!(ChannelOpen::decode(&again).as_ref(), Ok(&open));
    }
    if let Ok(request) = GlobalRequest::decode(bytes) {
        let _ = request.forwarding();
        let mut again = BytesMut::new();
        request.encode(&mut again);
        assert_eq!(GlobalRequest::decode(&again), Ok(request));
    }
    if let Ok(request) = AuthenticationRequest::decode(bytes)
        && !matches!(request.method, AuthenticationMethod::Password { changes: true, .. })
    {
        let mut again = BytesMut::new();
        request.encode(&mut again);
        assert_eq!(AuthenticationRequest::decode(&again).as_ref(), Ok(&request));
    }
});
