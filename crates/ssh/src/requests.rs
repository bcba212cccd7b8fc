//! From the client to the target.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use custos_model::{Decision, Operation, Outcome, Verdict};
use custos_session::{Begun, Open, Rules, Session, SessionError};
use custos_ssh_wire::message::{
    ChannelData, ChannelKind, ChannelMessage, ChannelOpen, ChannelRequest, GlobalRequest,
    OpenFailure, RequestKind, close, end_of_file, number, outcome, refuse,
};
use custos_ssh_wire::{Broken, WireError};
use tokio::io::AsyncRead;
use tokio::sync::Notify;

use crate::channels::{Answer, Channel, End, Item, MAX_PACKET_BYTES, Running, Side, WINDOW_BYTES};
use crate::conversation::{Batch, Left, Shared};
use crate::files::Follow;
use crate::held::{Behind, Hold, Waiting};
use crate::link::of_client;
use crate::operation::Program;

/// Requests on one channel that the target has not answered, at most.
const UNANSWERED_MAX: usize = 64;
/// The stream of what goes wrong (RFC 4254 section 5.2).
pub(crate) const STDERR: u32 = 1;
/// Exit status of a command that cannot be run (POSIX, "Exit Status for Commands").
const NOT_RUN: u32 = 126;
/// Ctrl-C, as a terminal sends it.
const INTERRUPT: u8 = 3;
/// Variables that a client may set, as Debian's servers take them; a name that ends in `*` stands for all that begin so.
const VARIABLES: [&str; 4] = ["LANG", "LANGUAGE", "LC_*", "COLORTERM"];

/// Everything that comes from the client.
pub(crate) struct Requests<'s> {
    session: &'s Session<Open>,
    shared: &'s Shared,
}

impl<'s> Requests<'s> {
    pub(crate) fn new(session: &'s Session<Open>, shared: &'s Shared) -> Self {
        Self { session, shared }
    }

    /// Until the client has left.
    pub(crate) async fn run(
        &self,
        mut reader: impl AsyncRead + Unpin,
    ) -> Result<Left, SessionError> {
        let mut batch = Batch::default();
        loop {
            self.session.room().await;
            let ended = self.take(&mut batch)?;
            let position = batch.record(self.session)?;
            if let Some(position) = position {
                let may_change = std::mem::take(&mut batch.may_change);
                self.session.may_forward(position, may_change).await?;
            }
            self.shared.release(&mut batch).map_err(of_client)?;
            if let Some(left) = ended {
                return Ok(left);
            }
            self.shared.room(Side::Client).await;
            let more = self.shared.read(Side::Client, &mut reader).await;
            if !more.map_err(SessionError::Client)? {
                return Ok(Left::Vanished);
            }
        }
    }

    /// Takes what has come whole.
    fn take(&self, batch: &mut Batch) -> Result<Option<Left>, SessionError> {
        loop {
            let next = self.shared.conversation().client.next_message();
            match next {
                Ok(Some(payload)) => self.message(batch, payload)?,
                Ok(None) => return Ok(None),
                Err(Broken::Disconnected { .. }) => return Ok(Some(Left::Disconnected)),
                Err(broken) => return Err(of_client(broken)),
            }
        }
    }

    /// One message of the client's.
    pub(crate) fn message(&self, batch: &mut Batch, payload: Bytes) -> Result<(), SessionError> {
        let message = payload.first().copied().unwrap_or_default();
        let broken = |what| move |error: WireError| of_client(Broken::Malformed(what, error));
        match message {
            number::CHANNEL_DATA | number::CHANNEL_EXTENDED_DATA => {
                let data = ChannelData::decode(payload).map_err(broken("channel data"))?;
                self.data(batch, data)
            }
            number::CHANNEL_WINDOW_ADJUST => {
                let adjusted = ChannelMessage::decode(&payload).map_err(broken("window"))?;
                let mut conversation = self.shared.conversation();
                match conversation.channels.get(adjusted.recipient) {
                    Some(channel) => channel.client.widen(adjusted.bytes).map_err(of_client),
                    None => Err(unexpected(message)),
                }
            }
            number::CHANNEL_EOF | number::CHANNEL_CLOSE => {
                let ended = ChannelMessage::decode(&payload).map_err(broken("end of channel"))?;
                self.end(batch, ended.recipient, payload)
            }
            number::CHANNEL_REQUEST => {
                let request =
                    ChannelRequest::decode(&payload).map_err(broken("channel request"))?;
                self.request(batch, &request, &payload)
            }
            number::CHANNEL_OPEN => {
                let open = ChannelOpen::decode(&payload).map_err(broken("opening of a channel"))?;
                self.open(batch, &open)
            }
            number::GLOBAL_REQUEST => {
                let request = GlobalRequest::decode(&payload).map_err(broken("request"))?;
                self.global(batch, &request)
            }
            // Answers to what the gateway does not ask, and further attempts to sign in (RFC 4252 section 5.1).
            number::REQUEST_SUCCESS
            | number::REQUEST_FAILURE
            | number::CHANNEL_SUCCESS
            | number::CHANNEL_FAILURE
            | number::USERAUTH_REQUEST => Ok(()),
            number::CHANNEL_OPEN_CONFIRMATION | number::CHANNEL_OPEN_FAILURE => {
                Err(unexpected(message))
            }
            _ => self
                .shared
                .conversation()
                .client
                .unimplemented()
                .map_err(of_client),
        }
    }

    fn data(&self, batch: &mut Batch, data: ChannelData) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(data.recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_DATA))?;
        channel
            .client
            .received(data.bytes.len())
            .map_err(of_client)?;
        if let Some(hold) = &mut channel.held {
            if data.bytes.contains(&INTERRUPT) {
                hold.withdrawn.notify_one();
            }
            return hold.push(Behind::Data(data)).map_err(of_client);
        }
        drop(conversation);
        self.accepted(batch, data)
    }

    /// Data that the window has counted.
    pub(crate) fn accepted(
        &self,
        batch: &mut Batch,
        data: ChannelData,
    ) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(data.recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_DATA))?;
        if channel.is_refused {
            return Ok(());
        }
        // There is nothing yet that could take it, and servers have no second stream in this direction.
        if channel.running.is_none() || data.code.is_some() {
            return Err(unexpected(number::CHANNEL_DATA));
        }
        if channel.carries_files() {
            let mut follow = Follow {
                session: self.session,
                batch,
                number: data.recipient,
            };
            let followed = follow.client_sent(channel, data.bytes)?;
            return followed.map_err(|lost| SessionError::ClientProtocol {
                what: format!("sftp: {lost}"),
                code: lost.code(),
            });
        }
        let operation = channel.operation();
        drop(conversation);
        self.session
            .event(&mut batch.lines, operation)
            .text("input", &data.bytes)
            .end();
        batch.may_change = true;
        batch.staged.push((
            data.recipient,
            Side::Target,
            Item::Data {
                code: None,
                bytes: data.bytes,
                counted: true,
            },
        ));
        Ok(())
    }

    fn end(&self, batch: &mut Batch, recipient: u32, payload: Bytes) -> Result<(), SessionError> {
        let is_close = payload.first() == Some(&number::CHANNEL_CLOSE);
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_CLOSE))?;
        if is_close {
            if let Some(hold) = &mut channel.held {
                // Nobody waits for it any more. What is said of that comes to nobody.
                hold.withdrawn.notify_one();
                return hold.push(Behind::Message(payload)).map_err(of_client);
            }
            channel.client.closes().map_err(of_client)?;
        } else if let Some(hold) = &mut channel.held {
            return hold.push(Behind::Message(payload)).map_err(of_client);
        } else if channel.client.has_closed() {
            return Err(unexpected(number::CHANNEL_EOF));
        }
        let operation = channel.operation();
        drop(conversation);
        let what = if is_close { "close" } else { "end_of_input" };
        self.session
            .event(&mut batch.lines, operation)
            .word("request", what)
            .end();
        batch
            .staged
            .push((recipient, Side::Target, Item::Message(payload)));
        Ok(())
    }

    fn open(&self, batch: &mut Batch, open: &ChannelOpen<'_>) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let is_session = open.kind == ChannelKind::Session;
        if is_session && !conversation.is_last && open.max_packet > 0 {
            let end = End::new(open.sender, open.window, open.max_packet);
            if let Some(number) = conversation.channels.add(Channel::new(end)) {
                let open = ChannelOpen {
                    kind: ChannelKind::Session,
                    sender: number,
                    window: WINDOW_BYTES,
                    max_packet: MAX_PACKET_BYTES,
                };
                let sent = conversation.target.send_with(|out| open.encode(out));
                return sent.map_err(crate::link::of_target);
            }
        }
        let (reason, text) = match open.kind {
            ChannelKind::Session if conversation.is_last => {
                (OpenFailure::PROHIBITED, "no more sessions were asked for")
            }
            ChannelKind::Session => (OpenFailure::SHORTAGE, "there are too many channels"),
            ChannelKind::Other(_) => (
                OpenFailure::UNKNOWN_KIND,
                "there is no such kind of channel",
            ),
            _ => (OpenFailure::PROHIBITED, "forwarding is not granted"),
        };
        conversation
            .client
            .send_with(|out| refuse(out, open.sender, reason, text.as_bytes()))
            .map_err(of_client)?;
        drop(conversation);
        self.refused(
            batch,
            "forward",
            &shown_kind(&open.kind),
            "forwarding-not-granted",
        )
    }

    fn global(&self, batch: &mut Batch, request: &GlobalRequest<'_>) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        if request.name == "no-more-sessions@openssh.com" {
            conversation.is_last = true;
        }
        if request.wants_reply {
            let answered = conversation.client.send(&[number::REQUEST_FAILURE]);
            answered.map_err(of_client)?;
        }
        drop(conversation);
        let forwarding = request.forwarding();
        let forwarding =
            forwarding.map_err(|error| of_client(Broken::Malformed("forwarding", error)))?;
        if let Some(forwarding) = forwarding
            && !request.name.starts_with("cancel-")
        {
            let text = format!("{forwarding:?}");
            return self.refused(batch, "forward", &text, "forwarding-not-granted");
        }
        Ok(())
    }

    /// Puts on record what was refused and is no operation.
    fn refused(
        &self,
        batch: &mut Batch,
        verb: &'static str,
        text: &str,
        rule: &str,
    ) -> Result<(), SessionError> {
        let outcome = Outcome {
            denied: true,
            error: Some(("prohibited".to_owned(), rule.to_owned())),
            ..Outcome::default()
        };
        let verdict = Verdict::denied(rule);
        batch.at(self
            .session
            .failed(verb, Some(text), &outcome, Some(&verdict))?);
        batch.may_change = true;
        Ok(())
    }

    fn request(
        &self,
        batch: &mut Batch,
        request: &ChannelRequest<'_>,
        payload: &Bytes,
    ) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(request.recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_REQUEST))?;
        if channel.target.is_none() || channel.client.has_closed() {
            return Err(unexpected(number::CHANNEL_REQUEST));
        }
        if let Some(hold) = &mut channel.held {
            if let RequestKind::Signal("INT" | "TERM" | "HUP" | "KILL" | "QUIT") = request.kind {
                hold.withdrawn.notify_one();
            }
            return hold
                .push(Behind::Message(payload.clone()))
                .map_err(of_client);
        }
        let operation = channel.operation();
        let (is_running, is_refused) = (channel.running.is_some(), channel.is_refused);
        drop(conversation);
        if let Some(program) = Program::of(&request.kind) {
            if is_running || is_refused {
                // One program runs on a channel (RFC 4254 section 6.5).
                return self.answer(batch, request.recipient, request.wants_reply);
            }
            return self.run_program(batch, request, payload, program);
        }
        let event = self
            .session
            .event(&mut batch.lines, operation)
            .word("request", known_name(&request.kind));
        let may_pass = match &request.kind {
            RequestKind::Pty { terminal, size, .. } => {
                event
                    .text("terminal", terminal.as_bytes())
                    .number("columns", size.columns.into())
                    .number("rows", size.rows.into())
                    .end();
                !is_running
            }
            RequestKind::WindowChange(size) => {
                event
                    .number("columns", size.columns.into())
                    .number("rows", size.rows.into())
                    .end();
                true
            }
            RequestKind::Environment { name, value } => {
                event.text("name", name).text("value", value).end();
                self.may_set(name) && !is_running
            }
            RequestKind::Signal(signal) => {
                event.text("signal", signal.as_bytes()).end();
                is_running
            }
            RequestKind::Break(milliseconds) => {
                event.number("milliseconds", (*milliseconds).into()).end();
                is_running
            }
            RequestKind::EndOfWrite => {
                event.end();
                is_running
            }
            RequestKind::X11 { .. } | RequestKind::Agent => {
                event.mark("refused").end();
                self.refused(
                    batch,
                    "forward",
                    request.kind.name(),
                    "forwarding-not-granted",
                )?;
                false
            }
            _ => {
                event
                    .text("name", request.kind.name().as_bytes())
                    .mark("refused")
                    .end();
                false
            }
        };
        if may_pass && !is_refused {
            self.pass_on(batch, request.recipient, request.wants_reply, payload)
        } else {
            self.answer(batch, request.recipient, request.wants_reply)
        }
    }

    /// Passes a request on.
    pub(crate) fn pass_on(
        &self,
        batch: &mut Batch,
        number: u32,
        wants_reply: bool,
        payload: &Bytes,
    ) -> Result<(), SessionError> {
        if wants_reply {
            let mut conversation = self.shared.conversation();
            let channel = conversation.channels.get(number);
            let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_REQUEST))?;
            owe(channel, Answer::Target)?;
        }
        let item = Item::Message(payload.clone());
        batch.staged.push((number, Side::Target, item));
        Ok(())
    }

    /// Answers no to a request that does not go on.
    fn answer(
        &self,
        batch: &mut Batch,
        number: u32,
        wants_reply: bool,
    ) -> Result<(), SessionError> {
        if !wants_reply {
            return Ok(());
        }
        let no = message(|out| outcome(out, number, false));
        self.reply(batch, number, vec![no])
    }

    /// Sends the gateway's own answer, when those to earlier requests are there.
    fn reply(&self, batch: &mut Batch, number: u32, items: Vec<Item>) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(number);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_REQUEST))?;
        if !channel.answers.is_empty() {
            return owe(channel, Answer::Own(items));
        }
        drop(conversation);
        for item in items {
            batch.staged.push((number, Side::Client, item));
        }
        Ok(())
    }

    /// Whether clients may set the variable at the target.
    fn may_set(&self, name: &[u8]) -> bool {
        let fits = |known: &str| match known.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning.as_bytes()),
            None => name == known.as_bytes(),
        };
        match &self.session.target().accept_env {
            Some(names) => names.iter().any(|known| fits(known)),
            None => VARIABLES.iter().any(|known| fits(known)),
        }
    }

    /// A program is asked for: the operation.
    fn run_program(
        &self,
        batch: &mut Batch,
        request: &ChannelRequest<'_>,
        payload: &Bytes,
        program: Program,
    ) -> Result<(), SessionError> {
        let rules = self.session.rules();
        let program = self.narrowed(program, &rules)?;
        let begun = self.begin(&program, &rules)?;
        batch.at(begun.position);
        batch.may_change = true;
        self.session
            .event(&mut batch.lines, begun.number)
            .word("request", program.verb)
            .text("text", program.shown().as_bytes())
            .end();
        let decision = begun.ruled.verdict.decision;
        {
            let mut conversation = self.shared.conversation();
            let channel = conversation.channels.get(request.recipient);
            let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_REQUEST))?;
            match decision {
                Decision::Allow => {
                    channel.running = Some(Running::new(begun.number, program.files()));
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
                        wants_reply: request.wants_reply,
                        withdrawn,
                    });
                    self.shared.held.notify_one();
                    return Ok(());
                }
            }
        }
        if decision == Decision::Allow {
            return self.pass_on(batch, request.recipient, request.wants_reply, payload);
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

    fn begin(&self, program: &Program, rules: &Rules) -> Result<Begun, SessionError> {
        let question = program.question(self.session.utc_ns());
        let text = program.shown();
        let operation = Operation {
            verb: program.verb,
            effect: program.effect(),
            may_change: true,
            objects: &[],
            text: &text,
            parameters: 0,
        };
        let question = rules.are_judged().then_some((&question, rules));
        let refuse = |_: &custos_session::Ruled| {
            let is_searched = rules.detect();
            Ok(is_searched.then_some("masking-is-not-built-for-ssh"))
        };
        self.session
            .begin(&operation, question, refuse, || program.exact())
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

/// A message of a channel.
fn message(write: impl FnOnce(&mut BytesMut)) -> Item {
    let mut payload = BytesMut::new();
    write(&mut payload);
    Item::Message(payload.freeze())
}

fn owe(channel: &mut Channel, answer: Answer) -> Result<(), SessionError> {
    if channel.answers.len() >= UNANSWERED_MAX {
        return Err(of_client(Broken::Backlog));
    }
    channel.answers.push_back(answer);
    Ok(())
}

/// The word of the transcript; a client's own words are not taken for it.
fn known_name(kind: &RequestKind<'_>) -> &'static str {
    match kind {
        RequestKind::Pty { .. } => "pty",
        RequestKind::WindowChange(_) => "resize",
        RequestKind::Environment { .. } => "env",
        RequestKind::Signal(_) => "signal",
        RequestKind::Break(_) => "break",
        RequestKind::EndOfWrite => "end_of_output",
        RequestKind::X11 { .. } => "x11",
        RequestKind::Agent => "agent",
        _ => "other",
    }
}

fn shown_kind(kind: &ChannelKind<'_>) -> String {
    match kind {
        ChannelKind::DirectTcp(origin) => format!("direct-tcpip {}:{}", origin.host, origin.port),
        ChannelKind::DirectStream { path } => format!("direct-streamlocal {path}"),
        kind => kind.name().to_owned(),
    }
}

fn unexpected(number: u8) -> SessionError {
    of_client(Broken::Unexpected(number))
}
