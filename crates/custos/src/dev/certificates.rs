//! A CA of our own and one server certificate. The CA's key is thrown away at once: nobody can make
//! another certificate that clients of this directory would believe.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use custos_model::{Clock, Rfc3339};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::doctor::certificate_days_left;
use crate::failure::Failure;

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Renewed when less is left.
const DAYS_LEFT_MIN: i64 = 30;

/// Makes `ca.crt`, `server.crt` and `server.key` unless good ones are there.
pub(super) fn ensure(dir: &Path, clock: &dyn Clock) -> Result<(), Failure> {
    let now = clock.now();
    let days_left = std::fs::read(dir.join("server.crt"))
        .ok()
        .and_then(|pem| certificate_days_left(&pem, now.utc_ns));
    let complete = ["ca.crt", "server.key"]
        .iter()
        .all(|name| dir.join(name).exists());
    if complete && days_left.is_some_and(|days| days >= DAYS_LEFT_MIN) {
        return Ok(());
    }
    let made = make(now.utc_ns).context("cannot make certificates")?;
    write(dir, "server.key", 0o600, &made.key)?;
    write(dir, "server.crt", 0o644, &made.certificate)?;
    write(dir, "ca.crt", 0o644, &made.ca)
}

/// PEM texts.
struct Made {
    ca: String,
    certificate: String,
    key: String,
}

fn make(utc_ns: u64) -> Result<Made, rcgen::Error> {
    let mut ca = dated(CertificateParams::new(Vec::new())?, utc_ns);
    ca.distinguished_name
        .push(DnType::CommonName, "Custos development CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate()?;
    let ca_certificate = ca.self_signed(&ca_key)?;

    let names: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
    let mut server = dated(CertificateParams::new(names)?, utc_ns);
    server
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &Issuer::new(ca, ca_key))?;
    Ok(Made {
        ca: ca_certificate.pem(),
        certificate: certificate.pem(),
        key: server_key.serialize_pem(),
    })
}

/// Valid for two years from the beginning of this month, so that small clock errors do not matter.
fn dated(mut params: CertificateParams, utc_ns: u64) -> CertificateParams {
    let (year, month, _) = Rfc3339(utc_ns).date();
    let (year, month) = (
        i32::try_from(year).unwrap_or(2026),
        u8::try_from(month).unwrap_or(1),
    );
    params.not_before = date_time_ymd(year, month, 1);
    params.not_after = date_time_ymd(year + 2, month, 1);
    params
}

fn write(dir: &Path, name: &str, mode: u32, text: &str) -> Result<(), Failure> {
    let path = dir.join(name);
    // Made anew, so that the mode is right from the first byte.
    let _ = std::fs::remove_file(&path);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    Ok(written.with_context(|| format!("cannot write {}", path.display()))?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use custos_session::ServerIdentity;

    use super::*;
    use crate::machine::SystemClock;

    #[test]
    fn certificates_are_usable_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        ensure(dir.path(), &SystemClock::start()).unwrap();
        let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
        ServerIdentity::from_pem(&read("server.crt"), &read("server.key")).unwrap();
        let mode = std::fs::metadata(dir.path().join("server.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);

        let before = read("server.crt");
        ensure(dir.path(), &SystemClock::start()).unwrap();
        assert_eq!(read("server.crt"), before);
        std::fs::remove_file(dir.path().join("ca.crt")).unwrap();
        ensure(dir.path(), &SystemClock::start()).unwrap();
        assert_ne!(
            read("server.crt"),
            before,
            "without its CA a certificate is of no use"
        );
    }
}
