//! What a channel is asked to run, as policy and records know it.

use std::collections::BTreeSet;

use custos_model::Effect;
use custos_session::{Exact, Question, Verb};
use custos_ssh_wire::message::RequestKind;

use crate::files::Files;

/// Something that runs on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// The word of records: `exec`, `shell` or `subsystem`.
    pub(crate) verb: &'static str,
    /// The command, or the subsystem's name; empty for a shell.
    pub(crate) text: Vec<u8>,
    pub(crate) verbs: BTreeSet<Verb>,
}

impl Program {
    /// What a request asks to run; `None` for requests that run nothing.
    pub(crate) fn of(request: &RequestKind<'_>) -> Option<Self> {
        match request {
            RequestKind::Shell => Some(Self {
                verb: "shell",
                text: Vec::new(),
                verbs: verbs(&["ssh.shell"]),
            }),
            RequestKind::Exec(command) => Some(Self {
                verb: "exec",
                text: command.to_vec(),
                verbs: verbs(&["ssh.exec"]),
            }),
            // Which way files go is not known before they do.
            RequestKind::Subsystem(b"sftp") => Some(Self {
                verb: "subsystem",
                text: b"sftp".to_vec(),
                verbs: verbs(&["ssh.upload", "ssh.download"]),
            }),
            RequestKind::Subsystem(name) => Some(Self {
                verb: "subsystem",
                text: name.to_vec(),
                verbs: verbs(&["ssh.unknown"]),
            }),
            _ => None,
        }
    }

    pub(crate) fn is_sftp(&self) -> bool {
        self.verb == "subsystem" && self.text == b"sftp"
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
            .then(|| Files::new(self.verbs.clone(), is_approved))
    }

    /// What it does: a command may do anything.
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
            utc_ns,
            ..Question::default()
        }
    }

    /// What will be forwarded, for those who are to approve it.
    pub(crate) fn exact(&self) -> Exact {
        Exact::default().with(self.verb, Some(&self.text))
    }

    /// For records and people. What is not text is shown as such; the transcript has each byte.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// C programs see the end of a text at a zero byte, and others do not: nobody knows what would run.
    pub(crate) fn has_zero(&self) -> bool {
        self.text.contains(&0)
    }
}

fn verbs(words: &[&str]) -> BTreeSet<Verb> {
    words.iter().filter_map(|word| Verb::named(word)).collect()
}
