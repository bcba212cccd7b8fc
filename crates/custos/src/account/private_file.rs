//! Files that only their owner reads, replaced as a whole or not at all.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::Context as _;

use crate::failure::Failure;
use crate::machine;

const BYTES_MAX: u64 = 1 << 20;
const OF_OTHERS: u32 = 0o077;

/// Makes a directory that only its owner enters. One that exists must be such a directory.
pub(crate) fn directory(path: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make directory {}", path.display()))?;
    let found = std::fs::metadata(path)
        .with_context(|| format!("cannot look at directory {}", path.display()))?;
    check(path, &found, "700")
}

/// The whole file, at most 1 MiB; `None` when there is none. Refused when others can read it.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let cannot = || format!("cannot read {}", path.display());
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(no_follow())
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.with_context(cannot)?,
    };
    let found = file.metadata().with_context(cannot)?;
    check(path, &found, "600")?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .with_context(cannot)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Failure::new(anyhow::anyhow!(
            "{} is too long",
            path.display()
        )));
    }
    Ok(Some(bytes))
}

/// Puts the file in place of an older one in one step. Whoever reads sees the one or the other, also after a crash.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Failure::new(anyhow::anyhow!(
            "{} names no file",
            path.display()
        )));
    };
    let mut random = [0; 8];
    machine::random(&mut random);
    let temporary = format!(".{}.{:016x}", name.display(), u64::from_ne_bytes(random));
    let temporary = directory.join(temporary);
    let replaced = create(&temporary, bytes).and_then(|()| {
        std::fs::rename(&temporary, path)?;
        File::open(directory)?.sync_all()
    });
    if replaced.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    Ok(replaced.with_context(|| format!("cannot write {}", path.display()))?)
}

/// Deletes the file; says whether there was one.
pub(crate) fn remove(path: &Path) -> Result<bool, Failure> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => {
            Err(anyhow::Error::new(error).context(format!("cannot delete {}", path.display())))?
        }
    }
}

/// Waits until no other process holds the lock; it is given back when the file is dropped. The lock's file stays:
/// deleting it would let two processes hold two locks of one name.
pub(crate) fn lock(path: &Path) -> Result<File, Failure> {
    let take = || {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(no_follow())
            .open(path)?;
        file.lock()?;
        Ok::<_, io::Error>(file)
    };
    Ok(take().with_context(|| format!("cannot lock {}", path.display()))?)
}

fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn check(path: &Path, found: &Metadata, wanted: &str) -> Result<(), Failure> {
    let shown = path.display();
    if found.uid() != machine::own_uid() {
        return Err(Failure::new(anyhow::anyhow!(
            "{shown} belongs to another user (uid {})",
            found.uid()
        )));
    }
    let mode = found.mode() & 0o7777;
    if mode & OF_OTHERS != 0 {
        let failure = Failure::new(anyhow::anyhow!("others can use {shown} (mode {mode:04o})"));
        let command = format!("run `chmod {wanted} {shown}`");
        return Err(if found.is_dir() {
            failure.hint(command)
        } else {
            failure.hint(format!(
                "{command}; if somebody may have read it, `custos logout` and sign in again"
            ))
        });
    }
    Ok(())
}

fn no_follow() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_is_replaced_and_stays_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert!(read(&path).unwrap().is_none());
        write(&path, b"one").unwrap();
        set_mode(&path, 0o400);
        write(&path, b"two").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing temporary is left");
        assert!(remove(&path).unwrap() && !remove(&path).unwrap());
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        std::fs::write(taken.join("full"), "").unwrap();
        assert!(write(&taken, b"one").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_can_use_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write(&path, b"secret").unwrap();
        for refused in [0o640, 0o604, 0o644, 0o620, 0o602, 0o610, 0o666] {
            set_mode(&path, refused);
            let said = read(&path).unwrap_err().to_string();
            assert!(
                said.contains("others can use") && said.contains("chmod 600"),
                "{said}"
            );
        }
        set_mode(&path, 0o600);
        assert!(read(&path).unwrap().is_some());
    }

    #[test]
    fn links_and_long_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("x"), dir.path().join("link"));
        write(&path, &vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().len(), 1 << 20);
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(read(&link).is_err() && lock(&link).is_err());
        write(&path, &vec![b'x'; (1 << 20) + 1]).unwrap();
        assert!(read(&path).is_err());
    }

    #[test]
    fn directories_are_made_private_and_others_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        directory(&path).unwrap();
        assert_eq!((mode(&path), mode(&dir.path().join("a"))), (0o700, 0o700));
        directory(&path).unwrap();
        set_mode(&path, 0o750);
        let said = directory(&path).unwrap_err().to_string();
        assert!(said.contains("chmod 700"), "{said}");
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock(&path).unwrap();
        let other = OpenOptions::new().write(true).open(&path).unwrap();
        assert!(other.try_lock().is_err());
        drop(held);
        other.try_lock().unwrap();
        assert_eq!(mode(&path), 0o600);
    }
}
