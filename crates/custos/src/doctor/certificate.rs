//! How long the listeners' certificates last.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_cert::der::Decode as _;

use super::Check;
use crate::config::Config;

/// With less left, it is time to renew.
const DAYS_LEFT_MIN: i64 = 21;
const SECONDS_OF_DAY: i64 = 86_400;

/// Whole days until the first certificate of the chain ends, negative afterwards; `None`: not a certificate.
pub(crate) fn days_left(pem: &[u8], utc_ns: u64) -> Option<i64> {
    let first = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    let certificate = x509_cert::Certificate::from_der(first.as_ref()).ok()?;
    let end = certificate
        .tbs_certificate()
        .validity()
        .not_after
        .to_unix_duration()
        .as_secs();
    let left = i64::try_from(end).ok()? - i64::try_from(utc_ns / 1_000_000_000).ok()?;
    Some(left.div_euclid(SECONDS_OF_DAY))
}

pub(super) fn check(config: &Config, utc_ns: u64) -> Vec<Check> {
    let with_tls = config.listeners.iter().filter_map(|listener| {
        listener
            .tls
            .as_ref()
            .map(|tls| (&listener.name, &tls.certificate, &tls.certificate_pem))
    });
    with_tls
        .map(|(name, file, pem)| {
            let shown = file.display();
            let hint =
                format!("put a new certificate into {shown} and its key, then reload (SIGHUP)");
            match days_left(pem, utc_ns) {
                None => Check::fail("certificate", format!("{name}: {shown} has no dates"), hint),
                Some(days) if days < 0 => Check::fail(
                    "certificate",
                    format!("{name}: {shown} ended {} days ago", -days),
                    hint,
                ),
                Some(days) if days < DAYS_LEFT_MIN => Check::warn(
                    "certificate",
                    format!("{name}: {shown} ends in {days} days"),
                    hint,
                ),
                Some(days) => Check::ok("certificate", format!("{name}: {days} days left")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn days_are_counted_to_the_end() {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2026, 11, 22);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        // 2026-11-21T12:00:00Z
        let noon_before_ns = 1_795_262_400_000_000_000;
        assert_eq!(super::days_left(pem.as_bytes(), noon_before_ns), Some(0));
        assert_eq!(
            super::days_left(pem.as_bytes(), noon_before_ns + 86_400_000_000_000),
            Some(-1)
        );
        assert_eq!(super::days_left(b"not pem", noon_before_ns), None);
    }
}
