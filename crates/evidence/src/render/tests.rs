use custos_model::{IdSource, PrincipalKind};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

const NOW: Instant = Instant {
    utc_ns: 1_795_232_787_123_456_789,
    mono_ns: 42,
};

fn principal(text: &str, chain: usize) -> Principal {
    Principal {
        issuer: text.to_owned(),
        subject: text.to_owned(),
        name: text.to_owned(),
        kind: PrincipalKind::Agent,
        groups: vec![text.to_owned(); 100],
        on_behalf_of: (0..chain).map(|_| principal(text, 0)).collect(),
    }
}

/// A record with `text` in every place where text can stand.
fn record_of(text: &str) -> Vec<u8> {
    let ids = IdSource::new([7; 10]);
    let actor = actor(&principal(text, 5));
    let src = source(&Source {
        ip: "::ffff:10.0.0.1".parse().unwrap(),
        port: u16::MAX,
        client: Some(text),
        tls: Some(text),
    });
    let everything = Some(text);
    let target = target(&Target {
        resource: text,
        protocol: everything,
        addr: everything,
        account: everything,
        database: everything,
        tls: everything,
    });
    let verdict = Verdict {
        decision: Decision::Deny,
        rules: vec![text.to_owned(); 100],
        masks: vec![text.to_owned(); 100],
    };
    let keys: Vec<String> = (0..50).map(|number| format!("k{number}")).collect();
    let detail: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), DetailValue::Text(text)))
        .collect();
    let draft = record(&Members {
        kind: RecordType::OperationIntent,
        id: ids.record(NOW.utc_ns),
        outcome: RecordOutcome::Pending,
        boot: "00000000-0000-4000-8000-000000000000",
        gw: &gateway(text, text, text, text),
        actor: Some(&actor),
        approval: Some(Approval {
            id: text,
            commit: everything,
            by: &verdict.rules,
        }),
        src: Some(&src),
        target: Some(&target),
        sess: Some((ids.session(NOW.utc_ns), u64::MAX)),
        body: None,
        mask: Some(MaskPart {
            rules: &verdict.masks,
            fields: Some(u64::MAX),
            count: Some(u64::MAX),
        }),
        op: Some(OperationPart {
            number: u64::MAX,
            verb: everything,
            effect: everything,
            commit: everything,
            objects: &verdict.rules,
            text: everything,
            parameters: Some(u64::MAX),
            rows: Some(u64::MAX),
            bytes: Some(u64::MAX),
            error: everything,
            sqlstate: everything,
        }),
        reason: everything,
        verdict: Some(&verdict),
        detail: &detail,
        log: None,
    });
    let mut out = Vec::new();
    draft.finish(&mut out, &mut TimeText::default(), NOW);
    out
}

/// `serde_json` without `preserve_order` sorts keys, so writing again what was read gives the canonical form.
fn assert_canonical(record: &[u8]) {
    let value: Value = serde_json::from_slice(record).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap().as_bytes(), record);
}

#[test]
fn the_longest_record_fits_into_an_entry() {
    for text in [
        "\u{1}".repeat(10_000),
        "\"".repeat(10_000),
        "é".repeat(10_000),
        "x".repeat(1_000_000),
    ] {
        let record = record_of(&text);
        assert!(record.len() <= 65_535, "{} bytes", record.len());
        assert_canonical(&record);
    }
}

#[test]
fn a_record_reads_as_it_was_meant() {
    let record: Value = serde_json::from_slice(&record_of("x")).unwrap();
    assert_eq!(record["time"]["utc"], "2026-11-21T03:46:27.123456789Z");
    assert_eq!(record["time"]["mono_ns"], "42");
    assert_eq!(record["src"]["ip"], "10.0.0.1");
    assert_eq!(record["verdict"]["effect"], "deny");
    assert_eq!(record["actor"]["on_behalf_of"].as_array().unwrap().len(), 5);
    assert_eq!(record["type"], "operation.intent");
    assert!(record["op"].get("text_truncated").is_none());
}

#[test]
fn long_commands_are_cut_and_say_so() {
    let record: Value = serde_json::from_slice(&record_of(&"é".repeat(3000))).unwrap();
    assert_eq!(record["op"]["text"], "é".repeat(2048));
    assert_eq!(record["op"]["text_bytes"], 6000);
    assert_eq!(record["op"]["text_truncated"], true);
}

/// `ssh-rsa` and the base64 of a name, an exponent of three bytes and a modulus of 513, each with its length.
#[test]
fn the_line_of_an_rsa_key_of_4096_bits_is_not_cut() {
    let line = format!(
        "ssh-rsa {}",
        "A".repeat((11 + 7 + 517_usize).div_ceil(3) * 4)
    );
    let mut out = Vec::new();
    push_detail(&mut out, &[("public_key", DetailValue::Text(&line))]);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!("{{\"public_key\":\"{line}\"}}")
    );
}

#[test]
fn of_two_details_with_one_name_the_first_stays() {
    let mut out = Vec::new();
    push_detail(
        &mut out,
        &[("b", 1_i64.into()), ("a", true.into()), ("b", 2_i64.into())],
    );
    assert_eq!(out, br#"{"a":true,"b":1}"#);
}

proptest! {
    #[test]
    fn records_are_canonical_whatever_the_text(text in any::<String>()) {
        assert_canonical(&record_of(&text));
    }

    #[test]
    fn times_agree_with_the_model(utc_ns in 0_u64..4_000_000_000_000_000_000) {
        let mut out = Vec::new();
        let mut text = TimeText::default();
        text.push(&mut out, utc_ns ^ 1);
        out.clear();
        text.push(&mut out, utc_ns);
        prop_assert_eq!(String::from_utf8(out).unwrap(), custos_model::Rfc3339(utc_ns).to_string());
    }
}
