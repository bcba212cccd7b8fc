//! Which members a record has, by its type, and of what form: the table of `docs/evidence-format.md` section 3.

use serde_json::{Map, Value};

use crate::note;
use crate::record::{BadRecord, Kind, LogClaim, Previous, Record, SegmentClaim, Time, Uuid};
use crate::time;

type Object = Map<String, Value>;
type Checked<T> = Result<T, BadRecord>;

const MEMBERS: &[&str] = &[
    "actor", "approval", "body", "detail", "gw", "id", "log", "mask", "op", "outcome", "reason",
    "sess", "src", "target", "time", "type", "v", "verdict",
];
const OUTCOMES: &[&str] = &["ok", "denied", "failed", "interrupted", "pending"];
const ACTOR_KINDS: &[&str] = &["human", "workload", "agent", "operator", "unknown"];
const VERDICTS: &[&str] = &["allow", "deny", "hold"];

/// Checks every member and keeps those that the order of records depends on.
pub(crate) fn read(record: &Object) -> Checked<Record> {
    if let Some(unknown) = record.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
        return bad(format!("unknown member {unknown}"));
    }
    if record.get("v").and_then(Value::as_u64) != Some(1) {
        return bad("v is not 1");
    }
    if !uuid(record, "id")?.is_version_7() {
        return bad("id is not a UUID of version 7");
    }
    let name = text(record, "type")?;
    let kind =
        Kind::parse(name).ok_or_else(|| BadRecord::schema(format!("unknown type {name}")))?;
    one_of(record, "outcome", OUTCOMES)?;
    optional(record, "reason", as_text)?;
    gateway(object(record, "gw")?)?;
    required_by_kind(record, kind)?;
    described_members(record)?;
    needed_details(record, kind)?;
    Ok(Record {
        kind,
        time: read_time(object(record, "time")?)?,
        session: optional(record, "sess", session)?,
        operation: optional(record, "op", operation)?,
        unfinished: optional(record, "detail", detail)?.unwrap_or(0),
        segment: optional(record, "body", |value, name| body(value, name, kind))?.flatten(),
        log: optional(record, "log", |value, name| log(value, name, kind))?,
        members: None,
    })
}

fn required_by_kind(record: &Object, kind: Kind) -> Checked<()> {
    let of_session = kind.has_session();
    let of_log = matches!(kind, Kind::LogOpen | Kind::LogClose);
    let rules = [
        ("sess", of_session, true),
        ("actor", of_session || kind.needs_actor(), false),
        ("src", of_session, false),
        ("target", of_session, false),
        ("op", kind.has_operation(), false),
        ("approval", kind == Kind::OperationApproved, false),
        ("body", kind == Kind::SegmentClosed, false),
        ("log", of_log, true),
    ];
    for (member, needed, only_then) in rules {
        let present = record.contains_key(member);
        if needed && !present {
            return bad(format!("{} without {member}", kind.as_str()));
        }
        if present && only_then && !needed {
            return bad(format!("{} with {member}", kind.as_str()));
        }
    }
    Ok(())
}

fn needed_details(record: &Object, kind: Kind) -> Checked<()> {
    for name in kind.needed_details() {
        let detail = record.get("detail").and_then(|detail| detail.get(*name));
        if !detail.is_some_and(Value::is_string) {
            return bad(format!("{} without detail.{name}", kind.as_str()));
        }
    }
    Ok(())
}

/// Members that only describe: nothing in the order of records depends on them.
fn described_members(record: &Object) -> Checked<()> {
    optional(record, "actor", actor)?;
    optional(record, "approval", approval)?;
    optional(record, "src", source)?;
    optional(record, "target", target)?;
    optional(record, "verdict", verdict)?;
    optional(record, "mask", mask)?;
    Ok(())
}

fn read_time(time: &Object) -> Checked<Time> {
    let utc = text(time, "utc")?;
    let (utc_day, utc_ns) = time::parse_utc(utc)
        .ok_or_else(|| BadRecord::schema("time.utc is not a UTC time with nine decimals"))?;
    let mono = text(time, "mono_ns")?;
    let mono_ns = time::digits(mono.as_bytes())
        .filter(|number| number.to_string() == mono)
        .ok_or_else(|| BadRecord::schema("time.mono_ns is not a decimal number"))?;
    Ok(Time {
        boot: uuid(time, "boot")?,
        mono_ns,
        utc_ns,
        utc_day,
        utc_text: utc.to_owned(),
    })
}

fn gateway(gateway: &Object) -> Checked<()> {
    text(gateway, "build")?;
    text(gateway, "node")?;
    sha256(gateway, "config")?;
    sha256(gateway, "policy")?;
    Ok(())
}

fn actor(value: &Value, name: &str) -> Checked<()> {
    let members = as_object(value, name)?;
    for member in ["iss", "name", "sub"] {
        text(members, member)?;
    }
    one_of(members, "kind", ACTOR_KINDS)?;
    optional(members, "groups", texts)?;
    // The depth of a record is limited, so this recursion is too.
    optional(members, "on_behalf_of", |value, name| {
        as_array(value, name)?
            .iter()
            .try_for_each(|one| actor(one, name))
    })?;
    Ok(())
}

fn source(value: &Value, name: &str) -> Checked<()> {
    let source = as_object(value, name)?;
    text(source, "ip")?;
    if count(source, "port")? > 65_535 {
        return bad("src.port is above 65535");
    }
    optional_texts(source, &["client", "tls"])
}

fn target(value: &Value, name: &str) -> Checked<()> {
    let target = as_object(value, name)?;
    text(target, "resource")?;
    optional_texts(target, &["protocol", "addr", "account", "database", "tls"])
}

fn session(value: &Value, name: &str) -> Checked<(Uuid, u64)> {
    let session = as_object(value, name)?;
    Ok((uuid(session, "id")?, count(session, "n")?))
}

fn operation(value: &Value, name: &str) -> Checked<u64> {
    let operation = as_object(value, name)?;
    optional_texts(operation, &["verb", "effect", "text", "error", "sqlstate"])?;
    optional(operation, "commit", |_, name| sha256(operation, name))?;
    optional(operation, "text_truncated", as_bool)?;
    optional(operation, "objects", texts)?;
    for member in ["text_bytes", "parameters", "rows", "bytes"] {
        optional(operation, member, as_count)?;
    }
    count(operation, "n")
}

fn approval(value: &Value, name: &str) -> Checked<()> {
    let approval = as_object(value, name)?;
    uuid(approval, "id")?;
    optional(approval, "commit", |_, name| sha256(approval, name))?;
    optional(approval, "by", |value, name| {
        let ids = as_array(value, name)?;
        if ids
            .iter()
            .any(|id| id.as_str().and_then(Uuid::parse).is_none())
        {
            return bad("approval.by has something that is no UUID");
        }
        Ok(())
    })?;
    Ok(())
}

fn mask(value: &Value, name: &str) -> Checked<()> {
    let mask = as_object(value, name)?;
    optional(mask, "rules", texts)?;
    optional(mask, "fields", as_count)?;
    optional(mask, "count", as_count)?;
    Ok(())
}

fn verdict(value: &Value, name: &str) -> Checked<()> {
    let verdict = as_object(value, name)?;
    one_of(verdict, "effect", VERDICTS)?;
    texts(member(verdict, "rules")?, "rules")
}

/// Checks that `detail` is flat and returns its `unfinished`.
fn detail(value: &Value, name: &str) -> Checked<i64> {
    let detail = as_object(value, name)?;
    for (member, value) in detail {
        if !(value.is_string() || value.is_boolean() || value.is_i64()) {
            return bad(format!("detail.{member} is no text, integer or boolean"));
        }
    }
    match detail.get("unfinished") {
        Some(value) => value
            .as_i64()
            .ok_or_else(|| BadRecord::schema("detail.unfinished is no integer")),
        None => Ok(0),
    }
}

fn body(value: &Value, name: &str, kind: Kind) -> Checked<Option<SegmentClaim>> {
    let body = as_object(value, name)?;
    let number = count(body, "segment")?;
    optional(body, "recovered", as_bool)?;
    if kind != Kind::SegmentClosed {
        return Ok(None);
    }
    count(body, "lines")?;
    Ok(Some(SegmentClaim {
        number,
        bytes: count(body, "bytes")?,
        sha256: sha256(body, "sha256")?.to_owned(),
    }))
}

fn log(value: &Value, name: &str, kind: Kind) -> Checked<LogClaim> {
    let log = as_object(value, name)?;
    let opens = kind == Kind::LogOpen;
    Ok(LogClaim {
        origin: text(log, "origin")?.to_owned(),
        key: opens
            .then(|| text(log, "key"))
            .transpose()?
            .map(str::to_owned),
        previous: optional(log, "previous", previous)?,
    })
}

fn previous(value: &Value, name: &str) -> Checked<Previous> {
    let previous = as_object(value, name)?;
    Ok(Previous {
        origin: text(previous, "origin")?.to_owned(),
        root: note::decode_hash(text(previous, "root")?)
            .ok_or_else(|| BadRecord::schema("previous.root is no base64 of 32 bytes"))?,
        size: count(previous, "size")?,
    })
}

fn member<'a>(object: &'a Object, name: &str) -> Checked<&'a Value> {
    object
        .get(name)
        .ok_or_else(|| BadRecord::schema(format!("{name} is missing")))
}

fn optional<'a, T>(
    object: &'a Object,
    name: &str,
    check: impl FnOnce(&'a Value, &str) -> Checked<T>,
) -> Checked<Option<T>> {
    object.get(name).map(|value| check(value, name)).transpose()
}

fn optional_texts(object: &Object, names: &[&str]) -> Checked<()> {
    for name in names {
        optional(object, name, as_text)?;
    }
    Ok(())
}

fn object<'a>(object: &'a Object, name: &str) -> Checked<&'a Object> {
    as_object(member(object, name)?, name)
}

fn text<'a>(object: &'a Object, name: &str) -> Checked<&'a str> {
    as_text(member(object, name)?, name)
}

fn count(object: &Object, name: &str) -> Checked<u64> {
    as_count(member(object, name)?, name)
}

fn uuid(object: &Object, name: &str) -> Checked<Uuid> {
    Uuid::parse(text(object, name)?).ok_or_else(|| BadRecord::schema(format!("{name} is no UUID")))
}

fn sha256<'a>(object: &'a Object, name: &str) -> Checked<&'a str> {
    let hex = text(object, name)?;
    if hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return bad(format!("{name} is no lower-case hex SHA-256"));
    }
    Ok(hex)
}

fn one_of(object: &Object, name: &str, allowed: &[&str]) -> Checked<()> {
    if !allowed.contains(&text(object, name)?) {
        return bad(format!("{name} is not one of {}", allowed.join(", ")));
    }
    Ok(())
}

fn texts(value: &Value, name: &str) -> Checked<()> {
    as_array(value, name)?
        .iter()
        .try_for_each(|one| as_text(one, name).map(drop))
}

fn as_object<'a>(value: &'a Value, name: &str) -> Checked<&'a Object> {
    typed(value.as_object(), name, "an object")
}

fn as_array<'a>(value: &'a Value, name: &str) -> Checked<&'a Vec<Value>> {
    typed(value.as_array(), name, "an array")
}

fn as_text<'a>(value: &'a Value, name: &str) -> Checked<&'a str> {
    typed(value.as_str(), name, "text")
}

fn as_bool(value: &Value, name: &str) -> Checked<bool> {
    typed(value.as_bool(), name, "a boolean")
}

fn as_count(value: &Value, name: &str) -> Checked<u64> {
    typed(value.as_u64(), name, "an integer from 0")
}

fn typed<T>(value: Option<T>, name: &str, form: &str) -> Checked<T> {
    value.ok_or_else(|| BadRecord::schema(format!("{name} is not {form}")))
}

fn bad<T>(message: impl Into<String>) -> Checked<T> {
    Err(BadRecord::schema(message))
}
