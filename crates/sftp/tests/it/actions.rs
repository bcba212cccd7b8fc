//! What each request is for policy.

use custos_sftp::{Action, Change, Direction, Fault};

use crate::talk::Talk;
use crate::wire::{self, Body};

fn two(kind: u8, first: &str, second: &str) -> Vec<u8> {
    Body::default()
        .u32(1)
        .string(first)
        .string(second)
        .packet(kind)
}

#[test]
fn changes_are_changes() {
    let none = |kind, path| Body::default().u32(1).string(path).u32(0).packet(kind);
    let lsetstat = Body::default()
        .u32(1)
        .string("lsetstat@openssh.com")
        .string("/a")
        .u32(8)
        .u64(7)
        .packet(200);
    let cases: [(Vec<u8>, Change, &[&str]); 10] = [
        (wire::on_path(13, 1, "/a"), Change::Remove, &["/a"]),
        (wire::on_path(15, 1, "/a"), Change::RemoveDirectory, &["/a"]),
        (none(14, "/a"), Change::MakeDirectory, &["/a"]),
        (none(9, "/a"), Change::SetAttributes, &["/a"]),
        (lsetstat, Change::SetLinkAttributes, &["/a"]),
        (two(18, "/a", "/b"), Change::Rename, &["/a", "/b"]),
        (two(20, "/a", "/b"), Change::Symlink, &["/a", "/b"]),
        (
            wire::extended(1, "posix-rename@openssh.com", &[b"/a", b"/b"]),
            Change::PosixRename,
            &["/a", "/b"],
        ),
        (
            wire::extended(1, "hardlink@openssh.com", &[b"/a", b"/b"]),
            Change::Hardlink,
            &["/a", "/b"],
        ),
        (none(14, "a\u{7}"), Change::MakeDirectory, &["a\\u{7}"]),
    ];
    for (packet, expected, expected_paths) in cases {
        let Action::Change { change, paths } = Talk::begun().sends(&packet) else {
            panic!("{packet:?}");
        };
        assert_eq!(change, expected);
        let shown: Vec<String> = paths.iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected_paths);
    }
}

#[test]
fn looking_is_looking() {
    let cases = [
        (wire::on_path(7, 1, "/a"), Some("/a")),
        (wire::on_path(16, 1, "/a"), Some("/a")),
        (wire::on_path(17, 1, "/a"), Some("/a")),
        (wire::on_path(19, 1, "/a"), Some("/a")),
        (
            wire::extended(1, "statvfs@openssh.com", &[b"/a"]),
            Some("/a"),
        ),
        (
            wire::extended(1, "expand-path@openssh.com", &[b"~/a"]),
            Some("~/a"),
        ),
        (wire::extended(1, "limits@openssh.com", &[]), None),
        (wire::extended(1, "home-directory", &[b"alice"]), None),
        (
            wire::extended(1, "users-groups-by-id@openssh.com", &[b"\0\0\0\0", b""]),
            None,
        ),
    ];
    for (packet, expected) in cases {
        let Action::Inspect { path } = Talk::begun().sends(&packet) else {
            panic!("{packet:?}");
        };
        assert_eq!(
            path.map(|path| path.to_string()),
            expected.map(str::to_owned)
        );
    }
    let list = Talk::begun().sends(&wire::opendir(1, "/a"));
    assert!(matches!(list, Action::List { path } if path.as_bytes() == b"/a"));
}

#[test]
fn both_ways_are_both() {
    let action = Talk::begun().sends(&wire::open(1, "/a", wire::READ | wire::APPEND));
    let Action::Transfer { direction, .. } = action else {
        panic!("{action:?}");
    };
    assert_eq!(direction, Direction::Both);
    assert!(direction.uploads() && direction.downloads());
}

#[test]
fn what_is_not_known_says_so() {
    let cases = [
        (
            wire::extended(1, "flock@openssh.com", &[b"h"]),
            "flock@openssh.com".to_owned(),
        ),
        (wire::extended(1, "a\nb", &[]), "a\\nb".to_owned()),
        (wire::extended(1, &"x".repeat(9000), &[]), "x".repeat(256)),
        (wire::on_path(22, 1, "x"), "22".to_owned()),
        (wire::data(1, b"x"), "103".to_owned()),
    ];
    for (packet, expected) in cases {
        let action = Talk::begun().sends(&packet);
        assert_eq!(action, Action::Unknown { name: expected });
    }
}

#[test]
fn nobody_changes_the_version_later() {
    let refused = Talk::begun().faults(&wire::extended(1, "version-select", &[b"6"]));
    assert_eq!(refused.fault, Fault::VersionSelect);
}
