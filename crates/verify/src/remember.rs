//! Heads that an earlier run saw: the only defence against a log that was cut back to an older signed head.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::hash::Hash;
use crate::note::{self, Checkpoint};

/// Longest file that is read, in bytes: room for some hundred thousand logs.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Size and root of a log at an earlier time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

/// Remembered heads by origin.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Heads(BTreeMap<String, Head>);

impl Heads {
    /// Reads the file; an absent one holds no heads.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let read_error = |source| Error::Read {
            path: path.to_owned(),
            source,
        };
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(read_error(source)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES)
            .read_to_end(&mut bytes)
            .map_err(read_error)?;
        parse(&bytes).ok_or_else(|| Error::Remembered {
            path: path.to_owned(),
        })
    }

    /// Writes the file beside the old one and renames it over that.
    pub(crate) fn store(&self, path: &Path) -> Result<(), Error> {
        let heads: Map<String, Value> = self
            .0
            .iter()
            .map(|(origin, head)| {
                let root = note::encode_hash(&head.root);
                (origin.clone(), json!({"root": root, "size": head.size}))
            })
            .collect();
        let text = format!("{}\n", json!({"heads": heads, "v": 1}));
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        fs::write(&temporary, text)
            .and_then(|()| fs::rename(&temporary, path))
            .map_err(|source| Error::Write {
                path: path.to_owned(),
                source,
            })
    }

    pub(crate) fn get(&self, origin: &str) -> Option<Head> {
        self.0.get(origin).copied()
    }

    pub(crate) fn origins(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub(crate) fn set(&mut self, checkpoint: &Checkpoint) {
        let head = Head {
            size: checkpoint.size,
            root: checkpoint.root,
        };
        self.0.insert(checkpoint.origin.clone(), head);
    }
}

fn parse(bytes: &[u8]) -> Option<Heads> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    if value.get("v")?.as_u64()? != 1 {
        return None;
    }
    let mut heads = BTreeMap::new();
    for (origin, head) in value.get("heads")?.as_object()? {
        let head = Head {
            size: head.get("size")?.as_u64()?,
            root: note::decode_hash(head.get("root")?.as_str()?)?,
        };
        heads.insert(origin.clone(), head);
    }
    Some(Heads(heads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("heads.json");
        let mut heads = Heads::load(&path).unwrap();
        assert_eq!(heads, Heads::default());
        heads.set(&Checkpoint {
            origin: "custos/gw1/2026-11".into(),
            size: 17,
            root: [3; 32],
        });
        heads.store(&path).unwrap();
        assert_eq!(Heads::load(&path).unwrap(), heads);
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_no_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("heads.json");
        for text in [
            "",
            "{}",
            r#"{"heads":{"o":{"root":"AA==","size":1}},"v":1}"#,
        ] {
            fs::write(&path, text).unwrap();
            assert!(matches!(Heads::load(&path), Err(Error::Remembered { .. })));
        }
    }
}
