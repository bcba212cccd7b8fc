//! Signing in at a gateway from this machine, and what is kept of it.
//!
//! A sign-in is begun in the browser ([`code`]) or with a code on another machine ([`device`]). Its tokens lie in the
//! state directory, readable by their owner alone, and are renewed without a word ([`sign_in`]).
//! Whatever a gateway answers is untrusted: nothing is sent or opened but what [`web_url`] and [`metadata`] let through.

pub(crate) mod api;
pub(crate) mod browser;
pub(crate) mod code;
pub(crate) mod connection;
pub(crate) mod device;
mod exchange;
pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod loopback;
pub(crate) mod machine;
pub(crate) mod metadata;
pub(crate) mod oauth;
pub(crate) mod private_file;
pub(crate) mod program;
pub(crate) mod services;
pub(crate) mod sign_in;
pub(crate) mod state;
pub(crate) mod tokens;
pub(crate) mod trust;
pub(crate) mod web_url;

/// The public client that every gateway knows this program by.
pub(crate) const CLIENT_ID: &str = "custos-cli";

/// Text of a server, fit to be printed: one line, no control characters, not endless.
pub(crate) fn told(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    let mut shown = crate::output::visible(text);
    if let Some((end, _)) = shown.char_indices().nth(CHARACTERS_MAX) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}
