//! Conversations from a script of bytes, for property tests and fuzzing: what comes out can be judged by the caller.

use bytes::{Bytes, BytesMut};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::conversation::{Conversation, FromClient, FromServer, Note};
use crate::error::SftpError;
use crate::packets::Packets;
use crate::request::Request;
use crate::response::Response;
use crate::status::StatusCode;
use crate::transfer::Transfer;

const FROM_SERVER: u8 = 0x01;
const REFUSE: u8 = 0x02;
const DECIDE_LATER: u8 = 0x04;

/// What a script led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// What the server got.
    pub to_server: Vec<u8>,
    /// What the client got.
    pub to_client: Vec<u8>,
    /// Requests that were decided upon.
    pub requests: usize,
    /// What was told of files, in that order; those that were still open at the end come last.
    pub transfers: Vec<Transfer>,
    /// The most that [`Conversation::kept_bytes`] was.
    pub most_kept_bytes: usize,
    /// Why it could not be followed to its end.
    pub error: Option<SftpError>,
}

/// Runs a conversation whose two sides are in `script`: steps of one byte of control, two bytes of length (most significant
/// first) and as many bytes of a chunk. Control: 1 the chunk is the server's, otherwise the client's; 2 its requests are
/// refused, otherwise forwarded; 4 only when the next chunk of the client has been read.
pub fn replay(script: &[u8]) -> Replayed {
    let mut run = Run::default();
    let mut rest = script;
    while let Some((control, chunk, after)) = step(rest) {
        rest = after;
        let chunk = Bytes::copy_from_slice(chunk);
        let result = if control & FROM_SERVER != 0 {
            run.server(chunk)
        } else {
            run.client(control, chunk)
        };
        let kept = run.conversation.kept_bytes();
        run.result.most_kept_bytes = run.result.most_kept_bytes.max(kept);
        if let Err(error) = result {
            run.result.error = Some(error);
            break;
        }
    }
    run.result.transfers.extend(run.conversation.end());
    run.result
}

fn step(script: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let ([control, length @ ..], rest) = script.split_first_chunk::<3>()?;
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (chunk, after) = rest.split_at_checked(length)?;
    Some((*control, chunk, after))
}

#[derive(Default)]
struct Run {
    conversation: Conversation,
    undecided: Vec<(u8, Asked)>,
    /// What the client has sent and was not read, because too many of its requests wait.
    left: Bytes,
    result: Replayed,
}

impl Run {
    fn client(&mut self, control: u8, chunk: Bytes) -> Result<(), SftpError> {
        let undecided = std::mem::take(&mut self.undecided);
        let mut chunk = joined(std::mem::take(&mut self.left), chunk);
        loop {
            match self.conversation.from_client(&mut chunk)? {
                FromClient::Nothing => break,
                FromClient::Full => {
                    self.left = chunk;
                    break;
                }
                FromClient::Init(packet) => self.result.to_server.extend(packet),
                FromClient::Request(asked) if control & DECIDE_LATER != 0 => {
                    self.undecided.push((control, asked));
                }
                FromClient::Request(asked) => self.decide(control, asked),
                FromClient::Refused(refused) => self.result.to_client.extend(refused.answer),
            }
        }
        for (control, asked) in undecided {
            self.decide(control, asked);
        }
        Ok(())
    }

    fn decide(&mut self, control: u8, asked: Asked) {
        self.result.requests += 1;
        if control & REFUSE != 0 {
            let denied = StatusCode::PERMISSION_DENIED;
            let answer = self.conversation.refuse(asked, denied, "not allowed");
            self.result.to_client.extend(answer);
        } else {
            let note = Note(self.result.requests as u64);
            let packet = self.conversation.forward(asked, note);
            self.result.to_server.extend(packet);
        }
    }

    fn server(&mut self, mut chunk: Bytes) -> Result<(), SftpError> {
        loop {
            match self.conversation.from_server(&mut chunk)? {
                FromServer::Nothing => return Ok(()),
                FromServer::Version(packet) => self.result.to_client.extend(packet),
                FromServer::Answer(Answer {
                    packet, transfer, ..
                }) => {
                    self.result.to_client.extend(packet);
                    self.result
                        .transfers
                        .extend(transfer.map(|transfer| *transfer));
                }
            }
        }
    }
}

fn joined(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    let mut both = BytesMut::from(first);
    both.extend_from_slice(&second);
    both.freeze()
}

/// Reads a stream as a client's and as a server's packets. Returns how many of each could be read before the first that could
/// not.
pub fn read_all(stream: &[u8]) -> (usize, usize) {
    let requests = count(stream, |packet| Request::parse(packet).is_ok());
    let responses = count(stream, |packet| Response::parse(packet).is_ok());
    (requests, responses)
}

fn count(stream: &[u8], is_readable: impl Fn(&[u8]) -> bool) -> usize {
    let mut packets = Packets::default();
    let mut chunk = Bytes::copy_from_slice(stream);
    let mut readable = 0;
    while let Ok(Some(packet)) = packets.next(&mut chunk) {
        if !is_readable(&packet) {
            break;
        }
        readable += 1;
    }
    readable
}
