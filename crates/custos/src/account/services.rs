//! Connections for programs that read libpq's files: a section of a `pg_service.conf` and a password file, both in the
//! state directory.
//!
//! Each service has a password file of its own. In a shared one the entries of two resources with the same database
//! name would stand for the same host, port, database and user, and the secret says which resource is opened.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use custos_model::{ResourceName, Secret};

use super::connection::own_name;
use super::gateway::Gateway;
use super::private_file;
use super::state::{StateDirectory, suffixed};
use crate::commands::connect::{Connection, quoted_for_shell};
use crate::failure::Failure;

/// A written entry.
#[derive(Debug)]
pub(crate) struct Service {
    name: String,
    file: PathBuf,
    password_file: PathBuf,
}

impl Service {
    /// Writes the entry in place of an older one of the same gateway and resource.
    pub(crate) fn write(
        state: &StateDirectory,
        gateway: &Gateway,
        resource: &ResourceName,
        connection: &Connection,
        secret: &Secret,
    ) -> Result<Self, Failure> {
        let directory = state.directory("postgres")?;
        let _lock = private_file::lock(&directory.join("lock"))?;
        let service = Self {
            name: format!("{}@{}", own_name(resource), gateway.authority()),
            file: directory.join("pg_service.conf"),
            password_file: suffixed(
                &directory.join(format!("{}@{}", own_name(resource), gateway.key())),
                "pgpass",
            ),
        };
        let entry = password_entry(connection, secret);
        private_file::write(&service.password_file, entry.as_bytes())?;
        let before = private_file::read(&service.file)?.unwrap_or_default();
        let section = section(&service.name, connection, &service.password_file);
        let after = replaced(&before, &service.name, &section);
        private_file::write(&service.file, &after)?;
        Ok(service)
    }

    /// The command to be copied and pasted.
    pub(crate) fn psql(&self) -> String {
        format!(
            "PGSERVICEFILE={} PGSERVICE={} psql",
            quoted_for_shell(&self.file.display().to_string()),
            quoted_for_shell(&self.name)
        )
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn password_file(&self) -> &Path {
        &self.password_file
    }
}

/// One line of a password file; `:` and `\` are escaped.
fn password_entry(connection: &Connection, secret: &Secret) -> String {
    let port = connection.port.to_string();
    let fields = [
        &connection.host,
        &port,
        &connection.database,
        &connection.user,
        secret.expose(),
    ];
    let escaped = fields.map(|field| field.replace('\\', "\\\\").replace(':', "\\:"));
    format!("{}\n", escaped.join(":"))
}

/// A section: names and values as they are, without quotes.
fn section(name: &str, connection: &Connection, password_file: &Path) -> String {
    let mut section = format!("[{name}]\n");
    let passfile = ("passfile", password_file.display().to_string());
    for (key, value) in connection.parameters().into_iter().chain([passfile]) {
        let _ = writeln!(section, "{key}={value}");
    }
    section
}

/// The file with the section in place of the one of that name, or at its end. A section ends at the first line that is
/// empty, a comment or another header, so that everything else stays as it is, byte for byte.
fn replaced(file: &[u8], name: &str, section: &str) -> Vec<u8> {
    let header = format!("[{name}]");
    let mut after = Vec::new();
    let mut is_placed = false;
    let mut is_inside = false;
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        let is_header = text == header.as_bytes();
        if is_header && !is_placed {
            after.extend_from_slice(section.as_bytes());
            is_placed = true;
        }
        is_inside = is_header || (is_inside && !matches!(text.first(), None | Some(b'#' | b'[')));
        if !is_inside {
            after.extend_from_slice(line);
        }
    }
    if !is_placed {
        if !after.is_empty() {
            let gap: &[u8] = if after.ends_with(b"\n") {
                b"\n"
            } else {
                b"\n\n"
            };
            after.extend_from_slice(gap);
        }
        after.extend_from_slice(section.as_bytes());
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(database: &str) -> Connection {
        Connection {
            host: "gw.example.com".to_owned(),
            port: 6432,
            user: "al:ice\\".to_owned(),
            database: database.to_owned(),
            tls: true,
            ca_file: Some("/a b/ca.crt".into()),
        }
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn only_the_own_section_is_replaced() {
        let section = "[shop@gw]\nhost=new\n";
        let of =
            |file: &str| String::from_utf8(replaced(file.as_bytes(), "shop@gw", section)).unwrap();
        assert_eq!(of(""), section);
        assert_eq!(
            of("[own]\nhost=x"),
            "[own]\nhost=x\n\n[shop@gw]\nhost=new\n"
        );
        assert_eq!(
            of(
                "# mine\n[shop]\nhost=a\n\n[shop@gw]\nhost=old\nport=1\n\n# of the next\n[shop@gw2]\nhost=c\n"
            ),
            "# mine\n[shop]\nhost=a\n\n[shop@gw]\nhost=new\n\n# of the next\n[shop@gw2]\nhost=c\n"
        );
        assert_eq!(
            of("[shop@gw]\r\nhost=old\r\n# c\r\n[b]"),
            "[shop@gw]\nhost=new\n# c\r\n[b]"
        );
        assert_eq!(
            of("[shop@gw]\na=b\n[shop@gw]\nc=d"),
            section,
            "twice by accident"
        );
        let twice = of(&of("[x]\ny=z\n"));
        assert_eq!(twice, of("[x]\ny=z\n"), "the second time changes nothing");
        let binary = b"[x]\ny=\xff\n";
        assert!(replaced(binary, "shop@gw", section).starts_with(binary));
    }

    #[test]
    fn two_resources_with_one_database_keep_their_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDirectory::at(&dir.path().join("custos"));
        let gateway = Gateway::parse("gw.example.com").unwrap();
        let write = |resource: &str, text: &str| {
            let resource = resource.parse().unwrap();
            Service::write(
                &state,
                &gateway,
                &resource,
                &connection("shop"),
                &secret(text),
            )
            .unwrap()
        };
        let (eu, us) = (
            write("postgres/shop-eu", "cus_1"),
            write("postgres/shop-us", "cus_2"),
        );
        let again = write("postgres/shop-eu", "cus_3");
        let read = |service: &Service| std::fs::read_to_string(service.password_file()).unwrap();
        assert_eq!(read(&eu), "gw.example.com:6432:shop:al\\:ice\\\\:cus_3\n");
        assert_eq!(read(&us), "gw.example.com:6432:shop:al\\:ice\\\\:cus_2\n");
        assert_eq!(eu.psql(), again.psql());
        let services = std::fs::read_to_string(eu.file()).unwrap();
        assert_eq!(services.matches("[shop-eu@gw.example.com]\n").count(), 1);
        assert!(
            services.contains("sslmode=verify-full\nsslrootcert=/a b/ca.crt\npassfile="),
            "{services}"
        );
        assert!(!services.contains("cus_"), "{services}");
    }
}
