//! `custos credential …`

use std::io::Write;

use custos_api::{CredentialIssued, CredentialRow, NewCredential, Status};
use custos_model::{PrincipalKind, Protocol};
use custos_store::{CredentialId, Resource};
use hyper::Method;

use super::connect::Connection;
use crate::cli::{
    CredentialCommand, CredentialIssueArgs, GatewayArgs, IssueFormat, Kind, ReadArgs,
};
use crate::client::AdminClient;
use crate::failure::Failure;
use crate::output::{self, Style};

/// Dispatches.
pub(crate) async fn run(out: &mut dyn Write, command: CredentialCommand) -> Result<(), Failure> {
    match command {
        CredentialCommand::Issue(arguments) => issue(out, arguments).await,
        CredentialCommand::Ls(arguments) => list(out, arguments).await,
        CredentialCommand::Revoke { id, gateway } => revoke(out, id, &gateway).await,
    }
}

async fn issue(out: &mut dyn Write, arguments: CredentialIssueArgs) -> Result<(), Failure> {
    let client = AdminClient::find(&arguments.gateway)?;
    let format = arguments.format;
    let new = NewCredential {
        principal: arguments.principal,
        kind: match arguments.kind {
            Kind::Human => PrincipalKind::Human,
            Kind::Workload => PrincipalKind::Workload,
            Kind::Agent => PrincipalKind::Agent,
        },
        groups: arguments.groups,
        on_behalf_of: arguments.on_behalf_of,
        resource: arguments.resource,
        ttl_seconds: arguments.ttl.as_secs(),
        source_networks: arguments.networks,
    };
    let issued: CredentialIssued = client
        .post("/v1/credentials", serde_json::to_vec(&new)?)
        .await?;
    if format == IssueFormat::Json {
        return Ok(output::json(out, &issued)?);
    }
    let resources: Vec<Resource> = client.get("/v1/resources").await?;
    let status: Status = client.get("/v1/status").await?;
    let connection = resources
        .iter()
        .find(|resource| resource.name == issued.resource)
        .and_then(|resource| Connection::new(&issued, resource, &status));
    let Some(connection) = connection else {
        writeln!(out, "{}", issued.secret)?;
        return Ok(());
    };
    if issued.resource.protocol() == Protocol::Ssh {
        return Ok(show_ssh(out, &issued, &connection)?);
    }
    match format {
        IssueFormat::Env => write!(out, "{}", connection.environment(&issued.secret))?,
        IssueFormat::Psql => writeln!(out, "{}", connection.psql(&issued.secret))?,
        _ => {
            writeln!(out, "credential  {}", issued.id)?;
            writeln!(out, "principal   {}", output::visible(&issued.principal))?;
            writeln!(out, "resource    {}", issued.resource)?;
            writeln!(out, "expires     {}", issued.expires)?;
            writeln!(out, "secret      {}", issued.secret)?;
            writeln!(out, "\n{}", connection.psql(&issued.secret))?;
        }
    }
    Ok(())
}

/// OpenSSH takes a password from a terminal only, so that there is nothing to copy but the command and the secret.
fn show_ssh(
    out: &mut dyn Write,
    issued: &CredentialIssued,
    connection: &Connection,
) -> std::io::Result<()> {
    writeln!(out, "credential  {}", issued.id)?;
    writeln!(out, "principal   {}", output::visible(&issued.principal))?;
    writeln!(out, "resource    {}", issued.resource)?;
    writeln!(out, "expires     {}", issued.expires)?;
    writeln!(out, "secret      {}", issued.secret)?;
    writeln!(out, "\n{}", connection.ssh())
}

async fn list(out: &mut dyn Write, arguments: ReadArgs) -> Result<(), Failure> {
    let list: Vec<CredentialRow> = AdminClient::find(&arguments.gateway)?
        .get("/v1/credentials")
        .await?;
    if arguments.json {
        return Ok(output::json(out, &list)?);
    }
    let header = [
        "id",
        "principal",
        "kind",
        "resource",
        "state",
        "expires",
        "from",
    ];
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|row| {
            let networks: Vec<String> = row
                .source_networks
                .iter()
                .map(ToString::to_string)
                .collect();
            vec![
                row.id.to_string(),
                row.principal.name.clone(),
                row.principal.kind.as_str().to_owned(),
                row.resource.to_string(),
                row.state.clone(),
                row.expires.clone(),
                if networks.is_empty() {
                    "anywhere".to_owned()
                } else {
                    networks.join(",")
                },
            ]
        })
        .collect();
    Ok(output::rows(out, Style::of_stdout(), &header, &rows)?)
}

async fn revoke(
    out: &mut dyn Write,
    id: CredentialId,
    gateway: &GatewayArgs,
) -> Result<(), Failure> {
    let client = AdminClient::find(gateway)?;
    client
        .command(Method::DELETE, &format!("/v1/credentials/{id}"))
        .await?;
    writeln!(out, "revoked {id}")?;
    Ok(())
}
