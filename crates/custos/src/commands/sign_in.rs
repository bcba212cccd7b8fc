//! `custos sign-in …`

use std::io::Write;

use custos_api::SignInRow;
use hyper::Method;

use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::cli::{AnyReadArgs, SignInCommand};
use crate::client::AdminClient;
use crate::failure::Failure;
use crate::output::{self, Style};

/// Dispatches.
pub(crate) async fn run(out: &mut dyn Write, command: SignInCommand) -> Result<(), Failure> {
    match command {
        SignInCommand::Ls(arguments) => list(out, arguments).await,
        SignInCommand::End { id, at } => {
            let path = format!("/v1/sign-ins/{id}");
            match &at.gateway {
                Some(gateway) => {
                    let state = StateDirectory::find()?;
                    SignIn::required(&state, Some(gateway))?
                        .delete(&path)
                        .await?;
                }
                None => {
                    AdminClient::find(&at.socket)?
                        .command(Method::DELETE, &path)
                        .await?;
                }
            }
            writeln!(out, "ended {id}")?;
            Ok(())
        }
    }
}

async fn list(out: &mut dyn Write, arguments: AnyReadArgs) -> Result<(), Failure> {
    const PATH: &str = "/v1/sign-ins";
    let list: Vec<SignInRow> = match &arguments.at.gateway {
        Some(gateway) => {
            let state = StateDirectory::find()?;
            SignIn::required(&state, Some(gateway))?.get(PATH).await?
        }
        None => AdminClient::find(&arguments.at.socket)?.get(PATH).await?,
    };
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
