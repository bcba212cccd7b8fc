//! COPY data from the client.

use custos_model::OperationNumber;
use custos_session::SessionError;
use custos_session::masking::MaskedText;

use super::{COPY_LINE_BYTES, MASKED, Requests};
use crate::conversation::{Conversation, CopyIn, Expected};
use crate::wire::frontend::FrontendMessage;

/// How COPY data is recorded.
pub(super) enum Copying {
    AsItIs,
    /// Without what is looked for in values.
    Masked(Box<MaskedText>),
}

impl Requests<'_> {
    /// COPY data of neighbouring messages is joined: their bounds mean nothing.
    pub(super) fn copy_in(
        &mut self,
        conversation: &Conversation,
        data: &[u8],
    ) -> Result<(), SessionError> {
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
            return Ok(());
        }
        if self.copied.len() + data.len() > COPY_LINE_BYTES || self.copied_for != operation {
            self.flush_copied();
        }
        self.copied_for = operation;
        let how = if let Some(how) = self.copying.take() {
            how
        } else {
            let masks = self.session.recorded(&self.session.rules())?;
            let stream = masks.stream();
            stream.map_or(Copying::AsItIs, |it| Copying::Masked(Box::new(it)))
        };
        match self.copying.insert(how) {
            Copying::AsItIs => self.copied.extend_from_slice(data),
            Copying::Masked(stream) => stream.push(data, &mut self.copied),
        }
        Ok(())
    }

    /// Nothing more of it comes.
    pub(super) fn end_copied(&mut self) {
        if let Some(Copying::Masked(stream)) = self.copying.take() {
            stream.finish(&mut self.copied);
        }
        self.flush_copied();
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
    ) -> Result<(), SessionError> {
        let operation = copying(conversation);
        let hidden = conversation.hides_copy_in();
        let masks = self.session.recorded(&self.session.rules())?;
        let masked = reason.and_then(|reason| masks.text(reason));
        if conversation.copy_in == CopyIn::No {
            conversation.expect(Expected::CopyEnd);
        }
        conversation.copy_in = CopyIn::No;
        let event = self
            .session
            .event(&mut self.lines, operation)
            .word("request", request);
        match masked.as_deref().or(reason) {
            Some(_) if hidden => event.text("reason", MASKED).end(),
            Some(reason) => event.text("reason", reason).end(),
            None => event.end(),
        }
        Ok(())
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
