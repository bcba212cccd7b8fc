//! COPY data from the client.

use custos_model::OperationNumber;
use custos_session::SessionError;

use super::{COPY_LINE_BYTES, Requests};
use crate::conversation::{Conversation, CopyIn, Expected};
use crate::wire::frontend::FrontendMessage;

impl Requests<'_> {
    /// COPY data of neighbouring messages is joined: their bounds mean nothing.
    pub(super) fn copy_in(&mut self, conversation: &Conversation, data: &[u8]) {
        let operation = copying(conversation);
        if conversation.hides_copy_in() {
            self.flush_copied();
            self.session
                .event(&mut self.lines, operation)
                .text(
                    "copy_in",
                    format!("[{} bytes masked]", data.len()).as_bytes(),
                )
                .end();
            return;
        }
        if self.copied.len() + data.len() > COPY_LINE_BYTES || self.copied_for != operation {
            self.flush_copied();
        }
        self.copied_for = operation;
        self.copied.extend_from_slice(data);
    }

    pub(super) fn flush_copied(&mut self) {
        if self.copied.is_empty() {
            return;
        }
        let copied = std::mem::take(&mut self.copied);
        self.session
            .event(&mut self.lines, self.copied_for)
            .value("copy_in", Some(&copied), true)
            .end();
    }

    pub(super) fn copy_end(
        &mut self,
        conversation: &mut Conversation,
        request: &'static str,
        reason: Option<&[u8]>,
    ) {
        let operation = copying(conversation);
        if conversation.copy_in == CopyIn::No {
            conversation.expect(Expected::CopyEnd);
        }
        conversation.copy_in = CopyIn::No;
        let event = self
            .session
            .event(&mut self.lines, operation)
            .word("request", request);
        match reason {
            Some(reason) => event.text("reason", reason).end(),
            None => event.end(),
        }
    }
}

/// While the target copies in, only COPY data, Flush, Sync and Terminate may come.
pub(super) fn check_copy(
    conversation: &Conversation,
    message: &FrontendMessage<'_>,
) -> Result<(), SessionError> {
    let allowed = matches!(
        message,
        FrontendMessage::CopyData(_)
            | FrontendMessage::CopyDone
            | FrontendMessage::CopyFail(_)
            | FrontendMessage::Flush
            | FrontendMessage::Sync
            | FrontendMessage::Terminate
    );
    if allowed || conversation.copy_in == CopyIn::No {
        return Ok(());
    }
    Err(SessionError::ClientProtocol {
        what: "unexpected message during COPY from the client".to_owned(),
        code: "08P01",
    })
}

fn copying(conversation: &Conversation) -> OperationNumber {
    match conversation.copy_in {
        CopyIn::Sending(operation) => operation,
        CopyIn::No => OperationNumber(0),
    }
}
