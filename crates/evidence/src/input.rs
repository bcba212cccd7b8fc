//! What callers hand over to be recorded.

use std::net::IpAddr;

use custos_model::{Principal, SessionId, Verdict};

use crate::record_type::{RecordOutcome, RecordType};

/// Where a client comes from (`src`).
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// The application name that it gave.
    pub client: Option<&'a str>,
    /// TLS version and suite; `None` is plain text.
    pub tls: Option<&'a str>,
}

/// What is asked for (`target`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Target<'a> {
    /// The resource's name; as the client gave it when there is no such resource.
    pub resource: &'a str,
    /// Protocol spoken with it.
    pub protocol: Option<&'a str>,
    /// Address that the gateway dialled, `host:port`.
    pub addr: Option<&'a str>,
    /// Account that the gateway used there.
    pub account: Option<&'a str>,
    /// Database there.
    pub database: Option<&'a str>,
    /// TLS version and suite towards it; `None` is plain text.
    pub tls: Option<&'a str>,
}

/// A member of `detail`. Object keys are `[a-z0-9_]+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailValue<'a> {
    /// Text, cut at 1 KiB.
    Text(&'a str),
    /// An integer; recorded within ±(2^53 − 1).
    Integer(i64),
    /// A truth value.
    Boolean(bool),
}

impl<'a> From<&'a str> for DetailValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for DetailValue<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for DetailValue<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u64> for DetailValue<'_> {
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for DetailValue<'_> {
    fn from(number: usize) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for DetailValue<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(i64::from(number))
    }
}

impl From<bool> for DetailValue<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

/// Members of `detail`; order does not matter, of two with the same key the first counts.
pub type Detail<'a> = &'a [(&'a str, DetailValue<'a>)];

/// What agreed to something (`approval`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Approval<'a> {
    /// The request; of a grant it is the grant's id as well.
    pub id: &'a str,
    /// The commitment over the operation that was asked for, in hexadecimal.
    pub commit: Option<&'a str>,
    /// The approvals that count; each has its files in `approvals/`.
    pub by: &'a [String],
}

/// What the record of an intent says beside the operation and its verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct IntentApproval<'a> {
    /// The commitment over what will be forwarded, of an operation that is held (`op.commit`).
    pub commit: Option<&'a str>,
    /// The grant that it is allowed under (`approval.id`).
    pub grant: Option<&'a str>,
}

/// A session that was authorized and whose target answers (`session.start`).
#[derive(Clone, Copy, Debug)]
pub struct SessionStart<'a> {
    /// The session.
    pub id: SessionId,
    /// Who.
    pub actor: &'a Principal,
    /// From where.
    pub src: Source<'a>,
    /// To what.
    pub target: Target<'a>,
    /// Why it may.
    pub verdict: &'a Verdict,
    /// The durability promised: `strict` or `buffered`; becomes `detail.durability`.
    pub durability: &'a str,
    /// Further members of `detail`.
    pub detail: Detail<'a>,
}

/// A file that went through an operation (`operation.transfer`).
#[derive(Clone, Copy, Debug)]
pub struct Transfer<'a> {
    /// `upload`, `download` or `both`.
    pub direction: &'a str,
    /// Its name, as the client gave it.
    pub file: &'a str,
    /// It was closed, and the target said so.
    pub is_closed: bool,
    /// Members of `detail`: what was read and written.
    pub detail: Detail<'a>,
}

/// How a session ended (`session.end`). `detail.unfinished` and `detail.operations` are added by the writer.
#[derive(Clone, Copy, Debug)]
pub struct SessionEnd<'a> {
    /// `ok`, `denied`, `failed` or `interrupted`.
    pub outcome: RecordOutcome,
    /// Why, for example `client closed the connection`.
    pub reason: &'a str,
    /// Further members of `detail`.
    pub detail: Detail<'a>,
}

/// A record that belongs to no session.
#[derive(Clone, Copy, Debug)]
pub struct NodeRecord<'a> {
    /// Its type; one of those for which [`RecordType::is_for_callers`] holds.
    pub kind: RecordType,
    /// How it went.
    pub outcome: RecordOutcome,
    /// Why, where there is something to say.
    pub reason: Option<&'a str>,
    /// Who.
    pub actor: Option<&'a Principal>,
    /// From where.
    pub src: Option<Source<'a>>,
    /// To what.
    pub target: Option<Target<'a>>,
    /// What was decided.
    pub verdict: Option<&'a Verdict>,
    /// The request that it is about.
    pub approval: Option<Approval<'a>>,
    /// Members of `detail`.
    pub detail: Detail<'a>,
}

impl NodeRecord<'_> {
    /// A record with nothing but its type and outcome; set the rest by name.
    pub fn new(kind: RecordType, outcome: RecordOutcome) -> Self {
        Self {
            kind,
            outcome,
            reason: None,
            actor: None,
            src: None,
            target: None,
            verdict: None,
            approval: None,
            detail: &[],
        }
    }
}
