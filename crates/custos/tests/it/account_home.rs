//! A user's directory, to sign in from.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::account_server::Server;
use crate::command::{custos, texts};

/// What a browser does with an address.
pub(crate) fn visit(url: &str) -> String {
    let place = url.strip_prefix("http://").unwrap();
    let (authority, path) = place.split_once('/').unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {authority}\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

/// A user's directory.
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// With a sign-in at this gateway.
    pub(crate) fn signed_in(server: &Server) -> Self {
        let home = Self::new();
        home.sign_in(server);
        home
    }

    pub(crate) fn sign_in(&self, server: &Server) {
        let output = self.login(server, |url| server.authorize(url));
        assert!(output.status.success(), "{}", texts(&output).1);
    }

    /// Signs in with a browser that goes to the address that `browser` makes of the one shown.
    pub(crate) fn login(&self, server: &Server, browser: impl Fn(&str) -> String) -> Output {
        let mut child = self.start(&["login", "--gateway", server.url(), "--no-browser"]);
        let mut screen = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let shown = loop {
            let start = seen.len();
            if screen.read_line(&mut seen).unwrap() == 0 {
                break None;
            }
            if let Some(url) = seen[start..].strip_prefix("  ") {
                break Some(url.trim().to_owned());
            }
        };
        if let Some(url) = shown {
            let page = visit(&browser(&url));
            assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        }
        screen.read_to_string(&mut seen).unwrap();
        let mut output = child.wait_with_output().unwrap();
        output.stderr = seen.into_bytes();
        output
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = custos(self.dir.path(), arguments);
        command
            .env("CUSTOS_HOME", self.state())
            .env("PATH", "/usr/bin:/bin");
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Everything that a user would see, with names for what differs from run to run.
    pub(crate) fn shown(&self, server: &Server, arguments: &[&str]) -> String {
        self.show(server, &self.run(arguments))
    }

    pub(crate) fn show(&self, server: &Server, output: &Output) -> String {
        let mut text = format!("exit code {}\n", output.status.code().unwrap());
        let (out, err) = texts(output);
        for (name, stream) in [("stdout", out), ("stderr", err)] {
            if !stream.is_empty() {
                let _ = write!(text, "--- {name}\n{stream}");
            }
        }
        for certificate in self.files("certificates") {
            text = text.replace(&certificate, "HASH.crt");
        }
        let (scheme, authority) = server.url().split_once("://").unwrap();
        let key = format!("{scheme}%3a%2f%2f{}", authority.replace(':', "%3a"));
        text.replace(self.path().to_str().unwrap(), "DIR")
            .replace(server.url(), "GATEWAY")
            .replace(&key, "KEY")
            .replace(authority, "AUTHORITY")
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("custos")
    }

    /// Names in a directory of the state.
    pub(crate) fn files(&self, name: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.state().join(name)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The file with the tokens of the one sign-in; `None` when there is none.
    pub(crate) fn tokens(&self) -> Option<PathBuf> {
        let directory = self.state().join("gateways");
        let mut paths = self
            .files("gateways")
            .into_iter()
            .map(|name| directory.join(name));
        paths.find(|path| path.extension().is_some_and(|suffix| suffix == "json"))
    }
}
