use std::collections::HashSet;

use custos_tlog::{Hash, LoadError, TileLevel, TilePath, Tree, leaf_hash};
use proptest::prelude::*;

use crate::reference::{self, Disk};

/// Records and roots published with the Certificate Transparency reference implementation.
const PUBLISHED: [(&[u8], &str); 8] = [
    (
        b"",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    ),
    (
        b"\x00",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    ),
    (
        b"\x10",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    ),
    (
        b"\x20\x21",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (
        b"\x30\x31",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    ),
    (
        b"@ABC",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    ),
    (
        b"PQRSTUVW",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    ),
    (
        b"`abcdefghijklmno",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ),
];

#[test]
fn the_published_roots_are_reproduced() {
    let mut tree = Tree::new();
    assert_eq!(tree.root(), Hash::empty_root());
    for (record, root) in PUBLISHED {
        tree.append(leaf_hash(record), |_, _| ());
        assert_eq!(tree.root().to_hex(), root);
    }
}

#[test]
fn each_size_to_1100_has_the_reference_root_and_loads_again() {
    let leaves = reference::leaves(1100);
    let mut disk = Disk::default();
    for size in 0..=leaves.len() {
        let root = reference::root(&leaves[..size]);
        assert_eq!(disk.tree.size(), size as u64);
        assert_eq!(disk.tree.root(), root, "{size}");
        let loaded = Tree::load(size as u64, disk.reader()).unwrap();
        assert_eq!(loaded.root(), root, "{size}");
        if let Some(leaf) = leaves.get(size) {
            disk.append(*leaf);
        }
    }
}

#[test]
fn the_tiles_on_disk_are_those_of_the_layout_with_the_subtree_roots() {
    let size = 66_000;
    let leaves = reference::leaves(size);
    let disk = Disk::of(&leaves);
    let tiles = disk.tiles();
    let expected =
        TilePath::all_in_tree(size as u64).filter(|path| path.level != TileLevel::Entries);
    assert_eq!(
        tiles.keys().copied().collect::<HashSet<_>>(),
        expected.collect()
    );
    for (path, tile) in tiles {
        let TileLevel::Hash(level) = path.level else {
            panic!("{path}")
        };
        let span = 256_usize.pow(u32::from(level));
        let first = usize::try_from(path.index).unwrap() * 256 * span;
        let hashes = (0..usize::from(path.width)).map(|position| {
            let start = first + position * span;
            reference::root(&leaves[start..start + span]).0
        });
        assert!(tile == hashes.collect::<Vec<_>>().concat(), "{path}");
    }
}

#[test]
fn a_tree_of_any_size_asks_for_its_partial_tiles_only() {
    let mut asked = Vec::new();
    let size = u64::MAX;
    let tree = Tree::load(size, |path| {
        asked.push(path.to_string());
        Ok::<_, std::convert::Infallible>(vec![0; path.hash_bytes()])
    })
    .unwrap();
    assert_eq!(tree.size(), size);
    assert_eq!(asked.len(), 8);
    assert_eq!(asked[7], "tile/7/000.p/255");
    assert!(asked.iter().all(|path| path.ends_with(".p/255")));
}

#[test]
fn a_tile_of_a_wrong_length_or_that_is_missing_is_an_error_that_names_it() {
    for found_bytes in [0, 31, 32, 95, 97, 8192] {
        let loaded = Tree::load(3, |_| {
            Ok::<_, std::convert::Infallible>(vec![0; found_bytes])
        });
        let error = loaded.unwrap_err();
        assert!(matches!(error, LoadError::Length { .. }));
        assert_eq!(
            error.to_string(),
            format!("tile/0/000.p/3 has {found_bytes} bytes instead of 96")
        );
    }
    let error = Tree::load(3, Disk::default().reader()).unwrap_err();
    assert_eq!(error.to_string(), "cannot read tile/0/000.p/3");
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "there is no tile/0/000.p/3"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn loading_and_going_on_is_the_same_as_never_stopping(stop in 0_usize..70_000, more in 0_usize..1200) {
        let leaves = reference::leaves(stop + more);
        let mut straight = Disk::of(&leaves[..stop]);
        let mut resumed = Tree::load(stop as u64, straight.reader()).unwrap();
        for leaf in &leaves[stop..] {
            let mut tiles = Vec::new();
            resumed.append(*leaf, |path, tile| tiles.push((path, tile.to_vec())));
            straight.append(*leaf);
            let written = straight.tiles();
            for (path, tile) in tiles {
                prop_assert_eq!(written.get(&path), Some(&tile));
            }
        }
        prop_assert_eq!(resumed.root(), reference::root(&leaves));
        prop_assert_eq!(resumed.root(), straight.tree.root());
        prop_assert_eq!(resumed.partial_tiles(), straight.tree.partial_tiles());
    }

    #[test]
    fn paths_survive_printing(level in 0_u8..=64, index: u64, few in 0_u64..3_000_000, small: bool, width in 1_u16..=256) {
        let level = if level == 64 { TileLevel::Entries } else { TileLevel::Hash(level) };
        let path = TilePath { level, index: if small { few } else { index }, width };
        prop_assert_eq!(TilePath::parse(&path.to_string()), Ok(path));
    }

    #[test]
    fn what_is_read_as_a_path_prints_the_same(text in "tile/(entries|[0-9]{1,2})/(x[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(path) = TilePath::parse(&text) {
            prop_assert_eq!(path.to_string(), text);
        }
    }
}
