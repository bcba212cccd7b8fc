//! The provider says that somebody has signed out (Back-Channel Logout 1.0).

use std::fmt;

use custos_jwt::{Class, IssuerKeys, MAX_TOKEN_BYTES, ReplayCache, Token};
use custos_model::Instant;

use crate::form;
use crate::provider::Provider;
use crate::rejection::Rejection;

/// A token's length, and room for the name before it and other parameters.
const MAX_FORM_BYTES: usize = MAX_TOKEN_BYTES + 1024;

/// A logout request that came, unproved.
pub struct LogoutRequest {
    token: Token,
}

impl LogoutRequest {
    /// Reads the form (Back-Channel Logout 1.0 section 2.5). Other parameters are ignored.
    ///
    /// # Errors
    /// [`Rejection::ParametersMalformed`], [`Rejection::ParameterDuplicate`], [`Rejection::LogoutTokenMissing`],
    /// [`Rejection::Token`].
    pub fn parse(form: &[u8]) -> Result<Self, Rejection> {
        let parameters = form::parse(form, MAX_FORM_BYTES)?;
        let token = parameters
            .get("logout_token")
            .ok_or(Rejection::LogoutTokenMissing)?;
        Ok(Self {
            token: Token::parse(token.as_bytes())?,
        })
    }

    /// The token, unproved, for asking the key cache with its header.
    pub fn token(&self) -> &Token {
        &self.token
    }
}

impl fmt::Debug for LogoutRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LogoutRequest(…)")
    }
}

/// Who has signed out: with a session, that one; without, all sessions of the subject. At least one of the two is
/// there, and where both are, both must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    /// The provider's issuer: subjects and sessions are its own.
    pub issuer: String,
    /// `sub`.
    pub subject: Option<String>,
    /// `sid`.
    pub session_id: Option<String>,
}

impl Provider {
    /// Judges a logout request that came to this provider's address. It is good once; `replay` remembers that.
    ///
    /// # Errors
    /// [`Rejection::KeysWrong`], [`Rejection::Token`].
    pub fn back_channel_logout(
        &self,
        request: &LogoutRequest,
        keys: &IssuerKeys,
        replay: &ReplayCache,
        now: Instant,
    ) -> Result<LogoutNotice, Rejection> {
        let class = Class::LogoutToken {
            client_id: &self.settings().client_id,
            replay,
        };
        let verified = self.verify(keys, &request.token, &class, now)?;
        Ok(LogoutNotice {
            issuer: verified.issuer().to_owned(),
            subject: verified.subject().map(str::to_owned),
            session_id: verified.session_id().map(str::to_owned),
        })
    }
}
