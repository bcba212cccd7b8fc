//! Rows that the target copies out, and how much an operation may give.

use std::sync::Arc;

use custos_session::SessionError;

use super::{Answer, COPY_LINE_BYTES, Results, masked_fields};
use crate::conversation::Conversation;
use crate::masked::CopyRows;
use crate::refusal::Refusal;
use crate::wire::Format;
use crate::wire::backend::CopyResponse;

impl Results<'_> {
    pub(super) fn copies_out(
        &mut self,
        conversation: &mut Conversation,
        response: &CopyResponse<'_>,
    ) {
        self.copy_is_text = response.format == Format::Text;
        let entry = conversation.current();
        let plan = entry.and_then(|entry| entry.plan.as_ref());
        let count = response.columns.len();
        let completed = self.completed;
        let outcome = &mut self.outcome;
        self.copy_rows = plan.and_then(|plan| {
            let masks = plan.copied(completed, count)?;
            outcome.masked_fields += masked_fields(&masks);
            Some(if plan.is_copied_as_text(completed) {
                CopyRows::of_messages(Arc::clone(plan))
            } else {
                CopyRows::new(masks, response.format)
            })
        });
    }

    pub(super) fn copy_data(
        &mut self,
        conversation: &mut Conversation,
        part: &[u8],
        last: bool,
    ) -> Result<Answer, SessionError> {
        if let Some(mut rows) = self.copy_rows.take() {
            let pieces = rows.take(part, last)?;
            self.outcome.masked_values += pieces.changed;
            self.copy_out(conversation, pieces.recorded());
            self.replacement.extend_from_slice(pieces.message());
            self.copy_rows = Some(rows);
            return Ok(Answer::HELD);
        }
        self.copy_out(conversation, part);
        Ok(Answer::default())
    }

    fn copy_out(&mut self, conversation: &mut Conversation, part: &[u8]) {
        self.outcome.bytes += part.len() as u64;
        let operation = conversation
            .current()
            .and_then(|entry| entry.expected.operation())
            .unwrap_or_default();
        if self.copied.len() + part.len() > COPY_LINE_BYTES || self.copied_for != operation {
            self.flush_copied();
        }
        self.copied_for = operation;
        if part.len() > COPY_LINE_BYTES {
            self.copy_line(part);
        } else {
            self.copied.extend_from_slice(part);
        }
    }

    pub(super) fn flush_copied(&mut self) {
        if !self.copied.is_empty() {
            let copied = std::mem::take(&mut self.copied);
            self.copy_line(&copied);
        }
    }

    fn copy_line(&mut self, data: &[u8]) {
        self.session
            .event(&mut self.lines, self.copied_for)
            .value("copy_out", Some(data), self.copy_is_text)
            .end();
    }

    /// Counts a row; whether it is more than the operation may give.
    pub(super) fn exceeds(&mut self, conversation: &mut Conversation) -> bool {
        let Some(entry) = conversation.current() else {
            return false;
        };
        let Some(limit) = entry.plan.as_ref().map(|plan| plan.limit) else {
            return false;
        };
        self.rows_given += 1;
        self.exceeded = limit.rows.is_some_and(|most| self.rows_given > most)
            || limit.bytes.is_some_and(|most| self.outcome.bytes >= most);
        if self.exceeded {
            entry.refusal = Some(Refusal::limited(limit));
        }
        self.exceeded
    }
}
