//! Waiting for a condition.

use std::time::{Duration, Instant, SystemTime};

/// Between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Looks at `condition` until it holds a value, at most for `limit`.
///
/// # Panics
/// When the time is over; the message names `what`.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::after(limit);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(!deadline.is_over(), "waited {limit:?} in vain for {what}");
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// A moment after which a test gives up.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// `limit` from now.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// Whether it has passed.
    pub fn is_over(self) -> bool {
        Instant::now() >= self.0
    }

    /// What is left of it, never zero, so that it can be given to socket timeouts.
    pub fn left(self) -> Duration {
        self.0
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1))
    }
}

/// The time on this machine's clock, since 1970.
pub fn now_utc() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("the clock is past 1970")
}
