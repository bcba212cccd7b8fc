//! What the gateway gives to open one resource, checked before any of it reaches a client.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use custos_model::{ResourceName, Secret};
use serde::Deserialize;

use super::state::StateDirectory;
use super::told;
use super::trust::{self, Authorities};
use super::web_url::is_loopback;
use crate::commands::connect::Connection;

const TEXT_BYTES_MAX: usize = 255;
const SECRET_BYTES_MAX: usize = 4096;

/// The answer of `POST /v1/my/connections`.
#[derive(Deserialize)]
pub(crate) struct ConnectionAnswer {
    secret: String,
    login_name: String,
    resource: String,
    host: String,
    port: u16,
    tls: bool,
    ca_certificates: Option<String>,
    database: Option<String>,
    expires_utc: String,
}

/// A way to one resource.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) secret: Secret,
    /// RFC 3339.
    pub(crate) expires_utc: String,
}

impl ConnectionAnswer {
    /// Checks it and puts the CA certificates where a client finds them.
    pub(crate) fn open(
        self,
        wanted: &ResourceName,
        state: &StateDirectory,
    ) -> anyhow::Result<Opened> {
        let secret = Secret::new(self.secret);
        ensure!(
            self.resource == wanted.as_str(),
            "the gateway opened `{}` instead of {wanted}",
            told(&self.resource)
        );
        ensure!(
            is_host(&self.host) && self.port != 0,
            "the gateway named a host that cannot be used: `{}`",
            told(&self.host)
        );
        ensure!(
            self.tls || is_loopback(&self.host),
            "the gateway wants a connection to {} without TLS, which is only taken on this machine itself",
            self.host
        );
        ensure!(
            is_plain(secret.expose(), SECRET_BYTES_MAX) && !secret.expose().contains(' '),
            "the gateway gave a secret that cannot be used"
        );
        let database = self.database.unwrap_or_else(|| own_name(wanted).to_owned());
        for (what, text) in [("login name", &self.login_name), ("database", &database)] {
            ensure!(
                is_plain(text, TEXT_BYTES_MAX),
                "the gateway gave a {what} that cannot be used: `{}`",
                told(text)
            );
        }
        Ok(Opened {
            connection: Connection {
                ca_file: ca_file(self.tls, self.ca_certificates, state)?,
                host: self.host,
                port: self.port,
                user: self.login_name,
                database,
                tls: self.tls,
            },
            secret,
            expires_utc: told(&self.expires_utc),
        })
    }
}

/// The part after the protocol.
pub(crate) fn own_name(resource: &ResourceName) -> &str {
    let name = resource.as_str();
    name.split_once('/').map_or(name, |(_, own)| own)
}

fn ca_file(
    tls: bool,
    pem: Option<String>,
    state: &StateDirectory,
) -> anyhow::Result<Option<PathBuf>> {
    let Some(pem) = pem.filter(|_| tls) else {
        return Ok(trust::system_bundle().filter(|_| tls));
    };
    let authorities = Authorities::from_pem(pem)
        .context("the gateway gave CA certificates that cannot be used")?;
    let file = state.certificate_file(&authorities);
    file.map(Some)
        .map_err(|failure| anyhow::anyhow!("{failure}"))
}

/// One host: libpq would take a list, a socket's directory or an abstract socket too.
fn is_host(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(sound)
}

/// Text that stays on its line, in a shell as in a file.
fn is_plain(text: &str, bytes_max: usize) -> bool {
    let sound = |character: char| !character.is_control();
    (1..=bytes_max).contains(&text.len()) && text.trim() == text && text.chars().all(sound)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer() -> Value {
        json!({
            "id": "0194", "secret": "cus_x", "login_name": "alice", "resource": "postgres/shop",
            "protocol": "postgres", "host": "gw.example.com", "port": 6432, "tls": true,
            "ca_certificates": null, "database": null, "expires_utc": "2026-11-21T12:00:00Z",
        })
    }

    fn opened(answer: Value) -> anyhow::Result<Opened> {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDirectory::at(&dir.path().join("custos"));
        let answer: ConnectionAnswer = serde_json::from_value(answer)?;
        answer.open(&"postgres/shop".parse().unwrap(), &state)
    }

    #[test]
    fn a_sound_answer_opens() {
        let opened = opened(answer()).unwrap();
        assert_eq!(opened.connection.database, "shop");
        assert_eq!(opened.connection.ca_file, trust::system_bundle());
        assert!(!format!("{opened:?}").contains("cus_x"));
    }

    #[test]
    fn the_gateways_own_authority_gets_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDirectory::at(&dir.path().join("custos"));
        let made = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap();
        let mut text = answer();
        text["ca_certificates"] = made.cert.pem().into();
        text["database"] = "orders".into();
        let answer: ConnectionAnswer = serde_json::from_value(text).unwrap();
        let opened = answer
            .open(&"postgres/shop".parse().unwrap(), &state)
            .unwrap();
        let file = opened.connection.ca_file.unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), made.cert.pem());
        assert_eq!(opened.connection.database, "orders");
    }

    #[test]
    fn hostile_answers_open_nothing() {
        for (name, value) in [
            ("resource", json!("postgres/other")),
            ("host", json!("")),
            ("host", json!("/tmp")),
            ("host", json!("@abstract")),
            ("host", json!("a,b")),
            ("host", json!("a b")),
            ("host", json!("-h")),
            ("host", json!("a\nsslmode=disable")),
            ("host", json!("$(calc)")),
            ("port", json!(0)),
            ("port", json!(70000)),
            ("tls", json!(false)),
            ("secret", json!("")),
            ("secret", json!("a\nb")),
            ("secret", json!("a b")),
            ("secret", json!("x".repeat(5000))),
            ("login_name", json!("")),
            ("login_name", json!("a\nhost=evil")),
            ("login_name", json!(" alice")),
            ("database", json!("shop\r")),
            ("database", json!("")),
            ("ca_certificates", json!("hello")),
        ] {
            let mut bad = answer();
            bad[name] = value.clone();
            assert!(opened(bad).is_err(), "{name} {value}");
        }
        let mut local = answer();
        local["tls"] = false.into();
        local["host"] = "localhost".into();
        assert!(opened(local).unwrap().connection.ca_file.is_none());
    }
}
