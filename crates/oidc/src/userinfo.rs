//! The userinfo endpoint (OpenID Connect Core 5.3).

use custos_model::Secret;

use crate::http_request::{HttpRequest, Method};
use crate::identity::Identity;
use crate::mapping::ClaimSource;
use crate::members::Members;
use crate::provider::Provider;
use crate::provider_error::ProviderError;
use crate::rejection::Rejection;
use crate::token_response::answer;

/// The longest answer of a userinfo endpoint.
pub const MAX_USERINFO_BYTES: usize = 256 << 10;

impl Provider {
    /// A request for the claims of the person whom the access token is for.
    ///
    /// # Errors
    /// [`Rejection::UserinfoNotOffered`].
    pub fn userinfo_request(&self, access_token: &Secret) -> Result<HttpRequest, Rejection> {
        let url = self
            .discovery()
            .userinfo_endpoint()
            .ok_or(Rejection::UserinfoNotOffered)?;
        let bearer = format!("Bearer {}", access_token.expose());
        Ok(HttpRequest {
            method: Method::Get,
            url: url.to_owned(),
            headers: vec![
                ("authorization", Secret::new(bearer)),
                ("accept", Secret::new("application/json".to_owned())),
            ],
            body: None,
            max_response_bytes: MAX_USERINFO_BYTES,
        })
    }

    /// Judges the answer, which must be about `subject`, the person of the identity token.
    ///
    /// # Errors
    /// [`Rejection::UserinfoSigned`] for `application/jwt`, which is not supported; [`Rejection::UserinfoType`];
    /// [`Rejection::UserinfoSubject`]; [`Rejection::Provider`] with `invalid_token` for status 401.
    pub fn userinfo(
        &self,
        subject: &str,
        status: u16,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Identity, Rejection> {
        if status == 401 {
            return Err(Rejection::Provider(ProviderError::InvalidToken));
        }
        if status == 200 {
            is_json(content_type)?;
        }
        let claims = answer(status, body, MAX_USERINFO_BYTES)?;
        let about = Members(&claims).text("sub");
        let about = about.map_err(|_| Rejection::AnswerMember("sub"))?;
        if about.ok_or(Rejection::AnswerMember("sub"))? != subject {
            return Err(Rejection::UserinfoSubject);
        }
        Ok(Identity {
            issuer: self.settings().issuer.clone(),
            subject: subject.to_owned(),
            source: ClaimSource::Userinfo,
            claims,
        })
    }
}

fn is_json(content_type: Option<&str>) -> Result<(), Rejection> {
    let kind = content_type.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/jwt") {
        return Err(Rejection::UserinfoSigned);
    }
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Rejection::UserinfoType);
    }
    Ok(())
}
