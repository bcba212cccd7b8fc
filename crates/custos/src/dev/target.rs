//! `--target postgres://user:password@host:port/database?sslmode=…`

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::Context as _;
use custos_api::NewResource;
use custos_model::Secret;
use custos_store::{Durability, Resource, UpstreamTls};

use crate::failure::Failure;
use crate::machine::environment;

/// What the target is called.
const NAME: &str = "postgres/demo";

/// A target given as a libpq connection URI.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) resource: Resource,
    pub(super) password: Secret,
    /// No mode was given, and the host is this machine.
    chosen: bool,
}

impl Target {
    /// Reads the URI. The password may stand in `PGPASSWORD` instead.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        Self::read(text).map_err(|what| {
            // The text itself is not shown: it may hold a password.
            Failure::usage(format!("the URL of --target {what}"))
                .hint("write postgres://user:password@host:port/database?sslmode=verify-full")
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or("does not begin with postgres://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = authority.rsplit_once('@').ok_or("names no user")?;
        let (user, password) = match user.split_once(':') {
            Some((user, password)) => (user, Some(decoded(password)?)),
            None => (user, None),
        };
        let (host, port) = host_and_port(host)?;
        let options = options(query)?;
        let (tls, chosen) = match options.get("sslmode") {
            Some(mode) => (
                mode.parse()
                    .map_err(|error| format!("has a bad sslmode: {error}"))?,
                false,
            ),
            None if is_loopback(&host) => (UpstreamTls::Disable, true),
            None => (UpstreamTls::VerifyFull, false),
        };
        let ca_pem = options.get("sslrootcert").map(|file| {
            let read = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"));
            read.map_err(|error| format!("names an unusable sslrootcert: {error:#}"))
        });
        let resource = Resource {
            name: NAME.parse().map_err(|_| "cannot be named")?,
            host,
            port,
            account: decoded(user)?,
            database: if database.is_empty() {
                None
            } else {
                Some(decoded(database)?)
            },
            tls,
            ca_pem: ca_pem.transpose()?,
            host_key: None,
            accept_env: None,
            allow_md5: false,
            allow_cleartext: false,
            durability: Durability::Strict,
            labels: BTreeMap::new(),
        };
        resource
            .check()
            .map_err(|problem| format!("has a bad part: {problem}"))?;
        let password = password
            .or_else(|| environment("PGPASSWORD"))
            .unwrap_or_default();
        Ok(Self {
            resource,
            password: Secret::new(password),
            chosen,
        })
    }

    /// As the admin API takes it.
    pub(super) fn new_resource(&self) -> NewResource {
        NewResource {
            resource: self.resource.clone(),
            password: self.password.clone(),
        }
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let Resource {
            name,
            host,
            port,
            account,
            tls,
            ..
        } = &self.resource;
        let why = if self.chosen {
            " (chosen because it is on this machine)"
        } else {
            ""
        };
        format!("{name} is {host}:{port} as {account}, TLS {tls}{why}")
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest
                .split_once(']')
                .ok_or("has an unfinished IPv6 address")?;
            (host.to_owned(), after.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (decoded(host)?, Some(port)),
            None => (decoded(text)?, None),
        },
    };
    if host.is_empty() {
        return Err("names no host".to_owned());
    }
    let port = match port {
        None | Some("") => 5432,
        Some(port) => port
            .parse()
            .map_err(|_| "has a port that is not a number".to_owned())?,
    };
    Ok((host, port))
}

fn options(query: &str) -> Result<BTreeMap<String, String>, String> {
    let mut options = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !matches!(key, "sslmode" | "sslrootcert") {
            return Err("has an unknown option (known: sslmode, sslrootcert)".to_owned());
        }
        options.insert(key.to_owned(), decoded(value)?);
    }
    Ok(options)
}

/// Percent-decoding (RFC 3986 section 2.1).
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().unwrap_or(0), rest.next().unwrap_or(0)];
        let value = std::str::from_utf8(&digits)
            .ok()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(value.ok_or("has a bad percent escape")?);
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read_as_libpq_reads_them() {
        let target = Target::read("postgres://app:p%40ss%2Fw@127.0.0.1:5433/shop").unwrap();
        assert_eq!(target.password.expose(), "p@ss/w");
        assert_eq!(
            (target.resource.host.as_str(), target.resource.port),
            ("127.0.0.1", 5433)
        );
        assert_eq!(target.resource.database.as_deref(), Some("shop"));
        assert_eq!(target.resource.tls, UpstreamTls::Disable);
        assert!(target.describe().contains("chosen because"));

        let target = Target::read("postgresql://app:x@db.example").unwrap();
        assert_eq!(
            (target.resource.port, target.resource.tls),
            (5432, UpstreamTls::VerifyFull)
        );
        assert_eq!(target.resource.database, None);
        let target = Target::read("postgres://app:x@[::1]:5?sslmode=require").unwrap();
        assert_eq!(
            (target.resource.host.as_str(), target.resource.tls),
            ("::1", UpstreamTls::Require)
        );
    }

    #[test]
    fn errors_never_quote_the_password() {
        for bad in [
            "mysql://app:hunter2@h",
            "postgres://app:hunter2",
            "postgres://app:hunter2@",
            "postgres://app:hunter2%zz@h",
            "postgres://app:hunter2@h:port/",
            "postgres://app:hunter2@h/d?sslmode=prefer",
            "postgres://app:hunter2@h/d?target=hunter",
        ] {
            let text = Target::parse(bad).unwrap_err().to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
