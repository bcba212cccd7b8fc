//! `custos request …`

use std::io::Write;

use custos_model::RequestId;
use serde_json::{Value, json};

use super::approver::{body, rows, text};
use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::cli::{AskArgs, RequestArgs, RequestCommand, SignInArgs};
use crate::failure::{Exit, Failure};
use crate::output::{self, Style, visible};

/// Seconds that one call waits for news.
const WAIT_SECONDS: u64 = 20;

/// Dispatches.
pub(crate) async fn run(out: &mut dyn Write, arguments: RequestArgs) -> Result<(), Failure> {
    match arguments.command {
        None => ask(out, arguments.ask).await,
        Some(RequestCommand::Ls { json, gateway }) => list(out, json, &gateway).await,
        Some(RequestCommand::Show { id, json, gateway }) => show(out, id, json, &gateway).await,
        Some(RequestCommand::Watch { id, gateway }) => {
            let mut sign_in = signed_in(&gateway)?;
            watch(out, &mut sign_in, id).await
        }
        Some(RequestCommand::Reason { id, text, gateway }) => {
            let given = json!({ "reason": text });
            let path = format!("/v1/requests/{id}/reason");
            let _: Value = signed_in(&gateway)?.post(&path, body(&given)?).await?;
            Ok(writeln!(out, "said why of {id}")?)
        }
        Some(RequestCommand::Withdraw { id, gateway }) => {
            let path = format!("/v1/requests/{id}");
            signed_in(&gateway)?.delete(&path).await?;
            Ok(writeln!(out, "withdrawn {id}")?)
        }
    }
}

fn signed_in(gateway: &SignInArgs) -> Result<SignIn, Failure> {
    let state = StateDirectory::find()?;
    SignIn::required(&state, gateway.gateway.as_deref())
}

async fn ask(out: &mut dyn Write, arguments: AskArgs) -> Result<(), Failure> {
    let (Some(resource), Some(reason)) = (arguments.resource, arguments.reason) else {
        return Err(
            Failure::usage("a request needs a resource and --reason TEXT")
                .hint("`custos request ls` lists what is open"),
        );
    };
    let wanted = json!({
        "resource": resource,
        "seconds": arguments.lasts.map(|lasts| lasts.as_secs()),
        "verbs": arguments.verbs,
        "reason": reason,
        "ticket": arguments.ticket,
        "break_glass": arguments.break_glass,
    });
    let mut sign_in = signed_in(&arguments.gateway)?;
    let answer: Value = sign_in.post("/v1/requests", body(&wanted)?).await?;
    let request = answer.get("request").cloned().unwrap_or_default();
    let id = text(&request, "id");
    writeln!(out, "{id}")?;
    if arguments.break_glass {
        eprintln!("{resource} is open to you; this is reviewed, so keep notes");
        return Ok(());
    }
    if arguments.wait {
        let id = id
            .parse()
            .map_err(|_| Failure::new(anyhow::anyhow!("the gateway gave no request")))?;
        return watch(out, &mut sign_in, id).await;
    }
    eprintln!("asked; `custos request watch {id}` waits for the answer");
    Ok(())
}

async fn list(out: &mut dyn Write, as_json: bool, gateway: &SignInArgs) -> Result<(), Failure> {
    let answer: Value = signed_in(gateway)?.get("/v1/requests").await?;
    let views = answer.get("requests").cloned().unwrap_or_default();
    if as_json {
        return Ok(output::json(out, &views)?);
    }
    let header = ["id", "by", "resource", "what", "rules", "expires", "state"];
    let rows: Vec<Vec<String>> = rows(&views)
        .map(|view| {
            let request = view.get("request").cloned().unwrap_or_default();
            let requester = request.get("requester").cloned().unwrap_or_default();
            let what = match text(&request, "kind").as_str() {
                "operation" => text(&request, "text"),
                kind => kind.to_owned(),
            };
            let state = match view.get("is_overdue") {
                Some(Value::Bool(true)) => "review OVERDUE".to_owned(),
                _ => text(view, "waits_for"),
            };
            vec![
                text(&request, "id"),
                text(&requester, "name"),
                text(&request, "resource"),
                what.chars().take(60).collect(),
                words(&request, "rules"),
                output::seconds(&text(&request, "expires")),
                state,
            ]
        })
        .collect();
    Ok(output::rows(out, Style::of_stdout(), &header, &rows)?)
}

async fn show(
    out: &mut dyn Write,
    id: RequestId,
    as_json: bool,
    gateway: &SignInArgs,
) -> Result<(), Failure> {
    let view: Value = signed_in(gateway)?
        .get(&format!("/v1/requests/{id}"))
        .await?;
    if as_json {
        return Ok(output::json(out, &view)?);
    }
    let request = view.get("request").cloned().unwrap_or_default();
    let requester = request.get("requester").cloned().unwrap_or_default();
    let lines = [
        ("request", text(&request, "id")),
        ("kind", text(&request, "kind")),
        ("by", text(&requester, "name")),
        ("resource", text(&request, "resource")),
        ("verbs", words(&request, "verbs")),
        ("objects", words(&request, "objects")),
        ("text", text(&request, "text")),
        ("rules", words(&request, "rules")),
        ("reason", text(&request, "justification")),
        ("ticket", text(&request, "ticket")),
        ("asked", output::seconds(&text(&request, "requested"))),
        ("expires", output::seconds(&text(&request, "expires"))),
        ("agreed", words(&view, "approved_by")),
        ("state", text(&view, "waits_for")),
    ];
    for (name, text) in lines.iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(out, "{name:<9} {}", visible(text))?;
    }
    Ok(())
}

/// Texts of a list, with commas.
fn words(value: &Value, name: &str) -> String {
    let list = value.get(name).cloned().unwrap_or_default();
    let words: Vec<String> = rows(&list)
        .filter_map(|it| Some(it.as_str()?.to_owned()))
        .collect();
    words.join(", ")
}

/// Waits for the end. What was not approved is exit code 3.
async fn watch(out: &mut dyn Write, sign_in: &mut SignIn, id: RequestId) -> Result<(), Failure> {
    let path = format!("/v1/requests/{id}?wait={WAIT_SECONDS}");
    let mut told = String::new();
    loop {
        let view: Value = sign_in.get(&path).await?;
        let ended = text(&view, "ended");
        if !ended.is_empty() {
            writeln!(out, "{id} {ended}")?;
            return match ended.as_str() {
                "executed" | "granted" | "reviewed" => Ok(()),
                _ => Err(
                    Failure::new(anyhow::anyhow!("the request was not approved: {ended}"))
                        .exit(Exit::Denied),
                ),
            };
        }
        let waits_for = text(&view, "waits_for");
        if waits_for != told {
            eprintln!("{}", visible(&waits_for));
            told = waits_for;
        }
    }
}
