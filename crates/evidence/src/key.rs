//! The node's signing key: an Ed25519 seed in a file that only the gateway can read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::OpenError;

const SEED_BYTES: usize = 32;
/// 32 bytes in base64 are 44 characters; anything much longer is another file.
const MAX_FILE_BYTES: u64 = 64;

/// Reads the seed; makes one if there is none and `may_create`, that is, if nothing was signed with it yet.
pub(crate) fn load_or_create(
    path: &Path,
    may_create: bool,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<[u8; SEED_BYTES], OpenError> {
    match File::open(path) {
        Ok(file) => load(path, &file),
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => create(path, random),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(OpenError::KeyMissing(path.to_owned()))
        }
        Err(error) => Err(OpenError::io("open", path)(error)),
    }
}

fn load(path: &Path, file: &File) -> Result<[u8; SEED_BYTES], OpenError> {
    let mode = file
        .metadata()
        .map_err(OpenError::io("read", path))?
        .permissions()
        .mode()
        & 0o777;
    if mode & 0o077 != 0 {
        return Err(OpenError::KeyMode {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = String::new();
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(OpenError::io("read", path))?;
    STANDARD
        .decode(text.trim_end())
        .ok()
        .and_then(|seed| seed.try_into().ok())
        .ok_or_else(|| OpenError::KeyMalformed(path.to_owned()))
}

fn create(path: &Path, random: &mut dyn FnMut(&mut [u8])) -> Result<[u8; SEED_BYTES], OpenError> {
    let mut seed = [0; SEED_BYTES];
    random(&mut seed);
    // Durable under another name first: a half-written key would lock the node out of its own log.
    let temporary = path.with_extension("tmp");
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            file.write_all(format!("{}\n", STANDARD.encode(seed)).as_bytes())?;
            file.sync_all()
        });
    written.map_err(OpenError::io("write", &temporary))?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    std::fs::rename(&temporary, path)
        .and_then(|()| File::open(parent.unwrap_or(Path::new(".")))?.sync_all())
        .map_err(OpenError::io("create", path))?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(bytes: &mut [u8]) {
        bytes.fill(7);
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.key");
        assert_eq!(load_or_create(&path, true, &mut fill).unwrap(), [7; 32]);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            load_or_create(&path, false, &mut |_| panic!("read, not made")).unwrap(),
            [7; 32]
        );
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.key");
        load_or_create(&path, true, &mut fill).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = load_or_create(&path, true, &mut fill).unwrap_err();
        assert!(
            matches!(error, OpenError::KeyMode { mode: 0o640, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_missing_or_foreign_key_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.key");
        let error = load_or_create(&path, false, &mut fill).unwrap_err();
        assert!(matches!(error, OpenError::KeyMissing(_)), "{error}");
        std::fs::write(&path, "not a key\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = load_or_create(&path, true, &mut fill).unwrap_err();
        assert!(matches!(error, OpenError::KeyMalformed(_)), "{error}");
    }
}
