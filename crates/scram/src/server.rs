//! The server's side.

use std::fmt;

use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::attributes::{Attributes, encode_base64, is_nonce};
use crate::keys::sign;
use crate::{ChannelBinding, ScramError, Verifier};

const CLIENT_FIRST: &str = "client-first-message";
const CLIENT_FINAL: &str = "client-final-message";

/// An exchange that a client began. Gives out a [`ClientProof`], which is checked against what is stored.
#[derive(Debug)]
pub struct ServerExchange {
    binding: ChannelBinding,
    username: String,
    client_first_bare: String,
    client_nonce: String,
    /// Nonce and server-first-message, once the challenge is made.
    challenge: Option<(String, String)>,
}

impl ServerExchange {
    /// Reads the client's first message. `server_end_point` is the hash of the certificate shown on this connection
    /// (RFC 5929 section 4.1), which must be given exactly when SCRAM-SHA-256-PLUS was offered.
    ///
    /// # Errors
    /// A mechanism that was not offered; [`ScramError::Downgrade`] when the client was kept from seeing that
    /// channel binding is offered; an authorization identity, a mandatory extension, any other malformed message.
    pub fn start(
        mechanism: &str,
        client_first: &[u8],
        server_end_point: Option<&[u8]>,
    ) -> Result<Self, ScramError> {
        let mut attributes = Attributes::new(CLIENT_FIRST, client_first)?;
        let binding = ChannelBinding::judge(attributes.part()?, mechanism, server_end_point)?;
        if !attributes.part()?.is_empty() {
            return Err(attributes.malformed("an authorization identity is not supported"));
        }
        let client_first_bare = attributes.rest().to_owned();
        let username = attributes.take('n', "the username is missing")?;
        let username = unescape(username)
            .ok_or_else(|| attributes.malformed("the username has a bad escape"))?;
        let client_nonce = attributes.take('r', "the nonce is missing")?.to_owned();
        if !is_nonce(&client_nonce) {
            return Err(attributes.malformed("the nonce is empty or not printable"));
        }
        attributes.finish()?;
        Ok(Self {
            binding,
            username,
            client_first_bare,
            client_nonce,
            challenge: None,
        })
    }

    /// The name inside the message. PostgreSQL's clients leave it empty; the one in the startup message counts.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Whether the client bound itself to this channel (to be verified by [`Self::finish`]).
    pub fn is_bound(&self) -> bool {
        matches!(self.binding, ChannelBinding::TlsServerEndPoint(_))
    }

    /// Makes the server's first message. `server_nonce`: at least 18 random bytes in base64, or other printable ASCII without comma.
    pub fn challenge(&mut self, server_nonce: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        let nonce = format!("{}{server_nonce}", self.client_nonce);
        let server_first = format!("r={nonce},s={},i={iterations}", encode_base64(salt));
        let message = server_first.clone().into_bytes();
        self.challenge = Some((nonce, server_first));
        message
    }

    /// Reads the client's last message.
    ///
    /// # Errors
    /// [`ScramError::ChannelBinding`] or [`ScramError::Nonce`] when it belongs to another channel or exchange;
    /// [`ScramError::OutOfOrder`] before the challenge; any malformed message.
    pub fn finish(self, client_final: &[u8]) -> Result<ClientProof, ScramError> {
        let (nonce, server_first) = self.challenge.ok_or(ScramError::OutOfOrder)?;
        let whole = Attributes::new(CLIENT_FINAL, client_final)?;
        let (without_proof, proof) = whole
            .rest()
            .rsplit_once(",p=")
            .ok_or_else(|| whole.malformed("the proof is missing"))?;
        let proof = Zeroizing::new(whole.hash(proof)?);

        let mut attributes = Attributes::new(CLIENT_FINAL, without_proof.as_bytes())?;
        let binding = attributes.take('c', "the channel binding is missing")?;
        let expected = self.binding.input();
        if !bool::from(binding.as_bytes().ct_eq(expected.as_bytes())) {
            attributes.base64(binding)?;
            return Err(ScramError::ChannelBinding);
        }
        if attributes.take('r', "the nonce is missing")? != nonce {
            return Err(ScramError::Nonce);
        }
        attributes.finish()?;
        let auth_message = format!("{},{server_first},{without_proof}", self.client_first_bare);
        Ok(ClientProof {
            auth_message: auth_message.into_bytes(),
            proof,
        })
    }
}

/// A client's claim to know a password, to be held against verifiers.
pub struct ClientProof {
    auth_message: Vec<u8>,
    proof: Zeroizing<[u8; 32]>,
}

impl ClientProof {
    /// The server's last message when the proof fits the verifier, which must have the salt and iterations of the
    /// challenge. Takes the same time whether it fits or not, but for writing the message.
    pub fn check(&self, verifier: &Verifier) -> Option<Vec<u8>> {
        self.check_any([verifier]).map(|(_, message)| message)
    }

    /// The same with several candidates that share the salt and iterations of the challenge, and the position of
    /// the last that fits. Takes the same time whichever it is.
    pub fn check_any<'a>(
        &self,
        candidates: impl IntoIterator<Item = &'a Verifier>,
    ) -> Option<(usize, Vec<u8>)> {
        let mut found = subtle::Choice::from(0);
        let mut position = 0_u64;
        let mut server_key = Zeroizing::new([0_u8; 32]);
        for (index, verifier) in (0_u64..).zip(candidates) {
            let fits = verifier.accepts(&self.proof, &self.auth_message);
            found |= fits;
            position.conditional_assign(&index, fits);
            for (slot, byte) in server_key.iter_mut().zip(&verifier.server_key) {
                slot.conditional_assign(byte, fits);
            }
        }
        let signature = sign(&server_key, &self.auth_message);
        if !bool::from(found) {
            return None;
        }
        let message = format!("v={}", encode_base64(&signature));
        Some((usize::try_from(position).ok()?, message.into_bytes()))
    }
}

impl fmt::Debug for ClientProof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClientProof").finish_non_exhaustive()
    }
}

/// A `saslname` of RFC 5802 section 7: `=2C` is a comma, `=3D` an equals sign, and no other `=` may stand.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut clear = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        clear.push(sign);
        clear.push_str(rest);
    }
    Some(clear)
}
