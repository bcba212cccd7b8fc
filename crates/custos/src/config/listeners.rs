//! The listeners of the file, with the certificates that they name.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use custos_session::{ClientAuthentication, ListenerSettings, ListenerTls, ServerIdentity};

use super::problem::Problems;
use super::walk::Section;

/// The largest certificate or key file that is read.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// One address that clients connect to.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// Its name.
    pub(crate) name: String,
    /// The protocol's word.
    pub(crate) protocol: String,
    /// Where.
    pub(crate) address: SocketAddr,
    /// How clients sign in.
    pub(crate) authentication: ClientAuthentication,
    /// Certificate and key; `None` for plain text on loopback.
    pub(crate) tls: Option<Tls>,
}

/// What a listener proves itself with.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    /// File of the certificate chain.
    pub(crate) certificate: PathBuf,
    /// File of the private key.
    pub(crate) key: PathBuf,
    /// The chain's PEM text.
    pub(crate) certificate_pem: Vec<u8>,
    /// Both, ready for use.
    pub(crate) identity: Arc<ServerIdentity>,
}

impl Listener {
    /// As the session pipeline wants it.
    pub(crate) fn settings(&self) -> ListenerSettings {
        ListenerSettings {
            name: self.name.clone(),
            address: self.address,
            tls: match &self.tls {
                Some(tls) => ListenerTls::Required(Arc::clone(&tls.identity)),
                None => ListenerTls::Off,
            },
            authentication: self.authentication,
        }
    }

    /// The word of the `authentication` key.
    pub(crate) fn authentication_word(&self) -> &'static str {
        match self.authentication {
            ClientAuthentication::Scram => "scram",
            ClientAuthentication::Password => "password",
        }
    }
}

/// Every listener, or `None` when one of them has a problem.
pub(super) fn read(
    top: &Section<'_>,
    base: &Path,
    problems: &mut Problems,
) -> Option<Vec<Listener>> {
    let sections = top.tables("listener", "listener[]", problems);
    if sections.is_empty() && !top.has("listener") {
        problems.push(
            top.span_of("listener"),
            "there is no listener",
            "write at least one table [[listener]] with name, protocol and address",
        );
    }
    let read: Vec<(Range<usize>, Option<Listener>)> = sections
        .iter()
        .map(|section| (section.span_of("name"), listener(section, base, problems)))
        .collect();
    refuse_repeated_names(&read, problems);
    read.into_iter().map(|(_, listener)| listener).collect()
}

fn listener(section: &Section<'_>, base: &Path, problems: &mut Problems) -> Option<Listener> {
    section.refuse_unknown(&[], problems);
    let name = section.text("name", problems);
    let protocol = section.text("protocol", problems);
    let address = section.address("address", problems);
    let authentication = section.text("authentication", problems);
    let mode = section.text("tls", problems);
    let certificate = section.path("certificate", base, problems);
    let key = section.path("key", base, problems);
    if protocol.as_deref() == Some("ssh") {
        return ssh(section, name?, address?, problems);
    }
    let authentication = match authentication?.as_str() {
        "password" => ClientAuthentication::Password,
        _ => ClientAuthentication::Scram,
    };
    let tls = if mode? == "required" {
        Some(tls(section, certificate, key, problems)?)
    } else {
        check_plain_text(section, address, authentication, problems);
        None
    };
    Some(Listener {
        name: name?,
        protocol: protocol?,
        address: address?,
        authentication,
        tls,
    })
}

/// SSH has its own encryption and host key, so there is nothing else to say.
fn ssh(
    section: &Section<'_>,
    name: String,
    address: SocketAddr,
    problems: &mut Problems,
) -> Option<Listener> {
    let mut is_good = true;
    for key in ["tls", "certificate", "key", "authentication"] {
        if section.has(key) {
            is_good = false;
            problems.push(
                section.span_of(key),
                format!("`{}` is not for SSH", section.shown(key)),
                "take it away: SSH encrypts by itself, and the credential is the password",
            );
        }
    }
    is_good.then(|| Listener {
        name,
        protocol: "ssh".to_owned(),
        address,
        authentication: ClientAuthentication::Password,
        tls: None,
    })
}

fn check_plain_text(
    section: &Section<'_>,
    address: Option<SocketAddr>,
    authentication: ClientAuthentication,
    problems: &mut Problems,
) {
    if let Some(address) = address
        && !address.ip().is_loopback()
    {
        problems.push(
            section.span_of("tls"),
            format!(
                "`{}` is \"off\", but {address} is not a loopback address",
                section.shown("tls")
            ),
            "set `certificate` and `key`, or listen on 127.0.0.1 or [::1]",
        );
    }
    if authentication == ClientAuthentication::Password {
        problems.push(
            section.span_of("authentication"),
            format!(
                "`{}` is \"password\" without TLS",
                section.shown("authentication")
            ),
            "the credential would cross the connection readable: write \"scram\", or use TLS",
        );
    }
}

/// Reads certificate and key.
pub(super) fn tls(
    section: &Section<'_>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    problems: &mut Problems,
) -> Option<Tls> {
    let mut pem = |name: &'static str, path: Option<&Path>| {
        if let Some(path) = path {
            return read_pem(section, name, path, problems);
        }
        problems.push(
            section.span_of(name),
            format!("`{}` is missing", section.shown(name)),
            "name a PEM file, or set `tls = \"off\"` on a loopback address",
        );
        None
    };
    let certificate_pem = pem("certificate", certificate.as_deref());
    let key_pem = pem("key", key.as_deref());
    let (certificate_pem, key_pem) = (certificate_pem?, key_pem?);
    match ServerIdentity::from_pem(&certificate_pem, &key_pem) {
        Ok(identity) => Some(Tls {
            certificate: certificate?,
            key: key?,
            certificate_pem,
            identity: Arc::new(identity),
        }),
        Err(error) => {
            let name = match error {
                custos_session::ServerIdentityError::Key => "key",
                _ => "certificate",
            };
            problems.push(
                section.span_of(name),
                format!("`{}`: {}", section.shown(name), chain(&error)),
                "certificate and key must be PEM files that belong together",
            );
            None
        }
    }
}

fn read_pem(
    section: &Section<'_>,
    name: &'static str,
    path: &Path,
    problems: &mut Problems,
) -> Option<Vec<u8>> {
    let read = std::fs::metadata(path).and_then(|metadata| {
        if metadata.len() > PEM_BYTES_MAX {
            return Err(std::io::Error::other("file is larger than 1 MiB"));
        }
        std::fs::read(path)
    });
    read.map_err(|error| {
        problems.push(
            section.span_of(name),
            format!(
                "`{}`: cannot read {}: {error}",
                section.shown(name),
                path.display()
            ),
            "name a PEM file that the gateway's user can read",
        );
    })
    .ok()
}

fn refuse_repeated_names(read: &[(Range<usize>, Option<Listener>)], problems: &mut Problems) {
    let mut seen = std::collections::HashSet::new();
    for (span, listener) in read {
        if let Some(listener) = listener
            && !seen.insert(listener.name.as_str())
        {
            problems.push(
                span.clone(),
                format!("an earlier listener is called `{}` too", listener.name),
                "give each listener a name of its own",
            );
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
