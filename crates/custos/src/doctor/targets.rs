//! Whether the targets answer, and prove who they are. Nobody signs in: the target sees a connection,
//! an `SSLRequest` (PostgreSQL documentation, "Message Formats"), and the end of the connection.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use custos_model::Protocol;
use custos_store::{Resource, UpstreamTls};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, Error as TlsError, RootCertStore};

use super::Check;

const TIMEOUT: Duration = Duration::from_secs(5);
/// Length 8 and the request code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

pub(super) fn check(resources: &[Resource]) -> Vec<Check> {
    resources.iter().map(probe).collect()
}

fn probe(resource: &Resource) -> Check {
    let Resource {
        name, host, port, ..
    } = resource;
    let is_ssh = name.protocol() == Protocol::Ssh;
    let mut stream = match connect(host, *port) {
        Ok(stream) => stream,
        Err(error) => {
            return Check::fail(
                "target",
                format!("{name}: cannot connect to {host}:{port}: {error}"),
                "check host, port and firewall",
            );
        }
    };
    if is_ssh {
        return greets(resource, &mut stream);
    }
    let mut answer = [0];
    let asked = stream
        .write_all(&SSL_REQUEST)
        .and_then(|()| stream.read_exact(&mut answer));
    match (asked, answer) {
        (Err(error), _) => Check::fail(
            "target",
            format!("{name}: {host}:{port} does not answer as PostgreSQL does: {error}"),
            "check the port",
        ),
        (Ok(()), [b'S']) => with_tls(resource, &mut stream),
        (Ok(()), [b'N']) if resource.tls == UpstreamTls::Disable => Check::ok(
            "target",
            format!("{name}: {host}:{port} answers, without TLS as configured"),
        ),
        (Ok(()), [b'N']) => Check::fail(
            "target",
            format!(
                "{name}: {host}:{port} does not offer TLS, and the resource asks for {}",
                resource.tls
            ),
            "turn TLS on at the target, or add the resource with --tls disable",
        ),
        (Ok(()), [other]) => Check::fail(
            "target",
            format!(
                "{name}: {host}:{port} answers with byte {other:#04x}, which is not PostgreSQL"
            ),
            "check the port",
        ),
    }
}

/// An SSH server speaks first (RFC 4253 section 4.2). Its key is checked when a session is opened.
fn greets(resource: &Resource, stream: &mut TcpStream) -> Check {
    let Resource {
        name, host, port, ..
    } = resource;
    let mut first = [0; 4];
    match stream.read_exact(&mut first) {
        Ok(()) if &first == b"SSH-" => Check::ok(
            "target",
            format!(
                "{name}: {host}:{port} answers as SSH does; its host key is checked by sessions"
            ),
        ),
        Ok(()) => Check::fail(
            "target",
            format!("{name}: {host}:{port} answers, but not as SSH does"),
            "check the port",
        ),
        Err(error) => Check::fail(
            "target",
            format!("{name}: {host}:{port} does not answer as SSH does: {error}"),
            "check the port",
        ),
    }
}

fn with_tls(resource: &Resource, stream: &mut TcpStream) -> Check {
    let name = &resource.name;
    if resource.tls == UpstreamTls::Disable {
        return Check::warn(
            "target",
            format!("{name}: answers and offers TLS, which the resource does not use"),
            "add the resource with --tls verify-full",
        );
    }
    let outcome = handshake(resource, stream);
    let accepted = match (resource.tls, &outcome) {
        (_, Ok(())) => true,
        (UpstreamTls::VerifyCa, Err(error)) => is_name_mismatch(error),
        (UpstreamTls::Require, Err(error)) => is_about_certificate(error),
        _ => false,
    };
    match outcome {
        Ok(()) => Check::ok(
            "target",
            format!("{name}: answers, and its certificate is good"),
        ),
        Err(error) if accepted => Check::warn(
            "target",
            format!(
                "{name}: answers with TLS; {} accepts what verify-full would not: {error}",
                resource.tls
            ),
            "add the resource with --tls verify-full and a fitting --ca-file",
        ),
        Err(error) => Check::fail(
            "target",
            format!("{name}: TLS ({}) fails: {error}", resource.tls),
            "give the target's CA with --ca-file, and its name as --host",
        ),
    }
}

fn connect(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Checks the certificate as `verify-full` does.
fn handshake(resource: &Resource, stream: &mut TcpStream) -> Result<(), anyhow::Error> {
    let mut roots = RootCertStore::empty();
    match &resource.ca_pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(certificate?)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(resource.host.clone())?;
    let mut connection = ClientConnection::new(Arc::new(config), name)?;
    while connection.is_handshaking() {
        connection.complete_io(stream)?;
    }
    Ok(())
}

fn tls_error(error: &anyhow::Error) -> Option<&TlsError> {
    error.chain().find_map(|cause| {
        let inner = cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        cause.downcast_ref().or_else(|| inner?.downcast_ref())
    })
}

fn is_about_certificate(error: &anyhow::Error) -> bool {
    matches!(tls_error(error), Some(TlsError::InvalidCertificate(_)))
}

/// The verifier looks at the chain first and at the name last, so the chain was good.
fn is_name_mismatch(error: &anyhow::Error) -> bool {
    matches!(
        tls_error(error),
        Some(TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        ))
    )
}
