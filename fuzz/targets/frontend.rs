//! The messages of a client: `custos_postgres_wire::frontend`.
#![no_main]

use custos_postgres_wire::frontend::{
    Frame, FrontendMessage, PasswordMessage, SaslInitialResponse, TargetKind, frame, tag,
};
use custos_postgres_wire::{Format, Formats, Values};
use libfuzzer_sys::fuzz_target;

/// Below the longest input, so that it can be exceeded.
const LIMIT_BYTES: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    loop {
        match frame(rest, LIMIT_BYTES) {
            Ok(Frame::Complete {
                tag,
                body,
                total_bytes,
            }) => {
                complete(rest, tag, body, total_bytes);
                rest = &rest[total_bytes..];
            }
            Ok(Frame::Partial {
                need_total_bytes, ..
            }) => {
                assert!(
                    need_total_bytes.is_none_or(|need| rest.len() < need && need <= LIMIT_BYTES)
                );
                assert!(need_total_bytes.is_some() || rest.len() < 5);
                break;
            }
            Err(error) => {
                assert!(!error.public_text().is_empty() && error.sqlstate().len() == 5);
                break;
            }
        }
    }
});

fn complete(buffer: &[u8], message_tag: u8, body: &[u8], total_bytes: usize) {
    assert!(total_bytes <= LIMIT_BYTES);
    assert_eq!(framed(message_tag, body), &buffer[..total_bytes]);
    for cut in (0..6.min(total_bytes)).chain([total_bytes - 1]) {
        let Ok(Frame::Partial {
            tag,
            need_total_bytes,
        }) = frame(&buffer[..cut], LIMIT_BYTES)
        else {
            panic!("a beginning of {cut} bytes is no beginning");
        };
        assert_eq!(tag, (cut >= 1).then_some(message_tag));
        assert_eq!(need_total_bytes, (cut >= 5).then_some(total_bytes));
    }
    if let Ok(message) = FrontendMessage::parse(message_tag, body) {
        assert_eq!(written(message), body, "{message:?}");
        library_writes_the_same(message, buffer, total_bytes);
    }
    if message_tag == tag::PASSWORD {
        authentication(body);
    }
}

/// A message's body by the rules of the specification.
fn written(message: FrontendMessage<'_>) -> Vec<u8> {
    match message {
        FrontendMessage::Bind(bind) => {
            assert_eq!(bind.parameters().len(), bind.values.len());
            assert_eq!(bind.parameters().count(), bind.values.iter().count());
            [
                text(bind.portal),
                text(bind.statement),
                formats(bind.parameter_formats),
                values(bind.values),
                formats(bind.result_formats),
            ]
            .concat()
        }
        FrontendMessage::Close(target) | FrontendMessage::Describe(target) => {
            let kind = match target.kind {
                TargetKind::Statement => b'S',
                TargetKind::Portal => b'P',
            };
            [vec![kind], text(target.name)].concat()
        }
        FrontendMessage::CopyData(data) | FrontendMessage::Password(data) => data.to_vec(),
        FrontendMessage::CopyFail(fail) => text(fail.reason),
        FrontendMessage::Execute(execute) => {
            [&text(execute.portal)[..], &execute.max_rows.to_be_bytes()].concat()
        }
        FrontendMessage::FunctionCall(call) => [
            call.function_oid.to_be_bytes().to_vec(),
            formats(call.argument_formats),
            values(call.arguments),
            code(call.result_format).to_be_bytes().to_vec(),
        ]
        .concat(),
        FrontendMessage::Parse(parse) => {
            let count = u16::try_from(parse.types.iter().len())
                .unwrap()
                .to_be_bytes();
            let oids = parse.types.iter().flat_map(u32::to_be_bytes).collect();
            [text(parse.name), text(parse.text), count.to_vec(), oids].concat()
        }
        FrontendMessage::Query(query) => text(query.text),
        FrontendMessage::CopyDone
        | FrontendMessage::Flush
        | FrontendMessage::Sync
        | FrontendMessage::Terminate => Vec::new(),
    }
}

/// The two messages that the gateway writes itself.
fn library_writes_the_same(message: FrontendMessage<'_>, buffer: &[u8], total_bytes: usize) {
    let mut out = Vec::new();
    match message {
        FrontendMessage::Query(query) => query.encode(&mut out).unwrap(),
        FrontendMessage::Parse(parse) => {
            let types: Vec<u32> = parse.types.iter().collect();
            custos_postgres_wire::frontend::Parse::encode(
                parse.name, parse.text, &types, &mut out,
            )
            .unwrap();
        }
        _ => return,
    }
    assert_eq!(out, &buffer[..total_bytes]);
}

fn authentication(body: &[u8]) {
    if let Ok(password) = PasswordMessage::parse(body) {
        let mut out = Vec::new();
        password.encode(&mut out).unwrap();
        assert_eq!(out, framed(tag::PASSWORD, body));
    }
    if let Ok(initial) = SaslInitialResponse::parse(body) {
        let mut out = Vec::new();
        initial.encode(&mut out).unwrap();
        assert_eq!(out, framed(tag::PASSWORD, body));
    }
}

fn framed(message_tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[message_tag][..], &length, body].concat()
}

fn text(text: &[u8]) -> Vec<u8> {
    assert!(!text.contains(&0));
    [text, &[0]].concat()
}

fn formats(formats: Formats<'_>) -> Vec<u8> {
    let count = u16::try_from(formats.len()).unwrap().to_be_bytes();
    assert_eq!(formats.is_empty(), formats.iter().count() == 0);
    count
        .into_iter()
        .chain(formats.iter().flat_map(|format| code(format).to_be_bytes()))
        .collect()
}

fn values(values: Values<'_>) -> Vec<u8> {
    let mut out = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in &values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
        out.extend(length.to_be_bytes());
        out.extend_from_slice(value.unwrap_or_default());
    }
    out
}

fn code(format: Format) -> i16 {
    match format {
        Format::Text => 0,
        Format::Binary => 1,
        Format::Other(code) => code,
    }
}
