//! Connections that are forwarded: denied unless policy documents allow `ssh.forward`, and each an operation.
//!
//! Clients open connections from the target on (`-L`, `-D`, `-W`), or ask the target to listen for them (`-R`), or to lead
//! back to their key agent or X server; then the target opens connections, and only such as were asked for.

mod cookie;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use custos_model::{Decision, OperationNumber, Outcome};
use custos_session::{Begun, Open, Session, SessionError};
use custos_ssh_wire::Broken;
use custos_ssh_wire::message::{
    ChannelKind, ChannelOpen, Confirmation, Forwarding, GlobalRequest, OpenFailure, chosen_port,
    confirm, number, refuse,
};
use tokio::sync::Notify;

use crate::channels::{Channel, End, MAX_PACKET_BYTES, Running, Side, WINDOW_BYTES};
use crate::conversation::{Batch, Conversation, Shared};
use crate::held::{Hold, Waiting, Wish};
use crate::link::{of_client, of_target};
use crate::masked::Masked;
use crate::operation::{Program, masked};
use crate::requests::begin;

pub(crate) use cookie::Cookie;

/// Ports and sockets that a target listens on for one session, at most.
const LISTENS_MAX: usize = 32;
/// Global requests of a client's that are not answered, at most.
const UNANSWERED_MAX: usize = 256;
/// Connections that a target opens unasked before its session ends.
const UNASKED_MAX: u32 = 32;

/// Where a target listens.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Listen {
    /// The port. Which of the target's addresses was connected to decides nothing.
    Tcp(u32),
    Stream(String),
}

impl Listen {
    fn of(forwarding: &Forwarding<'_>) -> Self {
        match forwarding {
            Forwarding::Tcp { port, .. } => Self::Tcp(*port),
            Forwarding::Stream { path } => Self::Stream((*path).to_owned()),
        }
    }
}

/// A global request of the client's that is to be answered.
#[derive(Debug)]
enum Asked {
    /// By the target: the request, and its operation where it is one.
    Target {
        listen: Listen,
        operation: Option<OperationNumber>,
        wants_reply: bool,
    },
    /// By the gateway, with no.
    No,
}

/// What was granted in a session.
#[derive(Debug, Default)]
pub(crate) struct Forwards {
    listens: Vec<Listen>,
    /// In the order of the requests, in which they are answered (RFC 4254 section 4).
    asked: VecDeque<Asked>,
    /// The client's key agent may be asked.
    agent: bool,
    /// The client's X server may be connected to; `true`: once.
    x11: Option<bool>,
    unasked: u32,
}

impl Forwards {
    pub(crate) fn grant_agent(&mut self) {
        self.agent = true;
    }

    pub(crate) fn grant_x11(&mut self, once: bool) {
        self.x11 = Some(once);
    }

    /// Whether the target may open this.
    fn has_asked_for(&mut self, kind: &ChannelKind<'_>) -> bool {
        match kind {
            ChannelKind::ForwardedTcp(origin) => self.listens.contains(&Listen::Tcp(origin.port)),
            ChannelKind::ForwardedStream { path } => {
                self.listens.contains(&Listen::Stream((*path).to_owned()))
            }
            ChannelKind::Agent => self.agent,
            ChannelKind::X11 { .. } => match self.x11 {
                Some(once) => {
                    if once {
                        self.x11 = None;
                    }
                    true
                }
                None => false,
            },
            _ => false,
        }
    }
}

/// What both directions do with connections.
#[derive(Clone, Copy)]
pub(crate) struct Connections<'s> {
    pub(crate) session: &'s Session<Open>,
    pub(crate) shared: &'s Shared,
}

impl Connections<'_> {
    /// The client or the target opens a connection.
    pub(crate) fn open(
        self,
        batch: &mut Batch,
        open: &ChannelOpen<'_>,
        from: Side,
    ) -> Result<(), SessionError> {
        if open.max_packet == 0 {
            return Err(of_peer(from)(Broken::Unexpected(number::CHANNEL_OPEN)));
        }
        let program = Program::connection(&open.kind);
        let operation = match self.decided(batch, &program)? {
            Decided::Go(operation) => operation,
            Decided::Waits(begun) => return self.wait(batch, open, program, *begun),
            Decided::No => {
                let text = b"custos: forwarding is not granted";
                refuse_later(batch, from, open.sender, OpenFailure::PROHIBITED, text);
                return Ok(());
            }
        };
        let recorded = self.session.recorded(&self.session.rules())?;
        let mut running = Running::new(operation, None, Masked::recorded_only(&recorded));
        if let ChannelKind::X11 { .. } = open.kind {
            running.cookie = Some(Cookie::default());
        }
        let opener = End::new(open.sender, open.window, open.max_packet);
        let mut conversation = self.shared.conversation();
        if let Some(number) = conversation.channels.add(Channel::connection(opener, from)) {
            if let Some(channel) = conversation.channels.get(number) {
                channel.running = Some(running);
            }
            batch.ask(number, from.other(), |out| {
                out.extend_from_slice(&onward(open, number));
            });
            return Ok(());
        }
        drop(conversation);
        self.no_room(batch, running.number, open.sender, from)
    }

    /// A connection of the client's that people have to agree to. Neither side knows of the channel meanwhile.
    fn wait(
        self,
        batch: &mut Batch,
        open: &ChannelOpen<'_>,
        program: Program,
        begun: Begun,
    ) -> Result<(), SessionError> {
        let withdrawn = Arc::new(Notify::new());
        let mut channel = Channel::connection(
            End::new(open.sender, open.window, open.max_packet),
            Side::Client,
        );
        channel.held = Some(Hold::new(Arc::clone(&withdrawn)));
        let place = self.shared.conversation().channels.add(channel);
        let Some(number) = place else {
            return self.no_room(batch, begun.number, open.sender, Side::Client);
        };
        self.shared.waiting().push(Waiting {
            channel: number,
            program,
            begun,
            wish: Wish::Connection {
                sender: open.sender,
            },
            payload: onward(open, number),
            withdrawn,
        });
        self.shared.held.notify_one();
        Ok(())
    }

    fn no_room(
        self,
        batch: &mut Batch,
        operation: OperationNumber,
        sender: u32,
        from: Side,
    ) -> Result<(), SessionError> {
        let text = "there are too many channels";
        let outcome = Outcome {
            error: Some(("refused".to_owned(), text.to_owned())),
            ..Outcome::default()
        };
        batch.at(self.session.finish(operation, &outcome)?);
        refuse_later(batch, from, sender, OpenFailure::SHORTAGE, text.as_bytes());
        Ok(())
    }

    /// The target opens something: a connection that was asked for, or else nothing.
    pub(crate) fn opened_by_target(
        self,
        batch: &mut Batch,
        open: &ChannelOpen<'_>,
    ) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        if conversation.forwards.has_asked_for(&open.kind) {
            drop(conversation);
            return self.open(batch, open, Side::Target);
        }
        conversation.forwards.unasked += 1;
        let is_too_much = conversation.forwards.unasked > UNASKED_MAX;
        drop(conversation);
        if is_too_much {
            return Err(of_target(Broken::Unexpected(number::CHANNEL_OPEN)));
        }
        let text = b"nobody asked for it";
        refuse_later(
            batch,
            Side::Target,
            open.sender,
            OpenFailure::PROHIBITED,
            text,
        );
        let program = Program::connection(&open.kind);
        self.refused(batch, &program, "nobody-asked-for-it")
    }

    /// A side has opened what the other had asked for: the other is told.
    pub(crate) fn confirmed(
        self,
        confirmation: &Confirmation,
        by: Side,
    ) -> Result<(), SessionError> {
        let unexpected = || of_peer(by)(Broken::Unexpected(number::CHANNEL_OPEN_CONFIRMATION));
        let mut conversation = self.shared.conversation();
        let number = confirmation.recipient;
        let channel = conversation.channels.get(number);
        let channel = channel.filter(|channel| channel.waits_for(by));
        let channel = channel.ok_or_else(unexpected)?;
        if confirmation.max_packet == 0 {
            return Err(unexpected());
        }
        channel.opened(
            by,
            End::new(
                confirmation.sender,
                confirmation.window,
                confirmation.max_packet,
            ),
        );
        let recipient = channel.number(by.other()).ok_or_else(unexpected)?;
        let confirmation = Confirmation {
            recipient,
            sender: number,
            window: WINDOW_BYTES,
            max_packet: MAX_PACKET_BYTES,
        };
        let sent = conversation
            .side(by.other())
            .send_with(|out| confirm(out, &confirmation));
        sent.map_err(of_peer(by.other()))
    }

    /// The side that a connection should go to does not open it.
    pub(crate) fn not_opened(
        self,
        batch: &mut Batch,
        failure: &OpenFailure<'_>,
        by: Side,
    ) -> Result<(), SessionError> {
        let unexpected = || of_peer(by)(Broken::Unexpected(number::CHANNEL_OPEN_FAILURE));
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(failure.recipient);
        let channel = channel.filter(|channel| channel.waits_for(by));
        let channel = channel.ok_or_else(unexpected)?;
        let running = channel.running.take();
        let recipient = channel.number(by.other()).ok_or_else(unexpected)?;
        conversation.channels.remove(failure.recipient);
        drop(conversation);
        let recorded = self.session.recorded(&self.session.rules())?;
        let text = failure.description;
        let why = masked(&recorded, text.get(..256).unwrap_or(text));
        refuse_later(batch, by.other(), recipient, failure.reason, why.as_bytes());
        let Some(mut running) = running else {
            return Ok(());
        };
        let who = if by == Side::Client {
            "client"
        } else {
            "target"
        };
        running.ending = Some((format!("refused-by-{who}"), harmless(&why)));
        self.end(batch, running)
    }

    /// A global request of the client's (RFC 4254 section 4).
    pub(crate) fn global(
        self,
        batch: &mut Batch,
        request: &GlobalRequest<'_>,
    ) -> Result<(), SessionError> {
        let forwarding = request.forwarding();
        let forwarding =
            forwarding.map_err(|error| of_client(Broken::Malformed("forwarding", error)))?;
        let asked = match &forwarding {
            Some(forwarding) if request.name.starts_with("cancel-") => {
                self.cancelled(request, forwarding)
            }
            Some(forwarding) => self.asked(batch, request, forwarding)?,
            None => Asked::No,
        };
        let mut conversation = self.shared.conversation();
        match asked {
            Asked::No if !request.wants_reply => return Ok(()),
            Asked::No if conversation.forwards.asked.is_empty() => {
                batch.message(Side::Client, |out| {
                    out.extend_from_slice(&[number::REQUEST_FAILURE]);
                });
                return Ok(());
            }
            Asked::No => {}
            Asked::Target { .. } => {
                let onward = GlobalRequest {
                    wants_reply: true,
                    ..*request
                };
                batch.message(Side::Target, |out| onward.encode(out));
            }
        }
        let waiting = &mut conversation.forwards.asked;
        if waiting.len() >= UNANSWERED_MAX {
            return Err(of_client(Broken::Backlog));
        }
        waiting.push_back(asked);
        Ok(())
    }

    fn cancelled(self, request: &GlobalRequest<'_>, forwarding: &Forwarding<'_>) -> Asked {
        let listen = Listen::of(forwarding);
        let mut conversation = self.shared.conversation();
        let listens = &mut conversation.forwards.listens;
        let Some(place) = listens.iter().position(|known| *known == listen) else {
            return Asked::No;
        };
        listens.swap_remove(place);
        Asked::Target {
            listen,
            operation: None,
            wants_reply: request.wants_reply,
        }
    }

    fn asked(
        self,
        batch: &mut Batch,
        request: &GlobalRequest<'_>,
        forwarding: &Forwarding<'_>,
    ) -> Result<Asked, SessionError> {
        let program = Program::listening(forwarding);
        let has_room = {
            let conversation = self.shared.conversation();
            let forwards = &conversation.forwards;
            forwards.listens.len() + forwards.asked.len() < LISTENS_MAX
        };
        if !has_room {
            self.refused(batch, &program, "too-many-forwards")?;
            return Ok(Asked::No);
        }
        let operation = self.allowed(batch, &program)?;
        Ok(operation.map_or(Asked::No, |operation| Asked::Target {
            listen: Listen::of(forwarding),
            operation: Some(operation),
            wants_reply: request.wants_reply,
        }))
    }

    /// The target answers the oldest of the client's global requests.
    pub(crate) fn answered(self, batch: &mut Batch, payload: &Bytes) -> Result<(), SessionError> {
        let message = payload.first().copied().unwrap_or_default();
        let is_yes = message == number::REQUEST_SUCCESS;
        let mut conversation = self.shared.conversation();
        let Some(Asked::Target {
            listen,
            operation,
            wants_reply,
        }) = conversation.forwards.asked.pop_front()
        else {
            return Err(of_target(Broken::Unexpected(message)));
        };
        let mut port = None;
        if let (true, Some(operation)) = (is_yes, operation) {
            let listen = if listen == Listen::Tcp(0) {
                let chosen = chosen_port(payload);
                let chosen = chosen.map_err(|error| of_target(Broken::Malformed("port", error)))?;
                port = Some(chosen);
                let event = self.session.event(&mut batch.lines, operation);
                event.number("port", chosen.into()).end();
                Listen::Tcp(chosen)
            } else {
                listen
            };
            conversation.forwards.listens.push(listen);
        }
        if wants_reply {
            // Nothing else of it is for the client.
            batch.message(Side::Client, |out| {
                out.extend_from_slice(&[message]);
                out.extend(port.into_iter().flat_map(u32::to_be_bytes));
            });
        }
        own_answers(&mut conversation, batch);
        drop(conversation);
        let Some(operation) = operation else {
            return Ok(());
        };
        let refused = || {
            let why = "the target does not listen".to_owned();
            ("refused-by-target".to_owned(), why)
        };
        let outcome = Outcome {
            error: (!is_yes).then(refused),
            ..Outcome::default()
        };
        batch.at(self.session.finish(operation, &outcome)?);
        Ok(())
    }

    /// Whether a channel's request to lead back to the client is granted; on record as an operation.
    pub(crate) fn grants(
        self,
        batch: &mut Batch,
        what: &'static str,
    ) -> Result<bool, SessionError> {
        let Some(operation) = self.allowed(batch, &Program::leading_back(what))? else {
            return Ok(false);
        };
        batch.at(self.session.finish(operation, &Outcome::default())?);
        Ok(true)
    }

    /// The operation, if it may be at once; else why not is on record.
    fn allowed(
        self,
        batch: &mut Batch,
        program: &Program,
    ) -> Result<Option<OperationNumber>, SessionError> {
        Ok(match self.decided(batch, program)? {
            Decided::Go(operation) => Some(operation),
            // What cannot wait was denied.
            Decided::Waits(_) | Decided::No => None,
        })
    }

    fn decided(self, batch: &mut Batch, program: &Program) -> Result<Decided, SessionError> {
        let rules = self.session.rules();
        if !rules.are_judged() {
            self.refused(batch, program, "forwarding-not-granted")?;
            return Ok(Decided::No);
        }
        let recorded = self.session.recorded(&rules)?;
        let begun = begin(self.session, program, &rules, &recorded)?;
        batch.at(begun.position);
        batch.may_change = true;
        match begun.ruled.verdict.decision {
            Decision::Allow => return Ok(Decided::Go(begun.number)),
            Decision::Hold => return Ok(Decided::Waits(Box::new(begun))),
            Decision::Deny => {}
        }
        let outcome = Outcome {
            denied: true,
            error: Some(("denied".to_owned(), begun.ruled.verdict.rules.join(", "))),
            ..Outcome::default()
        };
        batch.at(self.session.finish(begun.number, &outcome)?);
        Ok(Decided::No)
    }

    /// Puts on record what was refused and is no operation.
    fn refused(self, batch: &mut Batch, program: &Program, rule: &str) -> Result<(), SessionError> {
        let recorded = self.session.recorded(&self.session.rules())?;
        let outcome = Outcome {
            denied: true,
            error: Some(("prohibited".to_owned(), rule.to_owned())),
            ..Outcome::default()
        };
        let verdict = custos_model::Verdict::denied(rule);
        let text = program.shown(&recorded);
        batch.at(self
            .session
            .failed(program.verb, Some(&text), &outcome, Some(&verdict))?);
        batch.may_change = true;
        Ok(())
    }

    fn end(self, batch: &mut Batch, running: Running) -> Result<(), SessionError> {
        let (number, outcome) = (running.number, crate::responses::outcome_of(running));
        batch.at(self.session.finish(number, &outcome)?);
        Ok(())
    }
}

/// What was decided on a connection, or a wish for some.
enum Decided {
    Go(OperationNumber),
    Waits(Box<Begun>),
    No,
}

/// The same opening, under the gateway's number of the channel.
fn onward(open: &ChannelOpen<'_>, number: u32) -> Bytes {
    let open = ChannelOpen {
        kind: open.kind,
        sender: number,
        window: WINDOW_BYTES,
        max_packet: MAX_PACKET_BYTES,
    };
    let mut out = BytesMut::new();
    open.encode(&mut out);
    out.freeze()
}

fn of_peer(side: Side) -> fn(Broken) -> SessionError {
    match side {
        Side::Client => of_client,
        Side::Target => of_target,
    }
}

/// The gateway's own answers that nothing is before any more.
fn own_answers(conversation: &mut Conversation, batch: &mut Batch) {
    while let Some(Asked::No) = conversation.forwards.asked.front() {
        conversation.forwards.asked.pop_front();
        batch.message(Side::Client, |out| {
            out.extend_from_slice(&[number::REQUEST_FAILURE]);
        });
    }
}

pub(crate) fn refuse_later(
    batch: &mut Batch,
    side: Side,
    recipient: u32,
    reason: u32,
    text: &[u8],
) {
    batch.message(side, |out: &mut BytesMut| {
        refuse(out, recipient, reason, text);
    });
}

/// Without what drives a terminal.
pub(crate) fn harmless(text: &str) -> String {
    let shown = |letter: char| {
        if letter.is_control() {
            '\u{fffd}'
        } else {
            letter
        }
    };
    text.chars().map(shown).collect()
}
