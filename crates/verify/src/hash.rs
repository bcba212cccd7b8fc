//! RFC 6962 section 2.1 hashing, and the right edge of a growing tree in tiles of height 8.

use sha2::{Digest, Sha256};

pub(crate) type Hash = [u8; 32];

/// Hashes in a full tile.
pub(crate) const TILE_WIDTH: usize = 256;

/// SHA-256(0x00 ‖ record).
pub(crate) fn leaf_hash(record: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(record);
    hasher.finalize().into()
}

/// SHA-256(0x01 ‖ left ‖ right).
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// The root over `nodes`, complete subtrees of one size of which the last may be smaller; SHA-256("") over none.
///
/// Pairing neighbours level by level, and carrying an odd last one up, gives the split of RFC 6962 (largest power of
/// two smaller than the count).
pub(crate) fn root_over(nodes: &[Hash]) -> Hash {
    let mut row = nodes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                [last] => Some(*last),
                _ => None,
            })
            .collect();
    }
    row.first()
        .copied()
        .unwrap_or_else(|| Sha256::digest([]).into())
}

/// For each tile level, the hashes of the tile that is not full yet. Enough to compute the root at any moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct RightEdge {
    levels: Vec<Vec<Hash>>,
}

impl RightEdge {
    /// Adds a hash at a level and hands back the tile that became full with it.
    pub(crate) fn push(&mut self, level: usize, hash: Hash) -> Option<Vec<Hash>> {
        self.grow(level);
        let row = self.levels.get_mut(level)?;
        row.push(hash);
        (row.len() == TILE_WIDTH).then(|| std::mem::take(row))
    }

    /// Replaces the unfinished tile of a level.
    pub(crate) fn set(&mut self, level: usize, hashes: Vec<Hash>) {
        self.grow(level);
        if let Some(row) = self.levels.get_mut(level) {
            *row = hashes;
        }
    }

    /// The unfinished tile of a level.
    pub(crate) fn tile(&self, level: usize) -> &[Hash] {
        self.levels.get(level).map_or(&[], Vec::as_slice)
    }

    /// Number of levels that were ever reached.
    pub(crate) fn height(&self) -> usize {
        self.levels.len()
    }

    /// The root of the tree so far.
    pub(crate) fn root(&self) -> Hash {
        let mut carried: Option<Hash> = None;
        for row in &self.levels {
            let mut nodes = row.clone();
            nodes.extend(carried);
            if !nodes.is_empty() {
                carried = Some(root_over(&nodes));
            }
        }
        carried.unwrap_or_else(|| root_over(&[]))
    }

    fn grow(&mut self, level: usize) {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 section 2.1, word for word.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node_hash(&by_definition(&leaves[..k]), &by_definition(&leaves[k..]))
            }
        }
    }

    #[test]
    fn the_right_edge_has_the_root_of_the_definition_at_every_size() {
        let mut edge = RightEdge::default();
        let mut leaves = Vec::new();
        assert_eq!(edge.root(), by_definition(&leaves));
        for i in 0..1100_u32 {
            let leaf = leaf_hash(&i.to_be_bytes());
            leaves.push(leaf);
            if let Some(full) = edge.push(0, leaf) {
                edge.push(1, root_over(&full));
            }
            assert_eq!(edge.root(), by_definition(&leaves), "size {}", i + 1);
        }
    }

    #[test]
    fn known_answer_of_rfc_6962_test_vectors() {
        // Certificate Transparency reference: the leaf hash of the empty string.
        assert_eq!(
            crate::note::hex(&leaf_hash(b"")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }
}
