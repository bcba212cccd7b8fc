//! CloudEvents 1.0, JSON format, structured mode (sections 2 and 3 of its JSON event format).

use custos_model::Rfc3339;
use serde::Serialize;

use crate::event::Event;

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: String,
    source: &'a str,
    r#type: &'static str,
    subject: String,
    time: String,
    datacontenttype: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    request: String,
    kind: &'static str,
    requester: &'a str,
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    rules: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    approvers: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    url: String,
    command: String,
}

/// The event for programs.
pub(crate) fn render(event: &Event, base_url: &str) -> serde_json::Result<String> {
    serde_json::to_string(&Envelope {
        specversion: "1.0",
        id: event.id.to_string(),
        source: base_url,
        r#type: event.event_type.as_str(),
        subject: event.request.to_string(),
        time: Rfc3339(event.time_utc_ns).to_string(),
        datacontenttype: "application/json",
        data: Data {
            request: event.request.to_string(),
            kind: event.kind.as_str(),
            requester: &event.requester,
            resource: &event.resource,
            text: event.text.as_deref(),
            rules: &event.rules,
            justification: event.justification.as_deref(),
            expires: event.expires_utc_ns.map(|at| Rfc3339(at).to_string()),
            approvers: &event.approvers,
            decision: event.decision.as_deref(),
            ending: event.ending.as_deref(),
            by: event.by.as_deref(),
            url: event.url(base_url),
            command: event.command(),
        },
    })
}
