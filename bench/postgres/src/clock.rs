//! The one place that reads the clock.

use std::time::Instant;

/// The monotonic clock. A benchmark measures real time, so it is read here and not handed in.
#[expect(clippy::disallowed_methods, reason = "the benchmark's only clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
