//! Errors and notices of the target, and what the gateway says in their place.

use std::borrow::Cow;

use custos_model::{OperationNumber, Outcome};
use custos_session::SessionError;

use super::{Answer, Results};
use crate::conversation::{Conversation, Expected};
use crate::judge::Plan;
use crate::masked::{self, Field, MASKED};
use crate::refusal::Refusal;
use crate::wire::backend::{ErrorFields, NotificationResponse, ParameterStatus, tag};

/// Settings of which servers report values that can be any text.
const ANY_TEXT: &[&[u8]] = &[b"application_name", b"search_path"];

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
        if let Some(refusal) = entry.refusal.take() {
            let operation = entry.expected.operation();
            let is_query = matches!(entry.expected, Expected::Query { .. });
            let Some(operation) = operation.filter(|_| self.exceeded) else {
                return Ok(self.refused(OperationNumber(0), &refusal));
            };
            let answer = self.refused(operation, &refusal);
            if !is_query {
                self.settle(operation)?;
            }
            return Ok(answer);
        }
        if self.exceeded {
            // The client has its error already.
            return Ok(Answer::HELD);
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
                let text = match (expected, &entry.plan) {
                    (Expected::Parse { statement, .. }, Some(plan)) => {
                        Some(plan.recorded_statement(&statement.text))
                    }
                    (Expected::Parse { statement, .. }, None) => {
                        Some(Cow::Borrowed(statement.text.as_str()))
                    }
                    _ => None,
                };
                let outcome = std::mem::take(&mut self.outcome);
                let verb = expected.verb();
                let failed = self.session.failed(verb, text.as_deref(), &outcome, None)?;
                self.position = Some(failed);
            }
        }
        Ok(answer)
    }

    /// What the gateway says in the place of the target.
    pub(super) fn refused(&mut self, operation: OperationNumber, refusal: &Refusal) -> Answer {
        if self.exceeded {
            let error = (refusal.sqlstate.to_owned(), refusal.message.clone());
            self.outcome.error = Some(error);
        }
        refusal.encode(&mut self.replacement);
        self.session
            .event(&mut self.lines, operation)
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
        Answer::HELD
    }

    /// Records an error; its message as it may be recorded, and what the client sees of it.
    fn shown_error(
        &mut self,
        plan: Option<&Plan>,
        operation: OperationNumber,
        at_parse: bool,
        fields: &ErrorFields<'_>,
    ) -> Result<(String, Answer), SessionError> {
        let told = self.told(plan, at_parse, fields)?;
        self.fields_line("error", operation, &told.recorded);
        let message = told.recorded.iter().find(|(kind, _)| *kind == b'M');
        let message = message.map(|(_, text)| String::from_utf8_lossy(text).into_owned());
        let answer = self.tell(&told, tag::ERROR_RESPONSE)?;
        Ok((message.unwrap_or_default(), answer))
    }

    pub(super) fn notice(
        &mut self,
        plan: Option<&Plan>,
        fields: &ErrorFields<'_>,
    ) -> Result<Answer, SessionError> {
        let told = self.told(plan, false, fields)?;
        self.fields_line("notice", OperationNumber(0), &told.recorded);
        self.tell(&told, tag::NOTICE_RESPONSE)
    }

    fn tell(&mut self, told: &Told<'_>, message_tag: u8) -> Result<Answer, SessionError> {
        match &told.shown {
            Some(fields) => {
                self.replacement = masked::report(message_tag, fields)?;
                Ok(Answer::HELD)
            }
            None => Ok(Answer::default()),
        }
    }

    /// A setting that the target tells of. Whoever may set it can set it to the value of a column, and a rollback brings
    /// it back.
    pub(super) fn parameter(
        &mut self,
        parameter: &ParameterStatus<'_>,
    ) -> Result<Answer, SessionError> {
        let rules = self.session.rules();
        let may_be_any = ANY_TEXT.contains(&parameter.name);
        let masks = self.session.recorded(&rules)?;
        let masked = masks.text(parameter.value).filter(|_| may_be_any);
        let recorded = match &masked {
            _ if may_be_any && rules.have_labels() => MASKED,
            Some(masked) => masked,
            None => parameter.value,
        };
        self.session
            .event(&mut self.lines, OperationNumber(0))
            .object(
                "parameter",
                [("name", parameter.name), ("value", recorded)].into_iter(),
            )
            .end();
        match masked {
            Some(masked) => {
                self.replacement =
                    masked::texts(tag::PARAMETER_STATUS, b"", [parameter.name, &masked])?;
                Ok(Answer::HELD)
            }
            None => Ok(Answer::default()),
        }
    }

    /// A text that the target says of its own accord.
    pub(super) fn notification(
        &mut self,
        notification: &NotificationResponse<'_>,
    ) -> Result<Answer, SessionError> {
        let masks = self.session.recorded(&self.session.rules())?;
        let payload = masks.text(notification.payload);
        self.session
            .event(&mut self.lines, OperationNumber(0))
            .object(
                "notification",
                [
                    ("channel", notification.channel),
                    (
                        "payload",
                        payload.as_deref().unwrap_or(notification.payload),
                    ),
                ]
                .into_iter(),
            )
            .end();
        match payload {
            Some(payload) => {
                self.replacement = masked::texts(
                    tag::NOTIFICATION_RESPONSE,
                    &notification.process_id.to_be_bytes(),
                    [notification.channel, &payload],
                )?;
                Ok(Answer::HELD)
            }
            None => Ok(Answer::default()),
        }
    }

    /// What is told of an error or notice. Without a plan, what is looked for in values is masked as it is in records.
    fn told<'f>(
        &self,
        plan: Option<&Plan>,
        at_parse: bool,
        fields: &ErrorFields<'f>,
    ) -> Result<Told<'f>, SessionError> {
        let all: Vec<(u8, &[u8])> = fields.iter().collect();
        let Some(plan) = plan else {
            let masks = self.session.recorded(&self.session.rules())?;
            let recorded = masked::reworded(&all, |text| masks.text(text));
            let is_changed = masks.detected().is_some();
            return Ok(Told {
                shown: is_changed.then(|| recorded.clone()),
                recorded,
            });
        };
        let kept = masked::without_values(fields, at_parse);
        let of = |is_hidden| if is_hidden { &kept } else { &all };
        let shown = masked::reworded(of(plan.hides_texts()), |text| plan.shown_text(text));
        Ok(Told {
            recorded: masked::reworded(of(plan.hides_recorded_texts()), |text| {
                plan.recorded_text(text)
            }),
            shown: Some(shown),
        })
    }

    pub(super) fn fields_line(
        &mut self,
        key: &'static str,
        operation: OperationNumber,
        fields: &[Field<'_>],
    ) {
        let named = fields.iter();
        let named = named.filter_map(|(code, text)| Some((field_name(*code)?, &**text)));
        self.session
            .event(&mut self.lines, operation)
            .object(key, named)
            .end();
    }
}

/// An error or notice.
struct Told<'f> {
    recorded: Vec<Field<'f>>,
    /// For the client; `None`: as it came.
    shown: Option<Vec<Field<'f>>>,
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
