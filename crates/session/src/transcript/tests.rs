use custos_model::OperationNumber;
use serde_json::Value;

use super::{INLINE_VALUE_BYTES, LargeRow, Lines};

fn parsed(lines: &Lines) -> Vec<Value> {
    let text = std::str::from_utf8(lines.bytes()).unwrap();
    let values: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(values.len() as u64, lines.count());
    assert!(text.lines().all(|line| line.len() < 1 << 20));
    values
}

#[test]
fn an_event_reads_as_documented() {
    let mut lines = Lines::default();
    lines
        .event(1200, OperationNumber(0))
        .word("request", "bind")
        .text("portal", b"")
        .values(
            "parameters",
            [
                (Some(&b"42"[..]), true),
                (None, true),
                (Some(&[0, 1][..]), false),
            ]
            .into_iter(),
        )
        .end();
    assert_eq!(
        std::str::from_utf8(lines.bytes()).unwrap(),
        "{\"t\":1200,\"op\":0,\"request\":\"bind\",\"portal\":\"\",\"parameters\":[\"42\",null,{\"b64\":\"AAE=\"}]}\n"
    );
}

#[test]
fn a_large_value_follows_its_event_in_parts() {
    let text = "\u{e4}".repeat(INLINE_VALUE_BYTES);
    let mut lines = Lines::default();
    lines
        .event(0, OperationNumber(1))
        .word("request", "query")
        .text("text", text.as_bytes())
        .end();
    let values = parsed(&lines);
    assert_eq!(values[0]["text"]["parts"], text.len());
    let joined: String = values[1..]
        .iter()
        .map(|part| part["part"].as_str().unwrap())
        .collect();
    assert_eq!(joined, text);
    assert_eq!(values.last().unwrap()["value_end"], true);
    assert!(
        values[..values.len() - 1]
            .iter()
            .all(|part| part.get("value_end").is_none())
    );
}

#[test]
fn a_large_row_goes_out_in_pieces() {
    let value: Vec<u8> = "x\u{20ac}".repeat(100_000).into_bytes();
    let mut lines = Lines::default();
    let mut row = LargeRow::new();
    row.value(&mut lines, 1, true);
    row.part(&mut lines, b"1", true);
    row.null(&mut lines);
    row.value(&mut lines, value.len(), true);
    for (position, piece) in value.chunks(777).enumerate() {
        row.part(&mut lines, piece, (position + 1) * 777 >= value.len());
    }
    row.value(&mut lines, 0, true);
    row.end(&mut lines);

    let values = parsed(&lines);
    assert_eq!(values[0]["fields"], serde_json::json!(["1", null]));
    let joined: String = values[1..values.len() - 1]
        .iter()
        .map(|part| part["part"].as_str().unwrap())
        .collect();
    assert_eq!(joined.as_bytes(), value);
    assert_eq!(
        values.last().unwrap(),
        &serde_json::json!({"fields": [""], "end": true})
    );
}
