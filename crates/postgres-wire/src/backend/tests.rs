use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    Authentication, BackendMessage, NegotiateProtocolVersion, ParameterStatus, TransactionStatus,
};
use crate::{Format, Tag, WireError};

/// One golden message of every kind that has a form, as the specification lays it out.
const GOLDEN: &[&[u8]] = &[
    b"R\0\0\0\x08\0\0\0\0",
    b"R\0\0\0\x08\0\0\0\x03",
    b"R\0\0\0\x0c\0\0\0\x05salt",
    b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0",
    b"2\0\0\0\x04",
    b"3\0\0\0\x04",
    b"C\0\0\0\x0fINSERT 0 5\0",
    b"c\0\0\0\x04",
    b"G\0\0\0\x0b\0\0\x02\0\0\0\0",
    b"H\0\0\0\x09\x01\0\x01\0\x01",
    b"W\0\0\0\x07\0\0\0",
    b"D\0\0\0\x0f\0\x02\0\0\0\x017\xff\xff\xff\xff",
    b"I\0\0\0\x04",
    b"E\0\0\0\x1eSERROR\0VERROR\0C42601\0Mno\0\0",
    b"N\0\0\0\x0fC00000\0Mx\0\0",
    b"V\0\0\0\x09\0\0\0\x01x",
    b"v\0\0\0\x13\0\x03\0\0\0\0\0\x01_pq_.x\0",
    b"n\0\0\0\x04",
    b"A\0\0\0\x0d\0\0\0\x07c\0pa\0",
    b"t\0\0\0\x0e\0\x02\0\0\0\x17\0\0\0\x19",
    b"S\0\0\0\x11TimeZone\0UTC\0",
    b"1\0\0\0\x04",
    b"s\0\0\0\x04",
    b"Z\0\0\0\x05T",
    b"T\0\0\0\x1b\0\x01id\0\0\0\x40\0\0\x01\0\0\0\x17\0\x04\xff\xff\xff\xff\0\x01",
];

fn parse(bytes: &[u8]) -> Result<BackendMessage<'_>, WireError> {
    let length = i32::from_be_bytes(bytes[1..5].try_into().unwrap());
    assert_eq!(
        usize::try_from(length).unwrap() + 1,
        bytes.len(),
        "{}",
        bytes.escape_ascii()
    );
    BackendMessage::parse(bytes[0], &bytes[5..])
}

#[test]
fn every_kind_is_read() {
    for bytes in GOLDEN {
        let shown = format!("{:?}", parse(bytes).unwrap());
        let kind = shown.split('(').next().unwrap();
        let expected = match bytes[0] {
            b'R' => "Authentication",
            b'2' => "BindComplete",
            b'3' => "CloseComplete",
            b'C' => "CommandComplete",
            b'c' => "CopyDone",
            b'G' => "CopyInResponse",
            b'H' => "CopyOutResponse",
            b'W' => "CopyBothResponse",
            b'D' => "DataRow",
            b'I' => "EmptyQueryResponse",
            b'E' => "ErrorResponse",
            b'N' => "NoticeResponse",
            b'V' => "FunctionCallResponse",
            b'v' => "NegotiateProtocolVersion",
            b'n' => "NoData",
            b'A' => "NotificationResponse",
            b't' => "ParameterDescription",
            b'S' => "ParameterStatus",
            b'1' => "ParseComplete",
            b's' => "PortalSuspended",
            b'Z' => "ReadyForQuery",
            b'T' => "RowDescription",
            other => panic!("{}", Tag(other)),
        };
        assert_eq!(kind, expected);
    }
}

#[test]
fn fields_are_where_the_specification_puts_them() {
    let find = |tag: u8| parse(GOLDEN.iter().find(|bytes| bytes[0] == tag).unwrap()).unwrap();
    let BackendMessage::RowDescription(description) = find(b'T') else {
        panic!()
    };
    let field = description.fields().next().unwrap();
    assert_eq!(description.fields().len(), 1);
    assert_eq!(
        (field.name, field.table_oid, field.column_number),
        (&b"id"[..], 0x4000, 1)
    );
    assert_eq!(
        (field.type_oid, field.type_size, field.type_modifier),
        (23, 4, -1)
    );
    assert_eq!(field.format, Format::Binary);
    let BackendMessage::CopyOutResponse(copy) = find(b'H') else {
        panic!()
    };
    assert_eq!((copy.format, copy.columns.len()), (Format::Binary, 1));
    let BackendMessage::DataRow(row) = find(b'D') else {
        panic!()
    };
    assert_eq!(
        row.fields().iter().collect::<Vec<_>>(),
        [Some(&b"7"[..]), None]
    );
    let BackendMessage::NotificationResponse(notification) = find(b'A') else {
        panic!()
    };
    assert_eq!(notification.process_id, 7);
    assert_eq!(
        (notification.channel, notification.payload),
        (&b"c"[..], &b"pa"[..])
    );
    let BackendMessage::ParameterDescription(parameters) = find(b't') else {
        panic!()
    };
    assert_eq!(parameters.types.iter().collect::<Vec<_>>(), [23, 25]);
    let BackendMessage::FunctionCallResponse(result) = find(b'V') else {
        panic!()
    };
    assert_eq!(result.value, Some(&b"x"[..]));
    let BackendMessage::CommandComplete(complete) = find(b'C') else {
        panic!()
    };
    assert_eq!(complete.rows(), Some(5));
    let BackendMessage::ErrorResponse(error) = find(b'E') else {
        panic!()
    };
    assert_eq!(error.sqlstate(), Some(&b"42601"[..]));
    let BackendMessage::ReadyForQuery(status) = find(b'Z') else {
        panic!()
    };
    assert_eq!(status, TransactionStatus::InTransaction);
    let BackendMessage::NegotiateProtocolVersion(version) = find(b'v') else {
        panic!()
    };
    assert_eq!((version.minor, version.unknown_options().count()), (0, 1));
}

#[test]
fn every_body_cut_short_or_drawn_out_is_refused() {
    for bytes in GOLDEN {
        let (tag, body) = (bytes[0], &bytes[5..]);
        for end in 0..body.len() {
            let cut = BackendMessage::parse(tag, &body[..end]);
            assert!(cut.is_err(), "{} {end}", bytes.escape_ascii());
        }
        let longer = [body, b"\0"].concat();
        let error = BackendMessage::parse(tag, &longer).unwrap_err();
        assert!(
            matches!(error, WireError::TrailingBytes { bytes: 1, .. }),
            "{} {error}",
            bytes.escape_ascii()
        );
    }
    assert!(matches!(
        BackendMessage::parse(b'?', b""),
        Err(WireError::UnknownBackendTag(Tag(b'?')))
    ));
}

#[test]
fn what_the_gateway_writes_is_read_back() {
    let mut out = Vec::new();
    ParameterStatus {
        name: b"TimeZone",
        value: b"UTC",
    }
    .encode(&mut out)
    .unwrap();
    TransactionStatus::InTransaction.encode(&mut out);
    Authentication::encode_cleartext_password(&mut out);
    NegotiateProtocolVersion::encode(0, &[b"_pq_.x"], &mut out).unwrap();
    assert_eq!(
        out.escape_ascii().to_string(),
        "S\\x00\\x00\\x00\\x11TimeZone\\x00UTC\\x00Z\\x00\\x00\\x00\\x05T\
         R\\x00\\x00\\x00\\x08\\x00\\x00\\x00\\x03\
         v\\x00\\x00\\x00\\x13\\x00\\x03\\x00\\x00\\x00\\x00\\x00\\x01_pq_.x\\x00"
    );
    for status in [
        TransactionStatus::Idle,
        TransactionStatus::InTransaction,
        TransactionStatus::Failed,
    ] {
        assert_eq!(TransactionStatus::parse(&[status.as_byte()]), Ok(status));
    }
    assert!(TransactionStatus::parse(b"X").is_err());
    let mut sasl = Vec::new();
    Authentication::encode_sasl_continue(b"r=1", &mut sasl).unwrap();
    assert_eq!(
        Authentication::parse(&sasl[5..]),
        Ok(Authentication::SaslContinue(b"r=1"))
    );
    sasl.clear();
    Authentication::encode_sasl_final(b"v=1", &mut sasl).unwrap();
    assert_eq!(
        Authentication::parse(&sasl[5..]),
        Ok(Authentication::SaslFinal(b"v=1"))
    );
    assert!(
        ParameterStatus {
            name: b"a\0",
            value: b""
        }
        .encode(&mut out)
        .is_err()
    );
    assert!(Authentication::encode_sasl(&["a\0b"], &mut out).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes at all: what is parsed can be walked to its end.
    #[test]
    fn hostile_bytes_do_not_panic(
        tag in prop::sample::select(&b"RK23CcGHWDdIENVvnAtS1sZT\0"[..]),
        body in vec(any::<u8>(), 0..64),
    ) {
        match BackendMessage::parse(tag, &body) {
            Ok(BackendMessage::RowDescription(description)) => {
                prop_assert_eq!(description.fields().len(), description.fields().count());
            }
            Ok(BackendMessage::DataRow(row)) => {
                prop_assert_eq!(row.columns(), row.fields().iter().count());
            }
            Ok(BackendMessage::ErrorResponse(fields) | BackendMessage::NoticeResponse(fields)) => {
                let bytes: usize = fields.iter().map(|(_, text)| text.len() + 2).sum();
                prop_assert_eq!(bytes + 1, body.len());
            }
            _ => {}
        }
    }
}
