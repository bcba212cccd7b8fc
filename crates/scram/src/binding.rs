//! Channel binding, RFC 5802 section 6.

use crate::attributes::encode_base64;
use crate::{SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramError};

/// The only binding type that PostgreSQL knows (RFC 5929 section 4).
const TLS_SERVER_END_POINT: &str = "tls-server-end-point";

/// What a client says about the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// `n`: the client cannot bind, for want of TLS or of a hash of the certificate.
    None,
    /// `y`: the client could bind, and thinks that the server cannot.
    Unused,
    /// `p`: bound to the server's certificate, by the hash that RFC 5929 section 4.1 gives.
    TlsServerEndPoint(Vec<u8>),
}

impl ChannelBinding {
    /// The strongest binding that the server's offer and this connection allow. `end_point` is the hash of the
    /// server's certificate on a TLS connection.
    ///
    /// # Errors
    /// [`ScramError::NotOffered`]: neither mechanism is there, or only the one that needs TLS is.
    pub fn choose<'a>(
        offered: impl IntoIterator<Item = &'a [u8]>,
        end_point: Option<&[u8]>,
    ) -> Result<Self, ScramError> {
        let (mut plain, mut plus) = (false, false);
        for mechanism in offered {
            plain |= mechanism == SCRAM_SHA_256.as_bytes();
            plus |= mechanism == SCRAM_SHA_256_PLUS.as_bytes();
        }
        match end_point {
            Some(hash) if plus => Ok(Self::TlsServerEndPoint(hash.to_vec())),
            Some(_) if plain => Ok(Self::Unused),
            None if plain => Ok(Self::None),
            _ => Err(ScramError::NotOffered),
        }
    }

    /// The mechanism that goes with it.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::None | Self::Unused => SCRAM_SHA_256,
            Self::TlsServerEndPoint(_) => SCRAM_SHA_256_PLUS,
        }
    }

    /// The header that a client's first message begins with, its last comma included.
    pub(crate) fn header(&self) -> String {
        match self {
            Self::None => "n,,".to_owned(),
            Self::Unused => "y,,".to_owned(),
            Self::TlsServerEndPoint(_) => format!("p={TLS_SERVER_END_POINT},,"),
        }
    }

    /// The value of `c=` in the client's last message.
    pub(crate) fn input(&self) -> String {
        let mut input = self.header().into_bytes();
        if let Self::TlsServerEndPoint(hash) = self {
            input.extend_from_slice(hash);
        }
        encode_base64(&input)
    }

    /// What a client said in the first part of its header, judged against what the server offered: the mechanism
    /// that the client chose, and the hash of the server's certificate, which is there when -PLUS was offered.
    pub(crate) fn judge(
        said: &str,
        mechanism: &str,
        server_end_point: Option<&[u8]>,
    ) -> Result<Self, ScramError> {
        let malformed = |problem| ScramError::Malformed {
            message: "client-first-message",
            problem,
        };
        match (mechanism, said, server_end_point) {
            (SCRAM_SHA_256, "n", _) => Ok(Self::None),
            (SCRAM_SHA_256, "y", None) => Ok(Self::Unused),
            (SCRAM_SHA_256, "y", Some(_)) => Err(ScramError::Downgrade),
            (SCRAM_SHA_256_PLUS, said, Some(hash)) => match said.strip_prefix("p=") {
                Some(TLS_SERVER_END_POINT) => Ok(Self::TlsServerEndPoint(hash.to_vec())),
                Some(_) => Err(malformed("the type of channel binding is not supported")),
                None => Err(malformed("the mechanism needs channel binding")),
            },
            (SCRAM_SHA_256, _, _) => Err(malformed("the mechanism has no channel binding")),
            _ => Err(ScramError::Mechanism),
        }
    }
}
