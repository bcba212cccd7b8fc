//! Transfers as told, compared with the files that OpenSSH's server has.

use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use custos_sftp::{Answer, Ending, Flow, NoDigest, Outcome, ResponseKind, StatusCode};

use crate::server::{Server, handle};
use crate::wire::{self, Body};

/// Bytes that do not repeat soon.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 24) as u8
    };
    (0..bytes).map(|_| next(&mut state)).collect()
}

/// The digest is that of what is in the file, and the sizes are.
pub(crate) fn is_file(flow: &Flow, path: &Path) {
    let content = fs::read(path).unwrap();
    let size = content.len() as u64;
    assert_eq!((flow.bytes, flow.end, flow.failures), (size, size, 0));
    let found = flow.digest.expect("a digest");
    assert_eq!(
        found.0,
        digest(&SHA256, &content).as_ref(),
        "{}",
        path.display()
    );
    assert!(flow.is_whole);
}

#[test]
fn an_upload_is_the_servers_file() {
    let mut server = Server::new();
    let content = content(1_000_000);
    let put = server.opens("put", wire::PUT);
    let mut chunks: Vec<_> = content.chunks(30_000).enumerate().collect();
    // In another order, as clients with several threads do.
    chunks.swap(3, 9);
    chunks[20..].reverse();
    let sent = chunks.len();
    for (number, chunk) in chunks {
        server.sends(|id| wire::write(id, &put, number as u64 * 30_000, chunk));
    }
    for _ in 0..sent {
        assert_eq!(server.answers().outcome, Outcome::Done);
    }
    let transfer = server.closes(&put);
    assert_eq!((transfer.ending, transfer.download), (Ending::Closed, None));
    is_file(&transfer.upload.unwrap(), &server.path("put"));
    assert_eq!(fs::read(server.path("put")).unwrap(), content);
}

#[test]
fn a_download_is_the_servers_file() {
    let mut server = Server::new();
    fs::write(server.path("get"), content(1_000_000)).unwrap();
    let get = server.opens("get", wire::READ);
    for number in 0..32u64 {
        server.sends(|id| wire::read(id, &get, number * 32_768, 32_768));
    }
    let answers: Vec<Answer> = (0..32).map(|_| server.answers()).collect();
    let is_end = |answer: &&Answer| answer.outcome == Outcome::End;
    assert_eq!(answers.iter().filter(is_end).count(), 1);
    // The last piece was short, so that its rest is asked for.
    assert_eq!(
        server.asks(|id| wire::read(id, &get, 1_000_000, 1)).outcome,
        Outcome::End
    );
    let flow = server.closes(&get).download.unwrap();
    is_file(&flow, &server.path("get"));
}

#[test]
fn a_file_that_is_not_read_to_its_end_is_not_whole() {
    let mut server = Server::new();
    fs::write(server.path("get"), b"abcdef").unwrap();
    let get = server.opens("get", wire::READ);
    server.asks(|id| wire::read(id, &get, 0, 3));
    let flow = server.closes(&get).download.unwrap();
    assert_eq!(flow.digest.unwrap().0, digest(&SHA256, b"abc").as_ref());
    assert!(!flow.is_whole);
    // A client that asks for the size and reads no further.
    let get = server.opens("get", wire::READ);
    server.asks(|id| wire::fstat(id, &get));
    server.asks(|id| wire::read(id, &get, 0, 6));
    is_file(&server.closes(&get).download.unwrap(), &server.path("get"));
}

#[test]
fn an_empty_file_has_a_digest() {
    let mut server = Server::new();
    let put = server.opens("empty", wire::PUT);
    is_file(&server.closes(&put).upload.unwrap(), &server.path("empty"));
    let get = server.opens("empty", wire::READ);
    server.asks(|id| wire::read(id, &get, 0, 10));
    is_file(
        &server.closes(&get).download.unwrap(),
        &server.path("empty"),
    );
}

#[test]
fn pieces_of_files_have_no_digest() {
    let mut server = Server::new();
    fs::write(server.path("file"), b"0123456789").unwrap();
    let write = |server: &mut Server, flags: u32, writes: &[(u64, &[u8])]| {
        let open = server.opens("file", flags);
        for (offset, data) in writes {
            let answer = server.asks(|id| wire::write(id, &open, *offset, data));
            assert_eq!(answer.outcome, Outcome::Done);
        }
        server.closes(&open).upload.unwrap()
    };
    let resumed = write(&mut server, wire::WRITE, &[(10, b"abc")]);
    assert_eq!(
        (resumed.digest, resumed.bytes, resumed.end),
        (Err(NoDigest::Partial), 3, 13)
    );
    let appended = write(&mut server, wire::WRITE | wire::APPEND, &[(0, b"def")]);
    assert_eq!(
        (appended.digest, appended.bytes),
        (Err(NoDigest::Appended), 3)
    );
    assert_eq!(fs::read(server.path("file")).unwrap(), b"0123456789abcdef");
    let patched = write(&mut server, wire::WRITE, &[(0, b"xyz")]);
    assert!(patched.digest.is_ok() && !patched.is_whole);
    let rewritten = write(&mut server, wire::PUT, &[(0, b"abc"), (1, b"x")]);
    assert_eq!(
        (rewritten.digest, rewritten.bytes),
        (Err(NoDigest::Rewritten), 4)
    );
    let sparse = write(&mut server, wire::PUT, &[(0, b"abc"), (1 << 20, b"x")]);
    assert_eq!(
        (sparse.digest, sparse.end),
        (Err(NoDigest::Partial), (1 << 20) + 1)
    );
    assert_eq!(fs::metadata(server.path("file")).unwrap().len(), sparse.end);
}

#[test]
fn the_size_can_be_set() {
    let mut server = Server::new();
    let sized = |server: &mut Server, size: u64| {
        let open = server.opens("file", wire::WRITE | wire::CREATE);
        server.asks(|id| wire::resize(id, &open, size));
        server.asks(|id| wire::write(id, &open, 0, b"abcdef"));
        server.closes(&open).upload.unwrap()
    };
    is_file(&sized(&mut server, 6), &server.path("file"));
    assert_eq!(sized(&mut server, 7).digest, Err(NoDigest::Partial));
    is_file(&sized(&mut server, 0), &server.path("file"));
    let cut = server.opens("file", wire::PUT);
    server.asks(|id| wire::write(id, &cut, 0, b"abcdef"));
    server.asks(|id| wire::resize(id, &cut, 3));
    assert_eq!(
        server.closes(&cut).upload.unwrap().digest,
        Err(NoDigest::Resized)
    );
}

#[test]
fn a_full_disk_is_a_failure() {
    let mut server = Server::new();
    let full = server.opens("/dev/full", wire::WRITE);
    let answer = server.asks(|id| wire::write(id, &full, 0, b"abc"));
    assert_eq!(answer.outcome, Outcome::Failed(StatusCode::FAILURE));
    let flow = server.closes(&full).upload.unwrap();
    assert_eq!(
        (flow.digest, flow.bytes, flow.failures),
        (Err(NoDigest::Failed), 0, 1)
    );
}

#[test]
fn what_the_server_copies_is_not_seen() {
    let mut server = Server::new();
    fs::write(server.path("from"), content(1000)).unwrap();
    let (from, to) = (
        server.opens("from", wire::READ),
        server.opens("to", wire::PUT),
    );
    let answer = server.asks(|id| wire::copy_data(id, &from, &to));
    assert_eq!(answer.outcome, Outcome::Done);
    assert_eq!(
        server.closes(&to).upload.unwrap().digest,
        Err(NoDigest::Copied)
    );
    assert_eq!(
        server.closes(&from).download.unwrap().digest,
        Err(NoDigest::Nothing)
    );
    assert_eq!(fs::read(server.path("to")).unwrap(), content(1000));
}

#[test]
fn a_conversation_that_breaks_off() {
    let mut server = Server::new();
    let put = server.opens("put", wire::PUT);
    server.asks(|id| wire::write(id, &put, 0, b"abc"));
    server.sends(|id| wire::write(id, &put, 3, b"d"));
    server.sends(|id| wire::open(id, "other", wire::PUT));
    let transfers = server.end();
    assert_eq!(transfers.len(), 1);
    assert_eq!(transfers[0].ending, Ending::Unclosed);
    let flow = transfers[0].upload.as_ref().unwrap();
    assert_eq!((flow.digest, flow.bytes), (Err(NoDigest::Unanswered), 3));
}

#[test]
fn directories_are_listed() {
    let mut server = Server::new();
    fs::write(server.path("one"), b"1").unwrap();
    let directory = server.asks(|id| wire::opendir(id, "."));
    let directory = handle(&directory);
    let names = server.asks(|id| wire::readdir(id, &directory));
    let ResponseKind::Names(names) = names.response().unwrap().kind else {
        panic!("{names:?}");
    };
    let mut found: Vec<_> = names.iter().map(|entry| entry.name.to_vec()).collect();
    found.sort();
    assert_eq!(found, [&b"."[..], b"..", b"one"]);
    assert_eq!(
        server.asks(|id| wire::readdir(id, &directory)).outcome,
        Outcome::End
    );
    let closed = server.asks(|id| wire::close(id, &directory));
    assert_eq!((closed.outcome, closed.transfer), (Outcome::Done, None));
}

#[test]
fn every_extension_of_openssh_is_followed() {
    let mut server = Server::new();
    fs::write(server.path("a"), b"a").unwrap();
    let open = server.opens("a", wire::READ | wire::WRITE);
    let lsetstat = |id| {
        let body = Body::default().u32(id).string("lsetstat@openssh.com");
        body.string("e").u32(8).u64(0).packet(200)
    };
    let extended = |name: &'static str, values: Vec<Vec<u8>>| {
        move |id: u32| {
            let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            wire::extended(id, name, &values)
        }
    };
    let path = |name: &str| name.as_bytes().to_vec();
    let requests: Vec<Box<dyn FnOnce(u32) -> Vec<u8>>> = vec![
        Box::new(extended("limits@openssh.com", vec![])),
        Box::new(extended("statvfs@openssh.com", vec![path("a")])),
        Box::new(extended("fstatvfs@openssh.com", vec![open.clone()])),
        Box::new(extended("fsync@openssh.com", vec![open])),
        Box::new(extended("hardlink@openssh.com", vec![path("a"), path("b")])),
        Box::new(extended(
            "posix-rename@openssh.com",
            vec![path("b"), path("c")],
        )),
        Box::new(extended("expand-path@openssh.com", vec![path("c")])),
        Box::new(extended("home-directory", vec![path("root")])),
        Box::new(extended(
            "users-groups-by-id@openssh.com",
            vec![vec![0; 4], vec![0; 4]],
        )),
        Box::new(|id| Body::default().u32(id).string("c").string("e").packet(20)),
        Box::new(lsetstat),
        Box::new(|id| wire::on_path(19, id, "e")),
        Box::new(|id| Body::default().u32(id).string("c").string("d").packet(18)),
    ];
    for (number, request) in requests.into_iter().enumerate() {
        assert_eq!(server.asks(request).outcome, Outcome::Done, "{number}");
    }
    let unknown = server.asks(extended("unknown@example.com", vec![]));
    assert_eq!(unknown.outcome, Outcome::Failed(StatusCode::OP_UNSUPPORTED));
    assert!(fs::symlink_metadata(server.path("e")).unwrap().is_symlink());
    assert_eq!(fs::read(server.path("d")).unwrap(), b"a");
}
