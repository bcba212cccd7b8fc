//! Tokens in forms, which another site cannot know.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_model::Secret;

use crate::cookie::session::BrowserSession;

/// What the message begins with, so that the key serves nothing else.
const CONTEXT: &[u8] = b"custos csrf v1\0";
/// Makes every page's token another text: compressed answers then tell nothing about it (BREACH).
const NONCE_BYTES: usize = 16;
const TAG_BYTES: usize = 32;
/// 48 bytes in base64url.
const TEXT_BYTES: usize = 64;

/// Makes and checks the tokens of all sessions. `Debug` shows nothing.
pub struct CsrfKey(hmac::Key);

/// A token for the forms of one page.
pub type CsrfToken = Secret;

impl CsrfKey {
    /// From 32 random bytes, new at each start or kept.
    pub fn new(random: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, random))
    }

    /// A token that is good for this browser session only: `nonce || HMAC-SHA-256(context || nonce || session)`.
    pub fn token(&self, session: &BrowserSession, nonce: [u8; NONCE_BYTES]) -> CsrfToken {
        let tag = hmac::sign(&self.0, &message(&nonce, session));
        let bytes = [nonce.as_slice(), tag.as_ref()].concat();
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether a form came from a page of this browser session. Takes the same time for every wrong token.
    pub fn accepts(&self, session: &BrowserSession, token: &str) -> bool {
        if token.len() != TEXT_BYTES {
            return false;
        }
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        bytes
            .split_at_checked(NONCE_BYTES)
            .filter(|(_, tag)| tag.len() == TAG_BYTES)
            .is_some_and(|(nonce, tag)| {
                hmac::verify(&self.0, &message(nonce, session), tag).is_ok()
            })
    }
}

fn message(nonce: &[u8], session: &BrowserSession) -> Vec<u8> {
    [CONTEXT, nonce, session.as_bytes()].concat()
}

impl fmt::Debug for CsrfKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CsrfKey(…)")
    }
}
