//! What a request brings along beside its parameters, and what comes back.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use custos_model::{Instant, Secret};

use crate::event::Event;
use crate::opaque::opaque;
use crate::refusal::Refusal;

/// Time, randomness and origin of one request.
pub struct Call<'a> {
    /// The time.
    pub now: Instant,
    /// The address that the request came from.
    pub source: IpAddr,
    /// Fills a buffer with random bytes of cryptographic quality.
    pub random: &'a dyn Fn(&mut [u8]),
}

impl Call<'_> {
    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.random)(&mut bytes);
        bytes
    }

    pub(crate) fn secret(&self) -> Secret {
        opaque(self.bytes())
    }

    /// The monotonic clock, for what lives in memory only: setting the wall clock back prolongs nothing.
    pub(crate) fn mono_ns(&self) -> u64 {
        self.now.mono_ns
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Call")
            .field("now", &self.now)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// An answer, and what belongs on record. The events are to be recorded before the answer is sent.
#[derive(Debug)]
#[must_use]
pub struct Outcome<T, E = Refusal> {
    /// What the client gets.
    pub answer: Result<T, E>,
    /// What happened, in this order.
    pub events: Vec<Event>,
}

pub(crate) const fn ns(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}
