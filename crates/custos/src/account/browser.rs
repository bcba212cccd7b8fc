//! The user's browser.

use std::io;
use std::process::Stdio;

use tokio::process::Command;

use super::web_url::WebUrl;
use crate::machine::environment;

const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};

/// Whether there is no browser to be seen here: a session over SSH, or no display.
pub(crate) fn is_headless() -> bool {
    let set = |name| environment(name).is_some();
    set("SSH_CONNECTION")
        || !(cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY"))
}

/// Starts the browser at the URL and does not wait for it. No shell is involved, and the type admits web addresses
/// alone.
pub(crate) fn open(url: &WebUrl) -> io::Result<()> {
    command(url).spawn().map(drop)
}

fn command(url: &WebUrl) -> Command {
    let mut command = Command::new(OPENER);
    command
        .arg(url.as_str())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C here ends the waiting and not the browser.
        .process_group(0);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opener_gets_the_url_as_one_argument() {
        let text = "https://gw.example.com/oauth/authorize?a=b&c=d%20e";
        let url = WebUrl::parse(text).unwrap();
        let command = command(&url);
        let command = command.as_std();
        assert_eq!(command.get_program(), OPENER);
        assert_eq!(command.get_args().collect::<Vec<_>>(), [text]);
    }
}
