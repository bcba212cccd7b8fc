//! What waits for the integrator.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::error::EvidenceError;
use crate::position::Position;
use crate::record_type::RecordOutcome;
use crate::session::SessionInner;
use crate::wal::Batch;

/// Durable frames, and what is asked of the integrator.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) batches: VecDeque<Batch>,
    pub(crate) ends: Vec<EndRequest>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
}

/// A session to be ended when all of its transcript is in a closed segment.
#[derive(Debug)]
pub(crate) struct EndRequest {
    pub(crate) session: Arc<SessionInner>,
    /// The last piece of its transcript.
    pub(crate) after: Position,
    pub(crate) outcome: RecordOutcome,
    pub(crate) reason: String,
    pub(crate) detail: Vec<(String, OwnedValue)>,
    pub(crate) reply: Option<oneshot::Sender<Result<Position, EvidenceError>>>,
}

/// A member of `detail` that outlives the call.
#[derive(Clone, Debug)]
pub(crate) enum OwnedValue {
    Text(String),
    Integer(i64),
    Boolean(bool),
}
