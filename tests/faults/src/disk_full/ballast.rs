//! A file that takes all the room there is.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

/// It grows in pieces of this size at first, then of this.
const PIECES_BYTES: [usize; 2] = [1 << 20, 4096];
/// Between two attempts to take what has become free since.
const INTERVAL: Duration = Duration::from_millis(1);

/// A growing file. Room that somebody else gives back is taken too, until it is removed.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ballast {
    /// Returns when the file system is full.
    pub(super) fn fill(path: &Path) -> anyhow::Result<Self> {
        let mut file =
            File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
        for piece_bytes in PIECES_BYTES {
            let piece = vec![0; piece_bytes];
            while !is_full(&mut file, &piece)? {}
        }
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let piece = [0; PIECES_BYTES[1]];
            while !told.load(Ordering::Acquire) {
                if is_full(&mut file, &piece).unwrap_or(true) {
                    std::thread::sleep(INTERVAL);
                }
            }
        });
        Ok(Self {
            path: path.to_owned(),
            stop,
            thread: Some(thread),
        })
    }

    /// Gives all the room back.
    pub(super) fn remove(mut self) -> anyhow::Result<()> {
        self.end();
        std::fs::remove_file(&self.path)
            .with_context(|| format!("cannot remove {}", self.path.display()))
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        self.end();
    }
}

fn is_full(file: &mut File, piece: &[u8]) -> anyhow::Result<bool> {
    match file.write(piece) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == ErrorKind::StorageFull => Ok(true),
        Err(error) => Err(error).context("cannot write the ballast"),
    }
}
