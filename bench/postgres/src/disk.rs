//! How long the disk under the evidence takes to make a small write durable.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::clock;

const BLOCK_BYTES: usize = 4096;
const FILE_BLOCKS: usize = 1024;
const WRITES: usize = 1000;
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Times of up to 1,000 single overwrites of 4 KiB followed by fdatasync, in a preallocated file, in nanoseconds.
pub(crate) fn fdatasync_times_ns(directory: &Path) -> anyhow::Result<Vec<u64>> {
    let path = directory.join("fdatasync.probe");
    let mut file =
        File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    file.write_all(&vec![0; BLOCK_BYTES * FILE_BLOCKS])
        .context("cannot fill the probe file")?;
    file.sync_all().context("cannot sync the probe file")?;
    let started = clock::now();
    let mut times_ns = Vec::with_capacity(WRITES);
    let block = [0xA5; BLOCK_BYTES];
    while times_ns.len() < WRITES && started.elapsed() < TIME_LIMIT {
        let offset = (times_ns.len() % FILE_BLOCKS) * BLOCK_BYTES;
        let before = clock::now();
        file.write_all_at(&block, offset as u64)
            .context("cannot write to the probe file")?;
        file.sync_data().context("cannot sync the probe file")?;
        times_ns.push(u64::try_from(before.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    std::fs::remove_file(&path).context("cannot remove the probe file")?;
    Ok(times_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_write_is_timed_and_nothing_is_left() {
        let directory = tempfile::tempdir().expect("directory");
        let times_ns = fdatasync_times_ns(directory.path()).expect("times");
        assert!(!times_ns.is_empty() && times_ns.iter().all(|time_ns| *time_ns > 0));
        assert_eq!(
            std::fs::read_dir(directory.path())
                .expect("directory")
                .count(),
            0
        );
    }
}
