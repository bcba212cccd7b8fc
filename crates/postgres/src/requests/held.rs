//! A message that waits for people. It stays at the front of the buffer, and nothing behind it is looked at meanwhile.

use std::sync::Arc;

use bytes::BytesMut;
use custos_model::OperationNumber;
use custos_session::{Begun, Exact, Held, SessionError, Settled};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{Batch, Requests};
use crate::client::protocol_error;
use crate::conversation::Expected;
use crate::judge::{Analysis, Plan};
use crate::names::Portal;
use crate::refusal::{Refusal, failing_message, failing_query};
use crate::wire::Format;
use crate::wire::backend::{ErrorReport, Severity};
use crate::wire::frontend::{Execute, Frame, FrontendMessage, Query, frame};

/// Bytes of what the client sends behind a held message that are read, to notice that it is gone.
const READ_AHEAD_BYTES_AT_MOST: usize = 256 * 1024;
/// SQLSTATE of a notice that is no error and no warning.
const NOTICE: &str = "00000";

/// An operation that waits, and what happens when it goes on.
#[derive(Debug)]
pub(super) struct Waiting {
    begun: Begun,
    /// As it is recorded.
    text: String,
    expected: HeldMessage,
    plan: Option<Arc<Plan>>,
    analysis: Arc<Analysis>,
}

/// Which message it is of.
#[derive(Debug)]
pub(super) enum HeldMessage {
    Query,
    Execute(Option<Arc<Portal>>),
}

impl HeldMessage {
    fn expected(&self, operation: OperationNumber) -> Expected {
        match self {
            Self::Query => Expected::Query { operation },
            Self::Execute(portal) => Expected::Execute {
                operation,
                portal: portal.clone(),
            },
        }
    }

    fn refused(&self) -> Expected {
        match self {
            Self::Query => Expected::RefusedQuery,
            Self::Execute(_) => Expected::Refused,
        }
    }
}

impl Waiting {
    pub(super) fn new(
        begun: Begun,
        text: String,
        expected: HeldMessage,
        plan: Option<Arc<Plan>>,
        analysis: Arc<Analysis>,
    ) -> Self {
        Self {
            begun,
            text,
            expected,
            plan,
            analysis,
        }
    }
}

/// How the wait ended.
enum Outcome {
    Approved,
    Refused(Refusal),
    /// The client is to come again; what the request waits for.
    ComesAgain(String),
    /// The client is gone.
    Vanished,
}

impl Requests<'_> {
    /// Waits until a held operation is decided; then the message at the front of the buffer is part of the batch that is
    /// returned. `None`: the client is gone.
    pub(super) async fn wait(
        &mut self,
        mut waiting: Waiting,
        client: &mut (impl AsyncRead + Unpin),
        buffer: &mut BytesMut,
    ) -> Result<Option<Batch>, SessionError> {
        let number = waiting.begun.number;
        let question = &waiting.analysis.question;
        let opened = self
            .session
            .hold(&mut waiting.begun, question, &waiting.text);
        let mut held = match opened.await {
            Ok(held) => held,
            Err(SessionError::Approval(error)) => {
                let refusal = Refusal::not_approved(&error.to_string());
                return self
                    .refuse(number, &waiting.expected, refusal, buffer)
                    .map(Some);
            }
            Err(error) => return Err(error),
        };
        let outcome = self.outcome(&mut held, client, buffer).await?;
        let mut batch = Batch::empty();
        let refusal = match outcome {
            Outcome::Vanished => {
                held.withdraw("the client is gone");
                self.refused(number, &Refusal::not_approved("the client is gone"))?;
                return Ok(None);
            }
            Outcome::Refused(refusal) => {
                held.withdraw(&refusal.message);
                refusal
            }
            Outcome::ComesAgain(waits_for) => {
                let request = held.request();
                Refusal::come_again(&request, &held.leave(), &waits_for)
            }
            Outcome::Approved => {
                match self.release(
                    &mut batch,
                    &waiting.analysis,
                    held,
                    &waiting.expected,
                    buffer,
                ) {
                    Ok(()) => {
                        let mut conversation = self.shared.conversation();
                        self.judge.forwarded(&waiting.analysis);
                        if waiting.analysis.may_change_objects() {
                            conversation.changing = Some(self.judge.catalogue());
                        }
                        conversation.expect_under(waiting.expected.expected(number), waiting.plan);
                        return Ok(Some(batch));
                    }
                    Err(SessionError::Approval(error)) => Refusal::not_approved(&error.to_string()),
                    Err(error) => return Err(error),
                }
            }
        };
        self.refuse(number, &waiting.expected, refusal, buffer)
            .map(Some)
    }

    /// Something that fails is forwarded in place of the message at the front of the buffer.
    fn refuse(
        &self,
        number: OperationNumber,
        message: &HeldMessage,
        refusal: Refusal,
        buffer: &[u8],
    ) -> Result<Batch, SessionError> {
        self.refused(number, &refusal)?;
        let mut conversation = self.shared.conversation();
        conversation.expect_refusal(message.refused(), refusal);
        drop(conversation);
        let instead = match message {
            HeldMessage::Query => failing_query(),
            HeldMessage::Execute(_) => failing_message(),
        };
        let consumed = self.front_bytes(buffer)?;
        Ok(Batch {
            output: Some(instead.map_err(|error| protocol_error(&error))?),
            consumed,
            copied: consumed,
            ..Batch::empty()
        })
    }

    async fn outcome(
        &mut self,
        held: &mut Held,
        client: &mut (impl AsyncRead + Unpin),
        buffer: &mut BytesMut,
    ) -> Result<Outcome, SessionError> {
        let _holding = self.shared.holding();
        let timeout = self.judge.statement_timeout();
        let overdue = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(overdue);
        let mut is_first = true;
        loop {
            let has_room = buffer.len() < READ_AHEAD_BYTES_AT_MOST;
            if has_room {
                buffer.reserve(super::READ_BYTES);
            }
            tokio::select! {
                biased;
                () = self.shared.withdrawn() => {
                    return Ok(Outcome::Refused(Refusal::cancelled("user request")));
                }
                () = &mut overdue => {
                    return Ok(Outcome::Refused(Refusal::cancelled("statement timeout")));
                }
                settled = held.next() => match settled {
                    Settled::Approved => return Ok(Outcome::Approved),
                    Settled::Over(why) => return Ok(Outcome::Refused(Refusal::not_approved(&why))),
                    Settled::Waits(text) if held.comes_again() => {
                        return Ok(Outcome::ComesAgain(text));
                    }
                    Settled::Waits(text) => {
                        self.tell(held, &text, std::mem::take(&mut is_first))?;
                    }
                },
                read = client.read_buf(buffer), if has_room => match read {
                    Ok(read) if read > 0 => {}
                    Ok(_) | Err(_) => return Ok(Outcome::Vanished),
                },
            }
        }
    }

    /// A notice to the client, which goes on record like all that it is sent.
    fn tell(&mut self, held: &Held, text: &str, is_first: bool) -> Result<(), SessionError> {
        let request = held.request();
        let message = if is_first {
            format!(
                "this statement waits for approval ({}): request {request}",
                held.rules()
            )
        } else {
            format!("still waiting for approval: request {request}")
        };
        let hint = match (is_first, held.is_justified()) {
            (false, _) => None,
            (true, true) => Some(format!(
                "it can be approved until {}, with `custos approve {request}`; cancel to take it back",
                held.expires()
            )),
            (true, false) => Some(format!(
                "say why with `custos request reason {request} TEXT`; it can be approved until {}, with `custos approve {request}`",
                held.expires()
            )),
        };
        let mut notice = Vec::new();
        ErrorReport {
            severity: Severity::Notice,
            sqlstate: NOTICE,
            message: &message,
            detail: Some(text),
            hint: hint.as_deref(),
        }
        .encode_notice(&mut notice);
        self.session
            .event(&mut self.lines, held.number())
            .text("notice", message.as_bytes())
            .text("detail", text.as_bytes())
            .end();
        let position = self.session.record(&mut self.lines)?;
        self.shared.notify(position, notice);
        Ok(())
    }

    /// The approved message is forwarded as it came, if it is what was approved.
    fn release(
        &mut self,
        batch: &mut Batch,
        analysis: &Analysis,
        held: Held,
        message: &HeldMessage,
        buffer: &[u8],
    ) -> Result<(), SessionError> {
        let exact = match (self.front(buffer)?, message) {
            (FrontendMessage::Query(Query { text }), HeldMessage::Query) => exact_query(text),
            (FrontendMessage::Execute(Execute { .. }), HeldMessage::Execute(portal)) => {
                exact_portal(portal.as_deref())
            }
            _ => {
                return Err(SessionError::Internal(
                    "another message stands where one was held",
                ));
            }
        };
        let exact = with_runs(exact, analysis);
        batch.position = Some(self.session.execute(held, &exact)?);
        batch.may_change = true;
        batch.consumed = self.front_bytes(buffer)?;
        Ok(())
    }

    fn front<'b>(&self, buffer: &'b [u8]) -> Result<FrontendMessage<'b>, SessionError> {
        let read = frame(buffer, self.limit_bytes).map_err(|error| protocol_error(&error))?;
        let Frame::Complete { tag, body, .. } = read else {
            return Err(SessionError::Internal("a held message is not whole"));
        };
        FrontendMessage::parse(tag, body).map_err(|error| protocol_error(&error))
    }

    fn front_bytes(&self, buffer: &[u8]) -> Result<usize, SessionError> {
        match frame(buffer, self.limit_bytes).map_err(|error| protocol_error(&error))? {
            Frame::Complete { total_bytes, .. } => Ok(total_bytes),
            Frame::Partial { .. } => Err(SessionError::Internal("a held message is not whole")),
        }
    }
}

/// What a query is, byte for byte.
pub(super) fn exact_query(text: &[u8]) -> Exact {
    Exact::default().with("statement", Some(text))
}

/// What a portal runs: the statement, and its parameters as they were bound.
pub(super) fn exact_portal(portal: Option<&Portal>) -> Exact {
    let Some(portal) = portal else {
        return Exact::default();
    };
    let statement = &portal.statement;
    let mut exact = Exact::default().with("statement", Some(statement.text.as_bytes()));
    if !statement.types.is_empty() {
        let types: Vec<String> = statement.types.iter().map(u32::to_string).collect();
        exact = exact.with("parameter types (OIDs)", Some(types.join(" ").as_bytes()));
    }
    let values = portal.values.iter().flatten().enumerate();
    values.fold(exact, |exact, (index, (format, value))| {
        let form = match format {
            Format::Text => "text",
            _ => "binary",
        };
        exact.with(
            format!("parameter {} ({form})", index + 1),
            value.as_deref(),
        )
    })
}

/// With what it runs of statements that were prepared before.
pub(super) fn with_runs(exact: Exact, analysis: &Analysis) -> Exact {
    analysis.runs.iter().fold(exact, |exact, (name, text)| {
        exact.with(format!("prepared statement {name}"), Some(text.as_bytes()))
    })
}

/// Whether it is known to the byte what a message would run.
pub(super) fn is_pinned(message: &HeldMessage, analysis: &Analysis) -> bool {
    let is_known = match message {
        HeldMessage::Query => true,
        HeldMessage::Execute(portal) => portal.as_ref().is_some_and(|portal| {
            portal.values.is_some() && portal.others.is_empty() && portal.statement.is_utf8
        }),
    };
    is_known && !analysis.is_one_of_several && analysis.runs_known
}
