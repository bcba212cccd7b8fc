//! A conversation over SFTP between a hostile client and a hostile server: followed or refused, in bounded memory, and each
//! request has one answer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = custos_sftp::read_all(bytes);
    let _ = custos_sftp::replay(bytes);
});
