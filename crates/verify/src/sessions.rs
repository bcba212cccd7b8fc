//! What is remembered of a session while it is open.

use std::collections::BTreeSet;

use crate::finding::Code;
use crate::record::{Kind, Record};
use crate::time::Day;

/// One open session.
#[derive(Debug)]
pub(crate) struct Session {
    /// The day of `session.start`; none when it was not seen.
    pub(crate) day: Option<Day>,
    next_n: u64,
    /// The next intent's number; none until one is seen of a session taken up in the middle.
    next_operation: Option<u64>,
    /// Intents without outcome.
    pending: BTreeSet<u64>,
    /// The next segment's number, as `next_operation`.
    pub(crate) next_segment: Option<u64>,
    /// A `node.start` followed the session's last record.
    pub(crate) interrupted: bool,
}

impl Session {
    /// A session at its `session.start`.
    pub(crate) fn started(day: Day) -> Self {
        Self {
            day: Some(day),
            next_n: 1,
            next_operation: Some(1),
            pending: BTreeSet::new(),
            next_segment: Some(0),
            interrupted: false,
        }
    }

    /// A session whose beginning cannot be seen.
    pub(crate) fn taken_up(n: u64) -> Self {
        Self {
            day: None,
            next_n: n,
            next_operation: None,
            pending: BTreeSet::new(),
            next_segment: None,
            interrupted: false,
        }
    }

    /// Takes the session's next record, and says what is wrong with it there.
    pub(crate) fn observe(&mut self, record: &Record, n: u64) -> Vec<(Code, String)> {
        let mut wrong = Vec::new();
        if n != self.next_n {
            let message = format!("n is {n} where {} is next", self.next_n);
            wrong.push((Code::SessionOrder, message));
        }
        self.next_n = n.saturating_add(1);
        let operation = record.operation.unwrap_or(0);
        let message = match record.kind {
            Kind::OperationIntent => self.intent(operation),
            Kind::OperationApproved => self.open("approval", operation),
            Kind::OperationTransfer => self.open("transfer", operation),
            Kind::OperationOutcome => self.outcome(operation),
            Kind::OperationError if operation != 0 => Some("op.n of an error is not 0".to_owned()),
            Kind::SessionEnd => self.end(record.unfinished),
            _ => None,
        };
        wrong.extend(message.map(|message| (Code::OperationOrder, message)));
        if let Some(claim) = &record.segment {
            let expected = self.next_segment.unwrap_or(claim.number);
            if claim.number != expected {
                let message = format!("segment {} where {expected} is next", claim.number);
                wrong.push((Code::SegmentOrder, message));
            }
            self.next_segment = Some(claim.number.saturating_add(1));
        }
        wrong
    }

    fn intent(&mut self, operation: u64) -> Option<String> {
        let expected = self.next_operation.unwrap_or(operation);
        self.next_operation = Some(operation.saturating_add(1));
        let fresh = self.pending.insert(operation);
        if operation != expected {
            return Some(format!("intent {operation} where {expected} is next"));
        }
        (!fresh || operation == 0).then(|| format!("intent {operation} cannot be"))
    }

    /// Something of an operation that is open, and stays so.
    fn open(&self, what: &str, operation: u64) -> Option<String> {
        let known = self.pending.contains(&operation) || self.may_be_unseen(operation);
        (!known).then(|| format!("{what} of {operation}, which has no open intent"))
    }

    /// In a session taken up in the middle, the intent may be one that was not seen.
    fn may_be_unseen(&self, operation: u64) -> bool {
        self.day.is_none() && self.next_operation.is_none_or(|next| operation < next)
    }

    fn outcome(&mut self, operation: u64) -> Option<String> {
        if self.pending.remove(&operation) {
            return None;
        }
        let unseen = self.may_be_unseen(operation);
        (!unseen).then(|| format!("outcome of {operation}, which has no open intent"))
    }

    fn end(&self, unfinished: i64) -> Option<String> {
        let pending = self.pending.len() as u64;
        let right = self.day.is_none() || u64::try_from(unfinished) == Ok(pending);
        (!right).then(|| format!("unfinished is {unfinished}, but {pending} intents are open"))
    }
}
