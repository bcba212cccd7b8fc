//! `custos approver …` and `custos grant …`

use std::io::Write;

use custos_signatures::{ApproverKey, SshKey};
use serde_json::{Value, json};

use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::cli::{ApproverAt, ApproverCommand, GrantCommand};
use crate::client::AdminClient;
use crate::failure::Failure;
use crate::output::{self, Style, visible};
use crate::signing;

/// Dispatches.
pub(crate) async fn run(out: &mut dyn Write, command: ApproverCommand) -> Result<(), Failure> {
    match command {
        ApproverCommand::Enrol { key, gateway } => {
            let state = StateDirectory::find()?;
            let mut sign_in = SignIn::required(&state, gateway.gateway.as_deref())?;
            let (file, line) = match key {
                Some(file) => signing::public_line(&file)?,
                None => signing::own_keys()?.into_iter().next().ok_or_else(no_key)?,
            };
            enrol(out, &mut sign_in, &file, &line).await
        }
        ApproverCommand::Ls {
            json,
            allowed_signers,
            at,
        } => {
            let mut keys: Value = get(&at, "/v1/approver-keys").await?;
            // Over the web it is a member beside others.
            if let Some(inner) = keys.get_mut("keys") {
                keys = inner.take();
            }
            if json {
                return Ok(output::json(out, &keys)?);
            }
            list(out, &keys, allowed_signers)
        }
        ApproverCommand::Accept { key, at } => {
            let body = json!({ "key": key });
            let _: Value = post(&at, "/v1/approver-keys/accept", &body).await?;
            Ok(writeln!(out, "accepted {}", visible(&key))?)
        }
        ApproverCommand::Revoke { key, reason, at } => {
            let body = json!({ "key": key, "reason": reason });
            let answer: Value = post(&at, "/v1/approver-keys/revoke", &body).await?;
            let cut = answer
                .get("sessions_cut")
                .and_then(Value::as_u64)
                .unwrap_or(0);
            Ok(writeln!(
                out,
                "revoked {}; {cut} sessions cut",
                visible(&key)
            )?)
        }
    }
}

/// Dispatches.
pub(crate) async fn grants(out: &mut dyn Write, command: GrantCommand) -> Result<(), Failure> {
    match command {
        GrantCommand::Ls { json, at } => {
            let mut grants: Value = get(&at, "/v1/grants").await?;
            if let Some(inner) = grants.get_mut("grants") {
                grants = inner.take();
            }
            if json {
                return Ok(output::json(out, &grants)?);
            }
            let header = [
                "id",
                "principal",
                "resource",
                "kind",
                "until",
                "review",
                "reason",
            ];
            let rows: Vec<Vec<String>> = rows(&grants)
                .map(|grant| {
                    let review = match (text(grant, "review_due"), grant.get("is_overdue")) {
                        (due, _) if due.is_empty() => String::new(),
                        (_, Some(Value::Bool(true))) => "OVERDUE".to_owned(),
                        (due, _) => format!("by {}", output::seconds(&due)),
                    };
                    vec![
                        text(grant, "id"),
                        text(grant, "principal"),
                        text(grant, "resource"),
                        text(grant, "kind"),
                        output::seconds(&text(grant, "until")),
                        review,
                        text(grant, "justification"),
                    ]
                })
                .collect();
            Ok(output::rows(out, Style::of_stdout(), &header, &rows)?)
        }
        GrantCommand::Revoke { id, reason, at } => {
            let body = json!({ "reason": reason });
            let answer: Value = post(&at, &format!("/v1/grants/{id}/revoke"), &body).await?;
            let cut = answer
                .get("sessions_cut")
                .and_then(Value::as_u64)
                .unwrap_or(0);
            Ok(writeln!(out, "revoked {id}; {cut} sessions cut")?)
        }
    }
}

async fn enrol(
    out: &mut dyn Write,
    sign_in: &mut SignIn,
    file: &std::path::Path,
    line: &str,
) -> Result<(), Failure> {
    let key = SshKey::parse(line).map_err(|error| {
        Failure::new(error).context(format!("cannot use the key in {}", file.display()))
    })?;
    let fingerprint = key.fingerprint().to_owned();
    let wanted = json!({ "key": ApproverKey::Ssh(key) });
    let begun: Value = sign_in.post("/v1/approver-keys", body(&wanted)?).await?;
    let (enrolment, statement) = (text(&begun, "enrolment"), text(&begun, "statement"));
    signing::check_enrolment(&statement, &fingerprint)?;
    let signature = signing::sign(file, &statement).await?;
    let proof = json!({ "signature": { "method": "ssh", "signature": signature } });
    let path = format!("/v1/approver-keys/{enrolment}/proof");
    let _: Value = sign_in.post(&path, body(&proof)?).await?;
    writeln!(out, "enrolled {fingerprint}")?;
    eprintln!(
        "It counts once it is accepted: an administrator, or the operator of the gateway's host, runs\n  custos approver accept {fingerprint}"
    );
    Ok(())
}

fn list(out: &mut dyn Write, keys: &Value, allowed_signers: bool) -> Result<(), Failure> {
    if allowed_signers {
        for key in rows(keys).filter(|key| text(key, "method") == "ssh") {
            writeln!(
                out,
                "{} namespaces=\"custos-approval\" {}",
                text(key, "key"),
                text(key, "public_key")
            )?;
        }
        return Ok(());
    }
    let header = ["key", "method", "name", "issuer", "since", "state"];
    let rows: Vec<Vec<String>> = rows(keys)
        .map(|key| {
            let accepted = key.get("accepted") == Some(&Value::Bool(true));
            vec![
                text(key, "key"),
                text(key, "method"),
                text(key, "name"),
                text(key, "issuer"),
                output::seconds(&text(key, "since")),
                if accepted { "accepted" } else { "waits" }.to_owned(),
            ]
        })
        .collect();
    Ok(output::rows(out, Style::of_stdout(), &header, &rows)?)
}

fn no_key() -> Failure {
    Failure::new(anyhow::anyhow!("there is no SSH key in ~/.ssh"))
        .hint("make one with `ssh-keygen -t ed25519`, or name one with --key")
}

pub(crate) fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A member that is a text, or nothing.
pub(crate) fn text(value: &Value, name: &str) -> String {
    let text = value.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

pub(crate) fn body(value: &Value) -> Result<Vec<u8>, Failure> {
    Ok(serde_json::to_vec(value)?)
}

async fn get(at: &ApproverAt, path: &str) -> Result<Value, Failure> {
    if is_operator(at) {
        return AdminClient::find(&at.socket)?.get(path).await;
    }
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, at.gateway.gateway.as_deref())?;
    sign_in.get(path).await
}

async fn post(at: &ApproverAt, path: &str, value: &Value) -> Result<Value, Failure> {
    if is_operator(at) {
        let client = AdminClient::find(&at.socket)?;
        return client.post(path, body(value)?).await;
    }
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, at.gateway.gateway.as_deref())?;
    sign_in.post(path, body(value)?).await
}

/// Who names a socket or a configuration file means the operator's.
fn is_operator(at: &ApproverAt) -> bool {
    at.operator || at.socket.socket.is_some() || at.socket.config.is_some()
}
