//! Files changed by somebody who does not have the key.

use std::fs;
use std::os::unix::fs::symlink;

use custos_verify::Code;
use sha2::{Digest, Sha256};

use crate::verifiers::{judge, judge_with};
use crate::writer::{Fixture, Key, Log, NODE, leaf, put};

/// One test for each case: its name, the first finding's code and record, and the change to 700 genuine records.
macro_rules! cases {
    ($($name:ident: $code:ident at $record:expr, $change:expr;)*) => {
        pub(crate) const COVERED: &[custos_verify::Code] = &[$(custos_verify::Code::$code,)*];
        $(
            #[test]
            fn $name() {
                let mut fixture = crate::writer::Fixture::standard(700);
                let change: fn(&mut crate::writer::Fixture) = $change;
                change(&mut fixture);
                crate::verifiers::judge(&fixture).assert_first(custos_verify::Code::$code, $record);
            }
        )*
    };
}
pub(crate) use cases;

cases! {
    a_flipped_byte_in_a_record: TileMismatch at Some(300), |f| {
        let place = f.range_in_bundle(300).start + 20;
        f.change_file("tile/entries/001", |bytes| bytes[place] ^= 1);
    };
    a_flipped_byte_in_the_last_bundle: TileMismatch at Some(699), |f| {
        let place = f.range_in_bundle(699).start + 20;
        f.change_file("tile/entries/002.p/188", |bytes| bytes[place] ^= 1);
    };
    swapped_records: TileMismatch at Some(6), |f| {
        let (a, b) = (f.range_in_bundle(6), f.range_in_bundle(7));
        f.change_file("tile/entries/000", |bytes| {
            let swapped = [&bytes[b.start - 2..b.end], &bytes[a.start - 2..a.end]].concat();
            bytes.splice(a.start - 2..b.end, swapped);
        });
    };
    a_record_and_its_leaf_hash_changed: TileMismatch at None, |f| {
        let range = f.range_in_bundle(300);
        let changed = f.another_build(300);
        f.change_file("tile/entries/001", |bytes| bytes[range].copy_from_slice(&changed));
        f.change_file("tile/0/001", |bytes| bytes[44 * 32..45 * 32].copy_from_slice(&leaf(&changed)));
    };
    a_flipped_byte_in_a_full_tile: TileMismatch at None, |f| {
        f.change_file("tile/0/001", |bytes| bytes[100] ^= 1);
    };
    a_flipped_byte_in_a_partial_tile: TileMismatch at None, |f| {
        f.change_file("tile/0/002.p/188", |bytes| bytes[100] ^= 1);
    };
    a_flipped_byte_in_a_parent_tile: TileMismatch at None, |f| {
        f.change_file("tile/1/000.p/2", |bytes| bytes[40] ^= 1);
    };
    a_tile_cut_short: TileMalformed at None, |f| f.change_file("tile/0/001", |b| b.truncate(255 * 32));
    a_tile_with_more_bytes: TileMalformed at None, |f| f.change_file("tile/1/000.p/2", |b| b.push(0));
    a_missing_leaf_tile: TileMissing at None, |f| fs::remove_file(f.log_file("tile/0/001")).unwrap();
    a_missing_parent_tile: TileMissing at None, |f| fs::remove_file(f.log_file("tile/1/000.p/2")).unwrap();
    a_missing_bundle: EntriesMissing at None, |f| fs::remove_file(f.log_file("tile/entries/001")).unwrap();
    a_bundle_cut_inside_a_record: EntriesMalformed at Some(400), |f| {
        let place = f.range_in_bundle(400).start + 9;
        f.change_file("tile/entries/001", |bytes| bytes.truncate(place));
    };
    a_bundle_cut_inside_a_length: EntriesMalformed at Some(400), |f| {
        let place = f.range_in_bundle(400).start - 1;
        f.change_file("tile/entries/001", |bytes| bytes.truncate(place));
    };
    a_bundle_cut_between_records: EntriesMalformed at Some(400), |f| {
        let place = f.range_in_bundle(400).start - 2;
        f.change_file("tile/entries/001", |bytes| bytes.truncate(place));
    };
    a_bundle_with_more_bytes: EntriesMalformed at None, |f| {
        f.change_file("tile/entries/001", |bytes| bytes.extend(*b"\0\x02{}"));
    };
    another_history_under_the_genuine_checkpoint: RootMismatch at None, |f| {
        let checkpoint = fs::read(f.log_file("checkpoint")).unwrap();
        f.edit(20, |record| record["reason"] = "changed".into());
        fs::write(f.log_file("checkpoint"), checkpoint).unwrap();
    };
    a_record_removed_under_the_genuine_checkpoint: EntriesMissing at None, |f| {
        let checkpoint = fs::read(f.log_file("checkpoint")).unwrap();
        f.resign(|records| drop(records.remove(20)));
        fs::write(f.log_file("checkpoint"), checkpoint).unwrap();
    };
    a_record_removed_and_signed_by_another_key: CheckpointSignature at None, |f| {
        let genuine = std::mem::replace(&mut f.key, Key::new(NODE, 8));
        f.resign(|records| drop(records.remove(20)));
        f.key = genuine;
    };
    a_changed_size: CheckpointSignature at None, |f| {
        f.change_file("checkpoint", |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.replace("\n700\n", "\n600\n").into_bytes();
        });
    };
    a_flipped_byte_in_the_signature: CheckpointSignature at None, |f| {
        f.change_file("checkpoint", |bytes| {
            let place = bytes.len() - 20;
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        });
    };
    a_checkpoint_without_signature: CheckpointMalformed at None, |f| {
        let text = f.logs[0].checkpoint_text();
        f.change_file("checkpoint", |bytes| *bytes = text.into_bytes());
    };
    a_checkpoint_of_four_lines: CheckpointMalformed at None, |f| {
        let note = f.key.sign(&format!("{}extension\n", f.logs[0].checkpoint_text()));
        f.change_file("checkpoint", |bytes| *bytes = note.into_bytes());
    };
    a_missing_checkpoint: CheckpointMissing at None, |f| fs::remove_file(f.log_file("checkpoint")).unwrap();
    a_missing_log: CheckpointMissing at None, |f| fs::remove_dir_all(f.dir().join("logs")).unwrap();
    the_checkpoint_of_another_month: CheckpointOrigin at None, |f| {
        let other = Log { origin: "custos/gw1/2026-10".into(), records: f.logs[0].records.clone() };
        put(&f.log_file("checkpoint"), f.key.sign(&other.checkpoint_text()).as_bytes());
    };
    a_flipped_byte_in_a_segment: SegmentMismatch at Some(8), |f| {
        let path = f.segment_path(0);
        let mut bytes = fs::read(&path).unwrap();
        bytes[3] ^= 1;
        fs::write(&path, bytes).unwrap();
    };
    a_segment_cut_short: SegmentMismatch at Some(12), |f| fs::write(f.segment_path(2), b"segment 1").unwrap();
    a_deleted_segment: SegmentMissing at Some(11), |f| fs::remove_file(f.segment_path(1)).unwrap();
    a_segment_too_many: SegmentUnknown at None, |f| {
        fs::write(f.segment_path(0).with_file_name("0001.jsonl.zst"), b"x").unwrap();
    };
    a_session_that_no_record_knows: SegmentUnknown at None, |f| {
        let stray = "segments/2026/11/21/01932f5a-7c1e-7abc-8def-ffffffffffff/0000.jsonl.zst";
        put(&f.dir().join(stray), b"x");
    };
    a_session_on_another_day: SegmentMissing at Some(8), |f| {
        let session = f.segment_path(0).parent().unwrap().to_owned();
        let other = f.dir().join("segments/2026/11/22");
        fs::create_dir_all(&other).unwrap();
        fs::rename(&session, other.join(session.file_name().unwrap())).unwrap();
    };
    a_segment_with_an_odd_name: UnexpectedFile at None, |f| {
        fs::write(f.segment_path(0).with_file_name("00000.jsonl.zst"), b"x").unwrap();
    };
    a_file_among_the_logs: UnexpectedFile at None, |f| put(&f.log_file("notes.txt"), b"x");
    a_file_among_the_tiles: UnexpectedFile at None, |f| put(&f.log_file("tile/0/000.p/256"), b"x");
    a_file_among_the_days: UnexpectedFile at None, |f| put(&f.dir().join("segments/2026/13/x"), b"x");
    a_tile_behind_a_link: TileMissing at None, |f| {
        let (tile, elsewhere) = (f.log_file("tile/0/001"), f.dir().join("elsewhere"));
        fs::rename(&tile, &elsewhere).unwrap();
        symlink(&elsewhere, &tile).unwrap();
    };
    all_logs_behind_a_link: CheckpointMissing at None, |f| {
        let (logs, elsewhere) = (f.dir().join("logs"), f.dir().join("elsewhere"));
        fs::rename(&logs, &elsewhere).unwrap();
        symlink(&elsewhere, &logs).unwrap();
    };
    a_segment_behind_a_link: SegmentMissing at Some(8), |f| {
        let (segment, elsewhere) = (f.segment_path(0), f.dir().join("elsewhere"));
        fs::rename(&segment, &elsewhere).unwrap();
        symlink(&elsewhere, &segment).unwrap();
    };
}

#[test]
fn a_changed_tile_is_named_and_no_record_is() {
    for name in ["tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"] {
        let fixture = Fixture::standard(700);
        fixture.change_file(name, |bytes| bytes[33] ^= 1);
        let judgement = judge(&fixture);
        assert_eq!(judgement.report["findings_total"], 1, "{}", judgement.text);
        assert_eq!(judgement.report["findings"][0]["file"], name);
    }
}

#[test]
fn a_child_that_its_parent_does_not_know_is_named() {
    let fixture = Fixture::standard(700);
    let range = fixture.range_in_bundle(300);
    let changed = fixture.another_build(300);
    fixture.change_file("tile/entries/001", |bytes| {
        bytes[range].copy_from_slice(&changed);
    });
    fixture.change_file("tile/0/001", |bytes| {
        bytes[44 * 32..45 * 32].copy_from_slice(&leaf(&changed));
    });
    let judgement = judge(&fixture);
    assert_eq!(
        judgement.report["findings"][0]["file"], "tile/0/001",
        "{}",
        judgement.text
    );
}

#[test]
fn another_key_of_the_same_name_is_not_the_pinned_one() {
    let fixture = Fixture::standard(20);
    let other = Key::new(NODE, 8).vkey();
    judge_with(&fixture, &[&other], None).assert_first(Code::CheckpointSignature, None);
}

/// The key of one node must not speak for another.
#[test]
fn a_log_signed_by_another_nodes_key_is_bad() {
    let mut fixture = Fixture::standard(20);
    let genuine = fixture.key.vkey();
    fixture.key = Key::new("custos/gw", 8);
    fixture.write();
    judge_with(&fixture, &[&genuine, &fixture.key.vkey()], None)
        .assert_first(Code::CheckpointOrigin, None);
}

/// Whatever single bit of a file is flipped: it does not pass.
#[test]
fn no_flipped_bit_passes() {
    let fixture = Fixture::standard(20);
    let files = [
        fixture.log_file("checkpoint"),
        fixture.log_file("tile/0/000.p/20"),
        fixture.log_file("tile/entries/000.p/20"),
        fixture.segment_path(0),
    ];
    for path in files {
        let genuine = fs::read(&path).unwrap();
        let mut seed = Sha256::digest(path.file_name().unwrap().as_encoded_bytes());
        for _ in 0..40 {
            seed = Sha256::digest(seed);
            let place = u32::from_be_bytes([seed[0], seed[1], seed[2], seed[3]]) as usize;
            let mut changed = genuine.clone();
            changed[place % genuine.len()] ^= 1 << (seed[4] % 8);
            fs::write(&path, changed).unwrap();
            let report = custos_verify::verify(&custos_verify::Options {
                directory: fixture.dir().to_owned(),
                keys: vec![custos_verify::VerifierKey::parse(&fixture.key.vkey()).unwrap()],
                remember: None,
            })
            .unwrap();
            assert_eq!(
                report.verdict().exit_code(),
                6,
                "{} at {place}",
                path.display()
            );
        }
        fs::write(&path, genuine).unwrap();
    }
}
