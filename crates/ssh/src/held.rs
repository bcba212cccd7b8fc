//! Programs that wait for people. The channel waits with them, and no other one does.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use custos_model::{Decision, Outcome};
use custos_session::{Begun, Held, Masks, Open, Session, SessionError, Settled};
use custos_ssh_wire::Broken;
use custos_ssh_wire::message::{ChannelData, OpenFailure};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;

use crate::channels::{Item, Running, Side};
use crate::conversation::{Batch, Shared};
use crate::forwarding::refuse_later;
use crate::link::of_client;
use crate::operation::Program;
use crate::requests::{Requests, STDERR};

/// Messages that wait behind a held program on its channel; data is bounded by the window.
const BEHIND_MAX: usize = 256;

/// A program that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) channel: u32,
    pub(crate) program: Program,
    pub(crate) begun: Begun,
    pub(crate) wish: Wish,
    /// The request, to be passed on.
    pub(crate) payload: Bytes,
    pub(crate) withdrawn: Arc<Notify>,
}

/// What is to go on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    /// A program, on a channel that is open.
    Program { wants_reply: bool },
    /// A connection; the client's number of the channel, which is not open.
    Connection { sender: u32 },
}

/// What a channel knows of the program that waits on it.
#[derive(Debug)]
pub(crate) struct Hold {
    /// To be notified when the client wants it no more.
    pub(crate) withdrawn: Arc<Notify>,
    behind: Vec<Behind>,
    messages: usize,
    /// What stands behind it is taken up now, and not to be put there again.
    is_passing: bool,
}

/// What came after the request. Copied: a slice would hold all of the buffer that it was read into.
#[derive(Debug)]
enum Behind {
    /// Data that the window has counted, put together.
    Data(BytesMut),
    Message(Bytes),
}

impl Hold {
    pub(crate) fn new(withdrawn: Arc<Notify>) -> Self {
        Self {
            withdrawn,
            behind: Vec::new(),
            messages: 0,
            is_passing: false,
        }
    }

    /// Whether what comes now is to wait.
    pub(crate) fn keeps(&self) -> bool {
        !self.is_passing
    }

    pub(crate) fn data(&mut self, bytes: &[u8]) {
        if let Some(Behind::Data(last)) = self.behind.last_mut() {
            last.extend_from_slice(bytes);
        } else {
            self.behind.push(Behind::Data(BytesMut::from(bytes)));
        }
    }

    pub(crate) fn message(&mut self, payload: &[u8]) -> Result<(), Broken> {
        self.messages += 1;
        if self.messages > BEHIND_MAX {
            return Err(Broken::Backlog);
        }
        self.behind
            .push(Behind::Message(Bytes::copy_from_slice(payload)));
        Ok(())
    }
}

/// What its client is shown, and what is recorded.
struct Masked {
    shown: Masks,
    recorded: Masks,
}

/// How the wait ended.
enum Decided {
    Approved(Box<Held>, Masked),
    Refused(String),
}

/// Runs what waits, each by itself, until the session ends.
pub(crate) async fn run(
    requests: &Requests<'_>,
    session: &Session<Open>,
    shared: &Shared,
) -> SessionError {
    let mut all = FuturesUnordered::new();
    loop {
        let new = shared.held.notified();
        for waiting in std::mem::take(&mut *shared.waiting()) {
            all.push(wait(requests, session, shared, waiting));
        }
        tokio::select! {
            Some(ended) = all.next(), if !all.is_empty() => {
                if let Err(error) = ended {
                    return error;
                }
            }
            () = new => {}
        }
    }
}

async fn wait(
    requests: &Requests<'_>,
    session: &Session<Open>,
    shared: &Shared,
    mut waiting: Waiting,
) -> Result<(), SessionError> {
    let decided = decide(session, shared, &mut waiting).await?;
    let number = waiting.channel;
    let mut batch = Batch::default();
    let decided = match decided {
        Decided::Approved(held, masks) => match session.execute(*held, &waiting.program.exact()) {
            Ok(position) => {
                batch.at(position);
                Ok(masks)
            }
            Err(SessionError::Approval(error)) => Err(error.to_string()),
            Err(error) => return Err(error),
        },
        Decided::Refused(why) => Err(why),
    };
    batch.may_change = true;
    match decided {
        Ok(Masked { shown, recorded }) => {
            if let Some(channel) = shared.conversation().channels.get(number) {
                let files = waiting.program.files(true);
                let program = &waiting.program;
                let masked = program.masked(&shown, &recorded, channel.has_terminal);
                let lines = program.typed(&session.rules(), channel.terminal());
                let running = Running::new(waiting.begun.number, files, masked);
                channel.running = Some(Running { lines, ..running });
            }
            match waiting.wish {
                Wish::Program { wants_reply } => {
                    requests.pass_on(&mut batch, number, wants_reply, true, &waiting.payload)?;
                }
                Wish::Connection { .. } => batch.ask(number, Side::Target, |out| {
                    out.extend_from_slice(&waiting.payload);
                }),
            }
        }
        Err(why) => {
            let outcome = Outcome {
                denied: true,
                error: Some(("not-approved".to_owned(), why.clone())),
                ..Outcome::default()
            };
            batch.at(session.finish(waiting.begun.number, &outcome)?);
            let verb = waiting.program.verb;
            let text = format!("custos: this {verb} was not approved: {why}");
            match waiting.wish {
                Wish::Program { wants_reply } => {
                    if let Some(channel) = shared.conversation().channels.get(number) {
                        channel.is_refused = true;
                    }
                    let text = text + "\r\n";
                    requests.turn_down(&mut batch, number, wants_reply, text)?;
                }
                Wish::Connection { sender } => {
                    let (side, why) = (Side::Client, OpenFailure::PROHIBITED);
                    refuse_later(&mut batch, side, sender, why, text.as_bytes());
                    if let Some(position) = batch.record(session)? {
                        session.may_forward(position, true).await?;
                    }
                    // Not before: another channel takes its number. Nothing stands behind it, since it was never open.
                    shared.conversation().channels.remove(number);
                    return shared.release(&mut batch).map_err(of_client);
                }
            }
        }
    }
    // Meanwhile more may come, which waits until all before it is on record.
    loop {
        for behind in behind(shared, number) {
            match behind {
                Behind::Data(bytes) => requests.accepted(
                    &mut batch,
                    ChannelData {
                        recipient: number,
                        code: None,
                        bytes: bytes.freeze(),
                    },
                )?,
                Behind::Message(payload) => {
                    set_passing(shared, number, true);
                    requests.message(&mut batch, payload)?;
                    set_passing(shared, number, false);
                }
            }
        }
        if let Some(position) = batch.record(session)? {
            session.may_forward(position, true).await?;
        }
        if is_done(shared, number) {
            return shared.release(&mut batch).map_err(of_client);
        }
    }
}

fn behind(shared: &Shared, number: u32) -> Vec<Behind> {
    let mut conversation = shared.conversation();
    let channel = conversation.channels.get(number);
    let hold = channel.and_then(|channel| channel.held.as_mut());
    hold.map_or_else(Vec::new, |hold| std::mem::take(&mut hold.behind))
}

fn set_passing(shared: &Shared, number: u32, is_passing: bool) {
    let mut conversation = shared.conversation();
    let channel = conversation.channels.get(number);
    if let Some(hold) = channel.and_then(|channel| channel.held.as_mut()) {
        hold.is_passing = is_passing;
    }
}

/// Nothing stands behind it any more: what comes now goes its usual way.
fn is_done(shared: &Shared, number: u32) -> bool {
    let mut conversation = shared.conversation();
    let Some(channel) = conversation.channels.get(number) else {
        return true;
    };
    let is_empty = channel
        .held
        .as_ref()
        .is_none_or(|hold| hold.behind.is_empty());
    if is_empty {
        channel.held = None;
    }
    is_empty
}

async fn decide(
    session: &Session<Open>,
    shared: &Shared,
    waiting: &mut Waiting,
) -> Result<Decided, SessionError> {
    let question = waiting.program.question(session.utc_ns());
    let recorded = session.recorded(&session.rules())?;
    let text = waiting.program.shown(&recorded);
    let opened = session
        .hold(&mut waiting.begun, &question, &text, &[])
        .await;
    let mut held = match opened {
        Ok(held) => held,
        Err(SessionError::Approval(error)) => return Ok(Decided::Refused(error.to_string())),
        Err(error) => return Err(error),
    };
    let mut is_first = true;
    loop {
        let settled = tokio::select! {
            biased;
            () = waiting.withdrawn.notified() => {
                held.withdraw("the client wants it no more");
                return Ok(Decided::Refused("it was taken back".to_owned()));
            }
            settled = held.next() => settled,
        };
        match settled {
            Settled::Approved => break,
            Settled::Over(why) => return Ok(Decided::Refused(why)),
            Settled::Waits(text) => {
                let line = told(
                    &held,
                    &waiting.program,
                    &text,
                    std::mem::take(&mut is_first),
                );
                tell(shared, waiting.channel, line)?;
            }
        }
    }
    // While it waited, whoever asks may have lost her right to it.
    let rules = session.rules();
    let ruled = session.decide(&question, &rules)?;
    if ruled.verdict.decision == Decision::Deny {
        let rules = ruled.verdict.rules.join(", ");
        held.withdraw("policy denies it by now");
        return Ok(Decided::Refused(format!(
            "policy denies it by now ({rules})"
        )));
    }
    if let Some(rule) = waiting.program.unmaskable(&ruled.masks) {
        held.withdraw("what it gives out cannot be masked");
        return Ok(Decided::Refused(format!(
            "policy denies it by now ({rule})"
        )));
    }
    let masks = Masked {
        shown: ruled.masks,
        recorded: session.recorded(&rules)?,
    };
    Ok(Decided::Approved(Box::new(held), masks))
}

fn told(held: &Held, program: &Program, text: &str, is_first: bool) -> String {
    let request = held.request();
    if !is_first {
        return format!("custos: request {request}: {text}\r\n");
    }
    let (verb, rules, until) = (program.verb, held.rules(), held.expires());
    let why = if held.is_justified() {
        ""
    } else {
        "; say why with `custos request reason`"
    };
    format!(
        "custos: this {verb} waits for approval ({rules}): request {request}, until {until}: {text}{why}\r\n"
    )
}

/// Shows a line on the error stream, which clients pass on before anything runs. A client that does not read what it was
/// told is not told more.
fn tell(shared: &Shared, number: u32, line: String) -> Result<(), SessionError> {
    let mut conversation = shared.conversation();
    let Some(channel) = conversation.channels.get(number) else {
        return Ok(());
    };
    // Nothing can be said on a channel that is not open.
    if channel.client.waits() || channel.is_connection {
        return Ok(());
    }
    let item = Item::Data {
        code: Some(STDERR),
        bytes: line.into_bytes().into(),
        counted: false,
    };
    channel.push(Side::Client, item).map_err(of_client)?;
    drop(conversation);
    shared.release(&mut Batch::default()).map_err(of_client)
}
