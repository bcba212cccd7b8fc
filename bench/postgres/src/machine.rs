//! What a reader must know of the machine and the versions to judge the numbers. No names of hosts or people.

use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

use anyhow::Context;

use crate::options::Options;
use crate::process::{clean_command, output_of};
use crate::rig::custos_program;
use crate::servers::postgres::find_binaries;

#[derive(Debug)]
pub(crate) struct Machine {
    /// Name and value, in the order of the report.
    pub(crate) facts: Vec<(&'static str, String)>,
}

impl Machine {
    /// Looks at the machine as it is before the run.
    pub(crate) fn look(options: &Options) -> anyhow::Result<Self> {
        let cores = available_parallelism().context("cannot count the processors")?;
        let binaries = options
            .postgres_bin
            .clone()
            .map_or_else(find_binaries, Ok)?;
        let mut facts = vec![
            (
                "date",
                output_of(clean_command("date".as_ref(), None).args(["-u", "+%Y-%m-%d"]))?
                    .trim()
                    .to_owned(),
            ),
            (
                "processor",
                format!("{}, {cores} cores", processor_model()?),
            ),
            ("memory", format!("{} GiB", memory_gib()?)),
            ("kernel", kernel_version()?),
            ("load before the run (1 minute)", load_average()?),
            ("PostgreSQL", version(&binaries.join("postgres"))?),
        ];
        if let Ok(pgbouncer) = version(&options.pgbouncer) {
            facts.push(("PgBouncer", pgbouncer));
        }
        if options.targets.iter().any(|kind| kind.is_custos()) {
            facts.push(("Custos", version(&custos_program(options)?)?));
        }
        let profile = if cfg!(debug_assertions) {
            "debug: these numbers mean nothing"
        } else {
            "release"
        };
        facts.push(("build", profile.to_owned()));
        Ok(Self { facts })
    }
}

fn processor_model() -> anyhow::Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(model.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, model)| model.trim().to_owned(),
    ))
}

fn memory_gib() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let total = text.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?
            .split_ascii_whitespace()
            .next()
    });
    let total_kib: u64 = total
        .and_then(|number| number.parse().ok())
        .context("/proc/meminfo has no MemTotal")?;
    Ok((total_kib + 512 * 1024) / (1024 * 1024))
}

fn load_average() -> anyhow::Result<String> {
    let line = read_line("/proc/loadavg")?;
    Ok(line.split(' ').next().unwrap_or_default().to_owned())
}

/// The version alone: what distributions and hosts append is theirs.
fn kernel_version() -> anyhow::Result<String> {
    let release = read_line("/proc/sys/kernel/osrelease")?;
    Ok(release.split('-').next().unwrap_or_default().to_owned())
}

fn read_line(path: &str) -> anyhow::Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn version(program: &Path) -> anyhow::Result<String> {
    let printed = output_of(clean_command(program.as_os_str(), None).arg("--version"))?;
    Ok(printed.lines().next().unwrap_or_default().to_owned())
}
