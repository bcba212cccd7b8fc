//! `custos connect`: a connection credential, and a client that uses it.

use std::io::{self, Write};
use std::process::ExitCode;

use custos_model::{Protocol, ResourceName};
use serde::{Deserialize, Serialize};

use crate::account::connection::{ConnectionAnswer, Opened};
use crate::account::program::Program;
use crate::account::services::Service;
use crate::account::sign_in::SignIn;
use crate::account::state::StateDirectory;
use crate::cli::ConnectArgs;
use crate::failure::Failure;
use crate::machine::environment;
use crate::output::{self, Style};

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Resources {
    pub(super) resources: Vec<ResourceRow>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct ResourceRow {
    pub(super) name: String,
    protocol: String,
}

#[derive(Serialize)]
struct NewConnection<'a> {
    resource: &'a ResourceName,
    ttl_seconds: u64,
}

/// Dispatches.
pub(crate) async fn connect(
    out: &mut dyn Write,
    arguments: ConnectArgs,
) -> Result<ExitCode, Failure> {
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, arguments.gateway.gateway.as_deref())?;
    let Some(resource) = &arguments.resource else {
        list(out, &mut sign_in, arguments.json).await?;
        return Ok(ExitCode::SUCCESS);
    };
    if resource.protocol() == Protocol::Ssh {
        return super::ssh::connect(out, &state, &mut sign_in, &arguments, resource).await;
    }
    let opened = open(&state, &mut sign_in, resource, arguments.ttl.as_secs()).await?;
    let secret = &opened.secret;
    if arguments.print {
        writeln!(out, "{}", opened.connection.psql(secret.expose()))?;
    } else if arguments.env {
        write!(out, "{}", opened.connection.environment(secret.expose()))?;
    } else if arguments.write {
        let gateway = sign_in.gateway();
        let service = Service::write(&state, gateway, resource, &opened.connection, secret)?;
        writeln!(out, "{}", service.psql())?;
        writeln!(
            io::stderr(),
            "Written: a section of {} and the password file {}",
            service.file().display(),
            service.password_file().display()
        )?;
    } else {
        let program = Program::choose(arguments.client, "psql");
        let mut variables = opened.connection.variables(secret.expose());
        if let Some(reason) = &arguments.reason {
            variables.push(("PGOPTIONS", options(reason, environment("PGOPTIONS"))));
        }
        return program.run(&variables).await;
    }
    out.flush()?;
    writeln!(
        io::stderr(),
        "Good for new connections until {}",
        opened.expires_utc
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn open(
    state: &StateDirectory,
    sign_in: &mut SignIn,
    resource: &ResourceName,
    ttl_seconds: u64,
) -> Result<Opened, Failure> {
    let new = NewConnection {
        resource,
        ttl_seconds,
    };
    let new = serde_json::to_vec(&new)?;
    let answer: ConnectionAnswer = sign_in.post("/v1/my/connections", new).await?;
    Ok(answer.open(resource, state)?)
}

/// The options of libpq, with why (PostgreSQL documentation, "Environment Variables" of libpq: a backslash before a space).
fn options(reason: &str, before: Option<String>) -> String {
    let mut options = before.unwrap_or_default();
    if !options.is_empty() {
        options.push(' ');
    }
    options.push_str("-c custos.reason=");
    for letter in reason.chars() {
        if letter == '\\' || letter.is_whitespace() {
            options.push('\\');
        }
        options.push(letter);
    }
    options
}

async fn list(out: &mut dyn Write, sign_in: &mut SignIn, json: bool) -> Result<(), Failure> {
    let list: Resources = sign_in.get("/v1/my/resources").await?;
    if json {
        return Ok(output::json(out, &list.resources)?);
    }
    if list.resources.is_empty() {
        writeln!(io::stderr(), "There is nothing that you may open.")?;
    }
    let rows: Vec<Vec<String>> = list
        .resources
        .into_iter()
        .map(|row| vec![row.name, row.protocol])
        .collect();
    Ok(output::rows(
        out,
        Style::of_stdout(),
        &["resource", "protocol"],
        &rows,
    )?)
}
