//! The open database.

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::master_key::{MasterKey, check_mode, failed, sync_directory_of};
use crate::owed::Owed;
use crate::schema;
use crate::seal::Sealer;

/// The control database. Clones share its connections: writes wait for each other and for the disk, and what only reads
/// waits for neither.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    sealer: Sealer,
    connection: Mutex<Connection>,
    /// Sees what is committed, also while the other one writes (write-ahead log).
    reading: Mutex<Connection>,
    /// For what a loss of power may take, though not a crash: its writes do not wait for the disk.
    hasty: Mutex<Connection>,
    owed: Owed,
}

impl Store {
    /// Opens the database, makes it (mode 0600) where none is, and brings it up to date.
    /// A wrong master key, a file open to other users and a file of another program are refused.
    pub fn open(path: &Path, key: MasterKey) -> Result<Self, StoreError> {
        let sealer = Sealer::new(&key)?;
        drop(key);
        prepare_file(path)?;
        let mut connection = connect(path)?;
        schema::configure(&connection)?;
        schema::migrate(&mut connection, path, sealer.check_value())?;
        check_key(&connection, path, &sealer)?;
        let reading = connect(path)?;
        schema::configure(&reading)?;
        reading
            .pragma_update(None, "query_only", true)
            .map_err(StoreError::database("open the control database"))?;
        let hasty = connect(path)?;
        schema::configure(&hasty)?;
        hasty
            .pragma_update(None, "synchronous", "NORMAL")
            .map_err(StoreError::database("open the control database"))?;
        let inner = Inner {
            path: path.to_owned(),
            sealer,
            connection: Mutex::new(connection),
            reading: Mutex::new(reading),
            hasty: Mutex::new(hasty),
            owed: Owed::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The key that tokens and other keyed masks are derived from. It never changes while the master key does not, so
    /// that the same value has the same token.
    pub fn masking_key(&self) -> Zeroizing<[u8; 32]> {
        self.inner.sealer.masking_key()
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves no half-done transaction behind: dropping one rolls it back.
        self.inner
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// For what only reads, and is not part of something that writes.
    pub(crate) fn reading(&self) -> MutexGuard<'_, Connection> {
        self.inner
            .reading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// For writes that survive this process, though not a loss of power.
    pub(crate) fn hasty(&self) -> MutexGuard<'_, Connection> {
        self.inner
            .hasty
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn owed(&self) -> &Owed {
        &self.inner.owed
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(StoreError::database("open the control database"))
}

/// Without this the file would get the umask's mode. The journals beside it take the mode of the file.
fn prepare_file(path: &Path) -> Result<(), StoreError> {
    let is_new = !path.exists();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed("open the control database", path))?;
    check_mode(path, &file)?;
    if is_new {
        sync_directory_of(path)
    } else {
        Ok(())
    }
}

fn check_key(connection: &Connection, path: &Path, sealer: &Sealer) -> Result<(), StoreError> {
    let stored: Option<Vec<u8>> = connection
        .query_row(
            "SELECT value FROM meta WHERE name = 'key_check'",
            [],
            |row| row.get(0),
        )
        .optional()
        .map_err(StoreError::database("check the master key"))?;
    let stored = stored.ok_or_else(|| StoreError::Damaged {
        what: "the key check".to_owned(),
    })?;
    verify_slices_are_equal(&stored, sealer.check_value()).map_err(|_| StoreError::WrongKey {
        path: path.to_owned(),
    })
}
