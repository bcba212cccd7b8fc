//! What a channel is asked to run: decided, recorded, and passed on, held or turned down.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use custos_model::{Decision, Operation, Outcome};
use custos_session::{Begun, Masks, Open, Ruled, Rules, Session, SessionError};
use custos_ssh_wire::message::{ChannelRequest, RequestKind, close, end_of_file, number, outcome};
use tokio::sync::Notify;

use super::{Requests, message, unexpected};
use crate::channels::{Item, Running, Side};
use crate::conversation::Batch;
use crate::held::{Hold, Waiting, Wish};
use crate::operation::Program;

/// The stream of what goes wrong (RFC 4254 section 5.2).
pub(crate) const STDERR: u32 = 1;
/// Exit status of a command that cannot be run (POSIX, "Exit Status for Commands").
const NOT_RUN: u32 = 126;

impl Requests<'_> {
    /// A program is asked for: the operation.
    pub(super) fn run_program(
        &self,
        batch: &mut Batch,
        request: &ChannelRequest<'_>,
        payload: &Bytes,
        program: Program,
    ) -> Result<(), SessionError> {
        let rules = self.session.rules();
        let program = self.narrowed(program, &rules)?;
        let terminal = {
            let mut conversation = self.shared.conversation();
            let channel = conversation.channels.get(request.recipient);
            channel.and_then(|channel| channel.terminal())
        };
        let program = program.on_terminal(terminal.is_some());
        let recorded = self.session.recorded(&rules)?;
        let begun = begin(self.session, &program, &rules, &recorded)?;
        batch.at(begun.position);
        batch.may_change = true;
        self.session
            .event(&mut batch.lines, begun.number)
            .number("channel", request.recipient.into())
            .word("request", program.verb)
            .text(
                "text",
                recorded
                    .text(&program.text)
                    .as_deref()
                    .unwrap_or(&program.text),
            )
            .end();
        let decision = begun.ruled.verdict.decision;
        {
            let mut conversation = self.shared.conversation();
            let channel = conversation.channels.get(request.recipient);
            let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_REQUEST))?;
            match decision {
                Decision::Allow => {
                    let has_terminal = channel.has_terminal;
                    let masked = program.masked(&begun.ruled.masks, &recorded, has_terminal);
                    let files = program.files(false);
                    let lines = program.typed(&rules, terminal);
                    let running = Running::new(begun.number, files, masked);
                    channel.running = Some(Running { lines, ..running });
                }
                Decision::Deny => channel.is_refused = true,
                Decision::Hold => {
                    let withdrawn = Arc::new(Notify::new());
                    channel.held = Some(Hold::new(Arc::clone(&withdrawn)));
                    drop(conversation);
                    self.shared.waiting().push(Waiting {
                        channel: request.recipient,
                        program,
                        begun,
                        payload: payload.clone(),
                        wish: Wish::Program {
                            wants_reply: request.wants_reply,
                        },
                        withdrawn,
                    });
                    self.shared.held.notify_one();
                    return Ok(());
                }
            }
        }
        if decision == Decision::Allow {
            return self.pass_on(batch, request.recipient, request.wants_reply, true, payload);
        }
        self.deny(batch, request, &program, &begun)
    }

    /// Of what files may do, what is allowed, or else what people may agree to.
    fn narrowed(&self, program: Program, rules: &Rules) -> Result<Program, SessionError> {
        if !program.is_sftp() || !rules.are_judged() {
            return Ok(program);
        }
        for wanted in [Decision::Allow, Decision::Hold] {
            let mut verbs = BTreeSet::new();
            for verb in &program.verbs {
                let only = program.only([*verb].into());
                let question = only.question(self.session.utc_ns());
                if self.session.decide(&question, rules)?.verdict.decision == wanted {
                    verbs.insert(*verb);
                }
            }
            if !verbs.is_empty() {
                return Ok(program.only(verbs));
            }
        }
        Ok(program)
    }

    fn deny(
        &self,
        batch: &mut Batch,
        request: &ChannelRequest<'_>,
        program: &Program,
        begun: &Begun,
    ) -> Result<(), SessionError> {
        let rules = begun.ruled.verdict.rules.join(", ");
        let mut text = format!("custos: this {} is denied ({rules})", program.verb);
        for reason in &begun.ruled.reasons {
            text.push_str("; ");
            text.push_str(reason);
        }
        if let Some(what) = program.is_complex() {
            let _ = write!(text, "; rules for certain commands allow none with {what}");
        }
        let number = begun.number.0;
        let session = self.session.id();
        let _ = write!(
            text,
            "; on record as operation {number} of session {session}\r\n"
        );
        let outcome = Outcome {
            denied: true,
            error: Some(("denied".to_owned(), rules)),
            ..Outcome::default()
        };
        batch.at(self.session.finish(begun.number, &outcome)?);
        self.turn_down(batch, request.recipient, request.wants_reply, text)
    }

    /// Ends what was asked for as a program that could not be run: why stands on its error stream, and clients show it. They
    /// would not, behind a plain no.
    pub(crate) fn turn_down(
        &self,
        batch: &mut Batch,
        number: u32,
        wants_reply: bool,
        text: String,
    ) -> Result<(), SessionError> {
        let yes = wants_reply.then(|| message(|out| outcome(out, number, true)));
        let told = Item::Data {
            code: Some(STDERR),
            bytes: text.into_bytes().into(),
            counted: false,
        };
        let ended = ChannelRequest {
            recipient: number,
            wants_reply: false,
            kind: RequestKind::ExitStatus(NOT_RUN),
        };
        let rest = [
            told,
            message(|out| ended.encode(out)),
            message(|out| end_of_file(out, number)),
            message(|out| close(out, number)),
        ];
        self.reply(batch, number, yes.into_iter().chain(rest).collect())?;
        let close = message(|out| close(out, number));
        batch.staged.push((number, Side::Target, close));
        Ok(())
    }
}

/// Decides on something and puts its intent on record.
pub(crate) fn begin(
    session: &Session<Open>,
    program: &Program,
    rules: &Rules,
    recorded: &Masks,
) -> Result<Begun, SessionError> {
    let question = program.question(session.utc_ns());
    let text = program.shown(recorded);
    let operation = Operation {
        verb: program.verb,
        effect: program.effect(),
        may_change: true,
        objects: &program.objects(recorded),
        text: &text,
        parameters: 0,
    };
    let question = rules.are_judged().then_some((&question, rules));
    let refuse = |ruled: &Ruled| {
        if program.has_zero() {
            return Ok(Some("zero-byte"));
        }
        // Nobody counts what comes back, so nobody could stop it.
        if ruled.limit.bytes.is_some() {
            return Ok(Some("limit-of-bytes-is-not-built-for-ssh"));
        }
        let is_held = ruled.verdict.decision == Decision::Hold;
        let unholdable = program.unholdable().filter(|_| is_held);
        let cannot = unholdable.or_else(|| program.unreadable(ruled));
        Ok(cannot.or_else(|| program.unmaskable(&ruled.masks)))
    };
    session.begin(&operation, question, refuse, || program.exact())
}
