//! Bodies of backend messages by the rules of the specification.

use custos_postgres_wire::backend::{Authentication, BackendMessage, ErrorFields, RowDescription};
use custos_postgres_wire::{Format, Formats};

/// `None` for a message of which the codec does not keep all.
pub(crate) fn body(message: BackendMessage<'_>) -> Option<Vec<u8>> {
    Some(match message {
        BackendMessage::Authentication(step) => authentication(step)?,
        BackendMessage::BackendKeyData(data) => {
            [&data.process_id.to_be_bytes()[..], data.key].concat()
        }
        BackendMessage::CommandComplete(complete) => {
            assert!(complete.rows().is_none_or(|rows| {
                let digits = complete.tag.rsplit(|byte| *byte == b' ').next().unwrap();
                std::str::from_utf8(digits).unwrap().parse() == Ok(rows)
            }));
            text(complete.tag)
        }
        BackendMessage::CopyData(data) => data.to_vec(),
        BackendMessage::CopyInResponse(copy)
        | BackendMessage::CopyOutResponse(copy)
        | BackendMessage::CopyBothResponse(copy) => [
            vec![u8::try_from(code(copy.format)).unwrap()],
            formats(copy.columns),
        ]
        .concat(),
        BackendMessage::DataRow(row) => values(row.fields().iter()),
        BackendMessage::ErrorResponse(fields) | BackendMessage::NoticeResponse(fields) => {
            errors(fields)
        }
        BackendMessage::FunctionCallResponse(call) => value(call.value),
        BackendMessage::NegotiateProtocolVersion(negotiate) => {
            let options: Vec<_> = negotiate.unknown_options().map(text).collect();
            let count = u32::try_from(options.len()).unwrap().to_be_bytes();
            let head = [&[0, 3][..], &negotiate.minor.to_be_bytes(), &count].concat();
            [head, options.concat()].concat()
        }
        BackendMessage::NotificationResponse(notification) => [
            notification.process_id.to_be_bytes().to_vec(),
            text(notification.channel),
            text(notification.payload),
        ]
        .concat(),
        BackendMessage::ParameterDescription(description) => {
            let count = u16::try_from(description.types.iter().len())
                .unwrap()
                .to_be_bytes();
            count
                .into_iter()
                .chain(description.types.iter().flat_map(u32::to_be_bytes))
                .collect()
        }
        BackendMessage::ParameterStatus(status) => [text(status.name), text(status.value)].concat(),
        BackendMessage::ReadyForQuery(status) => vec![status.as_byte()],
        BackendMessage::RowDescription(description) => columns(description),
        BackendMessage::BindComplete
        | BackendMessage::CloseComplete
        | BackendMessage::CopyDone
        | BackendMessage::EmptyQueryResponse
        | BackendMessage::NoData
        | BackendMessage::ParseComplete
        | BackendMessage::PortalSuspended => Vec::new(),
    })
}

/// A count and the values, as in `DataRow`.
pub(crate) fn values<'a>(values: impl ExactSizeIterator<Item = Option<&'a [u8]>>) -> Vec<u8> {
    let count = u16::try_from(values.len()).unwrap().to_be_bytes();
    count.into_iter().chain(values.flat_map(value)).collect()
}

fn authentication(step: Authentication<'_>) -> Option<Vec<u8>> {
    let coded = |code: i32, rest: &[u8]| Some([&code.to_be_bytes()[..], rest].concat());
    match step {
        Authentication::Ok => coded(0, b""),
        Authentication::CleartextPassword => coded(3, b""),
        Authentication::Md5Password { salt } => coded(5, &salt),
        Authentication::Sasl(mechanisms) => coded(
            10,
            &[mechanisms.iter().flat_map(text).collect(), vec![0]].concat(),
        ),
        Authentication::SaslContinue(data) => coded(11, data),
        Authentication::SaslFinal(data) => coded(12, data),
        Authentication::Unsupported(_) => None,
    }
}

fn errors(fields: ErrorFields<'_>) -> Vec<u8> {
    for (field_type, _) in fields.iter() {
        assert!(fields.get(field_type).is_some());
    }
    assert_eq!(fields.message(), fields.get(b'M'));
    let written = fields
        .iter()
        .flat_map(|(field_type, field)| [vec![field_type], text(field)].concat());
    written.chain([0]).collect()
}

fn columns(description: RowDescription<'_>) -> Vec<u8> {
    let count = u16::try_from(description.fields().len())
        .unwrap()
        .to_be_bytes();
    let mut out = count.to_vec();
    for field in description.fields() {
        out.extend(text(field.name));
        out.extend(field.table_oid.to_be_bytes());
        out.extend(field.column_number.to_be_bytes());
        out.extend(field.type_oid.to_be_bytes());
        out.extend(field.type_size.to_be_bytes());
        out.extend(field.type_modifier.to_be_bytes());
        out.extend(code(field.format).to_be_bytes());
    }
    out
}

fn text(text: &[u8]) -> Vec<u8> {
    assert!(!text.contains(&0));
    [text, &[0]].concat()
}

fn value(value: Option<&[u8]>) -> Vec<u8> {
    let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
    [&length.to_be_bytes()[..], value.unwrap_or_default()].concat()
}

fn formats(formats: Formats<'_>) -> Vec<u8> {
    let count = u16::try_from(formats.len()).unwrap().to_be_bytes();
    count
        .into_iter()
        .chain(formats.iter().flat_map(|format| code(format).to_be_bytes()))
        .collect()
}

fn code(format: Format) -> i16 {
    match format {
        Format::Text => 0,
        Format::Binary => 1,
        Format::Other(code) => code,
    }
}
