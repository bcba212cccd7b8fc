//! Inclusion and consistency proofs.
//!
//! Built as in RFC 6962 sections 2.1.1 and 2.1.2 from hash tiles, checked as in RFC 9162 sections 2.1.3.2 and 2.1.4.2.

use crate::tile::TILE_HEIGHT;
use crate::tree::{perfect_root, tile_hashes};
use crate::{Hash, LoadError, TILE_WIDTH, TileLevel, TilePath, node_hash};

/// A proof does not prove what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not in a tree of that size, or the smaller tree is the larger one.
    #[error("the proof is asked for positions outside the tree")]
    OutOfRange,
    /// The proof has too few or too many hashes.
    #[error("the proof has a wrong number of hashes")]
    WrongLength,
    /// The proof leads to another root hash.
    #[error("the proof leads to another root hash")]
    WrongRoot,
}

/// A proof could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError<E> {
    /// The leaf is not in a tree of that size, or the smaller tree is the larger one.
    #[error("the proof is asked for positions outside the tree")]
    OutOfRange,
    /// A tile could not be read.
    #[error("a hash tile is not available")]
    Tile(#[source] LoadError<E>),
}

/// The hashes that, with leaf `index`, give the root of the tree of `size` leaves (RFC 6962 section 2.1.1).
///
/// `read` returns the bytes of a hash tile of that tree, of exactly the width in the path.
pub fn inclusion<E>(
    index: u64,
    size: u64,
    read: impl FnMut(&TilePath) -> Result<Vec<u8>, E>,
) -> Result<Vec<Hash>, BuildError<E>> {
    if index >= size {
        return Err(BuildError::OutOfRange);
    }
    let mut tiles = Tiles { size, read };
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + left_leaves(end - start);
        if index < middle {
            proof.push(tiles.range(middle, end)?);
            end = middle;
        } else {
            proof.push(tiles.range(start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The hashes that show the tree of `old_size` leaves to be the beginning of that of `size` leaves (RFC 6962 section 2.1.2).
///
/// Empty if the sizes are equal or `old_size` is 0. `read` as in [`inclusion`], for tiles of the larger tree.
pub fn consistency<E>(
    old_size: u64,
    size: u64,
    read: impl FnMut(&TilePath) -> Result<Vec<u8>, E>,
) -> Result<Vec<Hash>, BuildError<E>> {
    if old_size > size {
        return Err(BuildError::OutOfRange);
    }
    if old_size == 0 || old_size == size {
        return Ok(Vec::new());
    }
    let mut tiles = Tiles { size, read };
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while end != old_size {
        let middle = start + left_leaves(end - start);
        if old_size <= middle {
            proof.push(tiles.range(middle, end)?);
            end = middle;
        } else {
            proof.push(tiles.range(start, middle)?);
            start = middle;
        }
    }
    // The verifier knows the old root, so it is not told it again.
    if start != 0 {
        proof.push(tiles.range(start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that `leaf` is at `index` in the tree of `size` leaves with this root (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let mut path = Path {
        node: index,
        last: size - 1,
    };
    let mut hash = *leaf;
    for sibling in proof {
        hash = match path.step()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    path.finish()?;
    same(&hash, root)
}

/// Checks that the tree of `old_size` leaves is the beginning of the tree of `size` leaves (RFC 9162 section 2.1.4.2).
///
/// Equal sizes need equal roots, and an empty old tree the empty root; the proof is empty then.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == 0 || old_size == size {
        let expected = if old_size == 0 {
            Hash::empty_root()
        } else {
            *root
        };
        return if proof.is_empty() {
            same(old_root, &expected)
        } else {
            Err(ProofError::WrongLength)
        };
    }
    // An old tree that is perfect is itself the first node of the path and left out of the proof.
    let (first, siblings) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (old_root, proof),
        Some((first, siblings)) => (first, siblings),
        None => return Err(ProofError::WrongLength),
    };
    let skipped = (old_size - 1).trailing_ones();
    let mut path = Path {
        node: (old_size - 1) >> skipped,
        last: (size - 1) >> skipped,
    };
    let (mut old_hash, mut hash) = (*first, *first);
    for sibling in siblings {
        match path.step()? {
            Side::Left => {
                old_hash = node_hash(sibling, &old_hash);
                hash = node_hash(sibling, &hash);
            }
            Side::Right => hash = node_hash(&hash, sibling),
        }
    }
    path.finish()?;
    same(&old_hash, old_root)?;
    same(&hash, root)
}

/// Leaves of the left subtree of a tree of `leaves` (at least 2): the largest power of two below it.
fn left_leaves(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

fn same(found: &Hash, wanted: &Hash) -> Result<(), ProofError> {
    if found == wanted {
        Ok(())
    } else {
        Err(ProofError::WrongRoot)
    }
}

/// On which side of the node its sibling is.
enum Side {
    Left,
    Right,
}

/// The way from a node up to the root: `fn` and `sn` of RFC 9162.
struct Path {
    node: u64,
    last: u64,
}

impl Path {
    fn step(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::WrongLength);
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            Side::Left
        } else {
            Side::Right
        };
        // A node at the right edge without a sibling rises until it has one.
        if matches!(side, Side::Left) && self.node != 0 {
            let alone = self.node.trailing_zeros();
            self.node >>= alone;
            self.last >>= alone;
        }
        self.node >>= 1;
        self.last >>= 1;
        Ok(side)
    }

    fn finish(&self) -> Result<(), ProofError> {
        if self.last == 0 {
            Ok(())
        } else {
            Err(ProofError::WrongLength)
        }
    }
}

/// Hashes of subtrees, read from the tiles of a tree of `size` leaves.
struct Tiles<R> {
    size: u64,
    read: R,
}

impl<E, R: FnMut(&TilePath) -> Result<Vec<u8>, E>> Tiles<R> {
    /// MTH of the leaves from `start` to before `end`, where `start` is a multiple of the largest subtree's size.
    fn range(&mut self, start: u64, end: u64) -> Result<Hash, BuildError<E>> {
        let mut subtrees = Vec::new();
        let mut next = start;
        while next < end {
            let height = (end - next).ilog2();
            subtrees.push(self.subtree(height, next >> height)?);
            next += 1 << height;
        }
        let mut smallest_first = subtrees.iter().rev();
        let smallest = smallest_first
            .next()
            .copied()
            .unwrap_or_else(Hash::empty_root);
        Ok(smallest_first.fold(smallest, |right, left| node_hash(left, &right)))
    }

    /// The root of the perfect subtree number `index` of 2^`height` leaves.
    fn subtree(&mut self, height: u32, index: u64) -> Result<Hash, BuildError<E>> {
        let (level, inner_height) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let first = index << inner_height;
        let tile_index = first / u64::from(TILE_WIDTH);
        let path = TilePath::in_tree(TileLevel::Hash(level as u8), tile_index, self.size);
        let path = path.ok_or(BuildError::OutOfRange)?;
        let tile = (self.read)(&path)
            .map_err(|source| BuildError::Tile(LoadError::Read { path, source }))?;
        crate::tree::check_length(path, &tile).map_err(BuildError::Tile)?;
        let offset = (first % u64::from(TILE_WIDTH)) as usize;
        let hashes = tile_hashes(&tile)
            .into_iter()
            .skip(offset)
            .take(1 << inner_height);
        Ok(perfect_root(hashes.collect()))
    }
}
