//! What the kernel knows of a process: processor time and resident memory.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// Clock ticks a second in `/proc/PID/stat` (`USER_HZ`, 100 on every Linux architecture that Rust's std supports).
const TICKS_PER_SECOND: u64 = 100;

/// Processor time (user and system) that the process has used, all threads, ended ones too. Resolution 10 ms.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse_cpu_time(&stat).with_context(|| format!("{path} was not understood"))
}

/// Resident memory now, in KiB.
pub(crate) fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    status_kib(pid, "VmRSS:")
}

/// The largest resident memory since start or since [`reset_peak`], in KiB.
pub(crate) fn peak_resident_kib(pid: u32) -> anyhow::Result<u64> {
    status_kib(pid, "VmHWM:")
}

/// Starts the peak anew from the present resident memory (proc(5), `clear_refs`, value 5).
pub(crate) fn reset_peak(pid: u32) -> anyhow::Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
}

fn status_kib(pid: u32, field: &str) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse_kib(&status, field).with_context(|| format!("{path} has no {field}"))
}

fn parse_cpu_time(stat: &str) -> Option<Duration> {
    // The second field is the command's name in parentheses and may hold anything, parentheses too.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(
        (user + system) * 1000 / TICKS_PER_SECOND,
    ))
}

fn parse_kib(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_the_sum_of_fields_14_and_15() {
        let stat = "42 (a) (b c) S 1 42 42 0 -1 4194560 100 0 0 0 250 13 7 7 20 0 5 0 100 1 2";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_millis(2_630)));
        assert_eq!(parse_cpu_time("42 (a"), None);
    }

    #[test]
    fn own_memory_is_readable() {
        let pid = std::process::id();
        assert!(resident_kib(pid).expect("VmRSS") > 0);
        assert!(peak_resident_kib(pid).expect("VmHWM") >= resident_kib(pid).expect("VmRSS") / 2);
        assert_eq!(
            parse_kib("VmHWM:\t 12 kB\nVmRSS:\t 10 kB\n", "VmRSS:"),
            Some(10)
        );
    }
}
