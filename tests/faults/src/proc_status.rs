//! What the kernel knows of a process: memory and processor time.

use std::time::Duration;

use anyhow::Context as _;

/// Memory in RAM now, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    status_bytes(pid, "VmRSS:")
}

/// The most memory that was in RAM since the start or [`reset_peak`], in bytes.
pub(crate) fn peak_bytes(pid: u32) -> anyhow::Result<u64> {
    status_bytes(pid, "VmHWM:")
}

/// Begins a new measurement of [`peak_bytes`] (proc(5), `/proc/pid/clear_refs`).
pub(crate) fn reset_peak(pid: u32) -> anyhow::Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    std::fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
}

/// Processor time used so far, in user and kernel mode.
pub(crate) fn processor_time(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let (_, fields) = text
        .rsplit_once(") ")
        .context("the name stands in parentheses")?;
    let ticks = |place: usize| {
        fields
            .split(' ')
            .nth(place)
            .and_then(|field| field.parse::<u64>().ok())
    };
    // Fields 14 and 15 of proc(5), counted from the third here.
    let ticks = ticks(11)
        .zip(ticks(12))
        .map(|(user, kernel)| user + kernel)
        .context("stat is short")?;
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
}

fn status_bytes(pid: u32, name: &str) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .with_context(|| format!("{path} has no {name}"))?;
    let kibibytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .with_context(|| format!("{name}{line}"))?;
    Ok(kibibytes * 1024)
}
