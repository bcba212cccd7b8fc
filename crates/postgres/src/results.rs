//! What the target's messages mean: rows for the transcript, outcomes for the log.

mod copy_out;
mod errors;

use std::sync::Arc;

use custos_model::{OperationNumber, Outcome};
use custos_session::transcript::{LargeRow, Lines};
use custos_session::{Open, Position, Session, SessionError, UpstreamError};

use crate::beginning::is_expected;
use crate::conversation::{Conversation, CopyIn, Entry, Expected};
use crate::judge::{ColumnMasks, Described};
use crate::masked::{self, CopyRows, Gathered};
use crate::names::{Columns, Portal, format_of, is_text};
use crate::wire::Format;
use crate::wire::backend::{BackendMessage, CommandComplete, DataRow, Event, RowDescription};

/// Rows larger than this are written to the transcript in pieces.
const INLINE_ROW_BYTES: usize = 64 * 1024;
/// COPY data of neighbouring messages is joined up to this.
const COPY_LINE_BYTES: usize = 64 * 1024;
/// A buffer for messages in place of others is kept up to this size.
const REPLACEMENT_BYTES_KEPT: usize = 64 * 1024;
/// Column names of one result are written up to this many bytes.
const COLUMN_NAMES_BYTES: usize = 256 * 1024;

/// Ends a session that would be out of step with the target.
const NOT_CANCELLED: SessionError = SessionError::Limit(
    "a statement returned more than policy allows, and was not cancelled in time",
);

/// Follows the responses of one session.
#[derive(Debug)]
pub(crate) struct Results<'s> {
    session: &'s Session<Open>,
    lines: Lines,
    position: Option<Position>,
    /// The response that rows belong to now.
    opened: Option<OpenedResult>,
    large_row: Option<LargeRow>,
    /// A row under a mask that comes in pieces.
    gathered: Option<Gathered>,
    /// COPY data under a mask.
    copy_rows: Option<CopyRows>,
    /// Statements of the simple query that is answered now which are complete.
    completed: usize,
    /// Column of the row that comes in pieces.
    column: usize,
    copied: Vec<u8>,
    copied_for: OperationNumber,
    copy_is_text: bool,
    /// Of the simple query that is answered now, or the portal that is executed.
    outcome: Outcome,
    rows_sent: u64,
    /// Of all statements of the operation.
    rows_given: u64,
    /// The operation gave more than it may: what else comes of it is dropped.
    exceeded: bool,
    /// What the client gets instead of the event taken last. One buffer for all, since a result may have millions.
    replacement: Vec<u8>,
}

/// Where rows go, and how to read them.
#[derive(Debug)]
struct OpenedResult {
    operation: OperationNumber,
    formats: Formats,
    /// `None`: nothing is masked.
    masks: Option<ColumnMasks>,
}

#[derive(Debug)]
enum Formats {
    Described(Box<[Format]>),
    Bound(Option<Arc<Portal>>),
}

impl Formats {
    fn is_text(&self, index: usize) -> bool {
        match self {
            Self::Described(formats) => is_text(formats, index),
            Self::Bound(Some(portal)) => portal.is_text(index),
            Self::Bound(None) => false,
        }
    }

    fn of(&self, index: usize) -> Format {
        match self {
            Self::Described(formats) => format_of(formats, index),
            Self::Bound(Some(portal)) => format_of(&portal.result_formats, index),
            Self::Bound(None) => Format::Binary,
        }
    }
}

/// What to do besides forwarding.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// These bytes do not go to the client. What stands for them is [`Results::replacement`], or comes later.
    pub(crate) held: bool,
    /// The target is to cancel what it does.
    pub(crate) cancel: bool,
    /// A request was answered whole.
    pub(crate) ready: bool,
}

impl Answer {
    const HELD: Self = Self {
        held: true,
        cancel: false,
        ready: false,
    };
}

impl<'s> Results<'s> {
    pub(crate) fn new(session: &'s Session<Open>) -> Self {
        Self {
            session,
            lines: Lines::default(),
            position: None,
            opened: None,
            large_row: None,
            gathered: None,
            copy_rows: None,
            completed: 0,
            column: 0,
            copied: Vec::new(),
            copied_for: OperationNumber(0),
            copy_is_text: true,
            outcome: Outcome::default(),
            rows_sent: 0,
            rows_given: 0,
            exceeded: false,
            replacement: Vec::new(),
        }
    }

    /// Hands the transcript lines over; the position that covers everything so far.
    pub(crate) fn record(&mut self) -> Result<Option<Position>, SessionError> {
        self.flush_copied();
        if let Some(position) = self.session.record(&mut self.lines)? {
            self.position = Some(position);
        }
        Ok(self.position)
    }

    /// What goes to the client in place of the bytes of the event taken last, if those were held.
    pub(crate) fn replacement(&self) -> &[u8] {
        &self.replacement
    }

    /// Takes one event of the response stream.
    pub(crate) fn event(
        &mut self,
        conversation: &mut Conversation,
        event: &Event<'_>,
    ) -> Result<Answer, SessionError> {
        self.replacement.clear();
        if self.replacement.capacity() > REPLACEMENT_BYTES_KEPT {
            self.replacement = Vec::new();
        }
        if self.exceeded && !matches!(event, Event::Message { .. } | Event::NeedMore) {
            return Ok(Answer::HELD);
        }
        let begins = matches!(
            event,
            Event::Row(_) | Event::RowStart { .. } | Event::CopyData { first: true, .. }
        );
        if begins && self.exceeds(conversation) {
            return Ok(Answer {
                cancel: true,
                ..Answer::HELD
            });
        }
        match event {
            Event::Row(row) => {
                self.open_rows(conversation, row.columns())?;
                if let Some(masks) = self.masks() {
                    return self.masked_row(&masks, row.bytes(), row.fields().iter(), false);
                }
                self.row(row);
                Ok(Answer::default())
            }
            Event::RowStart { columns } => {
                self.open_rows(conversation, usize::from(*columns))?;
                if self.masks().is_some() {
                    self.gathered = Some(Gathered::default());
                    return Ok(Answer::HELD);
                }
                self.large_row = Some(LargeRow::new());
                self.column = 0;
                Ok(Answer::default())
            }
            Event::Value { length } => match &mut self.gathered {
                Some(gathered) => {
                    gathered.value(*length);
                    Ok(Answer::HELD)
                }
                None => self.value(*length),
            },
            Event::ValuePart { part, last } => match &mut self.gathered {
                Some(gathered) => {
                    gathered.part(part)?;
                    Ok(Answer::HELD)
                }
                None => self.value_part(part, *last),
            },
            Event::RowEnd => {
                if let (Some(gathered), Some(masks)) = (self.gathered.take(), self.masks()) {
                    return self.masked_row(&masks, gathered.bytes(), gathered.values(), true);
                }
                if let Some(row) = self.large_row.take() {
                    row.end(&mut self.lines);
                }
                self.rows_sent += 1;
                Ok(Answer::default())
            }
            Event::CopyData { part, last, .. } => self.copy_data(conversation, part, *last),
            Event::Message { tag, body } => {
                self.flush_copied();
                self.message(conversation, *tag, body)
            }
            Event::NeedMore => Ok(Answer::default()),
        }
    }

    /// The target closed the connection: a query that it had answered with an error ends with it.
    pub(crate) fn lost(&mut self, conversation: &mut Conversation) -> Result<(), SessionError> {
        self.flush_copied();
        if let Some(row) = self.large_row.take() {
            row.end(&mut self.lines);
        }
        for entry in conversation.abandon() {
            if let (Some(operation), true) =
                (entry.expected.operation(), self.outcome.error.is_some())
            {
                self.settle(operation)?;
            }
        }
        self.record().map(drop)
    }

    fn masks(&self) -> Option<ColumnMasks> {
        self.opened.as_ref()?.masks.clone()
    }

    fn masked_row<'v>(
        &mut self,
        masks: &ColumnMasks,
        bytes: usize,
        values: impl ExactSizeIterator<Item = Option<&'v [u8]>>,
        is_held: bool,
    ) -> Result<Answer, SessionError> {
        self.rows_sent += 1;
        self.outcome.bytes += bytes as u64;
        let Some(opened) = &self.opened else {
            return Err(unexpected("a row"));
        };
        let format = |index| opened.formats.of(index);
        let row = masked::row(masks, values, format, is_held, &mut self.replacement)?;
        self.outcome.masked_values += row.changed;
        let fields = row.recorded.iter().enumerate();
        let fields = fields.map(|(index, value)| (value.as_deref(), opened.formats.is_text(index)));
        if bytes <= INLINE_ROW_BYTES {
            self.lines.row(fields);
        } else {
            large_row(&mut self.lines, fields);
        }
        Ok(if row.is_replaced {
            Answer::HELD
        } else {
            Answer::default()
        })
    }

    fn row(&mut self, row: &DataRow<'_>) {
        self.rows_sent += 1;
        let row_bytes = row.bytes();
        self.outcome.bytes += row_bytes as u64;
        let Some(opened) = &self.opened else {
            return;
        };
        let fields = row.fields();
        let fields = fields.iter().enumerate();
        let fields = fields.map(|(index, value)| (value, opened.formats.is_text(index)));
        if row_bytes <= INLINE_ROW_BYTES {
            self.lines.row(fields);
        } else {
            large_row(&mut self.lines, fields);
        }
    }

    fn value(&mut self, length: Option<u32>) -> Result<Answer, SessionError> {
        let text = self
            .opened
            .as_ref()
            .is_some_and(|opened| opened.formats.is_text(self.column));
        if let Some(row) = &mut self.large_row {
            match length {
                Some(length) => row.value(&mut self.lines, length as usize, text),
                None => row.null(&mut self.lines),
            }
        }
        self.column += 1;
        self.hand_over_when_long()
    }

    fn value_part(&mut self, part: &[u8], last: bool) -> Result<Answer, SessionError> {
        self.outcome.bytes += part.len() as u64;
        if let Some(row) = &mut self.large_row {
            row.part(&mut self.lines, part, last);
        }
        self.hand_over_when_long()
    }

    fn hand_over_when_long(&mut self) -> Result<Answer, SessionError> {
        if self.lines.bytes().len() > 4 * COPY_LINE_BYTES
            && let Some(position) = self.session.record(&mut self.lines)?
        {
            self.position = Some(position);
        }
        Ok(Answer::default())
    }

    /// Makes sure that the transcript says which operation the rows belong to.
    fn open_rows(
        &mut self,
        conversation: &mut Conversation,
        columns: usize,
    ) -> Result<(), SessionError> {
        let entry = conversation.current().ok_or_else(|| unexpected("a row"))?;
        let operation = entry
            .expected
            .operation()
            .ok_or_else(|| unexpected("a row"))?;
        if self
            .opened
            .as_ref()
            .is_some_and(|opened| opened.operation == operation)
        {
            return Ok(());
        }
        let Expected::Execute { portal, .. } = &entry.expected else {
            return Err(unexpected("a row without a description"));
        };
        let portal = portal.clone();
        let described = portal.as_ref().and_then(|portal| portal.column_names());
        let of_portal = portal.as_ref().is_some_and(|it| it.columns.get().is_some());
        let masks = match (&entry.plan, described) {
            (None, _) => None,
            (Some(plan), Some(columns)) => plan.executed(&columns.described, of_portal),
            (Some(plan), None) => plan.undescribed(0, columns),
        };
        self.outcome.masked_fields += masks.as_ref().map_or(0, masked_fields);
        let event = self.session.event(&mut self.lines, operation);
        match portal.as_ref().and_then(|portal| portal.column_names()) {
            Some(columns) => {
                event
                    .values(
                        "columns",
                        columns.names.iter().map(|name| (Some(&**name), true)),
                    )
                    .end();
            }
            None => event.mark("rows").end(),
        }
        self.opened = Some(OpenedResult {
            operation,
            formats: Formats::Bound(portal),
            masks,
        });
        Ok(())
    }

    fn message(
        &mut self,
        conversation: &mut Conversation,
        tag: u8,
        body: &[u8],
    ) -> Result<Answer, SessionError> {
        let message = BackendMessage::parse(tag, body).map_err(|error| broken(&error))?;
        match message {
            BackendMessage::ParseComplete
            | BackendMessage::BindComplete
            | BackendMessage::CloseComplete => {
                conversation
                    .current()
                    .ok_or_else(|| unexpected("an acknowledgement"))?;
                conversation.done();
            }
            BackendMessage::NoData => {
                conversation.current().ok_or_else(|| unexpected("NoData"))?;
                conversation.done();
            }
            // The client has its error, and would never send what the target waits for.
            BackendMessage::CopyInResponse(_) if self.exceeded => return Err(NOT_CANCELLED),
            BackendMessage::RowDescription(_)
            | BackendMessage::CopyOutResponse(_)
            | BackendMessage::CopyDone
                if self.exceeded =>
            {
                return Ok(Answer::HELD);
            }
            BackendMessage::RowDescription(description) => {
                self.description(conversation, &description)?;
            }
            BackendMessage::CommandComplete(command) => {
                return self.complete(conversation, &Completion::Tag(command));
            }
            BackendMessage::EmptyQueryResponse => {
                return self.complete(conversation, &Completion::Empty);
            }
            BackendMessage::PortalSuspended => {
                return self.complete(conversation, &Completion::Suspended);
            }
            BackendMessage::ErrorResponse(fields) => return self.error(conversation, &fields),
            BackendMessage::ReadyForQuery(status) => {
                self.ready(conversation, status.as_byte())?;
                return Ok(Answer {
                    ready: true,
                    ..Answer::default()
                });
            }
            BackendMessage::CopyInResponse(_) => {
                let entry = conversation
                    .current()
                    .ok_or_else(|| unexpected("CopyInResponse"))?;
                let operation = entry
                    .expected
                    .operation()
                    .ok_or_else(|| unexpected("CopyInResponse"))?;
                let hidden = entry
                    .plan
                    .as_ref()
                    .is_some_and(|plan| plan.analysis.hides_copy_in);
                conversation.copies_in(operation, hidden);
            }
            BackendMessage::CopyOutResponse(response) => self.copies_out(conversation, &response),
            BackendMessage::CopyDone => {
                if self.copy_rows.take().is_some_and(|rows| !rows.is_whole()) {
                    return Err(unexpected("end of COPY data"));
                }
            }
            BackendMessage::ParameterDescription(_) => {}
            BackendMessage::NoticeResponse(fields) => {
                let entry = conversation.current();
                let plan = entry.and_then(|entry| entry.plan.clone());
                let plan = plan.or_else(|| conversation.touching());
                return self.notice(plan.as_deref(), &fields);
            }
            BackendMessage::ParameterStatus(parameter) => {
                conversation.unreadable |= !is_expected(parameter.name, parameter.value);
                return self.parameter(&parameter);
            }
            BackendMessage::NotificationResponse(notification) => {
                return self.notification(&notification);
            }
            _ => return Err(unexpected(&format!("message 0x{tag:02x}"))),
        }
        Ok(Answer::default())
    }

    fn description(
        &mut self,
        conversation: &mut Conversation,
        description: &RowDescription<'_>,
    ) -> Result<(), SessionError> {
        let entry = conversation
            .current()
            .ok_or_else(|| unexpected("RowDescription"))?;
        let operation = entry.expected.operation().unwrap_or_default();
        let names = || {
            let mut left = COLUMN_NAMES_BYTES;
            description.fields().map(move |field| {
                let shown = if field.name.len() <= left {
                    field.name
                } else {
                    b""
                };
                left -= shown.len();
                shown
            })
        };
        match &entry.expected {
            Expected::Query { .. } => {
                let formats = description.fields().map(|field| field.format).collect();
                let masks = entry
                    .plan
                    .as_ref()
                    .and_then(|plan| plan.columns(self.completed, &described(description)));
                self.outcome.masked_fields += masks.as_ref().map_or(0, masked_fields);
                self.opened = Some(OpenedResult {
                    operation,
                    formats: Formats::Described(formats),
                    masks,
                });
                self.session
                    .event(&mut self.lines, operation)
                    .values("columns", names().map(|name| (Some(name), true)))
                    .end();
            }
            Expected::DescribeStatement { statement } => {
                if let Some(statement) = statement {
                    let _ = statement.columns.set(columns(names(), description));
                }
                conversation.done();
            }
            Expected::DescribePortal { portal } => {
                if let Some(portal) = portal {
                    let _ = portal.columns.set(columns(names(), description));
                }
                conversation.done();
            }
            _ => return Err(unexpected("RowDescription")),
        }
        Ok(())
    }

    fn complete(
        &mut self,
        conversation: &mut Conversation,
        completion: &Completion<'_>,
    ) -> Result<Answer, SessionError> {
        let entry = conversation
            .current()
            .ok_or_else(|| unexpected("CommandComplete"))?;
        let operation = entry
            .expected
            .operation()
            .ok_or_else(|| unexpected("CommandComplete"))?;
        let is_query = matches!(entry.expected, Expected::Query { .. });
        if self.exceeded {
            // The target was done before it heard of the cancel.
            let Some(refusal) = entry.refusal.take() else {
                return Ok(Answer::HELD);
            };
            if !is_query && !conversation.syncs_next() {
                // What follows in the pipeline is not skipped, as it would have to be after an error.
                return Err(NOT_CANCELLED);
            }
            let answer = self.refused(operation, &refusal);
            if !is_query {
                conversation.failed();
                self.settle(operation)?;
            }
            return Ok(answer);
        }
        conversation.copy_in = CopyIn::No;
        let event = self.session.event(&mut self.lines, operation);
        match completion {
            Completion::Tag(command) => {
                event.text("complete", command.tag).end();
                if let Some(rows) = command.rows() {
                    self.outcome.rows = Some(self.outcome.rows.unwrap_or(0) + rows);
                }
            }
            Completion::Empty => event.mark("empty").end(),
            Completion::Suspended => {
                event.mark("suspended").end();
                self.outcome.rows = Some(self.rows_sent);
            }
        }
        self.rows_sent = 0;
        if is_query {
            self.completed += 1;
            return Ok(Answer::default());
        }
        conversation.done();
        self.settle(operation)?;
        Ok(Answer {
            ready: true,
            ..Answer::default()
        })
    }

    /// The outcome of an operation is whole.
    fn settle(&mut self, operation: OperationNumber) -> Result<(), SessionError> {
        self.opened = None;
        self.copy_rows = None;
        self.completed = 0;
        self.rows_sent = 0;
        self.rows_given = 0;
        self.exceeded = false;
        let outcome = std::mem::take(&mut self.outcome);
        self.position = Some(self.session.finish(operation, &outcome)?);
        Ok(())
    }

    fn ready(&mut self, conversation: &mut Conversation, status: u8) -> Result<(), SessionError> {
        let mut settled = conversation.ready(status);
        let request = settled.pop();
        for Entry {
            expected, failed, ..
        } in &settled
        {
            if let (Some(operation), false) = (expected.operation(), *failed) {
                self.session
                    .event(&mut self.lines, operation)
                    .mark("skipped")
                    .end();
                let outcome = Outcome {
                    skipped: true,
                    ..Outcome::default()
                };
                self.position = Some(self.session.finish(operation, &outcome)?);
            }
        }
        if let Some(Entry {
            expected: Expected::Query { operation },
            ..
        }) = request
        {
            self.settle(operation)?;
        }
        Ok(())
    }
}

enum Completion<'m> {
    Tag(CommandComplete<'m>),
    Empty,
    Suspended,
}

fn columns<'m>(names: impl Iterator<Item = &'m [u8]>, description: &RowDescription<'_>) -> Columns {
    Columns {
        names: names.map(Box::from).collect(),
        described: described(description).into(),
    }
}

/// How many columns the client gets masked for their labels.
fn masked_fields(masks: &ColumnMasks) -> u64 {
    let masked = masks.iter();
    let masked = masked.filter(|mask| mask.is_by_origin() && mask.changes_what_is_shown());
    masked.count() as u64
}

fn described(description: &RowDescription<'_>) -> Vec<Described> {
    let fields = description.fields().map(|field| Described {
        table: field.table_oid,
        column: field.column_number,
        kind: field.type_oid,
    });
    fields.collect()
}

fn large_row<'v>(lines: &mut Lines, fields: impl Iterator<Item = (Option<&'v [u8]>, bool)>) {
    let mut row = LargeRow::new();
    for (value, is_text) in fields {
        match value {
            Some(value) => {
                row.value(lines, value.len(), is_text);
                if !value.is_empty() {
                    row.part(lines, value, true);
                }
            }
            None => row.null(lines),
        }
    }
    row.end(lines);
}

fn broken(error: &crate::wire::WireError) -> SessionError {
    SessionError::Upstream(UpstreamError::Protocol(error.to_string()))
}

fn unexpected(what: &str) -> SessionError {
    SessionError::Upstream(UpstreamError::Protocol(format!("unexpected {what}")))
}
