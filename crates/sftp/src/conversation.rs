//! Requests and answers, matched.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;

use crate::action::Fault;
use crate::answer::{Answer, Outcome};
use crate::asked::{Asked, Refused};
use crate::classify::{Classified, classify};
use crate::error::SftpError;
use crate::files::Files;
use crate::flow::Upload;
use crate::hello::{Hello, with_our_version};
use crate::number;
use crate::packets::Packets;
use crate::request::{Request, RequestId};
use crate::response::{Response, ResponseKind};
use crate::status::{StatusCode, status};
use crate::transfer::Transfer;
use crate::waiting::{Asks, Waiting};
use crate::{MAX_WAITING, VERSION};

/// What the adapter wants to find again with the answer to a request, for instance the number of its operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Note(pub u64);

/// What comes from the client.
#[derive(Debug)]
#[must_use]
pub enum FromClient {
    /// The chunk is used up.
    Nothing,
    /// [`MAX_WAITING`] requests are not answered. What is left of the chunk is to be brought again after the next answer or
    /// refusal, and nothing more is to be read from the client before.
    Full,
    /// SSH_FXP_INIT, to go to the server; an offer of a later version than 3 is lowered in it.
    Init(Bytes),
    /// A request that waits for a decision.
    Request(Asked),
    /// A request that was answered here.
    Refused(Refused),
}

/// What comes from the server.
#[derive(Debug)]
#[must_use]
pub enum FromServer {
    /// The chunk is used up.
    Nothing,
    /// SSH_FXP_VERSION, to go to the client.
    Version(Bytes),
    /// An answer, to go to the client.
    Answer(Answer),
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Greeting {
    #[default]
    Nothing,
    ClientDone,
    Done,
}

/// One SFTP channel, followed from the middle.
///
/// The order counts: packets go on in the order in which they are returned, and answers made here (of [`Self::refuse`] and
/// [`Refused`]) go to the client between two packets of the server. A decision may take its time and others may be made
/// before it, but what then passes it by is done first.
///
/// After an error both sides' bytes cannot be understood any more; the same error comes again. [`Self::end`] still tells what
/// has been transferred.
#[derive(Debug, Default)]
pub struct Conversation {
    client: Packets,
    server: Packets,
    greeting: Greeting,
    waiting: BTreeMap<RequestId, Waiting>,
    files: Files,
    broken: Option<SftpError>,
}

impl Conversation {
    /// Before the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the client's next packet off the front of `chunk`. To be called until it says [`FromClient::Nothing`].
    pub fn from_client(&mut self, chunk: &mut Bytes) -> Result<FromClient, SftpError> {
        self.sound()?;
        if chunk.is_empty() {
            return Ok(FromClient::Nothing);
        }
        if self.waiting.len() >= MAX_WAITING {
            return Ok(FromClient::Full);
        }
        let came = match self.client.next(chunk) {
            Ok(None) => return Ok(FromClient::Nothing),
            Ok(Some(packet)) => self.client_packet(packet),
            Err(error) => Err(error),
        };
        self.keep_error(came)
    }

    /// Takes the server's next packet off the front of `chunk`. To be called until it says [`FromServer::Nothing`].
    pub fn from_server(&mut self, chunk: &mut Bytes) -> Result<FromServer, SftpError> {
        self.sound()?;
        let came = match self.server.next(chunk) {
            Ok(None) => return Ok(FromServer::Nothing),
            Ok(Some(packet)) => self.server_packet(packet),
            Err(error) => Err(error),
        };
        self.keep_error(came)
    }

    /// A request goes on. Returns the packet, for the server.
    pub fn forward(&mut self, asked: Asked, note: Note) -> Bytes {
        let Some(waiting) = self.waiting.get_mut(&asked.id) else {
            return asked.packet;
        };
        waiting.sent = Some(note);
        let (Some(file), asks) = (waiting.file, &waiting.asks) else {
            return asked.packet;
        };
        match *asks {
            Asks::Write { offset, length } => {
                // The data are what the packet ends with.
                let data_at = asked.packet.len().saturating_sub(length as usize);
                let data = asked.packet.get(data_at..).unwrap_or_default();
                self.files
                    .upload(file, |upload, held| upload.write(offset, data, held));
            }
            Asks::Resize(size) => self
                .files
                .upload(file, |upload, held| upload.resize(size, held)),
            Asks::Copy => self.files.upload(file, Upload::copied),
            _ => {}
        }
        asked.packet
    }

    /// A request does not go on. Returns the answer, for the client: usually [`StatusCode::PERMISSION_DENIED`] with a message
    /// that people read.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a request is decided upon once"
    )]
    pub fn refuse(&mut self, asked: Asked, code: StatusCode, message: &str) -> Bytes {
        if let Some(waiting) = self.waiting.remove(&asked.id) {
            if let Some(file) = waiting.file {
                self.files.refused(file, waiting.asks == Asks::Close);
            }
            if let Asks::Open { path, .. } = &waiting.asks {
                self.files.not_opened(path);
            }
        }
        Bytes::from(status(asked.id, code, message))
    }

    /// The conversation is over. Returns what was open, in the order in which it was opened.
    pub fn end(self) -> Vec<Transfer> {
        self.files.end()
    }

    /// Requests that are not answered.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Files and directories that are open.
    pub fn open_files(&self) -> usize {
        self.files.count()
    }

    /// Bytes that are kept: of packets that are not complete, of paths, and of what came out of order.
    pub fn kept_bytes(&self) -> usize {
        self.client.partial_bytes() + self.server.partial_bytes() + self.files.kept_bytes()
    }

    fn sound(&self) -> Result<(), SftpError> {
        self.broken.map_or(Ok(()), Err)
    }

    fn keep_error<T>(&mut self, result: Result<T, SftpError>) -> Result<T, SftpError> {
        result.inspect_err(|error| self.broken = Some(*error))
    }

    fn client_packet(&mut self, packet: Bytes) -> Result<FromClient, SftpError> {
        if let Some(hello) = Hello::parse(number::INIT, &packet)? {
            if self.greeting != Greeting::Nothing {
                return Err(SftpError::OutOfTurn {
                    packet: number::name(number::INIT),
                });
            }
            self.greeting = Greeting::ClientDone;
            let version = hello.version;
            return with_our_version(packet, version).map(FromClient::Init);
        }
        let kind = kind(&packet);
        if self.greeting == Greeting::Nothing {
            return Err(SftpError::TooEarly { kind });
        }
        let request = Request::parse(&packet)?;
        let id = request.id;
        let Entry::Vacant(place) = self.waiting.entry(id) else {
            return Err(SftpError::IdInUse { id: id.0 });
        };
        let Classified { action, asks, file } = match classify(&request.kind, &self.files) {
            Ok(classified) => classified,
            Err(fault) => return Ok(FromClient::Refused(refused(packet, id, fault))),
        };
        if let Asks::Open { path, .. } = &asks {
            self.files.opening(path);
        }
        if let Some(file) = file {
            self.files.asked(file, asks == Asks::Close);
        }
        place.insert(Waiting {
            kind,
            asks,
            file,
            sent: None,
        });
        Ok(FromClient::Request(Asked { packet, id, action }))
    }

    fn server_packet(&mut self, packet: Bytes) -> Result<FromServer, SftpError> {
        if let Some(hello) = Hello::parse(number::VERSION, &packet)? {
            if self.greeting != Greeting::ClientDone {
                return Err(SftpError::OutOfTurn {
                    packet: number::name(number::VERSION),
                });
            }
            if hello.version != VERSION {
                return Err(SftpError::Version {
                    version: hello.version,
                });
            }
            self.greeting = Greeting::Done;
            return Ok(FromServer::Version(packet));
        }
        if self.greeting != Greeting::Done {
            return Err(SftpError::TooEarly {
                kind: kind(&packet),
            });
        }
        let response = Response::parse(&packet)?;
        let id = response.id;
        let (waiting, note) = self.answered(&response)?;
        let outcome = Outcome::of(&response.kind);
        self.count(&waiting, note, &response.kind)?;
        let transfer = waiting.file.and_then(|file| self.files.answered(file));
        Ok(FromServer::Answer(Answer {
            packet,
            id,
            note,
            outcome,
            transfer: transfer.map(Box::new),
        }))
    }

    /// The request that this answers, which waits no longer.
    fn answered(&mut self, response: &Response<'_>) -> Result<(Waiting, Note), SftpError> {
        let not_asked = SftpError::NotAsked { id: response.id.0 };
        let Entry::Occupied(place) = self.waiting.entry(response.id) else {
            return Err(not_asked);
        };
        let note = place.get().sent.ok_or(not_asked)?;
        if !place.get().takes(&response.kind) {
            return Err(SftpError::WrongAnswer {
                request: number::name(place.get().kind),
                answer: response.kind.name(),
            });
        }
        Ok((place.remove(), note))
    }

    /// Keeps count of what is open and of what went through it.
    fn count(
        &mut self,
        waiting: &Waiting,
        note: Note,
        answer: &ResponseKind<'_>,
    ) -> Result<(), SftpError> {
        if let Asks::Open { path, opened } = &waiting.asks {
            let ResponseKind::Handle(handle) = answer else {
                self.files.not_opened(path);
                return Ok(());
            };
            return self.files.opened(handle, path.clone(), *opened, note);
        }
        let Some(file) = waiting.file else {
            return Ok(());
        };
        let code = match answer {
            ResponseKind::Status { code, .. } => *code,
            _ => StatusCode::OK,
        };
        let is_done = code == StatusCode::OK;
        match (&waiting.asks, answer) {
            (Asks::Read { offset, length }, ResponseKind::Data(data)) => {
                if data.len() > *length as usize {
                    return Err(SftpError::MoreThanAsked {
                        asked: *length,
                        bytes: data.len(),
                    });
                }
                self.files
                    .download(file, |download, held| download.read(*offset, data, held));
            }
            (Asks::Read { offset, .. }, _) => self.files.download(file, |download, _| {
                if code == StatusCode::EOF {
                    download.ended(*offset);
                } else {
                    download.failed();
                }
            }),
            (Asks::Write { offset, length }, _) => self.files.upload(file, |upload, held| {
                upload.written(*offset, *length, is_done, held);
            }),
            (Asks::Resize(_), _) => self
                .files
                .upload(file, |upload, held| upload.answered(is_done, held)),
            (Asks::FileAttributes, ResponseKind::Attributes(attributes)) => self
                .files
                .download(file, |download, _| download.told(attributes.size)),
            (Asks::Close, _) => self.files.closed(file, code),
            _ => {}
        }
        Ok(())
    }
}

fn refused(packet: Bytes, id: RequestId, fault: Fault) -> Refused {
    let answer = status(id, StatusCode::FAILURE, fault.message());
    Refused {
        id,
        packet,
        fault,
        answer: Bytes::from(answer),
    }
}

/// Type of a whole packet.
fn kind(packet: &[u8]) -> u8 {
    packet.get(4).copied().unwrap_or_default()
}
