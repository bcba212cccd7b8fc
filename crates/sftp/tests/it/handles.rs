//! Handles, and what may be done with them.

use custos_sftp::{Action, Change, Fault, MAX_OPEN_FILES, MAX_PATH_BYTES, OnOpenFile, StatusCode};

use crate::talk::Talk;
use crate::wire;

fn what(action: &Action) -> OnOpenFile {
    match action {
        Action::OnOpenFile { what, path, .. } => {
            assert_eq!(path.as_bytes(), b"/f");
            *what
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_opened_goes_on_without_asking_again() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ | wire::PUT);
    let requests = [
        (wire::read(10, b"h", 0, 1), OnOpenFile::Read),
        (wire::write(11, b"h", 0, b"x"), OnOpenFile::Write),
        (wire::fstat(12, b"h"), OnOpenFile::Inspect),
        (wire::chmod(13, b"h", 0o600), OnOpenFile::SetAttributes),
        (
            wire::extended(14, "fsync@openssh.com", &[b"h"]),
            OnOpenFile::Sync,
        ),
        (
            wire::extended(15, "fstatvfs@openssh.com", &[b"h"]),
            OnOpenFile::Inspect,
        ),
        (wire::close(16, b"h"), OnOpenFile::Close),
    ];
    for (request, expected) in requests {
        assert_eq!(what(&talk.sends(&request)), expected);
    }
    let mut talk = Talk::begun();
    talk.sends(&wire::opendir(1, "/f"));
    talk.answers(&wire::handle(1, b"d"));
    assert_eq!(what(&talk.sends(&wire::readdir(2, b"d"))), OnOpenFile::List);
}

#[test]
fn attributes_of_a_file_that_is_only_read_are_a_change() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ);
    let Action::Change { change, paths } = talk.sends(&wire::chmod(3, b"h", 0o4755)) else {
        panic!("not a change");
    };
    assert_eq!(
        (change, paths[0].as_bytes()),
        (Change::SetAttributes, &b"/f"[..])
    );
}

#[test]
fn copying_is_a_change_of_both() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ);
    talk.sends(&wire::open(3, "/g", wire::PUT));
    talk.answers(&wire::handle(3, b"g"));
    let Action::Change { change, paths } = talk.sends(&wire::copy_data(4, b"h", b"g")) else {
        panic!("not a change");
    };
    assert_eq!(change, Change::CopyData);
    assert_eq!(
        (paths[0].as_bytes(), paths[1].as_bytes()),
        (&b"/f"[..], &b"/g"[..])
    );
    assert_eq!(
        talk.faults(&wire::copy_data(5, b"g", b"h")).fault,
        Fault::NotReadable
    );
    assert_eq!(
        talk.faults(&wire::copy_data(5, b"h", b"h")).fault,
        Fault::NotWritable
    );
}

#[test]
fn a_handle_that_was_never_given_gets_nowhere() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ | wire::WRITE);
    let requests = [
        wire::read(3, b"x", 0, 1),
        wire::write(3, b"x", 0, b"x"),
        wire::close(3, b"x"),
        wire::fstat(3, b""),
        wire::chmod(3, b"hh", 0o777),
        wire::readdir(3, &[b'h'; 300]),
        wire::extended(3, "fsync@openssh.com", &[b"x"]),
        wire::extended(3, "fstatvfs@openssh.com", &[b"x"]),
        wire::copy_data(3, b"h", b"x"),
        wire::copy_data(3, b"x", b"h"),
    ];
    for request in requests {
        let refused = talk.faults(&request);
        assert_eq!((refused.fault, refused.id.0), (Fault::UnknownHandle, 3));
        let message = Fault::UnknownHandle.message();
        let answer = custos_sftp::status(refused.id, StatusCode::FAILURE, message);
        assert_eq!(refused.answer, answer);
    }
    assert_eq!(talk.conversation.waiting(), 0);
}

#[test]
fn a_closed_handle_is_none_any_more() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ);
    let close = talk.asks(&wire::close(3, b"h"));
    assert_eq!(
        talk.faults(&wire::close(4, b"h")).fault,
        Fault::UnknownHandle
    );
    let _ = talk
        .conversation
        .refuse(close, StatusCode::FAILURE, "stays open");
    talk.sends(&wire::fstat(5, b"h"));
    talk.sends(&wire::close(6, b"h"));
    assert_eq!(
        talk.faults(&wire::fstat(7, b"h")).fault,
        Fault::UnknownHandle
    );
    assert!(talk.answers(&wire::status(6, 0)).transfer.is_none());
    assert!(talk.answers(&wire::attributes(5, 0)).transfer.is_some());
}

#[test]
fn a_file_goes_the_way_it_was_opened_for() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ);
    assert_eq!(
        talk.faults(&wire::write(3, b"h", 0, b"x")).fault,
        Fault::NotWritable
    );
    assert_eq!(
        talk.faults(&wire::readdir(3, b"h")).fault,
        Fault::NotDirectory
    );
    let mut talk = Talk::begun();
    talk.opens(wire::WRITE);
    assert_eq!(
        talk.faults(&wire::read(3, b"h", 0, 1)).fault,
        Fault::NotReadable
    );
    let mut talk = Talk::begun();
    talk.sends(&wire::opendir(1, "/"));
    talk.answers(&wire::handle(1, b"d"));
    assert_eq!(
        talk.faults(&wire::read(3, b"d", 0, 1)).fault,
        Fault::NotReadable
    );
    assert_eq!(
        talk.faults(&wire::write(3, b"d", 0, b"x")).fault,
        Fault::NotWritable
    );
}

#[test]
fn a_server_gives_handles_that_can_be_told_apart() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ);
    talk.sends(&wire::open(3, "/g", wire::READ));
    assert_eq!(
        talk.server(&wire::handle(3, b"h")).unwrap_err().code(),
        "handle_in_use"
    );
    let mut talk = Talk::begun();
    talk.sends(&wire::open(3, "/g", wire::READ));
    let long = talk.server(&wire::handle(3, &[7; 257])).unwrap_err();
    assert_eq!(long.code(), "handle_too_long");
}

#[test]
fn so_many_files_are_open_and_no_more() {
    let mut talk = Talk::begun();
    let most = u32::try_from(MAX_OPEN_FILES).unwrap();
    for id in 0..most {
        talk.sends(&wire::open(id, "/f", wire::READ));
        talk.answers(&wire::handle(id, &id.to_be_bytes()));
    }
    assert_eq!(
        talk.faults(&wire::open(most, "/f", wire::READ)).fault,
        Fault::TooManyFiles
    );
    assert_eq!(
        talk.faults(&wire::opendir(most, "/f")).fault,
        Fault::TooManyFiles
    );
    talk.sends(&wire::close(0, &0u32.to_be_bytes()));
    talk.answers(&wire::status(0, 0));
    talk.sends(&wire::open(1, "/f", wire::READ));
    // One that fails, and one that is refused, leave room for another.
    assert_eq!(
        talk.faults(&wire::open(2, "/f", wire::READ)).fault,
        Fault::TooManyFiles
    );
    talk.answers(&wire::status(1, 2));
    let asked = talk.asks(&wire::open(2, "/f", wire::READ));
    let _ = talk
        .conversation
        .refuse(asked, StatusCode::PERMISSION_DENIED, "no");
    talk.sends(&wire::open(3, "/f", wire::READ));
}

#[test]
fn paths_have_their_limits() {
    let mut talk = Talk::begun();
    let longest = vec![b'a'; MAX_PATH_BYTES];
    talk.sends(&wire::open(1, &longest, wire::READ));
    let too_long = [&longest[..], b"a"].concat();
    let zero = b"/allowed\0/../secret";
    let bad: [(&[u8], Fault); 2] = [(&too_long, Fault::PathTooLong), (zero, Fault::PathHasZero)];
    for (path, fault) in bad {
        assert_eq!(talk.faults(&wire::open(3, path, wire::READ)).fault, fault);
        for kind in [7, 11, 13, 15, 16, 17, 19] {
            assert_eq!(talk.faults(&wire::on_path(kind, 3, path)).fault, fault);
        }
        for name in ["posix-rename@openssh.com", "hardlink@openssh.com"] {
            assert_eq!(
                talk.faults(&wire::extended(3, name, &[path, b"a"])).fault,
                fault
            );
            assert_eq!(
                talk.faults(&wire::extended(3, name, &[b"a", path])).fault,
                fault
            );
        }
    }
}
