//! The words of Custos as plain types. No I/O, no clock, no randomness of its own.
//!
//! Every other crate speaks in these; see `ARCHITECTURE.md` for the vocabulary.

mod authentication;
mod clock;
mod ids;
mod operation;
mod principal;
mod resource;
mod secret;
mod shown;
mod verdict;

pub use authentication::Authentication;
pub use clock::{Clock, Instant, Rfc3339};
pub use ids::{
    ApprovalId, IdError, IdSource, OperationNumber, Origin, RecordId, RequestId, SessionId,
    SignInId,
};
pub use operation::{Effect, Operation, Outcome};
pub use principal::{Principal, PrincipalKind};
pub use resource::{Protocol, ResourceName, ResourceNameError};
pub use secret::Secret;
pub use shown::{is_hidden, is_shown_as_it_is};
pub use verdict::{Decision, Verdict};
