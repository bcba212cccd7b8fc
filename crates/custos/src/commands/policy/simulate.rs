//! `custos policy simulate`: documents before the statements that are on record.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;

use anyhow::Context as _;
use custos_evidence::reader::Reader;
use custos_model::{Principal, PrincipalKind};
use custos_policy::documents::{
    Counts, Environment, Question, Recorded, Resource, simulate as judge, utc_ns,
};
use serde::Serialize;
use serde_json::Value;

use super::load;
use crate::cli::PolicySimulateArgs;
use crate::failure::Failure;
use crate::output;

/// One session as its start tells.
struct Session {
    principal: Principal,
    resource: Resource,
    environment: Environment,
}

#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    counts: Counts,
    sessions: usize,
    /// Statements whose text is cut or not understood.
    not_judged: u64,
}

pub(super) fn run(out: &mut dyn Write, arguments: &PolicySimulateArgs) -> Result<(), Failure> {
    let set = load(&arguments.files.files)?;
    let mut labels: HashMap<&str, BTreeMap<String, String>> = HashMap::new();
    for (resource, (name, value)) in &arguments.labels {
        let of = labels.entry(resource).or_default();
        of.insert(name.clone(), value.clone());
    }
    let reader = Reader::new(&arguments.evidence);
    let unreadable = || format!("cannot read evidence in {}", arguments.evidence.display());
    let origins = reader.origins().with_context(unreadable)?;
    if origins.is_empty() {
        return Err(Failure::usage(format!(
            "{} holds no evidence log",
            arguments.evidence.display()
        )));
    }
    let mut sessions: HashMap<String, Session> = HashMap::new();
    let mut operations = Vec::new();
    let mut not_judged = 0;
    for origin in &origins {
        for record in reader.records(origin, 0).with_context(unreadable)? {
            let record = record.with_context(unreadable)?.value();
            let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
            let Some(id) = text("/sess/id") else { continue };
            match text("/type") {
                Some("session.start") => {
                    sessions.insert(id.to_owned(), session(&record, &labels));
                }
                Some("operation.intent") => {
                    let is_cut = record.pointer("/op/text_truncated").is_some();
                    let question = text("/op/text")
                        .filter(|_| !is_cut)
                        .and_then(|it| question(text("/op/verb").unwrap_or_default(), it));
                    match (sessions.get(id), question) {
                        (Some(session), Some(mut question)) => {
                            let time = text("/time/utc").and_then(utc_ns);
                            question.utc_ns = time.unwrap_or_default();
                            operations.push(Recorded {
                                principal: session.principal.clone(),
                                resource: session.resource.clone(),
                                environment: session.environment.clone(),
                                question,
                            });
                        }
                        _ => not_judged += 1,
                    }
                }
                _ => {}
            }
        }
    }
    let told = Told {
        counts: judge(&set, operations),
        sessions: sessions.len(),
        not_judged,
    };
    if arguments.json {
        return Ok(output::json(out, &told)?);
    }
    show(out, &told)
}

fn show(out: &mut dyn Write, told: &Told) -> Result<(), Failure> {
    let Counts {
        operations,
        allowed,
        held,
        denied,
        by_rule,
        ..
    } = &told.counts;
    writeln!(
        out,
        "{operations} statements in {} sessions: would have allowed {allowed}, held {held}, denied {denied}",
        told.sessions
    )?;
    if told.not_judged > 0 {
        writeln!(
            out,
            "{} more have a text that is cut, or that is not understood",
            told.not_judged
        )?;
    }
    if !by_rule.is_empty() {
        writeln!(out, "\nBy rule:")?;
    }
    for (rule, count) in by_rule {
        writeln!(out, "  {count:>8}  {rule}")?;
    }
    Ok(())
}

/// What a recorded operation did. Programs have words of their own; the others are statements.
fn question(verb: &str, text: &str) -> Option<Question> {
    custos_ssh::recorded_question(verb, text).or_else(|| custos_postgres::recorded_question(text))
}

fn session(record: &Value, labels: &HashMap<&str, BTreeMap<String, String>>) -> Session {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let name = text("/target/resource").unwrap_or_default();
    let amr = text("/detail/amr").unwrap_or_default();
    Session {
        principal: record
            .get("actor")
            .map_or_else(|| Principal::unknown(""), principal),
        resource: Resource {
            name: name.to_owned(),
            labels: labels.get(name).cloned().unwrap_or_default(),
        },
        environment: Environment {
            acr: text("/detail/acr").map(str::to_owned),
            amr: amr
                .split(' ')
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect::<BTreeSet<_>>(),
            reason_given: false,
            address: text("/src/ip").and_then(|ip| ip.parse().ok()),
        },
    }
}

/// Groups of those for whom somebody acted are not on record.
fn principal(actor: &Value) -> Principal {
    let text = |name: &str| {
        actor
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let list = |name: &str| {
        actor
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    Principal {
        issuer: text("iss"),
        subject: text("sub"),
        kind: match text("kind").as_str() {
            "human" => PrincipalKind::Human,
            "workload" => PrincipalKind::Workload,
            "agent" => PrincipalKind::Agent,
            _ => PrincipalKind::Unknown,
        },
        groups: list("groups")
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        on_behalf_of: list("on_behalf_of").map(principal).collect(),
        ..Principal::unknown(&text("name"))
    }
}
