//! Signatures of the real `ssh-keygen`, of a real browser and of a forger, good ones and bad ones.

mod blob;
mod browser;
mod forge;
mod keygen;
mod passkeys;
mod seeds;
mod ssh_damage;
mod ssh_forged;
mod ssh_good;
mod ssh_keys;

/// Read from the source, so that a new reason without a test is noticed.
#[test]
fn every_reason_is_shown_by_a_test() {
    let source = include_str!("../../src/error.rs");
    let names: Vec<&str> = source
        .split("Self::")
        .skip(1)
        .filter_map(|rest| rest.split_once(" => \"").map(|(name, _)| name))
        .collect();
    let tests = [
        include_str!("passkeys.rs"),
        include_str!("ssh_forged.rs"),
        include_str!("ssh_good.rs"),
        include_str!("ssh_keys.rs"),
    ]
    .concat();
    assert!(names.len() >= 25, "{names:?}");
    for name in names {
        assert!(tests.contains(&format!("SignatureError::{name}")), "{name}");
    }
}
