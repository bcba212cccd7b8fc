//! `custos config …`

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::config::{self, Config, show_duration};
use crate::failure::{Exit, Failure};
use crate::machine::environment;

/// Where a gateway looks when nothing is said.
const DEFAULT_FILE: &str = "/etc/custos/custos.toml";

/// The configuration file that is meant.
pub(crate) fn file(given: Option<PathBuf>) -> PathBuf {
    given
        .or_else(|| environment("CUSTOS_CONFIG").map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from(DEFAULT_FILE))
}

/// The whole configuration, or a failure with every problem and exit code 2.
pub(crate) fn load(file: &Path) -> Result<Config, Failure> {
    Config::load(file).map_err(|error| {
        let failure = Failure::new(error).exit(Exit::Usage);
        if file.exists() {
            failure.hint("`custos config reference` lists every key")
        } else {
            failure.hint("name the file with --config, or try `custos dev`, which needs none")
        }
    })
}

/// `custos config check`
pub(crate) fn check(out: &mut dyn Write, given: Option<PathBuf>) -> Result<(), Failure> {
    let config = load(&file(given))?;
    writeln!(out, "ok: {}", config.file.display())?;
    writeln!(out, "  node       {}/{}", config.cluster, config.node)?;
    writeln!(out, "  state      {}", config.state_dir.display())?;
    writeln!(out, "  evidence   {}", config.evidence_dir.display())?;
    writeln!(out, "  socket     {}", config.admin_socket.display())?;
    for listener in &config.listeners {
        let tls = if listener.tls.is_some() {
            "TLS"
        } else {
            "plain text"
        };
        writeln!(
            out,
            "  listener   {}: {} on {}, {tls}, {}",
            listener.name,
            listener.protocol,
            listener.address,
            listener.authentication_word()
        )?;
    }
    let rules = config.access_rules;
    writeln!(
        out,
        "  access     {rules} rule{}",
        if rules == 1 { "" } else { "s" }
    )?;
    writeln!(out, "  drain      {}", show_duration(config.drain_timeout))?;
    if rules == 0 {
        writeln!(
            out,
            "\nnote: without an access rule nobody may open anything"
        )?;
    }
    Ok(())
}

/// `custos config reference`
pub(crate) fn reference(out: &mut dyn Write) -> Result<(), Failure> {
    out.write_all(config::reference().as_bytes())?;
    Ok(())
}
