//! What was asked and is not answered yet. Sans-I/O: requests put expectations in, responses take them out.
//!
//! The target answers in order, with two exceptions: after an error in the extended protocol it skips to
//! the next Sync, and a Sync that reaches it while it copies in is ignored.

use std::collections::VecDeque;
use std::sync::Arc;

use custos_model::OperationNumber;

use crate::catalogue::Catalogue;
use crate::judge::Plan;
use crate::names::{Names, Portal, Statement, Undo};
use crate::refusal::Refusal;

/// Requests that may be under way at once; more wait in the client's socket.
pub(crate) const REQUESTS_AT_MOST: usize = 65_536;

/// One request that the target has to answer.
#[derive(Debug)]
pub(crate) enum Expected {
    /// A simple query: any number of results, up to ReadyForQuery.
    Query { operation: OperationNumber },
    /// A query or function call that was refused: ErrorResponse, then ReadyForQuery.
    RefusedQuery,
    /// Another message that was refused: ErrorResponse, and what follows is skipped.
    Refused,
    /// ParseComplete.
    Parse {
        statement: Arc<Statement>,
        undo: Option<Undo<Statement>>,
    },
    /// BindComplete.
    Bind { undo: Option<Undo<Portal>> },
    /// ParameterDescription, then RowDescription or NoData.
    DescribeStatement { statement: Option<Arc<Statement>> },
    /// RowDescription or NoData.
    DescribePortal { portal: Option<Arc<Portal>> },
    /// Rows or COPY, up to CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute {
        operation: OperationNumber,
        portal: Option<Arc<Portal>>,
    },
    /// CloseComplete.
    Close { undo: Option<CloseUndo> },
    /// ReadyForQuery.
    Sync,
    /// Nothing: the client ended COPY data that the target has not asked for yet.
    CopyEnd,
}

/// A closed name that comes back if the target never closed it.
#[derive(Debug)]
pub(crate) enum CloseUndo {
    Statement(Undo<Statement>),
    Portal(Undo<Portal>),
}

impl Expected {
    /// The operation whose outcome it settles.
    pub(crate) fn operation(&self) -> Option<OperationNumber> {
        match self {
            Self::Query { operation } | Self::Execute { operation, .. } => Some(*operation),
            _ => None,
        }
    }

    /// The word for it in records of errors.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Query { .. } => "query",
            Self::RefusedQuery | Self::Refused => "refused",
            Self::Parse { .. } => "parse",
            Self::Bind { .. } => "bind",
            Self::DescribeStatement { .. } | Self::DescribePortal { .. } => "describe",
            Self::Execute { .. } => "execute",
            Self::Close { .. } => "close",
            Self::Sync => "sync",
            Self::CopyEnd => "copy_end",
        }
    }

    /// What it does to the names of statements.
    fn changes_statement(&self) -> Option<&Undo<Statement>> {
        match self {
            Self::Parse { undo, .. } => undo.as_ref(),
            Self::Close {
                undo: Some(CloseUndo::Statement(undo)),
            } => Some(undo),
            _ => None,
        }
    }

    /// What it does to the names of portals.
    fn changes_portal(&self) -> Option<&Undo<Portal>> {
        match self {
            Self::Bind { undo } => undo.as_ref(),
            Self::Close {
                undo: Some(CloseUndo::Portal(undo)),
            } => Some(undo),
            _ => None,
        }
    }

    fn ends_with_ready(&self) -> bool {
        matches!(self, Self::Query { .. } | Self::RefusedQuery | Self::Sync)
    }
}

/// An expectation, and whether the gateway sent something that fails in its place.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) expected: Expected,
    pub(crate) refusal: Option<Refusal>,
    /// What its answers are shown and recorded under; `None`: nothing is masked.
    pub(crate) plan: Option<Arc<Plan>>,
    /// It was answered with an error, and its operation is settled.
    pub(crate) failed: bool,
}

/// Whether rows of COPY data may come from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyIn {
    /// No.
    No,
    /// The target asked for data and the client has not finished sending it.
    Sending(OperationNumber),
}

/// The state that both directions of a session share.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) statements: Names<Statement>,
    pub(crate) portals: Names<Portal>,
    entries: VecDeque<Entry>,
    pub(crate) copy_in: CopyIn,
    /// `I`, `T` or `E`, from the last ReadyForQuery.
    pub(crate) transaction: u8,
    /// What the client copies in must not stand in records.
    pub(crate) copy_in_hidden: bool,
    /// The target reads statements otherwise than the gateway.
    pub(crate) unreadable: bool,
    /// A statement of the transaction touched labelled columns; what is deferred to its end may tell of them.
    touching: Option<Arc<Plan>>,
    /// Told whenever the target may have changed its objects, until nothing is under way.
    pub(crate) changing: Option<Arc<Catalogue>>,
    /// The target has sent a FATAL error and closes the connection.
    pub(crate) target_said_goodbye: bool,
    /// Bytes of parameters that portals keep for people to approve.
    pub(crate) kept_values_bytes: usize,
}

impl Conversation {
    pub(crate) fn new() -> Self {
        Self {
            statements: Names::default(),
            portals: Names::default(),
            entries: VecDeque::new(),
            copy_in: CopyIn::No,
            transaction: b'I',
            copy_in_hidden: false,
            unreadable: false,
            touching: None,
            changing: None,
            target_said_goodbye: false,
            kept_values_bytes: 0,
        }
    }

    pub(crate) fn expect(&mut self, expected: Expected) {
        self.expect_under(expected, None);
    }

    /// Its answers are shown and recorded under a plan.
    pub(crate) fn expect_under(&mut self, expected: Expected, plan: Option<Arc<Plan>>) {
        if let Some(plan) = plan.as_ref().filter(|plan| plan.analysis.touches_labels) {
            self.touching = Some(Arc::clone(plan));
        }
        self.entries.push_back(Entry {
            expected,
            refusal: None,
            plan,
            failed: false,
        });
    }

    /// The gateway sends something that fails.
    pub(crate) fn expect_refusal(&mut self, expected: Expected, refusal: Refusal) {
        self.entries.push_back(Entry {
            expected,
            refusal: Some(refusal),
            plan: None,
            failed: false,
        });
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= REQUESTS_AT_MOST
    }

    /// Nothing is under way and no transaction is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.transaction == b'I'
    }

    /// The target passes over what comes, up to the next Sync, since something before it failed.
    pub(crate) fn is_skipping(&self) -> bool {
        let front = self.entries.front();
        front.is_some_and(|front| front.failed && !front.expected.ends_with_ready())
    }

    /// The target has something to answer.
    pub(crate) fn is_answering(&self) -> bool {
        !self.entries.is_empty()
    }

    /// The request that the target answers now, if the answer is not ReadyForQuery.
    pub(crate) fn current(&mut self) -> Option<&mut Entry> {
        while matches!(
            self.entries.front(),
            Some(Entry {
                expected: Expected::CopyEnd,
                ..
            })
        ) {
            self.entries.pop_front();
        }
        let answers =
            |entry: &&mut Entry| !entry.failed && !matches!(entry.expected, Expected::Sync);
        self.entries.front_mut().filter(answers)
    }

    /// Nothing stands between the current request and its Sync.
    pub(crate) fn syncs_next(&self) -> bool {
        let next = self.entries.get(1);
        next.is_some_and(|entry| matches!(entry.expected, Expected::Sync))
    }

    /// The target asks for COPY data: it ignores each Sync that was sent before the end of that data.
    pub(crate) fn copies_in(&mut self, operation: OperationNumber, hidden: bool) {
        self.copy_in = CopyIn::Sending(operation);
        self.copy_in_hidden = hidden;
        let mut copying = true;
        self.entries.retain(|entry| match entry.expected {
            Expected::Sync => !copying,
            Expected::CopyEnd => !std::mem::take(&mut copying),
            _ => true,
        });
        if !copying {
            // All of the data is on its way.
            self.copy_in = CopyIn::No;
            self.copy_in_hidden = false;
        }
    }

    /// Whether COPY data that comes now must not stand in records; also before the target asked for it.
    pub(crate) fn hides_copy_in(&self) -> bool {
        let plans = self.entries.iter().filter_map(|entry| entry.plan.as_ref());
        self.copy_in_hidden || plans.into_iter().any(|plan| plan.analysis.hides_copy_in)
    }

    /// The plan that errors and notices are under which answer nothing in particular.
    pub(crate) fn touching(&self) -> Option<Arc<Plan>> {
        self.touching.clone()
    }

    /// All statements that a name may stand for at the target: the one that it stands for if all that is under way goes
    /// well, and those before it.
    pub(crate) fn statements_named(&self, name: &[u8]) -> Vec<Arc<Statement>> {
        self.possible(self.statements.get(name), name, Expected::changes_statement)
    }

    /// The same of portals.
    pub(crate) fn portals_named(&self, name: &[u8]) -> Vec<Arc<Portal>> {
        self.possible(self.portals.get(name), name, Expected::changes_portal)
    }

    fn possible<T>(
        &self,
        present: Option<&Arc<T>>,
        name: &[u8],
        change: impl Fn(&Expected) -> Option<&Undo<T>>,
    ) -> Vec<Arc<T>> {
        let ends = self
            .entries
            .iter()
            .rposition(|entry| entry.expected.ends_with_ready());
        let (before, since) = match ends {
            Some(end) => (end + 1, end + 1),
            None => (0, 0),
        };
        let changes = |entry: &&Entry| change(&entry.expected).is_some_and(|undo| undo.is_of(name));
        // What comes before the next Sync is run only if this change was.
        let settled = self.entries.iter().skip(since).any(|entry| changes(&entry));
        let before = if settled { 0 } else { before };
        let earlier = self.entries.iter().take(before);
        let earlier = earlier.filter_map(|entry| change(&entry.expected));
        let earlier = earlier.filter(|undo| undo.is_of(name));
        let earlier = earlier.filter_map(Undo::previous);
        present.into_iter().chain(earlier).cloned().collect()
    }

    /// The answer to the current request is complete.
    pub(crate) fn done(&mut self) -> Option<Entry> {
        self.entries.pop_front()
    }

    /// An error is the answer to the current request, which is returned. In the extended protocol the target
    /// now skips to the Sync; the request stays until then, so that names are restored in the right order.
    pub(crate) fn failed(&mut self) -> Option<&mut Entry> {
        self.copy_in = CopyIn::No;
        let entry = self.current()?;
        entry.failed = true;
        Some(entry)
    }

    /// ReadyForQuery: whatever stands before its Sync or query failed or was not executed and is returned,
    /// newest first and with its names restored, then the request itself.
    pub(crate) fn ready(&mut self, transaction: u8) -> Vec<Entry> {
        self.transaction = transaction;
        self.copy_in = CopyIn::No;
        // While it skips, the target passes over queries too: only a Sync is answered.
        let skipping = self
            .entries
            .front()
            .is_some_and(|front| front.failed && !front.expected.ends_with_ready());
        let end = self.entries.iter().position(|entry| match entry.expected {
            Expected::Sync => true,
            _ => !skipping && entry.expected.ends_with_ready(),
        });
        let Some(end) = end else { return Vec::new() };
        let mut settled: Vec<Entry> = self.entries.drain(..=end).collect();
        let request = settled.pop();
        let mut settled: Vec<Entry> = settled
            .into_iter()
            .rev()
            .map(|entry| self.taken_back(entry))
            .collect();
        settled.extend(request);
        if let Some(catalogue) = &self.changing {
            catalogue.changed();
        }
        if self.is_idle() {
            // Portals end with their transaction.
            self.portals = Names::default();
            self.kept_values_bytes = 0;
            self.touching = None;
            self.changing = None;
        }
        settled
    }

    /// Everything that is still under way, when the session ends.
    pub(crate) fn abandon(&mut self) -> Vec<Entry> {
        self.entries.drain(..).collect()
    }

    /// Undoes what a request that was not executed did to the names.
    fn taken_back(&mut self, mut entry: Entry) -> Entry {
        match &mut entry.expected {
            Expected::Parse { undo, .. } => {
                if let Some(undo) = undo.take() {
                    self.statements.undo(undo);
                }
            }
            Expected::Bind { undo } => {
                if let Some(undo) = undo.take() {
                    self.portals.undo(undo);
                }
            }
            Expected::Close { undo } => match undo.take() {
                Some(CloseUndo::Statement(undo)) => self.statements.undo(undo),
                Some(CloseUndo::Portal(undo)) => self.portals.undo(undo),
                None => {}
            },
            _ => {}
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use custos_model::{Effect, OperationNumber};

    use super::{Conversation, Expected};
    use crate::names::Statement;

    fn statement(text: &str) -> Arc<Statement> {
        Arc::new(Statement {
            text: text.to_owned(),
            is_utf8: true,
            effect: Effect::Unknown,
            types: Box::default(),
            columns: OnceLock::new(),
        })
    }

    fn parse(conversation: &mut Conversation, name: &[u8], text: &str) {
        let statement = statement(text);
        let undo = Some(conversation.statements.set(name, Arc::clone(&statement)));
        conversation.expect(Expected::Parse { statement, undo });
    }

    fn execute(conversation: &mut Conversation, number: u64) {
        let operation = OperationNumber(number);
        conversation.expect(Expected::Execute {
            operation,
            portal: None,
        });
    }

    #[test]
    fn an_error_skips_to_the_sync_and_takes_names_back() {
        let mut conversation = Conversation::new();
        parse(&mut conversation, b"s", "select 1");
        conversation.expect(Expected::Sync);
        conversation.done();
        assert_eq!(conversation.ready(b'I').len(), 1);

        execute(&mut conversation, 1);
        parse(&mut conversation, b"s", "select 2");
        parse(&mut conversation, b"s", "select 3");
        execute(&mut conversation, 2);
        conversation.expect(Expected::Sync);
        execute(&mut conversation, 3);

        let failed = conversation.failed().unwrap();
        assert_eq!(failed.expected.operation(), Some(OperationNumber(1)));
        assert!(conversation.current().is_none());
        let settled = conversation.ready(b'I');
        let skipped = settled.iter().filter(|entry| !entry.failed);
        let operations: Vec<_> = skipped
            .filter_map(|entry| entry.expected.operation())
            .collect();
        assert_eq!(operations, [OperationNumber(2)]);
        assert!(matches!(settled.last().unwrap().expected, Expected::Sync));
        assert_eq!(conversation.statements.get(b"s").unwrap().text, "select 1");
        assert_eq!(
            conversation.current().unwrap().expected.operation(),
            Some(OperationNumber(3))
        );
    }

    #[test]
    fn a_sync_ignored_while_copying_in_is_forgotten() {
        let mut conversation = Conversation::new();
        execute(&mut conversation, 1);
        conversation.expect(Expected::Sync);
        conversation.copies_in(OperationNumber(1), false);
        // data, CopyDone, CommandComplete
        conversation.done();
        conversation.expect(Expected::Sync);
        execute(&mut conversation, 2);
        conversation.expect(Expected::Sync);
        assert_eq!(conversation.ready(b'I').len(), 1);
        assert_eq!(
            conversation.current().unwrap().expected.operation(),
            Some(OperationNumber(2))
        );
    }

    #[test]
    fn a_sync_behind_data_that_nobody_asked_for_yet_is_not_ignored() {
        let mut conversation = Conversation::new();
        execute(&mut conversation, 1);
        conversation.expect(Expected::Sync);
        conversation.expect(Expected::CopyEnd);
        conversation.expect(Expected::Sync);
        execute(&mut conversation, 2);
        conversation.expect(Expected::Sync);
        conversation.copies_in(OperationNumber(1), false);
        // CommandComplete, then ReadyForQuery for the Sync behind the data.
        conversation.done();
        assert_eq!(conversation.ready(b'I').len(), 1);
        assert_eq!(
            conversation.current().unwrap().expected.operation(),
            Some(OperationNumber(2))
        );
    }

    #[test]
    fn an_error_at_a_sync_belongs_to_it() {
        let mut conversation = Conversation::new();
        execute(&mut conversation, 1);
        conversation.expect(Expected::Sync);
        execute(&mut conversation, 2);
        conversation.expect(Expected::Sync);
        conversation.done();
        // A deferred constraint fails.
        assert!(conversation.failed().is_none());
        assert_eq!(conversation.ready(b'I').len(), 1);
        assert_eq!(
            conversation.current().unwrap().expected.operation(),
            Some(OperationNumber(2))
        );
    }

    #[test]
    fn a_name_stands_for_all_that_it_may() {
        let mut conversation = Conversation::new();
        parse(&mut conversation, b"s", "select 1");
        conversation.expect(Expected::Sync);
        conversation.done();
        conversation.ready(b'I');
        let texts = |conversation: &Conversation| -> Vec<String> {
            let all = conversation.statements_named(b"s");
            all.iter().map(|statement| statement.text.clone()).collect()
        };
        assert_eq!(texts(&conversation), ["select 1"]);
        parse(&mut conversation, b"s", "select 2");
        assert_eq!(texts(&conversation), ["select 2"]);
        conversation.expect(Expected::Sync);
        assert_eq!(texts(&conversation), ["select 2", "select 1"]);
        conversation.done();
        assert_eq!(texts(&conversation), ["select 2"]);
    }

    #[test]
    fn a_query_is_skipped_like_everything_before_the_sync() {
        let mut conversation = Conversation::new();
        execute(&mut conversation, 1);
        conversation.expect(Expected::Query {
            operation: OperationNumber(2),
        });
        conversation.expect(Expected::Sync);
        assert!(conversation.failed().is_some());
        let settled = conversation.ready(b'I');
        assert_eq!(settled.len(), 3);
        assert!(matches!(settled.last().unwrap().expected, Expected::Sync));
        assert!(conversation.is_idle());
    }

    #[test]
    fn a_failed_simple_query_still_waits_for_ready() {
        let mut conversation = Conversation::new();
        conversation.expect(Expected::Query {
            operation: OperationNumber(1),
        });
        assert!(conversation.failed().is_some());
        assert_eq!(conversation.ready(b'E').len(), 1);
        assert!(!conversation.is_idle());
    }
}
