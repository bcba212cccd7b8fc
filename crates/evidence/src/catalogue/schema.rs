//! `docs/records.schema.json`: JSON Schema 2020-12 of one record.

use serde_json::{Map, Value, json};

use super::{COMMON, ENTRIES, Entry};

/// The catalogue as a JSON Schema.
pub fn json_schema() -> String {
    let types: Vec<Value> = ENTRIES.iter().map(of_entry).collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Custos evidence record, version 1",
        "type": "object",
        "required": COMMON,
        "properties": properties(),
        "additionalProperties": false,
        "oneOf": types,
        "$defs": definitions(),
    });
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn of_entry(entry: &Entry) -> Value {
    let outcomes: Vec<_> = entry
        .outcomes
        .iter()
        .map(|outcome| outcome.as_str())
        .collect();
    let mut properties = Map::new();
    properties.insert("type".to_owned(), json!({ "const": entry.kind.as_str() }));
    properties.insert("outcome".to_owned(), json!({ "enum": outcomes }));
    for absent in MEMBERS.iter().filter(|name| !has(entry, name)) {
        properties.insert((*absent).to_owned(), Value::Bool(false));
    }
    if !entry.detail.is_empty() {
        let members: Map<String, Value> = entry
            .detail
            .iter()
            .map(|member| {
                let schema = json!({ "type": member.kind.as_str(), "description": member.meaning });
                (member.name.to_owned(), schema)
            })
            .collect();
        properties.insert("detail".to_owned(), json!({ "properties": members }));
    }
    json!({
        "description": entry.when,
        "required": entry.required,
        "properties": properties,
    })
}

/// Members that not every record has.
const MEMBERS: &[&str] = &[
    "actor", "approval", "body", "detail", "log", "mask", "op", "reason", "sess", "src", "target",
    "verdict",
];

fn has(entry: &Entry, name: &str) -> bool {
    entry.required.contains(&name) || entry.optional.contains(&name)
}

fn properties() -> Value {
    json!({
        "v": { "const": 1 },
        "id": { "$ref": "#/$defs/uuid" },
        "type": { "type": "string" },
        "time": {
            "type": "object",
            "required": ["boot", "mono_ns", "utc"],
            "additionalProperties": false,
            "properties": {
                "boot": { "$ref": "#/$defs/uuid" },
                "mono_ns": { "type": "string", "pattern": "^(0|[1-9][0-9]*)$" },
                "utc": {
                    "type": "string",
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z$",
                },
            },
        },
        "outcome": { "enum": ["ok", "denied", "failed", "interrupted", "pending"] },
        "reason": { "type": "string" },
        "actor": { "$ref": "#/$defs/actor" },
        "src": object(&["ip", "port"], &json!({
            "ip": text(), "port": count(), "client": text(), "tls": text(),
        })),
        "gw": object(&["build", "config", "node", "policy"], &json!({
            "build": text(), "config": digest(), "node": text(), "policy": digest(),
        })),
        "target": object(&["resource"], &json!({
            "resource": text(), "protocol": text(), "addr": text(), "account": text(),
            "database": text(), "tls": text(),
        })),
        "sess": object(&["id", "n"], &json!({ "id": { "$ref": "#/$defs/uuid" }, "n": count() })),
        "op": object(&["n"], &json!({
            "n": count(), "verb": text(), "effect": text(),
            "objects": { "type": "array", "items": text() }, "text": text(), "text_bytes": count(),
            "text_truncated": { "type": "boolean" }, "parameters": count(), "rows": count(),
            "bytes": count(), "error": text(), "sqlstate": text(), "commit": digest(),
        })),
        "approval": object(&["id"], &json!({
            "id": { "$ref": "#/$defs/uuid" }, "commit": digest(),
            "by": { "type": "array", "items": { "$ref": "#/$defs/uuid" } },
        })),
        "mask": object(&[], &json!({
            "rules": { "type": "array", "items": text() }, "fields": count(), "count": count(),
        })),
        "verdict": object(&["effect", "rules"], &json!({
            "effect": { "enum": ["allow", "deny", "hold"] },
            "rules": { "type": "array", "items": text() },
        })),
        "body": object(&["segment"], &json!({
            "segment": count(), "bytes": count(), "lines": count(), "sha256": digest(),
            "recovered": { "const": true },
        })),
        "detail": {
            "type": "object",
            "propertyNames": { "pattern": "^[a-z0-9_]+$" },
            "additionalProperties": { "type": ["string", "integer", "boolean"] },
        },
        "log": object(&["origin"], &json!({
            "origin": text(),
            "key": text(),
            "previous": object(&["origin", "root", "size"], &json!({
                "origin": text(), "root": text(), "size": count(),
            })),
        })),
    })
}

fn definitions() -> Value {
    json!({
        "uuid": {
            "type": "string",
            "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        },
        "actor": object(&["iss", "kind", "name", "sub"], &json!({
            "iss": text(),
            "kind": { "enum": ["human", "workload", "agent", "operator", "unknown"] },
            "name": text(),
            "sub": text(),
            "groups": { "type": "array", "items": text() },
            "on_behalf_of": { "type": "array", "items": { "$ref": "#/$defs/actor" } },
        })),
    })
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "additionalProperties": false,
        "properties": properties,
    })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn digest() -> Value {
    json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
}
