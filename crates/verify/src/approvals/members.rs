//! Members of records and statements, read without complaint: what is absent is nothing.

use serde_json::{Map, Value};

use crate::record::Uuid;

/// Who somebody is, whatever she is called: what people are compared by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Person {
    pub(super) issuer: String,
    pub(super) subject: String,
}

impl Person {
    /// From an actor of a record.
    pub(super) fn of_actor(actor: &Value) -> Self {
        let text = |name| {
            let text = actor.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Self {
            issuer: text("iss"),
            subject: text("sub"),
        }
    }

    /// From a person of a statement.
    pub(super) fn of_statement(person: &Map<String, Value>) -> Self {
        Self {
            issuer: text(person, "issuer").unwrap_or_default().to_owned(),
            subject: text(person, "subject").unwrap_or_default().to_owned(),
        }
    }
}

/// The actor of a record.
pub(super) fn actor(record: &Map<String, Value>) -> Person {
    record.get("actor").map_or_else(
        || Person {
            issuer: String::new(),
            subject: String::new(),
        },
        Person::of_actor,
    )
}

/// Those the actor acts for, nearest first.
pub(super) fn chain(record: &Map<String, Value>) -> Vec<Person> {
    let chain = record
        .get("actor")
        .and_then(|actor| actor.get("on_behalf_of"));
    let people = chain.and_then(Value::as_array).into_iter().flatten();
    people.map(Person::of_actor).collect()
}

pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// A text of `detail`.
pub(super) fn detail<'a>(record: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    record.get("detail")?.get(name)?.as_str()
}

/// A text of another member, as `within(record, "target", "resource")`.
pub(super) fn within<'a>(
    record: &'a Map<String, Value>,
    member: &str,
    name: &str,
) -> Option<&'a str> {
    record.get(member)?.get(name)?.as_str()
}

/// `detail.NAME` as an id.
pub(super) fn detail_id(record: &Map<String, Value>, name: &str) -> Option<Uuid> {
    Uuid::parse(detail(record, name)?)
}

/// `approval.id`
pub(super) fn approval_id(record: &Map<String, Value>) -> Option<Uuid> {
    Uuid::parse(within(record, "approval", "id")?)
}

/// `approval.by`
pub(super) fn by(record: &Map<String, Value>) -> Vec<Uuid> {
    let by = record
        .get("approval")
        .and_then(|approval| approval.get("by"));
    let ids = by.and_then(Value::as_array).into_iter().flatten();
    ids.filter_map(|id| Uuid::parse(id.as_str()?)).collect()
}

/// Texts of an array.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// A record's text is that of the statement, or the beginning of it where the record could not hold it all.
pub(super) fn is_same_text(recorded: Option<&str>, stated: Option<&str>) -> bool {
    /// Longest text of `detail`, in bytes as JSON writes them; where an escape does not fit, it ends up to five before.
    const CUT_FROM_BYTES: usize = 1024 - 5;
    let (Some(recorded), Some(stated)) = (recorded, stated) else {
        return recorded == stated;
    };
    recorded == stated
        || (stated.starts_with(recorded)
            && Value::from(recorded).to_string().len() - 2 >= CUT_FROM_BYTES)
}
