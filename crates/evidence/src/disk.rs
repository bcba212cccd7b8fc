//! The file system as the writer uses it: few operations, so that tests can stand in for a failing disk.

use std::any::Any;
use std::fmt::Debug;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Advice;

/// From this many files on, writing is begun for all before the first is waited for: one journal commit then does for
/// most of them.
const BEGIN_FIRST: usize = 4;

/// More files than this are fsynced together with their whole file system. That can be slow, because other programs'
/// data is written as well.
const SINGLE_SYNCS: usize = 512;

/// A file system. Directories are 0700 and files 0600: transcripts are not everybody's.
pub(crate) trait Disk: Debug + Send + Sync + 'static {
    /// Creates a directory and its parents; returns the directories that have a new entry and must be fsynced.
    fn create_dirs(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
    /// Opens a file for reading and writing, creating it when absent.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Reads a whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Names in a directory, sorted; none when it does not exist.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Renames a file, replacing what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory if it is empty.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes a lock that lasts as long as the returned value; [`io::ErrorKind::WouldBlock`] when another has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>>;
    /// Makes files and directories durable.
    fn sync(&self, paths: &[PathBuf]) -> io::Result<()>;
}

/// An open file.
pub(crate) trait DiskFile: Debug + Send + Sync {
    /// Writes all bytes at an offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes the content durable (fdatasync).
    fn sync_data(&self) -> io::Result<()>;
    /// Begins to make the content durable, and takes what is out of memory, since it will hardly be read soon. Advice.
    fn begin_sync(&self);
    /// Cuts or extends with zeros.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Present length.
    fn len(&self) -> io::Result<u64>;
}

/// Writes a file under a temporary name and renames it, so that readers see all of it or nothing.
/// It is not durable yet.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let file = disk.open(&temporary)?;
    file.set_len(0)?;
    file.write_at(bytes, 0)?;
    disk.rename(&temporary, path)
}

/// As [`replace`], and durable before the new name can be seen.
pub(crate) fn replace_durably(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let file = disk.open(&temporary)?;
    file.set_len(0)?;
    file.write_at(bytes, 0)?;
    file.sync_data()?;
    disk.rename(&temporary, path)?;
    let parent = path.parent().unwrap_or(Path::new("."));
    disk.sync(&[parent.to_owned()])
}

/// Reads a whole file, or nothing when there is none.
pub(crate) fn read_if_present(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<u8>>> {
    match disk.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// The machine's own file system.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create_dirs(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut changed = Vec::new();
        let mut missing = Vec::new();
        let mut at = path;
        while !at.as_os_str().is_empty() && !at.is_dir() {
            missing.push(at);
            let Some(parent) = at.parent() else { break };
            at = parent;
        }
        for directory in missing.into_iter().rev() {
            match DirBuilder::new().mode(0o700).create(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => changed.push(parent_or_here(directory).to_owned()),
            }
        }
        Ok(changed)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        Ok(Arc::new(options.open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        file.try_lock()?;
        Ok(Box::new(file))
    }

    fn sync(&self, paths: &[PathBuf]) -> io::Result<()> {
        if let Some(first) = paths.first()
            && paths.len() > SINGLE_SYNCS
        {
            return Ok(rustix::fs::syncfs(File::open(first)?)?);
        }
        if paths.len() >= BEGIN_FIRST {
            for path in paths {
                // What it does not begin, fsync does.
                File::open(path)?.begin_sync();
            }
        }
        paths
            .iter()
            .try_for_each(|path| File::open(path)?.sync_all())
    }
}

impl DiskFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn begin_sync(&self) {
        let _ = rustix::fs::fadvise(self, 0, None, Advice::DontNeed);
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        File::set_len(self, bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

fn parent_or_here(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
