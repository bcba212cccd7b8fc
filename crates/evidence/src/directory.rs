//! The evidence directory itself: whose it is, who has it open, and the key.

use std::any::Any;
use std::io;

use custos_tlog::note::Signer;
use serde::{Deserialize, Serialize};

use crate::approval_files;
use crate::disk::{Disk, read_if_present, replace_durably};
use crate::error::OpenError;
use crate::key;
use crate::log::chain;
use crate::settings::Settings;

/// A directory that is ours, for as long as the lock is held.
pub(crate) struct Prepared {
    pub(crate) lock: Box<dyn Any + Send + Sync>,
    pub(crate) signer: Signer,
}

/// Makes what is missing, and refuses what is another's.
pub(crate) fn prepare(
    disk: &dyn Disk,
    settings: &Settings,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Prepared, OpenError> {
    check_name(&settings.cluster)?;
    check_name(&settings.node)?;
    for name in ["wal", "logs", "segments", "keys", approval_files::DIRECTORY] {
        let dir = settings.dir.join(name);
        let changed = disk
            .create_dirs(&dir)
            .map_err(OpenError::io("create", &dir))?;
        disk.sync(&changed).map_err(OpenError::io("fsync", &dir))?;
    }
    let path = settings.dir.join("wal").join("lock");
    let lock = disk.lock(&path).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::InUse(settings.dir.clone()),
        _ => OpenError::io("lock", &path)(error),
    })?;
    claim(disk, settings)?;
    let seed = key::load_or_create(&settings.key_file, !has_records(disk, settings)?, random)?;
    let name = format!("{}/{}", settings.cluster, settings.node);
    let signer = Signer::from_seed(&name, &seed).map_err(|error| OpenError::Inconsistent {
        path: settings.key_file.clone(),
        reason: chain(&error),
    })?;
    write_once(
        disk,
        settings,
        "keys/log.vkey",
        &format!("{}\n", signer.verifier_key()),
    )?;
    Ok(Prepared { lock, signer })
}

/// Whether this node has written a log.
pub(crate) fn has_log(disk: &dyn Disk, settings: &Settings) -> Result<bool, OpenError> {
    let dir = settings
        .dir
        .join("logs")
        .join(&settings.cluster)
        .join(&settings.node);
    Ok(!disk
        .list(&dir)
        .map_err(OpenError::io("list", &dir))?
        .is_empty())
}

/// Whether there may be records of this node: they are in the write-ahead log before they are in the log.
fn has_records(disk: &dyn Disk, settings: &Settings) -> Result<bool, OpenError> {
    let dir = settings.dir.join("wal");
    let names = disk.list(&dir).map_err(OpenError::io("list", &dir))?;
    Ok(has_log(disk, settings)?
        || names
            .iter()
            .any(|name| std::path::Path::new(name).extension() == Some("wal".as_ref())))
}

/// `node.json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    cluster: String,
    node: String,
}

fn claim(disk: &dyn Disk, settings: &Settings) -> Result<(), OpenError> {
    let own = Owner {
        cluster: settings.cluster.clone(),
        node: settings.node.clone(),
    };
    let path = settings.dir.join("node.json");
    let found = read_if_present(disk, &path).map_err(OpenError::io("read", &path))?;
    let Some(found) = found else {
        let text = format!(
            "{{\"cluster\":\"{}\",\"node\":\"{}\"}}\n",
            own.cluster, own.node
        );
        return write_once(disk, settings, "node.json", &text);
    };
    let found: Owner = serde_json::from_slice(&found).map_err(|error| OpenError::Inconsistent {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    if found == own {
        return Ok(());
    }
    Err(OpenError::OtherNode {
        path: settings.dir.clone(),
        found: format!("{}/{}", found.cluster, found.node),
        expected: format!("{}/{}", own.cluster, own.node),
    })
}

fn write_once(
    disk: &dyn Disk,
    settings: &Settings,
    name: &str,
    text: &str,
) -> Result<(), OpenError> {
    let path = settings.dir.join(name);
    let found = read_if_present(disk, &path).map_err(OpenError::io("read", &path))?;
    if found.as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    replace_durably(disk, &path, text.as_bytes()).map_err(OpenError::io("write", &path))
}

fn check_name(name: &str) -> Result<(), OpenError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = name.len() <= 63
        && name.bytes().next().is_some_and(allowed)
        && name
            .bytes()
            .all(|byte| allowed(byte) || byte == b'.' || byte == b'-');
    if good {
        Ok(())
    } else {
        Err(OpenError::Name(name.to_owned()))
    }
}
