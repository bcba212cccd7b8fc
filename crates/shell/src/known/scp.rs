//! `scp -t` and `scp -f`, as `main` of OpenSSH's `scp.c` reads them.

use super::{Direction, Known, Transfer};

/// Letters that clients send beside `-t` and `-f`: verbose, quiet, recursive, times, the target must be a directory.
const LETTERS: &str = "vqrpd";

pub(super) fn read(arguments: &[&str]) -> Option<Known> {
    let mut direction = None;
    let mut rest = arguments;
    // getopt of some systems takes options behind operands too, and that of others does not: options must come first.
    while let Some((option, after)) = rest.split_first().filter(|(next, _)| next.starts_with('-')) {
        rest = after;
        if *option == "--" {
            return known(direction?, rest);
        }
        let letters = option
            .strip_prefix('-')
            .filter(|letters| !letters.is_empty())?;
        for letter in letters.chars() {
            let chosen = match letter {
                't' => Direction::Upload,
                'f' => Direction::Download,
                other if LETTERS.contains(other) => continue,
                _ => return None,
            };
            if direction.is_some_and(|before| before != chosen) {
                return None;
            }
            direction = Some(chosen);
        }
    }
    let is_plain = rest.iter().all(|path| !path.starts_with('-'));
    known(direction.filter(|_| is_plain)?, rest)
}

/// `sink` takes one target only; `source` takes any number of files.
fn known(direction: Direction, paths: &[&str]) -> Option<Known> {
    let enough = match direction {
        Direction::Upload => paths.len() == 1,
        _ => !paths.is_empty(),
    };
    enough.then(|| Known {
        transfer: Transfer::Scp,
        direction,
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        removes: false,
    })
}
