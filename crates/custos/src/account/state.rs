//! The state directory: what this machine remembers of gateways.
//!
//! ```text
//! gateway                        the gateway of the last sign-in
//! gateways/KEY.json  KEY.lock    tokens of a sign-in, and who is renewing them
//! gateways/KEY.crt               CA certificates that were given for it
//! certificates/HASH.crt          CA certificates of listeners, for clients
//! postgres/…                     see `services`
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws_lc_rs::digest;

use super::gateway::Gateway;
use super::private_file;
use super::trust::Authorities;
use crate::failure::{Exit, Failure};
use crate::machine::environment;

/// Where it is.
#[derive(Clone, Debug)]
pub(crate) struct StateDirectory {
    root: PathBuf,
}

impl StateDirectory {
    /// `$CUSTOS_HOME`, else `$XDG_STATE_HOME/custos`, else `~/.local/state/custos`.
    pub(crate) fn find() -> Result<Self, Failure> {
        let named = |name| environment(name).map(PathBuf::from);
        let root = named("CUSTOS_HOME")
            .or_else(|| {
                // Relative paths are to be ignored (XDG Base Directory Specification).
                let state = named("XDG_STATE_HOME").filter(|path| path.is_absolute());
                state.map(|path| path.join("custos"))
            })
            .or_else(|| named("HOME").map(|home| home.join(".local/state/custos")));
        let Some(root) = root else {
            return Err(
                Failure::usage("no place to keep a sign-in: $HOME is not set")
                    .hint("name a directory with $CUSTOS_HOME"),
            );
        };
        Ok(Self::at(&std::path::absolute(&root).with_context(
            || format!("cannot use {} as state directory", root.display()),
        )?))
    }

    /// This one.
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// A directory in it, made where it is missing, that only its owner enters.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf, Failure> {
        private_file::directory(&self.root)?;
        let path = self.root.join(name);
        private_file::directory(&path)?;
        Ok(path)
    }

    /// Where a gateway's files are, without a suffix.
    pub(crate) fn of_gateway(&self, gateway: &Gateway) -> Result<PathBuf, Failure> {
        Ok(self.directory("gateways")?.join(gateway.key()))
    }

    /// The gateway that a command is for: what it says, what the environment says, or that of the last sign-in.
    pub(crate) fn choose(&self, named: Option<&str>) -> Result<Option<Gateway>, Failure> {
        let text = named
            .map(str::to_owned)
            .or_else(|| environment("CUSTOS_GATEWAY"));
        if let Some(text) = text {
            return Gateway::parse(&text)
                .map(Some)
                .map_err(|error| Failure::new(error).exit(Exit::Usage));
        }
        self.last()
    }

    fn last(&self) -> Result<Option<Gateway>, Failure> {
        if !self.root.exists() {
            return Ok(None);
        }
        private_file::directory(&self.root)?;
        let path = self.root.join("gateway");
        let Some(text) = private_file::read(&path)? else {
            return Ok(None);
        };
        let gateway = Gateway::parse(&String::from_utf8_lossy(&text))
            .with_context(|| format!("{} is damaged", path.display()));
        gateway.map(Some).map_err(|error| {
            Failure::new(error).hint("name the gateway with --gateway, or sign in again")
        })
    }

    /// Makes it the gateway that the next commands are for.
    pub(crate) fn remember(&self, gateway: &Gateway) -> Result<(), Failure> {
        private_file::directory(&self.root)?;
        let line = format!("{gateway}\n");
        private_file::write(&self.root.join("gateway"), line.as_bytes())
    }

    /// Every gateway with tokens here.
    pub(crate) fn signed_in(&self) -> Result<Vec<PathBuf>, Failure> {
        if !self.root.exists() {
            return Ok(Vec::new());
        }
        let directory = self.directory("gateways")?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|suffix| suffix == "json") {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// The CA certificates that were given for a gateway.
    pub(crate) fn authorities(&self, gateway: &Gateway) -> Result<Option<Authorities>, Failure> {
        let path = suffixed(&self.of_gateway(gateway)?, "crt");
        let Some(pem) = private_file::read(&path)? else {
            return Ok(None);
        };
        let authorities = String::from_utf8(pem)
            .map_err(anyhow::Error::new)
            .and_then(Authorities::from_pem)
            .with_context(|| format!("{} is damaged", path.display()));
        authorities.map(Some).map_err(|error| {
            Failure::new(error)
                .hint("name the CA certificates again: `custos login --ca-file FILE`")
        })
    }

    /// Remembers CA certificates for a gateway.
    pub(crate) fn keep_authorities(
        &self,
        gateway: &Gateway,
        authorities: &Authorities,
    ) -> Result<(), Failure> {
        let path = suffixed(&self.of_gateway(gateway)?, "crt");
        private_file::write(&path, authorities.pem().as_bytes())
    }

    /// Puts a listener's CA certificates into a file that a client can be told. It is named after what is in it, so
    /// that it never changes under a client that reads it.
    pub(crate) fn certificate_file(&self, authorities: &Authorities) -> Result<PathBuf, Failure> {
        let hash = digest::digest(&digest::SHA256, authorities.pem().as_bytes());
        let mut name = String::new();
        for byte in hash.as_ref().iter().take(16) {
            let _ = write!(name, "{byte:02x}");
        }
        let path = self.directory("certificates")?.join(format!("{name}.crt"));
        if private_file::read(&path)?.as_deref() != Some(authorities.pem().as_bytes()) {
            private_file::write(&path, authorities.pem().as_bytes())?;
        }
        Ok(path)
    }
}

/// `with_extension` would take what follows the last dot of a host name for one.
pub(crate) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    whole.push(".");
    whole.push(suffix);
    whole.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, StateDirectory) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDirectory::at(&dir.path().join("custos"));
        (dir, state)
    }

    #[test]
    fn the_last_gateway_is_the_one_that_is_meant() {
        let (_dir, state) = state();
        assert!(state.last().unwrap().is_none());
        let gateway = Gateway::parse("gw.example.com").unwrap();
        state.remember(&gateway).unwrap();
        assert_eq!(state.last().unwrap(), Some(gateway));
        assert_eq!(
            state
                .choose(Some("other.example.com"))
                .unwrap()
                .unwrap()
                .issuer(),
            "https://other.example.com"
        );
        std::fs::write(state.root.join("gateway"), "file:///etc/passwd").unwrap();
        assert!(state.last().unwrap_err().to_string().contains("damaged"));
    }

    #[test]
    fn files_are_named_after_their_gateway() {
        let (_dir, state) = state();
        let gateway = Gateway::parse("gw.example.com").unwrap();
        let path = suffixed(&state.of_gateway(&gateway).unwrap(), "json");
        assert!(path.ends_with("custos/gateways/gw.example.com.json"));
        assert!(state.signed_in().unwrap().is_empty());
        private_file::write(&path, b"{}").unwrap();
        private_file::write(&suffixed(&path, "lock"), b"").unwrap();
        assert_eq!(state.signed_in().unwrap(), [path]);
    }

    #[test]
    fn certificates_are_kept_by_what_they_are() {
        let (_dir, state) = state();
        let made = || {
            let made = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap();
            Authorities::from_pem(made.cert.pem()).unwrap()
        };
        let (one, two) = (made(), made());
        let file = state.certificate_file(&one).unwrap();
        assert_eq!(state.certificate_file(&one).unwrap(), file);
        assert_ne!(state.certificate_file(&two).unwrap(), file);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), one.pem());
        let gateway = Gateway::parse("gw.example.com").unwrap();
        assert!(state.authorities(&gateway).unwrap().is_none());
        state.keep_authorities(&gateway, &two).unwrap();
        assert_eq!(state.authorities(&gateway).unwrap(), Some(two));
    }
}
