//! Errors and notices of the target, and what the gateway says in their place.

use custos_model::{OperationNumber, Outcome};
use custos_session::SessionError;

use super::{Answer, Results};
use crate::conversation::{Conversation, Expected};
use crate::judge::Plan;
use crate::masked;
use crate::wire::backend::{ErrorFields, tag};

impl Results<'_> {
    pub(super) fn error(
        &mut self,
        conversation: &mut Conversation,
        fields: &ErrorFields<'_>,
    ) -> Result<Answer, SessionError> {
        if let Some(row) = self.large_row.take() {
            row.end(&mut self.lines);
        }
        self.copy_rows = None;
        let code = String::from_utf8_lossy(fields.sqlstate().unwrap_or_default()).into_owned();
        conversation.target_said_goodbye |= matches!(fields.severity(), Some(b"FATAL" | b"PANIC"));
        // What a transaction touched may be told of by any error until its end.
        let touching = conversation.touching();
        let Some(entry) = conversation.failed() else {
            // Said by the target of its own accord, or at a Sync by what was deferred.
            let (message, answer) =
                self.shown_error(touching.as_deref(), OperationNumber(0), false, fields)?;
            let outcome = Outcome {
                error: Some((code, message)),
                ..Outcome::default()
            };
            self.position = Some(self.session.failed("session", None, &outcome, None)?);
            return Ok(answer);
        };
        if let Some(refusal) = &entry.refusal {
            let mut replacement = Vec::new();
            refusal.encode(&mut replacement);
            self.session
                .event(&mut self.lines, OperationNumber(0))
                .mark("refused")
                .object(
                    "error",
                    [
                        ("sqlstate", refusal.sqlstate.as_bytes()),
                        ("message", refusal.message.as_bytes()),
                    ]
                    .into_iter(),
                )
                .end();
            return Ok(Answer {
                replacement: Some(replacement),
                ..Answer::default()
            });
        }
        let own = entry
            .plan
            .clone()
            .filter(|plan| plan.analysis.touches_labels);
        let plan = own.or(touching);
        let operation = entry.expected.operation();
        let at_parse = matches!(entry.expected, Expected::Parse { .. });
        let about = operation.unwrap_or_default();
        let (message, answer) = self.shown_error(plan.as_deref(), about, at_parse, fields)?;
        self.outcome.error = Some((code, message));
        match (&entry.expected, operation) {
            // A simple query is settled by its ReadyForQuery.
            (Expected::Query { .. }, _) => {}
            (_, Some(operation)) => self.settle(operation)?,
            (expected, None) => {
                let recorded = entry
                    .plan
                    .as_ref()
                    .and_then(|plan| plan.analysis.recorded.as_deref());
                let text = match expected {
                    Expected::Parse { statement, .. } => {
                        Some(recorded.unwrap_or(statement.text.as_str()))
                    }
                    _ => None,
                };
                let outcome = std::mem::take(&mut self.outcome);
                let failed = self.session.failed(expected.verb(), text, &outcome, None)?;
                self.position = Some(failed);
            }
        }
        Ok(answer)
    }

    /// Records an error; its message as it may be recorded, and what the client sees of it.
    fn shown_error(
        &mut self,
        plan: Option<&Plan>,
        operation: OperationNumber,
        at_parse: bool,
        fields: &ErrorFields<'_>,
    ) -> Result<(String, Answer), SessionError> {
        let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        let Some(plan) = plan.filter(|plan| plan.hides_recorded_texts()) else {
            self.error_line("error", operation, fields);
            let message = text(fields.message().unwrap_or_default());
            return Ok((message, Answer::default()));
        };
        let kept = masked::without_values(fields, at_parse);
        self.fields_line("error", operation, kept.iter().copied());
        let message = kept.iter().find(|(kind, _)| *kind == b'M');
        let message = message.map_or_else(String::new, |(_, message)| text(message));
        let replacement = plan
            .hides_texts()
            .then(|| masked::report(tag::ERROR_RESPONSE, &kept))
            .transpose()?;
        let answer = Answer {
            replacement,
            ..Answer::default()
        };
        Ok((message, answer))
    }

    pub(super) fn notice(
        &mut self,
        plan: Option<&Plan>,
        fields: &ErrorFields<'_>,
    ) -> Result<Answer, SessionError> {
        let Some(plan) = plan.filter(|plan| plan.hides_recorded_texts()) else {
            self.error_line("notice", OperationNumber(0), fields);
            return Ok(Answer::default());
        };
        let kept = masked::without_values(fields, false);
        self.fields_line("notice", OperationNumber(0), kept.iter().copied());
        let replacement = plan
            .hides_texts()
            .then(|| masked::report(tag::NOTICE_RESPONSE, &kept))
            .transpose()?;
        Ok(Answer {
            replacement,
            ..Answer::default()
        })
    }

    pub(super) fn error_line(
        &mut self,
        key: &'static str,
        operation: OperationNumber,
        fields: &ErrorFields<'_>,
    ) {
        self.fields_line(key, operation, fields.iter());
    }

    pub(super) fn fields_line<'f>(
        &mut self,
        key: &'static str,
        operation: OperationNumber,
        fields: impl Iterator<Item = (u8, &'f [u8])>,
    ) {
        let named = fields.filter_map(|(code, text)| Some((field_name(code)?, text)));
        self.session
            .event(&mut self.lines, operation)
            .object(key, named)
            .end();
    }
}

/// Names of the fields of an error (protocol documentation, "Error and Notice Message Fields"). The
/// position in the server's source is left out.
fn field_name(code: u8) -> Option<&'static str> {
    Some(match code {
        b'V' => "severity",
        b'C' => "sqlstate",
        b'M' => "message",
        b'D' => "detail",
        b'H' => "hint",
        b'P' => "position",
        b'p' => "internal_position",
        b'q' => "internal_query",
        b'W' => "where",
        b's' => "schema",
        b't' => "table",
        b'c' => "column",
        b'd' => "data_type",
        b'n' => "constraint",
        _ => return None,
    })
}
