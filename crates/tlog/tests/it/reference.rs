//! RFC 6962 section 2.1 word for word, with no care for speed, and tiles kept in memory.

use std::collections::HashMap;

use custos_tlog::{Hash, TilePath, Tree, leaf_hash, node_hash};

/// MTH of RFC 6962 section 2.1 over leaf hashes.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// PATH of RFC 6962 section 2.1.1.
pub(crate) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    if index < middle {
        [path(index, left), vec![root(right)]].concat()
    } else {
        [path(index - middle, right), vec![root(left)]].concat()
    }
}

/// PROOF of RFC 6962 section 2.1.2.
pub(crate) fn proof(old_size: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(old_size, leaves, true)
}

fn subproof(old_size: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old_size == leaves.len() {
        return if whole {
            Vec::new()
        } else {
            vec![root(leaves)]
        };
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    if old_size <= middle {
        [subproof(old_size, left, whole), vec![root(right)]].concat()
    } else {
        [subproof(old_size - middle, right, false), vec![root(left)]].concat()
    }
}

fn split(leaves: usize) -> usize {
    leaves.next_power_of_two() / 2
}

/// Distinct leaves.
pub(crate) fn leaves(count: usize) -> Vec<Hash> {
    (0..count)
        .map(|index| leaf_hash(&index.to_be_bytes()))
        .collect()
}

/// A tree and the tiles that a writer would have on disk for it.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) tree: Tree,
    full: HashMap<TilePath, Vec<u8>>,
}

impl Disk {
    pub(crate) fn of(leaves: &[Hash]) -> Self {
        let mut disk = Self::default();
        for leaf in leaves {
            disk.append(*leaf);
        }
        disk
    }

    pub(crate) fn append(&mut self, leaf: Hash) {
        let full = &mut self.full;
        self.tree.append(leaf, |path, tile| {
            assert!(!path.is_partial());
            assert_eq!(
                full.insert(path, tile.to_vec()),
                None,
                "{path} became full twice"
            );
        });
    }

    /// Full and partial tiles of the present size.
    pub(crate) fn tiles(&self) -> HashMap<TilePath, Vec<u8>> {
        let mut tiles = self.full.clone();
        tiles.extend(self.tree.partial_tiles());
        tiles
    }

    pub(crate) fn reader(&self) -> impl FnMut(&TilePath) -> Result<Vec<u8>, MissingTile> {
        let tiles = self.tiles();
        move |path| tiles.get(path).cloned().ok_or(MissingTile(*path))
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there is no {0}")]
pub(crate) struct MissingTile(TilePath);
