//! A sign-in that waits for the browser to come back.

use std::fmt;
use std::time::Duration;

use custos_model::Instant;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::random;
use crate::rejection::Rejection;
use crate::return_path::ReturnPath;

/// How long a sign-in waits.
pub const MAX_PENDING: Duration = Duration::from_mins(10);

/// A sign-in that waits for the browser to come back. To be kept on the server under [`Pending::state`], and to be
/// taken out, not copied, when a callback with that state comes: it is good for one callback, whatever comes of it.
///
/// It holds the PKCE verifier and the nonce in the clear, and of the browser's value only a hash.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) browser_sha256: String,
    pub(crate) begun_utc_ns: u64,
    pub(crate) return_path: ReturnPath,
    pub(crate) max_age_seconds: Option<u64>,
    pub(crate) acr_values: Vec<String>,
}

impl Pending {
    /// The `state` that the callback will have.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// From when on it is of no use to anybody.
    pub fn expires_utc_ns(&self) -> u64 {
        self.begun_utc_ns
            .saturating_add(MAX_PENDING.as_nanos() as u64)
    }

    pub(crate) fn check_browser(&self, browser: &str) -> Result<(), Rejection> {
        let hash = random::sha256(browser);
        if !same(&hash, &self.browser_sha256) {
            return Err(Rejection::BrowserWrong);
        }
        Ok(())
    }

    /// A clock that was set back makes no sign-in live longer.
    pub(crate) fn check_age(&self, now: Instant) -> Result<(), Rejection> {
        if now.utc_ns < self.begun_utc_ns || now.utc_ns >= self.expires_utc_ns() {
            return Err(Rejection::SignInExpired);
        }
        Ok(())
    }

    pub(crate) fn check_state(&self, state: Option<&str>) -> Result<(), Rejection> {
        let state = state.ok_or(Rejection::StateMissing)?;
        if !same(state, &self.state) {
            return Err(Rejection::StateWrong);
        }
        Ok(())
    }
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

impl fmt::Debug for Pending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pending")
            .field("provider", &self.provider)
            .field("begun_utc_ns", &self.begun_utc_ns)
            .finish_non_exhaustive()
    }
}
