//! How an event is written.

use crate::event::{Event, EventType, RequestKind};
use crate::text::{minute, one_line};
use crate::{cloudevents, slack, teams};

/// What a webhook's receiver reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// CloudEvents 1.0, for programs.
    #[default]
    CloudEvents,
    /// The payload of a Slack incoming webhook.
    Slack,
    /// A message with an Adaptive Card, as workflows of Microsoft Teams take it.
    Teams,
}

impl Format {
    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CloudEvents => "cloudevents",
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }

    /// Whether receivers of this format check signatures, so that it must have one.
    pub fn must_be_signed(self) -> bool {
        self == Self::CloudEvents
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::CloudEvents => "application/cloudevents+json; charset=utf-8",
            Self::Slack | Self::Teams => "application/json; charset=utf-8",
        }
    }

    /// The event as it is sent. `base_url`: the gateway's public address, without a slash at its end. The same event
    /// gives the same bytes each time.
    pub fn render(self, event: &Event, base_url: &str) -> Result<String, serde_json::Error> {
        let event = event.bounded();
        match self {
            Self::CloudEvents => cloudevents::render(&event, base_url),
            Self::Slack => serde_json::to_string(&slack::message(&event, base_url)),
            Self::Teams => serde_json::to_string(&teams::message(&event, base_url)),
        }
    }
}

/// What happened, in words of the gateway's own.
pub(crate) fn title(event: &Event) -> &'static str {
    match (event.event_type, event.kind) {
        (EventType::RequestOpened, RequestKind::Operation) => "Approval needed",
        (EventType::RequestOpened, RequestKind::Grant) => "Access requested",
        (EventType::RequestOpened, RequestKind::BreakGlass) => "Review needed",
        (EventType::RequestEscalated, _) => "Approval still needed",
        (EventType::RequestDecided, _) => match event.decision.as_deref() {
            Some("approve") => "Approved",
            Some("deny") => "Denied",
            _ => "Decided",
        },
        (EventType::RequestEnded, _) => "Request ended",
        (EventType::GrantStarted, _) => "Access granted",
        (EventType::GrantEnded, _) => "Access ended",
        (EventType::BreakGlassStarted, _) => "Break-glass access taken",
        (EventType::ReviewOverdue, _) => "Review overdue",
    }
}

/// What people are told of it besides the text: labels of the gateway's own, and values that are mere text on one line.
/// Ten at most.
pub(crate) fn facts(event: &Event) -> Vec<(&'static str, String)> {
    let list = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
    let all = [
        ("Requester", Some(event.requester.clone())),
        ("Resource", Some(event.resource.clone())),
        ("Kind", Some(event.kind.as_str().replace('_', "-"))),
        ("Justification", event.justification.clone()),
        ("Rules", list(&event.rules)),
        ("Approvers", list(&event.approvers)),
        ("Expires", event.expires_utc_ns.map(minute)),
        ("Decision", event.decision.clone()),
        ("Ending", event.ending.clone()),
        ("By", event.by.clone()),
    ];
    all.into_iter()
        .filter_map(|(label, value)| Some((label, one_line(&value?))))
        .collect()
}
