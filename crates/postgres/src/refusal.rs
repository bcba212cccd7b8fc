//! What the gateway refuses inside a session, and how the target is kept in step.
//!
//! Leaving a refused message out would leave the target in another transaction state than the client
//! believes. So something that fails at the same place is sent instead, and the target's own error is
//! replaced by the refusal when it comes back.

use custos_model::OperationNumber;
use custos_session::{Limit, Question, Ruled};

use crate::judge::{Analysis, Missing};
use crate::wire::WireError;
use crate::wire::backend::{ErrorReport, Severity};
use crate::wire::frontend::{Parse, Query};

/// A statement that PostgreSQL refuses to parse, whatever its version.
const FAILING_STATEMENT: &[u8] = b"refused by the gateway";
/// No client has a statement of this name, and this one never comes to be.
const FAILING_NAME: &[u8] = b"custos refused";

/// Why a statement about what is not there is refused.
const NOT_SENT: &str = "the statement was not sent on: whose values it would show cannot be told";

/// Why a message was refused, for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// SQLSTATE.
    pub(crate) sqlstate: &'static str,
    /// What the client reads.
    pub(crate) message: String,
    /// Why, a line for each cause.
    pub(crate) detail: Option<String>,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl Refusal {
    fn unsupported(message: &str) -> Self {
        Self {
            sqlstate: "0A000",
            message: message.to_owned(),
            detail: None,
            hint: None,
        }
    }

    /// FunctionCall is a way round statements, and a legacy one.
    pub(crate) fn function_call() -> Self {
        Self::unsupported(
            "the function call protocol is not supported by the gateway; call the function in a statement",
        )
    }

    /// Replication is no statement that could be judged.
    pub(crate) fn replication() -> Self {
        Self::unsupported("replication connections are not supported by the gateway")
    }

    /// Rows that would have to be masked, in a form in which they cannot be.
    pub(crate) fn odd_copy() -> Self {
        let hint = "use COPY in text form without options, or in binary form, or SELECT";
        Self {
            hint: Some(hint.to_owned()),
            ..Self::unsupported("the gateway cannot mask the rows of COPY in this form")
        }
    }

    /// It returns more than policy allows one operation.
    pub(crate) fn limited(limit: Limit) -> Self {
        let rows = limit.rows.map(|rows| format!("{rows} rows"));
        let bytes = limit.bytes.map(|bytes| format!("{bytes} bytes"));
        let most: Vec<String> = rows.into_iter().chain(bytes).collect();
        Self {
            sqlstate: "54000",
            message: format!(
                "policy lets one statement return at most {}",
                most.join(" and ")
            ),
            detail: Some("the statement was cancelled".to_owned()),
            hint: Some("ask for less, with WHERE or LIMIT".to_owned()),
        }
    }

    /// People have not agreed to it, or to something else.
    pub(crate) fn not_approved(why: &str) -> Self {
        Self {
            sqlstate: "42501",
            message: format!("the statement was not approved: {why}"),
            detail: Some("it was not sent on".to_owned()),
            hint: None,
        }
    }

    /// The client cancelled what waited for approval, or its time was over.
    pub(crate) fn cancelled(due_to: &str) -> Self {
        Self {
            sqlstate: "57014",
            message: format!("canceling statement due to {due_to}"),
            detail: Some("it waited for approval, and its request was withdrawn".to_owned()),
            hint: None,
        }
    }

    /// The target would pass over it, so nobody is asked.
    pub(crate) fn in_failed_pipeline() -> Self {
        Self::not_approved("a statement before it in the pipeline failed")
    }

    /// The client is to come again when people have agreed.
    pub(crate) fn come_again(request: &str, token: &str, waits_for: &str) -> Self {
        Self {
            sqlstate: "42501",
            message: format!("the statement needs approval: request {request}"),
            detail: Some(waits_for.to_owned()),
            hint: Some(format!(
                "when it is approved, run it again with the connection option `-c custos.approval={token}`"
            )),
        }
    }

    /// Policy denies it.
    pub(crate) fn denied(
        analysis: &Analysis,
        ruled: &Ruled,
        session: &str,
        operation: Option<OperationNumber>,
    ) -> Self {
        let record = match operation {
            Some(operation) => format!("session {session}, operation {}", operation.0),
            None => format!("session {session}"),
        };
        let hint = Some(format!("on record as {record}"));
        if analysis.is_syntax_error {
            return Self {
                sqlstate: "42601",
                message: "syntax error: the statement does not follow PostgreSQL's grammar, and was not sent on"
                    .to_owned(),
                detail: None,
                hint,
            };
        }
        if let Some(missing) = &analysis.missing
            && (missing.what != "relation" && missing.what != "column" || is_about_labels(ruled))
        {
            let Missing {
                sqlstate,
                what,
                name,
            } = missing;
            return Self {
                sqlstate,
                message: format!(
                    "{what} \"{name}\" does not exist, as far as the gateway can tell"
                ),
                detail: Some(NOT_SENT.to_owned()),
                hint,
            };
        }
        let doubts = analysis.doubts.iter();
        let mut detail = ruled.reasons.clone();
        detail.extend(doubts.map(|doubt| format!("not understood: {doubt}")));
        Self {
            sqlstate: "42501",
            message: format!(
                "policy denies {}: {}",
                what(&analysis.question),
                ruled.verdict.rules.join(", ")
            ),
            detail: Some(detail.join("\n")).filter(|text| !text.is_empty()),
            hint,
        }
    }

    /// The error that the client reads.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        ErrorReport {
            severity: Severity::Error,
            sqlstate: self.sqlstate,
            message: &self.message,
            detail: self.detail.as_deref(),
            hint: self.hint.as_deref(),
        }
        .encode_error(out);
    }
}

/// Whether nothing but labels, of which nobody knows whether they matter here, stood in the way.
fn is_about_labels(ruled: &Ruled) -> bool {
    let guards = ["guard:", "stored:", "predicates:"];
    let is_guard = |rule: &String| guards.iter().any(|guard| rule.starts_with(guard));
    ruled.verdict.rules.iter().all(is_guard)
}

/// What was asked for, in policy's words.
fn what(question: &Question) -> String {
    let verbs: Vec<&str> = question.verbs.iter().map(|verb| verb.as_str()).collect();
    match question.objects.as_slice() {
        [] => verbs.join(", "),
        objects => format!("{} on {}", verbs.join(", "), objects.join(", ")),
    }
}

/// A simple query that fails.
pub(crate) fn failing_query() -> Result<Vec<u8>, WireError> {
    let mut message = Vec::new();
    let text = FAILING_STATEMENT;
    Query { text }.encode(&mut message)?;
    Ok(message)
}

/// A message of the extended protocol that fails, and leaves no trace.
pub(crate) fn failing_message() -> Result<Vec<u8>, WireError> {
    let mut message = Vec::new();
    Parse::encode(FAILING_NAME, FAILING_STATEMENT, &[], &mut message)?;
    Ok(message)
}
