//! From the client to the target: every whole message is recorded, then forwarded.

mod bind;
mod copy_in;
mod held;
mod judged;

use std::sync::{Arc, OnceLock};

use bytes::{Buf as _, BytesMut};
use custos_model::{Decision, Effect, Operation, OperationNumber, Verdict};
use custos_session::transcript::Lines;
use custos_session::{Open, Position, Session, SessionError, UpstreamError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::client::protocol_error;
use crate::conversation::{CloseUndo, Conversation, CopyIn, Expected};
use crate::effect::effect;
use crate::judge::{Judge, recorded_statement};
use crate::masked::MASKED;
use crate::names::Statement;
use crate::proxy::Shared;
use crate::refusal::{Refusal, failing_message, failing_query};
use crate::wire::frontend::{
    CopyFail, Execute, Frame, FrontendMessage, Parse, Query, Target, TargetKind, encode_terminate,
    frame,
};

use copy_in::{Copying, check_copy};
use held::{HeldMessage, Waiting};
use judged::{Doing, Judged, denied};

/// What one read takes at first, and at most.
const READ_BYTES: usize = 8 * 1024;
const READ_BYTES_AT_MOST: usize = 256 * 1024;
/// Requests larger than this take a share of the memory for large requests.
const LARGE_REQUEST_BYTES: usize = 1 << 20;
/// COPY data of neighbouring messages is joined up to this.
const COPY_LINE_BYTES: usize = 64 * 1024;
/// Transcript lines of one batch are handed over when they reach this.
const BATCH_LINES_BYTES: usize = 512 * 1024;

/// The rule by which the gateway refuses what it cannot do.
const NOT_SUPPORTED: &str = "not-supported";
/// The rule by which the gateway refuses to ask people about what it cannot tell them to the byte.
const NOT_PINNED: &str = "hold:not-known";
/// Analysed in place of a text that is not known.
const NOT_UTF8: &[u8] = b"\xff";

/// How the client left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// With a Terminate message.
    Terminated,
    /// Without.
    Vanished,
}

/// The direction from the client to the target.
pub(crate) struct Requests<'s> {
    session: &'s Session<Open>,
    shared: &'s Shared,
    lines: Lines,
    copied: Vec<u8>,
    copied_for: OperationNumber,
    /// How COPY data is recorded, from its first piece to its end.
    copying: Option<Copying>,
    limit_bytes: usize,
    judge: Judge,
    random: &'s (dyn Fn(&mut [u8]) + Send + Sync),
}

/// What became of a batch of messages.
#[derive(Debug)]
struct Batch {
    /// Bytes of the buffer that were used.
    consumed: usize,
    /// What goes to the target instead of these bytes, where something was refused.
    output: Option<Vec<u8>>,
    /// Where in the buffer the part begins that is not in `output` yet.
    copied: usize,
    /// Where the last record of the batch stands.
    position: Option<Position>,
    /// Something of it can change something.
    may_change: bool,
    terminated: bool,
    /// Requests under way are at their limit.
    full: bool,
    /// There are whole messages left, for another batch.
    more: bool,
    /// Bytes that the message at the front needs in all, where it is known and not all there.
    wanted: Option<usize>,
    /// The message behind the batch waits for people.
    held: Option<Box<Waiting>>,
}

impl Batch {
    fn empty() -> Self {
        Self {
            consumed: 0,
            output: None,
            copied: 0,
            position: None,
            may_change: false,
            terminated: false,
            full: false,
            more: false,
            wanted: None,
            held: None,
        }
    }
}

impl<'s> Requests<'s> {
    pub(crate) fn new(
        session: &'s Session<Open>,
        shared: &'s Shared,
        judge: Judge,
        random: &'s (dyn Fn(&mut [u8]) + Send + Sync),
    ) -> Self {
        let limit_bytes = session.request_limit_bytes();
        Self {
            session,
            shared,
            lines: Lines::default(),
            copied: Vec::new(),
            copied_for: OperationNumber(0),
            copying: None,
            limit_bytes,
            judge,
            random,
        }
    }

    /// Runs until the client leaves.
    pub(crate) async fn run(
        mut self,
        mut client: impl AsyncRead + Unpin,
        mut target: impl AsyncWrite + Unpin,
        mut buffer: BytesMut,
    ) -> Result<Left, SessionError> {
        let mut read_bytes = READ_BYTES;
        // Held while a large request is read, and until it is forwarded.
        let mut memory = None;
        loop {
            self.refresh(&buffer).await;
            let mut batch = self.batch(&buffer)?;
            if batch.consumed > 0 {
                self.forward(&batch, &buffer, &mut target).await?;
                buffer.advance(batch.consumed);
            }
            if let Some(waiting) = batch.held.take() {
                // Boxed: few sessions ever wait.
                let wait = Box::pin(self.wait(*waiting, &mut client, &mut buffer));
                let Some(batch) = wait.await? else {
                    return self.vanished(&buffer, &mut target).await;
                };
                self.forward(&batch, &buffer, &mut target).await?;
                buffer.advance(batch.consumed);
                continue;
            }
            if batch.terminated {
                return Ok(Left::Terminated);
            }
            if batch.full {
                self.wait_for_room().await;
                continue;
            }
            if batch.more {
                continue;
            }
            if buffer.is_empty() && buffer.capacity() > READ_BYTES_AT_MOST {
                buffer = BytesMut::new();
            }
            let missing = match batch.wanted {
                Some(wanted) if wanted > LARGE_REQUEST_BYTES => {
                    if memory.is_none() {
                        memory = Some(self.session.request_memory(wanted).await?);
                    }
                    wanted - buffer.len()
                }
                _ => {
                    memory = None;
                    0
                }
            };
            buffer.reserve(missing.max(read_bytes));
            let read = match client.read_buf(&mut buffer).await {
                Ok(read) if read > 0 => read,
                // A reset is a client that has gone, like an end.
                Ok(_) | Err(_) => return self.vanished(&buffer, &mut target).await,
            };
            read_bytes = if read >= read_bytes {
                (read_bytes * 2).min(READ_BYTES_AT_MOST)
            } else {
                READ_BYTES
            };
            self.session.room().await;
        }
    }

    /// Where statements are judged, they are by what the target's catalogue says now.
    async fn refresh(&mut self, buffer: &[u8]) {
        if buffer.is_empty() || !self.session.rules().are_judged() {
            return;
        }
        let is_idle = {
            let conversation = self.shared.conversation();
            if conversation.unreadable {
                self.judge.unreadable();
            }
            conversation.is_idle()
        };
        self.judge.refresh(self.session, self.random, is_idle).await;
    }

    /// The client is gone without a goodbye; the target hears one, so that it ends too.
    async fn vanished(
        &mut self,
        rest: &[u8],
        target: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Left, SessionError> {
        self.end_copied();
        if !rest.is_empty() {
            self.session
                .event(&mut self.lines, OperationNumber(0))
                .word("request", "truncated")
                .number("bytes", rest.len() as u64)
                .end();
        }
        self.session.record(&mut self.lines)?;
        let mut goodbye = Vec::new();
        encode_terminate(&mut goodbye);
        // It may be gone as well.
        if target.write_all(&goodbye).await.is_ok() {
            let _ = target.flush().await;
        }
        Ok(Left::Vanished)
    }

    /// Waits until the target has answered some of what is under way.
    async fn wait_for_room(&self) {
        loop {
            let progress = self.shared.progress.notified();
            if !self.shared.conversation().is_full() {
                return;
            }
            progress.await;
        }
    }

    async fn forward(
        &self,
        batch: &Batch,
        buffer: &[u8],
        target: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), SessionError> {
        if let Some(position) = batch.position {
            self.session.may_forward(position, batch.may_change).await?;
        }
        let failed = |source| SessionError::Upstream(UpstreamError::Io(source));
        if let Some(output) = &batch.output {
            target.write_all(output).await.map_err(failed)?;
        }
        let rest = buffer.get(batch.copied..batch.consumed).unwrap_or_default();
        target.write_all(rest).await.map_err(failed)?;
        target.flush().await.map_err(failed)
    }

    /// Records every whole message at the front of the buffer.
    fn batch(&mut self, buffer: &[u8]) -> Result<Batch, SessionError> {
        let mut batch = Batch::empty();
        let shared = self.shared;
        let mut conversation = shared.conversation();
        while !batch.terminated {
            if self.lines.bytes().len() >= BATCH_LINES_BYTES {
                batch.more = true;
                break;
            }
            let rest = buffer.get(batch.consumed..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let (tag, body, total_bytes) =
                match frame(rest, self.limit_bytes).map_err(|error| protocol_error(&error))? {
                    Frame::Complete {
                        tag,
                        body,
                        total_bytes,
                    } => (tag, body, total_bytes),
                    Frame::Partial {
                        need_total_bytes, ..
                    } => {
                        batch.wanted = need_total_bytes;
                        break;
                    }
                };
            if conversation.is_full() {
                batch.full = true;
                break;
            }
            let message =
                FrontendMessage::parse(tag, body).map_err(|error| protocol_error(&error))?;
            let substitute = self.message(&mut batch, &mut conversation, &message)?;
            if batch.held.is_some() {
                break;
            }
            let end = batch.consumed + total_bytes;
            if let Some(substitute) = substitute {
                let before = buffer.get(batch.copied..batch.consumed).unwrap_or_default();
                let output = batch.output.get_or_insert_default();
                output.extend_from_slice(before);
                output.extend_from_slice(&substitute);
                batch.copied = end;
            }
            batch.consumed = end;
        }
        self.flush_copied();
        drop(conversation);
        if let Some(position) = self.session.record(&mut self.lines)? {
            batch.position = Some(position);
        }
        Ok(batch)
    }

    /// Records one message; returns what is to be sent instead of it, if it is refused.
    fn message(
        &mut self,
        batch: &mut Batch,
        conversation: &mut Conversation,
        message: &FrontendMessage<'_>,
    ) -> Result<Option<Vec<u8>>, SessionError> {
        check_copy(conversation, message)?;
        match message {
            FrontendMessage::CopyData(_) => {}
            FrontendMessage::Flush | FrontendMessage::Sync => self.flush_copied(),
            _ => self.end_copied(),
        }
        match message {
            FrontendMessage::Query(Query { text }) => {
                return self.query(batch, conversation, text);
            }
            FrontendMessage::Parse(parse) => return self.parse(conversation, parse),
            FrontendMessage::Bind(bind) => self.bind(conversation, bind)?,
            FrontendMessage::Describe(target) => self.describe(conversation, *target),
            FrontendMessage::Execute(Execute { portal, max_rows }) => {
                return self.execute(batch, conversation, portal, *max_rows);
            }
            FrontendMessage::Close(target) => self.close(conversation, *target),
            FrontendMessage::Flush => self.plain("flush"),
            FrontendMessage::Sync => {
                self.plain("sync");
                if conversation.copy_in == CopyIn::No {
                    conversation.expect(Expected::Sync);
                }
            }
            FrontendMessage::CopyData(data) => {
                batch.may_change = true;
                self.copy_in(conversation, data)?;
            }
            FrontendMessage::CopyDone => {
                batch.may_change = true;
                self.copy_end(conversation, "copy_done", None)?;
            }
            FrontendMessage::CopyFail(CopyFail { reason }) => {
                self.copy_end(conversation, "copy_fail", Some(reason))?;
            }
            FrontendMessage::FunctionCall(_) => {
                return self.function_call(conversation).map(Some);
            }
            FrontendMessage::Terminate => {
                self.plain("terminate");
                batch.terminated = true;
            }
            FrontendMessage::Password(_) => {
                return Err(SessionError::ClientProtocol {
                    what: "unexpected password message".to_owned(),
                    code: "08P01",
                });
            }
        }
        Ok(None)
    }

    fn plain(&mut self, request: &'static str) {
        self.session
            .event(&mut self.lines, OperationNumber(0))
            .word("request", request)
            .end();
    }

    fn query(
        &mut self,
        batch: &mut Batch,
        conversation: &mut Conversation,
        text: &[u8],
    ) -> Result<Option<Vec<u8>>, SessionError> {
        let judged = self.analyse(text);
        let masks = self.recorded(judged.as_ref())?;
        let lossy = String::from_utf8_lossy(text);
        let analysis = judged.as_ref().map(|(analysis, _)| Arc::clone(analysis));
        let shown = recorded_statement(analysis.as_deref(), &masks, &lossy);
        let doing = Doing::of(analysis.as_deref(), &masks, || effect(text));
        let operation = Operation {
            verb: "query",
            effect: doing.effect,
            may_change: doing.may_change,
            objects: &doing.objects,
            text: &shown,
            parameters: 0,
        };
        let message = HeldMessage::Query;
        let exact = || held::exact_query(text);
        let (operation, judged) =
            self.begin(batch, conversation, &operation, judged, message, exact)?;
        self.session
            .event(&mut self.lines, operation)
            .word("request", "query")
            .text("text", as_written(&shown, &lossy, text))
            .end();
        match judged {
            Judged::Passes(plan) => {
                conversation.expect_under(Expected::Query { operation }, plan);
                Ok(None)
            }
            Judged::Refused(refusal) => {
                self.refused(operation, &refusal)?;
                conversation.expect_refusal(Expected::RefusedQuery, refusal);
                failing_query()
                    .map(Some)
                    .map_err(|error| protocol_error(&error))
            }
            Judged::Held(waiting) => {
                batch.held = Some(waiting);
                Ok(None)
            }
        }
    }

    fn parse(
        &mut self,
        conversation: &mut Conversation,
        parse: &Parse<'_>,
    ) -> Result<Option<Vec<u8>>, SessionError> {
        if conversation.statements.would_overflow(parse.text.len()) {
            return Err(SessionError::Limit(
                "too many prepared statements in one session",
            ));
        }
        let analysed = self.analyse(parse.text);
        let masks = self.recorded(analysed.as_ref())?;
        let text = String::from_utf8_lossy(parse.text).into_owned();
        let analysis = analysed.as_ref().map(|(analysis, _)| Arc::clone(analysis));
        let shown = recorded_statement(analysis.as_deref(), &masks, &text);
        self.session
            .event(&mut self.lines, OperationNumber(0))
            .word("request", "parse")
            .text("name", parse.name)
            .text("text", as_written(&shown, &text, parse.text))
            .numbers("types", parse.types.iter().map(u64::from))
            .end();
        let judged = match analysed {
            None => Judged::Passes(None),
            Some((analysis, rules)) => {
                let ruled = self.session.decide(&analysis.question, &rules)?;
                let plan = self.plan(&analysis, rules, &ruled)?;
                let judged = self.judged(&analysis, &ruled, plan, None);
                if let Judged::Refused(refusal) = &judged {
                    let verdict = match ruled.verdict.decision {
                        Decision::Deny => ruled.verdict,
                        Decision::Allow | Decision::Hold => Verdict::denied(NOT_SUPPORTED),
                    };
                    self.session
                        .failed("parse", Some(&shown), &denied(refusal), Some(&verdict))?;
                } else {
                    self.judge.prepared(parse.name, &text);
                }
                judged
            }
        };
        let statement = Arc::new(Statement {
            text,
            is_utf8: std::str::from_utf8(parse.text).is_ok(),
            effect: effect(parse.text),
            types: parse.types.iter().collect(),
            columns: OnceLock::new(),
        });
        let undo = Some(
            conversation
                .statements
                .set(parse.name, Arc::clone(&statement)),
        );
        let expected = Expected::Parse { statement, undo };
        match judged {
            Judged::Refused(refusal) => {
                conversation.expect_refusal(expected, refusal);
                failing_message()
                    .map(Some)
                    .map_err(|error| protocol_error(&error))
            }
            // What is to be approved is so when it is executed.
            Judged::Passes(plan) => {
                conversation.expect_under(expected, plan);
                Ok(None)
            }
            Judged::Held(_) => Err(SessionError::Internal(
                "a statement was held before it runs",
            )),
        }
    }

    fn describe(&mut self, conversation: &mut Conversation, target: Target<'_>) {
        self.named("describe", target);
        let expected = match target.kind {
            TargetKind::Statement => Expected::DescribeStatement {
                statement: conversation.statements.get(target.name).cloned(),
            },
            TargetKind::Portal => Expected::DescribePortal {
                portal: conversation.portals.get(target.name).cloned(),
            },
        };
        conversation.expect(expected);
    }

    fn close(&mut self, conversation: &mut Conversation, target: Target<'_>) {
        self.named("close", target);
        let undo = Some(match target.kind {
            TargetKind::Statement => {
                CloseUndo::Statement(conversation.statements.remove(target.name))
            }
            TargetKind::Portal => CloseUndo::Portal(conversation.portals.remove(target.name)),
        });
        conversation.expect(Expected::Close { undo });
    }

    fn named(&mut self, request: &'static str, target: Target<'_>) {
        let key = match target.kind {
            TargetKind::Statement => "name",
            TargetKind::Portal => "portal",
        };
        self.session
            .event(&mut self.lines, OperationNumber(0))
            .word("request", request)
            .text(key, target.name)
            .end();
    }

    fn execute(
        &mut self,
        batch: &mut Batch,
        conversation: &mut Conversation,
        name: &[u8],
        max_rows: i32,
    ) -> Result<Option<Vec<u8>>, SessionError> {
        let portal = conversation.portals.get(name).cloned();
        let unnamed;
        let (text, effect, parameters) = if let Some(portal) = &portal {
            let statement = &portal.statement;
            (statement.text.as_str(), statement.effect, portal.parameters)
        } else {
            unnamed = format!(
                "[portal \"{}\", opened in SQL]",
                String::from_utf8_lossy(name)
            );
            (unnamed.as_str(), Effect::Unknown, 0)
        };
        let analysed = self.analyse_opened(conversation, name);
        let masks = self.recorded(analysed.as_ref())?;
        let analysis = analysed.as_ref().map(|(analysis, _)| Arc::clone(analysis));
        let doing = Doing::of(analysis.as_deref(), &masks, || effect);
        let operation = Operation {
            verb: "execute",
            effect: doing.effect,
            may_change: doing.may_change,
            objects: &doing.objects,
            text: &recorded_statement(analysis.as_deref(), &masks, text),
            parameters,
        };
        let message = HeldMessage::Execute {
            name: name.into(),
            portal: portal.clone(),
            is_whole: max_rows == 0,
        };
        let exact = || held::exact_portal(portal.as_deref());
        let (operation, judged) =
            self.begin(batch, conversation, &operation, analysed, message, exact)?;
        self.session
            .event(&mut self.lines, operation)
            .word("request", "execute")
            .text("portal", name)
            .number("max_rows", u64::try_from(max_rows).unwrap_or(0))
            .end();
        match judged {
            Judged::Passes(plan) => {
                conversation.expect_under(Expected::Execute { operation, portal }, plan);
                Ok(None)
            }
            Judged::Refused(refusal) => {
                self.refused(operation, &refusal)?;
                conversation.expect_refusal(Expected::Refused, refusal);
                failing_message()
                    .map(Some)
                    .map_err(|error| protocol_error(&error))
            }
            Judged::Held(waiting) => {
                batch.held = Some(waiting);
                Ok(None)
            }
        }
    }

    fn function_call(&mut self, conversation: &mut Conversation) -> Result<Vec<u8>, SessionError> {
        self.plain("function_call");
        let refusal = Refusal::function_call();
        let verdict = Verdict::denied(NOT_SUPPORTED);
        self.session
            .failed("function_call", None, &denied(&refusal), Some(&verdict))?;
        conversation.expect_refusal(Expected::RefusedQuery, refusal);
        failing_query().map_err(|error| protocol_error(&error))
    }
}

/// The bytes of a text that is recorded: those that came, where nothing of it was masked.
fn as_written<'t>(recorded: &'t str, text: &str, written: &'t [u8]) -> &'t [u8] {
    if recorded == text {
        written
    } else {
        recorded.as_bytes()
    }
}
