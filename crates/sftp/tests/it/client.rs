//! OpenSSH's own `sftp` and its own sftp-server, with the conversation in between.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use bytes::Bytes;
use custos_sftp::{
    Action, Change, Conversation, Direction, FromClient, FromServer, NoDigest, Note, StatusCode,
    Transfer,
};
use tempfile::TempDir;

use crate::records::{content, is_file};
use crate::server;

/// Chunks that are neither as long as packets nor as what channels carry.
const CHUNK_BYTES: usize = 33_333;

/// A directory of the client, one of the server, and two pipes that go through the test.
struct Place {
    directory: TempDir,
}

/// What was seen in between.
struct Seen {
    conversation: Conversation,
    actions: Vec<Action>,
    transfers: Vec<Transfer>,
    /// The way to the client.
    answers: File,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        for name in ["here", "there"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let made = Command::new("mkfifo")
            .args([path.join("requests"), path.join("answers")])
            .status();
        assert!(made.unwrap().success());
        // Given to the shell, and not run by itself: a file that was just written may still be open in a process that
        // another test is starting.
        let (answers, requests) = (path.join("answers"), path.join("requests"));
        let program = format!(
            "cat <'{}' &\nexec cat >'{}'\n",
            answers.display(),
            requests.display()
        );
        fs::write(path.join("wrapper"), program).unwrap();
        Self { directory }
    }

    fn here(&self, name: &str) -> PathBuf {
        self.directory.path().join("here").join(name)
    }

    fn there(&self, name: &str) -> PathBuf {
        self.directory.path().join("there").join(name)
    }

    /// Runs the client with these commands. Its output, what it did, and which files went.
    fn runs(
        &self,
        commands: &str,
        is_denied: fn(&Action) -> bool,
    ) -> (Output, Vec<Action>, Vec<Transfer>) {
        let path = self.directory.path();
        fs::write(path.join("batch"), commands).unwrap();
        let client = Command::new("sftp")
            .arg("-D")
            .arg(format!("/bin/sh {}", path.join("wrapper").display()))
            .arg("-b")
            .arg(path.join("batch"))
            .current_dir(path.join("here"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the package openssh-client is installed");
        let Seen {
            conversation,
            actions,
            mut transfers,
            answers,
        } = self.relays(is_denied);
        drop(answers);
        let output = client.wait_with_output().unwrap();
        assert_eq!(conversation.waiting(), 0);
        transfers.extend(conversation.end());
        (output, actions, transfers)
    }

    fn relays(&self, is_denied: fn(&Action) -> bool) -> Seen {
        let path = self.directory.path();
        let requests = File::open(path.join("requests")).unwrap();
        let answers = OpenOptions::new().write(true).open(path.join("answers"));
        let (mut child, to_server, from_server) = server::start(&path.join("there"));
        let seen = Mutex::new(Seen {
            conversation: Conversation::new(),
            actions: Vec::new(),
            transfers: Vec::new(),
            answers: answers.unwrap(),
        });
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut to_server = to_server;
                chunks(requests, |chunk| {
                    let goes_on = seen.lock().unwrap().client(chunk, is_denied);
                    to_server.write_all(&goes_on).unwrap();
                });
            });
            chunks(from_server, |chunk| seen.lock().unwrap().server(chunk));
        });
        assert!(child.wait().unwrap().success());
        seen.into_inner().unwrap()
    }
}

fn chunks(mut from: impl Read, mut each: impl FnMut(Bytes)) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = from.read(&mut buffer).unwrap();
        if count == 0 {
            return;
        }
        each(Bytes::copy_from_slice(&buffer[..count]));
    }
}

impl Seen {
    /// What goes on to the server.
    fn client(&mut self, mut chunk: Bytes, is_denied: fn(&Action) -> bool) -> Vec<u8> {
        let mut goes_on = Vec::new();
        loop {
            match self.conversation.from_client(&mut chunk).unwrap() {
                FromClient::Nothing => return goes_on,
                FromClient::Init(packet) => goes_on.extend(packet),
                FromClient::Request(asked) => {
                    self.actions.push(asked.action().clone());
                    if is_denied(asked.action()) {
                        let denied = StatusCode::PERMISSION_DENIED;
                        let answer = self.conversation.refuse(asked, denied, "not through here");
                        self.answers.write_all(&answer).unwrap();
                    } else {
                        let note = Note(self.actions.len() as u64);
                        goes_on.extend(self.conversation.forward(asked, note));
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn server(&mut self, mut chunk: Bytes) {
        loop {
            let packet = match self.conversation.from_server(&mut chunk).unwrap() {
                FromServer::Nothing => return,
                FromServer::Version(packet) => packet,
                FromServer::Answer(answer) => {
                    self.transfers
                        .extend(answer.transfer.map(|transfer| *transfer));
                    answer.packet
                }
            };
            self.answers.write_all(&packet).unwrap();
        }
    }
}

fn allow(_: &Action) -> bool {
    false
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn named<'a>(transfers: &'a [Transfer], name: &str) -> &'a Transfer {
    let mut found = transfers.iter().filter(|transfer| {
        let path = Path::new(std::str::from_utf8(transfer.path.as_bytes()).unwrap());
        path.file_name().is_some_and(|last| last == name)
    });
    let one = found.next().expect(name);
    assert!(found.next().is_none());
    one
}

#[test]
fn put_and_get() {
    let place = Place::new();
    fs::write(place.here("large"), content(5_000_001)).unwrap();
    fs::write(place.here("empty"), b"").unwrap();
    fs::write(place.there("big"), content(7_000_003)).unwrap();
    fs::write(place.there("none"), b"").unwrap();
    let sparse = File::create(place.there("sparse")).unwrap();
    sparse.write_all_at(b"x", 3_000_000).unwrap();
    let (output, actions, transfers) = place.runs(
        "put large\nput empty\nget big\nget none\nget sparse\n",
        allow,
    );
    succeeded(&output);
    assert_eq!(transfers.len(), 5);
    for name in ["large", "empty"] {
        let transfer = named(&transfers, name);
        assert_eq!(
            (transfer.direction, &transfer.download),
            (Direction::Upload, &None)
        );
        is_file(transfer.upload.as_ref().unwrap(), &place.there(name));
        assert_eq!(
            fs::read(place.here(name)).unwrap(),
            fs::read(place.there(name)).unwrap()
        );
    }
    for name in ["big", "none", "sparse"] {
        let transfer = named(&transfers, name);
        assert_eq!(
            (transfer.direction, &transfer.upload),
            (Direction::Download, &None)
        );
        is_file(transfer.download.as_ref().unwrap(), &place.there(name));
        assert_eq!(
            fs::read(place.here(name)).unwrap(),
            fs::read(place.there(name)).unwrap()
        );
    }
    let opened = actions
        .iter()
        .filter(|action| matches!(action, Action::Transfer { .. }));
    assert_eq!(opened.count(), 5);
}

#[test]
fn what_is_resumed_is_partial() {
    let place = Place::new();
    let content = content(300_000);
    fs::write(place.there("down"), &content).unwrap();
    fs::write(place.here("down"), &content[..100_000]).unwrap();
    fs::write(place.here("up"), &content).unwrap();
    fs::write(place.there("up"), &content[..100_000]).unwrap();
    let (output, _, transfers) = place.runs("reget down\nreput up\n", allow);
    succeeded(&output);
    let down = named(&transfers, "down").download.as_ref().unwrap();
    assert_eq!(
        (down.bytes, down.end, down.digest),
        (200_000, 300_000, Err(NoDigest::Partial))
    );
    // It opens the file to append.
    let up = named(&transfers, "up").upload.as_ref().unwrap();
    assert_eq!(
        (up.bytes, up.end, up.digest),
        (200_000, 300_000, Err(NoDigest::Appended))
    );
    assert_eq!(fs::read(place.here("down")).unwrap(), content);
    assert_eq!(fs::read(place.there("up")).unwrap(), content);
}

#[test]
fn directories_go_file_by_file() {
    let place = Place::new();
    fs::create_dir_all(place.here("tree/deep")).unwrap();
    fs::create_dir_all(place.there("other/deep")).unwrap();
    for number in 0..10 {
        let content = content(number * 40_000);
        fs::write(place.here(&format!("tree/deep/u{number}")), &content).unwrap();
        fs::write(place.there(&format!("other/deep/d{number}")), &content).unwrap();
    }
    let (output, actions, transfers) = place.runs("put -Rp tree\nget -Rp other\n", allow);
    succeeded(&output);
    assert_eq!(transfers.len(), 20);
    for number in 0..10 {
        let (up, down) = (format!("u{number}"), format!("d{number}"));
        let transfer = named(&transfers, &up);
        let path = place.there(&format!("tree/deep/{up}"));
        is_file(transfer.upload.as_ref().unwrap(), &path);
        let transfer = named(&transfers, &down);
        let path = place.there(&format!("other/deep/{down}"));
        is_file(transfer.download.as_ref().unwrap(), &path);
    }
    let lists = actions
        .iter()
        .filter(|action| matches!(action, Action::List { .. }));
    assert_eq!(lists.count(), 2);
}

#[test]
fn changes_are_seen_in_their_order() {
    let place = Place::new();
    fs::write(place.there("a"), b"a").unwrap();
    let commands =
        "mkdir d\nrename a b\nln b c\nln -s b s\nchmod 600 b\nls -l\ndf\nrm c\nrmdir d\n";
    let (output, actions, _) = place.runs(commands, allow);
    succeeded(&output);
    let changes: Vec<Change> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Change { change, .. } => Some(*change),
            _ => None,
        })
        .collect();
    let expected = [
        Change::MakeDirectory,
        Change::PosixRename,
        Change::Hardlink,
        Change::Symlink,
        Change::SetAttributes,
        Change::Remove,
        Change::RemoveDirectory,
    ];
    assert_eq!(changes, expected);
    let unknown = actions
        .iter()
        .any(|action| matches!(action, Action::Unknown { .. }));
    assert!(!unknown, "{actions:?}");
}

#[test]
fn what_is_refused_never_happens_and_the_client_is_told() {
    let place = Place::new();
    fs::write(place.there("kept"), b"kept").unwrap();
    fs::write(place.here("secret"), b"x").unwrap();
    fs::write(place.there("got"), content(100_000)).unwrap();
    let commands = "-rm kept\n-put secret\n-mkdir d\nget got\n";
    let (output, _, transfers) = place.runs(commands, |action| match action {
        Action::Change { .. } => true,
        Action::Transfer { direction, .. } => direction.uploads(),
        _ => false,
    });
    succeeded(&output);
    let told = String::from_utf8(output.stderr).unwrap().to_lowercase();
    assert_eq!(told.matches("permission denied").count(), 3, "{told}");
    assert_eq!(fs::read(place.there("kept")).unwrap(), b"kept");
    assert!(!place.there("secret").exists() && !place.there("d").exists());
    assert_eq!(transfers.len(), 1);
    is_file(transfers[0].download.as_ref().unwrap(), &place.there("got"));
}

/// A server that answers only some of what the client asked, because the rest was refused in the middle of a file.
#[test]
fn a_file_that_is_cut_off_in_the_middle() {
    let place = Place::new();
    fs::write(place.there("got"), content(5_000_000)).unwrap();
    let (output, _, transfers) = place.runs("get got\n", |action| {
        static READS: Mutex<u32> = Mutex::new(0);
        let mut reads = READS.lock().unwrap();
        let is_read = matches!(
            action,
            Action::OnOpenFile {
                what: custos_sftp::OnOpenFile::Read,
                ..
            }
        );
        *reads += u32::from(is_read);
        is_read && *reads > 3
    });
    assert!(!output.status.success());
    let flow = named(&transfers, "got").download.as_ref().unwrap();
    assert!(flow.bytes > 0 && flow.bytes < 5_000_000 && !flow.is_whole);
}
