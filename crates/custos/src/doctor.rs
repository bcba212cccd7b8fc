//! `custos doctor`: what could keep a gateway from working, each with what to do about it.

mod certificate;
mod files;
mod listeners;
mod machines;
mod targets;

use std::io::Write;
use std::path::Path;

use custos_api::Status;
use custos_model::Clock as _;
use custos_store::Resource;
use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::client::AdminClient;
use crate::commands::{self, block_on};
use crate::config::Config;
use crate::failure::Failure;
use crate::machine::SystemClock;
use crate::output::{self, visible_lines};

pub(crate) use certificate::days_left as certificate_days_left;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    /// What was looked at.
    about: &'static str,
    state: State,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn ok(about: &'static str, message: impl Into<String>) -> Self {
        Self {
            about,
            state: State::Ok,
            message: message.into(),
            hint: None,
        }
    }

    fn warn(about: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            about,
            state: State::Warn,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    fn fail(about: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            about,
            state: State::Fail,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

/// Looks at everything; exit code 1 when something fails.
pub(crate) fn doctor(out: &mut dyn Write, arguments: DoctorArgs) -> Result<(), Failure> {
    let file = commands::config::file(arguments.config);
    let checks = checks(&file)?;
    if arguments.json {
        output::json(out, &checks)?;
    } else {
        print(out, &checks)?;
    }
    let failed = checks
        .iter()
        .filter(|check| check.state == State::Fail)
        .count();
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new(anyhow::anyhow!("1 check failed"))),
        more => Err(Failure::new(anyhow::anyhow!("{more} checks failed"))),
    }
}

fn checks(file: &Path) -> Result<Vec<Check>, Failure> {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => {
            let hint = "`custos config reference` lists every key";
            return Ok(vec![Check::fail(
                "configuration",
                format!("{error:#}"),
                hint,
            )]);
        }
    };
    let mut checks = vec![Check::ok(
        "configuration",
        format!("{} is good", file.display()),
    )];
    let now = SystemClock::start().now();
    let client = AdminClient::at(&config.admin_socket);
    let status: Option<Status> = block_on(client.get("/v1/status")).ok();
    checks.push(gateway(&config, status.as_ref()));
    checks.extend(files::check(&config, now.utc_ns));
    checks.extend(certificate::check(&config, now.utc_ns));
    checks.extend(machines::check(&config, now.utc_ns));
    checks.extend(listeners::check(&config, status.as_ref()));
    if status.is_some() {
        let resources: Vec<Resource> = block_on(client.get("/v1/resources"))?;
        checks.extend(targets::check(&resources));
    } else {
        checks.push(Check::warn(
            "targets",
            "not looked at: the gateway is not running",
            "start the gateway and run `custos doctor` again",
        ));
    }
    Ok(checks)
}

fn gateway(config: &Config, status: Option<&Status>) -> Check {
    let socket = config.admin_socket.display();
    match status {
        None => Check::warn(
            "gateway",
            format!("nobody answers at {socket}"),
            format!("start it: custos serve --config {}", config.file.display()),
        ),
        Some(status) if status.health == "good" => Check::ok(
            "gateway",
            format!(
                "{} runs, evidence is good, {} sessions live",
                status.node, status.live_sessions
            ),
        ),
        Some(status) => Check::fail(
            "gateway",
            format!("evidence is {}", status.health),
            "free space or repair the disk; traffic goes on by itself when evidence can be written",
        ),
    }
}

fn print(out: &mut dyn Write, checks: &[Check]) -> std::io::Result<()> {
    for check in checks {
        let state = match check.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        let message = visible_lines(&check.message).replace('\n', "\n      ");
        writeln!(out, "{state}  {:<13}  {message}", check.about)?;
        if let Some(hint) = &check.hint {
            writeln!(out, "      hint: {hint}")?;
        }
    }
    Ok(())
}
