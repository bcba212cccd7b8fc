//! What the target's messages mean: rows for the transcript, outcomes for the log.

use std::sync::Arc;

use custos_model::{OperationNumber, Outcome};
use custos_session::transcript::{LargeRow, Lines};
use custos_session::{Open, Position, Session, SessionError, UpstreamError};

use crate::conversation::{Conversation, CopyIn, Entry, Expected};
use crate::names::{Columns, Portal, is_text};
use crate::wire::Format;
use crate::wire::backend::{
    BackendMessage, CommandComplete, DataRow, ErrorFields, ErrorReport, Event, RowDescription,
    Severity,
};

/// Rows larger than this are written to the transcript in pieces.
const INLINE_ROW_BYTES: usize = 64 * 1024;
/// COPY data of neighbouring messages is joined up to this.
const COPY_LINE_BYTES: usize = 64 * 1024;
/// Column names of one result are written up to this many bytes.
const COLUMN_NAMES_BYTES: usize = 256 * 1024;

/// Follows the responses of one session.
#[derive(Debug)]
pub(crate) struct Results<'s> {
    session: &'s Session<Open>,
    lines: Lines,
    position: Option<Position>,
    /// The response that rows belong to now.
    opened: Option<OpenedResult>,
    large_row: Option<LargeRow>,
    /// Column of the row that comes in pieces.
    column: usize,
    copied: Vec<u8>,
    copied_for: OperationNumber,
    copy_is_text: bool,
    /// Of the simple query that is answered now, or the portal that is executed.
    outcome: Outcome,
    rows_sent: u64,
}

/// Where rows go, and how to read them.
#[derive(Debug)]
struct OpenedResult {
    operation: OperationNumber,
    formats: Formats,
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
}

/// What to do besides forwarding.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Goes to the client instead of the message.
    pub(crate) replacement: Option<Vec<u8>>,
    /// A request was answered whole.
    pub(crate) ready: bool,
}

impl<'s> Results<'s> {
    pub(crate) fn new(session: &'s Session<Open>) -> Self {
        Self {
            session,
            lines: Lines::default(),
            position: None,
            opened: None,
            large_row: None,
            column: 0,
            copied: Vec::new(),
            copied_for: OperationNumber(0),
            copy_is_text: true,
            outcome: Outcome::default(),
            rows_sent: 0,
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

    /// Takes one event of the response stream.
    pub(crate) fn event(
        &mut self,
        conversation: &mut Conversation,
        event: &Event<'_>,
    ) -> Result<Answer, SessionError> {
        match event {
            Event::Row(row) => {
                self.row(conversation, row)?;
                Ok(Answer::default())
            }
            Event::RowStart { .. } => {
                self.open_rows(conversation)?;
                self.large_row = Some(LargeRow::new());
                self.column = 0;
                Ok(Answer::default())
            }
            Event::Value { length } => self.value(*length),
            Event::ValuePart { part, last } => self.value_part(part, *last),
            Event::RowEnd => {
                if let Some(row) = self.large_row.take() {
                    row.end(&mut self.lines);
                }
                self.rows_sent += 1;
                Ok(Answer::default())
            }
            Event::CopyData { part, .. } => {
                self.copy_out(conversation, part);
                Ok(Answer::default())
            }
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

    fn row(
        &mut self,
        conversation: &mut Conversation,
        row: &DataRow<'_>,
    ) -> Result<(), SessionError> {
        self.open_rows(conversation)?;
        self.rows_sent += 1;
        let row_bytes = row.bytes();
        self.outcome.bytes += row_bytes as u64;
        let Some(opened) = &self.opened else {
            return Ok(());
        };
        let fields = row.fields();
        if row_bytes <= INLINE_ROW_BYTES {
            let formats = &opened.formats;
            self.lines.row(
                fields
                    .iter()
                    .enumerate()
                    .map(|(index, value)| (value, formats.is_text(index))),
            );
            return Ok(());
        }
        let mut row = LargeRow::new();
        for (index, value) in fields.iter().enumerate() {
            match value {
                Some(value) => {
                    row.value(&mut self.lines, value.len(), opened.formats.is_text(index));
                    if !value.is_empty() {
                        row.part(&mut self.lines, value, true);
                    }
                }
                None => row.null(&mut self.lines),
            }
        }
        row.end(&mut self.lines);
        Ok(())
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
    fn open_rows(&mut self, conversation: &mut Conversation) -> Result<(), SessionError> {
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
        });
        Ok(())
    }

    fn copy_out(&mut self, conversation: &mut Conversation, part: &[u8]) {
        self.outcome.bytes += part.len() as u64;
        let operation = conversation
            .current()
            .and_then(|entry| entry.expected.operation())
            .unwrap_or_default();
        if self.copied.len() + part.len() > COPY_LINE_BYTES || self.copied_for != operation {
            self.flush_copied();
        }
        self.copied_for = operation;
        if part.len() > COPY_LINE_BYTES {
            self.copy_line(part);
        } else {
            self.copied.extend_from_slice(part);
        }
    }

    fn flush_copied(&mut self) {
        if !self.copied.is_empty() {
            let copied = std::mem::take(&mut self.copied);
            self.copy_line(&copied);
        }
    }

    fn copy_line(&mut self, data: &[u8]) {
        self.session
            .event(&mut self.lines, self.copied_for)
            .value("copy_out", Some(data), self.copy_is_text)
            .end();
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
                conversation.copy_in = CopyIn::Sending(operation);
            }
            BackendMessage::CopyOutResponse(response) => {
                self.copy_is_text = response.format == Format::Text;
            }
            BackendMessage::ParameterDescription(_) | BackendMessage::CopyDone => {}
            BackendMessage::NoticeResponse(fields) => {
                self.error_line("notice", OperationNumber(0), &fields);
            }
            BackendMessage::ParameterStatus(parameter) => self
                .session
                .event(&mut self.lines, OperationNumber(0))
                .object(
                    "parameter",
                    [("name", parameter.name), ("value", parameter.value)].into_iter(),
                )
                .end(),
            BackendMessage::NotificationResponse(notification) => self
                .session
                .event(&mut self.lines, OperationNumber(0))
                .object(
                    "notification",
                    [
                        ("channel", notification.channel),
                        ("payload", notification.payload),
                    ]
                    .into_iter(),
                )
                .end(),
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
                self.opened = Some(OpenedResult {
                    operation,
                    formats: Formats::Described(formats),
                });
                self.session
                    .event(&mut self.lines, operation)
                    .values("columns", names().map(|name| (Some(name), true)))
                    .end();
            }
            Expected::DescribeStatement { statement } => {
                if let Some(statement) = statement {
                    let _ = statement.columns.set(columns(names()));
                }
                conversation.done();
            }
            Expected::DescribePortal { portal } => {
                if let Some(portal) = portal {
                    let _ = portal.columns.set(columns(names()));
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
        self.rows_sent = 0;
        let outcome = std::mem::take(&mut self.outcome);
        self.position = Some(self.session.finish(operation, &outcome)?);
        Ok(())
    }

    fn error(
        &mut self,
        conversation: &mut Conversation,
        fields: &ErrorFields<'_>,
    ) -> Result<Answer, SessionError> {
        if let Some(row) = self.large_row.take() {
            row.end(&mut self.lines);
        }
        let code = String::from_utf8_lossy(fields.sqlstate().unwrap_or_default()).into_owned();
        let message = String::from_utf8_lossy(fields.message().unwrap_or_default()).into_owned();
        conversation.target_said_goodbye |= matches!(fields.severity(), Some(b"FATAL" | b"PANIC"));
        let Some(entry) = conversation.failed() else {
            // Said by the target of its own accord, before it closes the connection.
            self.error_line("error", OperationNumber(0), fields);
            let outcome = Outcome {
                error: Some((code, message)),
                ..Outcome::default()
            };
            self.position = Some(self.session.failed("session", None, &outcome)?);
            return Ok(Answer::default());
        };
        if let Some(refusal) = &entry.refusal {
            let mut replacement = Vec::new();
            ErrorReport {
                severity: Severity::Error,
                sqlstate: refusal.sqlstate,
                message: &refusal.message,
                detail: None,
                hint: None,
            }
            .encode_error(&mut replacement);
            self.session
                .event(&mut self.lines, OperationNumber(0))
                .mark("refused")
                .object(
                    "error",
                    [
                        ("sqlstate", refusal.sqlstate.as_bytes()),
                        ("message", refusal.message.as_bytes()),
                    ]
                    .into_iter(),
                )
                .end();
            return Ok(Answer {
                replacement: Some(replacement),
                ready: false,
            });
        }
        let operation = entry.expected.operation();
        self.error_line("error", operation.unwrap_or_default(), fields);
        self.outcome.error = Some((code, message));
        match (&entry.expected, operation) {
            // A simple query is settled by its ReadyForQuery.
            (Expected::Query { .. }, _) => {}
            (_, Some(operation)) => self.settle(operation)?,
            (expected, None) => {
                let text = match expected {
                    Expected::Parse { statement, .. } => Some(statement.text.as_str()),
                    _ => None,
                };
                let outcome = std::mem::take(&mut self.outcome);
                self.position = Some(self.session.failed(expected.verb(), text, &outcome)?);
            }
        }
        Ok(Answer::default())
    }

    fn error_line(
        &mut self,
        key: &'static str,
        operation: OperationNumber,
        fields: &ErrorFields<'_>,
    ) {
        self.session
            .event(&mut self.lines, operation)
            .object(
                key,
                fields
                    .iter()
                    .filter_map(|(code, text)| Some((field_name(code)?, text))),
            )
            .end();
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

fn columns<'m>(names: impl Iterator<Item = &'m [u8]>) -> Columns {
    Columns {
        names: names.map(Box::from).collect(),
    }
}

/// Names of the fields of an error (protocol documentation, "Error and Notice Message Fields"). The
/// position in the server's source is left out.
fn field_name(code: u8) -> Option<&'static str> {
    Some(match code {
        b'V' => "severity",
        b'C' => "sqlstate",
        b'M' => "message",
        b'D' => "detail",
        b'H' => "hint",
        b'P' => "position",
        b'p' => "internal_position",
        b'q' => "internal_query",
        b'W' => "where",
        b's' => "schema",
        b't' => "table",
        b'c' => "column",
        b'd' => "data_type",
        b'n' => "constraint",
        _ => return None,
    })
}

fn broken(error: &crate::wire::WireError) -> SessionError {
    SessionError::Upstream(UpstreamError::Protocol(error.to_string()))
}

fn unexpected(what: &str) -> SessionError {
    SessionError::Upstream(UpstreamError::Protocol(format!("unexpected {what}")))
}
