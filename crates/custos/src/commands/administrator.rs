//! `custos administrator …`

use std::io::{self, IsTerminal as _, Read as _, Write};

use anyhow::Context as _;
use custos_api::AdministratorRow;
use custos_model::Secret;
use hyper::Method;
use serde_json::json;

use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::cli::{AdministratorCommand, ReadArgs, SignInArgs};
use crate::client::AdminClient;
use crate::failure::Failure;
use crate::output::{self, Style};

/// More text is no token.
const TOKEN_BYTES_MAX: u64 = 1024;

/// Dispatches.
pub(crate) async fn run(out: &mut dyn Write, command: AdministratorCommand) -> Result<(), Failure> {
    match command {
        AdministratorCommand::Claim { gateway } => claim(out, gateway).await,
        AdministratorCommand::Ls(arguments) => list(out, arguments).await,
        AdministratorCommand::Remove {
            issuer,
            subject,
            gateway,
        } => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("issuer", &issuer)
                .append_pair("subject", &subject)
                .finish();
            let client = AdminClient::find(&gateway)?;
            let path = format!("/v1/administrators?{query}");
            client.command(Method::DELETE, &path).await?;
            Ok(writeln!(out, "removed {}", output::visible(&subject))?)
        }
    }
}

async fn claim(out: &mut dyn Write, arguments: SignInArgs) -> Result<(), Failure> {
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, arguments.gateway.as_deref())?;
    let token = entered()?;
    let body = serde_json::to_vec(&json!({ "token": token.expose() }))?;
    sign_in
        .command(&Method::POST, "/v1/administrator", Some(body))
        .await?;
    Ok(writeln!(
        out,
        "you are an administrator of {}",
        sign_in.gateway()
    )?)
}

/// The token as it was typed or piped in.
fn entered() -> Result<Secret, Failure> {
    let mut text = String::new();
    if io::stdin().is_terminal() {
        write!(io::stderr(), "Administrator token: ")?;
        io::stdin().read_line(&mut text)?;
    } else {
        io::stdin()
            .take(TOKEN_BYTES_MAX)
            .read_to_string(&mut text)
            .context("cannot read the token from standard input")?;
    }
    let text = Secret::new(text);
    if text.expose().trim().is_empty() {
        return Err(Failure::usage("no administrator token was given")
            .hint("the gateway prints it on standard error when it starts"));
    }
    Ok(text)
}

async fn list(out: &mut dyn Write, arguments: ReadArgs) -> Result<(), Failure> {
    let list: Vec<AdministratorRow> = AdminClient::find(&arguments.gateway)?
        .get("/v1/administrators")
        .await?;
    if arguments.json {
        return Ok(output::json(out, &list)?);
    }
    let rows: Vec<Vec<String>> = list
        .into_iter()
        .map(|row| vec![row.issuer, row.subject, row.name, row.since])
        .collect();
    let header = ["issuer", "subject", "name", "since"];
    Ok(output::rows(out, Style::of_stdout(), &header, &rows)?)
}
