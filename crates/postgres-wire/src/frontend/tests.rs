use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    Frame, FrontendMessage, MAX_SMALL_FRAME_BYTES, Parse, PasswordMessage, Query,
    SaslInitialResponse, TargetKind, encode_sasl_response, encode_sync, encode_terminate, frame,
};
use crate::{Format, Tag, WireError};

const LIMIT: usize = 1 << 20;

/// One golden message of every kind, as the specification lays it out.
const GOLDEN: &[&[u8]] = &[
    b"Q\0\0\0\x0dselect 1\0",
    b"P\0\0\0\x1bs1\0select $1\0\0\x02\0\0\0\x17\0\0\0\0",
    b"B\0\0\0\x2ap1\0s1\0\0\x03\0\0\0\x01\0\0\0\x03\0\0\0\x0242\0\0\0\x04\0\0\0\x2a\xff\xff\xff\xff\0\x01\0\x01",
    b"D\0\0\0\x08Ss1\0",
    b"C\0\0\0\x08Pp1\0",
    b"E\0\0\0\x0bp1\0\0\0\0\x64",
    b"H\0\0\0\x04",
    b"S\0\0\0\x04",
    b"d\0\0\0\x081\tx\n",
    b"c\0\0\0\x04",
    b"f\0\0\0\x09oops\0",
    b"F\0\0\0\x13\0\0\x04\xd2\0\0\0\x01\0\0\0\x01x\0\x01",
    b"p\0\0\0\x0bsecret\0",
    b"X\0\0\0\x04",
];

fn parse(bytes: &[u8]) -> Result<FrontendMessage<'_>, WireError> {
    match frame(bytes, LIMIT)? {
        Frame::Complete {
            tag,
            body,
            total_bytes,
        } => {
            assert_eq!(total_bytes, bytes.len());
            FrontendMessage::parse(tag, body)
        }
        Frame::Partial { .. } => panic!("not a whole message: {}", bytes.escape_ascii()),
    }
}

#[test]
fn every_kind_is_read() {
    use FrontendMessage as M;
    let kinds: Vec<_> = GOLDEN.iter().map(|bytes| parse(bytes).unwrap()).collect();
    let [
        M::Query(query),
        M::Parse(statement),
        M::Bind(bind),
        M::Describe(describe),
        M::Close(close),
        M::Execute(execute),
        M::Flush,
        M::Sync,
        M::CopyData(data),
        M::CopyDone,
        M::CopyFail(fail),
        M::FunctionCall(call),
        M::Password(password),
        M::Terminate,
    ] = kinds[..]
    else {
        panic!("wrong kinds: {kinds:?}");
    };
    assert_eq!(query.text, b"select 1");
    assert_eq!(
        (statement.name, statement.text),
        (&b"s1"[..], &b"select $1"[..])
    );
    assert_eq!(statement.types.iter().collect::<Vec<_>>(), [23, 0]);
    assert_eq!((bind.portal, bind.statement), (&b"p1"[..], &b"s1"[..]));
    assert_eq!(
        bind.parameters().collect::<Vec<_>>(),
        [
            (Format::Text, Some(&b"42"[..])),
            (Format::Binary, Some(b"\0\0\0\x2a")),
            (Format::Text, None),
        ]
    );
    assert_eq!(bind.result_formats.of(5), Format::Binary);
    assert_eq!(
        (describe.kind, describe.name),
        (TargetKind::Statement, &b"s1"[..])
    );
    assert_eq!((close.kind, close.name), (TargetKind::Portal, &b"p1"[..]));
    assert_eq!((execute.portal, execute.max_rows), (&b"p1"[..], 100));
    assert_eq!(data, b"1\tx\n");
    assert_eq!(fail.reason, b"oops");
    assert_eq!(
        (call.function_oid, call.result_format),
        (1234, Format::Binary)
    );
    assert_eq!(call.arguments.iter().collect::<Vec<_>>(), [Some(&b"x"[..])]);
    assert_eq!(
        PasswordMessage::parse(password).unwrap().password,
        b"secret"
    );
}

#[test]
fn every_beginning_of_a_message_waits_for_the_rest() {
    for bytes in GOLDEN {
        for end in 0..bytes.len() {
            let expected = Frame::Partial {
                tag: bytes[..end].first().copied(),
                need_total_bytes: (end >= 5).then_some(bytes.len()),
            };
            assert_eq!(frame(&bytes[..end], LIMIT), Ok(expected));
        }
    }
}

#[test]
fn every_body_cut_short_or_drawn_out_is_refused() {
    for bytes in GOLDEN {
        let (tag, body) = (bytes[0], &bytes[5..]);
        // These two carry bytes without a form of their own.
        if tag == b'd' || tag == b'p' {
            continue;
        }
        for end in 0..body.len() {
            let cut = FrontendMessage::parse(tag, &body[..end]);
            assert!(cut.is_err(), "{} {end}", Tag(tag));
        }
        let longer = [body, b"\0"].concat();
        let error = FrontendMessage::parse(tag, &longer).unwrap_err();
        assert!(
            matches!(error, WireError::TrailingBytes { bytes: 1, .. }),
            "{error}"
        );
        assert_eq!(error.sqlstate(), "08P01");
    }
}

#[test]
fn impossible_lengths_are_refused_at_once() {
    for length in [0, 3, -1, i32::MIN] {
        let bytes = [b"Q", &length.to_be_bytes()[..]].concat();
        let tag = Tag(b'Q');
        assert_eq!(frame(&bytes, LIMIT), Err(WireError::Length { tag, length }));
    }
    let bytes = [b"Q", &i32::MAX.to_be_bytes()[..]].concat();
    assert_eq!(frame(&bytes, LIMIT).unwrap_err().sqlstate(), "54000");
    assert!(matches!(
        frame(&bytes, 1 << 31),
        Ok(Frame::Partial { need_total_bytes: Some(total), .. }) if total == 1 << 31
    ));
    for length in [10_000, 10_001] {
        let sync = [b"S", &i32::to_be_bytes(length)[..]].concat();
        let small = usize::try_from(length).unwrap() < MAX_SMALL_FRAME_BYTES;
        assert_eq!(frame(&sync, LIMIT).is_ok(), small);
    }
    for tag in 0..=255 {
        let known = b"QPBDCEHSdcfFpX".contains(&tag);
        assert_eq!(frame(&[tag], LIMIT).is_ok(), known, "{}", Tag(tag));
        let parsed = FrontendMessage::parse(tag, b"");
        let unknown = matches!(parsed, Err(WireError::UnknownFrontendTag(_)));
        assert_eq!(unknown, !known);
    }
}

#[test]
fn counts_and_values_that_disagree_are_refused() {
    for body in [
        // Two formats for three values.
        &b"\0\0\0\x02\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
        // A value of length -2, one longer than the message, and one of the largest length.
        b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0",
        b"\0\0\0\0\0\x01\0\0\0\x03ab",
        b"\0\0\0\0\0\x01\x7f\xff\xff\xffab",
        // 65,535 formats, and as many values.
        b"\0\0\xff\xff",
        b"\0\0\0\0\xff\xff\0\0\0\0",
    ] {
        let parsed = FrontendMessage::parse(b'B', body);
        assert!(parsed.is_err(), "{}", body.escape_ascii());
    }
    assert!(FrontendMessage::parse(b'D', b"Xs1\0").is_err());
    assert!(FrontendMessage::parse(b'Q', b"a\0b\0").is_err());
}

#[test]
fn what_the_gateway_writes_is_as_specified() {
    let mut out = Vec::new();
    Query { text: b"select 1" }.encode(&mut out).unwrap();
    assert_eq!(out, GOLDEN[0]);
    out.clear();
    Parse::encode(b"s1", b"select $1", &[23, 0], &mut out).unwrap();
    assert_eq!(out, GOLDEN[1]);
    out.clear();
    PasswordMessage {
        password: b"secret",
    }
    .encode(&mut out)
    .unwrap();
    encode_sync(&mut out);
    encode_terminate(&mut out);
    encode_sasl_response(b"c=biws", &mut out).unwrap();
    assert_eq!(
        out,
        b"p\0\0\0\x0bsecret\0S\0\0\0\x04X\0\0\0\x04p\0\0\0\x0ac=biws"
    );
    assert!(!format!("{:?}", PasswordMessage { password: b"x1y2" }).contains("x1y2"));
}

#[test]
fn sasl_choices_have_or_lack_a_first_message() {
    for data in [None, Some(&b""[..]), Some(b"n,,n=,r=abc")] {
        let choice = SaslInitialResponse {
            mechanism: b"SCRAM-SHA-256",
            data,
        };
        let mut out = Vec::new();
        choice.encode(&mut out).unwrap();
        assert_eq!(SaslInitialResponse::parse(&out[5..]), Ok(choice));
    }
    for bad in [
        &b""[..],
        b"SCRAM",
        b"A\0",
        b"A\0\0\0\0\x02x",
        b"A\0\0\0\0\0x",
        b"A\0\xff\xff\xff\xfe",
    ] {
        assert!(SaslInitialResponse::parse(bad).is_err());
    }
}

#[test]
fn a_zero_byte_cannot_be_smuggled_into_a_message() {
    let mut out = b"before".to_vec();
    let error = Query { text: b"a\0b" }.encode(&mut out).unwrap_err();
    assert_eq!(error, WireError::EmbeddedZero { message: "Query" });
    assert!(Parse::encode(b"a\0", b"", &[], &mut out).is_err());
    assert!(Parse::encode(b"", b"", &vec![0; 65_536], &mut out).is_err());
    assert_eq!(out, b"before");
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    vec(1_u8..=255, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parse_is_read_back(name in text(), sql in text(), types in vec(any::<u32>(), 0..5)) {
        let mut out = Vec::new();
        Parse::encode(&name, &sql, &types, &mut out).unwrap();
        let FrontendMessage::Parse(read) = parse(&out).unwrap() else {
            panic!("not a Parse");
        };
        prop_assert_eq!(read.name, name);
        prop_assert_eq!(read.text, sql);
        prop_assert_eq!(read.types.iter().collect::<Vec<_>>(), types);
    }

    /// Whatever the values are, they come out as they went in.
    #[test]
    fn bind_is_read_back(
        portal in text(),
        statement in text(),
        values in vec(proptest::option::of(vec(any::<u8>(), 0..20)), 0..6),
        code in any::<i16>(),
    ) {
        let mut body = [&portal[..], b"\0", &statement, b"\0\0\x01", &code.to_be_bytes()].concat();
        body.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
        for value in &values {
            let length = value.as_ref().map_or(-1, |value| i32::try_from(value.len()).unwrap());
            body.extend(length.to_be_bytes());
            body.extend(value.iter().flatten());
        }
        body.extend([0, 0]);
        let FrontendMessage::Bind(bind) = FrontendMessage::parse(b'B', &body).unwrap() else {
            panic!("not a Bind");
        };
        prop_assert_eq!((bind.portal, bind.statement), (&portal[..], &statement[..]));
        prop_assert_eq!(bind.parameters().len(), values.len());
        for ((format, read), value) in bind.parameters().zip(&values) {
            prop_assert_eq!(format, Format::from(code));
            prop_assert_eq!(read, value.as_deref());
        }
        prop_assert!(bind.result_formats.is_empty());
    }

    /// Any bytes at all: an answer, and never a message beyond the buffer.
    #[test]
    fn hostile_bytes_do_not_panic(tag in prop::sample::select(&b"QPBDCEHSdcfFpX\0"[..]), body in vec(any::<u8>(), 0..64)) {
        let _ = FrontendMessage::parse(tag, &body);
        let bytes = [&[tag], &body[..]].concat();
        if let Ok(Frame::Complete { total_bytes, .. }) = frame(&bytes, LIMIT) {
            prop_assert!(total_bytes <= bytes.len());
        }
    }
}
