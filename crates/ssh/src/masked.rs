//! What programs say, as clients are shown it and as records have it; and what they are told, as records have it.

use std::time::Duration;

use bytes::Bytes;
use custos_model::OperationNumber;
use custos_session::masking::{Flush, MaskedTerminal};
use custos_session::transcript::Lines;
use custos_session::{Masks, Open, Session};
use tokio::time::Instant;

use crate::channels::{Item, MAX_PACKET_BYTES, Side};
use crate::conversation::Batch;
use crate::requests::STDERR;

/// After so long without output, what is no finding in all likelihood is shown, so that whoever types sees it.
const TERMINAL_QUIET: Duration = Duration::from_millis(25);
/// The same where there is no terminal: nobody types, but a program may wait for an answer to its last word.
const PROGRAM_QUIET: Duration = Duration::from_millis(500);

/// The masks of one program.
#[derive(Debug)]
pub(crate) struct Masked {
    output: Stream,
    errors: Stream,
    input: Option<MaskedTerminal>,
    quiet: Duration,
}

/// One stream of a program's.
#[derive(Debug)]
struct Stream {
    code: Option<u32>,
    /// What the client is shown, where that is not all.
    shown: Option<MaskedTerminal>,
    /// What is recorded, where that is something else than what is shown.
    recorded: Option<MaskedTerminal>,
    /// When what is kept back is to be looked at again.
    due: Option<Instant>,
}

/// What a program's channel is on its way with.
pub(crate) struct Onto<'a> {
    pub(crate) session: &'a Session<Open>,
    pub(crate) batch: &'a mut Batch,
    /// Of the channel.
    pub(crate) number: u32,
    pub(crate) operation: OperationNumber,
}

impl Masked {
    /// `None`: nothing is looked for.
    pub(crate) fn new(shown: &Masks, recorded: &Masks, has_terminal: bool) -> Option<Box<Self>> {
        recorded.detected()?;
        let stream = |code| Stream {
            code,
            shown: shown.terminal(Flush::Live),
            recorded: (!shown.look_for_the_same(recorded))
                .then(|| recorded.terminal(Flush::Strict))
                .flatten(),
            due: None,
        };
        Some(Box::new(Self {
            output: stream(None),
            errors: stream(Some(STDERR)),
            input: recorded.terminal(Flush::Strict),
            quiet: if has_terminal {
                TERMINAL_QUIET
            } else {
                PROGRAM_QUIET
            },
        }))
    }

    /// The masks of what is recorded of something that goes on as it is.
    pub(crate) fn recorded_only(recorded: &Masks) -> Option<Box<Self>> {
        Self::new(&Masks::default(), recorded, false)
    }

    /// What the program says, and what may be recorded of it, where that is searched by itself.
    pub(crate) fn said(
        &mut self,
        onto: &mut Onto<'_>,
        code: Option<u32>,
        bytes: Bytes,
        recorded: &[u8],
    ) {
        let quiet = self.quiet;
        let stream = match code {
            None => &mut self.output,
            Some(_) => &mut self.errors,
        };
        stream.said(onto, bytes, recorded);
        stream.due = stream
            .shown
            .as_ref()
            .is_some_and(MaskedTerminal::has_held_back)
            .then(|| Instant::now() + quiet);
    }

    /// What it is told goes on as it is; what of that is recorded.
    pub(crate) fn told(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut recorded = Vec::new();
        if let Some(input) = &mut self.input {
            input.push(bytes, &mut recorded);
        }
        recorded
    }

    /// When something that is kept back is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        [self.output.due, self.errors.due]
            .into_iter()
            .flatten()
            .min()
    }

    /// Shows what is due.
    pub(crate) fn flush(&mut self, onto: &mut Onto<'_>, now: Instant) {
        for stream in [&mut self.output, &mut self.errors] {
            if stream.due.is_some_and(|due| due <= now) {
                stream.due = None;
                stream.pass_on(onto, MaskedTerminal::flush);
            }
        }
    }

    /// The program says nothing more.
    pub(crate) fn finish_output(&mut self, onto: &mut Onto<'_>) {
        for stream in [&mut self.output, &mut self.errors] {
            stream.finish(onto);
        }
    }

    /// It is over.
    pub(crate) fn finish(&mut self, onto: &mut Onto<'_>) {
        self.finish_output(onto);
        let mut rest = Vec::new();
        if let Some(input) = &mut self.input {
            input.finish(&mut rest);
        }
        record(onto, "input", &rest);
    }
}

impl Stream {
    fn said(&mut self, onto: &mut Onto<'_>, bytes: Bytes, recorded: &[u8]) {
        if let Some(masks) = &mut self.recorded {
            let mut out = Vec::new();
            masks.push(recorded, &mut out);
            record(onto, word(self.code), &out);
        }
        if self.shown.is_none() {
            onto.batch.staged.push((
                onto.number,
                Side::Client,
                Item::Data {
                    code: self.code,
                    bytes,
                    counted: true,
                },
            ));
            return;
        }
        self.take_in(onto, bytes.len(), |shown, out| shown.push(&bytes, out));
    }

    /// So many bytes came, and something of them and of those before goes on. The rest is either kept back, and its sender
    /// given no room for it again, or gone.
    fn take_in(
        &mut self,
        onto: &mut Onto<'_>,
        came: usize,
        step: impl FnOnce(&mut MaskedTerminal, &mut Vec<u8>),
    ) {
        let Some(shown) = &mut self.shown else { return };
        let mut out = Vec::new();
        let before = shown.held_back_bytes() + came;
        step(shown, &mut out);
        let decided = before.saturating_sub(shown.held_back_bytes());
        if self.recorded.is_none() {
            record(onto, word(self.code), &out);
        }
        let gone = decided.saturating_sub(out.len());
        // A repetition that was written out is longer than it came, and nobody's window has room for that.
        let more = out.split_off(out.len().min(decided));
        for (bytes, counted) in [(out, true), (more, false)] {
            if !bytes.is_empty() {
                let item = Item::Data {
                    code: self.code,
                    bytes: bytes.into(),
                    counted,
                };
                onto.batch.staged.push((onto.number, Side::Client, item));
            }
        }
        if gone > 0 {
            let item = Item::Gone(gone);
            onto.batch.staged.push((onto.number, Side::Client, item));
        }
    }

    fn pass_on(
        &mut self,
        onto: &mut Onto<'_>,
        step: impl FnOnce(&mut MaskedTerminal, &mut Vec<u8>),
    ) {
        self.take_in(onto, 0, step);
    }

    fn finish(&mut self, onto: &mut Onto<'_>) {
        self.due = None;
        self.pass_on(onto, MaskedTerminal::finish);
        if let Some(recorded) = &mut self.recorded {
            let mut out = Vec::new();
            recorded.finish(&mut out);
            record(onto, word(self.code), &out);
        }
    }
}

fn word(code: Option<u32>) -> &'static str {
    if code.is_none() { "output" } else { "errors" }
}

fn record(onto: &mut Onto<'_>, key: &'static str, bytes: &[u8]) {
    let lines: &mut Lines = &mut onto.batch.lines;
    for piece in bytes.chunks(MAX_PACKET_BYTES as usize) {
        onto.session
            .event(lines, onto.operation)
            .text(key, piece)
            .end();
    }
}
