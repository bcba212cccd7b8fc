//! A message that waits for people. It stays at the front of the buffer, and nothing behind it is looked at meanwhile.

use std::sync::Arc;

use bytes::BytesMut;
use custos_model::{Decision, OperationNumber};
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
    /// Its text and what it acts on, as they are recorded.
    shown: (String, Vec<String>),
    message: HeldMessage,
    analysis: Arc<Analysis>,
}

/// Which message it is of.
#[derive(Debug)]
pub(super) enum HeldMessage {
    Query,
    Execute {
        name: Box<[u8]>,
        portal: Option<Arc<Portal>>,
        /// All rows are asked for at once.
        is_whole: bool,
    },
}

impl HeldMessage {
    fn expected(self, operation: OperationNumber) -> Expected {
        match self {
            Self::Query => Expected::Query { operation },
            Self::Execute { portal, .. } => Expected::Execute { operation, portal },
        }
    }

    fn refused(&self) -> Expected {
        match self {
            Self::Query => Expected::RefusedQuery,
            Self::Execute { .. } => Expected::Refused,
        }
    }
}

impl Waiting {
    pub(super) fn new(
        begun: Begun,
        shown: (String, Vec<String>),
        message: HeldMessage,
        analysis: Arc<Analysis>,
    ) -> Self {
        Self {
            begun,
            shown,
            message,
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

/// What is approved may be forwarded, under this plan and as it is understood now.
type Approved = (Option<Arc<Plan>>, Arc<Analysis>);

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
        if self.shared.conversation().is_skipping() {
            return self
                .refuse(&waiting, Refusal::in_failed_pipeline(), buffer)
                .map(Some);
        }
        let (text, objects) = &waiting.shown;
        let question = &waiting.analysis.question;
        let opened = self
            .session
            .hold(&mut waiting.begun, question, text, objects);
        let mut held = match opened.await {
            Ok(held) => held,
            Err(SessionError::Approval(error)) => {
                let refusal = Refusal::not_approved(&error.to_string());
                return self.refuse(&waiting, refusal, buffer).map(Some);
            }
            Err(error) => return Err(error),
        };
        let refusal = match self.outcome(&mut held, client, buffer).await? {
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
            Outcome::Approved => match self.judged_again(&waiting, buffer).await? {
                Err(refusal) => {
                    held.withdraw(&refusal.message);
                    refusal
                }
                Ok(approved) => match self.release(&waiting, held, &approved, buffer) {
                    Ok(batch) => {
                        if let Some(position) = batch.position {
                            // However the resource is recorded: what people agreed to is never run without a trace.
                            self.session.durable(position).await?;
                        }
                        self.goes_on(waiting, approved);
                        return Ok(Some(batch));
                    }
                    Err(SessionError::Approval(error)) => Refusal::not_approved(&error.to_string()),
                    Err(error) => return Err(error),
                },
            },
        };
        self.refuse(&waiting, refusal, buffer).map(Some)
    }

    /// Something that fails is forwarded in place of the message at the front of the buffer.
    fn refuse(
        &self,
        waiting: &Waiting,
        refusal: Refusal,
        buffer: &[u8],
    ) -> Result<Batch, SessionError> {
        self.refused(waiting.begun.number, &refusal)?;
        let instead = match &waiting.message {
            HeldMessage::Query => failing_query(),
            HeldMessage::Execute { .. } => failing_message(),
        };
        let mut conversation = self.shared.conversation();
        conversation.expect_refusal(waiting.message.refused(), refusal);
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
        let read_at_most = self.front_bytes(buffer)? + READ_AHEAD_BYTES_AT_MOST;
        let mut is_first = true;
        loop {
            let has_room = buffer.len() < read_at_most;
            if has_room {
                buffer.reserve(super::READ_BYTES);
            }
            let progress = self.shared.progress.notified();
            if self.shared.conversation().is_skipping() {
                return Ok(Outcome::Refused(Refusal::in_failed_pipeline()));
            }
            tokio::select! {
                biased;
                () = self.shared.withdrawn() => {
                    return Ok(Outcome::Refused(Refusal::cancelled("user request")));
                }
                () = &mut overdue => {
                    return Ok(Outcome::Refused(Refusal::cancelled("statement timeout")));
                }
                // Something before it was answered, perhaps with an error.
                () = progress => {}
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

    /// While it waited, whoever asks may have lost her right to it, and names may mean something else: judged anew, it must
    /// do what it was approved to do.
    async fn judged_again(
        &mut self,
        waiting: &Waiting,
        buffer: &[u8],
    ) -> Result<Result<Approved, Refusal>, SessionError> {
        self.refresh(buffer).await;
        let analysed = match (self.front(buffer)?, &waiting.message) {
            (FrontendMessage::Query(Query { text }), HeldMessage::Query) => self.analyse(text),
            (_, HeldMessage::Execute { name, .. }) => {
                let shared = self.shared;
                let conversation = shared.conversation();
                self.analyse_opened(&conversation, name)
            }
            _ => None,
        };
        let Some((analysis, rules)) = analysed else {
            return Ok(Err(Refusal::not_approved(
                "the policy has changed since it was asked for",
            )));
        };
        let (before, now) = (&waiting.analysis.question, &analysis.question);
        let is_same = (
            &before.verbs,
            &before.objects,
            &before.touched,
            before.shape,
        ) == (&now.verbs, &now.objects, &now.touched, now.shape);
        if !is_same {
            let why = "it would do something else now than when it was asked for";
            return Ok(Err(Refusal::not_approved(why)));
        }
        let ruled = self.session.decide(&analysis.question, &rules)?;
        if ruled.verdict.decision == Decision::Deny {
            let session = self.session.id().to_string();
            let number = Some(waiting.begun.number);
            return Ok(Err(Refusal::denied(&analysis, &ruled, &session, number)));
        }
        let plan = self.plan(&analysis, rules, &ruled)?;
        Ok(Ok((plan.map(Arc::new), analysis)))
    }

    /// The approved message is forwarded from here on.
    fn goes_on(&mut self, waiting: Waiting, (plan, analysis): Approved) {
        let number = waiting.begun.number;
        let shared = self.shared;
        let mut conversation = shared.conversation();
        self.judge.forwarded(&analysis);
        if analysis.may_change_objects() {
            conversation.changing = Some(self.judge.catalogue());
        }
        conversation.expect_under(waiting.message.expected(number), plan);
    }

    /// A notice to the client, which goes on record like all that it is sent.
    fn tell(&mut self, held: &Held, text: &str, is_first: bool) -> Result<(), SessionError> {
        // A client that does not read what it was told is not told more.
        if !is_first && !self.shared.notices().is_empty() {
            return Ok(());
        }
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
        &self,
        waiting: &Waiting,
        held: Held,
        (_, analysis): &Approved,
        buffer: &[u8],
    ) -> Result<Batch, SessionError> {
        let exact = match (self.front(buffer)?, &waiting.message) {
            (FrontendMessage::Query(Query { text }), HeldMessage::Query) => exact_query(text),
            (FrontendMessage::Execute(Execute { .. }), HeldMessage::Execute { portal, .. }) => {
                exact_portal(portal.as_deref())
            }
            _ => {
                return Err(SessionError::Internal(
                    "another message stands where one was held",
                ));
            }
        };
        let exact = with_runs(exact, analysis);
        Ok(Batch {
            position: Some(self.session.execute(held, &exact)?),
            may_change: true,
            consumed: self.front_bytes(buffer)?,
            ..Batch::empty()
        })
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
        HeldMessage::Execute {
            portal, is_whole, ..
        } => {
            *is_whole
                && portal.as_ref().is_some_and(|portal| {
                    portal.values.is_some() && portal.others.is_empty() && portal.statement.is_utf8
                })
        }
    };
    is_known && !analysis.is_one_of_several && analysis.runs_known
}
