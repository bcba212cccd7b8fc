//! What both directions of a session share.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use bytes::BytesMut;
use custos_session::transcript::Lines;
use custos_session::{Ended, Open, Position, Session, SessionError, UpstreamError};
use custos_ssh_wire::message::number;
use custos_ssh_wire::{Broken, Transport};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::channels::{Channels, Item, Side};
use crate::forwarding::Forwards;
use crate::held::Waiting;
use crate::link::{of_client, of_target};

/// Bytes that are read at a time.
const READ_BYTES: usize = 128 * 1024;
/// While this much waits for either side, nothing more is read from the client: whatever it sends may have to be passed on, or
/// answered.
const FROM_CLIENT_BYTES: usize = 1 << 20;
/// The same of the target. More, so that it never waits for what the client alone has caused.
const FROM_TARGET_BYTES: usize = 2 << 20;

/// Both connections and what joins them.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) client: Transport,
    pub(crate) target: Transport,
    pub(crate) channels: Channels,
    pub(crate) forwards: Forwards,
    /// The client wants no further programs.
    pub(crate) is_last: bool,
}

impl Conversation {
    pub(crate) fn side(&mut self, side: Side) -> &mut Transport {
        match side {
            Side::Client => &mut self.client,
            Side::Target => &mut self.target,
        }
    }

    /// Sends on what can go to that side.
    pub(crate) fn pump(&mut self, side: Side) -> Result<(), Broken> {
        self.channels.pump(side, &mut self.client, &mut self.target)
    }
}

/// One task runs all directions of a session, so the lock is never waited for.
#[derive(Debug)]
pub(crate) struct Shared {
    conversation: Mutex<Conversation>,
    /// There may be something to write to that side.
    client_wake: Notify,
    target_wake: Notify,
    /// Something was written to that side.
    client_drained: Notify,
    target_drained: Notify,
    /// A channel may be over.
    pub(crate) progress: Notify,
    /// Programs that are to wait for people.
    waiting: Mutex<Vec<Waiting>>,
    /// There is one more.
    pub(crate) held: Notify,
    /// Channels on which a line is entered that may have to wait.
    entering: Mutex<Vec<u32>>,
    /// There is one more.
    pub(crate) entered: Notify,
    /// The client's requests for files may go on.
    pub(crate) resumed: Notify,
}

/// What came in one read, on its way to be recorded.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) lines: Lines,
    /// Where the last of its records stands.
    pub(crate) position: Option<Position>,
    /// Something in it can change something.
    pub(crate) may_change: bool,
    /// What of no channel, or before there is one, goes on when all of it is recorded.
    messages: Vec<(Side, BytesMut)>,
    /// Channels that a side is asked to open by one of these.
    asked: Vec<u32>,
    /// Channels on which a line is entered that may have to wait, behind what goes on.
    pub(crate) entering: Vec<u32>,
    /// What goes on when all of it is recorded: the channel, to which side, and what.
    pub(crate) staged: Vec<(u32, Side, Item)>,
}

impl Batch {
    /// A record was appended.
    pub(crate) fn at(&mut self, position: Position) {
        self.position = Some(position);
    }

    /// Something of no channel goes on when all of it is recorded.
    pub(crate) fn message(&mut self, side: Side, write: impl FnOnce(&mut BytesMut)) {
        let mut payload = BytesMut::new();
        write(&mut payload);
        self.messages.push((side, payload));
    }

    /// The same, for one that asks the side to open a channel.
    pub(crate) fn ask(&mut self, number: u32, side: Side, write: impl FnOnce(&mut BytesMut)) {
        self.message(side, write);
        self.asked.push(number);
    }

    /// Hands its lines over; where the last record stands, if there is any.
    pub(crate) fn record(
        &mut self,
        session: &Session<Open>,
    ) -> Result<Option<Position>, SessionError> {
        if let Some(position) = session.record(&mut self.lines)? {
            self.at(position);
        }
        Ok(self.position.take())
    }
}

impl Shared {
    pub(crate) fn new(client: Transport, target: Transport) -> Self {
        let conversation = Conversation {
            client,
            target,
            channels: Channels::default(),
            forwards: Forwards::default(),
            is_last: false,
        };
        Self {
            conversation: Mutex::new(conversation),
            client_wake: Notify::new(),
            target_wake: Notify::new(),
            client_drained: Notify::new(),
            target_drained: Notify::new(),
            progress: Notify::new(),
            waiting: Mutex::default(),
            held: Notify::new(),
            entering: Mutex::default(),
            entered: Notify::new(),
            resumed: Notify::new(),
        }
    }

    /// To be let go before anything else takes it: whoever has it and takes it again waits for good.
    pub(crate) fn conversation(&self) -> MutexGuard<'_, Conversation> {
        debug_assert!(
            !matches!(self.conversation.try_lock(), Err(TryLockError::WouldBlock)),
            "the conversation is taken already"
        );
        self.conversation
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a message is about a channel that one side has not opened yet: nobody may speak on it.
    pub(crate) fn is_too_early(&self, payload: &[u8]) -> bool {
        let is_of_open =
            |it: &u8| (number::CHANNEL_WINDOW_ADJUST..=number::CHANNEL_FAILURE).contains(it);
        let recipient = payload.get(1..5).and_then(|bytes| bytes.try_into().ok());
        let (Some(recipient), true) = (recipient, payload.first().is_some_and(is_of_open)) else {
            return false;
        };
        let mut conversation = self.conversation();
        let channel = conversation.channels.get(u32::from_be_bytes(recipient));
        channel.is_some_and(|channel| !channel.client_is_open || channel.target.is_none())
    }

    pub(crate) fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn entering(&self) -> MutexGuard<'_, Vec<u32>> {
        self.entering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, side: Side) -> &Notify {
        match side {
            Side::Client => &self.client_wake,
            Side::Target => &self.target_wake,
        }
    }

    fn drained(&self, side: Side) -> &Notify {
        match side {
            Side::Client => &self.client_drained,
            Side::Target => &self.target_drained,
        }
    }

    /// What was recorded goes on.
    pub(crate) fn release(&self, batch: &mut Batch) -> Result<(), Broken> {
        let mut conversation = self.conversation();
        for (side, payload) in batch.messages.drain(..) {
            conversation.side(side).send(&payload)?;
        }
        for number in batch.asked.drain(..) {
            if let Some(channel) = conversation.channels.get(number) {
                channel.is_asked_for = true;
            }
        }
        for (number, side, item) in batch.staged.drain(..) {
            if let Some(channel) = conversation.channels.get(number) {
                channel.push(side, item)?;
            }
        }
        for side in [Side::Client, Side::Target] {
            conversation.pump(side)?;
        }
        drop(conversation);
        if !batch.entering.is_empty() {
            self.entering().append(&mut batch.entering);
            self.entered.notify_one();
        }
        self.client_wake.notify_one();
        self.target_wake.notify_one();
        self.progress.notify_one();
        Ok(())
    }

    /// Returns when both sides have read most of what they were sent, so that more may be read from `side`.
    pub(crate) async fn room(&self, side: Side) {
        let limit = match side {
            Side::Client => FROM_CLIENT_BYTES,
            Side::Target => FROM_TARGET_BYTES,
        };
        for receiver in [Side::Client, Side::Target] {
            loop {
                let drained = self.drained(receiver).notified();
                if self.conversation().side(receiver).pending_bytes() <= limit {
                    break;
                }
                drained.await;
            }
        }
    }

    /// What is still to be written to a side, with why it ends; `output` is what of it was on its way.
    pub(crate) fn last_words(
        &self,
        side: Side,
        why: Option<(u32, String)>,
        mut output: BytesMut,
    ) -> BytesMut {
        let mut conversation = self.conversation();
        let transport = conversation.side(side);
        if let Some((reason, text)) = why {
            transport.disconnect(reason, &text);
        }
        output.unsplit(transport.output().split());
        output
    }

    /// Returns when nothing runs.
    pub(crate) async fn idle(&self) {
        loop {
            let progress = self.progress.notified();
            if self.conversation().channels.is_empty() {
                return;
            }
            progress.await;
        }
    }

    /// Returns when the client has been sent all that waited for it.
    pub(crate) async fn delivered(&self) {
        loop {
            let drained = self.client_drained.notified();
            {
                let mut conversation = self.conversation();
                let waits = conversation.channels.each().any(|it| it.client.waits());
                if !waits && conversation.client.pending_bytes() == 0 {
                    return;
                }
            }
            drained.await;
        }
    }

    /// Reads from a side once; false when it is at its end.
    pub(crate) async fn read(
        &self,
        side: Side,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> std::io::Result<bool> {
        let mut buffer = std::mem::take(self.conversation().side(side).input());
        buffer.reserve(READ_BYTES);
        let read = reader.read_buf(&mut buffer).await;
        *self.conversation().side(side).input() = buffer;
        Ok(read? > 0)
    }

    /// Writes to a side whatever there is for it.
    ///
    /// `output` is what of it is on its way; when this is dropped, the rest is still there.
    pub(crate) async fn write(
        &self,
        side: Side,
        writer: &mut (impl AsyncWrite + Unpin),
        output: &mut BytesMut,
    ) -> Result<std::convert::Infallible, SessionError> {
        let failed = |error| match side {
            Side::Client => SessionError::Client(error),
            Side::Target => SessionError::Upstream(UpstreamError::Io(error)),
        };
        let broken = match side {
            Side::Client => of_client,
            Side::Target => of_target,
        };
        loop {
            let wake = self.wake(side).notified();
            {
                let mut conversation = self.conversation();
                conversation.pump(side).map_err(broken)?;
                std::mem::swap(output, conversation.side(side).output());
            }
            self.progress.notify_one();
            if output.is_empty() {
                wake.await;
                continue;
            }
            // Its senders were given room.
            self.wake(if side == Side::Client {
                Side::Target
            } else {
                Side::Client
            })
            .notify_one();
            writer.write_all_buf(output).await.map_err(failed)?;
            self.drained(side).notify_waiters();
        }
    }
}

/// How a direction ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// With a goodbye.
    Disconnected,
    /// Without.
    Vanished,
}

impl Left {
    pub(crate) fn ended(self) -> Ended {
        match self {
            Self::Disconnected => Ended::ClientClosed,
            Self::Vanished => Ended::ClientVanished,
        }
    }
}
