//! Device authorization (RFC 8628): the grants under way, in memory.

mod attempts;
mod confirmation;
mod connection;
mod page;
mod purpose;
mod request;
mod user_code;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use custos_model::SignInId;

use crate::call::ns;
use crate::client::ClientId;
use crate::cookie::BrowserSession;
use crate::device::attempts::Attempts;
use crate::opaque::SecretHash;
use crate::reason::Reason;
use crate::state::GrantId;
use crate::{DEVICE_CODE_LIFE, DEVICE_INTERVAL};

pub use confirmation::DeviceConfirmation;
pub use page::{Decision, DeviceRefusal, Visitor};
pub use purpose::{Purpose, WaitingConnection};
pub use request::DeviceAuthorization;
pub use user_code::UserCode;

/// Most grants under way. Beyond that nobody new gets a code.
const MAX_GRANTS: usize = 1024;
/// Most of them from one address (IPv4) or network of 64 bits (IPv6).
const MAX_GRANTS_OF_A_NETWORK: usize = 32;
/// The same for connections that wait here, so that whoever opens many leaves codes to everybody else.
const MAX_CONNECTIONS: usize = 256;
const MAX_CONNECTIONS_OF_A_NETWORK: usize = 16;

/// What a device asked for, and what came of it.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) client: ClientId,
    pub(crate) client_name: String,
    pub(crate) purpose: Purpose,
    user_code: UserCode,
    source: IpAddr,
    requested_utc_ns: u64,
    expires_mono_ns: u64,
    interval_ns: u64,
    polled_mono_ns: Option<u64>,
    decision: Decided,
}

#[derive(Debug)]
enum Decided {
    NotYet,
    /// Somebody looks at it, and may decide with the secret of that page.
    Shown {
        confirmation: SecretHash,
        browser: BrowserSession,
        sign_in: SignInId,
    },
    Approved {
        sign_in: SignInId,
        grant: GrantId,
    },
    Denied,
}

/// Grants by the hash of their device code.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    grants: BTreeMap<SecretHash, Grant>,
    pub(crate) attempts: Attempts,
}

/// A grant that a person has approved. It is used up.
#[derive(Debug)]
pub(crate) struct Approved {
    pub(crate) sign_in: SignInId,
    pub(crate) grant: GrantId,
    pub(crate) purpose: Purpose,
}

impl Devices {
    fn insert(&mut self, hash: SecretHash, grant: Grant, mono_ns: u64) -> Result<(), Reason> {
        // Expired ones are kept to tell the device so, while there is room.
        let told = |grant: &Grant| mono_ns < grant.expires_mono_ns + ns(DEVICE_CODE_LIFE);
        self.grants.retain(|_, grant| told(grant));
        if self.grants.len() >= MAX_GRANTS {
            self.grants.retain(|_, grant| !grant.has_expired(mono_ns));
        }
        if self.grants.len() >= MAX_GRANTS {
            return Err(Reason::TooManyDeviceCodes);
        }
        let network = network(grant.source);
        let (mut near, mut connections, mut near_connections) = (0, 0, 0);
        for other in self.grants.values() {
            let is_near = self::network(other.source) == network;
            if !other.has_expired(mono_ns) {
                near += usize::from(is_near);
                connections += usize::from(other.is_connection());
                near_connections += usize::from(is_near && other.is_connection());
            }
        }
        if near >= MAX_GRANTS_OF_A_NETWORK {
            return Err(Reason::TooManyFromNetwork);
        }
        if grant.is_connection() && near_connections >= MAX_CONNECTIONS_OF_A_NETWORK {
            return Err(Reason::TooManyFromNetwork);
        }
        if grant.is_connection() && connections >= MAX_CONNECTIONS {
            return Err(Reason::TooManyDeviceCodes);
        }
        self.grants.insert(hash, grant);
        Ok(())
    }

    fn has_user_code(&self, code: &UserCode) -> bool {
        self.grants.values().any(|grant| grant.user_code == *code)
    }

    /// The grant that waits for a decision under this user code.
    fn waiting(&mut self, code: &UserCode, mono_ns: u64) -> Option<&mut Grant> {
        self.grants.values_mut().find(|grant| {
            grant.user_code == *code && grant.is_undecided() && !grant.has_expired(mono_ns)
        })
    }

    /// A device asks whether somebody has decided (RFC 8628 sections 3.4 and 3.5).
    pub(crate) fn poll(
        &mut self,
        hash: &SecretHash,
        client: &ClientId,
        mono_ns: u64,
    ) -> Result<Approved, Reason> {
        let grant = self.grants.get_mut(hash).ok_or(Reason::DeviceCodeUnknown)?;
        if grant.client != *client {
            return Err(Reason::DeviceCodeOtherClient);
        }
        if grant.has_expired(mono_ns) {
            return Err(Reason::DeviceExpired);
        }
        // Connections are asked about here and by nobody else.
        if !grant.is_connection() {
            grant.keep_pace(mono_ns)?;
        }
        let answer = match grant.decision {
            Decided::NotYet | Decided::Shown { .. } => return Err(Reason::DevicePending),
            Decided::Denied => Err(Reason::DeviceDenied),
            Decided::Approved { sign_in, grant: id } => Ok(Approved {
                sign_in,
                grant: id,
                purpose: grant.purpose.clone(),
            }),
        };
        self.grants.remove(hash);
        answer
    }
}

impl Grant {
    fn has_expired(&self, mono_ns: u64) -> bool {
        mono_ns >= self.expires_mono_ns
    }

    fn is_connection(&self) -> bool {
        matches!(self.purpose, Purpose::Connection(_))
    }

    fn is_undecided(&self) -> bool {
        matches!(self.decision, Decided::NotYet | Decided::Shown { .. })
    }

    /// Whoever asks too early waits five seconds longer from then on.
    fn keep_pace(&mut self, mono_ns: u64) -> Result<(), Reason> {
        let due = self
            .polled_mono_ns
            .is_none_or(|polled| mono_ns >= polled.saturating_add(self.interval_ns));
        self.polled_mono_ns = Some(mono_ns);
        if due {
            return Ok(());
        }
        self.interval_ns = self.interval_ns.saturating_add(ns(DEVICE_INTERVAL));
        Err(Reason::DeviceSlowDown)
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}
