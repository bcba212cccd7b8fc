//! Hash tiles and proofs of any content.
#![no_main]

use std::convert::Infallible;

use custos_tlog::{HASH_BYTES, Hash, TilePath, Tree, leaf_hash, proof};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    hostile_proof(data);
    hash_tiles(data);
});

/// A tree of any claimed size, loaded from tiles of any content, keeps them, and can be appended to.
fn hash_tiles(data: &[u8]) {
    let Some((size, content)) = data.split_first_chunk() else {
        return;
    };
    // Room to append below the largest size.
    let size = u64::from_le_bytes(*size).min(u64::MAX - 1);
    let mut read = Vec::new();
    let loaded = Tree::load(size, |path| {
        let bytes: Vec<u8> = content
            .iter()
            .copied()
            .cycle()
            .take(path.hash_bytes())
            .collect();
        read.push((*path, bytes.clone()));
        Ok::<_, Infallible>(bytes)
    });
    let Ok(mut tree) = loaded else {
        assert!(content.is_empty() && size > 0);
        return;
    };
    assert_eq!(tree.partial_tiles(), read);
    let (old_root, leaf) = (tree.root(), leaf_hash(content));
    let mut full = Vec::new();
    tree.append(leaf, |path, tile| full.push((path, tile.to_vec())));
    complete(size, &read, &full);
    assert_eq!(tree.size(), size + 1);
    assert_ne!(tree.root(), old_root);
}

/// Each tile that became full is one that was read, at its place, and one hash more.
fn complete(size: u64, read: &[(TilePath, Vec<u8>)], full: &[(TilePath, Vec<u8>)]) {
    let expected = (size + 1).trailing_zeros() as usize / 8;
    assert_eq!(full.len(), expected);
    for (path, tile) in full {
        assert!(!path.is_partial() && tile.len() == path.hash_bytes());
        let before = tile.len() - HASH_BYTES;
        let partial = TilePath {
            width: 255,
            ..*path
        };
        assert!(
            read.iter()
                .any(|(place, bytes)| *place == partial && *bytes == tile[..before])
        );
    }
}

/// No proof made of arbitrary hashes shows anything about roots that it does not lead to.
fn hostile_proof(data: &[u8]) {
    let Some((first, rest)) = data.split_first_chunk() else {
        return;
    };
    let Some((second, rest)) = rest.split_first_chunk() else {
        return;
    };
    let (first, second) = (u64::from_le_bytes(*first), u64::from_le_bytes(*second));
    let hashes: Vec<Hash> = rest
        .as_chunks::<HASH_BYTES>()
        .0
        .iter()
        .copied()
        .map(Hash)
        .collect();
    let (leaf, root) = (leaf_hash(b"leaf"), leaf_hash(b"root"));
    assert!(proof::verify_inclusion(first, second, &leaf, &hashes, &root).is_err());
    assert!(proof::verify_consistency(first, &leaf, second, &root, &hashes).is_err());
}
