//! Files that go over sftp: each request is judged, each file is on record with what went of it and its digest. What is in the
//! files goes on as it is and is not recorded.

use std::collections::{BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};
use custos_model::{Decision, Outcome};
use custos_session::{
    DetailValue, Masks, Open, Question, Session, SessionError, Transferred, Verb,
};
use custos_sftp::{
    Action, Conversation, Ending, Flow, FromClient, FromServer, Note, Outcome as Went, RemotePath,
    SftpError, StatusCode, Transfer,
};

use crate::channels::{Channel, Item, Running, Side};
use crate::conversation::Batch;
use crate::operation::masked;

/// The end of input and the end of the channel, and no more.
const BEHIND_MAX: usize = 2;

/// What one sftp subsystem does.
#[derive(Debug)]
pub(crate) struct Files {
    conversation: Conversation,
    /// Read from the client and not looked at, because too much is asked already; at most a window's data.
    rest: VecDeque<Bytes>,
    /// What comes after that, put together.
    tail: BytesMut,
    /// What it was let through for.
    let_through: Question,
    /// People have agreed to that.
    is_approved: bool,
    /// Messages of the channel that stand behind what was not looked at.
    behind: Vec<Bytes>,
    /// Requests that were forwarded.
    count: u64,
}

impl Files {
    pub(crate) fn new(let_through: Question, is_approved: bool) -> Self {
        Self {
            conversation: Conversation::new(),
            rest: VecDeque::new(),
            tail: BytesMut::new(),
            let_through,
            is_approved,
            behind: Vec::new(),
            count: 0,
        }
    }

    /// Keeps a message until all before it has gone on; false where nothing waits.
    pub(crate) fn keeps(&mut self, payload: &Bytes) -> bool {
        let waits = !self.rest.is_empty() || !self.tail.is_empty();
        if waits && self.behind.len() < BEHIND_MAX {
            self.behind.push(Bytes::copy_from_slice(payload));
        }
        waits
    }
}

/// Why the files of a channel are not followed any more: it is to be closed.
pub(crate) type Lost = SftpError;

/// One side of a channel whose files are followed, on its way through a batch.
pub(crate) struct Follow<'a> {
    pub(crate) session: &'a Session<Open>,
    pub(crate) batch: &'a mut Batch,
    pub(crate) number: u32,
}

impl Follow<'_> {
    /// What the client sent.
    pub(crate) fn client_sent(
        &mut self,
        channel: &mut Channel,
        bytes: Bytes,
    ) -> Result<Result<(), Lost>, SessionError> {
        let Some(running) = &mut channel.running else {
            return Ok(Ok(()));
        };
        if let Some(files) = &mut running.files {
            if files.rest.is_empty() {
                files.rest.push_back(bytes);
            } else {
                files.tail.extend_from_slice(&bytes);
            }
        }
        self.go_on(running)
    }

    /// What the target sent; what the client had asked too early for may go on with it.
    pub(crate) fn target_sent(
        &mut self,
        channel: &mut Channel,
        mut bytes: Bytes,
    ) -> Result<Result<(), Lost>, SessionError> {
        let Some(running) = &mut channel.running else {
            return Ok(Ok(()));
        };
        loop {
            let Some(files) = &mut running.files else {
                return Ok(Ok(()));
            };
            let packet = match files.conversation.from_server(&mut bytes) {
                Ok(FromServer::Nothing) => break,
                Ok(FromServer::Version(packet)) => packet,
                Ok(FromServer::Answer(answer)) => {
                    if let Went::Failed(code) = answer.outcome
                        && answer.note != Note(0)
                    {
                        self.session
                            .event(&mut self.batch.lines, running.number)
                            .word("sftp", "failed")
                            .number("request", answer.note.0)
                            .text("why", code.word().as_bytes())
                            .end();
                    }
                    if let Some(transfer) = answer.transfer {
                        self.told(running, &transfer)?;
                    }
                    answer.packet
                }
                Err(error) => return Ok(Err(error)),
            };
            self.stage(Side::Client, packet, true);
        }
        Ok(Ok(()))
    }

    /// What the client had asked too early goes on, as far as it can now.
    pub(crate) fn resume(
        &mut self,
        channel: &mut Channel,
    ) -> Result<Result<(), Lost>, SessionError> {
        match &mut channel.running {
            Some(running) => self.go_on(running),
            None => Ok(Ok(())),
        }
    }

    /// What was still open when the channel ended.
    pub(crate) fn end(&mut self, running: &mut Running) -> Result<(), SessionError> {
        let files = running.files.take();
        for transfer in files.into_iter().flat_map(|files| files.conversation.end()) {
            self.told(running, &transfer)?;
        }
        Ok(())
    }

    fn go_on(&mut self, running: &mut Running) -> Result<Result<(), Lost>, SessionError> {
        loop {
            let Some(files) = &mut running.files else {
                return Ok(Ok(()));
            };
            if files.rest.is_empty() && !files.tail.is_empty() {
                files.rest.push_back(files.tail.split().freeze());
            }
            let Some(bytes) = files.rest.front_mut() else {
                for payload in std::mem::take(&mut files.behind) {
                    let message = Item::Message(payload);
                    self.batch.staged.push((self.number, Side::Target, message));
                }
                return Ok(Ok(()));
            };
            match files.conversation.from_client(bytes) {
                Ok(FromClient::Nothing) => drop(files.rest.pop_front()),
                // The client waits: what it has sent is not given back to it.
                Ok(FromClient::Full) => return Ok(Ok(())),
                Ok(FromClient::Init(packet)) => self.stage(Side::Target, packet, true),
                Ok(FromClient::Refused(refused)) => {
                    self.session
                        .event(&mut self.batch.lines, running.number)
                        .word("sftp", "refused")
                        .text("why", refused.fault.code().as_bytes())
                        .end();
                    self.answer(refused.packet.len(), refused.answer);
                }
                Ok(FromClient::Request(asked)) => self.asked(running, asked)?,
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    fn asked(
        &mut self,
        running: &mut Running,
        asked: custos_sftp::Asked,
    ) -> Result<(), SessionError> {
        let Some(files) = &mut running.files else {
            return Ok(());
        };
        let action = asked.action().clone();
        let bytes = asked.packet().len();
        if let Action::OnOpenFile { .. } = action {
            let packet = files.conversation.forward(asked, Note(0));
            self.stage(Side::Target, packet, true);
            return Ok(());
        }
        let (word, paths) = shown(&action, &self.recorded()?);
        if let Some(rules) = refusal(self.session, files, &action)? {
            let (code, text) = match action {
                Action::Unknown { .. } => {
                    (StatusCode::OP_UNSUPPORTED, "it is not known".to_owned())
                }
                _ => (
                    StatusCode::PERMISSION_DENIED,
                    format!("custos: denied ({rules})"),
                ),
            };
            let answer = files.conversation.refuse(asked, code, &text);
            let outcome = Outcome {
                denied: true,
                error: Some(("denied".to_owned(), rules.clone())),
                ..Outcome::default()
            };
            let verdict = custos_model::Verdict::denied(&rules);
            let text = paths.join(" ");
            let position = self
                .session
                .failed(word, Some(&text), &outcome, Some(&verdict))?;
            self.batch.at(position);
            self.answer(bytes, answer);
            return Ok(());
        }
        files.count += 1;
        let note = Note(files.count);
        let packet = files.conversation.forward(asked, note);
        let paths = paths.iter().map(|path| (Some(path.as_bytes()), true));
        self.session
            .event(&mut self.batch.lines, running.number)
            .word("sftp", word)
            .number("request", note.0)
            .values("paths", paths)
            .end();
        self.stage(Side::Target, packet, true);
        Ok(())
    }

    fn recorded(&self) -> Result<Masks, SessionError> {
        self.session.recorded(&self.session.rules())
    }

    /// A file was closed.
    fn told(&mut self, running: &Running, transfer: &Transfer) -> Result<(), SessionError> {
        // A mask that cannot be made masks all.
        let path = self.recorded().map_or_else(
            |_| "[masked]".to_owned(),
            |recorded| masked(&recorded, transfer.path.shown().as_bytes()),
        );
        let flows = [
            (
                &transfer.upload,
                ["written", "written_sha256", "written_no_digest"],
            ),
            (
                &transfer.download,
                ["read", "read_sha256", "read_no_digest"],
            ),
        ];
        let digests = flows.map(|(flow, _)| flow.as_ref().map(digest_of));
        let mut detail = vec![("ending", DetailValue::from(transfer.ending.word()))];
        for ((flow, [bytes, digest, none]), told) in flows.into_iter().zip(&digests) {
            let (Some(flow), Some(told)) = (flow, told) else {
                continue;
            };
            detail.push((bytes, flow.bytes.into()));
            detail.push(match told {
                Ok(hex) => (digest, hex.into()),
                Err(why) => (none, (*why).into()),
            });
        }
        let recorded = Transferred {
            direction: transfer.direction.word(),
            file: &path,
            is_closed: transfer.ending == Ending::Closed,
            detail: &detail,
        };
        let position = self.session.transferred(running.number, &recorded)?;
        self.batch.at(position);
        Ok(())
    }

    fn stage(&mut self, side: Side, bytes: Bytes, counted: bool) {
        let item = Item::Data {
            code: None,
            bytes,
            counted,
        };
        self.batch.may_change = true;
        self.batch.staged.push((self.number, side, item));
    }

    /// The gateway's own answer to a request of so many bytes, which go no further.
    fn answer(&mut self, bytes: usize, answer: Bytes) {
        self.batch
            .staged
            .push((self.number, Side::Target, Item::Gone(bytes)));
        self.stage(Side::Client, answer, false);
    }
}

fn digest_of(flow: &Flow) -> Result<String, &'static str> {
    let digest = flow.digest.as_ref().map_err(|why| why.code())?;
    Ok(digest.to_string())
}

/// Why a request may not pass; the rules.
fn refusal(
    session: &Session<Open>,
    files: &Files,
    action: &Action,
) -> Result<Option<String>, SessionError> {
    let words: &[&str] = match action {
        Action::Transfer { direction, .. } => match (direction.uploads(), direction.downloads()) {
            (true, true) => &["ssh.upload", "ssh.download"],
            (true, false) => &["ssh.upload"],
            _ => &["ssh.download"],
        },
        Action::Change { .. } => &["ssh.upload"],
        // Whoever was let in may look round.
        Action::List { .. } | Action::Inspect { .. } | Action::OnOpenFile { .. } => {
            return Ok(None);
        }
        Action::Unknown { .. } => return Ok(Some("unknown-request".to_owned())),
    };
    let verbs: BTreeSet<Verb> = words.iter().filter_map(|word| Verb::named(word)).collect();
    let rules = session.rules();
    if !rules.are_judged() {
        return Ok(None);
    }
    let question = Question {
        verbs: verbs.clone(),
        utc_ns: session.utc_ns(),
        ..files.let_through.clone()
    };
    let ruled = session.decide(&question, &rules)?;
    let may = match ruled.verdict.decision {
        Decision::Allow => verbs.is_subset(&files.let_through.verbs),
        Decision::Hold => files.is_approved && verbs.is_subset(&files.let_through.verbs),
        Decision::Deny => false,
    };
    if !may {
        return Ok(Some(ruled.verdict.rules.join(", ")));
    }
    // What is in a file is not changed on its way.
    let is_shown = verbs != BTreeSet::from_iter(Verb::named("ssh.upload"));
    let cannot = is_shown && ruled.masks.detected().is_some();
    Ok(cannot.then(|| "files-cannot-be-masked".to_owned()))
}

/// The word of records, and the names with what is looked for in them masked.
fn shown(action: &Action, recorded: &Masks) -> (&'static str, Vec<String>) {
    let (word, paths) = named(action);
    let paths = paths.iter().map(|path| masked(recorded, path.as_bytes()));
    (word, paths.collect())
}

fn named(action: &Action) -> (&'static str, Vec<String>) {
    let one = |path: &RemotePath| vec![path.shown()];
    match action {
        Action::Transfer { path, direction } => (direction.word(), one(path)),
        Action::List { path } => ("list", one(path)),
        Action::Inspect { path } => ("inspect", path.iter().map(RemotePath::shown).collect()),
        Action::Change { change, paths } => {
            (change.word(), paths.iter().map(RemotePath::shown).collect())
        }
        Action::OnOpenFile { path, .. } => ("open_file", one(path)),
        Action::Unknown { name } => ("unknown", vec![name.clone()]),
    }
}
