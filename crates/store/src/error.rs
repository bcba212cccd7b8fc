//! What can go wrong with control state.

use std::io;
use std::path::PathBuf;

use custos_model::ResourceName;

use crate::resource::ResourceProblem;

/// A call on the control database that did not succeed. No text in it is secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or its directory could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file that holds secrets is open to other users of the machine.
    #[error("{} has mode {mode:04o}, so that other users can reach it; only its owner may (chmod 600)", path.display())]
    FileMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Text that should be a master key is none. The text is not shown.
    #[error("not a master key: write 32 bytes as 64 hexadecimal digits")]
    MasterKeyText,
    /// A file that should hold a master key holds something else.
    #[error("{} does not hold a master key: 32 bytes as 64 hexadecimal digits are expected", path.display())]
    MasterKeyFile {
        /// The file.
        path: PathBuf,
    },
    /// The database was made with another master key.
    #[error("the master key does not fit {}: the database was made with another one", path.display())]
    WrongKey {
        /// The database.
        path: PathBuf,
    },
    /// The database was written by a later version of Custos.
    #[error("{} has schema {found}; this build knows only up to {known}", path.display())]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema number.
        found: i64,
        /// The latest schema number that this build knows.
        known: i64,
    },
    /// The file is a database of something else.
    #[error("{} is not a control database of Custos", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The database engine reports an error.
    #[error("cannot {action}")]
    Database {
        /// What was attempted.
        action: &'static str,
        /// Its reason.
        #[source]
        source: rusqlite::Error,
    },
    /// A row is not as Custos wrote it: changed by other means, or moved to another place.
    #[error("{what} in the control database is damaged or was altered outside of Custos")]
    Damaged {
        /// Which row.
        what: String,
    },
    /// AES-GCM refused to encrypt.
    #[error("cannot encrypt {what}")]
    Encrypt {
        /// Which row.
        what: String,
    },
    /// A value could not be put into its stored form.
    #[error("cannot encode {what}")]
    Encode {
        /// Which row.
        what: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A resource of that name exists.
    #[error("resource {0} exists already")]
    ResourceExists(ResourceName),
    /// No resource of that name exists.
    #[error("there is no resource {0}")]
    ResourceUnknown(ResourceName),
    /// The resource is not defined any more as it was when it was looked up.
    #[error("resource {0} was defined anew in the meantime")]
    ResourceChanged(ResourceName),
    /// The definition of a resource is not acceptable.
    #[error("resource {name} is not acceptable")]
    ResourceInvalid {
        /// The resource.
        name: ResourceName,
        /// The first thing that is wrong with it.
        #[source]
        source: ResourceProblem,
    },
    /// A login name that cannot be stored.
    #[error("a login name has 1 to 63 bytes and no control characters")]
    LoginName,
    /// A time that does not fit the database (after the year 2262).
    #[error("the time {0} ns is out of range")]
    Time(u64),
    /// A named secret's name is not acceptable.
    #[error(
        "`{0}` is not a name for a secret: use lower-case letters, digits, `.`, `_` and `-`, at most 64"
    )]
    SecretName(String),
}

impl StoreError {
    pub(crate) fn database(action: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Database { action, source }
    }
}
