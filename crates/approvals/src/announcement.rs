//! What people outside the gateway are told.

use crate::request::{Choice, Request};

/// What happened to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It was asked for.
    Opened,
    /// Others count from now on.
    Escalated {
        /// Members of which group.
        to: String,
    },
    /// Somebody decided.
    Decided {
        /// Who.
        by: String,
        /// What.
        decision: Choice,
    },
    /// It is over.
    Ended {
        /// How: see [`crate::Ending`].
        ending: &'static str,
    },
    /// A right began.
    GrantStarted,
    /// A right ended.
    GrantEnded {
        /// Why.
        ending: &'static str,
    },
    /// A right was taken without approval.
    BreakGlass,
    /// A review of that is overdue.
    ReviewOverdue,
}

/// Something to tell. Holds nothing that policy masks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What.
    pub happening: Happening,
    /// Of which request.
    pub request: Request,
    /// When, UTC nanoseconds.
    pub utc_ns: u64,
}
