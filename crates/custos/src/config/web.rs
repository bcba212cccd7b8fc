//! The web address of the file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use custos_oauth::BaseUrl;

use super::listeners::{self, Tls};
use super::problem::Problems;
use super::walk::Section;
use super::workloads::{CA_BYTES_MAX, read_file};

/// Where people's browsers and the command line sign in.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it is called: an origin without a path, and without a slash at its end.
    pub(crate) url: String,
    /// Certificate and key; `None` for plain text on loopback.
    pub(crate) tls: Option<Tls>,
    /// The listeners' own certificate authority: file and PEM text.
    pub(crate) client_ca: Option<(PathBuf, String)>,
}

/// The table `[web]`: `Ok(None)` when it is not there, `Err` when it has a problem.
pub(super) fn read(
    top: &Section<'_>,
    base: &Path,
    problems: &mut Problems,
) -> Result<Option<Web>, ()> {
    if !top.has("web") {
        return Ok(None);
    }
    let section = top.table("web", problems);
    section.refuse_unknown(&[], problems);
    let address = section.address("address", problems);
    let url = section.text("url", problems);
    let mode = section.text("tls", problems);
    let certificate = section.path("certificate", base, problems);
    let key = section.path("key", base, problems);
    let client_ca = match section.path("client_ca_file", base, problems) {
        Some(path) => {
            let text = read_file(&section, "client_ca_file", &path, CA_BYTES_MAX, problems);
            Some((path, text.ok_or(())?))
        }
        None => None,
    };
    let (Some(address), Some(url), Some(mode)) = (address, url, mode) else {
        return Err(());
    };
    let tls = if mode == "required" {
        Some(listeners::tls(&section, certificate, key, problems).ok_or(())?)
    } else {
        None
    };
    if tls.is_none() && !address.ip().is_loopback() {
        problems.push(
            section.span_of("tls"),
            format!(
                "`{}` is \"off\", but {address} is not a loopback address",
                section.shown("tls")
            ),
            "set `certificate` and `key`, or listen on 127.0.0.1 or [::1]",
        );
        return Err(());
    }
    let base = url.parse::<BaseUrl>();
    if !base.is_ok_and(|base| base.is_https() == tls.is_some()) {
        problems.push(
            section.span_of("url"),
            format!("`{}` is \"{url}\"", section.shown("url")),
            if tls.is_some() {
                "write https:// and a host, such as \"https://custos.example.com\", and nothing behind it"
            } else {
                "without TLS write http:// and a loopback address with its port, such as \"http://127.0.0.1:8080\", or http://localhost:8080 for passkeys"
            },
        );
        return Err(());
    }
    Ok(Some(Web {
        address,
        url,
        tls,
        client_ca,
    }))
}
