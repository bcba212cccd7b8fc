//! Whose certificates are trusted.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::FetchError;

/// The system's authorities, and those of `extra_ca_pem`.
pub(crate) fn config(extra_ca_pem: Option<&str>) -> Result<Arc<ClientConfig>, FetchError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(FetchError::TlsSettings)?
        .with_root_certificates(roots(extra_ca_pem)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn roots(extra_ca_pem: Option<&str>) -> Result<RootCertStore, FetchError> {
    let mut roots = RootCertStore::empty();
    // Certificates of the system's store that do not parse are of no use to anyone.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = extra_ca_pem {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|_| FetchError::Authorities)?;
            roots
                .add(certificate)
                .map_err(|_| FetchError::Authorities)?;
        }
        if roots.len() == before {
            return Err(FetchError::Authorities);
        }
    }
    if roots.is_empty() {
        return Err(FetchError::Authorities);
    }
    Ok(roots)
}
