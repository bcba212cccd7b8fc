//! What a person is shown before letting a device in.

use std::net::IpAddr;
use std::time::Duration;

use custos_model::Secret;

use crate::client::ClientId;
use crate::device::user_code::UserCode;
use crate::device::{Grant, Purpose};

/// The values for the page. All of them are to be shown: they are what tells a person's own device from somebody
/// else's (RFC 8628 section 5.4).
#[derive(Clone, Debug)]
pub struct DeviceConfirmation {
    /// The client's id.
    pub client: ClientId,
    /// The client's name.
    pub client_name: String,
    /// What it asks for.
    pub purpose: Purpose,
    /// The code, to be compared with what the device shows.
    pub user_code: UserCode,
    /// Where the device's request came from.
    pub requested_from: IpAddr,
    /// When, UTC nanoseconds.
    pub requested_utc_ns: u64,
    /// How long it can still be approved.
    pub expires_in: Duration,
    /// Goes into a hidden field of the form, and comes back with the decision.
    pub confirmation: Secret,
}

impl DeviceConfirmation {
    pub(super) fn of(grant: &Grant, confirmation: Secret, mono_ns: u64) -> Self {
        Self {
            client: grant.client.clone(),
            client_name: grant.client_name.clone(),
            purpose: grant.purpose.clone(),
            user_code: grant.user_code.clone(),
            requested_from: grant.source,
            requested_utc_ns: grant.requested_utc_ns,
            expires_in: Duration::from_nanos(grant.expires_mono_ns.saturating_sub(mono_ns)),
            confirmation,
        }
    }
}
