//! One channel of a connection that leads to sessions: a stream between its client and one of them.

use bytes::BytesMut;
use custos_ssh_wire::message::{ChannelOpen, Confirmation, number};
use custos_ssh_wire::{Broken, Window};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};

use crate::channels::{MAX_PACKET_BYTES, WINDOW_BYTES};

/// Bytes that are handed to the session at a time.
const WRITTEN_BYTES: usize = 64 * 1024;

/// Something that a stream has done.
#[derive(Debug)]
pub(super) enum Step {
    /// The session said this; nothing where it has ended.
    Read(u32, ReadHalf<DuplexStream>, BytesMut),
    /// So many bytes have gone to the session; `None`: it takes no more.
    Written(u32, usize, Option<WriteHalf<DuplexStream>>),
}

impl Step {
    pub(super) fn number(&self) -> u32 {
        match self {
            Self::Read(number, ..) | Self::Written(number, ..) => *number,
        }
    }
}

/// A stream and its channel.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// The client's number of the channel.
    pub(super) theirs: u32,
    /// What may be sent to the client.
    room: u32,
    max_packet: u32,
    /// What the client may send.
    window: Window,
    /// What it has sent and the session has not taken.
    waiting: BytesMut,
    /// `None` while it is read from, and when the session has ended.
    reader: Option<ReadHalf<DuplexStream>>,
    /// `None` while it is written to, and when nothing more is.
    writer: Option<WriteHalf<DuplexStream>>,
    is_writing: bool,
    /// The client sends no more.
    has_finished: bool,
    /// The client has closed the channel.
    has_closed: bool,
    /// The end of the channel was sent to it.
    was_closed: bool,
    /// The session has ended.
    is_over: bool,
}

impl Tunnel {
    pub(super) fn new(open: &ChannelOpen<'_>, stream: DuplexStream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            theirs: open.sender,
            room: open.window,
            max_packet: open.max_packet.min(MAX_PACKET_BYTES),
            window: Window::new(WINDOW_BYTES),
            waiting: BytesMut::new(),
            reader: Some(reader),
            writer: Some(writer),
            is_writing: false,
            has_finished: false,
            has_closed: false,
            was_closed: false,
            is_over: false,
        }
    }

    /// What the client is told when it is open.
    pub(super) fn confirmation(&self, number: u32) -> Confirmation {
        Confirmation {
            recipient: self.theirs,
            sender: number,
            window: WINDOW_BYTES,
            max_packet: MAX_PACKET_BYTES,
        }
    }

    /// The client sent data. Returns what it is to be given room for again.
    pub(super) fn data(&mut self, bytes: &[u8]) -> Result<Option<u32>, Broken> {
        let is_too_much = bytes.len() > MAX_PACKET_BYTES as usize;
        if is_too_much || self.has_finished || !self.window.received(bytes.len()) {
            return Err(Broken::Unexpected(number::CHANNEL_DATA));
        }
        if self.is_deaf() {
            return Ok(self.taken(bytes.len()));
        }
        self.waiting.extend_from_slice(bytes);
        Ok(None)
    }

    /// The client has room for so much more.
    pub(super) fn widen(&mut self, bytes: u32) -> Result<(), Broken> {
        let room = self.room.checked_add(bytes);
        self.room = room.ok_or(Broken::Unexpected(number::CHANNEL_WINDOW_ADJUST))?;
        Ok(())
    }

    /// The client sends no more.
    pub(super) fn finishes(&mut self) {
        self.has_finished = true;
    }

    /// The client has closed the channel. Returns whether it is to be told the same.
    pub(super) fn closes(&mut self) -> Result<bool, Broken> {
        if std::mem::replace(&mut self.has_closed, true) {
            return Err(Broken::Unexpected(number::CHANNEL_CLOSE));
        }
        self.has_finished = true;
        Ok(!std::mem::replace(&mut self.was_closed, true))
    }

    /// What the session said, as far as the client still wants it.
    pub(super) fn said(&mut self, reader: ReadHalf<DuplexStream>, bytes: &[u8]) -> Said {
        if bytes.is_empty() {
            self.is_over = true;
            if std::mem::replace(&mut self.was_closed, true) {
                return Said::Nothing;
            }
            return Said::End;
        }
        self.reader = Some(reader);
        if self.was_closed {
            return Said::Nothing;
        }
        self.room = self.room.saturating_sub(bytes.len() as u32);
        Said::Data
    }

    /// So much has gone to the session. Returns what the client is to be given room for again.
    pub(super) fn wrote(
        &mut self,
        bytes: usize,
        writer: Option<WriteHalf<DuplexStream>>,
    ) -> Option<u32> {
        self.is_writing = false;
        self.writer = writer;
        let mut gone = bytes;
        if self.writer.is_none() {
            gone += self.waiting.len();
            self.waiting.clear();
        }
        self.taken(gone)
    }

    fn taken(&mut self, bytes: usize) -> Option<u32> {
        self.window.taken(bytes).filter(|_| !self.was_closed)
    }

    /// The session takes no more.
    fn is_deaf(&self) -> bool {
        self.writer.is_none() && !self.is_writing
    }

    /// Nothing of it is left.
    pub(super) fn is_gone(&self) -> bool {
        self.has_closed && self.is_over && !self.is_writing
    }

    /// Waits for what the session says, if the client has room for it.
    pub(super) fn listen(&mut self, number: u32) -> Option<impl Future<Output = Step> + use<>> {
        // What nobody wants any more is taken all the same, so that the session can end.
        let most = if self.was_closed {
            MAX_PACKET_BYTES
        } else {
            self.room.min(self.max_packet)
        };
        let mut reader = self.reader.take_if(|_| most > 0)?;
        Some(async move {
            let mut bytes = BytesMut::with_capacity(most as usize);
            let mut limited = (&mut reader).take(most.into());
            // A stream in memory ends, and does not fail.
            if limited.read_buf(&mut bytes).await.is_err() {
                bytes.clear();
            }
            Step::Read(number, reader, bytes)
        })
    }

    /// Hands the session what waits, or tells it that nothing more comes.
    pub(super) fn speak(&mut self, number: u32) -> Option<impl Future<Output = Step> + use<>> {
        let has_something = !self.waiting.is_empty() || self.has_finished;
        let mut writer = self.writer.take_if(|_| has_something)?;
        let length = self.waiting.len().min(WRITTEN_BYTES);
        let mut part = self.waiting.split_to(length);
        self.is_writing = true;
        Some(async move {
            if length == 0 {
                let _ = writer.shutdown().await;
                return Step::Written(number, 0, None);
            }
            let written = writer.write_all_buf(&mut part).await;
            Step::Written(number, length, written.is_ok().then_some(writer))
        })
    }
}

/// What the client is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing.
    Nothing,
    /// The data.
    Data,
    /// That it is over.
    End,
}
