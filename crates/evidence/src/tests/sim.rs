//! A disk in memory that knows the difference between written and durable.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::disk::{Disk, DiskFile};
use crate::shared::lock;

/// A small deterministic generator (xorshift64*), for choices that a test can repeat.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

/// Content of all files.
pub(crate) type Image = BTreeMap<PathBuf, Vec<u8>>;

/// What is to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// At this operation the power goes; nothing works afterwards.
    Crash { at: u64 },
    /// This operation fails, and only it; a write is done by half, and a failed fsync drops what was not durable.
    Once { at: u64, kind: io::ErrorKind },
    /// Operations on paths with this text fail until further notice.
    While {
        path: &'static str,
        kind: io::ErrorKind,
    },
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    operations: u64,
    fault: Option<Fault>,
    crashed: bool,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    written: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last fsync.
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Go,
    Fail(io::ErrorKind),
}

impl SimDisk {
    pub(crate) fn with(image: Image) -> Self {
        let disk = Self::default();
        {
            let mut state = lock(&disk.0);
            for (path, bytes) in image {
                let number = state.inodes.len();
                state.inodes.push(Inode {
                    written: bytes.clone(),
                    durable: bytes,
                    unsynced: Vec::new(),
                });
                state
                    .dirs
                    .extend(path.ancestors().skip(1).map(Path::to_owned));
                state.names.insert(path.clone(), number);
                state.durable_names.insert(path, number);
            }
        }
        disk
    }

    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        lock(&self.0).fault = fault;
    }

    pub(crate) fn operations(&self) -> u64 {
        lock(&self.0).operations
    }

    pub(crate) fn has_crashed(&self) -> bool {
        lock(&self.0).crashed
    }

    /// What a process finds that was killed and started again.
    pub(crate) fn after_kill(&self) -> Image {
        let state = lock(&self.0);
        let content = |number: &usize| state.inodes[*number].written.clone();
        state
            .names
            .iter()
            .map(|(path, number)| (path.clone(), content(number)))
            .collect()
    }

    /// What is there after a power cut: all that is durable, and by chance some of the rest, writes torn.
    pub(crate) fn after_power_cut(&self, seed: u64) -> Image {
        let state = lock(&self.0);
        let mut dice = Dice::new(seed);
        let mut names = state.durable_names.clone();
        for (path, number) in &state.names {
            if dice.below(2) == 0 {
                names.insert(path.clone(), *number);
            }
        }
        for path in state.durable_names.keys() {
            if !state.names.contains_key(path) && dice.below(2) == 0 {
                names.remove(path);
            }
        }
        names
            .into_iter()
            .map(|(path, number)| (path, state.inodes[number].torn(&mut dice)))
            .collect()
    }

    /// Flips a bit in a file.
    pub(crate) fn flip(&self, path: &Path, offset: usize) {
        let mut state = lock(&self.0);
        let number = state.names[path];
        let inode = &mut state.inodes[number];
        inode.written[offset] ^= 1;
        inode.durable = inode.written.clone();
    }
}

impl Inode {
    fn torn(&self, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (offset, write) in &self.unsynced {
            let kept = match dice.below(3) {
                0 => 0,
                1 => dice.below(write.len() as u64 + 1) as usize,
                _ => write.len(),
            };
            put(&mut bytes, *offset, &write[..kept]);
        }
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    if bytes.len() < offset + data.len() {
        bytes.resize(offset + data.len(), 0);
    }
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

fn crashed() -> io::Error {
    io::Error::other("the machine is off")
}

impl State {
    fn step(&mut self, path: &Path) -> io::Result<Verdict> {
        if self.crashed {
            return Err(crashed());
        }
        self.operations += 1;
        match self.fault {
            Some(Fault::Crash { at }) if self.operations >= at => {
                self.crashed = true;
                Err(crashed())
            }
            Some(Fault::Once { at, kind }) if self.operations == at => Ok(Verdict::Fail(kind)),
            Some(Fault::While { path: text, kind }) if path.to_string_lossy().contains(text) => {
                Ok(Verdict::Fail(kind))
            }
            _ => Ok(Verdict::Go),
        }
    }

    fn go(&mut self, path: &Path) -> io::Result<()> {
        match self.step(path)? {
            Verdict::Go => Ok(()),
            Verdict::Fail(kind) => Err(kind.into()),
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for SimDisk {
    fn create_dirs(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut state = lock(&self.0);
        state.go(path)?;
        let new: Vec<_> = path
            .ancestors()
            .filter(|dir| !state.dirs.contains(*dir))
            .collect();
        let changed = new
            .iter()
            .filter_map(|dir| dir.parent())
            .map(Path::to_owned)
            .collect();
        state.dirs.extend(new.into_iter().map(Path::to_owned));
        Ok(changed)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = lock(&self.0);
        state.go(path)?;
        assert!(
            state.dirs.contains(path.parent().unwrap()),
            "{} has no directory",
            path.display()
        );
        let fresh = state.inodes.len();
        let number = *state.names.entry(path.to_owned()).or_insert(fresh);
        if number == fresh {
            state.inodes.push(Inode::default());
        }
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            number,
            path: path.to_owned(),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = lock(&self.0);
        if state.crashed {
            return Err(crashed());
        }
        Ok(state.inodes[state.find(path)?].written.clone())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = lock(&self.0);
        if state.crashed {
            return Err(crashed());
        }
        let below = state.names.keys().chain(&state.dirs).filter_map(|name| {
            let rest = name.strip_prefix(path).ok()?;
            Some(rest.components().next()?.as_os_str().to_str()?.to_owned())
        });
        Ok(below.collect::<BTreeSet<_>>().into_iter().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.go(from)?;
        let number = state.find(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), number);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.go(path)?;
        state.find(path)?;
        state.names.remove(path);
        Ok(())
    }

    fn remove_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }

    fn sync(&self, paths: &[PathBuf]) -> io::Result<()> {
        for path in paths {
            let number = lock(&self.0).names.get(path).copied();
            if let Some(number) = number {
                SimFile {
                    disk: self.clone(),
                    number,
                    path: path.clone(),
                }
                .sync_data()?;
                continue;
            }
            let mut state = lock(&self.0);
            state.go(path)?;
            let State {
                names,
                durable_names,
                ..
            } = &mut *state;
            durable_names.retain(|name, _| name.parent() != Some(path));
            let now = names.iter().filter(|(name, _)| name.parent() == Some(path));
            durable_names.extend(now.map(|(name, number)| (name.clone(), *number)));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    number: usize,
    path: PathBuf,
}

impl DiskFile for SimFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = lock(&self.disk.0);
        let was_on = !state.crashed;
        let step = state.step(&self.path);
        // What fails or is interrupted has been written by half.
        let kept = match step {
            Ok(Verdict::Go) => bytes,
            _ if was_on => &bytes[..bytes.len() / 2],
            _ => &[],
        };
        let inode = &mut state.inodes[self.number];
        put(&mut inode.written, offset as usize, kept);
        inode.unsynced.push((offset as usize, kept.to_vec()));
        match step? {
            Verdict::Go => Ok(()),
            Verdict::Fail(kind) => Err(kind.into()),
        }
    }

    fn begin_sync(&self) {}

    fn sync_data(&self) -> io::Result<()> {
        let mut state = lock(&self.disk.0);
        let step = state.step(&self.path)?;
        let inode = &mut state.inodes[self.number];
        match step {
            Verdict::Go => inode.durable = inode.written.clone(),
            // As Linux does it: the pages are marked clean, and what is on disk is anybody's guess.
            Verdict::Fail(_) => inode.written = inode.durable.clone(),
        }
        inode.unsynced.clear();
        match step {
            Verdict::Go => Ok(()),
            Verdict::Fail(kind) => Err(kind.into()),
        }
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut state = lock(&self.disk.0);
        state.go(&self.path)?;
        state.inodes[self.number].written.resize(bytes as usize, 0);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.disk.0).inodes[self.number].written.len() as u64)
    }
}
