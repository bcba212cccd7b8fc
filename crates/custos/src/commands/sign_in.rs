//! `custos sign-in …`

use std::io::Write;

use custos_api::SignInRow;
use hyper::Method;

use crate::cli::{ReadArgs, SignInCommand};
use crate::client::AdminClient;
use crate::failure::Failure;
use crate::output::{self, Style};

/// Dispatches.
pub(crate) async fn run(out: &mut dyn Write, command: SignInCommand) -> Result<(), Failure> {
    match command {
        SignInCommand::Ls(arguments) => list(out, arguments).await,
        SignInCommand::End { id, gateway } => {
            AdminClient::find(&gateway)?
                .command(Method::DELETE, &format!("/v1/sign-ins/{id}"))
                .await?;
            writeln!(out, "ended {id}")?;
            Ok(())
        }
    }
}

async fn list(out: &mut dyn Write, arguments: ReadArgs) -> Result<(), Failure> {
    let list: Vec<SignInRow> = AdminClient::find(&arguments.gateway)?
        .get("/v1/sign-ins")
        .await?;
    if arguments.json {
        return Ok(output::json(out, &list)?);
    }
    let header = ["id", "principal", "provider", "state", "started", "expires"];
    let rows: Vec<Vec<String>> = list
        .into_iter()
        .map(|row| {
            vec![
                row.id.to_string(),
                row.principal.name,
                row.provider,
                row.state,
                row.started,
                row.expires,
            ]
        })
        .collect();
    Ok(output::rows(out, Style::of_stdout(), &header, &rows)?)
}
