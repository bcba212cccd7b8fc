//! The growing tree: what a writer must keep in memory to append and to sign.

use crate::tile::{TILE_HEIGHT, TILE_LEVELS};
use crate::{HASH_BYTES, Hash, TILE_WIDTH, TileLevel, TilePath, node_hash};

/// Bytes of a full hash tile.
const FULL_TILE_BYTES: usize = TILE_WIDTH as usize * HASH_BYTES;

/// A growing RFC 6962 tree that keeps only its right edge.
///
/// Memory is bounded whatever the size: at most eight not yet full tiles (8 KiB each) and 64 hashes.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    /// Roots of the perfect subtrees that make up the tree, largest first: one for each set bit of `size`.
    frontier: Vec<Hash>,
    /// Content of the not yet full tile of each level, a multiple of 32 bytes, below 256 hashes.
    edge: [Vec<u8>; TILE_LEVELS as usize],
}

/// A tree could not be rebuilt from its tiles.
#[derive(Debug, thiserror::Error)]
pub enum LoadError<E> {
    /// The reader failed.
    #[error("cannot read {path}")]
    Read {
        /// The tile.
        path: TilePath,
        /// What the reader said.
        #[source]
        source: E,
    },
    /// The tile does not hold exactly as many hashes as its path says.
    #[error("{path} has {found_bytes} bytes instead of {wanted_bytes}")]
    Length {
        /// The tile.
        path: TilePath,
        /// Bytes read.
        found_bytes: usize,
        /// Bytes that the width asks for.
        wanted_bytes: usize,
    },
}

impl Tree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rebuilds the tree of `size` leaves from its partial hash tiles; full tiles are not asked for.
    ///
    /// `read` returns the bytes of the hash tile at that path, of exactly that width.
    /// The tiles are believed: compare [`Self::root`] with the signed checkpoint afterwards, which covers every hash read.
    pub fn load<E>(
        size: u64,
        mut read: impl FnMut(&TilePath) -> Result<Vec<u8>, E>,
    ) -> Result<Self, LoadError<E>> {
        let mut tree = Self {
            size,
            ..Self::default()
        };
        for level in 0..TILE_LEVELS {
            if let Some(path) = partial_path(level, size) {
                let tile = read(&path).map_err(|source| LoadError::Read { path, source })?;
                check_length(path, &tile)?;
                if let Some(edge) = tree.edge.get_mut(usize::from(level)) {
                    *edge = tile;
                }
            }
        }
        for edge in tree.edge.iter().rev() {
            push_subtrees(&mut tree.frontier, edge);
        }
        Ok(tree)
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends one leaf; calls `full` with the path and bytes (256 × 32) of each hash tile that became full, lowest level first.
    pub fn append(&mut self, leaf: Hash, mut full: impl FnMut(TilePath, &[u8])) {
        let mut carry = leaf;
        let mut height = 0;
        self.place(0, &carry, &mut full);
        while self
            .size
            .checked_shr(height)
            .is_some_and(|bits| bits & 1 == 1)
            && let Some(left) = self.frontier.pop()
        {
            carry = node_hash(&left, &carry);
            height += 1;
            if height.is_multiple_of(TILE_HEIGHT) {
                self.place(height / TILE_HEIGHT, &carry, &mut full);
            }
        }
        self.frontier.push(carry);
        self.size += 1;
    }

    /// The partial hash tiles of the present size, lowest level first: those neither empty nor full.
    pub fn partial_tiles(&self) -> Vec<(TilePath, Vec<u8>)> {
        (0..TILE_LEVELS)
            .zip(&self.edge)
            .filter_map(|(level, edge)| Some((partial_path(level, self.size)?, edge.clone())))
            .collect()
    }

    /// The root hash, RFC 6962 section 2.1 (MTH); that of the empty tree is SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.frontier.iter().rev();
        let Some(smallest) = smallest_first.next() else {
            return Hash::empty_root();
        };
        smallest_first.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// Adds a hash to the edge tile of a level. Called before `size` counts the leaf.
    fn place(&mut self, level: u32, hash: &Hash, full: &mut impl FnMut(TilePath, &[u8])) {
        // A ninth level would need 2^64 leaves.
        let Some(edge) = self.edge.get_mut(level as usize) else {
            return;
        };
        edge.extend_from_slice(&hash.0);
        if edge.len() < FULL_TILE_BYTES {
            return;
        }
        let index = self
            .size
            .checked_shr((level + 1) * TILE_HEIGHT)
            .unwrap_or(0);
        full(TilePath::full(TileLevel::Hash(level as u8), index), edge);
        edge.clear();
    }
}

/// The not yet full tile of a level, if it holds anything.
fn partial_path(level: u8, size: u64) -> Option<TilePath> {
    let elements = size >> (u32::from(level) * TILE_HEIGHT);
    let index = elements / u64::from(TILE_WIDTH);
    TilePath::in_tree(TileLevel::Hash(level), index, size)
}

pub(crate) fn check_length<E>(path: TilePath, tile: &[u8]) -> Result<(), LoadError<E>> {
    if tile.len() == path.hash_bytes() {
        return Ok(());
    }
    Err(LoadError::Length {
        path,
        found_bytes: tile.len(),
        wanted_bytes: path.hash_bytes(),
    })
}

/// Splits the hashes of an edge tile into perfect subtrees, largest first, and pushes their roots.
fn push_subtrees(frontier: &mut Vec<Hash>, tile: &[u8]) {
    let mut rest = tile_hashes(tile);
    while !rest.is_empty() {
        let perfect = 1 << rest.len().ilog2();
        let right = rest.split_off(perfect);
        frontier.push(perfect_root(rest));
        rest = right;
    }
}

/// The hashes in a tile. Bytes after the last whole hash are dropped: lengths are checked before.
pub(crate) fn tile_hashes(tile: &[u8]) -> Vec<Hash> {
    tile.as_chunks::<HASH_BYTES>()
        .0
        .iter()
        .copied()
        .map(Hash)
        .collect()
}

/// The root over neighbouring subtree roots, whose number is a power of two (or zero: the empty root).
pub(crate) fn perfect_root(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[left, right]| node_hash(left, right))
            .collect();
    }
    hashes.first().copied().unwrap_or_else(Hash::empty_root)
}
