//! What an operator does at the command line, and where clients then connect.

use std::process::Command;

use serde_json::Value;

use super::{Credential, Custos};
use crate::client::Endpoint;
use crate::postgres::Postgres;
use crate::process::{Finished, run, start};
use crate::{PATIENCE, workspace};

impl Custos {
    /// A `custos` command for this gateway, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(workspace::custos_binary());
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("CUSTOS_SOCKET", self.socket());
        command.env("CUSTOS_CONFIG", self.config_file());
        command
    }

    /// Runs a `custos` command to its end.
    #[track_caller]
    pub fn cli(&self, arguments: &[&str]) -> Finished {
        run(&mut self.command(arguments), PATIENCE)
    }

    /// Runs a `custos` command that prints JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.cli(arguments).success();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// Adds a server as a resource: account [`Postgres::APP`], TLS verified in full.
    #[track_caller]
    pub fn add_resource(&self, name: &str, postgres: &Postgres) {
        let authority = postgres.authority().file();
        let authority = authority.to_str().expect("paths here are text");
        self.add_target(
            name,
            Postgres::HOST,
            postgres.port(),
            Postgres::APP,
            &["--ca-file", authority],
        )
        .success();
    }

    /// Adds a resource with options of one's own; the password is [`Postgres::PASSWORD`].
    #[track_caller]
    pub fn add_target(
        &self,
        name: &str,
        host: &str,
        port: u16,
        account: &str,
        options: &[&str],
    ) -> Finished {
        let port = port.to_string();
        let mut arguments = vec!["resource", "add", name, "--host", host, "--port", &port];
        arguments.extend(["--account", account, "--password-stdin"]);
        arguments.extend(options);
        let mut running = start(&mut self.command(&arguments));
        running.write(Postgres::PASSWORD);
        running.write("\n");
        running.close_stdin();
        running.finish(PATIENCE)
    }

    /// Issues a credential to a person.
    #[track_caller]
    pub fn issue(&self, principal: &str, resource: &str) -> Credential {
        self.issue_with(principal, resource, &[])
    }

    /// Issues a credential with further options.
    #[track_caller]
    pub fn issue_with(&self, principal: &str, resource: &str, options: &[&str]) -> Credential {
        let mut arguments = vec![
            "credential",
            "issue",
            "--format",
            "json",
            "--principal",
            principal,
        ];
        arguments.extend(["--resource", resource]);
        arguments.extend(options);
        let issued = self.json(&arguments);
        let text = |name: &str| {
            issued[name]
                .as_str()
                .expect("an issued credential has it")
                .to_owned()
        };
        Credential {
            id: text("id"),
            principal: principal.to_owned(),
            secret: text("secret"),
        }
    }

    /// Where a client with that credential connects, over TLS.
    pub fn endpoint(&self, credential: &Credential, database: &str) -> Endpoint {
        Endpoint {
            host: "localhost".to_owned(),
            port: self.tls_port,
            user: credential.principal.clone(),
            password: credential.secret.clone(),
            database: database.to_owned(),
            root_certificate: Some(self.authority.file()),
        }
    }

    /// Where [`crate::Wire::sign_in`] connects with that credential.
    pub fn password_endpoint(&self, credential: &Credential, database: &str) -> Endpoint {
        Endpoint {
            port: self.password_port,
            ..self.endpoint(credential, database)
        }
    }
}
