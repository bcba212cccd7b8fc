//! How a conversation goes, and what ends it.

use custos_sftp::{
    Action, Change, Ending, FromClient, FromServer, MAX_WAITING, NoDigest, Note, Outcome,
    SftpError, StatusCode,
};

use crate::talk::Talk;
use crate::wire;

/// SHA-256 of `abc` (FIPS 180-4, examples).
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn a_later_version_is_not_offered() {
    let mut talk = Talk {
        conversation: custos_sftp::Conversation::new(),
    };
    let FromClient::Init(init) = talk.client(&wire::init(6)).unwrap() else {
        panic!("no init");
    };
    assert_eq!(init, wire::init(3));
    assert_eq!(
        talk.server(&wire::version(6)).unwrap_err(),
        SftpError::Version { version: 6 }
    );
    let mut talk = Talk {
        conversation: custos_sftp::Conversation::new(),
    };
    assert_eq!(
        talk.client(&wire::init(2)).unwrap_err(),
        SftpError::Version { version: 2 }
    );
}

#[test]
fn there_is_a_greeting_and_one_only() {
    let fresh = || Talk {
        conversation: custos_sftp::Conversation::new(),
    };
    let too_early = SftpError::TooEarly { kind: 16 };
    assert_eq!(
        fresh().client(&wire::on_path(16, 1, ".")).unwrap_err(),
        too_early
    );
    let mut talk = fresh();
    assert_eq!(
        talk.server(&wire::version(3)).unwrap_err().code(),
        "out_of_turn"
    );
    let mut talk = fresh();
    let _ = talk.client(&wire::init(3)).unwrap();
    assert_eq!(
        talk.server(&wire::status(1, 0)).unwrap_err().code(),
        "too_early"
    );
    let mut talk = Talk::begun();
    assert_eq!(
        talk.client(&wire::init(3)).unwrap_err().code(),
        "out_of_turn"
    );
    let mut talk = Talk::begun();
    assert_eq!(
        talk.server(&wire::version(3)).unwrap_err().code(),
        "out_of_turn"
    );
}

#[test]
fn an_error_stays() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ);
    let error = talk.client(&[0, 0, 0, 0]).unwrap_err();
    assert_eq!(error, SftpError::PacketEmpty);
    assert_eq!(talk.client(&wire::fstat(9, b"h")).unwrap_err(), error);
    assert_eq!(talk.server(&wire::status(9, 0)).unwrap_err(), error);
    assert_eq!(talk.conversation.end().len(), 1);
}

#[test]
fn a_number_is_one_requests_at_a_time() {
    let mut talk = Talk::begun();
    let held = talk.asks(&wire::on_path(16, 7, "."));
    // Nobody has asked the server yet.
    assert_eq!(
        talk.server(&wire::name(7, "/")).unwrap_err(),
        SftpError::NotAsked { id: 7 }
    );

    let mut talk = Talk::begun();
    talk.sends(&wire::on_path(16, 7, "."));
    let again = talk.client(&wire::on_path(17, 7, ".")).unwrap_err();
    assert_eq!(again, SftpError::IdInUse { id: 7 });
    drop(held);

    let mut talk = Talk::begun();
    talk.sends(&wire::on_path(16, 7, "."));
    talk.answers(&wire::name(7, "/"));
    talk.sends(&wire::on_path(16, 7, "."));
    talk.answers(&wire::name(7, "/"));
    assert_eq!(
        talk.server(&wire::name(7, "/")).unwrap_err(),
        SftpError::NotAsked { id: 7 }
    );
}

#[test]
fn a_refused_request_is_answered_and_forgotten() {
    let mut talk = Talk::begun();
    let asked = talk.asks(&wire::on_path(13, 7, "/etc/passwd"));
    let Action::Change { change, paths } = asked.action() else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (*change, paths[0].as_bytes()),
        (Change::Remove, &b"/etc/passwd"[..])
    );
    let answer = talk
        .conversation
        .refuse(asked, StatusCode::PERMISSION_DENIED, "not here");
    assert_eq!(
        answer,
        custos_sftp::refusal(custos_sftp::RequestId(7), "not here")
    );
    assert_eq!(talk.conversation.waiting(), 0);
    assert_eq!(
        talk.server(&wire::status(7, 0)).unwrap_err(),
        SftpError::NotAsked { id: 7 }
    );
}

#[test]
fn answers_fit_their_requests() {
    let asks: [(&[u8], &[&[u8]]); 8] = [
        (
            &wire::open(7, "/f", wire::READ),
            &[
                &wire::status(7, 0),
                &wire::data(7, b""),
                &wire::name(7, "f"),
            ],
        ),
        (
            &wire::opendir(7, "/"),
            &[&wire::status(7, 0), &wire::name(7, "f")],
        ),
        (
            &wire::on_path(17, 7, "/f"),
            &[&wire::handle(7, b"x"), &wire::name(7, "f")],
        ),
        (
            &wire::on_path(16, 7, "/f"),
            &[&wire::handle(7, b"x"), &wire::attributes(7, 1)],
        ),
        (
            &wire::on_path(13, 7, "/f"),
            &[&wire::handle(7, b"x"), &wire::attributes(7, 1)],
        ),
        (
            &wire::read(7, b"h", 0, 9),
            &[&wire::handle(7, b"x"), &wire::name(7, "f")],
        ),
        (&wire::write(7, b"h", 0, b"x"), &[&wire::data(7, b"x")]),
        (&wire::extended(7, "other", &[]), &[&wire::handle(7, b"x")]),
    ];
    for (request, answers) in asks {
        for answer in answers {
            let mut talk = Talk::begun();
            talk.opens(wire::READ | wire::WRITE);
            talk.sends(request);
            assert_eq!(
                talk.server(answer).unwrap_err().code(),
                "wrong_answer",
                "{request:?}"
            );
        }
    }
}

#[test]
fn no_more_data_than_were_asked_for() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ);
    talk.sends(&wire::read(7, b"h", 0, 2));
    let error = talk.server(&wire::data(7, b"abc")).unwrap_err();
    assert_eq!(error, SftpError::MoreThanAsked { asked: 2, bytes: 3 });
}

#[test]
fn so_many_requests_wait_and_then_the_client_does() {
    let mut talk = Talk::begun();
    for id in 0..u32::try_from(MAX_WAITING).unwrap() {
        talk.sends(&wire::on_path(17, id, "/f"));
    }
    let next = wire::on_path(17, 5000, "/f");
    let mut chunk = bytes::Bytes::from(next.clone());
    let full = talk.conversation.from_client(&mut chunk).unwrap();
    assert!(matches!(full, FromClient::Full) && chunk.len() == next.len());
    talk.answers(&wire::attributes(3, 1));
    let asked = talk.conversation.from_client(&mut chunk).unwrap();
    assert!(matches!(asked, FromClient::Request(_)) && chunk.is_empty());
}

#[test]
fn an_upload_in_any_order() {
    let mut talk = Talk::begun();
    let action = talk.sends(&wire::open(1, "up load", wire::PUT));
    assert_eq!(
        format!("{action:?}"),
        "Transfer { path: \"up load\", direction: Upload }"
    );
    talk.answers(&wire::handle(1, b"h"));
    talk.sends(&wire::write(3, b"h", 2, b"c"));
    talk.sends(&wire::write(4, b"h", 0, b"ab"));
    talk.answers(&wire::status(4, 0));
    let answer = talk.answers(&wire::status(3, 0));
    assert_eq!((answer.outcome, answer.transfer), (Outcome::Done, None));
    let transfer = talk.closes();
    assert_eq!(
        (transfer.opened_by, transfer.path.as_bytes()),
        (Note(1), &b"up load"[..])
    );
    assert_eq!((transfer.ending, transfer.download), (Ending::Closed, None));
    let flow = transfer.upload.unwrap();
    assert_eq!(flow.digest.unwrap().to_string(), ABC);
    assert_eq!((flow.bytes, flow.end, flow.is_whole), (3, 3, true));
}

#[test]
fn a_download_in_pieces_that_are_too_short() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ);
    talk.sends(&wire::read(3, b"h", 0, 2));
    talk.sends(&wire::read(4, b"h", 2, 2));
    talk.answers(&wire::data(3, b"a"));
    talk.answers(&wire::data(4, b"c"));
    talk.sends(&wire::read(5, b"h", 1, 1));
    talk.sends(&wire::read(6, b"h", 3, 1));
    assert_eq!(talk.answers(&wire::status(6, 1)).outcome, Outcome::End);
    talk.answers(&wire::data(5, b"b"));
    let flow = talk.closes().download.unwrap();
    assert_eq!(flow.digest.unwrap().to_string(), ABC);
    assert_eq!(
        (flow.bytes, flow.end, flow.failures, flow.is_whole),
        (3, 3, 0, true)
    );
}

#[test]
fn both_ways_are_told_apart() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ | wire::PUT);
    talk.sends(&wire::write(3, b"h", 0, b"abc"));
    talk.answers(&wire::status(3, 0));
    talk.sends(&wire::read(4, b"h", 1, 2));
    talk.answers(&wire::data(4, b"bc"));
    let transfer = talk.closes();
    let (upload, download) = (transfer.upload.unwrap(), transfer.download.unwrap());
    assert_eq!(upload.digest.unwrap().to_string(), ABC);
    assert_eq!(
        (download.bytes, download.digest),
        (2, Err(NoDigest::Partial))
    );
}

#[test]
fn a_failed_write_or_close_leaves_no_digest() {
    let mut talk = Talk::begun();
    talk.opens(wire::PUT);
    talk.sends(&wire::write(3, b"h", 0, b"abc"));
    assert_eq!(
        talk.answers(&wire::status(3, 4)).outcome,
        Outcome::Failed(StatusCode::FAILURE)
    );
    let flow = talk.closes().upload.unwrap();
    assert_eq!(
        (flow.digest, flow.bytes, flow.failures),
        (Err(NoDigest::Failed), 0, 1)
    );

    let mut talk = Talk::begun();
    talk.opens(wire::PUT);
    talk.sends(&wire::write(3, b"h", 0, b"abc"));
    talk.answers(&wire::status(3, 0));
    talk.sends(&wire::close(2, b"h"));
    let transfer = talk.answers(&wire::status(2, 4)).transfer.unwrap();
    assert_eq!(transfer.ending, Ending::CloseFailed(StatusCode::FAILURE));
    let flow = transfer.upload.unwrap();
    assert_eq!((flow.digest, flow.bytes), (Err(NoDigest::Failed), 3));
}

#[test]
fn what_is_open_at_the_end_is_told_too() {
    let mut talk = Talk::begun();
    talk.opens(wire::PUT);
    talk.sends(&wire::opendir(3, "/"));
    talk.answers(&wire::handle(3, b"d"));
    talk.sends(&wire::write(4, b"h", 0, b"abc"));
    talk.answers(&wire::status(4, 0));
    talk.sends(&wire::open(5, "/g", wire::READ));
    talk.answers(&wire::handle(5, b"g"));
    talk.sends(&wire::close(6, b"g"));
    let transfers = talk.conversation.end();
    let [put, got] = &transfers[..] else {
        panic!("{transfers:?}");
    };
    assert_eq!(
        (put.ending, got.ending),
        (Ending::Unclosed, Ending::Unclosed)
    );
    assert_eq!(
        put.upload.as_ref().unwrap().digest.unwrap().to_string(),
        ABC
    );
    assert_eq!(
        got.download.as_ref().unwrap().digest,
        Err(NoDigest::Nothing)
    );
}

#[test]
fn a_refused_write_is_a_gap() {
    let mut talk = Talk::begun();
    talk.opens(wire::PUT);
    let asked = talk.asks(&wire::write(3, b"h", 0, b"ab"));
    let _ = talk
        .conversation
        .refuse(asked, StatusCode::PERMISSION_DENIED, "no longer");
    talk.sends(&wire::write(4, b"h", 2, b"c"));
    talk.answers(&wire::status(4, 0));
    let flow = talk.closes().upload.unwrap();
    assert_eq!(
        (flow.digest, flow.bytes, flow.end),
        (Err(NoDigest::Partial), 1, 3)
    );
}

#[test]
fn a_close_may_be_answered_before_a_read() {
    let mut talk = Talk::begun();
    talk.opens(wire::READ);
    talk.sends(&wire::read(3, b"h", 0, 3));
    talk.sends(&wire::close(2, b"h"));
    assert_eq!(talk.answers(&wire::status(2, 0)).transfer, None);
    let transfer = talk.answers(&wire::data(3, b"abc")).transfer.unwrap();
    assert_eq!(transfer.download.unwrap().digest.unwrap().to_string(), ABC);
    assert_eq!(talk.conversation.open_files(), 0);
    assert_eq!(talk.conversation.kept_bytes(), 0);
}

#[test]
fn answers_of_types_that_are_none() {
    let mut talk = Talk::begun();
    let error = talk.server(&wire::open(1, "/", 1)).unwrap_err();
    assert_eq!(error, SftpError::UnknownAnswer { kind: 3 });
    let mut talk = Talk::begun();
    let part = talk.server(&wire::status(1, 0)[..9]).unwrap();
    assert!(matches!(part, FromServer::Nothing));
}
