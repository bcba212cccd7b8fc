//! Channels that join a client's and a target's, and how far their data has come.
//!
//! A channel has one number here, which both sides know it by. Whatever goes on in one direction stands in a queue in the
//! order in which it came: data waits for the receiver's room, other messages wait for the data before them. Room is given
//! back to a sender for what has gone on, so that a queue never has more than a window's data.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};
use custos_model::OperationNumber;
use custos_ssh_wire::message::{adjust, data, extended_data, number};
use custos_ssh_wire::{Broken, Put as _, Transport, Window};

use crate::files::Files;
use crate::forwarding::Cookie;
use crate::held::Hold;
use crate::lines::Lines;
use crate::masked::Masked;

/// What a sender may have sent that has not gone on: as much as OpenSSH allows (CHAN_SES_WINDOW_DEFAULT).
pub(crate) const WINDOW_BYTES: u32 = 2 << 20;
/// Data in one message (CHAN_SES_PACKET_DEFAULT).
pub(crate) const MAX_PACKET_BYTES: u32 = 32 * 1024;
/// Channels of one session at a time: their windows are what a session can make the gateway hold.
pub(crate) const CHANNELS_MAX: usize = 32;
/// Messages without data that wait in one queue; whoever sends more does not wait for answers.
const MESSAGES_MAX: usize = 256;
/// Bytes of the gateway's own answers that wait in one queue.
const OWN_BYTES_MAX: usize = 1 << 20;
/// Things that wait in one queue.
const ITEMS_MAX: usize = 64 * 1024;
/// A piece of data below this is copied, and put together with others.
const SMALL_BYTES: usize = 4096;
/// Of pieces that were put together.
const GATHERED_BYTES: usize = 64 * 1024;
/// No more data is sealed while this much waits to be written.
const OUTPUT_BYTES: usize = 256 * 1024;

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Target,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Target,
            Self::Target => Self::Client,
        }
    }
}

/// Something on its way.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// Data of a stream. `counted`: its sender is given room for it again.
    Data {
        code: Option<u32>,
        bytes: Bytes,
        counted: bool,
    },
    /// Small pieces of data, put together: a queue of single bytes takes no more memory than its bytes.
    Gathered {
        code: Option<u32>,
        bytes: BytesMut,
        counted: bool,
    },
    /// So many bytes of the sender's go no further: it is given room for them again.
    Gone(usize),
    /// Another message of the channel as it came; the number of the channel in it is replaced.
    Message(Bytes),
}

impl Item {
    /// Takes at most so many bytes off the front of data: their stream, they themselves, whether their sender is given room
    /// for them, and whether they were the last.
    fn split_data(&mut self, most: usize) -> (Option<u32>, Bytes, bool, bool) {
        match self {
            Self::Data {
                code,
                bytes,
                counted,
            } => {
                let part = bytes.split_to(most.min(bytes.len()));
                (*code, part, *counted, bytes.is_empty())
            }
            Self::Gathered {
                code,
                bytes,
                counted,
            } => {
                let part = bytes.split_to(most.min(bytes.len())).freeze();
                (*code, part, *counted, bytes.is_empty())
            }
            Self::Gone(_) | Self::Message(_) => (None, Bytes::new(), false, true),
        }
    }
}

/// One end of a channel.
#[derive(Debug)]
pub(crate) struct End {
    /// Its side's number of the channel.
    number: u32,
    /// Data that may be sent to it.
    room: u32,
    max_packet: u32,
    /// What it may send.
    window: Window,
    /// Messages that wait to be sent to it.
    queue: VecDeque<Item>,
    messages: usize,
    /// Bytes of the gateway's own that wait: no window bounds them.
    own_bytes: usize,
    /// The end of the channel was sent to it.
    was_closed: bool,
    /// It has ended the channel.
    has_closed: bool,
}

impl End {
    pub(crate) fn new(number: u32, room: u32, max_packet: u32) -> Self {
        Self {
            number,
            room,
            max_packet: max_packet.min(MAX_PACKET_BYTES),
            window: Window::new(WINDOW_BYTES),
            queue: VecDeque::new(),
            messages: 0,
            own_bytes: 0,
            was_closed: false,
            has_closed: false,
        }
    }

    /// Data came from it.
    pub(crate) fn received(&mut self, bytes: usize) -> Result<(), Broken> {
        if bytes > MAX_PACKET_BYTES as usize || self.has_closed || !self.window.received(bytes) {
            return Err(Broken::Unexpected(number::CHANNEL_DATA));
        }
        Ok(())
    }

    /// It has room for so much more.
    pub(crate) fn widen(&mut self, bytes: u32) -> Result<(), Broken> {
        let room = self.room.checked_add(bytes);
        self.room = room.ok_or(Broken::Unexpected(number::CHANNEL_WINDOW_ADJUST))?;
        Ok(())
    }

    /// It ends the channel.
    pub(crate) fn closes(&mut self) -> Result<(), Broken> {
        if std::mem::replace(&mut self.has_closed, true) {
            return Err(Broken::Unexpected(number::CHANNEL_CLOSE));
        }
        Ok(())
    }

    /// Its side's number of the channel.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Something waits to be sent to it.
    pub(crate) fn waits(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(crate) fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// Queues something for it. A slice would hold all of the buffer that it was read into, so what waits is copied.
    fn push(&mut self, item: Item) -> Result<(), Broken> {
        match item {
            Item::Message(payload) => {
                self.messages += 1;
                self.queue
                    .push_back(Item::Message(Bytes::copy_from_slice(&payload)));
            }
            Item::Data {
                code,
                bytes,
                counted,
            } => {
                if !counted {
                    self.own_bytes += bytes.len();
                }
                if bytes.is_empty() {
                    return Ok(());
                }
                if self.queue.is_empty() && bytes.len() >= SMALL_BYTES {
                    self.queue.push_back(Item::Data {
                        code,
                        bytes,
                        counted,
                    });
                } else {
                    self.gather(code, &bytes, counted);
                }
            }
            item => self.queue.push_back(item),
        }
        let is_too_much = self.messages > MESSAGES_MAX
            || self.own_bytes > OWN_BYTES_MAX
            || self.queue.len() > ITEMS_MAX;
        if is_too_much {
            return Err(Broken::Backlog);
        }
        Ok(())
    }

    fn gather(&mut self, code: Option<u32>, piece: &[u8], counted: bool) {
        if let Some(Item::Gathered {
            code: its,
            bytes,
            counted: is_counted,
        }) = self.queue.back_mut()
            && (*its, *is_counted) == (code, counted)
            && bytes.len() < GATHERED_BYTES
        {
            bytes.extend_from_slice(piece);
            return;
        }
        self.queue.push_back(Item::Gathered {
            code,
            bytes: BytesMut::from(piece),
            counted,
        });
    }

    /// Sends it what it has room for; the bytes that its peer is to be given room for again.
    fn pump(&mut self, transport: &mut Transport) -> Result<usize, Broken> {
        let mut gone = 0;
        while let Some(item) = self.queue.front_mut() {
            let is_data = matches!(item, Item::Data { .. } | Item::Gathered { .. });
            // Whoever has ended the channel gives no more room, and reads no data.
            if self.was_closed || self.has_closed && is_data {
                // Nothing comes after the end. What was still to come has gone as far as it can.
                match self.queue.pop_front() {
                    Some(Item::Data {
                        bytes,
                        counted: true,
                        ..
                    }) => gone += bytes.len(),
                    Some(Item::Gathered {
                        bytes,
                        counted: true,
                        ..
                    }) => gone += bytes.len(),
                    _ => {}
                }
                continue;
            }
            match item {
                Item::Gone(bytes) => {
                    gone += *bytes;
                    self.queue.pop_front();
                }
                Item::Message(payload) => {
                    let payload = std::mem::take(payload);
                    self.queue.pop_front();
                    self.messages -= 1;
                    self.was_closed = payload.first() == Some(&number::CHANNEL_CLOSE);
                    send_to(transport, self.number, &payload)?;
                }
                Item::Data { .. } | Item::Gathered { .. } => {
                    let room = self.room.min(self.max_packet) as usize;
                    if room == 0
                        || transport.is_exchanging()
                        || transport.pending_bytes() > OUTPUT_BYTES
                    {
                        break;
                    }
                    let (code, part, counted, is_last) = item.split_data(room);
                    if is_last {
                        self.queue.pop_front();
                    }
                    transport.send_with(|out| match code {
                        None => data(out, self.number, &part),
                        Some(code) => extended_data(out, self.number, code, &part),
                    })?;
                    self.room -= part.len() as u32;
                    if counted {
                        gone += part.len();
                    } else {
                        self.own_bytes -= part.len();
                    }
                }
            }
        }
        Ok(gone)
    }

    /// What it sent has gone on.
    fn taken(&mut self, bytes: usize, transport: &mut Transport) -> Result<(), Broken> {
        if let Some(given) = self.window.taken(bytes)
            && !self.was_closed
            && !self.has_closed
        {
            let number = self.number;
            transport.send_with(|out| adjust(out, number, given))?;
        }
        Ok(())
    }
}

/// Sends a channel's message as it came, under the receiver's number of the channel.
fn send_to(transport: &mut Transport, recipient: u32, payload: &[u8]) -> Result<(), Broken> {
    let (&number, rest) = payload.split_first().ok_or(Broken::Unexpected(0))?;
    let mut rest = rest;
    if rest.len() < 4 {
        return Err(Broken::Unexpected(number));
    }
    rest.advance(4);
    transport.send_with(|out| {
        out.byte(number).uint32(recipient).raw(rest);
    })
}

/// An answer that the client waits for: they come in the order of its requests (RFC 4254 section 5.4).
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The target's, which has not come. `to_program`: whether it runs what was asked for.
    Target { to_program: bool },
    /// The gateway's own, behind one of the target's, and what comes with it.
    Own(Vec<Item>),
}

/// A program, a shell or a subsystem that runs on a channel.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) number: OperationNumber,
    /// Bytes that came back.
    pub(crate) bytes: u64,
    /// How it ended, as the target says.
    pub(crate) ending: Option<(String, String)>,
    /// What goes through it, where it is sftp.
    pub(crate) files: Option<Files>,
    /// What of it is masked.
    pub(crate) masked: Option<Box<Masked>>,
    /// The secret in what comes back, which is not recorded.
    pub(crate) cookie: Option<Cookie>,
    /// What is typed into it, where rules ask people about lines.
    pub(crate) lines: Option<Box<Lines>>,
}

impl Running {
    pub(crate) fn new(
        number: OperationNumber,
        files: Option<Files>,
        masked: Option<Box<Masked>>,
    ) -> Self {
        Self {
            number,
            bytes: 0,
            ending: None,
            files,
            masked,
            cookie: None,
            lines: None,
        }
    }
}

/// A channel between a client and a target.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) client: End,
    /// The client has opened it: always, but for those that the target asks it to open.
    pub(crate) client_is_open: bool,
    /// The side that is to open it was told so. Nothing that it says of it is believed before.
    pub(crate) is_asked_for: bool,
    /// It is a forwarded connection, and not for programs.
    pub(crate) is_connection: bool,
    /// `None` until the target has opened its own.
    pub(crate) target: Option<End>,
    pub(crate) running: Option<Running>,
    pub(crate) answers: VecDeque<Answer>,
    /// There is a terminal.
    pub(crate) has_terminal: bool,
    /// Its columns and rows.
    size: (u32, u32),
    /// What was asked for waits for people.
    pub(crate) held: Option<Hold>,
    /// What was asked for was refused: nothing runs on it any more.
    pub(crate) is_refused: bool,
}

impl Channel {
    pub(crate) fn new(client: End) -> Self {
        Self {
            client,
            client_is_open: true,
            is_asked_for: true,
            is_connection: false,
            target: None,
            running: None,
            answers: VecDeque::new(),
            has_terminal: false,
            size: (0, 0),
            held: None,
            is_refused: false,
        }
    }

    /// A connection that is forwarded, whose other side does not know of it yet.
    pub(crate) fn connection(opener: End, from: Side) -> Self {
        let new = |client| Self {
            is_asked_for: false,
            is_connection: true,
            ..Self::new(client)
        };
        match from {
            Side::Client => new(opener),
            Side::Target => Self {
                client_is_open: false,
                target: Some(opener),
                ..new(End::new(0, 0, 0))
            },
        }
    }

    /// Whether it is for this side to open it, or not to.
    pub(crate) fn waits_for(&self, side: Side) -> bool {
        self.is_asked_for
            && match side {
                Side::Client => !self.client_is_open,
                Side::Target => self.target.is_none(),
            }
    }

    /// The side has opened its end.
    pub(crate) fn opened(&mut self, side: Side, end: End) {
        match side {
            Side::Client => {
                self.client_is_open = true;
                self.client = end;
            }
            Side::Target => self.target = Some(end),
        }
    }

    /// The side's number of it; `None` where it has none.
    pub(crate) fn number(&self, side: Side) -> Option<u32> {
        match side {
            Side::Client => self.client_is_open.then_some(self.client.number),
            Side::Target => self.target.as_ref().map(End::number),
        }
    }

    /// What runs on it is sftp.
    pub(crate) fn carries_files(&self) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.files.is_some())
    }

    /// Its terminal has another size.
    pub(crate) fn resize(&mut self, columns: u32, rows: u32) {
        self.size = (columns, rows);
        if let Some(lines) = self.lines() {
            lines.resize(columns, rows);
        }
    }

    /// Columns and rows of its terminal, if there is one.
    pub(crate) fn terminal(&self) -> Option<(u32, u32)> {
        self.has_terminal.then_some(self.size)
    }

    /// What is typed into what runs on it, where rules ask people about lines.
    pub(crate) fn lines(&mut self) -> Option<&mut Lines> {
        self.running.as_mut()?.lines.as_deref_mut()
    }

    /// Keeps a message behind requests for files that wait, if there are any.
    pub(crate) fn keeps_behind_files(&mut self, payload: &Bytes) -> bool {
        let files = self.running.as_mut().and_then(|it| it.files.as_mut());
        files.is_some_and(|files| files.keeps(payload))
    }

    /// Operation of its lines in the transcript.
    pub(crate) fn operation(&self) -> OperationNumber {
        self.running
            .as_ref()
            .map_or(OperationNumber(0), |running| running.number)
    }

    /// The gateway's own answers that nothing is before any more.
    pub(crate) fn own_answers(&mut self) -> Vec<Item> {
        let mut own = Vec::new();
        while let Some(Answer::Own(items)) = self.answers.front_mut() {
            own.append(items);
            self.answers.pop_front();
        }
        own
    }

    pub(crate) fn push(&mut self, side: Side, item: Item) -> Result<(), Broken> {
        match side {
            Side::Client => self.client.push(item),
            // Nothing comes before the target has opened it: the client is not told before.
            Side::Target => match &mut self.target {
                Some(target) => target.push(item),
                None => Err(Broken::Unexpected(number::CHANNEL_DATA)),
            },
        }
    }

    /// Sends on what can go to that side.
    fn pump(
        &mut self,
        side: Side,
        client: &mut Transport,
        target: &mut Transport,
    ) -> Result<(), Broken> {
        let Some(target_end) = &mut self.target else {
            if side == Side::Client {
                self.client.pump(client)?;
            }
            return Ok(());
        };
        match side {
            Side::Client => {
                let gone = self.client.pump(client)?;
                target_end.taken(gone, target)
            }
            Side::Target => {
                let gone = target_end.pump(target)?;
                self.client.taken(gone, client)
            }
        }
    }

    /// Both sides have ended it and know of each other's end.
    fn is_over(&self) -> bool {
        let over = |end: &End| end.has_closed && end.was_closed;
        over(&self.client) && self.target.as_ref().is_none_or(over)
    }
}

/// The channels of a session.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    all: Vec<Option<Channel>>,
}

impl Channels {
    /// A place for another; `None`: there are too many.
    pub(crate) fn add(&mut self, channel: Channel) -> Option<u32> {
        let free = self.all.iter().position(Option::is_none);
        let place = match free {
            Some(place) => place,
            None if self.all.len() < CHANNELS_MAX => {
                self.all.push(None);
                self.all.len() - 1
            }
            None => return None,
        };
        *self.all.get_mut(place)? = Some(channel);
        u32::try_from(place).ok()
    }

    pub(crate) fn get(&mut self, number: u32) -> Option<&mut Channel> {
        self.all.get_mut(usize::try_from(number).ok()?)?.as_mut()
    }

    pub(crate) fn remove(&mut self, number: u32) {
        if let Some(place) = usize::try_from(number)
            .ok()
            .and_then(|at| self.all.get_mut(at))
        {
            *place = None;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.iter().all(Option::is_none)
    }

    pub(crate) fn numbered(&mut self) -> impl Iterator<Item = (u32, &mut Channel)> {
        let numbered = (0..).zip(self.all.iter_mut());
        numbered.filter_map(|(number, channel)| Some((number, channel.as_mut()?)))
    }

    pub(crate) fn each(&mut self) -> impl Iterator<Item = &mut Channel> {
        self.all.iter_mut().flatten()
    }

    /// Sends on what can go to that side, a channel after the other, and forgets those that are over.
    pub(crate) fn pump(
        &mut self,
        side: Side,
        client: &mut Transport,
        target: &mut Transport,
    ) -> Result<(), Broken> {
        for place in &mut self.all {
            let Some(channel) = place else { continue };
            channel.pump(side, client, target)?;
            if channel.is_over() {
                *place = None;
            }
        }
        Ok(())
    }
}
