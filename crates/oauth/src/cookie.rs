//! Browser sessions: the cookie that names one, the token that its forms carry, and the way back after a sign-in.
//!
//! What a session holds is the caller's to keep, under [`BrowserSession`]. It gets a new [`BrowserSecret`] when
//! somebody signs in or steps up, so that nobody can plant one beforehand.

mod csrf;
mod header;
mod return_to;
mod session;

pub use csrf::{CsrfKey, CsrfToken};
pub use header::{CookieError, MAX_COOKIE_BYTES, MAX_COOKIES};
pub use return_to::{
    MAX_RETURN_TO_BYTES, ReturnReference, ReturnTargets, ReturnTo, ReturnToError, TooManyTargets,
};
pub use session::{BrowserSecret, BrowserSession, SessionCookie};
