//! How a client connects with a credential: what is printed to be copied and pasted.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use custos_api::{CredentialIssued, ListenerStatus, Status};
use custos_store::Resource;

/// Everything that a libpq client needs but the secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// Host to connect to.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// Login name.
    pub(crate) user: String,
    /// Database.
    pub(crate) database: String,
    /// TLS on this listener.
    pub(crate) tls: bool,
    /// CA file that verifies the listener's certificate, where the gateway made its own.
    pub(crate) ca_file: Option<PathBuf>,
}

impl Connection {
    /// To the first listener of the resource's protocol; `None` when there is none.
    pub(crate) fn new(
        issued: &CredentialIssued,
        resource: &Resource,
        status: &Status,
    ) -> Option<Self> {
        let protocol = issued.resource.protocol().as_str();
        let listener = status
            .listeners
            .iter()
            .find(|listener| listener.protocol == protocol)?;
        let (host, port) = host_and_port(listener)?;
        let name = issued.resource.as_str();
        let own_name = name.split_once('/').map_or(name, |(_, own)| own);
        Some(Self {
            host,
            port,
            user: issued.principal.clone(),
            database: resource
                .database
                .clone()
                .unwrap_or_else(|| own_name.to_owned()),
            tls: listener.tls != "off",
            ca_file: status.client_ca_file.clone(),
        })
    }

    /// A libpq connection string (key=value form), without the secret.
    pub(crate) fn string(&self) -> String {
        let shown: Vec<String> = self
            .parameters()
            .iter()
            .map(|(key, value)| format!("{key}={}", quoted_for_libpq(value)))
            .collect();
        shown.join(" ")
    }

    /// libpq's connection parameters, without the secret and without quotes.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("host", self.host.clone()),
            ("port", self.port.to_string()),
            ("user", self.user.clone()),
            ("dbname", self.database.clone()),
            ("sslmode", self.sslmode().to_owned()),
        ];
        if let Some(file) = self.root_certificate() {
            pairs.push(("sslrootcert", file));
        }
        pairs
    }

    /// The psql command with the secret in its environment.
    pub(crate) fn psql(&self, secret: &str) -> String {
        format!(
            "PGPASSWORD={} psql {}",
            quoted_for_shell(secret),
            quoted_for_shell(&self.string())
        )
    }

    /// The ssh command; the secret is its password.
    pub(crate) fn ssh(&self) -> String {
        format!(
            "ssh -p {} {}",
            self.port,
            quoted_for_shell(&format!("{}+{}@{}", self.user, self.database, self.host))
        )
    }

    /// Shell lines that set libpq's environment variables.
    pub(crate) fn environment(&self, secret: &str) -> String {
        let mut lines = String::new();
        for (key, value) in &self.variables(secret) {
            let _ = writeln!(lines, "export {key}={}", quoted_for_shell(value));
        }
        lines
    }

    /// libpq's environment variables, with the secret.
    pub(crate) fn variables(&self, secret: &str) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("PGHOST", self.host.clone()),
            ("PGPORT", self.port.to_string()),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
            ("PGPASSWORD", secret.to_owned()),
            ("PGSSLMODE", self.sslmode().to_owned()),
        ];
        if let Some(file) = self.root_certificate() {
            pairs.push(("PGSSLROOTCERT", file));
        }
        pairs
    }

    fn sslmode(&self) -> &'static str {
        if self.tls { "verify-full" } else { "disable" }
    }

    fn root_certificate(&self) -> Option<String> {
        let file = self.ca_file.as_ref().filter(|_| self.tls)?;
        Some(file.display().to_string())
    }
}

/// Certificates name `localhost` and seldom an address, and nobody connects to `0.0.0.0`.
fn host_and_port(listener: &ListenerStatus) -> Option<(String, u16)> {
    let address: SocketAddr = listener.address.parse().ok()?;
    let ip = address.ip();
    let host = if ip.is_unspecified() || ip.to_string() == "127.0.0.1" || ip.to_string() == "::1" {
        "localhost".to_owned()
    } else {
        ip.to_string()
    };
    Some((host, address.port()))
}

/// libpq: single quotes round what is not plain, backslash before quotes and backslashes.
fn quoted_for_libpq(value: &str) -> String {
    if !value.is_empty() && value.bytes().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// POSIX shell: single quotes, each inner one as `'\''`.
pub(crate) fn quoted_for_shell(value: &str) -> String {
    if !value.is_empty() && value.bytes().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-/:@%+,".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(ca_file: Option<&str>) -> Connection {
        Connection {
            host: "localhost".to_owned(),
            port: 6432,
            user: "o'hara".to_owned(),
            database: "shop".to_owned(),
            tls: true,
            ca_file: ca_file.map(PathBuf::from),
        }
    }

    #[test]
    fn commands_survive_the_shell() {
        let command = connection(Some("/tmp/a b/ca.crt")).psql("cus_a-b_c");
        let script = format!("psql() {{ printf '%s|' \"$PGPASSWORD\" \"$@\"; }}; {command}");
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(script)
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "cus_a-b_c|host=localhost port=6432 user='o\\'hara' dbname=shop sslmode=verify-full \
             sslrootcert='/tmp/a b/ca.crt'|"
        );
    }

    #[test]
    fn environment_survives_the_shell() {
        let lines = connection(None).environment("cus_x");
        let script = format!("{lines} printf '%s|' \"$PGUSER\" \"$PGSSLMODE\" \"$PGPASSWORD\"");
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(script)
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "o'hara|verify-full|cus_x|"
        );
    }

    #[test]
    fn hosts_are_what_certificates_name() {
        let listener = |address: &str| ListenerStatus {
            name: "pg".to_owned(),
            protocol: "postgres".to_owned(),
            address: address.to_owned(),
            tls: "required".to_owned(),
            host_key: None,
        };
        let host = |address| host_and_port(&listener(address)).unwrap().0;
        assert_eq!(host("0.0.0.0:5432"), "localhost");
        assert_eq!(host("[::1]:5432"), "localhost");
        assert_eq!(host("10.1.2.3:5432"), "10.1.2.3");
    }
}
