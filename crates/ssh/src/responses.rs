//! From the target to the client.

use bytes::{Bytes, BytesMut};
use custos_model::Outcome;
use custos_session::{Open, Session, SessionError, UpstreamError};
use custos_ssh_wire::message::{
    ChannelData, ChannelMessage, ChannelOpen, ChannelRequest, Confirmation, GlobalRequest,
    OpenFailure, RequestKind, number, outcome,
};
use custos_ssh_wire::{Broken, WireError};
use tokio::io::AsyncRead;
use tokio::time::Instant;

use crate::channels::{Answer, End, Item, Running, Side};
use crate::conversation::{Batch, Shared};
use crate::files::Follow;
use crate::forwarding::Connections;
use crate::link::of_target;
use crate::masked::Onto;
use crate::requests::STDERR;

/// Everything that comes from the target.
pub(crate) struct Responses<'s> {
    session: &'s Session<Open>,
    shared: &'s Shared,
}

impl<'s> Responses<'s> {
    pub(crate) fn new(session: &'s Session<Open>, shared: &'s Shared) -> Self {
        Self { session, shared }
    }

    fn connections(&self) -> Connections<'s> {
        Connections {
            session: self.session,
            shared: self.shared,
        }
    }

    /// Until the target has left; returns why.
    pub(crate) async fn run(
        &self,
        mut reader: impl AsyncRead + Unpin,
    ) -> Result<UpstreamError, SessionError> {
        let mut batch = Batch::default();
        loop {
            self.session.room().await;
            let ended = self.take(&mut batch)?;
            self.pass(&mut batch).await?;
            if let Some(why) = ended {
                return Ok(why);
            }
            // What was released is written before more is read.
            tokio::task::yield_now().await;
            self.shared.room(Side::Target).await;
            // It must not be dropped before it has ended: it has taken the input along.
            let reading = self.shared.read(Side::Target, &mut reader);
            tokio::pin!(reading);
            let more = loop {
                let due = self.due();
                tokio::select! {
                    more = &mut reading => break more,
                    () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                        self.pass(&mut batch).await?;
                    }
                }
            };
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(UpstreamError::Closed),
                Err(error) => return Ok(UpstreamError::Io(error)),
            }
        }
    }

    /// Records and passes on what was taken, and what was kept back for long enough.
    async fn pass(&self, batch: &mut Batch) -> Result<(), SessionError> {
        let now = Instant::now();
        for (number, channel) in self.shared.conversation().channels.numbered() {
            let operation = channel.operation();
            if let Some(masked) = channel.running.as_mut().and_then(|it| it.masked.as_mut()) {
                let mut onto = Onto {
                    session: self.session,
                    batch,
                    number,
                    operation,
                };
                masked.flush(&mut onto, now);
            }
        }
        if let Some(position) = batch.record(self.session)? {
            self.session.may_release(position).await?;
        }
        self.shared.release(batch).map_err(of_target)
    }

    /// When something that is kept back is due.
    fn due(&self) -> Option<Instant> {
        let mut conversation = self.shared.conversation();
        let running = conversation
            .channels
            .each()
            .filter_map(|it| it.running.as_ref());
        let masked = running.filter_map(|running| running.masked.as_ref());
        masked.filter_map(|masked| masked.due()).min()
    }

    /// Takes what has come whole.
    fn take(&self, batch: &mut Batch) -> Result<Option<UpstreamError>, SessionError> {
        loop {
            let next = self.shared.conversation().target.next_message();
            match next {
                Ok(Some(payload)) => self.message(batch, payload)?,
                Ok(None) => return Ok(None),
                Err(broken @ Broken::Disconnected { .. }) => match of_target(broken) {
                    SessionError::Upstream(why) => return Ok(Some(why)),
                    error => return Err(error),
                },
                Err(broken) => return Err(of_target(broken)),
            }
        }
    }

    fn message(&self, batch: &mut Batch, payload: Bytes) -> Result<(), SessionError> {
        let message = payload.first().copied().unwrap_or_default();
        let broken = |what| move |error: WireError| of_target(Broken::Malformed(what, error));
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
                let channel = conversation.channels.get(adjusted.recipient);
                let target = channel.and_then(|channel| channel.target.as_mut());
                let target = target.ok_or_else(|| unexpected(message))?;
                target.widen(adjusted.bytes).map_err(of_target)
            }
            number::CHANNEL_EOF => {
                let ended = ChannelMessage::decode(&payload).map_err(broken("end of output"))?;
                self.ended(batch, ended.recipient, payload)
            }
            number::CHANNEL_CLOSE => {
                let ended = ChannelMessage::decode(&payload).map_err(broken("end of channel"))?;
                self.closed(batch, ended.recipient, payload)
            }
            number::CHANNEL_REQUEST => {
                let request =
                    ChannelRequest::decode(&payload).map_err(broken("channel request"))?;
                self.request(batch, &request)
            }
            number::CHANNEL_SUCCESS | number::CHANNEL_FAILURE => {
                let answer = ChannelMessage::decode(&payload).map_err(broken("answer"))?;
                self.answered(batch, answer.recipient, payload)
            }
            number::CHANNEL_OPEN_CONFIRMATION => {
                let confirmation = Confirmation::decode(&payload);
                let confirmation = confirmation.map_err(broken("confirmation"))?;
                self.connections().confirmed(&confirmation, Side::Target)
            }
            number::CHANNEL_OPEN_FAILURE => {
                let failure = OpenFailure::decode(&payload).map_err(broken("refusal"))?;
                self.connections().not_opened(batch, &failure, Side::Target)
            }
            number::CHANNEL_OPEN => {
                let open = ChannelOpen::decode(&payload).map_err(broken("opening of a channel"))?;
                self.connections().opened_by_target(batch, &open)
            }
            number::GLOBAL_REQUEST => {
                let request = GlobalRequest::decode(&payload).map_err(broken("request"))?;
                if request.wants_reply {
                    let mut conversation = self.shared.conversation();
                    let answered = conversation.target.send(&[number::REQUEST_FAILURE]);
                    answered.map_err(of_target)?;
                }
                Ok(())
            }
            number::REQUEST_SUCCESS | number::REQUEST_FAILURE => {
                self.connections().answered(batch, &payload)
            }
            number::USERAUTH_BANNER => Ok(()),
            _ => self
                .shared
                .conversation()
                .target
                .unimplemented()
                .map_err(of_target),
        }
    }

    /// The target answers a request, and after it stand the gateway's own answers to those that came next.
    fn answered(&self, batch: &mut Batch, number: u32, payload: Bytes) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(number);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_SUCCESS))?;
        let Some(Answer::Target { to_program }) = channel.answers.pop_front() else {
            return Err(unexpected(number::CHANNEL_SUCCESS));
        };
        let own = channel.own_answers();
        let is_refused = payload.first() == Some(&number::CHANNEL_FAILURE);
        // The client may ask for another one on this channel.
        let refused = (to_program && is_refused).then(|| channel.running.take());
        drop(conversation);
        if let Some(mut running) = refused.flatten() {
            let why = "the target does not run it".to_owned();
            running.ending = Some(("refused-by-target".to_owned(), why));
            self.finish(batch, running)?;
        }
        batch
            .staged
            .push((number, Side::Client, Item::Message(payload)));
        for item in own {
            batch.staged.push((number, Side::Client, item));
        }
        Ok(())
    }

    fn data(&self, batch: &mut Batch, data: ChannelData) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(data.recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_DATA))?;
        let target = channel.target.as_mut();
        let target = target.ok_or_else(|| unexpected(number::CHANNEL_DATA))?;
        target.received(data.bytes.len()).map_err(of_target)?;
        let operation = channel.operation();
        match &mut channel.running {
            Some(running) => running.bytes += data.bytes.len() as u64,
            // A target that talks before it was asked to run anything.
            None => return Err(unexpected(number::CHANNEL_DATA)),
        }
        if channel.carries_files() && data.code.is_none() {
            let mut follow = Follow {
                session: self.session,
                batch,
                number: data.recipient,
            };
            let followed = follow.target_sent(channel, data.bytes);
            self.shared.resumed.notify_one();
            return followed?.map_err(|lost| {
                SessionError::Upstream(UpstreamError::Protocol(format!("sftp: {lost}")))
            });
        }
        if let Some(lines) = channel.lines() {
            lines.show(&data.bytes);
        }
        let running = channel.running.as_mut();
        let cookie = running.and_then(|running| running.cookie.as_mut());
        let hidden = cookie.and_then(|cookie| cookie.hide(&data.bytes));
        let recorded = hidden.as_deref().unwrap_or(&data.bytes);
        let masked = channel.running.as_mut().and_then(|it| it.masked.as_mut());
        if let Some(masked) = masked {
            // Only these two are searched.
            if !matches!(data.code, None | Some(STDERR)) {
                return Err(unexpected(number::CHANNEL_EXTENDED_DATA));
            }
            let mut onto = Onto {
                session: self.session,
                batch,
                number: data.recipient,
                operation,
            };
            masked.said(&mut onto, data.code, data.bytes.clone(), recorded);
            return Ok(());
        }
        drop(conversation);
        let stream = match data.code {
            None => "output",
            Some(STDERR) => "errors",
            Some(_) => "extended",
        };
        self.session
            .event(&mut batch.lines, operation)
            .text(stream, recorded)
            .end();
        batch.staged.push((
            data.recipient,
            Side::Client,
            Item::Data {
                code: data.code,
                bytes: data.bytes,
                counted: true,
            },
        ));
        Ok(())
    }

    fn ended(&self, batch: &mut Batch, recipient: u32, payload: Bytes) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_EOF))?;
        let operation = channel.operation();
        if let Some(masked) = channel.running.as_mut().and_then(|it| it.masked.as_mut()) {
            masked.finish_output(&mut Onto {
                session: self.session,
                batch,
                number: recipient,
                operation,
            });
        }
        drop(conversation);
        self.session
            .event(&mut batch.lines, operation)
            .mark("end_of_output")
            .end();
        batch
            .staged
            .push((recipient, Side::Client, Item::Message(payload)));
        Ok(())
    }

    fn closed(
        &self,
        batch: &mut Batch,
        recipient: u32,
        payload: Bytes,
    ) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_CLOSE))?;
        let target = channel.target.as_mut();
        let target = target.ok_or_else(|| unexpected(number::CHANNEL_CLOSE))?;
        target.closes().map_err(of_target)?;
        if let Some(hold) = &channel.held {
            // What waits has nothing to run on any more.
            hold.withdrawn.notify_one();
        }
        if let Some(lines) = channel.lines() {
            lines.end();
        }
        let running = channel.running.take();
        channel
            .answers
            .retain(|answer| !matches!(answer, Answer::Target { .. }));
        let own = channel.own_answers();
        // Whatever came for it from the client was for that program.
        channel.is_refused = true;
        drop(conversation);
        if let Some(mut running) = running {
            end(self.session, batch, recipient, &mut running)?;
            self.finish(batch, running)?;
        }
        for item in own {
            batch.staged.push((recipient, Side::Client, item));
        }
        batch
            .staged
            .push((recipient, Side::Client, Item::Message(payload)));
        Ok(())
    }

    fn finish(&self, batch: &mut Batch, running: Running) -> Result<(), SessionError> {
        // What it said is on record before how it ended.
        if let Some(position) = self.session.record(&mut batch.lines)? {
            batch.at(position);
        }
        batch.at(self.session.finish(running.number, &outcome_of(running))?);
        Ok(())
    }

    fn request(&self, batch: &mut Batch, request: &ChannelRequest<'_>) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(request.recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_REQUEST))?;
        let operation = channel.operation();
        let has_masks = channel
            .running
            .as_ref()
            .is_some_and(|it| it.masked.is_some());
        let (passes, ending) = match &request.kind {
            RequestKind::ExitStatus(status) if *status != 0 => {
                (true, Some(("exit-status".to_owned(), status.to_string())))
            }
            RequestKind::ExitSignal { signal, .. } => {
                let signal = signal.chars().filter(|c| !c.is_control()).take(64);
                (true, Some(("exit-signal".to_owned(), signal.collect())))
            }
            RequestKind::ExitStatus(_) | RequestKind::XonXoff(_) | RequestKind::EndOfWrite => {
                (true, None)
            }
            _ => (false, None),
        };
        if let (Some(running), Some(ending)) = (&mut channel.running, ending) {
            running.ending = Some(ending);
        }
        let to_target = channel.target.as_ref().map(End::number);
        if request.wants_reply
            && let Some(number) = to_target
        {
            let answered = conversation
                .target
                .send_with(|out| outcome(out, number, false));
            answered.map_err(of_target)?;
        }
        drop(conversation);
        if !passes {
            return Ok(());
        }
        let mut request = ChannelRequest {
            wants_reply: false,
            ..request.clone()
        };
        // Text for people, which nobody searches.
        if has_masks
            && let RequestKind::ExitSignal {
                message, language, ..
            } = &mut request.kind
        {
            (*message, *language) = (b"", b"");
        }
        let event = self.session.event(&mut batch.lines, operation);
        match &request.kind {
            RequestKind::ExitStatus(status) => event.number("exit_status", (*status).into()).end(),
            RequestKind::ExitSignal {
                signal, message, ..
            } => event
                .text("exit_signal", signal.as_bytes())
                .text("message", message)
                .end(),
            kind => event.text("other", kind.name().as_bytes()).end(),
        }
        let mut onward = BytesMut::new();
        request.encode(&mut onward);
        let onward = Item::Message(onward.freeze());
        batch.staged.push((request.recipient, Side::Client, onward));
        Ok(())
    }
}

/// What a program still had under way when it ended.
pub(crate) fn end(
    session: &Session<Open>,
    batch: &mut Batch,
    number: u32,
    running: &mut Running,
) -> Result<(), SessionError> {
    let mut follow = Follow {
        session,
        batch,
        number,
    };
    follow.end(running)?;
    if let Some(mut masked) = running.masked.take() {
        masked.finish(&mut Onto {
            session,
            batch,
            number,
            operation: running.number,
        });
    }
    Ok(())
}

/// How a program ended.
pub(crate) fn outcome_of(running: Running) -> Outcome {
    Outcome {
        bytes: running.bytes,
        error: running.ending,
        ..Outcome::default()
    }
}

fn unexpected(number: u8) -> SessionError {
    of_target(Broken::Unexpected(number))
}
