//! From the client to the target.

mod keys;
mod programs;

use bytes::{Bytes, BytesMut};
use custos_session::{Open, Session, SessionError};
use custos_ssh_wire::message::{
    ChannelData, ChannelKind, ChannelMessage, ChannelOpen, ChannelRequest, Confirmation,
    GlobalRequest, OpenFailure, RequestKind, number, outcome, refuse,
};
use custos_ssh_wire::{Broken, WireError};
use tokio::io::AsyncRead;

pub(crate) use programs::{STDERR, begin};

use crate::channels::{Answer, Channel, End, Item, MAX_PACKET_BYTES, Side, WINDOW_BYTES};
use crate::conversation::{Batch, Left, Shared};
use crate::files::{Follow, Lost};
use crate::forwarding::Connections;
use crate::link::of_client;
use crate::operation::Program;

/// Requests on one channel that the target has not answered, at most.
const UNANSWERED_MAX: usize = 64;
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
            // What was released is written before more is read.
            tokio::task::yield_now().await;
            self.shared.room(Side::Client).await;
            // It must not be dropped before it has ended: it has taken the input along.
            let reading = self.shared.read(Side::Client, &mut reader);
            tokio::pin!(reading);
            let more = loop {
                tokio::select! {
                    more = &mut reading => break more,
                    () = self.shared.resumed.notified() => self.resume().await?,
                }
            };
            if !more.map_err(SessionError::Client)? {
                return Ok(Left::Vanished);
            }
        }
    }

    /// Requests for files that came too early go on, now that others were answered.
    async fn resume(&self) -> Result<(), SessionError> {
        let mut batch = Batch::default();
        {
            let mut conversation = self.shared.conversation();
            for (number, channel) in conversation.channels.numbered() {
                let mut follow = Follow {
                    session: self.session,
                    batch: &mut batch,
                    number,
                };
                lost(follow.resume(channel)?)?;
            }
        }
        if let Some(position) = batch.record(self.session)? {
            self.session.may_forward(position, true).await?;
        }
        self.shared.release(&mut batch).map_err(of_client)
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
        if self.shared.is_too_early(&payload) {
            return Err(unexpected(message));
        }
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
            number::CHANNEL_OPEN_CONFIRMATION => {
                let confirmation = Confirmation::decode(&payload);
                let confirmation = confirmation.map_err(broken("confirmation"))?;
                self.connections().confirmed(&confirmation, Side::Client)
            }
            number::CHANNEL_OPEN_FAILURE => {
                let failure = OpenFailure::decode(&payload).map_err(broken("refusal"))?;
                self.connections().not_opened(batch, &failure, Side::Client)
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
        let has_terminal = channel.has_terminal;
        if let Some(hold) = &mut channel.held
            && data.code.is_none()
        {
            if has_terminal && data.bytes.contains(&INTERRUPT) {
                hold.withdrawn.notify_one();
            }
            hold.data(&data.bytes);
            return Ok(());
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
            return lost(follow.client_sent(channel, data.bytes)?);
        }
        if let Some(lines) = channel.lines() {
            if lines.is_waiting() {
                lines.put_behind(&data.bytes);
                return Ok(());
            }
            drop(conversation);
            return self.typed(batch, data.recipient, data.bytes);
        }
        drop(conversation);
        self.pass_input(batch, data.recipient, data.bytes, true)
    }

    fn end(&self, batch: &mut Batch, recipient: u32, payload: Bytes) -> Result<(), SessionError> {
        let is_close = payload.first() == Some(&number::CHANNEL_CLOSE);
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_CLOSE))?;
        if let Some(lines) = channel.lines() {
            if is_close {
                lines.end();
            } else if lines.is_waiting() {
                return lines.put_end_behind(&payload).map_err(of_client);
            }
        }
        if is_close {
            if let Some(hold) = channel.held.as_mut().filter(|hold| hold.keeps()) {
                // Nobody waits for it any more. What is said of that comes to nobody.
                hold.withdrawn.notify_one();
                return hold.message(&payload).map_err(of_client);
            }
            channel.client.closes().map_err(of_client)?;
        } else if let Some(hold) = channel.held.as_mut().filter(|hold| hold.keeps()) {
            return hold.message(&payload).map_err(of_client);
        } else if channel.client.has_closed() {
            return Err(unexpected(number::CHANNEL_EOF));
        }
        let operation = channel.operation();
        // Behind requests for files that wait.
        let is_kept = channel.keeps_behind_files(&payload);
        drop(conversation);
        let what = if is_close { "close" } else { "end_of_input" };
        batch.may_change = true;
        self.session
            .event(&mut batch.lines, operation)
            .number("channel", recipient.into())
            .word("request", what)
            .end();
        if !is_kept {
            batch
                .staged
                .push((recipient, Side::Target, Item::Message(payload)));
        }
        Ok(())
    }

    fn open(&self, batch: &mut Batch, open: &ChannelOpen<'_>) -> Result<(), SessionError> {
        match open.kind {
            ChannelKind::Session => self.open_session(open),
            ChannelKind::DirectTcp(_) | ChannelKind::DirectStream { .. } => {
                self.connections().open(batch, open, Side::Client)
            }
            // The others are for targets to open.
            _ => {
                let text = b"there is no such kind of channel";
                let mut conversation = self.shared.conversation();
                let refused = conversation.client.send_with(|out| {
                    refuse(out, open.sender, OpenFailure::UNKNOWN_KIND, text);
                });
                refused.map_err(of_client)
            }
        }
    }

    fn open_session(&self, open: &ChannelOpen<'_>) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        if !conversation.is_last && open.max_packet > 0 {
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
        let (reason, text) = if conversation.is_last {
            (OpenFailure::PROHIBITED, "no more sessions were asked for")
        } else {
            (OpenFailure::SHORTAGE, "there are too many channels")
        };
        let sent = conversation
            .client
            .send_with(|out| refuse(out, open.sender, reason, text.as_bytes()));
        sent.map_err(of_client)
    }

    fn connections(&self) -> Connections<'s> {
        Connections {
            session: self.session,
            shared: self.shared,
        }
    }

    fn global(&self, batch: &mut Batch, request: &GlobalRequest<'_>) -> Result<(), SessionError> {
        if request.name == "no-more-sessions@openssh.com" {
            self.shared.conversation().is_last = true;
        }
        self.connections().global(batch, request)
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
        if channel.is_connection {
            drop(conversation);
            return self.answer(batch, request.recipient, request.wants_reply);
        }
        if let Some(hold) = channel.held.as_mut().filter(|hold| hold.keeps()) {
            if let RequestKind::Signal("INT" | "TERM" | "HUP" | "KILL" | "QUIT") = request.kind {
                hold.withdrawn.notify_one();
            }
            return hold.message(payload).map_err(of_client);
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
        let recorded = self.session.recorded(&self.session.rules())?;
        let shown = |text: &[u8]| recorded.text(text).unwrap_or_else(|| text.to_vec());
        let event = self
            .session
            .event(&mut batch.lines, operation)
            .number("channel", request.recipient.into())
            .word("request", known_name(&request.kind));
        let may_pass = match &request.kind {
            RequestKind::Pty { terminal, size, .. } => {
                event
                    .text("terminal", &shown(terminal.as_bytes()))
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
                event
                    .text("name", &shown(name))
                    .text("value", &shown(value))
                    .end();
                self.may_set(name) && !is_running
            }
            RequestKind::Signal(signal) => {
                event.text("signal", &shown(signal.as_bytes())).end();
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
                event.end();
                !is_running && !is_refused && self.leads_back(batch, &request.kind)?
            }
            _ => {
                event
                    .text("name", &shown(request.kind.name().as_bytes()))
                    .mark("refused")
                    .end();
                false
            }
        };
        if may_pass
            && let RequestKind::Pty { size, .. } | RequestKind::WindowChange(size) = &request.kind
            && let Some(channel) = self.shared.conversation().channels.get(request.recipient)
        {
            channel.has_terminal |= !matches!(request.kind, RequestKind::WindowChange(_));
            channel.resize(size.columns, size.rows);
        }
        if may_pass && !is_refused {
            self.pass_on(
                batch,
                request.recipient,
                request.wants_reply,
                false,
                payload,
            )
        } else {
            self.answer(batch, request.recipient, request.wants_reply)
        }
    }

    /// Whether the target may reach the client's key agent or X server.
    fn leads_back(&self, batch: &mut Batch, kind: &RequestKind<'_>) -> Result<bool, SessionError> {
        let what = if *kind == RequestKind::Agent {
            "auth-agent-req@openssh.com"
        } else {
            "x11-req"
        };
        let is_granted = self.connections().grants(batch, what)?;
        let forwards = &mut self.shared.conversation().forwards;
        match kind {
            _ if !is_granted => {}
            RequestKind::X11 { single, .. } => forwards.grant_x11(*single),
            _ => forwards.grant_agent(),
        }
        Ok(is_granted)
    }

    /// Passes a request on.
    pub(crate) fn pass_on(
        &self,
        batch: &mut Batch,
        number: u32,
        wants_reply: bool,
        to_program: bool,
        payload: &Bytes,
    ) -> Result<(), SessionError> {
        if wants_reply {
            let mut conversation = self.shared.conversation();
            let channel = conversation.channels.get(number);
            let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_REQUEST))?;
            owe(channel, Answer::Target { to_program })?;
        }
        batch.may_change = true;
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
        if custos_shell::decides_what_runs(name) {
            return false;
        }
        let fits = |known: &str| match known.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning.as_bytes()),
            None => name == known.as_bytes(),
        };
        match &self.session.target().accept_env {
            Some(names) => names.iter().any(|known| fits(known)),
            None => VARIABLES.iter().any(|known| fits(known)),
        }
    }
}

/// A client whose files cannot be followed has broken its protocol.
fn lost(followed: Result<(), Lost>) -> Result<(), SessionError> {
    followed.map_err(|lost| SessionError::ClientProtocol {
        what: format!("sftp: {lost}"),
        code: lost.code(),
    })
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

fn unexpected(number: u8) -> SessionError {
    of_client(Broken::Unexpected(number))
}
