//! Stock clients, unmodified. Only the endpoint changes.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::postgres::Postgres;
use crate::process::{Finished, run};
use crate::{PATIENCE, workspace};

/// Where a client connects, and as whom.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Host name; the server's certificate has it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// Password: the connection credential, or the account's own when connecting past the gateway.
    pub password: String,
    /// Database.
    pub database: String,
    /// Root certificate to verify the server with; none: plain text.
    pub root_certificate: Option<PathBuf>,
}

impl Endpoint {
    /// Straight to a server, past the gateway: the baseline.
    pub fn direct(postgres: &Postgres, database: &str) -> Self {
        Self {
            host: Postgres::HOST.to_owned(),
            port: postgres.port(),
            user: Postgres::APP.to_owned(),
            password: Postgres::PASSWORD.to_owned(),
            database: database.to_owned(),
            root_certificate: Some(postgres.authority().file()),
        }
    }

    /// Makes a client read it from libpq's environment variables, and nothing else of the user's own.
    pub fn apply(&self, command: &mut Command) {
        command
            .env("PGHOST", &self.host)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", &self.user)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", &self.database)
            .env("PGCONNECT_TIMEOUT", "20")
            .env("CUSTOS_CLIENTS", workspace::clients())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PAGER", "cat")
            .env("PSQLRC", "/dev/null")
            .env("PSQL_HISTORY", "/dev/null")
            .env_remove("PGSSLROOTCERT")
            .env_remove("PGAPPNAME")
            .env_remove("PGSERVICE");
        match &self.root_certificate {
            Some(file) => command
                .env("PGSSLMODE", "verify-full")
                .env("PGSSLROOTCERT", file),
            None => command.env("PGSSLMODE", "disable"),
        };
    }

    /// A psql with options, not yet run.
    pub fn psql(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("psql");
        command
            .args(["-X", "-v", "ON_ERROR_STOP=1"])
            .args(arguments);
        self.apply(&mut command);
        command
    }

    /// The same psql on libpq 18, which speaks protocol 3.2 and direct TLS.
    pub fn psql_18(&self, arguments: &[&str]) -> Command {
        let mut command = self.psql(arguments);
        command.env(
            "LD_LIBRARY_PATH",
            workspace::clients().join("postgres-18/native/lib"),
        );
        command
    }

    /// Runs one statement with psql and returns how it ended.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Finished {
        run(&mut self.psql(&["-Atq", "-c", sql]), PATIENCE)
    }
}

/// The clients of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// psycopg 3, on libpq.
    Psycopg,
    /// asyncpg.
    Asyncpg,
    /// SQLAlchemy on psycopg 3.
    Sqlalchemy,
    /// node-postgres.
    NodePostgres,
    /// pgjdbc.
    Pgjdbc,
    /// pgx.
    Pgx,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Psycopg,
        Self::Asyncpg,
        Self::Sqlalchemy,
        Self::NodePostgres,
        Self::Pgjdbc,
        Self::Pgx,
    ];

    /// The checks that its program does; each must be reported as passed.
    pub fn checks(self) -> &'static [&'static str] {
        const ALL: &[&str] = &[
            "connect",
            "prepared",
            "binary",
            "copy_in",
            "copy_out",
            "large_result",
            "error_outside",
            "error_in_transaction",
            "pipeline",
            "cancel",
        ];
        match self {
            // It has no binary parameters and no pipeline mode of its own.
            Self::Sqlalchemy => &[
                "connect",
                "prepared",
                "copy_in",
                "copy_out",
                "large_result",
                "error_outside",
                "error_in_transaction",
                "cancel",
            ],
            // It never sends a request before the last is answered.
            Self::NodePostgres => &[
                "connect",
                "prepared",
                "binary",
                "copy_in",
                "copy_out",
                "large_result",
                "error_outside",
                "error_in_transaction",
                "cancel",
            ],
            _ => ALL,
        }
    }

    /// Runs all its checks. Its output has one line for each.
    pub fn run(self, endpoint: &Endpoint) -> Finished {
        let mut command = self.program();
        endpoint.apply(&mut command);
        run(&mut command, Duration::from_mins(4))
    }

    fn program(self) -> Command {
        let (clients, sources) = (
            workspace::clients(),
            workspace::root().join("tests/clients"),
        );
        let python = |script: &str| {
            let mut command = Command::new(clients.join("python/bin/python"));
            command.arg(sources.join("python").join(script));
            command
        };
        match self {
            Self::Psycopg => python("psycopg_checks.py"),
            Self::Asyncpg => python("asyncpg_checks.py"),
            Self::Sqlalchemy => python("sqlalchemy_checks.py"),
            Self::NodePostgres => {
                let mut command = Command::new("node");
                command.arg(sources.join("node/checks.mjs"));
                command
            }
            Self::Pgjdbc => {
                let mut command = Command::new("java");
                command
                    .arg("-cp")
                    .arg(clients.join("java/postgresql-42.7.14.jar"));
                command.arg(sources.join("java/Checks.java"));
                command
            }
            Self::Pgx => Command::new(clients.join("go/pgx")),
        }
    }
}
