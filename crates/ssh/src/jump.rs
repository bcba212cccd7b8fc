//! A connection that names no target (`ssh -J gateway web1`): it leads to sessions, each with one, and to nothing else.
//!
//! The client asks for a connection to `web1:22`. None is made: the gateway answers there itself, as a server with that name,
//! and what begins is a session like any other, which is signed in to, judged and recorded for itself. It ends with this
//! connection. Whatever else is asked for here is refused and on record.

mod tunnel;

use std::collections::BTreeMap;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use custos_model::{Outcome, ResourceName, Verdict};
use custos_session::{Ended, Interrupt, Masks, Passage, Session, SessionError};
use custos_ssh_wire::message::{
    ChannelData, ChannelKind, ChannelMessage, ChannelOpen, ChannelRequest, GlobalRequest,
    OpenFailure, Origin, adjust, close, confirm, data, end_of_file, number, outcome, refuse,
};
use custos_ssh_wire::{Broken, Transport, WireError};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Sleep, sleep};

use crate::channels::CHANNELS_MAX;
use crate::link::{Link, of_client};
use crate::operation::Program;
use crate::proxy::{FAREWELL_TIMEOUT, serve_within};
use crate::{Ssh, end};
use tunnel::{Said, Step, Tunnel};

/// What stands before a target's name where `custos ssh-config` writes it.
const ALIAS: &str = "custos-";
/// The port that clients ask for where they are told nothing else.
const SSH_PORT: u32 = 22;
/// Between this connection and a session in it, in each direction.
const STREAM_BYTES: usize = 64 * 1024;
/// Bytes that are read at a time.
const READ_BYTES: usize = 128 * 1024;
/// While this much waits for the client, sessions are not asked for more.
const OUTPUT_BYTES: usize = 256 * 1024;
/// While this much waits for it, nothing more is read from it.
const ANSWERS_BYTES: usize = 1 << 20;
/// Things that are refused before the connection ends: each is a record.
const REFUSALS_MAX: usize = 64;

type Steps = FuturesUnordered<Pin<Box<dyn Future<Output = Step> + Send>>>;

/// When something is to happen, if it is.
type Time = Option<Pin<Box<Sleep>>>;

/// Until the client has left, or the connection may not last any longer.
pub(crate) async fn run<S: AsyncRead + AsyncWrite>(
    ssh: &Ssh,
    link: Link<S>,
    session: Session<Passage>,
) -> Result<Ended, SessionError> {
    let id = session.id();
    let (mut reader, mut writer) = tokio::io::split(link.stream);
    let mut jump = Jump {
        ssh,
        session,
        transport: link.transport,
        tunnels: BTreeMap::new(),
        steps: FuturesUnordered::new(),
        refusals: 0,
    };
    let result = jump.run(&mut reader, &mut writer).await;
    // Whoever leaves when told to was told to.
    let result = match jump.session.interrupted(None).now_or_never() {
        Some(interrupt) if result.is_ok() && interrupt != Interrupt::Draining => {
            Err(SessionError::Interrupted(interrupt))
        }
        _ => result,
    };
    if let Err(error) = &result {
        let (reason, text) = end::words(error, id);
        jump.transport.disconnect(reason, &text);
    }
    let farewell = async {
        // It may be gone already.
        let _ = writer.write_all_buf(jump.transport.output()).await;
        let _ = writer.shutdown().await;
    };
    // It may not read any more.
    let _ = tokio::time::timeout(FAREWELL_TIMEOUT, farewell).await;
    result
}

struct Jump<'s> {
    ssh: &'s Ssh,
    session: Session<Passage>,
    transport: Transport,
    tunnels: BTreeMap<u32, Tunnel>,
    steps: Steps,
    refusals: usize,
}

impl Jump<'_> {
    async fn run(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Ended, SessionError> {
        self.transport
            .send(&[number::USERAUTH_SUCCESS])
            .map_err(of_client)?;
        let mut told: Option<Interrupt> = None;
        let mut input = BytesMut::new();
        // While nothing is open, until it is over; and when it was told to end, until its sessions have said why they do.
        let (mut idle, mut farewell): (Time, Time) = (None, None);
        loop {
            if let Some(ended) = self.take().await? {
                return Ok(ended);
            }
            if let Some(interrupt) = told.take_if(|_| self.tunnels.is_empty()) {
                return Err(SessionError::Interrupted(interrupt));
            }
            self.arm();
            if !self.tunnels.is_empty() {
                idle = None;
            } else if idle.is_none() {
                idle = Some(Box::pin(sleep(self.session.idle_timeout())));
            }
            let waits = self.transport.pending_bytes();
            let has_output = !self.transport.output().is_empty();
            input.reserve(READ_BYTES);
            tokio::select! {
                interrupt = self.session.interrupted(told.as_ref()) => {
                    if interrupt != Interrupt::Draining {
                        farewell = Some(Box::pin(sleep(FAREWELL_TIMEOUT)));
                    }
                    told = Some(interrupt);
                }
                () = due(&mut farewell) => {
                    let interrupt = told.unwrap_or(Interrupt::Draining);
                    return Err(SessionError::Interrupted(interrupt));
                }
                () = due(&mut idle) => {
                    let reason = "nothing was open through the connection for too long".into();
                    return Err(SessionError::Interrupted(Interrupt::Cut { reason }));
                }
                read = reader.read_buf(&mut input), if waits <= ANSWERS_BYTES => {
                    if read.map_err(SessionError::Client)? == 0 {
                        return Ok(Ended::ClientVanished);
                    }
                    self.transport.input().extend_from_slice(&input);
                    input.clear();
                }
                written = writer.write_buf(self.transport.output()), if has_output => {
                    written.map_err(SessionError::Client)?;
                }
                Some(step) = self.steps.next(), if !self.steps.is_empty() => self.step(step)?,
            }
        }
    }

    /// Takes what has come whole; how the connection has ended, if it has.
    async fn take(&mut self) -> Result<Option<Ended>, SessionError> {
        loop {
            match self.transport.next_message() {
                Ok(Some(payload)) => self.message(payload).await?,
                Ok(None) => return Ok(None),
                Err(Broken::Disconnected { .. }) => return Ok(Some(Ended::ClientClosed)),
                Err(broken) => return Err(of_client(broken)),
            }
        }
    }

    /// Sets going what can go on.
    fn arm(&mut self) {
        let has_room =
            !self.transport.is_exchanging() && self.transport.pending_bytes() <= OUTPUT_BYTES;
        for (number, tunnel) in &mut self.tunnels {
            if let Some(speaking) = tunnel.speak(*number) {
                self.steps.push(Box::pin(speaking));
            }
            if has_room && let Some(listening) = tunnel.listen(*number) {
                self.steps.push(Box::pin(listening));
            }
        }
    }

    /// A stream has done something.
    fn step(&mut self, step: Step) -> Result<(), SessionError> {
        self.session.is_active();
        let number = step.number();
        let Some(tunnel) = self.tunnels.get_mut(&number) else {
            return Ok(());
        };
        let theirs = tunnel.theirs;
        let sent = match step {
            Step::Written(_, bytes, writer) => match tunnel.wrote(bytes, writer) {
                Some(given) => self.transport.send_with(|out| adjust(out, theirs, given)),
                None => Ok(()),
            },
            Step::Read(_, reader, bytes) => match tunnel.said(reader, &bytes) {
                Said::Data => self.transport.send_with(|out| data(out, theirs, &bytes)),
                Said::End => self
                    .transport
                    .send_with(|out| end_of_file(out, theirs))
                    .and_then(|()| self.transport.send_with(|out| close(out, theirs))),
                Said::Nothing => Ok(()),
            },
        };
        sent.map_err(of_client)?;
        if tunnel.is_gone() {
            self.tunnels.remove(&number);
        }
        Ok(())
    }

    /// One message of the client's.
    async fn message(&mut self, payload: Bytes) -> Result<(), SessionError> {
        let message = payload.first().copied().unwrap_or_default();
        let broken = |what| move |error: WireError| of_client(Broken::Malformed(what, error));
        match message {
            number::CHANNEL_OPEN => {
                let open = ChannelOpen::decode(&payload).map_err(broken("opening of a channel"))?;
                self.open(&open).await
            }
            number::CHANNEL_DATA => {
                let data = ChannelData::decode(payload).map_err(broken("channel data"))?;
                let tunnel = self.tunnel(data.recipient, message)?;
                let (theirs, given) = (tunnel.theirs, tunnel.data(&data.bytes));
                match given.map_err(of_client)? {
                    Some(given) => self.send(|out| adjust(out, theirs, given)),
                    None => Ok(()),
                }
            }
            number::CHANNEL_WINDOW_ADJUST | number::CHANNEL_EOF | number::CHANNEL_CLOSE => {
                let message = ChannelMessage::decode(&payload).map_err(broken("channel"))?;
                self.channel(payload.first().copied().unwrap_or_default(), message)
            }
            number::CHANNEL_REQUEST => {
                let request =
                    ChannelRequest::decode(&payload).map_err(broken("channel request"))?;
                let theirs = self.tunnel(request.recipient, message)?.theirs;
                if request.wants_reply {
                    self.send(|out| outcome(out, theirs, false))?;
                }
                Ok(())
            }
            number::GLOBAL_REQUEST => {
                let request = GlobalRequest::decode(&payload).map_err(broken("request"))?;
                self.global(&request).await
            }
            // Answers to what the gateway does not ask, and further attempts to sign in (RFC 4252 section 5.1).
            number::REQUEST_SUCCESS
            | number::REQUEST_FAILURE
            | number::CHANNEL_SUCCESS
            | number::CHANNEL_FAILURE
            | number::USERAUTH_REQUEST => Ok(()),
            number::CHANNEL_OPEN_CONFIRMATION
            | number::CHANNEL_OPEN_FAILURE
            | number::CHANNEL_EXTENDED_DATA => Err(of_client(Broken::Unexpected(message))),
            _ => self.transport.unimplemented().map_err(of_client),
        }
    }

    fn tunnel(&mut self, number: u32, message: u8) -> Result<&mut Tunnel, SessionError> {
        let tunnel = self.tunnels.get_mut(&number);
        tunnel.ok_or_else(|| of_client(Broken::Unexpected(message)))
    }

    fn send(&mut self, write: impl FnOnce(&mut BytesMut)) -> Result<(), SessionError> {
        self.transport.send_with(write).map_err(of_client)
    }

    /// Room, or the end of a channel.
    fn channel(&mut self, number: u8, message: ChannelMessage) -> Result<(), SessionError> {
        let tunnel = self.tunnel(message.recipient, number)?;
        match number {
            number::CHANNEL_WINDOW_ADJUST => tunnel.widen(message.bytes).map_err(of_client),
            number::CHANNEL_EOF => {
                tunnel.finishes();
                Ok(())
            }
            _ => {
                let (theirs, is_told) = (tunnel.theirs, tunnel.closes().map_err(of_client)?);
                if tunnel.is_gone() {
                    self.tunnels.remove(&message.recipient);
                }
                if is_told {
                    self.send(|out| close(out, theirs))?;
                }
                Ok(())
            }
        }
    }

    async fn global(&mut self, request: &GlobalRequest<'_>) -> Result<(), SessionError> {
        if request.wants_reply {
            let answered = self.transport.send(&[number::REQUEST_FAILURE]);
            answered.map_err(of_client)?;
        }
        let forwarding = request.forwarding();
        let forwarding =
            forwarding.map_err(|error| of_client(Broken::Malformed("forwarding", error)))?;
        match forwarding {
            Some(forwarding) if !request.name.starts_with("cancel-") => {
                let asked = Program::listening(&forwarding);
                self.record(&asked, "forwarding-not-granted").await
            }
            _ => Ok(()),
        }
    }

    async fn open(&mut self, open: &ChannelOpen<'_>) -> Result<(), SessionError> {
        match self.lead(open)? {
            Ok(()) => Ok(()),
            Err(refusal) => {
                // On record before it is heard of.
                let asked = Program::connection(&open.kind);
                self.record(&asked, refusal.rule).await?;
                let text = refusal.text.as_bytes();
                self.send(|out| refuse(out, open.sender, refusal.reason, text))
            }
        }
    }

    /// Begins a session on a channel.
    fn lead(&mut self, open: &ChannelOpen<'_>) -> Result<Result<(), Refusal>, SessionError> {
        let origin = match &open.kind {
            ChannelKind::DirectTcp(origin) => origin,
            ChannelKind::Session => return Ok(Err(NO_TARGET)),
            ChannelKind::Other(_) => return Ok(Err(UNKNOWN_KIND)),
            _ => return Ok(Err(FORWARDING)),
        };
        let (target, names) = match self.target(origin)? {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let free = (0..CHANNELS_MAX as u32).find(|number| !self.tunnels.contains_key(number));
        let Some(number) = free.filter(|_| open.max_packet > 0) else {
            return Ok(Err(TOO_MANY));
        };
        let (ours, theirs) = tokio::io::duplex(STREAM_BYTES);
        let ssh = self.ssh.clone();
        let begun = self.session.begin(move |session| {
            Box::pin(async move { serve_within(&ssh, &names, &target, theirs, session).await })
        });
        match begun {
            Ok(()) => {}
            Err(SessionError::Limit(_) | SessionError::Interrupted(_)) => return Ok(Err(TOO_MANY)),
            Err(error) => return Err(error),
        }
        let tunnel = Tunnel::new(open, ours);
        let confirmation = tunnel.confirmation(number);
        self.tunnels.insert(number, tunnel);
        self.send(|out| confirm(out, &confirmation)).map(Ok)
    }

    /// The target that a client means, and the names that the gateway proves itself by in its place.
    fn target(
        &self,
        origin: &Origin<'_>,
    ) -> Result<Result<(ResourceName, Vec<String>), Refusal>, SessionError> {
        let host = origin.host.to_ascii_lowercase();
        let named = [Some(host.as_str()), host.strip_prefix(ALIAS)];
        let named = named.into_iter().flatten();
        let named: Vec<ResourceName> = named
            .filter_map(|name| format!("ssh/{name}").parse().ok())
            .collect();
        let Some(resource) = self.session.resource(&named, &host)? else {
            return Ok(Err(NOT_OPEN));
        };
        if origin.port != SSH_PORT && origin.port != u32::from(resource.port) {
            return Ok(Err(OTHER_PORT));
        }
        let name = resource.name.as_str();
        let name = name.strip_prefix("ssh/").unwrap_or(name);
        let mut names = vec![name.to_owned(), format!("{ALIAS}{name}")];
        if !names.contains(&host) {
            names.push(host);
        }
        Ok(Ok((resource.name, names)))
    }

    /// Puts on record what was refused.
    async fn record(&mut self, asked: &Program, rule: &str) -> Result<(), SessionError> {
        self.refusals += 1;
        if self.refusals > REFUSALS_MAX {
            return Err(SessionError::Limit("refusals on one connection"));
        }
        let outcome = Outcome {
            denied: true,
            error: Some(("prohibited".to_owned(), rule.to_owned())),
            ..Outcome::default()
        };
        let verdict = Verdict::denied(rule);
        let text = asked.shown(&Masks::default());
        let recorded = self.session.refused(asked.verb, &text, &outcome, &verdict);
        recorded.await.map(drop)
    }
}

/// Resolves when the time is up; never where there is none.
async fn due(time: &mut Time) {
    match time {
        Some(time) => time.await,
        None => std::future::pending().await,
    }
}

/// Why a channel is not opened.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    reason: u32,
    text: &'static str,
    rule: &'static str,
}

/// The same for targets that are not there and for those that are not for this client.
const NOT_OPEN: Refusal = Refusal {
    reason: OpenFailure::CONNECT_FAILED,
    text: "no target of this name is open to you",
    rule: "target-not-open",
};
const OTHER_PORT: Refusal = Refusal {
    reason: OpenFailure::CONNECT_FAILED,
    text: "a target is reached at port 22, or its own",
    rule: "target-port",
};
const NO_TARGET: Refusal = Refusal {
    reason: OpenFailure::PROHIBITED,
    text: "no target is named: sign in as NAME+TARGET, or go on from here with -J",
    rule: "no-target-named",
};
const FORWARDING: Refusal = Refusal {
    reason: OpenFailure::PROHIBITED,
    text: "forwarding is not granted",
    rule: "forwarding-not-granted",
};
const UNKNOWN_KIND: Refusal = Refusal {
    reason: OpenFailure::UNKNOWN_KIND,
    text: "there is no such kind of channel",
    rule: "forwarding-not-granted",
};
const TOO_MANY: Refusal = Refusal {
    reason: OpenFailure::SHORTAGE,
    text: "there are too many connections",
    rule: "too-many-connections",
};
