//! The bounds of what clients may take.

use std::time::Duration;

/// Every limit of the pipeline. Changed by reload; running sessions keep the limits that they began with.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sessions at once.
    pub sessions: usize,
    /// Sessions at once of one principal.
    pub sessions_per_principal: usize,
    /// Connections at once that are not authenticated yet.
    pub handshakes: usize,
    /// The same, from one source address.
    pub handshakes_per_source: usize,
    /// From accept until the client has authenticated.
    pub handshake_timeout: Duration,
    /// How long a client may wait for its person to sign in elsewhere, beside that.
    pub sign_in_timeout: Duration,
    /// From authentication until the target has accepted the gateway.
    pub connect_timeout: Duration,
    /// Without any request or response; zero is no limit.
    pub idle_timeout: Duration,
    /// Age of a session; zero is no limit.
    pub session_max_age: Duration,
    /// Bytes of one request message.
    pub request_bytes: usize,
    /// Bytes of all large requests that are held in memory at once, over all sessions.
    pub request_memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            sessions_per_principal: 100,
            handshakes: 1024,
            handshakes_per_source: 256,
            handshake_timeout: Duration::from_secs(10),
            sign_in_timeout: Duration::from_mins(5),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::ZERO,
            session_max_age: Duration::from_hours(12),
            request_bytes: 64 << 20,
            request_memory_bytes: 512 << 20,
        }
    }
}
