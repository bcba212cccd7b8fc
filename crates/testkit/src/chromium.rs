//! A real browser, driven through signing in and through signing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::oidc_provider::node;
use crate::process::{Running, run, start};
use crate::{Deadline, PATIENCE, workspace};

const PROGRAM: &str = "/usr/bin/chromium";
/// A whole journey, on a slow machine.
const JOURNEY_MAX: Duration = Duration::from_mins(4);

/// A real Chromium with a profile of its own. What it can do, and which kinds of providers it knows, stands in
/// `tests/clients/browser/sign_in.mjs`.
#[derive(Clone, Debug)]
pub struct Chromium {
    gateway: String,
    certificate: Option<PathBuf>,
    screenshots: Option<PathBuf>,
}

impl Chromium {
    /// For a gateway's web address. `certificate` is the gateway's own, where it has one that no system knows.
    /// Screenshots of each page go into the directory `$CUSTOS_SCREENSHOTS`, where that is set.
    pub fn new(gateway: &str, certificate: Option<&Path>) -> Self {
        let screenshots = std::env::var_os("CUSTOS_SCREENSHOTS").map(PathBuf::from);
        Self {
            gateway: gateway.to_owned(),
            certificate: certificate.map(Path::to_owned),
            screenshots,
        }
    }

    /// Goes through the steps; returns what was seen.
    ///
    /// # Panics
    /// When a step does not lead where it should.
    #[track_caller]
    pub fn journey(&self, name: &str, steps: &[Value]) -> Value {
        let profile = tempfile::tempdir().expect("a directory can be made");
        let screenshots = self.screenshots.as_ref().map(|to| to.join(name));
        if let Some(directory) = &screenshots {
            std::fs::create_dir_all(directory).expect("screenshots can be written");
        }
        let journey = json!({
            "gateway": self.gateway,
            "chromium": PROGRAM,
            "profile": profile.path(),
            "certificate": self.certificate,
            "screenshots": screenshots,
            "steps": steps,
        });
        drive("sign_in.mjs", &journey)
    }

    /// Makes one passkey for each COSE algorithm on a page of its own, and signs each challenge (base64url) with each.
    /// What is returned stands in `tests/clients/browser/passkey.mjs`.
    ///
    /// # Panics
    /// When the browser does not do it.
    #[track_caller]
    pub fn passkeys(algorithms: &[i64], challenges: &[String]) -> Value {
        let profile = tempfile::tempdir().expect("a directory can be made");
        let request = json!({
            "chromium": PROGRAM,
            "profile": profile.path(),
            "algorithms": algorithms,
            "challenges": challenges,
        });
        drive("passkey.mjs", &request)
    }
}

/// A passkey in a real browser, on a page of a gateway at `localhost`.
#[derive(Debug)]
pub struct Passkey {
    browser: Running,
    /// As an enrolment wants it.
    key: Value,
    lines: usize,
    _profile: TempDir,
}

impl Passkey {
    /// Makes one, for ES256.
    ///
    /// # Panics
    /// When the browser does not do it.
    #[track_caller]
    pub fn new(gateway: &str) -> Self {
        const ES256: i64 = -7;
        let profile = tempfile::tempdir().expect("a directory can be made");
        let request = json!({
            "chromium": PROGRAM,
            "profile": profile.path(),
            "gateway": gateway,
            "algorithm": ES256,
        });
        let mut passkey = Self {
            browser: start(&mut driver("passkey_held.mjs", &request)),
            key: Value::Null,
            lines: 0,
            _profile: profile,
        };
        passkey.key = passkey.line();
        passkey
    }

    /// As an enrolment wants it.
    pub fn key(&self) -> &Value {
        &self.key
    }

    /// The assertion over a challenge in base64url.
    ///
    /// # Panics
    /// When the browser does not make one.
    #[track_caller]
    pub fn sign(&mut self, challenge: &str) -> Value {
        self.browser.write(&format!("{challenge}\n"));
        self.line()
    }

    /// Closes the browser.
    #[track_caller]
    pub fn finish(mut self) {
        self.browser.close_stdin();
        self.browser.finish(PATIENCE).success();
    }

    #[track_caller]
    fn line(&mut self) -> Value {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let has_ended = self.browser.has_said_all();
            let said = self.browser.stdout();
            let (whole, _) = said.rsplit_once('\n').unwrap_or_default();
            if let Some(line) = whole.lines().nth(self.lines) {
                self.lines += 1;
                return serde_json::from_str(line).expect("the driver prints JSON");
            }
            let is_over = has_ended || deadline.is_over();
            assert!(!is_over, "{said}{}", self.browser.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[track_caller]
fn drive(script: &str, what: &Value) -> Value {
    let seen = run(&mut driver(script, what), JOURNEY_MAX).success();
    serde_json::from_str(&seen).expect("the driver prints JSON")
}

fn driver(script: &str, what: &Value) -> Command {
    let driver = workspace::clients().join("browser/node_modules/playwright-core/index.mjs");
    let scripts = workspace::root().join("tests/clients/browser");
    let mut command = node();
    command
        .arg(scripts.join(script))
        .arg(what.to_string())
        .env("PLAYWRIGHT", driver);
    command
}
