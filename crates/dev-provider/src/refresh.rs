//! Refresh tokens: each is used once, and a second use ends the grant (RFC 9700 section 4.14.2).

use custos_model::Instant;

use crate::answer::TokenError;
use crate::memory::Memory;
use crate::opaque::Hash;
use crate::parameters::Parameters;
use crate::settings::Client;

/// Uses a refresh token up; its grant gives new tokens. A `scope` is ignored, as all claims are always given.
pub(crate) fn rotate(
    memory: &mut Memory,
    client: &Client,
    form: &Parameters,
    now: Instant,
) -> Result<Hash, TokenError> {
    let text = form.get("refresh_token");
    let key = Hash::of(text.ok_or(TokenError::Request("refresh_token is missing"))?);
    let token = memory.refresh_tokens.get_mut(&key, now.mono_ns);
    let token = token.ok_or(TokenError::Grant)?;
    let again = std::mem::replace(&mut token.used, true);
    let grant = token.grant;
    let owner = memory.grants.get(&grant, now.mono_ns);
    if !again && owner.is_some_and(|owner| owner.client == client.id) {
        return Ok(grant);
    }
    memory.grants.take(&grant, now.mono_ns);
    Err(TokenError::Grant)
}
