//! Records that the genuine key signed, and that cannot be as they are.

use custos_verify::Code;
use serde_json::{Value, json};

use crate::tampered_files::cases;
use crate::verifiers::judge;
use crate::writer::{DECEMBER, Fixture, NOVEMBER, canonical, standard_records};

/// The record with another session number, at the time of another record.
fn moved(record: &[u8], n: u64, at: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(record).unwrap();
    value["sess"]["n"] = n.into();
    value["time"] = serde_json::from_slice::<Value>(at).unwrap()["time"].clone();
    canonical(&value)
}

cases! {
    a_removed_record: SessionOrder at Some(7), |f| f.resign(|r| drop(r.remove(5)));
    a_duplicated_record: SessionOrder at Some(9), |f| f.resign(|r| { let copy = r[8].clone(); r.insert(9, copy); });
    an_inserted_record: SessionOrder at Some(11), |f| f.resign(|r| { let new = moved(&r[9], 5, &r[9]); r.insert(10, new); });
    swapped_and_signed: SessionOrder at Some(8), |f| f.resign(|r| {
        let (error, segment) = (moved(&r[9], 4, &r[8]), moved(&r[8], 3, &r[9]));
        (r[8], r[9]) = (error, segment);
    });
    a_record_after_the_end: SessionOrder at Some(11), |f| f.resign(|r| { let late = moved(&r[9], 6, &r[10]); r.insert(11, late); });
    a_session_without_start: SessionOrder at Some(2), |f| f.resign(|r| drop(r.remove(2)));
    a_session_started_twice: SessionOrder at Some(5), |f| f.resign(|r| { let again = moved(&r[2], 0, &r[4]); r.insert(5, again); });
    an_outcome_without_intent: OperationOrder at Some(5), |f| f.edit(5, |r| r["op"]["n"] = 2.into());
    a_skipped_intent: OperationOrder at Some(3), |f| f.edit(3, |r| r["op"]["n"] = 2.into());
    an_error_of_an_operation: OperationOrder at Some(9), |f| f.edit(9, |r| r["op"]["n"] = 1.into());
    a_transfer_of_a_closed_operation: OperationOrder at Some(9), |f| f.edit(9, |r| {
        (r["type"], r["outcome"]) = ("operation.transfer".into(), "ok".into());
        r["op"] = json!({"n": 1, "verb": "upload", "text": "/srv/a"});
    });
    a_wrong_count_of_unfinished: OperationOrder at Some(10), |f| f.edit(10, |r| r["detail"] = json!({"unfinished": 1}));
    a_skipped_segment: SegmentOrder at Some(12), |f| f.edit(12, |r| r["body"]["segment"] = 2.into());
    a_segment_hash_of_another_file: SegmentMismatch at Some(8), |f| f.edit(8, |r| r["body"]["sha256"] = "0".repeat(64).into());
    a_log_that_does_not_begin: LogOpen at Some(0), |f| f.resign(|r| drop(r.remove(0)));
    a_log_that_begins_twice: LogOpen at Some(30), |f| f.resign(|r| { let again = r[0].clone(); r[30] = again; });
    a_log_of_another_origin: LogOpen at Some(0), |f| f.edit(0, |r| r["log"]["origin"] = "custos/gw2/2026-11".into());
    a_log_of_another_key: LogOpen at Some(0), |f| {
        f.edit(0, |r| r["log"]["key"] = crate::writer::Key::new("custos/gw1", 8).vkey().into());
    };
    a_log_that_ends_twice: LogClose at Some(31), |f| f.edit(30, |r| {
        r["type"] = "log.close".into();
        r["log"] = json!({"origin": NOVEMBER});
    });
    an_end_of_another_log: LogClose at Some(699), |f| f.edit(699, |r| {
        r["type"] = "log.close".into();
        r["log"] = json!({"origin": DECEMBER});
    });
    silence: HeartbeatGap at Some(40), |f| f.edit(40, |r| r["time"]["utc"] = "2026-11-21T23:00:00.000000000Z".into());
    time_running_backwards: TimeOrder at Some(40), |f| f.edit(40, |r| r["time"]["mono_ns"] = "17".into());
    a_boot_without_start: TimeOrder at Some(40), |f| {
        f.edit(40, |r| r["time"]["boot"] = "00000009-0000-4000-8000-000000000000".into());
    };
    a_session_that_survives_a_restart: SessionOpenAfterRestart at Some(13), |f| f.resign(|r| {
        let mut start: Value = serde_json::from_slice(&r[1]).unwrap();
        start["time"] = serde_json::from_slice::<Value>(&r[13]).unwrap()["time"].clone();
        r[13] = canonical(&start);
        r.swap(12, 13);
        let heartbeat = r[14].clone();
        r[13] = heartbeat;
    });
    space_in_a_record: RecordNotCanonical at Some(20), |f| f.replace(20, ":{", ": {");
    members_in_another_order: RecordNotCanonical at Some(20), |f| f.resign(|r| {
        let text = String::from_utf8(r[20].clone()).unwrap();
        let text = text.replace(",\"v\":1}", "}").replace("{\"detail\"", "{\"v\":1,\"detail\"");
        r[20] = text.into_bytes();
    });
    a_duplicate_key: RecordNotCanonical at Some(20), |f| f.replace(20, "\"outcome\"", "\"outcome\":\"denied\",\"outcome\"");
    a_floating_point_number: RecordNotCanonical at Some(20), |f| f.replace(20, "\"sessions\":0", "\"sessions\":0.5");
    a_number_beyond_2_to_the_53: RecordNotCanonical at Some(20), |f| f.replace(20, "\"sessions\":0", "\"sessions\":9007199254740993");
    a_needless_escape: RecordNotCanonical at Some(20), |f| f.replace(20, "log.heartbeat", "log\\u002eheartbeat");
    no_json: RecordMalformed at Some(20), |f| f.resign(|r| r[20] = b"not json".to_vec());
    an_empty_record: RecordMalformed at Some(20), |f| f.resign(|r| r[20].clear());
    no_utf_8: RecordMalformed at Some(20), |f| f.resign(|r| { let last = r[20].len() - 5; r[20][last] = 0xff; });
    half_a_surrogate: RecordMalformed at Some(20), |f| f.replace(20, "log.heartbeat", "\\ud800");
    an_array: RecordMalformed at Some(20), |f| f.resign(|r| r[20] = b"[1]".to_vec());
    too_deep: RecordMalformed at Some(20), |f| f.replace(20, "\"sessions\":0", &format!("\"sessions\":{}{}", "[".repeat(15), "]".repeat(15)));
    an_abyss: RecordMalformed at Some(20), |f| f.resign(|r| r[20] = vec![b'['; 60_000]);
    an_unknown_member: RecordSchema at Some(20), |f| f.edit(20, |r| r["extra"] = 1.into());
    an_unknown_type: RecordSchema at Some(20), |f| f.edit(20, |r| r["type"] = "log.other".into());
    an_odd_key: RecordSchema at Some(20), |f| f.edit(20, |r| r["detail"]["A"] = 1.into());
}

type Change = fn(&mut Value);

/// Codes of this file, with those that tests beside the table show.
pub(crate) const ALSO_COVERED: &[Code] = &[Code::LogLink];

/// Each change makes a record of the given index break the table of section 3.
#[test]
fn records_that_break_the_schema_are_bad() {
    let changes: &[(usize, Change)] = &[
        (20, |r| r["v"] = 2.into()),
        (20, |r| {
            r["id"] = "01932f5a-7c1e-4abc-8def-000000000001".into();
        }),
        (20, |r| r["outcome"] = "good".into()),
        (20, |r| r["reason"] = 1.into()),
        (20, |r| r["time"]["utc"] = "2026-11-21T01:02:03Z".into()),
        (20, |r| {
            r["time"]["utc"] = "2026-02-30T01:02:03.000000000Z".into();
        }),
        (20, |r| r["time"]["mono_ns"] = 5.into()),
        (20, |r| r["time"]["mono_ns"] = "05".into()),
        (20, |r| r["time"]["mono_ns"] = "18446744073709551616".into()),
        (20, |r| r["time"]["boot"] = "x".into()),
        (20, |r| r["gw"]["config"] = "A".repeat(64).into()),
        (20, |r| {
            drop(r["gw"].as_object_mut().unwrap().remove("policy"));
        }),
        (20, |r| drop(r.as_object_mut().unwrap().remove("time"))),
        (20, |r| r["detail"]["nested"] = json!({})),
        (20, |r| r["detail"]["unfinished"] = true.into()),
        (20, |r| r["log"] = json!({"origin": NOVEMBER})),
        (
            20,
            |r| r["sess"] = json!({"id": "01932f5a-7c1e-7abc-8def-000000000001", "n": 0}),
        ),
        (0, |r| drop(r.as_object_mut().unwrap().remove("log"))),
        (0, |r| drop(r["log"].as_object_mut().unwrap().remove("key"))),
        (0, |r| {
            r["log"]["previous"] =
                json!({"origin": "custos/gw1/2026-10", "root": "AAAA", "size": 1});
        }),
        (2, |r| drop(r.as_object_mut().unwrap().remove("actor"))),
        (2, |r| drop(r.as_object_mut().unwrap().remove("sess"))),
        (2, |r| r["actor"]["kind"] = "robot".into()),
        (2, |r| r["actor"]["groups"] = json!([1])),
        (2, |r| r["actor"]["on_behalf_of"] = json!([{"iss": "x"}])),
        (2, |r| r["src"]["port"] = 65_536.into()),
        (2, |r| r["src"]["port"] = true.into()),
        (2, |r| r["target"] = json!({})),
        (2, |r| r["sess"]["n"] = (-1).into()),
        (3, |r| drop(r.as_object_mut().unwrap().remove("op"))),
        (3, |r| r["op"]["rows"] = (-1).into()),
        (3, |r| r["op"]["text_truncated"] = 1.into()),
        (3, |r| r["verdict"]["effect"] = "maybe".into()),
        (3, |r| r["verdict"]["rules"] = "all".into()),
        (8, |r| drop(r.as_object_mut().unwrap().remove("body"))),
        (8, |r| {
            drop(r["body"].as_object_mut().unwrap().remove("lines"));
        }),
        (8, |r| r["body"]["recovered"] = "yes".into()),
    ];
    for (number, (index, change)) in changes.iter().enumerate() {
        let mut fixture = Fixture::standard(30);
        fixture.edit(*index, change);
        let judgement = judge(&fixture);
        assert_eq!(
            judgement.first(),
            Some(("record-schema".to_owned(), Some(*index as u64))),
            "change {number}: {}",
            judgement.text
        );
    }
}

/// What the specification leaves open passes.
#[test]
fn members_that_only_describe_may_be_many() {
    let mut fixture = Fixture::standard(30);
    fixture.edit(2, |r| {
        let mut actor = r["actor"].clone();
        actor["on_behalf_of"] = json!([r["actor"].clone()]);
        r["actor"]["on_behalf_of"] = json!([actor]);
        r["src"]["tls"] = "TLSv1.3 TLS_AES_256_GCM_SHA384".into();
        r["detail"] = json!({"a": -1, "b": false, "c": "\u{1f600}\u{7f}\u{1}"});
        r["reason"] = "because".into();
        r["body"] = json!({"segment": 0});
    });
    let judgement = judge(&fixture);
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
}

#[test]
fn a_month_that_does_not_continue_the_last_is_bad() {
    let changes: &[Change] = &[
        |previous| previous["size"] = 17.into(),
        |previous| previous["root"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into(),
        |previous| previous["origin"] = "custos/gw1/2026-10".into(),
        |previous| previous["origin"] = "custos/gw1/2026-12".into(),
        |previous| previous["origin"] = "custos/gw2/2026-11".into(),
        |previous| *previous = Value::Null,
    ];
    for (number, change) in changes.iter().enumerate() {
        let judgement = judge(&Fixture::two_months(change));
        assert_eq!(
            judgement.first(),
            Some((Code::LogLink.as_str().to_owned(), Some(0))),
            "change {number}: {}",
            judgement.text
        );
        assert_eq!(judgement.report["findings"][0]["origin"], DECEMBER);
    }
}

#[test]
fn a_month_that_was_not_closed_cannot_be_continued() {
    let mut fixture = Fixture::two_months(|_| {});
    fixture.logs[0].records.pop();
    let mut writer = standard_records(1);
    writer.records.clear();
    writer.date = "2026-12-01";
    writer.open_log(DECEMBER, &fixture.key, Some(fixture.logs[0].as_previous()));
    fixture.logs[1].records[0].clone_from(&writer.records[0]);
    fixture.write();
    let judgement = judge(&fixture);
    let codes: Vec<&str> = judgement.report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"log-link"), "{}", judgement.text);
    assert_eq!(judgement.exit, 6);
}

/// The last record's session still has an intent without outcome.
#[test]
fn an_end_that_forgets_an_intent_is_bad() {
    let mut writer = standard_records(14);
    let mut session = writer.start();
    writer.intent(&mut session);
    writer.end(&mut session, 0);
    judge(&Fixture::of(writer)).assert_first(Code::OperationOrder, Some(16));
}
