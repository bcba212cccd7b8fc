//! The fuzz target `jwt` knows good tokens by heart: its seeds. They are made here.

use std::fs;
use std::path::Path;

use custos_jwt::ClassName;

use crate::forge::Forge;
use crate::keys::ED;
use crate::world::{CLASSES, verify};

/// Ed25519 signatures are deterministic, so a seed is a file that can be made again. With `CUSTOS_WRITE_SEEDS` set
/// at compile time, missing or other files are written.
#[test]
fn the_good_seeds_are_good() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/jwt"));
    for class in CLASSES {
        let token = seed(class);
        assert!(verify(class, token.as_bytes()).is_ok(), "{class:?}");
        let file = folder.join(format!("good_{}", class.as_str()));
        if option_env!("CUSTOS_WRITE_SEEDS").is_some() {
            fs::create_dir_all(folder).expect("made");
            fs::write(&file, &token).expect("written");
        }
        assert_eq!(
            fs::read_to_string(&file).expect("a seed"),
            token,
            "{class:?}"
        );
    }
}

fn seed(class: ClassName) -> String {
    let forge = Forge::good(class).signed(&ED, "EdDSA", "ed");
    match class {
        ClassName::IdToken => forge.without("at_hash").text(),
        _ => forge.text(),
    }
}
