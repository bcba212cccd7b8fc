//! Authorization codes: made for a session, used up by the first attempt.

use axum::response::Response;
use custos_model::Instant;

use crate::answer::{self, TokenError};
use crate::memory::{Code, Grant, Memory};
use crate::opaque::{Hash, secret};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::request::AuthorizationRequest;
use crate::settings::Client;
use crate::shelf::Full;

/// Life of a code.
const CODE_NS: u64 = 60_000_000_000;

impl Provider {
    /// Sends the browser of a live session back with a code.
    pub(crate) fn answer_with_code(
        &self,
        memory: &mut Memory,
        request: &AuthorizationRequest,
        browser: &Hash,
        now: Instant,
    ) -> Response {
        let code = secret(&self.parts.random);
        let issued = issue(memory, request, browser, Hash::of(code.expose()), now);
        let pairs = match issued {
            Ok(()) => ("code", code.expose()),
            Err(Full) => ("error", "temporarily_unavailable"),
        };
        answer::redirect(&request.redirect.answer(self.issuer(), &[pairs]))
    }
}

fn issue(
    memory: &mut Memory,
    request: &AuthorizationRequest,
    browser: &Hash,
    code: Hash,
    now: Instant,
) -> Result<(), Full> {
    let session = memory.sessions.get_mut(browser, now.mono_ns).ok_or(Full)?;
    session.clients.insert(request.client.clone());
    let grant = Grant {
        client: request.client.clone(),
        session: session.id.clone(),
        person: session.person.clone(),
        authenticated: session.authenticated,
        nonce: request.nonce.clone(),
        offline: request.offline,
    };
    memory.grants.insert(code, grant, now.mono_ns)?;
    let entry = Code {
        redirect_uri: request.redirect.uri.clone(),
        challenge: request.challenge,
        issued_ns: now.mono_ns,
        used: false,
    };
    memory.codes.insert(code, entry, now.mono_ns)
}

/// The grant of a code (RFC 6749 section 4.1.3, RFC 7636 section 4.6). The first attempt uses a code up, also a bad
/// one and one by another client; a second one takes back what the first got (RFC 9700 section 2.1.1).
pub(crate) fn redeem(
    memory: &mut Memory,
    client: &Client,
    form: &Parameters,
    now: Instant,
) -> Result<Hash, TokenError> {
    let text = form
        .get("code")
        .ok_or(TokenError::Request("code is missing"))?;
    let uri = form.get("redirect_uri");
    let uri = uri.ok_or(TokenError::Request("redirect_uri is missing"))?;
    let verifier = verifier(form)?;
    let key = Hash::of(text);
    let code = memory
        .codes
        .get_mut(&key, now.mono_ns)
        .ok_or(TokenError::Grant)?;
    let again = std::mem::replace(&mut code.used, true);
    let fresh = now.mono_ns.saturating_sub(code.issued_ns) < CODE_NS;
    let good = !again && fresh && code.redirect_uri == uri && code.challenge.is(&verifier);
    let owner = memory.grants.get(&key, now.mono_ns);
    if good && owner.is_some_and(|grant| grant.client == client.id) {
        return Ok(key);
    }
    memory.grants.take(&key, now.mono_ns);
    Err(TokenError::Grant)
}

/// 43 to 128 unreserved characters (RFC 7636 section 4.1); answered as a challenge is made of it.
fn verifier(form: &Parameters) -> Result<Hash, TokenError> {
    let verifier = form.get("code_verifier");
    let verifier = verifier.ok_or(TokenError::Request("code_verifier is missing"))?;
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved) {
        Ok(Hash::of(verifier))
    } else {
        Err(TokenError::Request("code_verifier is malformed"))
    }
}
