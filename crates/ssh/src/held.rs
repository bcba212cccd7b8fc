//! Programs that wait for people. The channel waits with them, and no other one does.

use std::sync::Arc;

use bytes::Bytes;
use custos_model::{Decision, Outcome};
use custos_session::{Begun, Held, Open, Session, SessionError, Settled};
use custos_ssh_wire::Broken;
use custos_ssh_wire::message::ChannelData;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;

use crate::channels::{Item, Running, Side};
use crate::conversation::{Batch, Shared};
use crate::link::of_client;
use crate::operation::Program;
use crate::requests::{Requests, STDERR};

/// What waits behind a held program on its channel, in messages; their data is bounded by the window.
const BEHIND_MAX: usize = 256;

/// A program that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) channel: u32,
    pub(crate) program: Program,
    pub(crate) begun: Begun,
    /// The request, to be passed on.
    pub(crate) payload: Bytes,
    pub(crate) wants_reply: bool,
    pub(crate) withdrawn: Arc<Notify>,
}

/// What a channel knows of the program that waits on it.
#[derive(Debug)]
pub(crate) struct Hold {
    /// To be notified when the client wants it no more.
    pub(crate) withdrawn: Arc<Notify>,
    behind: Vec<Behind>,
}

/// What came after the request.
#[derive(Debug)]
pub(crate) enum Behind {
    /// Data that the window has counted.
    Data(ChannelData),
    Message(Bytes),
}

impl Hold {
    pub(crate) fn new(withdrawn: Arc<Notify>) -> Self {
        Self {
            withdrawn,
            behind: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, behind: Behind) -> Result<(), Broken> {
        if self.behind.len() >= BEHIND_MAX {
            return Err(Broken::Backlog);
        }
        self.behind.push(behind);
        Ok(())
    }
}

/// How the wait ended.
enum Decided {
    Approved(Box<Held>),
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
    let behind = {
        let mut conversation = shared.conversation();
        let channel = conversation.channels.get(waiting.channel);
        let hold = channel.and_then(|channel| channel.held.take());
        hold.map_or_else(Vec::new, |hold| hold.behind)
    };
    let mut batch = Batch::default();
    match decided {
        Decided::Approved(held) => {
            let position = session.execute(*held, &waiting.program.exact())?;
            session.may_forward(position, true).await?;
            if let Some(channel) = shared.conversation().channels.get(waiting.channel) {
                channel.running = Some(Running::new(waiting.begun.number, waiting.program.files()));
            }
            requests.pass_on(
                &mut batch,
                waiting.channel,
                waiting.wants_reply,
                &waiting.payload,
            )?;
        }
        Decided::Refused(why) => {
            let outcome = Outcome {
                denied: true,
                error: Some(("not-approved".to_owned(), why.clone())),
                ..Outcome::default()
            };
            batch.at(session.finish(waiting.begun.number, &outcome)?);
            batch.may_change = true;
            if let Some(channel) = shared.conversation().channels.get(waiting.channel) {
                channel.is_refused = true;
            }
            let text = format!(
                "custos: this {} was not approved: {why}\r\n",
                waiting.program.verb
            );
            requests.turn_down(&mut batch, waiting.channel, waiting.wants_reply, text)?;
        }
    }
    for behind in behind {
        match behind {
            Behind::Data(data) => requests.accepted(&mut batch, data)?,
            Behind::Message(payload) => requests.message(&mut batch, payload)?,
        }
    }
    if let Some(position) = batch.record(session)? {
        session.may_forward(position, batch.may_change).await?;
    }
    shared.release(&mut batch).map_err(of_client)
}

async fn decide(
    session: &Session<Open>,
    shared: &Shared,
    waiting: &mut Waiting,
) -> Result<Decided, SessionError> {
    let question = waiting.program.question(session.utc_ns());
    let text = waiting.program.shown();
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
    Ok(Decided::Approved(Box::new(held)))
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
    if channel.client.waits() {
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
