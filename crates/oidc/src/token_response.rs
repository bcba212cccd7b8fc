//! What the token endpoint answers (RFC 6749 sections 5.1 and 5.2, OpenID Connect Core 3.1.3.3).

use std::fmt;

use custos_jwt::Token;
use custos_model::Secret;

use crate::members::{Members, WrongType};
use crate::provider_error::ProviderError;
use crate::rejection::Rejection;

/// The longest answer of a token endpoint.
pub const MAX_TOKEN_RESPONSE_BYTES: usize = 64 << 10;

/// Tokens that came. The identity token is well formed and not verified yet.
pub struct TokenResponse {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<(Secret, Token)>,
    pub(crate) expires_in: Option<u64>,
}

impl TokenResponse {
    /// Reads an answer of at most 64 KiB.
    ///
    /// # Errors
    /// [`Rejection::Provider`] for an error of the provider; [`Rejection::Unavailable`] for status 429 and from 500
    /// on; [`Rejection::AnswerMember`] for a wrong JSON type, also `null`; [`Rejection::TokenType`];
    /// [`Rejection::Token`] for an identity token that is none.
    pub fn parse(status: u16, body: &[u8]) -> Result<Self, Rejection> {
        let object = answer(status, body, MAX_TOKEN_RESPONSE_BYTES)?;
        let members = Members(&object);
        let access_token = token(members, "access_token")?;
        let kind = members.text("token_type").map_err(wrong)?;
        let kind = kind.ok_or(Rejection::AnswerMember("token_type"))?;
        if !kind.eq_ignore_ascii_case("Bearer") {
            return Err(Rejection::TokenType);
        }
        members.text("scope").map_err(wrong)?;
        let id_token = members.text("id_token").map_err(wrong)?;
        let id_token = id_token.map(|text| {
            let token = Token::parse(text.as_bytes())?;
            Ok::<_, Rejection>((Secret::new(text.to_owned()), token))
        });
        Ok(Self {
            access_token: access_token.ok_or(Rejection::AnswerMember("access_token"))?,
            refresh_token: token(members, "refresh_token")?,
            id_token: id_token.transpose()?,
            expires_in: members.number("expires_in").map_err(wrong)?,
        })
    }

    /// The identity token, unproved, for asking the key cache with its header.
    pub fn id_token(&self) -> Option<&Token> {
        self.id_token.as_ref().map(|(_, token)| token)
    }
}

/// The object of an answer, or what the answer says instead.
pub(crate) fn answer(
    status: u16,
    body: &[u8],
    max_bytes: usize,
) -> Result<serde_json::Map<String, serde_json::Value>, Rejection> {
    if status == 429 || status >= 500 {
        return Err(Rejection::Unavailable);
    }
    if body.len() > max_bytes {
        return Err(Rejection::AnswerTooLong);
    }
    match status {
        200 => crate::json(body).ok_or(Rejection::AnswerMalformed),
        400..=499 => Err(error(body)),
        _ => Err(Rejection::Status),
    }
}

fn error(body: &[u8]) -> Rejection {
    let Some(object) = crate::json(body) else {
        return Rejection::Status;
    };
    match Members(&object).text("error") {
        Ok(Some(word)) => Rejection::Provider(ProviderError::of(word)),
        _ => Rejection::Status,
    }
}

/// Tokens go into headers and forms, so they are printable ASCII (RFC 6749 appendix A.12 and A.17).
fn token(members: Members<'_>, name: &'static str) -> Result<Option<Secret>, Rejection> {
    match members.text(name).map_err(wrong)? {
        Some(text) if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(Rejection::AnswerMember(name))
        }
        text => Ok(text.map(|text| Secret::new(text.to_owned()))),
    }
}

fn wrong(WrongType(name): WrongType) -> Rejection {
    Rejection::AnswerMember(name)
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TokenResponse")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
