//! OpenSSH's sftp-server, with the test as its client and the conversation in between.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use bytes::Bytes;
use custos_sftp::{Answer, Conversation, FromClient, FromServer, Note, ResponseKind, Transfer};
use tempfile::TempDir;

use crate::wire;

/// Of the Debian package openssh-sftp-server.
pub(crate) const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";

pub(crate) fn start(directory: &Path) -> (Child, ChildStdin, ChildStdout) {
    let mut child = Command::new(SFTP_SERVER)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the package openssh-sftp-server is installed");
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, stdin, stdout)
}

pub(crate) struct Server {
    directory: TempDir,
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    conversation: Conversation,
    /// What came from the server and was not read.
    chunk: Bytes,
    last_id: u32,
}

impl Server {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (child, stdin, stdout) = start(directory.path());
        let mut server = Self {
            directory,
            child,
            stdin,
            stdout,
            conversation: Conversation::new(),
            chunk: Bytes::new(),
            last_id: 0,
        };
        let mut init = Bytes::from(wire::init(3));
        let FromClient::Init(init) = server.conversation.from_client(&mut init).unwrap() else {
            panic!("no init");
        };
        server.stdin.write_all(&init).unwrap();
        let version = server.next();
        assert!(matches!(version, FromServer::Version(_)), "{version:?}");
        server
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Sends a request, made by `packet` from its number.
    pub(crate) fn sends(&mut self, packet: impl FnOnce(u32) -> Vec<u8>) -> u32 {
        self.last_id += 1;
        let mut chunk = Bytes::from(packet(self.last_id));
        let FromClient::Request(asked) = self.conversation.from_client(&mut chunk).unwrap() else {
            panic!("not a request");
        };
        let note = Note(u64::from(self.last_id));
        let packet = self.conversation.forward(asked, note);
        self.stdin.write_all(&packet).unwrap();
        self.last_id
    }

    /// The next answer.
    pub(crate) fn answers(&mut self) -> Answer {
        match self.next() {
            FromServer::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn next(&mut self) -> FromServer {
        loop {
            match self.conversation.from_server(&mut self.chunk).unwrap() {
                FromServer::Nothing => {}
                other => return other,
            }
            let mut bytes = vec![0; 5000];
            let count = self.stdout.read(&mut bytes).unwrap();
            assert!(count > 0, "the server has gone");
            bytes.truncate(count);
            self.chunk = Bytes::from(bytes);
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn asks(&mut self, packet: impl FnOnce(u32) -> Vec<u8>) -> Answer {
        let id = self.sends(packet);
        let answer = self.answers();
        assert_eq!((answer.id.0, answer.note), (id, Note(u64::from(id))));
        answer
    }

    /// Opens a file; its handle.
    pub(crate) fn opens(&mut self, path: &str, flags: u32) -> Vec<u8> {
        let answer = self.asks(|id| wire::open(id, path, flags));
        handle(&answer)
    }

    pub(crate) fn closes(&mut self, handle: &[u8]) -> Transfer {
        let answer = self.asks(|id| wire::close(id, handle));
        *answer.transfer.expect("a transfer")
    }

    /// The conversation ends here.
    pub(crate) fn end(mut self) -> Vec<Transfer> {
        std::mem::take(&mut self.conversation).end()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn handle(answer: &Answer) -> Vec<u8> {
    match answer.response().unwrap().kind {
        ResponseKind::Handle(handle) => handle.to_vec(),
        other => panic!("{other:?}"),
    }
}
