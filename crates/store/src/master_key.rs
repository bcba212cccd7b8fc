//! The key that everything secret in the database is sealed under.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::hex;

/// 256 bits of key material. It never encrypts by itself; each use has a key derived from it.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Takes 32 random bytes over.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads the text form: 64 hexadecimal digits, with white space around them allowed.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        hex::decode(text.trim())
            .map(Self::from_bytes)
            .ok_or(StoreError::MasterKeyText)
    }

    /// Reads the key file, or makes one of mode 0600 with a key from `random` where none is.
    /// A file that its group or others may reach is refused.
    pub fn load_or_create(path: &Path, random: impl Fn(&mut [u8])) -> Result<Self, StoreError> {
        match load(path)? {
            Some(key) => Ok(key),
            None => create(path, random),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("MasterKey(…)")
    }
}

/// Refuses a file that anybody but its owner can reach.
pub(crate) fn check_mode(path: &Path, file: &File) -> Result<(), StoreError> {
    let metadata = file.metadata().map_err(failed("look at", path))?;
    let mode = metadata.mode() & 0o7777;
    if mode.trailing_zeros() >= GROUP_AND_OTHERS_BITS {
        Ok(())
    } else {
        Err(StoreError::FileMode {
            path: path.to_owned(),
            mode,
        })
    }
}

/// Makes a new directory entry survive a power cut.
pub(crate) fn sync_directory_of(path: &Path) -> Result<(), StoreError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed("sync the directory of", path))
}

pub(crate) fn failed(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::File {
        action,
        path,
        source,
    }
}

/// The lowest permission bits: read, write and execute for group and for others.
const GROUP_AND_OTHERS_BITS: u32 = 6;
/// A key file is 65 bytes; more than this is something else and not read into memory.
const KEY_FILE_BYTES_MAX: u64 = 1024;

fn load(path: &Path) -> Result<Option<MasterKey>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open the master key", path)(error)),
    };
    check_mode(path, &file)?;
    // Room for the whole file, so that no copy of the key is left behind by a growing string.
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX as usize));
    match file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(StoreError::MasterKeyFile {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(failed("read the master key", path)(error)),
    }
    MasterKey::parse(&text)
        .map(Some)
        .map_err(|_| StoreError::MasterKeyFile {
            path: path.to_owned(),
        })
}

/// Writes under another name first and then links it, so that the key file is never seen half written, and two starts
/// at once agree on one key.
fn create(path: &Path, random: impl Fn(&mut [u8])) -> Result<MasterKey, StoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    random(bytes.as_mut_slice());
    let mut suffix = [0; 8];
    random(&mut suffix);
    let temporary = temporary_name(path, suffix);
    let text = hex::encode(bytes.as_slice());
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        })
        .and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    match written {
        Ok(()) => removed.map_err(failed(
            "remove the temporary copy of the master key",
            &temporary,
        ))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return load(path)?.ok_or(StoreError::File {
                action: "create the master key",
                path: path.to_owned(),
                source: error,
            });
        }
        Err(error) => return Err(failed("create the master key", path)(error)),
    }
    sync_directory_of(path)?;
    Ok(MasterKey(bytes))
}

fn temporary_name(path: &Path, suffix: [u8; 8]) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}.tmp", u64::from_be_bytes(suffix)));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::MasterKey;
    use crate::StoreError;

    #[test]
    fn created_once_and_then_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let made = MasterKey::load_or_create(&path, |bytes| bytes.fill(0x5a)).unwrap();
        assert_eq!(made.bytes(), &[0x5a; 32]);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o600
        );
        let loaded = MasterKey::load_or_create(&path, |bytes| bytes.fill(0x11)).unwrap();
        assert_eq!(loaded.bytes(), made.bytes());
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        fs::write(&path, "00".repeat(32)).unwrap();
        for mode in [0o644, 0o640, 0o602, 0o610] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match MasterKey::load_or_create(&path, |_| ()) {
                Err(StoreError::FileMode { mode: found, .. }) => assert_eq!(found, mode),
                other => panic!("{mode:o}: {other:?}"),
            }
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(MasterKey::load_or_create(&path, |_| ()).is_ok());
    }

    #[test]
    fn other_content_is_refused_and_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let almost = "ab".repeat(31);
        for content in [
            b"".as_slice(),
            almost.as_bytes(),
            b"\xff\xfe",
            &[b'a'; 4096],
        ] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = MasterKey::load_or_create(&path, |_| ()).unwrap_err();
            assert!(
                matches!(error, StoreError::MasterKeyFile { .. }),
                "{error:?}"
            );
            assert!(!format!("{error} {error:?}").contains("abab"));
        }
    }

    #[test]
    fn text_may_have_white_space_around_it() {
        let key = MasterKey::parse(&format!(" {}\n", "0F".repeat(32))).unwrap();
        assert_eq!(key.bytes(), &[0x0f; 32]);
        assert_eq!(format!("{key:?}"), "MasterKey(…)");
        assert!(matches!(
            MasterKey::parse("secret"),
            Err(StoreError::MasterKeyText)
        ));
    }
}
