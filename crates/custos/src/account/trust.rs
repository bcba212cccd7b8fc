//! Whose certificates are believed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::failure::Failure;
use crate::machine::environment;

/// More than any list of authorities of one's own.
const PEM_BYTES_MAX: u64 = 256 << 10;
/// Where systems keep all authorities in one file, which libpq needs to be told.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Certificates in PEM that one can begin to believe: at least one, and all can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorities {
    pem: String,
}

impl Authorities {
    /// Checks them.
    pub(crate) fn from_pem(pem: String) -> anyhow::Result<Self> {
        anyhow::ensure!(pem.len() as u64 <= PEM_BYTES_MAX, "more than 256 KiB");
        let mut store = RootCertStore::empty();
        add(&mut store, &pem)?;
        anyhow::ensure!(!store.is_empty(), "no PEM certificate in it");
        Ok(Self { pem })
    }

    /// Reads them from a file that somebody named.
    pub(crate) fn from_file(path: &Path) -> Result<Self, Failure> {
        let read = || -> anyhow::Result<Self> {
            let length = std::fs::metadata(path)?.len();
            anyhow::ensure!(length <= PEM_BYTES_MAX, "more than 256 KiB");
            Self::from_pem(std::fs::read_to_string(path)?)
        };
        read()
            .with_context(|| format!("cannot use the CA certificates in {}", path.display()))
            .map_err(|error| Failure::new(error).exit(crate::failure::Exit::Usage))
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }
}

/// TLS 1.2 and 1.3; the system's authorities, and those given.
pub(crate) fn client_config(
    authorities: Option<&Authorities>,
) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    // Certificates of the system's store that do not parse are of no use to anyone.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(authorities) = authorities {
        add(&mut roots, &authorities.pem)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The file of the system's own authorities. Without being told one, libpq looks only into the home directory.
pub(crate) fn system_bundle() -> Option<PathBuf> {
    environment("SSL_CERT_FILE")
        .into_iter()
        .chain(SYSTEM_BUNDLES.map(str::to_owned))
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

fn add(store: &mut RootCertStore, pem: &str) -> anyhow::Result<()> {
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        store.add(certificate.context("not PEM")?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> String {
        let made = rcgen::generate_simple_self_signed(vec!["gw.example.com".to_owned()]);
        made.unwrap().cert.pem()
    }

    #[test]
    fn certificates_are_read_before_they_are_believed() {
        let one = certificate();
        assert_eq!(Authorities::from_pem(one.clone()).unwrap().pem(), one);
        assert!(client_config(Some(&Authorities { pem: one.clone() })).is_ok());
        let long = format!("{}{one}", "#\n".repeat(1 << 17));
        for bad in [
            String::new(),
            "hello".to_owned(),
            one.replace("MI", "!!"),
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            long,
        ] {
            assert!(Authorities::from_pem(bad.clone()).is_err(), "{bad:.80}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.crt");
        let said = |file: &Path| Authorities::from_file(file).unwrap_err().to_string();
        assert!(said(&file).contains("No such file"), "{}", said(&file));
        std::fs::write(&file, "hello").unwrap();
        assert!(
            said(&file).contains("ca.crt\ncaused by: no PEM certificate"),
            "{}",
            said(&file)
        );
    }
}
