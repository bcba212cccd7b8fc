//! Who a client is (RFC 6749 section 2.3): its word for public ones, a signed assertion for machines (RFC 7523).

use std::sync::Arc;

use custos_jwt::{Class, IssuerKeys, Token};

use crate::call::Call;
use crate::client::{Client, ClientKind};
use crate::parameters::Parameters;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;

/// The only `client_assertion_type` (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl AuthorizationServer {
    /// The client of a form. `client_id` is always needed, also beside an assertion: nothing is read from a token
    /// before its signature is checked. `unnamed` is the client of whoever names none.
    pub(crate) fn client(
        &self,
        parameters: &Parameters,
        unnamed: Option<&str>,
        call: &Call<'_>,
    ) -> Result<Arc<Client>, Refusal> {
        if parameters.get("client_secret").is_some() {
            return Err(Reason::ClientSecret.into());
        }
        let id = parameters
            .get("client_id")
            .or(unnamed)
            .ok_or_else(|| Refusal::missing("client_id"))?;
        let client = self.clients.get(id).ok_or(Reason::ClientUnknown)?;
        let assertion = parameters.get("client_assertion");
        match (&client.kind, assertion) {
            (ClientKind::Public { .. }, None) => {}
            (ClientKind::Public { .. }, Some(_)) => {
                return Err(Reason::ClientAssertionUnexpected.into());
            }
            (ClientKind::Machine { .. }, None) => {
                return Err(Reason::ClientAssertionMissing.into());
            }
            (ClientKind::Machine { keys, .. }, Some(assertion)) => {
                if parameters.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                    return Err(Reason::ClientAssertionType.into());
                }
                self.is_proved(keys, assertion, call)?;
            }
        }
        Ok(client)
    }

    fn is_proved(
        &self,
        keys: &IssuerKeys,
        assertion: &str,
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let class = Class::ClientAssertion {
            audience: self.base_url.as_str(),
            replay: &self.assertions,
        };
        Token::parse(assertion.as_bytes())
            .and_then(|token| keys.verify(&token, &class, call.now))
            .map(|_| ())
            .map_err(|rejection| Refusal::with(Reason::ClientAssertionRejected, rejection.code()))
    }
}
