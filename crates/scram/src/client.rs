//! The client's side.

use std::fmt;
use std::num::NonZeroU32;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::attributes::{Attributes, encode_base64, is_nonce};
use crate::keys::{SaltedPassword, prepare, sign};
use crate::{ChannelBinding, ScramError};

/// The most work that a server may ask for, in PBKDF2 iterations; about half a second.
pub const MAX_ITERATIONS: u32 = 1_000_000;
/// Longest error text of a server that is passed on, in characters.
const MAX_REFUSAL: usize = 64;

const SERVER_FIRST: &str = "server-first-message";
const SERVER_FINAL: &str = "server-final-message";

/// An exchange with a server. The password and every key are wiped when dropped.
pub struct ClientExchange {
    password: Zeroizing<Vec<u8>>,
    binding: ChannelBinding,
    nonce: String,
    first_bare: String,
    state: State,
}

enum State {
    First,
    /// The signature that a server which knows the verifier will send.
    Responded(Zeroizing<[u8; 32]>),
    Finished,
}

impl ClientExchange {
    /// Begins an exchange. `client_nonce`: at least 18 random bytes in base64, or other printable ASCII without comma.
    pub fn new(password: &str, client_nonce: &str, binding: ChannelBinding) -> Self {
        Self {
            password: prepare(password),
            binding,
            nonce: client_nonce.to_owned(),
            first_bare: format!("n=,r={client_nonce}"),
            state: State::First,
        }
    }

    /// Puts a name into the messages. PostgreSQL does not look at it, other protocols do.
    #[must_use]
    pub fn with_username(mut self, username: &str) -> Self {
        let escaped = username.replace('=', "=3D").replace(',', "=2C");
        self.first_bare = format!("n={escaped},r={}", self.nonce);
        self
    }

    /// Name of the mechanism that goes with the binding.
    pub fn mechanism(&self) -> &'static str {
        self.binding.mechanism()
    }

    /// The client's first message.
    pub fn first(&self) -> Vec<u8> {
        format!("{}{}", self.binding.header(), self.first_bare).into_bytes()
    }

    /// Reads the server's first message and makes the client's last.
    ///
    /// # Errors
    /// [`ScramError::Nonce`] when it does not extend the client's; [`ScramError::Iterations`] outside 1 to
    /// [`MAX_ITERATIONS`]; [`ScramError::Refused`]; a mandatory extension; any malformed message.
    pub fn respond(&mut self, server_first: &[u8]) -> Result<Vec<u8>, ScramError> {
        if !matches!(self.state, State::First) {
            return Err(ScramError::OutOfOrder);
        }
        let challenge = Challenge::parse(server_first, &self.nonce)?;
        let without_proof = format!("c={},r={}", self.binding.input(), challenge.nonce);
        let auth_message = format!("{},{},{without_proof}", self.first_bare, challenge.text);
        let auth_message = auth_message.as_bytes();
        let salted = SaltedPassword::derive(&self.password, &challenge.salt, challenge.iterations);
        let signature = Zeroizing::new(sign(&salted.server_key(), auth_message));
        let proof = encode_base64(salted.proof(auth_message).as_slice());
        self.state = State::Responded(signature);
        Ok(format!("{without_proof},p={proof}").into_bytes())
    }

    /// Reads the server's last message: only after it is the server known to be the right one.
    ///
    /// # Errors
    /// [`ScramError::ServerSignature`]; [`ScramError::Refused`]; [`ScramError::OutOfOrder`]; any malformed message.
    pub fn finish(&mut self, server_final: &[u8]) -> Result<(), ScramError> {
        let State::Responded(expected) = std::mem::replace(&mut self.state, State::Finished) else {
            return Err(ScramError::OutOfOrder);
        };
        let mut attributes = Attributes::new(SERVER_FINAL, server_final)?;
        refusal(&attributes)?;
        let signature = attributes.take('v', "the signature is missing")?;
        let signature = attributes.hash(signature)?;
        attributes.finish()?;
        if bool::from(signature.ct_eq(&*expected)) {
            Ok(())
        } else {
            Err(ScramError::ServerSignature)
        }
    }
}

impl fmt::Debug for ClientExchange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClientExchange")
            .field("mechanism", &self.mechanism())
            .finish_non_exhaustive()
    }
}

struct Challenge<'a> {
    text: &'a str,
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

impl<'a> Challenge<'a> {
    fn parse(message: &'a [u8], client_nonce: &str) -> Result<Self, ScramError> {
        let mut attributes = Attributes::new(SERVER_FIRST, message)?;
        let text = attributes.rest();
        refusal(&attributes)?;
        let nonce = attributes.take('r', "the nonce is missing")?;
        let extension = nonce.strip_prefix(client_nonce).unwrap_or_default();
        if !is_nonce(extension) {
            return Err(ScramError::Nonce);
        }
        let salt = attributes.take('s', "the salt is missing")?;
        let salt = attributes.base64(salt)?;
        if salt.is_empty() {
            return Err(attributes.malformed("the salt is empty"));
        }
        let iterations = attributes.take('i', "the iteration count is missing")?;
        let iterations = iteration_count(iterations, &attributes)?;
        attributes.finish()?;
        Ok(Self {
            text,
            nonce,
            salt,
            iterations,
        })
    }
}

/// A number of RFC 5802's form (no sign, no leading zero), within the limit.
fn iteration_count(text: &str, attributes: &Attributes<'_>) -> Result<NonZeroU32, ScramError> {
    let well_formed = text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
        && (1..=19).contains(&text.len());
    let number = text
        .parse::<u64>()
        .ok()
        .filter(|_| well_formed)
        .ok_or_else(|| attributes.malformed("the iteration count is not a number"))?;
    u32::try_from(number)
        .ok()
        .filter(|count| *count <= MAX_ITERATIONS)
        .and_then(NonZeroU32::new)
        .ok_or(ScramError::Iterations(number))
}

/// `e=…` instead of the message that was expected.
fn refusal(attributes: &Attributes<'_>) -> Result<(), ScramError> {
    let Some(reason) = attributes.rest().strip_prefix("e=") else {
        return Ok(());
    };
    let printable = reason.chars().filter(|char| !char.is_control());
    Err(ScramError::Refused(printable.take(MAX_REFUSAL).collect()))
}
