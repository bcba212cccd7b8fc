//! TLS on both sides: the gateway's own certificate, and how a target's certificate is checked.

use std::sync::Arc;

use aws_lc_rs::digest;
use custos_store::{Resource, UpstreamTls};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs::default_provider};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig,
    SignatureScheme,
};
use x509_cert::der::Decode as _;

use crate::error::UpstreamError;

/// A certificate chain and key that a listener shows to clients.
#[derive(Debug)]
pub struct ServerIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    end_point: Option<Vec<u8>>,
}

/// A certificate or key that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ServerIdentityError {
    /// Not PEM, or no certificate in it.
    #[error("no PEM certificate found")]
    Certificates,
    /// Not PEM, or no private key in it.
    #[error("no PEM private key found")]
    Key,
    /// The two do not belong together, or are of an unsupported kind.
    #[error("certificate and key cannot be used")]
    Unusable(#[source] rustls::Error),
}

impl ServerIdentity {
    /// Reads a PEM chain, the server's own certificate first, and its PEM key (PKCS #8, PKCS #1 or SEC 1).
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, ServerIdentityError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| ServerIdentityError::Certificates)?;
        let first = chain.first().ok_or(ServerIdentityError::Certificates)?;
        let end_point = end_point_hash(first);
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| ServerIdentityError::Key)?;
        let identity = Self {
            chain,
            key,
            end_point,
        };
        identity
            .server_config(&[])
            .map_err(ServerIdentityError::Unusable)?;
        Ok(identity)
    }

    /// The `tls-server-end-point` channel binding (RFC 5929 section 4) of the certificate shown.
    pub(crate) fn end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }

    /// What a TLS server needs to show it. `alpn`: the names that it accepts (RFC 7301).
    pub fn server_config(&self, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

/// `tls-server-end-point` (RFC 5929 section 4.1): the certificate's hash by the hash of its signature
/// algorithm, with SHA-256 in place of MD5 and SHA-1. `None` where that is not defined (Ed25519, PSS).
pub(crate) fn end_point_hash(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let parsed = x509_cert::Certificate::from_der(certificate.as_ref()).ok()?;
    let algorithm = match parsed.signature_algorithm().oid.to_string().as_str() {
        // md5, sha1 and sha256 WithRSAEncryption; ecdsa-with-SHA1 and -SHA256
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => &digest::SHA256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => &digest::SHA384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => &digest::SHA512,
        _ => return None,
    };
    Some(
        digest::digest(algorithm, certificate.as_ref())
            .as_ref()
            .to_vec(),
    )
}

/// How the target's certificate is checked, as its resource says.
pub(crate) fn client_config(
    resource: &Resource,
    alpn: &[&[u8]],
) -> Result<Arc<ClientConfig>, UpstreamError> {
    let settings = |error: rustls::Error| UpstreamError::TlsSettings(error.to_string());
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(settings)?;
    let builder = match resource.tls {
        UpstreamTls::Require => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Lenient {
                chain: None,
                provider: provider(),
            })),
        UpstreamTls::VerifyCa => {
            let chain = web_pki(roots(resource)?)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Lenient {
                    chain: Some(chain),
                    provider: provider(),
                }))
        }
        UpstreamTls::VerifyFull | UpstreamTls::Disable => {
            builder.with_webpki_verifier(web_pki(roots(resource)?)?)
        }
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

fn web_pki(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, UpstreamError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| UpstreamError::TlsSettings(error.to_string()))
}

fn roots(resource: &Resource) -> Result<RootCertStore, UpstreamError> {
    let mut roots = RootCertStore::empty();
    match &resource.ca_pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate
                    .map_err(|_| UpstreamError::TlsSettings("CA file is not PEM".to_owned()))?;
                roots
                    .add(certificate)
                    .map_err(|error| UpstreamError::TlsSettings(error.to_string()))?;
            }
        }
        None => {
            // Certificates of the system's store that do not parse are of no use to anyone.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(UpstreamError::TlsSettings(
            "no CA certificate to verify the target with".to_owned(),
        ));
    }
    Ok(roots)
}

/// Accepts a certificate whose name does not fit (`chain` given: `verify-ca`) or any certificate
/// (`require`, which protects against listeners only). Handshake signatures are always checked.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        // The verifier looks at the chain first and at the name last.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
