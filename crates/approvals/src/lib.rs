//! Holds, decisions and grants: what needs people's agreement waits until they have signed (ADR 15).
//!
//! A session that policy holds [pledges](Approvals::pledge) what it will forward, opens a request by [`Approvals::hold`] and waits with the
//! [`Held`] that it gets. Approvers get the [statement](Statement) from [`Approvals::prepare`], sign it with keys that this
//! gateway has not, and bring it to [`Approvals::decide`]. Before anything runs, [`Held::execute`] checks all of it once more.
//!
//! **Invariant**: what was approved is what runs, once: the commitment is computed again over the bytes that will be forwarded, and the request is
//! gone before anything is.
//! **Invariant**: a decision counts while its key is enrolled, its signature fits and its approver is signed in, in the group; whoever
//! asked, for whom, or bears a name of theirs never counts.
//! **Invariant**: each step is a record before anybody outside hears of it.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod announcement;
mod approvals;
mod ask;
mod decide;
mod exact;
mod grant;
mod hold;
mod keys;
mod quorum;
mod records;
mod refusal;
mod request;
mod tick;
mod view;
mod vote;

pub use announcement::{Announcement, Happening};
pub use approvals::{
    Announce, Approvals, Ending, OPEN_REQUESTS_MAX, Parts, Progress, Random, RelyingParty,
};
pub use ask::Wanted;
pub use decide::{Approver, Decided, Intention, ToSign};
pub use exact::{CommitKey, Commitment, EXACT_BYTES_MAX, Exact, Part};
pub use grant::{Grant, GrantEnd};
pub use hold::{Approved, Held, HeldOperation, Pledge};
pub use keys::Enrolled;
pub use refusal::{ApprovalsError, Refusal};
pub use request::{
    Alternative, Choice, Escalation, Person, Request, RequestKind, STATEMENT_TYPE, Statement,
    TEXT_BYTES_MAX, WORDS_BYTES_MAX,
};
pub use view::{ExactView, PartView, View};
pub use vote::NAMESPACE;
