//! What a channel is asked to run, as policy and records know it.

use std::collections::BTreeSet;

use custos_model::Effect;
use custos_session::{Exact, Masks, Question, Ruled, Rules, Verb};
use custos_shell::{Command, Direction, Known, Line, Transfer};
use custos_ssh_wire::message::{ChannelKind, Forwarding, RequestKind};

use crate::files::Files;
use crate::lines::Lines;
use crate::masked::Masked;

/// Files of a command that are named in its record, at most.
const OBJECTS_MAX: usize = 32;
/// Words of records.
const SHELL: &str = "shell";
const LINE: &str = "line";
const BOTH_WAYS: &[&str] = &["ssh.upload", "ssh.download"];

/// Something that runs on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// The word of records: `exec`, `shell`, `subsystem`, `line` for one that is entered into a shell, or `forward` for a connection.
    pub(crate) verb: &'static str,
    /// The command, or the subsystem's name; empty for a shell.
    pub(crate) text: Vec<u8>,
    pub(crate) verbs: BTreeSet<Verb>,
    /// The command as a shell reads it.
    command: Option<Command>,
    /// A command by which stock clients transfer files.
    known: Option<Known>,
    /// A connection that nobody is kept waiting by but who asks for it.
    can_wait: bool,
    /// What it may be, where it is a line that is entered into a shell.
    lines: Vec<Line>,
    /// Nobody sees what is typed into it.
    has_no_terminal: bool,
}

impl Program {
    /// What a request asks to run; `None` for requests that run nothing.
    pub(crate) fn of(request: &RequestKind<'_>) -> Option<Self> {
        match request {
            RequestKind::Shell => Some(Self::new(SHELL, b"", &["ssh.shell"])),
            RequestKind::Exec(text) => Some(Self::command(text)),
            // Which way files go is not known before they do.
            RequestKind::Subsystem(b"sftp") => Some(Self::new("subsystem", b"sftp", BOTH_WAYS)),
            RequestKind::Subsystem(name) => Some(Self::new("subsystem", name, &["ssh.unknown"])),
            _ => None,
        }
    }

    fn new(verb: &'static str, text: &[u8], words: &[&str]) -> Self {
        Self {
            verb,
            text: text.to_vec(),
            verbs: verbs(words),
            command: None,
            known: None,
            can_wait: false,
            lines: Vec::new(),
            has_no_terminal: false,
        }
    }

    /// The same, on a terminal or not.
    pub(crate) fn on_terminal(self, has_terminal: bool) -> Self {
        Self {
            has_no_terminal: !has_terminal,
            ..self
        }
    }

    /// Why it does not run, where people are asked about lines that are typed into it.
    pub(crate) fn unreadable(&self, ruled: &Ruled) -> Option<&'static str> {
        let is_blind = self.verb == SHELL && self.has_no_terminal;
        (is_blind && ruled.pauses).then_some("lines-need-a-terminal")
    }

    /// A line that is entered into a shell: as the terminal shows it, and what it may be.
    pub(crate) fn line(text: &str, lines: &[Line]) -> Self {
        Self {
            lines: lines.to_vec(),
            ..Self::new(LINE, text.as_bytes(), &["ssh.shell"])
        }
    }

    /// What follows the lines that are typed into it, where it is a shell on a terminal of so many columns and rows, and rules
    /// ask people about lines.
    pub(crate) fn typed(&self, rules: &Rules, terminal: Option<(u32, u32)>) -> Option<Box<Lines>> {
        (self.verb == SHELL).then(|| Lines::new(rules, terminal))?
    }

    /// A connection that is forwarded.
    pub(crate) fn connection(kind: &ChannelKind<'_>) -> Self {
        let name = kind.name();
        let text = match kind {
            ChannelKind::DirectTcp(origin) | ChannelKind::ForwardedTcp(origin) => format!(
                "{name} {} from {}",
                address(origin.host, origin.port),
                address(origin.from_host, origin.from_port)
            ),
            ChannelKind::DirectStream { path } | ChannelKind::ForwardedStream { path } => {
                format!("{name} {}", plain(path))
            }
            ChannelKind::X11 {
                from_host,
                from_port,
            } => format!("{name} from {}", address(from_host, *from_port)),
            _ => plain(name),
        };
        let can_wait = matches!(
            kind,
            ChannelKind::DirectTcp(_) | ChannelKind::DirectStream { .. }
        );
        Self {
            can_wait,
            ..Self::new("forward", text.as_bytes(), &["ssh.forward"])
        }
    }

    /// The target is to listen.
    pub(crate) fn listening(forwarding: &Forwarding<'_>) -> Self {
        let text = match forwarding {
            Forwarding::Tcp { host, port } => format!("listen on {}", address(host, *port)),
            Forwarding::Stream { path } => format!("listen on {}", plain(path)),
        };
        Self::new("forward", text.as_bytes(), &["ssh.forward"])
    }

    /// Something of the client's is to be reached from the target: its key agent, its X server.
    pub(crate) fn leading_back(what: &str) -> Self {
        Self::new("forward", what.as_bytes(), &["ssh.forward"])
    }

    /// Why it is not held, where people would have to agree.
    pub(crate) fn unholdable(&self) -> Option<&'static str> {
        let cannot = self.verb == "forward" && !self.can_wait;
        cannot.then_some("hold-of-remote-forwarding-is-not-built")
    }

    fn command(text: &[u8]) -> Self {
        let command = Command::parse(text);
        let known = command.words().and_then(Known::of);
        let words: &[&str] = match known.as_ref().map(|known| known.direction) {
            None => &["ssh.exec"],
            Some(Direction::Upload) => &["ssh.upload"],
            Some(Direction::Download) => &["ssh.download"],
            Some(Direction::Both) => BOTH_WAYS,
        };
        Self {
            command: Some(command),
            known,
            ..Self::new("exec", text, words)
        }
    }

    /// Its files are followed one by one.
    pub(crate) fn is_sftp(&self) -> bool {
        match &self.known {
            Some(known) => known.transfer == Transfer::Sftp,
            None => self.verb == "subsystem" && self.text == b"sftp",
        }
    }

    /// Files that a command names.
    pub(crate) fn objects(&self, recorded: &Masks) -> Vec<String> {
        let paths = self.known.iter().flat_map(|known| &known.paths);
        let paths = paths.take(OBJECTS_MAX);
        paths
            .map(|path| masked(recorded, path.as_bytes()))
            .collect()
    }

    /// Files or protocols of programs go through it, which must arrive as they are.
    fn is_data(&self) -> bool {
        self.known.is_some() || self.verb == "subsystem"
    }

    /// Why it cannot run for somebody who is to see what is looked for masked.
    pub(crate) fn unmaskable(&self, shown: &Masks) -> Option<&'static str> {
        if self.verb == "forward" && shown.detected().is_some() {
            return Some("forwarding-cannot-be-masked");
        }
        let gives = self.verbs != verbs(&["ssh.upload"]);
        // Files of sftp are judged one by one.
        let cannot = self.is_data() && !self.is_sftp() && gives;
        (cannot && shown.detected().is_some()).then_some("files-cannot-be-masked")
    }

    /// The masks of what it says and is told.
    pub(crate) fn masked(
        &self,
        shown: &Masks,
        recorded: &Masks,
        has_terminal: bool,
    ) -> Option<Box<Masked>> {
        if self.is_sftp() {
            return None;
        }
        // What goes on unchanged was found to be so before it ran.
        let nothing = Masks::default();
        let shown = if self.is_data() { &nothing } else { shown };
        Masked::new(shown, recorded, has_terminal)
    }

    /// Why rules about certain commands do not allow it, whatever they are.
    pub(crate) fn is_complex(&self) -> Option<String> {
        match &self.command {
            Some(Command::Complex(reason)) => Some(reason.to_string()),
            _ => None,
        }
    }

    /// The same, for these verbs alone.
    pub(crate) fn only(&self, verbs: BTreeSet<Verb>) -> Self {
        Self {
            verbs,
            ..self.clone()
        }
    }

    /// What follows its files, where it is sftp. `is_approved`: people have agreed to it.
    pub(crate) fn files(&self, is_approved: bool) -> Option<Files> {
        self.is_sftp()
            .then(|| Files::new(self.question(0), is_approved))
    }

    /// What it does: a command may do anything, and so may one that is called like a known one.
    pub(crate) fn effect(&self) -> Effect {
        if self.verb == "subsystem" {
            Effect::Write
        } else {
            Effect::Unknown
        }
    }

    pub(crate) fn question(&self, utc_ns: u64) -> Question {
        Question {
            verbs: self.verbs.clone(),
            command: self.command.clone(),
            lines: self.lines.clone(),
            utc_ns,
            ..Question::default()
        }
    }

    /// What will be forwarded, for those who are to approve it.
    pub(crate) fn exact(&self) -> Exact {
        Exact::default().with(self.verb, Some(&self.text))
    }

    /// For records and people. What is not text is shown as such; the transcript has each byte.
    pub(crate) fn shown(&self, recorded: &Masks) -> String {
        masked(recorded, &self.text)
    }

    /// C programs see the end of a text at a zero byte, and others do not: nobody knows what would run.
    pub(crate) fn has_zero(&self) -> bool {
        self.text.contains(&0)
    }
}

/// An address, different for different ones.
fn address(host: &str, port: u32) -> String {
    let host = plain(host);
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// What could pass for something else, or move a terminal's cursor, stands as its number.
fn plain(peers: &str) -> String {
    let mut text = String::new();
    for sign in peers.chars() {
        if sign.is_ascii_graphic() && sign != '\\' {
            text.push(sign);
        } else {
            text.extend(sign.escape_unicode());
        }
    }
    text
}

/// A text for records and people.
pub(crate) fn masked(recorded: &Masks, text: &[u8]) -> String {
    let masked = recorded.text(text);
    String::from_utf8_lossy(masked.as_deref().unwrap_or(text)).into_owned()
}

fn verbs(words: &[&str]) -> BTreeSet<Verb> {
    words.iter().filter_map(|word| Verb::named(word)).collect()
}

/// What a program on record was, by its verb and text, in policy's words; `None` for other operations.
pub fn recorded_question(verb: &str, text: &str) -> Option<Question> {
    let request = match verb {
        SHELL => RequestKind::Shell,
        "exec" => RequestKind::Exec(text.as_bytes()),
        "subsystem" => RequestKind::Subsystem(text.as_bytes()),
        LINE => {
            // Perhaps with a prompt before it.
            let lines = [Line::typed(text), Line::shown(text)];
            return Some(Program::line(text, &lines).question(0));
        }
        "forward" => return Some(Program::leading_back(text).question(0)),
        _ => return None,
    };
    Program::of(&request).map(|program| program.question(0))
}
