//! `custos key …`

use std::io::Write;

use custos_api::{ChangeKeys, KeyRow, KeysChanged};

use crate::cli::{KeyCommand, ReadArgs};
use crate::client::AdminClient;
use crate::failure::Failure;
use crate::output::{self, Style};

/// Dispatches.
pub(crate) async fn run(out: &mut dyn Write, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Ls(arguments) => list(out, arguments).await,
        KeyCommand::Rotate { now, gateway } => {
            let body = serde_json::to_vec(&ChangeKeys { now })?;
            let changed: KeysChanged = AdminClient::find(&gateway)?.post("/v1/keys", body).await?;
            writeln!(out, "{} signs now", changed.signs)?;
            for id in &changed.removed {
                writeln!(out, "{id} is gone")?;
            }
            Ok(())
        }
    }
}

async fn list(out: &mut dyn Write, arguments: ReadArgs) -> Result<(), Failure> {
    let list: Vec<KeyRow> = AdminClient::find(&arguments.gateway)?
        .get("/v1/keys")
        .await?;
    if arguments.json {
        return Ok(output::json(out, &list)?);
    }
    let header = ["id", "state", "since", "until"];
    let rows: Vec<Vec<String>> = list
        .into_iter()
        .map(|row| {
            let since = row.since.unwrap_or_default();
            vec![row.id, row.state, since, row.until.unwrap_or_default()]
        })
        .collect();
    Ok(output::rows(out, Style::of_stdout(), &header, &rows)?)
}
