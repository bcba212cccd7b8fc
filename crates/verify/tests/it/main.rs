//! The verifier against logs that an independent writer made, and against tampered ones.
//!
//! Every fixture is judged by the library and by `scripts/verify.py`; both must find the same in the same places.

mod approvals;
mod approver;
mod by_hand;
mod command_line;
mod go;
mod good;
mod incomplete;
mod remembered;
mod scene;
mod tampered_approvals;
mod tampered_files;
mod tampered_records;
mod verifiers;
mod writer;

use std::collections::BTreeSet;

use custos_verify::Code;

/// Codes that only a direct call of `check_record` can show: an entry's length cannot say more than 65,535.
const UNIT_TESTED: &[Code] = &[Code::RecordTooLarge];

#[test]
fn every_failure_code_has_a_tampered_log() {
    let covered: BTreeSet<Code> = [
        tampered_approvals::COVERED,
        tampered_files::COVERED,
        tampered_records::COVERED,
        tampered_records::ALSO_COVERED,
        remembered::COVERED,
        UNIT_TESTED,
    ]
    .concat()
    .into_iter()
    .collect();
    let all: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    assert_eq!(covered, all);
}
