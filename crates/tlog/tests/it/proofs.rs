use custos_tlog::proof::{
    BuildError, ProofError, consistency, inclusion, verify_consistency, verify_inclusion,
};
use custos_tlog::{Hash, leaf_hash};
use proptest::prelude::*;

use crate::reference::{self, Disk};

#[test]
fn a_published_consistency_proof_verifies() {
    // Sizes 6 and 8 of the Certificate Transparency reference tree.
    let hash = |hex: &str| {
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
        Hash(std::array::from_fn(byte))
    };
    let proof = [
        hash("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
        hash("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
        hash("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ];
    let old = hash("76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef");
    let new = hash("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    assert_eq!(verify_consistency(6, &old, 8, &new, &proof), Ok(()));
    assert_eq!(
        verify_consistency(7, &old, 8, &new, &proof),
        Err(ProofError::WrongLength)
    );
}

#[test]
fn all_proofs_of_small_trees_are_the_reference_ones_and_verify() {
    let leaves = reference::leaves(48);
    for size in 1..=leaves.len() {
        let tree = &leaves[..size];
        let disk = Disk::of(tree);
        for index in 0..size {
            let proof = inclusion(index as u64, size as u64, disk.reader()).unwrap();
            assert_eq!(proof, reference::path(index, tree), "{index} in {size}");
            let verified = verify_inclusion(
                index as u64,
                size as u64,
                &tree[index],
                &proof,
                &disk.tree.root(),
            );
            assert_eq!(verified, Ok(()), "{index} in {size}");
        }
        for old_size in 1..=size {
            let proof = consistency(old_size as u64, size as u64, disk.reader()).unwrap();
            assert_eq!(
                proof,
                reference::proof(old_size, tree),
                "{old_size} to {size}"
            );
            let old_root = reference::root(&tree[..old_size]);
            let verified = verify_consistency(
                old_size as u64,
                &old_root,
                size as u64,
                &disk.tree.root(),
                &proof,
            );
            assert_eq!(verified, Ok(()), "{old_size} to {size}");
        }
    }
}

#[test]
fn positions_outside_the_tree_are_refused() {
    let disk = Disk::of(&reference::leaves(3));
    let root = disk.tree.root();
    assert!(matches!(
        inclusion(3, 3, disk.reader()),
        Err(BuildError::OutOfRange)
    ));
    assert!(matches!(
        consistency(4, 3, disk.reader()),
        Err(BuildError::OutOfRange)
    ));
    assert!(matches!(
        inclusion(0, 600, disk.reader()),
        Err(BuildError::Tile(_))
    ));
    assert_eq!(
        verify_inclusion(0, 0, &root, &[], &root),
        Err(ProofError::OutOfRange)
    );
    assert_eq!(
        verify_inclusion(3, 3, &root, &[], &root),
        Err(ProofError::OutOfRange)
    );
    assert_eq!(
        verify_consistency(4, &root, 3, &root, &[]),
        Err(ProofError::OutOfRange)
    );
    let long = vec![root; 65];
    assert_eq!(
        verify_inclusion(u64::MAX - 1, u64::MAX, &root, &long, &root),
        Err(ProofError::WrongLength)
    );
}

#[test]
fn empty_and_equal_trees_need_no_proof_but_the_right_roots() {
    let disk = Disk::of(&reference::leaves(3));
    let (root, empty) = (disk.tree.root(), Hash::empty_root());
    assert_eq!(consistency(0, 3, disk.reader()).unwrap(), []);
    assert_eq!(consistency(3, 3, disk.reader()).unwrap(), []);
    assert_eq!(verify_consistency(0, &empty, 3, &root, &[]), Ok(()));
    assert_eq!(
        verify_consistency(0, &root, 3, &root, &[]),
        Err(ProofError::WrongRoot)
    );
    assert_eq!(verify_consistency(3, &root, 3, &root, &[]), Ok(()));
    assert_eq!(
        verify_consistency(3, &root, 3, &empty, &[]),
        Err(ProofError::WrongRoot)
    );
    assert_eq!(
        verify_consistency(3, &root, 3, &root, &[root]),
        Err(ProofError::WrongLength)
    );
    assert_eq!(
        verify_consistency(2, &root, 3, &root, &[]),
        Err(ProofError::WrongLength)
    );
}

/// All ways to spoil a proof by one step: alter, drop, repeat or add a hash.
fn spoilt(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = vec![[proof, &[leaf_hash(b"added")]].concat()];
    for position in 0..proof.len() {
        let mut altered = proof.to_vec();
        altered[position].0[position % 32] ^= 1;
        let mut dropped = proof.to_vec();
        dropped.remove(position);
        let mut repeated = proof.to_vec();
        repeated.insert(position, proof[position]);
        all.extend([altered, dropped, repeated]);
    }
    all
}

fn altered(hash: &Hash) -> Hash {
    let mut other = *hash;
    other.0[31] ^= 0x80;
    other
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inclusion_proofs_verify_and_break_when_altered(size in 1_usize..3000, pick: prop::sample::Index) {
        let leaves = reference::leaves(size);
        let disk = Disk::of(&leaves);
        let (index, root) = (pick.index(size), disk.tree.root());
        let (leaf, at, count) = (&leaves[index], index as u64, size as u64);
        let proof = inclusion(at, count, disk.reader()).unwrap();
        prop_assert_eq!(&proof, &reference::path(index, &leaves));
        prop_assert_eq!(verify_inclusion(at, count, leaf, &proof, &root), Ok(()));
        for bad in spoilt(&proof) {
            prop_assert!(verify_inclusion(at, count, leaf, &bad, &root).is_err());
        }
        prop_assert!(verify_inclusion(at, count, &altered(leaf), &proof, &root).is_err());
        prop_assert!(verify_inclusion(at, count, leaf, &proof, &altered(&root)).is_err());
        prop_assert!(verify_inclusion(at + 1, count, leaf, &proof, &root).is_err());
        prop_assert!(at == 0 || verify_inclusion(at - 1, count, leaf, &proof, &root).is_err());
    }

    #[test]
    fn consistency_proofs_verify_and_break_when_altered(size in 2_usize..3000, pick: prop::sample::Index) {
        let leaves = reference::leaves(size);
        let old_size = 1 + pick.index(size - 1);
        let disk = Disk::of(&leaves);
        let (old_root, root) = (reference::root(&leaves[..old_size]), disk.tree.root());
        let (old_count, count) = (old_size as u64, size as u64);
        let proof = consistency(old_count, count, disk.reader()).unwrap();
        prop_assert_eq!(&proof, &reference::proof(old_size, &leaves));
        prop_assert_eq!(verify_consistency(old_count, &old_root, count, &root, &proof), Ok(()));
        for bad in spoilt(&proof) {
            prop_assert!(verify_consistency(old_count, &old_root, count, &root, &bad).is_err());
        }
        prop_assert!(verify_consistency(old_count, &altered(&old_root), count, &root, &proof).is_err());
        prop_assert!(verify_consistency(old_count, &old_root, count, &altered(&root), &proof).is_err());
        // A tree whose past was rewritten has no proof from the old root.
        let mut rewritten = leaves.clone();
        rewritten[pick.index(old_size)] = leaf_hash(b"rewritten");
        let forged = Disk::of(&rewritten);
        let forged_proof = consistency(old_count, count, forged.reader()).unwrap();
        prop_assert!(verify_consistency(old_count, &old_root, count, &forged.tree.root(), &forged_proof).is_err());
    }
}
