//! `custos session …`

use std::io::Write;

use custos_api::SessionRow;
use custos_model::SessionId;
use hyper::Method;
use serde_json::Value;

use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::cli::{AnyReadArgs, ReadArgs, SessionCommand};
use crate::client::AdminClient;
use crate::commands::replay;
use crate::failure::Failure;
use crate::output::{self, Style, visible};

/// A statement in a table of records is cut here; JSON has the whole.
const TEXT_CHARACTERS_MAX: usize = 80;

/// Dispatches.
pub(crate) async fn run(out: &mut dyn Write, command: SessionCommand) -> Result<(), Failure> {
    match command {
        SessionCommand::Ls { live, limit, read } => list(out, live, limit, read).await,
        SessionCommand::Show { id, read } => show(out, id, read).await,
        SessionCommand::Replay(arguments) => replay::replay(out, arguments).await,
        SessionCommand::Watch {
            id,
            terminal,
            operation,
            at,
        } => {
            let path = format!("/v1/sessions/{id}/watch");
            if terminal {
                return replay::watch(out, &AdminClient::find(&at)?, &path, operation).await;
            }
            let mut print = async |line: &[u8]| {
                out.write_all(line)?;
                out.write_all(b"\n")?;
                Ok(out.flush()?)
            };
            AdminClient::find(&at)?.lines(&path, &mut print).await
        }
        SessionCommand::Cut { id, at } => {
            if let Some(gateway) = &at.gateway {
                let state = StateDirectory::find()?;
                let mut sign_in = SignIn::required(&state, Some(gateway))?;
                sign_in.delete(&format!("/v1/sessions/{id}")).await?;
            } else {
                AdminClient::find(&at.socket)?
                    .command(Method::POST, &format!("/v1/sessions/{id}/cut"))
                    .await?;
            }
            writeln!(out, "cut {id}")?;
            Ok(())
        }
    }
}

async fn list(
    out: &mut dyn Write,
    live: bool,
    limit: u16,
    read: AnyReadArgs,
) -> Result<(), Failure> {
    let list = if let Some(gateway) = &read.at.gateway {
        list_of(gateway, live, limit).await?
    } else {
        let path = format!("/v1/sessions?limit={limit}&live={live}");
        AdminClient::find(&read.at.socket)?.get(&path).await?
    };
    if read.json {
        return Ok(output::json(out, &list)?);
    }
    let header = [
        "id",
        "started",
        "principal",
        "resource",
        "from",
        "state",
        "outcome",
        "reason",
    ];
    let rows: Vec<Vec<String>> = list.iter().map(row).collect();
    Ok(output::rows(out, Style::of_stdout(), &header, &rows)?)
}

/// Over the web.
async fn list_of(gateway: &str, live: bool, limit: u16) -> Result<Vec<SessionRow>, Failure> {
    if !live {
        return Err(Failure::usage("over the web only live sessions are listed")
            .hint("add --live, or run this at the gateway's own host"));
    }
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, Some(gateway))?;
    let mut list: Vec<SessionRow> = sign_in.get("/v1/sessions/live").await?;
    list.truncate(usize::from(limit));
    Ok(list)
}

fn row(session: &SessionRow) -> Vec<String> {
    vec![
        session.id.clone(),
        seconds(&session.started).to_owned(),
        session.principal.clone(),
        session.resource.clone(),
        session.source.clone(),
        session.state.clone(),
        session.outcome.clone().unwrap_or_default(),
        session.reason.clone().unwrap_or_default(),
    ]
}

async fn show(out: &mut dyn Write, id: SessionId, read: ReadArgs) -> Result<(), Failure> {
    let client = AdminClient::find(&read.gateway)?;
    let path = format!("/v1/sessions/{id}/records");
    if read.json {
        return show_json(out, &client, &path).await;
    }
    let session: SessionRow = client.get(&format!("/v1/sessions/{id}")).await?;
    summary(out, &session)?;
    let mut rows = Vec::new();
    client
        .lines(&path, async |line| {
            rows.push(record_row(&serde_json::from_slice(line)?));
            Ok(())
        })
        .await?;
    writeln!(out)?;
    Ok(output::rows(
        out,
        Style::of_stdout(),
        &["time", "record", "op", "outcome", "text"],
        &rows,
    )?)
}

/// The records as one JSON array, each on a line of its own as it is in the log.
async fn show_json(out: &mut dyn Write, client: &AdminClient, path: &str) -> Result<(), Failure> {
    let mut opened = false;
    client
        .lines(path, async |line| {
            out.write_all(if opened { b",\n" } else { b"[" })?;
            opened = true;
            out.write_all(line)?;
            Ok(())
        })
        .await?;
    out.write_all(if opened { b"]\n" } else { b"[]\n" })?;
    Ok(())
}

fn summary(out: &mut dyn Write, session: &SessionRow) -> std::io::Result<()> {
    writeln!(out, "session    {}", session.id)?;
    let kind = session.kind.as_deref().unwrap_or("unknown");
    writeln!(out, "principal  {} ({kind})", visible(&session.principal))?;
    writeln!(out, "resource   {}", visible(&session.resource))?;
    if let Some(database) = &session.database {
        writeln!(out, "database   {}", visible(database))?;
    }
    writeln!(out, "from       {}", session.source)?;
    writeln!(out, "started    {}", session.started)?;
    if let Some(ended) = &session.ended {
        writeln!(out, "ended      {ended}")?;
    }
    let reason = session
        .reason
        .as_deref()
        .map_or_else(String::new, |it| format!(": {}", visible(it)));
    writeln!(out, "state      {}{reason}", session.state)
}

fn record_row(record: &Value) -> Vec<String> {
    let text = |pointer: &str| {
        record
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("")
    };
    let operation = record.pointer("/op/n").and_then(Value::as_u64);
    let what = [text("/op/text"), text("/op/error"), text("/reason")]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or("");
    vec![
        seconds(text("/time/utc")).to_owned(),
        text("/type").to_owned(),
        operation.map_or_else(String::new, |number| number.to_string()),
        text("/outcome").to_owned(),
        shortened(what),
    ]
}

fn shortened(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(TEXT_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", one_line.get(..end).unwrap_or_default()),
        None => one_line,
    }
}

/// RFC 3339 cut to seconds.
fn seconds(time: &str) -> &str {
    time.get(..19).unwrap_or(time)
}
