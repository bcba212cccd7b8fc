//! Who a client is (RFC 6749 section 2.3): its word for public ones; a signed assertion for machines (RFC 7523), or a
//! static secret in the form.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use custos_jwt::{Class, IssuerKeys, Token};

use crate::call::Call;
use crate::client::{Client, ClientKind, ClientProof, MachineSecret};
use crate::opaque::SecretHash;
use crate::parameters::Parameters;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;

/// The only `client_assertion_type` (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// A shorter secret is refused whatever its hash: only the hash is configured, so it can be seen only now.
const SECRET_CHARACTERS_MIN: usize = 32;

/// What a client proved itself with in this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proved {
    /// With nothing: it is a public one.
    Nothing,
    /// With the key of this RFC 7638 thumbprint.
    Key(String),
    /// With its static secret.
    Secret,
}

impl AuthorizationServer {
    /// The client of a form. `client_id` is always needed, also beside an assertion: nothing is read from a token
    /// before its signature is checked. `unnamed` is the client of whoever names none.
    pub(crate) fn client(
        &self,
        parameters: &Parameters,
        unnamed: Option<&str>,
        call: &Call<'_>,
    ) -> Result<Arc<Client>, Refusal> {
        self.proved_client(parameters, unnamed, call)
            .map(|(client, _)| client)
    }

    /// The same, with what it proved itself with.
    pub(crate) fn proved_client(
        &self,
        parameters: &Parameters,
        unnamed: Option<&str>,
        call: &Call<'_>,
    ) -> Result<(Arc<Client>, Proved), Refusal> {
        let id = parameters
            .get("client_id")
            .or(unnamed)
            .ok_or_else(|| Refusal::missing("client_id"))?;
        let client = self.clients.get(id).ok_or(Reason::ClientUnknown)?;
        let assertion = parameters.get("client_assertion");
        let secret = parameters.get("client_secret");
        let proved = match (&client.kind, assertion, secret) {
            (
                ClientKind::Machine {
                    proof: ClientProof::Secret(own),
                    ..
                },
                None,
                secret,
            ) => has_secret(own, secret, call)?,
            (_, _, Some(_)) => return Err(Reason::ClientSecret.into()),
            (ClientKind::Public { .. }, None, None) => Proved::Nothing,
            (
                ClientKind::Machine {
                    proof: ClientProof::Keys(keys),
                    ..
                },
                assertion,
                None,
            ) => {
                let assertion = assertion.ok_or(Reason::ClientAssertionMissing)?;
                if parameters.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                    return Err(Reason::ClientAssertionType.into());
                }
                self.has_key(keys, assertion, call)?
            }
            (_, Some(_), None) => return Err(Reason::ClientAssertionUnexpected.into()),
        };
        Ok((client, proved))
    }

    fn has_key(
        &self,
        keys: &IssuerKeys,
        assertion: &str,
        call: &Call<'_>,
    ) -> Result<Proved, Refusal> {
        let class = Class::ClientAssertion {
            audience: self.base_url.as_str(),
            replay: &self.assertions,
        };
        Token::parse(assertion.as_bytes())
            .and_then(|token| keys.verify(&token, &class, call.now))
            .map(|verified| Proved::Key(verified.key_thumbprint().to_owned()))
            .map_err(|rejection| Refusal::with(Reason::ClientAssertionRejected, rejection.code()))
    }
}

/// The right secret is told from a wrong one before its end is: who has none learns nothing of either.
fn has_secret(
    own: &MachineSecret,
    presented: Option<&str>,
    call: &Call<'_>,
) -> Result<Proved, Refusal> {
    let presented = presented.ok_or(Reason::ClientSecretMissing)?;
    let hash = SecretHash::of(presented);
    verify_slices_are_equal(hash.as_bytes(), own.hash.as_bytes())
        .map_err(|_| Reason::ClientSecretWrong)?;
    if presented.chars().count() < SECRET_CHARACTERS_MIN {
        return Err(Reason::ClientSecretShort.into());
    }
    if call.now.utc_ns >= own.expires_utc_ns {
        return Err(Reason::ClientSecretExpired.into());
    }
    Ok(Proved::Secret)
}
