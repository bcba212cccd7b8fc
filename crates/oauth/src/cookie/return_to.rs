//! Where a browser goes on after a sign-in: kept here, named by a reference, so that no link decides it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use custos_model::{Instant, Secret};

use crate::call::ns;
use crate::cookie::session::BrowserSession;
use crate::opaque::{SecretHash, opaque};

/// Longest path with its query.
pub const MAX_RETURN_TO_BYTES: usize = 8 << 10;
/// Most that are remembered at a time.
const MAX_TARGETS: usize = 4096;
/// Most of them for one browser.
const MAX_TARGETS_OF_A_BROWSER: usize = 8;
/// A sign-in takes no longer.
const TARGET_LIFE: Duration = Duration::from_mins(10);

/// A path of this gateway, perhaps with a query. Cannot lead anywhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

/// A text is not a path of this gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a path of this gateway")]
pub struct ReturnToError;

/// Names a remembered path.
pub type ReturnReference = Secret;

/// As many targets are remembered as there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins are under way")]
pub struct TooManyTargets;

/// Remembers where browsers go on: for ten minutes, once, and for the same browser only.
#[derive(Debug, Default)]
pub struct ReturnTargets {
    targets: BTreeMap<SecretHash, Target>,
}

#[derive(Debug)]
struct Target {
    to: ReturnTo,
    browser: BrowserSession,
    expires_mono_ns: u64,
}

impl ReturnTo {
    /// `/`, then the visible ASCII characters of a path, then perhaps `?` and those of a query. No second slash and
    /// no backslash where a browser would see a host begin, no dot segments, no fragment, no escaped slashes, dots
    /// or control characters in the path.
    pub fn parse(text: &str) -> Result<Self, ReturnToError> {
        if text.len() > MAX_RETURN_TO_BYTES || !text.starts_with('/') {
            return Err(ReturnToError);
        }
        let path = text.split('?').next().unwrap_or_default();
        let visible = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\\#\"<>`{}|^".contains(&byte));
        // Paths of ours need no escapes, so that no layer can undo one into something else.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        let mut segments = path.split('/');
        let direct = !path.contains("//") && !segments.any(|part| part == "." || part == "..");
        if visible && direct && path.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReturnToError)
        }
    }

    /// The value of `Location`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ReturnTargets {
    /// Remembers a path and returns what to name it by. `random`: 32 random bytes.
    pub fn remember(
        &mut self,
        to: ReturnTo,
        browser: BrowserSession,
        random: [u8; 32],
        now: Instant,
    ) -> Result<ReturnReference, TooManyTargets> {
        self.targets
            .retain(|_, target| now.mono_ns < target.expires_mono_ns);
        let same = |target: &&Target| target.browser == browser;
        if self.targets.len() >= MAX_TARGETS
            || self.targets.values().filter(same).count() >= MAX_TARGETS_OF_A_BROWSER
        {
            return Err(TooManyTargets);
        }
        let reference = opaque(random);
        let target = Target {
            to,
            browser,
            expires_mono_ns: now.mono_ns.saturating_add(ns(TARGET_LIFE)),
        };
        self.targets
            .insert(SecretHash::of(reference.expose()), target);
        Ok(reference)
    }

    /// Gives a path back, to the browser that it was remembered for, once.
    pub fn take(
        &mut self,
        reference: &str,
        browser: BrowserSession,
        now: Instant,
    ) -> Option<ReturnTo> {
        let hash = SecretHash::of(reference);
        if self.targets.get(&hash)?.browser != browser {
            return None;
        }
        self.targets
            .remove(&hash)
            .filter(|target| now.mono_ns < target.expires_mono_ns)
            .map(|target| target.to)
    }
}

/// A query may hold what a client sent, so only the path is shown.
impl fmt::Debug for ReturnTo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.split('?').next().unwrap_or_default();
        write!(out, "ReturnTo({path})")
    }
}
