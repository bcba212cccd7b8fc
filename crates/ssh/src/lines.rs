//! Lines that are typed into a shell on a terminal, under rules that ask people about some of them.
//!
//! What was typed goes on at once, so that it is echoed; the key that would enter a line waits as long as the line does.
//! This is a guard-rail: a shell can be told to run anything in ways that no line shows.

mod attend;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use custos_session::Rules;
use custos_shell::Line;
use custos_ssh_wire::Broken;
use custos_ssh_wire::message::number;
use custos_typing::{Text, Typing};
use tokio::sync::Notify;
use tokio::time::Instant;

pub(crate) use attend::run;

/// A program that writes nothing for so long has shown what the keys before did.
const QUIET: Duration = Duration::from_millis(40);
/// So long it is waited for that, where a key was typed whose effect only the program knows.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);
/// So long a line that is named waits to be shown. What is not shown then may be a password, and is not looked at.
const ECHOED_WITHIN: Duration = Duration::from_secs(2);
/// Ctrl-C, as a terminal sends it.
const INTERRUPT: u8 = 3;
/// The key at which shells drop a line. Ctrl-U besides, bash takes for a part of the line that it has dropped.
const DROP: &[u8] = &[INTERRUPT];

/// What is typed into one shell.
#[derive(Debug)]
pub(crate) struct Lines {
    typing: Typing,
    /// A line waits: its key is the first of those behind.
    is_waiting: bool,
    /// Keys that wait. Their sender was given no room for them again.
    behind: BytesMut,
    /// The end of the input, which waits behind them.
    end: Option<Bytes>,
    /// The shell is over, or whoever types into it is gone.
    is_over: bool,
    /// The program wrote something since the last key.
    is_answered: bool,
    wrote_at: Instant,
    /// Something was shown about the line.
    has_told: bool,
    /// It wrote something.
    wrote: Arc<Notify>,
    /// Whoever typed wants the line no more.
    withdrawn: Arc<Notify>,
}

/// What becomes of the key that enters a line.
#[derive(Debug)]
enum Next {
    /// It goes on.
    Enter,
    /// Policy is asked about the line.
    Ask(Asked),
    /// It is looked at again then, or when the program writes something.
    Later(Instant),
    /// Nobody can read it.
    TooLong,
}

/// A line that a rule names.
#[derive(Clone, Debug)]
struct Asked {
    /// As the terminal shows it.
    text: String,
    /// What it may be.
    lines: Vec<Line>,
}

impl Asked {
    fn of(text: Text) -> Self {
        Self {
            text: text.text,
            lines: text.lines,
        }
    }
}

impl Lines {
    /// Of a shell on a terminal of this many columns and rows; `None` where nobody is asked about lines.
    pub(crate) fn new(rules: &Rules, terminal: Option<(u32, u32)>) -> Option<Box<Self>> {
        let (columns, rows) = terminal?;
        rules.may_pause().then(|| {
            Box::new(Self {
                typing: Typing::new(columns, rows),
                is_waiting: false,
                behind: BytesMut::new(),
                end: None,
                is_over: false,
                is_answered: true,
                wrote_at: Instant::now(),
                has_told: false,
                wrote: Arc::default(),
                withdrawn: Arc::default(),
            })
        })
    }

    pub(crate) fn resize(&mut self, columns: u32, rows: u32) {
        self.typing.resize(columns, rows);
    }

    /// The program writes to its terminal.
    pub(crate) fn show(&mut self, bytes: &[u8]) {
        self.typing.show(bytes);
        self.is_answered = true;
        self.wrote_at = Instant::now();
        if self.is_waiting {
            self.wrote.notify_one();
        }
    }

    /// The program is over, or the client has closed its channel.
    pub(crate) fn end(&mut self) {
        self.is_over = true;
        // Nobody is left to be told of the end of the input.
        self.end = None;
        self.withdrawn.notify_one();
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Takes keys that cannot go on as they are now, the first of which would enter a line.
    pub(crate) fn wait(&mut self, keys: &[u8]) {
        self.is_waiting = true;
        self.put_behind(keys);
    }

    pub(crate) fn put_behind(&mut self, keys: &[u8]) {
        if keys.contains(&INTERRUPT) {
            self.withdrawn.notify_one();
        }
        self.behind.extend_from_slice(keys);
    }

    /// The end of the input.
    pub(crate) fn put_end_behind(&mut self, payload: &[u8]) -> Result<(), Broken> {
        match self.end.replace(Bytes::copy_from_slice(payload)) {
            None => Ok(()),
            Some(_) => Err(Broken::Unexpected(number::CHANNEL_EOF)),
        }
    }

    /// Whoever typed the line that waits wants it no more.
    fn is_withdrawn(&self) -> bool {
        self.is_over || self.behind.contains(&INTERRUPT)
    }

    /// Takes keys up to one that would enter a line; how many.
    pub(crate) fn keys(&mut self, keys: &[u8]) -> usize {
        let taken = self.typing.keys(keys);
        self.is_answered &= taken == 0;
        taken
    }

    /// Whether the next key, which enters a line, goes on at once; then it was taken.
    pub(crate) fn enters(&mut self, key: u8, rules: &Rules) -> bool {
        let now = Instant::now();
        let enters = matches!(self.next(rules, now, now), Next::Enter);
        if enters {
            self.typing.enter(key);
        }
        enters
    }

    /// What becomes of a key that came at `since`.
    fn next(&self, rules: &Rules, since: Instant, now: Instant) -> Next {
        let line = self.typing.line();
        if line.is_too_long {
            return Next::TooLong;
        }
        let is_named = |text: &Text| rules.pause(&text.lines);
        if line.is_certain {
            let shown = line.shown.filter(is_named);
            let by_typed = is_named(&line.typed);
            return match shown {
                _ if by_typed && line.typed.is_shown => Next::Ask(Asked::of(line.typed)),
                None if !by_typed => Next::Enter,
                _ if now < since + ECHOED_WITHIN => Next::Later(since + ECHOED_WITHIN),
                Some(shown) => Next::Ask(Asked::of(shown)),
                None => Next::Enter,
            };
        }
        let settled = if self.is_answered {
            self.wrote_at + QUIET
        } else {
            since + SHOWN_WITHIN
        };
        let settled = settled.min(since + SHOWN_WITHIN);
        if now < settled {
            return Next::Later(settled);
        }
        match line.shown {
            Some(shown) if is_named(&shown) || is_named(&line.typed) => {
                let mut asked = Asked::of(shown);
                asked.lines.extend(line.typed.lines);
                Next::Ask(asked)
            }
            _ => Next::Enter,
        }
    }
}
