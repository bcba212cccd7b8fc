//! Why an exchange ends without success.

/// Why an exchange ends without success. No text here holds a secret or a nonce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    /// A message that RFC 5802 section 7 does not allow.
    #[error("malformed SCRAM {message}: {problem}")]
    Malformed {
        /// The message's name in the specification.
        message: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The mechanism is not one that was offered.
    #[error("the SASL mechanism was not offered")]
    Mechanism,
    /// The server offers no mechanism that can be used.
    #[error("the server offers no SCRAM-SHA-256 mechanism that can be used on this connection")]
    NotOffered,
    /// The peer needs an extension (`m=`), and none is known.
    #[error("the peer needs a SCRAM extension that is not supported")]
    Extension,
    /// The client says that the server did not offer channel binding, but it did: somebody between them removed it.
    #[error(
        "the client was told that channel binding is not supported, but it is: the connection may be attacked"
    )]
    Downgrade,
    /// The client is bound to another channel than this one: somebody is between them.
    #[error("the channel binding does not fit this connection")]
    ChannelBinding,
    /// The nonce does not continue the one of this exchange.
    #[error("the SCRAM nonce does not belong to this exchange")]
    Nonce,
    /// The server asks for no work or for too much.
    #[error("the server asks for {0} iterations, which is not between 1 and 1,000,000")]
    Iterations(u64),
    /// The server could not prove that it knows the password's verifier.
    #[error("the server's signature is wrong")]
    ServerSignature,
    /// The server ended the exchange with an error of RFC 5802 section 7 (`server-error-value`).
    #[error("the server refused: {0}")]
    Refused(String),
    /// A step was called at the wrong time.
    #[error("the SCRAM exchange is not at this step")]
    OutOfOrder,
}
