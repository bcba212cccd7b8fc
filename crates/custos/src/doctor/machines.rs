//! Static secrets of machines: each is a finding for as long as it is there.

use super::Check;
use crate::config::Config;
use crate::machines;

pub(super) fn check(config: &Config, utc_ns: u64) -> Vec<Check> {
    let findings = machines::findings(config);
    let checks = findings.iter().map(|finding| {
        let machine = &finding.machine;
        let hint = format!(
            "give {machine} a key of its own: `custos machine new-key FILE`, then `keys_file` in its [[machine]]"
        );
        if finding.is_over(utc_ns) {
            Check::fail("machine", finding.text(utc_ns), hint)
        } else {
            Check::warn("machine", finding.text(utc_ns), hint)
        }
    });
    checks.collect()
}
