//! From values to the bytes of a record: canonical JSON, every variable part capped so that the whole fits.
//!
//! Limits of the parts, in escaped bytes, add up to less than the 65,535 bytes of an entry (`docs/evidence-format.md`
//! section 3): `op` 29 KiB, `actor` 14 KiB, `detail` 8 KiB, `verdict` 4 KiB, `src`, `target` and `approval`
//! 2 KiB each, everything else 3 KiB.

use custos_model::{Decision, Instant, Principal, RecordId, SessionId, Verdict};

use crate::input::{Approval, Detail, DetailValue, Source, Target};
use crate::json::{
    prefix_at_character, push_decimal, push_signed, push_string, push_string_capped, push_unsigned,
};
use crate::record_type::{RecordOutcome, RecordType};

/// Bytes of a command that a record keeps; all of it is in the transcript.
const OPERATION_TEXT_BYTES: usize = 4096;
/// Escaped bytes of a name, a reason or any other short text.
const SHORT_TEXT_BYTES: usize = 1024;
/// Escaped bytes of all groups of a principal.
const GROUPS_BYTES: usize = 6 * 1024;
/// Escaped bytes of the whole chain that a principal acts for.
const CHAIN_BYTES: usize = 4 * 1024;
/// Escaped bytes of the names of the rules of a verdict.
const RULES_BYTES: usize = 4 * 1024;
/// Escaped bytes of what an operation acts on, and of the labels that are masked.
const OBJECTS_BYTES: usize = 2 * 1024;
/// Escaped bytes of the list of approvals: 39 of them, and one request needs a few.
const APPROVALS_BYTES: usize = 1536;
/// Escaped bytes of a UUID or a digest in hexadecimal.
const IDENTIFIER_BYTES: usize = 64;
/// Escaped bytes of `detail`.
const DETAIL_BYTES: usize = 8 * 1024;

/// A record that lacks only its time, which is read when its place in the log is known.
#[derive(Debug)]
pub(crate) struct Draft {
    bytes: Vec<u8>,
    time_at: usize,
}

impl Draft {
    /// Appends the finished record.
    pub(crate) fn finish(&self, out: &mut Vec<u8>, time: &mut TimeText, now: Instant) {
        let (head, tail) = self.bytes.split_at(self.time_at);
        out.extend_from_slice(head);
        push_decimal(out, now.mono_ns);
        out.extend_from_slice(b"\",\"utc\":\"");
        time.push(out, now.utc_ns);
        out.extend_from_slice(b"\"}");
        out.extend_from_slice(tail);
    }
}

/// Writes times as RFC 3339; remembers the second, since records come close together.
#[derive(Debug, Default)]
pub(crate) struct TimeText {
    second: Option<u64>,
    prefix: String,
}

impl TimeText {
    fn push(&mut self, out: &mut Vec<u8>, utc_ns: u64) {
        let second = utc_ns / 1_000_000_000;
        if self.second != Some(second) {
            self.prefix = custos_model::Rfc3339(utc_ns).to_string();
            self.prefix.truncate("2026-11-21T03:46:27.".len());
            self.second = Some(second);
        }
        out.extend_from_slice(self.prefix.as_bytes());
        let mut nanos = utc_ns % 1_000_000_000;
        let mut digits = [b'0'; 9];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (nanos % 10) as u8;
            nanos /= 10;
        }
        out.extend_from_slice(&digits);
        out.push(b'Z');
    }
}

/// The parts of a record that stay the same for a whole session, as JSON values.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Fragments {
    pub(crate) actor: String,
    pub(crate) src: String,
    pub(crate) target: String,
}

/// What `op` says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OperationPart<'a> {
    pub(crate) number: u64,
    pub(crate) verb: Option<&'a str>,
    pub(crate) effect: Option<&'a str>,
    pub(crate) commit: Option<&'a str>,
    pub(crate) objects: &'a [String],
    pub(crate) text: Option<&'a str>,
    pub(crate) parameters: Option<u64>,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) error: Option<&'a str>,
    pub(crate) sqlstate: Option<&'a str>,
}

/// What `mask` says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MaskPart<'a> {
    pub(crate) rules: &'a [String],
    pub(crate) fields: Option<u64>,
    pub(crate) count: Option<u64>,
}

/// What `body` says of a closed segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentPart<'a> {
    pub(crate) segment: u64,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    pub(crate) sha256: &'a str,
    pub(crate) recovered: bool,
}

/// What `log` says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogPart<'a> {
    pub(crate) origin: &'a str,
    pub(crate) key: Option<&'a str>,
}

/// All members that a record can have; the rest of it is constant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Members<'a> {
    pub(crate) kind: RecordType,
    pub(crate) id: RecordId,
    pub(crate) outcome: RecordOutcome,
    pub(crate) boot: &'a str,
    pub(crate) gw: &'a str,
    pub(crate) actor: Option<&'a str>,
    pub(crate) approval: Option<Approval<'a>>,
    pub(crate) src: Option<&'a str>,
    pub(crate) target: Option<&'a str>,
    pub(crate) sess: Option<(SessionId, u64)>,
    pub(crate) body: Option<SegmentPart<'a>>,
    pub(crate) mask: Option<MaskPart<'a>>,
    pub(crate) op: Option<OperationPart<'a>>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) verdict: Option<&'a Verdict>,
    pub(crate) detail: Detail<'a>,
    pub(crate) log: Option<LogPart<'a>>,
}

/// Renders a record.
pub(crate) fn record(members: &Members<'_>) -> Draft {
    let mut out = Vec::with_capacity(1024);
    let mut comma = b'{';
    let mut member = |out: &mut Vec<u8>, name: &str| {
        out.push(comma);
        comma = b',';
        push_name(out, name);
    };
    if let Some(actor) = members.actor {
        member(&mut out, "actor");
        out.extend_from_slice(actor.as_bytes());
    }
    if let Some(approval) = &members.approval {
        member(&mut out, "approval");
        push_approval(&mut out, approval);
    }
    if let Some(body) = members.body {
        member(&mut out, "body");
        push_segment(&mut out, &body);
    }
    if !members.detail.is_empty() {
        member(&mut out, "detail");
        push_detail(&mut out, members.detail);
    }
    member(&mut out, "gw");
    out.extend_from_slice(members.gw.as_bytes());
    member(&mut out, "id");
    push_uuid(&mut out, members.id.as_uuid());
    if let Some(log) = members.log {
        member(&mut out, "log");
        push_log(&mut out, &log);
    }
    if let Some(mask) = members.mask {
        member(&mut out, "mask");
        push_mask(&mut out, &mask);
    }
    if let Some(op) = members.op {
        member(&mut out, "op");
        push_operation(&mut out, &op);
    }
    member(&mut out, "outcome");
    push_string(&mut out, members.outcome.as_str());
    if let Some(reason) = members.reason {
        member(&mut out, "reason");
        push_string_capped(&mut out, reason, SHORT_TEXT_BYTES);
    }
    if let Some((id, n)) = members.sess {
        member(&mut out, "sess");
        out.extend_from_slice(b"{\"id\":");
        push_uuid(&mut out, id.as_uuid());
        out.extend_from_slice(b",\"n\":");
        push_unsigned(&mut out, n);
        out.push(b'}');
    }
    for (name, fragment) in [("src", members.src), ("target", members.target)] {
        if let Some(fragment) = fragment {
            member(&mut out, name);
            out.extend_from_slice(fragment.as_bytes());
        }
    }
    member(&mut out, "time");
    out.extend_from_slice(b"{\"boot\":\"");
    out.extend_from_slice(members.boot.as_bytes());
    out.extend_from_slice(b"\",\"mono_ns\":\"");
    let time_at = out.len();
    member(&mut out, "type");
    push_string(&mut out, members.kind.as_str());
    member(&mut out, "v");
    out.push(b'1');
    if let Some(verdict) = members.verdict {
        member(&mut out, "verdict");
        push_verdict(&mut out, verdict);
    }
    out.push(b'}');
    Draft {
        bytes: out,
        time_at,
    }
}

/// `gw` as a JSON value.
pub(crate) fn gateway(build: &str, config: &str, node: &str, policy: &str) -> String {
    object(|object| {
        object.limit_bytes = SHORT_TEXT_BYTES / 4;
        object.text("build", build);
        object.text("config", config);
        object.text("node", node);
        object.text("policy", policy);
    })
}

/// `actor` as a JSON value.
pub(crate) fn actor(principal: &Principal) -> String {
    let mut out = Vec::with_capacity(256);
    push_actor(&mut out, principal);
    text_of(out)
}

/// `src` as a JSON value.
pub(crate) fn source(source: &Source<'_>) -> String {
    object(|object| {
        object.optional_text("client", source.client);
        object.text("ip", &source.ip.to_canonical().to_string());
        object.number("port", u64::from(source.port));
        object.optional_text("tls", source.tls);
    })
}

/// `target` as a JSON value.
pub(crate) fn target(target: &Target<'_>) -> String {
    object(|object| {
        object.limit_bytes = SHORT_TEXT_BYTES / 3;
        object.optional_text("account", target.account);
        object.optional_text("addr", target.addr);
        object.optional_text("database", target.database);
        object.optional_text("protocol", target.protocol);
        object.text("resource", target.resource);
        object.optional_text("tls", target.tls);
    })
}

/// Writes one object; its members come in sorted order.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    next: u8,
    limit_bytes: usize,
}

impl Object<'_> {
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.push(self.next);
        self.next = b',';
        push_name(self.out, name);
        self.out
    }

    fn text(&mut self, name: &str, text: &str) {
        let limit_bytes = self.limit_bytes;
        push_string_capped(self.name(name), text, limit_bytes);
    }

    fn optional_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn number(&mut self, name: &str, number: u64) {
        push_unsigned(self.name(name), number);
    }

    fn optional_number(&mut self, name: &str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    fn truth(&mut self, name: &str, value: bool) {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.name(name).extend_from_slice(text);
    }
}

fn object(fill: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = Vec::with_capacity(256);
    push_object(&mut out, fill);
    text_of(out)
}

fn push_object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    let mut object = Object {
        out,
        next: b'{',
        limit_bytes: SHORT_TEXT_BYTES,
    };
    fill(&mut object);
    if object.next == b'{' {
        object.out.push(b'{');
    }
    object.out.push(b'}');
}

/// Only UTF-8 is ever pushed, so nothing is replaced.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn push_name(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn push_uuid(out: &mut Vec<u8>, uuid: &uuid::Uuid) {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    out.push(b'"');
    out.extend_from_slice(uuid.as_hyphenated().encode_lower(&mut text).as_bytes());
    out.push(b'"');
}

fn push_actor(out: &mut Vec<u8>, principal: &Principal) {
    push_object(out, |object| {
        if !principal.groups.is_empty() {
            push_list(object.name("groups"), &principal.groups, GROUPS_BYTES);
        }
        object.text("iss", &principal.issuer);
        object.text("kind", principal.kind.as_str());
        object.text("name", &principal.name);
        if !principal.on_behalf_of.is_empty() {
            push_chain(object.name("on_behalf_of"), &principal.on_behalf_of);
        }
        object.text("sub", &principal.subject);
    });
}

/// The chain is written flat, nearest first; who no longer fits is left out, and groups are the first's own.
fn push_chain(out: &mut Vec<u8>, chain: &[Principal]) {
    let mut left = CHAIN_BYTES;
    let mut next = b'[';
    for other in chain {
        let mut one = Vec::with_capacity(128);
        push_object(&mut one, |object| {
            object.text("iss", &other.issuer);
            object.text("kind", other.kind.as_str());
            object.text("name", &other.name);
            object.text("sub", &other.subject);
        });
        if one.len() > left {
            break;
        }
        left -= one.len();
        out.push(next);
        next = b',';
        out.extend_from_slice(&one);
    }
    if next == b'[' {
        out.push(b'[');
    }
    out.push(b']');
}

/// A list of texts in at most about `limit_bytes`; what no longer fits is replaced by one `…`.
fn push_list(out: &mut Vec<u8>, texts: &[String], limit_bytes: usize) {
    let end = out.len() + limit_bytes;
    out.push(b'[');
    for (position, text) in texts.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        let before = out.len();
        push_string_capped(out, text, SHORT_TEXT_BYTES);
        if out.len() > end {
            out.truncate(before);
            push_string(out, "…");
            break;
        }
    }
    out.push(b']');
}

fn push_segment(out: &mut Vec<u8>, body: &SegmentPart<'_>) {
    push_object(out, |object| {
        object.number("bytes", body.bytes);
        object.number("lines", body.lines);
        if body.recovered {
            object.truth("recovered", true);
        }
        object.number("segment", body.segment);
        object.text("sha256", body.sha256);
    });
}

fn push_log(out: &mut Vec<u8>, log: &LogPart<'_>) {
    push_object(out, |object| {
        object.optional_text("key", log.key);
        object.text("origin", log.origin);
    });
}

fn push_approval(out: &mut Vec<u8>, approval: &Approval<'_>) {
    push_object(out, |object| {
        object.limit_bytes = IDENTIFIER_BYTES;
        if !approval.by.is_empty() {
            push_list(object.name("by"), approval.by, APPROVALS_BYTES);
        }
        object.optional_text("commit", approval.commit);
        object.text("id", approval.id);
    });
}

fn push_operation(out: &mut Vec<u8>, op: &OperationPart<'_>) {
    push_object(out, |object| {
        object.optional_number("bytes", op.bytes);
        if let Some(commit) = op.commit {
            push_string_capped(object.name("commit"), commit, IDENTIFIER_BYTES);
        }
        object.optional_text("effect", op.effect);
        object.optional_text("error", op.error);
        object.number("n", op.number);
        if !op.objects.is_empty() {
            push_list(object.name("objects"), op.objects, OBJECTS_BYTES);
        }
        object.optional_number("parameters", op.parameters);
        object.optional_number("rows", op.rows);
        object.optional_text("sqlstate", op.sqlstate);
        if let Some(text) = op.text {
            let kept = prefix_at_character(text, OPERATION_TEXT_BYTES);
            push_string(object.name("text"), kept);
            if kept.len() < text.len() {
                object.number("text_bytes", text.len() as u64);
                object.truth("text_truncated", true);
            }
        }
        object.optional_text("verb", op.verb);
    });
}

fn push_mask(out: &mut Vec<u8>, mask: &MaskPart<'_>) {
    push_object(out, |object| {
        object.optional_number("count", mask.count);
        object.optional_number("fields", mask.fields);
        if !mask.rules.is_empty() {
            push_list(object.name("rules"), mask.rules, OBJECTS_BYTES);
        }
    });
}

fn push_verdict(out: &mut Vec<u8>, verdict: &Verdict) {
    push_object(out, |object| {
        object.text(
            "effect",
            match verdict.decision {
                Decision::Allow => "allow",
                Decision::Hold => "hold",
                Decision::Deny => "deny",
            },
        );
        push_list(object.name("rules"), &verdict.rules, RULES_BYTES);
    });
}

fn push_detail(out: &mut Vec<u8>, detail: Detail<'_>) {
    let mut sorted: Vec<_> = detail.iter().filter(|(key, _)| is_key(key)).collect();
    // Stable, so that of two members with one name the first stays.
    sorted.sort_by_key(|(key, _)| *key);
    sorted.dedup_by_key(|(key, _)| *key);
    let end = out.len() + DETAIL_BYTES;
    push_object(out, |object| {
        for (key, value) in sorted {
            let before = object.out.len();
            match value {
                DetailValue::Text(text) => object.text(key, text),
                DetailValue::Integer(number) => push_signed(object.name(key), *number),
                DetailValue::Boolean(value) => object.truth(key, *value),
            }
            if object.out.len() > end {
                object.out.truncate(before);
                break;
            }
        }
    });
}

fn is_key(key: &str) -> bool {
    let known = !key.is_empty()
        && key.len() <= 64
        && key
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    debug_assert!(known, "`{key}` cannot name a member of detail");
    known
}

#[cfg(test)]
mod tests;
