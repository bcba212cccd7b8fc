//! `custos status`

use std::io::Write;

use custos_api::Status;
use custos_model::Clock as _;

use crate::cli::ReadArgs;
use crate::client::AdminClient;
use crate::failure::Failure;
use crate::machine::SystemClock;
use crate::output;

/// Shows how the running gateway is.
pub(crate) async fn status(out: &mut dyn Write, arguments: ReadArgs) -> Result<(), Failure> {
    let status: Status = AdminClient::find(&arguments.gateway)?
        .get("/v1/status")
        .await?;
    if arguments.json {
        return Ok(output::json(out, &status)?);
    }
    writeln!(
        out,
        "node        {} (custos {}, pid {})",
        status.node, status.build, status.pid
    )?;
    writeln!(out, "health      {}", status.health)?;
    writeln!(out, "up          {} s", status.uptime_seconds)?;
    writeln!(out, "sessions    {} live", status.live_sessions)?;
    for listener in &status.listeners {
        writeln!(
            out,
            "listener    {}: {} on {}, TLS {}",
            listener.name, listener.protocol, listener.address, listener.tls
        )?;
    }
    for finding in &status.findings {
        let now_utc_ns = SystemClock::start().now().utc_ns;
        writeln!(
            out,
            "finding     {}",
            output::visible(&finding.text(now_utc_ns))
        )?;
    }
    let age = status
        .checkpoint_age_ms
        .map_or_else(String::new, |age| format!(", {age} ms ago"));
    writeln!(
        out,
        "evidence    {}: {} records, {} under the last checkpoint{age}",
        status.evidence_dir, status.tree_size, status.checkpoint_size
    )?;
    writeln!(out, "verify with {}", status.verifier_key)?;
    Ok(())
}
