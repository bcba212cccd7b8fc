//! The Merkle log of one month: leaves, tiles, entry bundles and checkpoints (`docs/evidence-format.md` section 2).

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use custos_tlog::note::{Signer, VerifierKey};
use custos_tlog::{Checkpoint, TILE_WIDTH, TileLevel, TilePath, Tree, entries, leaf_hash};

use crate::disk::{Disk, read_if_present, replace, replace_durably};
use crate::error::OpenError;

/// Partial tiles of older checkpoints stay for this long, so that a reader who fetched one is not left without them.
const PARTIALS_KEPT_NS: u64 = 30_000_000_000;

/// Full tiles kept in memory before a checkpoint is due for their sake.
const DIRTY_BYTES: usize = 32 << 20;

/// A log that is being written.
#[derive(Debug)]
pub(crate) struct Log {
    origin: String,
    dir: PathBuf,
    tree: Tree,
    /// Entries of the bundle that is not full.
    bundle: Vec<u8>,
    /// Index of the record that comes next; behind the tree's size while old records are applied again.
    next_leaf: u64,
    signed_size: u64,
    /// Full tiles that no checkpoint has made durable. Kept, to be written again after an error.
    full: Vec<(PathBuf, Vec<u8>)>,
    full_bytes: usize,
    /// Directories with new entries.
    dirs: Vec<PathBuf>,
    /// Partial tiles on disk, with the time at which they were replaced.
    partials: Vec<PathBuf>,
    stale: VecDeque<(u64, Vec<PathBuf>)>,
}

impl Log {
    /// Opens the log of an origin at its last checkpoint; an empty one if it has none.
    pub(crate) fn load(
        disk: &dyn Disk,
        evidence: &Path,
        origin: &str,
        key: &VerifierKey,
    ) -> Result<Self, OpenError> {
        let dir = evidence.join("logs").join(origin);
        let checkpoint = read_checkpoint(disk, &dir, origin, key)?;
        let size = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
        let read = |path: &TilePath| read_tile(disk, &dir, *path);
        let tree = Tree::load(size, read).map_err(|error| OpenError::Inconsistent {
            path: dir.clone(),
            reason: chain(&error),
        })?;
        if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.root != tree.root()) {
            let reason = format!(
                "the tiles give {} and not the signed root {}",
                tree.root(),
                checkpoint.root
            );
            return Err(OpenError::Inconsistent { path: dir, reason });
        }
        let index = size / u64::from(TILE_WIDTH);
        let bundle = match TilePath::in_tree(TileLevel::Entries, index, size) {
            Some(path) => read_bundle(disk, &dir, path)?,
            None => Vec::new(),
        };
        let partials = tree.partial_tiles().into_iter().map(|(path, _)| path);
        let partials = partials.chain(TilePath::in_tree(TileLevel::Entries, index, size));
        let partials: Vec<_> = partials.map(|path| dir.join(path.to_string())).collect();
        let stale = stale_partials(disk, &partials);
        Ok(Self {
            origin: origin.to_owned(),
            dir,
            tree,
            bundle,
            next_leaf: 0,
            signed_size: size,
            full: Vec::new(),
            full_bytes: 0,
            dirs: Vec::new(),
            partials,
            stale: VecDeque::from([(0, stale)]),
        })
    }

    /// The log's name.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Records in the log.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Records under the last checkpoint.
    pub(crate) fn signed_size(&self) -> u64 {
        self.signed_size
    }

    /// Index of the record that comes next.
    pub(crate) fn next_leaf(&self) -> u64 {
        self.next_leaf
    }

    /// Says which record comes next, when older ones are applied again.
    pub(crate) fn set_next_leaf(&mut self, next: u64) {
        self.next_leaf = next;
    }

    /// What the next month's first record says of this log.
    pub(crate) fn head(&self) -> Checkpoint {
        Checkpoint {
            origin: self.origin.clone(),
            size: self.tree.size(),
            root: self.tree.root(),
        }
    }

    /// Whether so much waits that a checkpoint should not.
    pub(crate) fn is_heavy(&self) -> bool {
        self.full_bytes > DIRTY_BYTES
    }

    /// Appends a record, unless the log has it already. Returns whether it was new.
    pub(crate) fn append(&mut self, record: &[u8]) -> bool {
        self.next_leaf += 1;
        if self.next_leaf <= self.tree.size() {
            return false;
        }
        if entries::encode(&mut self.bundle, record).is_err() {
            // Records are rendered within the limit; the log must not stop for one that was not.
            tracing::error!(
                bytes = record.len(),
                "record is too long for the log and was left out"
            );
            self.next_leaf -= 1;
            return false;
        }
        let Self {
            tree, full, dir, ..
        } = self;
        tree.append(leaf_hash(record), |path, bytes| {
            full.push((dir.join(path.to_string()), bytes.to_vec()));
        });
        let width = u64::from(TILE_WIDTH);
        if self.tree.size().is_multiple_of(width) {
            let path = TilePath::full(TileLevel::Entries, self.tree.size() / width - 1);
            let bundle = std::mem::take(&mut self.bundle);
            self.full_bytes += bundle.len();
            self.full.push((self.dir.join(path.to_string()), bundle));
        }
        true
    }

    /// Writes what is new and signs it. Everything that the checkpoint covers is durable before the checkpoint is.
    /// After an error it can be called again and writes all of it anew.
    pub(crate) fn checkpoint(
        &mut self,
        disk: &dyn Disk,
        signer: &Signer,
        mono_ns: u64,
    ) -> io::Result<()> {
        if self.signed_size == self.tree.size() {
            return Ok(());
        }
        let partials = self.partial_files();
        let present: Vec<_> = partials.iter().map(|(path, _)| path.clone()).collect();
        // A higher level's partial tile often is the one of the checkpoint before, and is there already.
        let fresh = partials
            .iter()
            .filter(|(path, _)| !self.partials.contains(path));
        let mut paths = Vec::with_capacity(self.full.len() + partials.len() + 4);
        for (path, bytes) in self.full.iter().chain(fresh) {
            let parent = path.parent().unwrap_or(&self.dir);
            self.dirs.extend(disk.create_dirs(parent)?);
            self.dirs.push(parent.to_owned());
            replace(disk, path, bytes)?;
            paths.push(path.clone());
        }
        self.dirs.sort_unstable();
        self.dirs.dedup();
        paths.extend(self.dirs.iter().cloned());
        disk.sync(&paths)?;
        let note = self.head().sign(signer).map_err(io::Error::other)?;
        replace_durably(disk, &self.dir.join("checkpoint"), note.as_bytes())?;
        self.signed_size = self.tree.size();
        self.full.clear();
        self.full_bytes = 0;
        self.dirs.clear();
        let replaced = std::mem::replace(&mut self.partials, present);
        self.stale.push_back((mono_ns, replaced));
        self.remove_stale(disk, mono_ns);
        Ok(())
    }

    fn partial_files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = self
            .tree
            .partial_tiles()
            .into_iter()
            .map(|(path, bytes)| (self.dir.join(path.to_string()), bytes))
            .collect();
        let index = self.tree.size() / u64::from(TILE_WIDTH);
        if let Some(path) = TilePath::in_tree(TileLevel::Entries, index, self.tree.size()) {
            files.push((self.dir.join(path.to_string()), self.bundle.clone()));
        }
        files
    }

    /// Removing is tidying: what cannot be removed stays, as the format allows.
    fn remove_stale(&mut self, disk: &dyn Disk, mono_ns: u64) {
        while let Some((since, paths)) = self.stale.front() {
            if since + PARTIALS_KEPT_NS > mono_ns {
                return;
            }
            for path in paths.iter().filter(|path| !self.partials.contains(path)) {
                let _ = disk.remove(path);
                if let Some(parent) = path.parent() {
                    let _ = disk.remove_dir(parent);
                }
            }
            self.stale.pop_front();
        }
    }
}

fn read_checkpoint(
    disk: &dyn Disk,
    dir: &Path,
    origin: &str,
    key: &VerifierKey,
) -> Result<Option<Checkpoint>, OpenError> {
    let path = dir.join("checkpoint");
    let note = read_if_present(disk, &path).map_err(OpenError::io("read", &path))?;
    let Some(note) = note else { return Ok(None) };
    let opened = String::from_utf8(note)
        .map_err(|error| error.to_string())
        .and_then(|note| {
            Checkpoint::open(&note, std::slice::from_ref(key)).map_err(|error| chain(&error))
        })
        .and_then(|checkpoint| {
            if checkpoint.origin == origin {
                Ok(checkpoint)
            } else {
                Err(format!("its origin is {}", checkpoint.origin))
            }
        });
    opened
        .map(Some)
        .map_err(|reason| OpenError::Checkpoint { path, reason })
}

/// The hashes of a tile; where only the full tile is left, its beginning.
fn read_tile(disk: &dyn Disk, dir: &Path, path: TilePath) -> io::Result<Vec<u8>> {
    if let Some(bytes) = read_if_present(disk, &dir.join(path.to_string()))? {
        return Ok(bytes);
    }
    let full = TilePath::full(path.level, path.index);
    let mut bytes = disk.read(&dir.join(full.to_string()))?;
    bytes.truncate(path.hash_bytes());
    Ok(bytes)
}

/// The entries of a partial bundle; where only the full bundle is left, its beginning.
fn read_bundle(disk: &dyn Disk, dir: &Path, path: TilePath) -> Result<Vec<u8>, OpenError> {
    let exact = dir.join(path.to_string());
    let found = read_if_present(disk, &exact).map_err(OpenError::io("read", &exact))?;
    let bytes = if let Some(bytes) = found {
        bytes
    } else {
        let full = dir.join(TilePath::full(path.level, path.index).to_string());
        disk.read(&full).map_err(OpenError::io("read", &full))?
    };
    let mut kept = Vec::with_capacity(bytes.len());
    let mut count = 0;
    for entry in entries::decode(&bytes)
        .take(usize::from(path.width))
        .flatten()
    {
        count += usize::from(entries::encode(&mut kept, entry).is_ok());
    }
    if count == usize::from(path.width) {
        return Ok(kept);
    }
    let reason = format!("it has {count} entries and not {}", path.width);
    Err(OpenError::Inconsistent {
        path: exact,
        reason,
    })
}

/// Partial tiles beside the present ones: left by checkpoints before a restart.
fn stale_partials(disk: &dyn Disk, present: &[PathBuf]) -> Vec<PathBuf> {
    let mut stale = Vec::new();
    for path in present {
        let Some(parent) = path.parent() else {
            continue;
        };
        let names = disk.list(parent).unwrap_or_default();
        stale.extend(
            names
                .iter()
                .map(|name| parent.join(name))
                .filter(|found| found != path),
        );
    }
    stale
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
