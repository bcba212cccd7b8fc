//! Messages above the transport. Decoding borrows from the payload; encoding appends a payload.

mod authentication;
mod channel;
mod global;
pub mod number;
mod open;
mod request;
mod service;

pub use authentication::{
    AuthenticationMethod, AuthenticationRequest, KeyOffer, MAX_LOGIN_NAME_BYTES,
    MAX_PASSWORD_BYTES, MAX_RESPONSES, banner, failure, information_request, information_responses,
    public_key_accepted, signed_data,
};
pub use channel::{
    ChannelData, ChannelMessage, adjust, close, data, end_of_file, extended_data, outcome,
};
pub use global::{Forwarding, GlobalRequest, chosen_port};
pub use open::{ChannelKind, ChannelOpen, Confirmation, OpenFailure, Origin, confirm, refuse};
pub use request::{ChannelRequest, MAX_COMMAND_BYTES, RequestKind, TerminalSize};
pub use service::{
    SERVICE_AUTHENTICATION, SERVICE_CONNECTION, accept_service, request_service, service_name,
};
