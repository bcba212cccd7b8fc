//! Lines that wait, each with all that was typed behind it.

use std::sync::Arc;

use bytes::Bytes;
use custos_model::{Decision, OperationNumber, Outcome};
use custos_session::{Begun, Held, Open, Session, SessionError, Settled};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Asked, DROP, INTERRUPT, Lines, Next};
use crate::channels::{Item, Side};
use crate::conversation::{Batch, Shared};
use crate::link::of_client;
use crate::operation::Program;
use crate::requests::{Requests, begin};

/// What becomes of a line that waited.
enum Decided {
    /// Its key goes on, as this operation if it is one.
    Enters(Option<OperationNumber>),
    /// It is dropped, with all behind it; why.
    Dropped(String),
    /// Whoever typed it took it back, or the shell is gone.
    TakenBack,
}

/// Attends to the lines that wait, each by itself, until the session ends.
pub(crate) async fn run(
    requests: &Requests<'_>,
    session: &Session<Open>,
    shared: &Shared,
) -> SessionError {
    let mut all = FuturesUnordered::new();
    loop {
        let new = shared.entered.notified();
        for channel in std::mem::take(&mut *shared.entering()) {
            let terminal = Terminal {
                requests,
                session,
                shared,
                channel,
            };
            all.push(terminal.attend());
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

/// A terminal on which a line waits.
struct Terminal<'s> {
    requests: &'s Requests<'s>,
    session: &'s Session<Open>,
    shared: &'s Shared,
    channel: u32,
}

impl Terminal<'_> {
    async fn attend(self) -> Result<(), SessionError> {
        loop {
            let decided = self.decide().await?;
            let mut batch = Batch::default();
            self.apply(&mut batch, decided)?;
            // Meanwhile more may come, which waits until all before it is on record.
            loop {
                let waits = self.take_behind(&mut batch)?;
                if let Some(position) = batch.record(self.session)? {
                    self.session.may_forward(position, true).await?;
                }
                self.shared.release(&mut batch).map_err(of_client)?;
                if waits {
                    break;
                }
                if !self.is_done() {
                    continue;
                }
                if let Some(payload) = self.with(|lines| lines.end.take()).flatten() {
                    self.requests.message(&mut batch, payload)?;
                }
                if let Some(position) = batch.record(self.session)? {
                    self.session.may_forward(position, true).await?;
                }
                return self.shared.release(&mut batch).map_err(of_client);
            }
        }
    }

    /// Does something with the lines of the shell, if it still runs.
    fn with<T>(&self, work: impl FnOnce(&mut Lines) -> T) -> Option<T> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(self.channel)?;
        channel.lines().map(work)
    }

    /// Waits until it is known what the line is, and what is to become of it.
    async fn decide(&self) -> Result<Decided, SessionError> {
        let since = Instant::now();
        let signals = self.with(|lines| {
            // One that was given for the line before counts no more.
            lines.withdrawn = Arc::default();
            let signals = (Arc::clone(&lines.wrote), Arc::clone(&lines.withdrawn));
            (!lines.is_withdrawn()).then_some(signals)
        });
        let Some((wrote, withdrawn)) = signals.flatten() else {
            return Ok(Decided::TakenBack);
        };
        loop {
            let rules = self.session.rules();
            let next = self.with(|lines| lines.next(&rules, since, Instant::now()));
            let at = match next {
                None => return Ok(Decided::TakenBack),
                Some(Next::Enter) => return Ok(Decided::Enters(None)),
                Some(Next::TooLong) => {
                    return Ok(Decided::Dropped(
                        "this line is too long to be read".to_owned(),
                    ));
                }
                Some(Next::Ask(asked)) => return self.ask(&asked, &withdrawn).await,
                Some(Next::Later(at)) => at,
            };
            tokio::select! {
                biased;
                () = withdrawn.notified() => return Ok(Decided::TakenBack),
                () = wrote.notified() => {}
                () = tokio::time::sleep_until(at) => {}
            }
        }
    }

    /// Asks policy, and whom it says.
    async fn ask(&self, asked: &Asked, withdrawn: &Notify) -> Result<Decided, SessionError> {
        let program = Program::line(&asked.text, &asked.lines);
        let rules = self.session.rules();
        let question = program.question(self.session.utc_ns());
        let ruled = self.session.decide(&question, &rules)?;
        if ruled.verdict.decision == Decision::Allow {
            return Ok(Decided::Enters(None));
        }
        let recorded = self.session.recorded(&rules)?;
        let mut begun = begin(self.session, &program, &rules, &recorded)?;
        match begun.ruled.verdict.decision {
            Decision::Allow => return Ok(Decided::Enters(Some(begun.number))),
            Decision::Hold => {}
            Decision::Deny => {
                let rules = begun.ruled.verdict.rules.join(", ");
                let why = format!("this line is denied ({rules})");
                self.refused(&begun, "denied", &rules)?;
                return Ok(Decided::Dropped(why));
            }
        }
        // What the terminal shows of the line stands there before what is said about it.
        self.session.may_release(begun.position).await?;
        let text = program.shown(&recorded);
        let opened = self.session.hold(&mut begun, &question, &text, &[]).await;
        let refused = match opened {
            Ok(held) => match self.wait(held, &program, withdrawn).await? {
                Waited::Approved => return Ok(Decided::Enters(Some(begun.number))),
                Waited::TakenBack => None,
                Waited::Refused(why) => Some(why),
            },
            Err(SessionError::Approval(error)) => Some(error.to_string()),
            Err(error) => return Err(error),
        };
        let why = refused.as_deref().unwrap_or("it was taken back");
        self.refused(&begun, "not-approved", why)?;
        Ok(match refused {
            Some(why) => Decided::Dropped(format!("this line was not approved: {why}")),
            None => Decided::TakenBack,
        })
    }

    async fn wait(
        &self,
        mut held: Held,
        program: &Program,
        withdrawn: &Notify,
    ) -> Result<Waited, SessionError> {
        let mut is_first = true;
        loop {
            let settled = tokio::select! {
                biased;
                () = withdrawn.notified() => {
                    held.withdraw("whoever typed it wants it no more");
                    return Ok(Waited::TakenBack);
                }
                settled = held.next() => settled,
            };
            match settled {
                Settled::Approved => break,
                Settled::Over(why) => return Ok(Waited::Refused(why)),
                Settled::Waits(text) => {
                    self.tell(&told(&held, &text, std::mem::take(&mut is_first)))?;
                }
            }
        }
        // While it waited, whoever asks may have lost her right to it.
        let question = program.question(self.session.utc_ns());
        let ruled = self.session.decide(&question, &self.session.rules())?;
        if ruled.verdict.decision == Decision::Deny {
            held.withdraw("policy denies it by now");
            let rules = ruled.verdict.rules.join(", ");
            return Ok(Waited::Refused(format!(
                "policy denies it by now ({rules})"
            )));
        }
        match self.session.execute(held, &program.exact()) {
            Ok(_) => Ok(Waited::Approved),
            Err(SessionError::Approval(error)) => Ok(Waited::Refused(error.to_string())),
            Err(error) => Err(error),
        }
    }

    fn refused(&self, begun: &Begun, code: &str, why: &str) -> Result<(), SessionError> {
        let outcome = Outcome {
            denied: true,
            error: Some((code.to_owned(), why.to_owned())),
            ..Outcome::default()
        };
        self.session.finish(begun.number, &outcome).map(drop)
    }

    /// Passes the key on, or keys at which the shell drops the line.
    fn apply(&self, batch: &mut Batch, decided: Decided) -> Result<(), SessionError> {
        match decided {
            Decided::Enters(operation) => {
                let key = self.with(|lines| {
                    let key = lines.behind.split_to(1.min(lines.behind.len())).freeze();
                    key.iter().for_each(|key| lines.typing.enter(*key));
                    lines.has_told = false;
                    key
                });
                if let Some(key) = key {
                    self.requests.pass_keys(batch, self.channel, key)?;
                }
                if let Some(number) = operation {
                    // What comes of it is part of the shell's output.
                    batch.at(self.session.finish(number, &Outcome::default())?);
                }
                Ok(())
            }
            Decided::Dropped(why) => {
                self.tell(&format!("custos: {why}\r\n"))?;
                self.drop_line(batch, false)
            }
            Decided::TakenBack => self.drop_line(batch, true),
        }
    }

    /// As a terminal does it at Ctrl-C: what was typed before that is gone as well.
    fn drop_line(&self, batch: &mut Batch, by_key: bool) -> Result<(), SessionError> {
        let dropped = self.with(|lines| {
            let interrupt = lines.behind.iter().position(|key| *key == INTERRUPT);
            let interrupt = interrupt.filter(|_| by_key);
            let dropped = interrupt.map_or(lines.behind.len(), |at| at + 1);
            let _ = lines.behind.split_to(dropped);
            lines.typing.drop_line();
            lines.is_answered = false;
            lines.has_told = false;
            dropped
        });
        let Some(dropped) = dropped else {
            return Ok(());
        };
        batch
            .staged
            .push((self.channel, Side::Target, Item::Gone(dropped)));
        self.requests
            .pass_own_keys(batch, self.channel, Bytes::from_static(DROP))
    }

    /// Takes what came behind the line; whether another one waits.
    fn take_behind(&self, batch: &mut Batch) -> Result<bool, SessionError> {
        let keys = self.with(|lines| lines.behind.split().freeze());
        let Some(mut keys) = keys.filter(|keys| !keys.is_empty()) else {
            return Ok(false);
        };
        let waits = self.requests.take_keys(batch, self.channel, &mut keys)?;
        if waits {
            self.with(|lines| {
                // Nothing has come in between: this is one task.
                lines.behind.extend_from_slice(&keys);
            });
        }
        Ok(waits)
    }

    /// Whether nothing is behind the line any more: what comes now goes its usual way.
    fn is_done(&self) -> bool {
        let is_done = self.with(|lines| {
            lines.is_waiting = !lines.behind.is_empty();
            !lines.is_waiting
        });
        is_done.unwrap_or(true)
    }

    /// Shows something on a line of its own. A client that does not read what it was told is not told more.
    fn tell(&self, line: &str) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let Some(channel) = conversation.channels.get(self.channel) else {
            return Ok(());
        };
        let Some(lines) = channel.lines() else {
            return Ok(());
        };
        let before = if std::mem::replace(&mut lines.has_told, true) {
            ""
        } else {
            "\r\n"
        };
        if channel.client.waits() {
            return Ok(());
        }
        let item = Item::Data {
            code: None,
            bytes: format!("{before}{line}").into_bytes().into(),
            counted: false,
        };
        channel.push(Side::Client, item).map_err(of_client)?;
        drop(conversation);
        self.shared
            .release(&mut Batch::default())
            .map_err(of_client)
    }
}

/// How the wait for people ended.
enum Waited {
    Approved,
    Refused(String),
    TakenBack,
}

fn told(held: &Held, text: &str, is_first: bool) -> String {
    let request = held.request();
    if !is_first {
        return format!("custos: request {request}: {text}\r\n");
    }
    let (rules, until) = (held.rules(), held.expires());
    let why = if held.is_justified() {
        ""
    } else {
        "; say why with `custos request reason`"
    };
    format!(
        "custos: this line waits for approval ({rules}): request {request}, until {until}: {text}{why}; Ctrl-C takes it back\r\n"
    )
}
