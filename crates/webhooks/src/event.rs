//! What happened.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::cut;

/// The longest text and justification, in bytes.
const TEXT_BYTES_MAX: usize = 2048;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 256;
/// The most rules and groups.
const NAMES_MAX: usize = 32;

/// Something that people are told of. All texts are as they may be shown: what is sensitive in them is masked already.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its id, which receivers know a second delivery by.
    pub id: Uuid,
    /// What happened.
    pub event_type: EventType,
    /// When, UTC nanoseconds.
    pub time_utc_ns: u64,
    /// The request that it happened to.
    pub request: Uuid,
    /// What was asked for.
    pub kind: RequestKind,
    /// Name of who asked.
    pub requester: String,
    /// Name of what it is about, such as `postgres/shop`.
    pub resource: String,
    /// The operation, masked. More than 2 KiB of it are cut.
    pub text: Option<String>,
    /// Names of the rules that want approval.
    pub rules: Vec<String>,
    /// Why it is needed.
    pub justification: Option<String>,
    /// Until when it can be decided, or how long the grant holds, UTC nanoseconds.
    pub expires_utc_ns: Option<u64>,
    /// Groups of those who can decide.
    pub approvers: Vec<String>,
    /// What was decided: `approve` or `deny`.
    pub decision: Option<String>,
    /// How it ended.
    pub ending: Option<String>,
    /// Name of who decided, or ended it.
    pub by: Option<String>,
}

impl Event {
    /// The same with everything in it cut to what is sent.
    pub(crate) fn bounded(&self) -> Self {
        let names = |names: &[String]| -> Vec<String> {
            let names = names.iter().take(NAMES_MAX);
            names.map(|name| cut(name, NAME_BYTES_MAX)).collect()
        };
        let name = |name: &Option<String>| name.as_ref().map(|name| cut(name, NAME_BYTES_MAX));
        let long = |text: &Option<String>| text.as_ref().map(|text| cut(text, TEXT_BYTES_MAX));
        Self {
            requester: cut(&self.requester, NAME_BYTES_MAX),
            resource: cut(&self.resource, NAME_BYTES_MAX),
            text: long(&self.text),
            rules: names(&self.rules),
            justification: long(&self.justification),
            approvers: names(&self.approvers),
            decision: name(&self.decision),
            ending: name(&self.ending),
            by: name(&self.by),
            ..*self
        }
    }

    /// Whether somebody should do something about it.
    pub(crate) fn waits_for_people(&self) -> bool {
        match self.event_type {
            EventType::RequestOpened
            | EventType::RequestEscalated
            | EventType::BreakGlassStarted
            | EventType::ReviewOverdue => true,
            EventType::RequestDecided
            | EventType::RequestEnded
            | EventType::GrantStarted
            | EventType::GrantEnded => false,
        }
    }

    /// Where it can be looked at.
    pub(crate) fn url(&self, base_url: &str) -> String {
        format!("{base_url}/requests/{}", self.request)
    }

    /// What approves it on a terminal.
    pub(crate) fn command(&self) -> String {
        format!("custos approve {}", self.request)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What users wrote belongs to evidence and to no log.
        out.debug_struct("Event")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// What can happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum EventType {
    /// It waits for approvers.
    RequestOpened,
    /// More people can approve it now.
    RequestEscalated,
    /// Somebody approved or denied it.
    RequestDecided,
    /// It waits no more.
    RequestEnded,
    /// What was asked for holds from now on.
    GrantStarted,
    /// It holds no more.
    GrantEnded,
    /// Somebody took a right that nobody had agreed to.
    BreakGlassStarted,
    /// Nobody has reviewed that in time.
    ReviewOverdue,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::RequestOpened,
        Self::RequestEscalated,
        Self::RequestDecided,
        Self::RequestEnded,
        Self::GrantStarted,
        Self::GrantEnded,
        Self::BreakGlassStarted,
        Self::ReviewOverdue,
    ];

    /// Its name in CloudEvents and in the configuration; these stay the same.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestOpened => "custos.request.opened",
            Self::RequestEscalated => "custos.request.escalated",
            Self::RequestDecided => "custos.request.decided",
            Self::RequestEnded => "custos.request.ended",
            Self::GrantStarted => "custos.grant.started",
            Self::GrantEnded => "custos.grant.ended",
            Self::BreakGlassStarted => "custos.break_glass.started",
            Self::ReviewOverdue => "custos.review.overdue",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Text that names no type of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a type of event")]
pub struct EventTypeError;

impl FromStr for EventType {
    type Err = EventTypeError;

    fn from_str(text: &str) -> Result<Self, EventTypeError> {
        let mut all = Self::ALL.into_iter();
        all.find(|known| known.as_str() == text)
            .ok_or(EventTypeError)
    }
}

impl TryFrom<String> for EventType {
    type Error = EventTypeError;

    fn try_from(text: String) -> Result<Self, EventTypeError> {
        text.parse()
    }
}

impl From<EventType> for &'static str {
    fn from(event_type: EventType) -> Self {
        event_type.as_str()
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// That a held operation goes on.
    Operation,
    /// A right for a time, asked for in advance.
    Grant,
    /// The review of a right that was taken.
    BreakGlass,
}

impl RequestKind {
    /// Its name in CloudEvents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Grant => "grant",
            Self::BreakGlass => "break_glass",
        }
    }
}
