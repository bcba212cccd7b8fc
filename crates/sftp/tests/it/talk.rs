//! A conversation whose both sides are the test.

use bytes::Bytes;
use custos_sftp::{
    Action, Answer, Asked, Conversation, FromClient, FromServer, Note, Refused, SftpError, Transfer,
};

use crate::wire;

pub(crate) struct Talk {
    pub(crate) conversation: Conversation,
}

impl Talk {
    /// Versions are agreed.
    pub(crate) fn begun() -> Self {
        let mut talk = Self {
            conversation: Conversation::new(),
        };
        let init = talk.client(&wire::init(3)).unwrap();
        assert!(matches!(init, FromClient::Init(_)), "{init:?}");
        let version = talk.server(&wire::version(3)).unwrap();
        assert!(matches!(version, FromServer::Version(_)), "{version:?}");
        talk
    }

    pub(crate) fn client(&mut self, packet: &[u8]) -> Result<FromClient, SftpError> {
        self.conversation
            .from_client(&mut Bytes::copy_from_slice(packet))
    }

    pub(crate) fn server(&mut self, packet: &[u8]) -> Result<FromServer, SftpError> {
        self.conversation
            .from_server(&mut Bytes::copy_from_slice(packet))
    }

    /// A request that waits for a decision.
    pub(crate) fn asks(&mut self, packet: &[u8]) -> Asked {
        match self.client(packet).unwrap() {
            FromClient::Request(asked) => {
                assert_eq!(asked.packet(), packet);
                asked
            }
            other => panic!("{other:?}"),
        }
    }

    /// A request that goes on, with its number as its note.
    pub(crate) fn sends(&mut self, packet: &[u8]) -> Action {
        let asked = self.asks(packet);
        let action = asked.action().clone();
        let note = Note(u64::from(asked.id().0));
        assert_eq!(self.conversation.forward(asked, note), packet);
        action
    }

    /// A request that is answered by the gateway.
    pub(crate) fn faults(&mut self, packet: &[u8]) -> Refused {
        match self.client(packet).unwrap() {
            FromClient::Refused(refused) => {
                assert_eq!(refused.packet, packet);
                refused
            }
            other => panic!("{other:?}"),
        }
    }

    /// An answer that goes on.
    pub(crate) fn answers(&mut self, packet: &[u8]) -> Answer {
        match self.server(packet).unwrap() {
            FromServer::Answer(answer) => {
                assert_eq!(answer.packet, packet);
                assert_eq!(answer.note, Note(u64::from(answer.id.0)));
                answer
            }
            other => panic!("{other:?}"),
        }
    }

    /// Request 1 opens a file by the handle `h`.
    pub(crate) fn opens(&mut self, flags: u32) {
        self.sends(&wire::open(1, "/f", flags));
        self.answers(&wire::handle(1, b"h"));
    }

    /// Request 2 closes `h`.
    pub(crate) fn closes(&mut self) -> Transfer {
        self.sends(&wire::close(2, b"h"));
        let answer = self.answers(&wire::status(2, 0));
        *answer.transfer.expect("a transfer")
    }
}
