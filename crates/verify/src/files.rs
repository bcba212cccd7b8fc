//! The evidence directory. Only regular files below it are opened, and no symbolic link is followed on the way.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use crate::error::Error;

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Directory,
    File,
    /// A symbolic link, socket, device, …
    Special,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The name; characters that are no UTF-8 are replaced, so it then fits no name of the layout.
    pub(crate) name: String,
    pub(crate) kind: ItemKind,
}

impl Item {
    /// Files that the writer may leave half written.
    pub(crate) fn is_temporary(&self) -> bool {
        self.kind == ItemKind::File && self.name.strip_suffix(".tmp").is_some()
    }
}

/// What reading a file of limited size gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// There is no regular file of this name.
    Missing,
    /// It is longer than allowed.
    TooLong,
    Bytes(Vec<u8>),
}

/// A directory of evidence; paths are relative to it, with slashes.
#[derive(Debug)]
pub(crate) struct EvidenceDir {
    root: PathBuf,
    /// The directory last proven to be reached without links: most files have the same as the one before.
    proven: String,
}

impl EvidenceDir {
    pub(crate) fn new(root: PathBuf) -> Result<Self, Error> {
        if !fs::metadata(&root)
            .map_err(|source| Error::Read {
                path: root.clone(),
                source,
            })?
            .is_dir()
        {
            return Err(Error::NotADirectory { path: root });
        }
        Ok(Self {
            root,
            proven: String::new(),
        })
    }

    /// Opens a regular file; none when it is absent, or not reached through directories alone.
    pub(crate) fn open(&mut self, path: &str) -> Result<Option<File>, Error> {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !self.is_directory(parent)? || self.kind(path)? != Some(ItemKind::File) {
            return Ok(None);
        }
        let full = self.root.join(path);
        File::open(&full)
            .map(Some)
            .map_err(|source| Error::Read { path: full, source })
    }

    /// Reads a whole file of at most `limit` bytes.
    pub(crate) fn read(&mut self, path: &str, limit: u64) -> Result<Contents, Error> {
        let Some(file) = self.open(path)? else {
            return Ok(Contents::Missing);
        };
        let mut bytes = Vec::new();
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| self.read_error(path, source))?;
        Ok(if bytes.len() as u64 > limit {
            Contents::TooLong
        } else {
            Contents::Bytes(bytes)
        })
    }

    /// The entries of a directory by name; none when it is absent, or not reached through directories alone.
    pub(crate) fn list(&mut self, path: &str) -> Result<Option<Vec<Item>>, Error> {
        if !self.is_directory(path)? {
            return Ok(None);
        }
        let entries =
            fs::read_dir(self.root.join(path)).map_err(|source| self.read_error(path, source))?;
        let mut items = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| self.read_error(path, source))?;
            let file_type = entry
                .file_type()
                .map_err(|source| self.read_error(path, source))?;
            items.push(Item {
                name: entry.file_name().to_string_lossy().into_owned(),
                kind: kind_of(file_type),
            });
        }
        items.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(items))
    }

    /// An error that names the full path.
    pub(crate) fn read_error(&self, path: &str, source: io::Error) -> Error {
        Error::Read {
            path: self.root.join(path),
            source,
        }
    }

    /// What lies at a path whose parent is a proven directory.
    pub(crate) fn kind(&self, path: &str) -> Result<Option<ItemKind>, Error> {
        match fs::symlink_metadata(self.root.join(path)) {
            Ok(metadata) => Ok(Some(kind_of(metadata.file_type()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.read_error(path, source)),
        }
    }

    fn is_directory(&mut self, path: &str) -> Result<bool, Error> {
        if path.is_empty() || path == self.proven {
            return Ok(true);
        }
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let prefix = path.get(..end).unwrap_or(path);
            if self.kind(prefix)? != Some(ItemKind::Directory) {
                return Ok(false);
            }
        }
        path.clone_into(&mut self.proven);
        Ok(true)
    }
}

fn kind_of(file_type: fs::FileType) -> ItemKind {
    if file_type.is_dir() {
        ItemKind::Directory
    } else if file_type.is_file() {
        ItemKind::File
    } else {
        ItemKind::Special
    }
}
