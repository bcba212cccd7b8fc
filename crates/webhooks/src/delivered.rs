//! How deliveries end.

use uuid::Uuid;

use crate::event::EventType;

/// The end of an event's way to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The webhook's name.
    pub webhook: String,
    /// The event's id.
    pub event: String,
    /// What happened; `None` when the row in the control database is not as it was written.
    pub event_type: Option<EventType>,
    /// To which request; `None` as above.
    pub request: Option<Uuid>,
    /// How it ended.
    pub outcome: DeliveryOutcome,
    /// How often it was sent, over all restarts.
    pub attempts: u32,
    /// Why it was given up, in a word that stays the same: `status_500`, a word of `FetchError::code`, `displaced` (too
    /// many others wait), `too_old`, `webhook_removed` or `damaged`.
    pub reason: Option<String>,
}

/// Whether the receiver has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The receiver took it.
    Delivered,
    /// It is not tried any more.
    GivenUp,
}

impl DeliveryOutcome {
    /// A word that stays the same, for records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}
