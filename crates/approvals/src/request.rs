//! A question to approvers, in the words that they sign (ADR 15).

use std::collections::BTreeSet;

use custos_model::{ApprovalId, Principal, PrincipalKind, RequestId, Rfc3339, SessionId};
use custos_policy::documents::{Alternatives, Approve, Meanwhile, Per, PolicySet};
use serde::{Deserialize, Serialize};

/// Bytes of a justification or ticket at most.
pub const WORDS_BYTES_MAX: usize = 1024;
/// Bytes of an operation's masked text that a request keeps.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// A held operation.
    Operation,
    /// A right for some time, before it is needed.
    Grant,
    /// The review of a right that was taken without asking.
    BreakGlass,
}

impl RequestKind {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Grant => "grant",
            Self::BreakGlass => "break_glass",
        }
    }
}

/// Somebody, as a statement names her. Members are sorted, as canonical JSON wants them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Who vouches.
    pub issuer: String,
    /// What she is; missing for approvers, who are people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PrincipalKind>,
    /// What she is called, for people to read.
    pub name: String,
    /// The issuer's name for her.
    pub subject: String,
}

impl Person {
    pub(crate) fn of(principal: &Principal) -> Self {
        Self {
            kind: Some(principal.kind),
            ..Self::approver(principal)
        }
    }

    pub(crate) fn approver(principal: &Principal) -> Self {
        Self {
            issuer: principal.issuer.clone(),
            kind: None,
            name: principal.name.clone(),
            subject: principal.subject.clone(),
        }
    }

    /// Whether it may be the same human: the same principal, or the same name at another issuer.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        let folded = |name: &str| name.trim().to_lowercase();
        (&self.issuer, &self.subject) == (&other.issuer, &other.subject)
            || (!self.name.trim().is_empty() && folded(&self.name) == folded(&other.name))
    }
}

/// From when on others count as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Seconds after the request.
    pub after: u64,
    /// Members of which group.
    pub of: String,
}

/// One way to meet a demand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// A decision without a signature counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attested: bool,
    /// How many people.
    pub count: u64,
    /// Who else, later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate: Option<Escalation>,
    /// When approvals count, for people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Of which group.
    pub of: String,
    /// What an approval covers: `statement`, `session`, `window`.
    pub per: String,
    /// The rule that asks for it.
    pub rule: String,
    /// How long an approval `per: window` holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

impl Alternative {
    pub(crate) fn of(rule: &str, approve: &Approve) -> Self {
        Self {
            attested: approve.attested,
            count: approve.count,
            escalate: approve.escalate.as_ref().map(|escalate| Escalation {
                after: escalate.after,
                of: escalate.of.clone(),
            }),
            hours: approve.hours.as_ref().map(ToString::to_string),
            of: approve.of.clone(),
            per: match approve.per {
                Per::Statement => "statement",
                Per::Session => "session",
                Per::Window => "window",
            }
            .to_owned(),
            rule: rule.to_owned(),
            seconds: approve.window,
        }
    }

    /// It covers more than one operation.
    pub(crate) fn is_grant(&self) -> bool {
        self.per != "statement"
    }

    /// Whether somebody in these groups counts for it, a number of seconds after the request.
    pub(crate) fn counts(&self, groups: &[String], seconds: u64) -> bool {
        let escalated = self.escalate.as_ref();
        let escalated = escalated.filter(|escalate| seconds >= escalate.after);
        groups.contains(&self.of) || escalated.is_some_and(|it| groups.contains(&it.of))
    }
}

/// All of these must be met, each by one of its alternatives.
pub(crate) type Demands = Vec<Vec<Alternative>>;

/// What a verdict asks for. Demands that are the same, of several verbs or people of a chain, are one.
pub(crate) fn demands(approvals: &[Alternatives]) -> Demands {
    let demands = approvals.iter().map(|alternatives| {
        let any_of = alternatives.any_of.iter();
        let any_of: BTreeSet<_> = any_of
            .map(|(rule, approve)| Alternative::of(rule, approve))
            .collect();
        any_of.into_iter().collect::<Vec<_>>()
    });
    let demands: BTreeSet<Vec<Alternative>> = demands.collect();
    demands.into_iter().collect()
}

/// The shortest time that a question may stay open, of all rules that ask.
pub(crate) fn expires_seconds(approvals: &[Alternatives]) -> u64 {
    let each = approvals
        .iter()
        .flat_map(|alternatives| &alternatives.any_of);
    each.map(|(_, approve)| approve.expires).min().unwrap_or(0)
}

/// Whether a client is sent away and comes again: where any rule that asks says so.
pub(crate) fn comes_again(approvals: &[Alternatives]) -> bool {
    let mut each = approvals
        .iter()
        .flat_map(|alternatives| &alternatives.any_of);
    each.any(|(_, approve)| approve.meanwhile == Meanwhile::Retry)
}

/// The request as it stands in statements. Members are sorted, as canonical JSON wants them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Who must agree.
    pub approve: Vec<Vec<Alternative>>,
    /// Commitment to what will be forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Until when it can be decided.
    pub expires: String,
    /// Its id.
    pub id: RequestId,
    /// Why it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// What is asked for.
    pub kind: RequestKind,
    /// What is acted on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// For whom, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_behalf_of: Vec<Person>,
    /// Number of the operation in its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// Digest of the policy that asks.
    pub policy: String,
    /// When it was asked for.
    pub requested: String,
    /// Who asks.
    pub requester: Person,
    /// On which resource.
    pub resource: String,
    /// The rules that ask.
    pub rules: Vec<String>,
    /// How long it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// In which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The operation, with what is sensitive masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where the work is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// How often an approval can be used.
    pub uses: u64,
    /// What is done.
    pub verbs: Vec<String>,
}

impl Request {
    /// Whether a principal is who asks, or one of those for whom, or may be one of them under another name.
    pub fn involves(&self, person: &Person) -> bool {
        let mut all = std::iter::once(&self.requester).chain(&self.on_behalf_of);
        all.any(|one| one.may_be(person))
    }

    /// All alternatives of all demands.
    pub fn alternatives(&self) -> impl Iterator<Item = &Alternative> {
        self.approve.iter().flatten()
    }

    /// Groups whose members count, now or later.
    pub fn groups(&self) -> BTreeSet<&str> {
        let groups = self.alternatives().flat_map(|alternative| {
            let later = alternative.escalate.as_ref().map(|it| it.of.as_str());
            std::iter::once(alternative.of.as_str()).chain(later)
        });
        groups.collect()
    }
}

/// Whether rules are in a policy as they were.
pub(crate) fn are_unchanged(set: &PolicySet, rules: &[(String, String)]) -> bool {
    let same = |(rule, digest): &(String, String)| set.rule_digest(rule).as_ref() == Some(digest);
    rules.iter().all(same)
}

/// A decision in the words that are signed. Members are sorted, as canonical JSON wants them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Who decides.
    pub approver: Person,
    /// What.
    pub decision: Choice,
    /// The approval's id.
    pub id: ApprovalId,
    /// Why.
    pub justification: String,
    /// Fingerprint of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Origin of the log at that time.
    pub log: String,
    /// `ssh`, `webauthn` or `attested`.
    pub method: String,
    /// 32 random bytes, hexadecimal.
    pub nonce: String,
    /// On what.
    pub request: Request,
    /// When.
    pub time: String,
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "type")]
    pub kind: String,
}

/// `type` of a [`Statement`].
pub const STATEMENT_TYPE: &str = "custos.approval.v1";

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

impl Choice {
    /// The word in statements and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

/// As canonical JSON (RFC 8785): the members of all types here are sorted, there are no fractions, and serde_json
/// escapes as the RFC wants.
pub(crate) fn canonical(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

pub(crate) fn time_text(utc_ns: u64) -> String {
    Rfc3339(utc_ns).to_string()
}

/// The longest text that ends at a character and within a number of bytes.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
