//! The statement that an approver signs (ADR 15): canonical JSON with exactly the members that are known.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::demands::{self, Demands};
use super::members::{Person, text, texts};
use crate::json;
use crate::record::Uuid;
use crate::time;

const TYPE: &str = "custos.approval.v1";

/// A statement, as far as anything depends on it.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) id: Uuid,
    pub(super) approver: Person,
    pub(super) decision: String,
    pub(super) justification: Option<String>,
    pub(super) key: Option<String>,
    pub(super) method: String,
    pub(super) log: String,
    pub(super) nonce: String,
    pub(super) request: Request,
}

/// What was asked for, as the approver had it before her.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) requester: Person,
    pub(super) chain: Vec<Person>,
    pub(super) resource: String,
    pub(super) policy: String,
    pub(super) commit: Option<String>,
    pub(super) session: Option<String>,
    pub(super) operation: Option<u64>,
    pub(super) requested_ns: i128,
    pub(super) expires_ns: i128,
    pub(super) demands: Demands,
    /// SHA-256 of its canonical form: two statements are about the same when it is equal.
    pub(super) digest: [u8; 32],
}

/// How a member has to be.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Id,
    Instant,
    Hex,
    Count,
    Texts,
    Person,
    People,
    Anything,
}

const STATEMENT: &[(&str, Form, bool)] = &[
    ("approver", Form::Person, true),
    ("decision", Form::Text, true),
    ("id", Form::Id, true),
    ("justification", Form::Text, false),
    ("key", Form::Text, false),
    ("log", Form::Text, true),
    ("method", Form::Text, true),
    ("nonce", Form::Hex, true),
    ("request", Form::Anything, true),
    ("time", Form::Instant, true),
    ("type", Form::Text, true),
];
const REQUEST: &[(&str, Form, bool)] = &[
    ("approve", Form::Anything, true),
    ("commit", Form::Hex, false),
    ("expires", Form::Instant, true),
    ("id", Form::Id, true),
    ("justification", Form::Text, false),
    ("kind", Form::Text, true),
    ("objects", Form::Texts, false),
    ("on_behalf_of", Form::People, false),
    ("operation", Form::Count, false),
    ("policy", Form::Hex, true),
    ("requested", Form::Instant, true),
    ("requester", Form::Person, true),
    ("resource", Form::Text, true),
    ("rules", Form::Texts, false),
    ("seconds", Form::Count, false),
    ("session", Form::Id, false),
    ("text", Form::Text, false),
    ("ticket", Form::Text, false),
    ("uses", Form::Count, false),
    ("verbs", Form::Texts, false),
];

/// Reads a statement, or says what keeps it from being one.
pub(super) fn read(bytes: &[u8]) -> Result<Statement, String> {
    let members = json::parse_canonical(bytes).map_err(|bad| bad.message)?;
    check(&members, STATEMENT)?;
    if text(&members, "type") != Some(TYPE) {
        return Err(format!("type is not {TYPE}"));
    }
    let request = members
        .get("request")
        .and_then(Value::as_object)
        .ok_or("request is no object")?;
    let own = |name| text(&members, name).map(str::to_owned);
    Ok(Statement {
        id: id(&members, "id")?,
        approver: person(&members, "approver"),
        decision: own("decision").unwrap_or_default(),
        justification: own("justification"),
        key: own("key"),
        method: own("method").unwrap_or_default(),
        log: own("log").unwrap_or_default(),
        nonce: own("nonce").unwrap_or_default(),
        request: read_request(request)?,
    })
}

fn read_request(members: &Map<String, Value>) -> Result<Request, String> {
    check(members, REQUEST)?;
    let own = |name| text(members, name).map(str::to_owned);
    let people = members.get("on_behalf_of").and_then(Value::as_array);
    let people = people.into_iter().flatten().filter_map(Value::as_object);
    let canonical =
        serde_json::to_vec(members).map_err(|_| "request cannot be written".to_owned())?;
    Ok(Request {
        id: id(members, "id")?,
        kind: own("kind").unwrap_or_default(),
        requester: person(members, "requester"),
        chain: people.map(Person::of_statement).collect(),
        resource: own("resource").unwrap_or_default(),
        policy: own("policy").unwrap_or_default(),
        commit: own("commit"),
        session: own("session"),
        operation: members.get("operation").and_then(Value::as_u64),
        requested_ns: instant(members, "requested")?,
        expires_ns: instant(members, "expires")?,
        demands: members
            .get("approve")
            .and_then(demands::read)
            .ok_or("approve is no list of demands")?,
        digest: Sha256::digest(canonical).into(),
    })
}

fn check(members: &Map<String, Value>, table: &[(&str, Form, bool)]) -> Result<(), String> {
    if let Some(unknown) = members
        .keys()
        .find(|key| table.iter().all(|(name, ..)| name != key))
    {
        return Err(format!("unknown member {unknown}"));
    }
    for (name, form, required) in table {
        match members.get(*name) {
            Some(value) if !fits(value, *form) => {
                return Err(format!("{name} is not as it should be"));
            }
            None if *required => return Err(format!("{name} is missing")),
            _ => {}
        }
    }
    Ok(())
}

fn fits(value: &Value, form: Form) -> bool {
    match form {
        Form::Text => value.is_string(),
        Form::Id => value.as_str().and_then(Uuid::parse).is_some(),
        Form::Instant => value.as_str().and_then(time::parse_instant).is_some(),
        Form::Hex => value.as_str().is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        }),
        Form::Count => value.as_u64().is_some(),
        Form::Texts => value
            .as_array()
            .is_some_and(|items| items.len() == texts(Some(value)).len()),
        Form::Person => is_person(value),
        Form::People => value
            .as_array()
            .is_some_and(|people| people.iter().all(is_person)),
        Form::Anything => true,
    }
}

/// `issuer` and `subject`, perhaps `kind` and `name`.
fn is_person(value: &Value) -> bool {
    let Some(person) = value.as_object() else {
        return false;
    };
    let known = |key: &str| matches!(key, "issuer" | "kind" | "name" | "subject");
    person
        .iter()
        .all(|(key, value)| known(key) && value.is_string())
        && person.contains_key("issuer")
        && person.contains_key("subject")
}

fn person(members: &Map<String, Value>, name: &str) -> Person {
    let empty = Map::new();
    let person = members.get(name).and_then(Value::as_object);
    Person::of_statement(person.unwrap_or(&empty))
}

fn id(members: &Map<String, Value>, name: &str) -> Result<Uuid, String> {
    text(members, name)
        .and_then(Uuid::parse)
        .ok_or_else(|| format!("{name} is no UUID"))
}

fn instant(members: &Map<String, Value>, name: &str) -> Result<i128, String> {
    text(members, name)
        .and_then(time::parse_instant)
        .ok_or_else(|| format!("{name} is no time"))
}
