//! Somebody's own machine, with the command line and what it keeps.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Finished, Running, run, start};
use crate::wait::wait_for;
use crate::{PATIENCE, workspace};

/// A machine with the command line on it, for one person at one gateway.
#[derive(Debug)]
pub struct Laptop {
    gateway: String,
    options: Vec<String>,
    home: TempDir,
}

impl Laptop {
    /// One for the gateway with this web address. `login_options` are further ones of `custos login`.
    pub fn new(gateway: &str, login_options: &[&str]) -> Self {
        Self {
            gateway: gateway.to_owned(),
            options: login_options
                .iter()
                .map(|&option| option.to_owned())
                .collect(),
            home: tempfile::tempdir().expect("a directory can be made"),
        }
    }

    /// A `custos` command, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(workspace::custos_binary());
        command
            .args(arguments)
            .env("CUSTOS_HOME", self.home.path().join("state"))
            .env("PGCONNECT_TIMEOUT", "20")
            .env_remove("DISPLAY");
        command
    }

    /// Runs a `custos` command to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        run(&mut self.command(arguments), PATIENCE)
    }

    /// One statement with psql, through `custos connect`.
    #[track_caller]
    pub fn query(&self, resource: &str, sql: &str) -> Finished {
        self.run(&["connect", resource, "--", "psql", "-XAtq", "-c", sql])
    }

    /// Starts `custos login`; returns it with the URL that it shows.
    ///
    /// # Panics
    /// When it shows none.
    #[track_caller]
    pub fn login(&self) -> (Running, String) {
        self.login_showing("--no-browser", |word| word.contains("/oauth/authorize?"))
    }

    /// Starts `custos login --device`; returns it with the code that it shows.
    ///
    /// # Panics
    /// When it shows none.
    #[track_caller]
    pub fn login_by_code(&self) -> (Running, String) {
        self.login_showing("--device", |word| {
            word.len() == 9 && word.as_bytes().get(4) == Some(&b'-') && word.to_uppercase() == word
        })
    }

    /// What the command line keeps of its sign-in: the file with its tokens.
    ///
    /// # Panics
    /// When it keeps none.
    #[track_caller]
    pub fn tokens(&self) -> Value {
        let gateways = self.home.path().join("state/gateways");
        let mut files = std::fs::read_dir(gateways).expect("somebody signed in");
        let file = files.find_map(|file| {
            let path = file.ok()?.path();
            path.extension()
                .is_some_and(|end| end == "json")
                .then_some(path)
        });
        let text = std::fs::read_to_string(file.expect("there is a sign-in")).expect("it is ours");
        serde_json::from_str(&text).expect("it is JSON")
    }

    #[track_caller]
    fn login_showing(&self, how: &str, wanted: impl Fn(&str) -> bool) -> (Running, String) {
        let mut arguments = vec!["login", "--gateway", &self.gateway, how];
        arguments.extend(self.options.iter().map(String::as_str));
        let mut login = start(&mut self.command(&arguments));
        let word = wait_for("what `custos login` shows", PATIENCE, || {
            let shown = login.stdout() + &login.stderr();
            assert!(login.is_running(), "it ended: {shown}");
            let word = shown.split_whitespace().find(|word| wanted(word))?;
            shown.ends_with('\n').then(|| word.to_owned())
        });
        (login, word)
    }
}
