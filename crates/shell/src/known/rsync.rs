//! `rsync --server`, as clients send it (`server_options` in rsync's `options.c`) and its server reads it
//! (`parse_arguments` there, `do_server_sender` and `do_server_recv` in `main.c`).
//!
//! What is known is what `rrsync`, rsync's own restricting wrapper, lets through, less all options that name further
//! paths, read lists of files or change names: their effect is not in the paths.

use super::{Direction, Known, Transfer};

/// Options without a value that clients put into one word. Not in it: `s`, which sends the arguments later.
const LETTERS: &str = "ACDEHIJKLNORSUWXbcdgklmnopqrtuvxyz";
/// Options with a number in the same word: block size, modification window.
const WITH_NUMBER: &str = "B@";
const LONG: &str = "\
    --append --copy-unsafe-links --delay-updates --existing --fake-super --from0 --fsync --fuzzy --group
    --hard-links --ignore-errors --ignore-existing --ignore-missing-args --ignore-times --inplace --links
    --list-only --mkpath --msgs2stderr --munge-links --new-compress --no-W --no-implied-dirs --no-msgs2stderr
    --no-r --no-relative --no-specials --numeric-ids --old-compress --one-file-system --open-noatime --owner
    --partial --perms --preallocate --recursive --safe-links --size-only --specials --stats --super --times
    --use-qsort";
/// These remove files at the receiver.
const REMOVING: &str = "\
    --delete --delete-after --delete-before --delete-delay --delete-during --delete-excluded
    --delete-missing-args --force";
/// These remove files at the sender.
const REMOVING_SENT: &str = "\
    --remove-sent-files --remove-source-files";
/// Followed by `=` and a value, or by the value as the next word.
const WITH_VALUE: &str = "\
    --block-size --bwlimit --checksum-choice --checksum-seed --compress-choice --compress-level
    --compress-threads --debug --groupmap --info --log-format --max-alloc --max-delete --max-size --min-size
    --modify-window --skip-compress --stderr --suffix --timeout --usermap";

pub(super) fn read(arguments: &[&str]) -> Option<Known> {
    // Always first: what comes before could be an alias that the account has for popt.
    let (_, mut rest) = arguments
        .split_first()
        .filter(|(first, _)| **first == "--server")?;
    let mut direction = Direction::Upload;
    let mut removes = false;
    let mut removes_sent = false;
    while let Some((option, after)) = rest.split_first().filter(|(next, _)| next.starts_with('-')) {
        rest = after;
        let name = option.split('=').next().unwrap_or_default();
        if *option == "--sender" {
            direction = Direction::Download;
        } else if has(REMOVING, option) {
            removes = true;
        } else if has(REMOVING_SENT, option) {
            removes_sent = true;
        } else if has(WITH_VALUE, name) {
            if name == *option {
                rest = rest.get(1..)?;
            }
        } else if !has(LONG, option) && !is_letters(option) {
            return None;
        }
    }
    // The directory of all paths, for which clients write `.`; popt would take options behind it too.
    let (_, paths) = rest.split_first().filter(|(first, _)| **first == ".")?;
    if paths.iter().any(|path| path.starts_with('-')) {
        return None;
    }
    let paths = match (direction, paths) {
        (_, []) => vec![".".to_owned()],
        (Direction::Upload, [_, _, ..]) => return None,
        _ => paths.iter().map(|path| (*path).to_owned()).collect(),
    };
    let removes = match direction {
        Direction::Upload => removes,
        _ => removes_sent,
    };
    Some(Known {
        transfer: Transfer::Rsync,
        direction,
        paths,
        removes,
    })
}

fn has(options: &str, option: &str) -> bool {
    options
        .split_ascii_whitespace()
        .any(|known| known == option)
}

/// `-vlogDtpre.iLsfxCIvu`: letters, and behind `e` what the client's protocol can do; or `-B131072`.
fn is_letters(option: &str) -> bool {
    let Some(letters) = option
        .strip_prefix('-')
        .filter(|letters| !letters.is_empty())
    else {
        return false;
    };
    if let Some(number) = letters.strip_prefix(|first: char| WITH_NUMBER.contains(first)) {
        return !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit());
    }
    let (plain, capabilities) = match letters.split_once('e') {
        Some((plain, capabilities)) => (plain, Some(capabilities)),
        None => (letters, None),
    };
    plain.chars().all(|letter| LETTERS.contains(letter))
        && capabilities.is_none_or(are_capabilities)
}

/// A protocol version or none, a dot, and letters (`maybe_add_e_option`). Without the dot it would name a remote shell.
fn are_capabilities(text: &str) -> bool {
    let Some((version, letters)) = text.split_once('.') else {
        return false;
    };
    // A pre-release has its subprotocol behind the dot: `31.14`.
    version.chars().all(|digit| digit.is_ascii_digit())
        && letters.chars().all(|letter| letter.is_ascii_alphanumeric())
}
