//! Authentication (RFC 4252, keyboard-interactive RFC 4256).

use std::fmt;

use bytes::BytesMut;
use zeroize::Zeroizing;

use super::number;
use super::service::SERVICE_CONNECTION;
use crate::encoding::{Put as _, Reader};
use crate::error::WireError;

/// Bytes of a login name at most.
pub const MAX_LOGIN_NAME_BYTES: usize = 512;
/// Bytes of a password, or of an answer, at most. OpenSSH reads 1023.
pub const MAX_PASSWORD_BYTES: usize = 16 * 1024;
/// Answers at most.
pub const MAX_RESPONSES: u32 = 16;

/// `SSH_MSG_USERAUTH_REQUEST`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationRequest<'a> {
    /// As whom.
    pub login_name: &'a str,
    /// For which service.
    pub service: &'a [u8],
    /// By what.
    pub method: AuthenticationMethod<'a>,
}

/// What a client proves itself by.
#[derive(Clone, PartialEq, Eq)]
pub enum AuthenticationMethod<'a> {
    /// Nothing: it asks what there is.
    None,
    /// A key, or a certificate for one.
    PublicKey(KeyOffer<'a>),
    /// A password.
    Password {
        /// The password.
        password: &'a [u8],
        /// It asks to set another one.
        changes: bool,
    },
    /// Questions and answers.
    KeyboardInteractive,
    /// Another method.
    Other(&'a [u8]),
}

impl fmt::Debug for AuthenticationMethod<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::None => "None",
            Self::PublicKey(_) => "PublicKey",
            Self::Password { .. } => "Password",
            Self::KeyboardInteractive => "KeyboardInteractive",
            Self::Other(_) => "Other",
        })
    }
}

/// A key that a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOffer<'a> {
    /// Algorithm by which it signs.
    pub algorithm: &'a str,
    /// The key or certificate, as it goes over the wire.
    pub key: &'a [u8],
    /// Its signature; `None`: the client asks whether the key would do.
    pub signature: Option<&'a [u8]>,
}

impl<'a> AuthenticationRequest<'a> {
    /// Reads the message.
    pub fn decode(payload: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        reader.byte()?;
        let login_name = reader.text()?;
        if login_name.len() > MAX_LOGIN_NAME_BYTES {
            return Err(WireError::TooLong("login name"));
        }
        let service = reader.string()?;
        let method = match reader.string()? {
            b"none" => AuthenticationMethod::None,
            b"publickey" => {
                let is_signed = reader.boolean()?;
                AuthenticationMethod::PublicKey(KeyOffer {
                    algorithm: reader.text()?,
                    key: reader.string()?,
                    signature: is_signed.then(|| reader.string()).transpose()?,
                })
            }
            b"password" => {
                let changes = reader.boolean()?;
                let password = reader.string()?;
                if changes {
                    reader.string()?;
                }
                if password.len() > MAX_PASSWORD_BYTES {
                    return Err(WireError::TooLong("password"));
                }
                AuthenticationMethod::Password { password, changes }
            }
            b"keyboard-interactive" => {
                reader.string()?;
                reader.string()?;
                AuthenticationMethod::KeyboardInteractive
            }
            // What stands in it is not known.
            name => {
                return Ok(Self {
                    login_name,
                    service,
                    method: AuthenticationMethod::Other(name),
                });
            }
        };
        reader.end()?;
        Ok(Self {
            login_name,
            service,
            method,
        })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut BytesMut) {
        out.byte(number::USERAUTH_REQUEST)
            .string(self.login_name)
            .string(self.service);
        match &self.method {
            AuthenticationMethod::None => {
                out.string("none");
            }
            AuthenticationMethod::PublicKey(offer) => {
                out.string("publickey").boolean(offer.signature.is_some());
                out.string(offer.algorithm).string(offer.key);
                if let Some(signature) = offer.signature {
                    out.string(signature);
                }
            }
            AuthenticationMethod::Password { password, .. } => {
                out.string("password").boolean(false).string(password);
            }
            AuthenticationMethod::KeyboardInteractive => {
                out.string("keyboard-interactive").string("").string("");
            }
            AuthenticationMethod::Other(name) => {
                out.string(name);
            }
        }
    }
}

/// What a client signs to sign in with a key (RFC 4252 section 7).
pub fn signed_data(session_id: &[u8], login_name: &str, algorithm: &str, key: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(session_id.len() + key.len() + 256);
    data.string(session_id)
        .byte(number::USERAUTH_REQUEST)
        .string(login_name)
        .string(SERVICE_CONNECTION)
        .string("publickey")
        .boolean(true)
        .string(algorithm)
        .string(key);
    data
}

/// Says that a key would do.
pub fn public_key_accepted(out: &mut BytesMut, algorithm: &str, key: &[u8]) {
    out.byte(number::USERAUTH_PK_OK)
        .string(algorithm)
        .string(key);
}

/// Says no, and by what the client may go on.
pub fn failure(out: &mut BytesMut, methods: &str) {
    out.byte(number::USERAUTH_FAILURE)
        .string(methods)
        .boolean(false);
}

/// Shows a text before the sign-in has ended.
pub fn banner(out: &mut BytesMut, text: &str) {
    out.byte(number::USERAUTH_BANNER).string(text).string("");
}

/// Asks questions, each with whether its answer may be shown as it is typed.
pub fn information_request(out: &mut BytesMut, title: &str, text: &str, prompts: &[(&str, bool)]) {
    out.byte(number::USERAUTH_INFO_REQUEST)
        .string(title)
        .string(text)
        .string("");
    out.uint32(u32::try_from(prompts.len()).unwrap_or(u32::MAX));
    for (prompt, is_shown) in prompts {
        out.string(prompt).boolean(*is_shown);
    }
}

/// The answers.
pub fn information_responses(payload: &[u8]) -> Result<Vec<Zeroizing<Vec<u8>>>, WireError> {
    let mut reader = Reader::new(payload);
    reader.byte()?;
    let count = reader.uint32()?;
    if count > MAX_RESPONSES {
        return Err(WireError::TooLong("list of answers"));
    }
    let mut answers = Vec::new();
    for _ in 0..count {
        let answer = reader.string()?;
        if answer.len() > MAX_PASSWORD_BYTES {
            return Err(WireError::TooLong("answer"));
        }
        answers.push(Zeroizing::new(answer.to_vec()));
    }
    reader.end()?;
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::{
        AuthenticationMethod, AuthenticationRequest, MAX_PASSWORD_BYTES, MAX_RESPONSES,
        information_request, information_responses,
    };
    use crate::encoding::Put as _;
    use crate::error::WireError;
    use crate::message::number;

    fn responses(count: u32, answers: &[&[u8]]) -> BytesMut {
        let mut out = BytesMut::new();
        out.byte(number::USERAUTH_INFO_RESPONSE).uint32(count);
        for answer in answers {
            out.string(answer);
        }
        out
    }

    #[test]
    fn answers_are_read_within_their_limits() {
        let read = |payload: &[u8]| information_responses(payload);
        assert!(read(&responses(0, &[])).unwrap().is_empty());
        let two = read(&responses(2, &[b"", b"\xff"])).unwrap();
        assert_eq!(
            (two[0].as_slice(), two[1].as_slice()),
            (&[][..], &[0xff][..])
        );
        let longest = vec![b'x'; MAX_PASSWORD_BYTES];
        assert_eq!(
            read(&responses(1, &[&longest])).unwrap()[0].len(),
            longest.len()
        );
        let longer = vec![b'x'; MAX_PASSWORD_BYTES + 1];
        assert_eq!(
            read(&responses(1, &[&longer])),
            Err(WireError::TooLong("answer"))
        );
        for count in [MAX_RESPONSES + 1, u32::MAX] {
            assert_eq!(
                read(&responses(count, &[])),
                Err(WireError::TooLong("list of answers"))
            );
        }
        // Fewer than it says, more than it says, and cut anywhere.
        read(&responses(2, &[b"x"])).unwrap_err();
        read(&responses(1, &[b"x", b"y"])).unwrap_err();
        let whole = responses(1, &[b"answer"]);
        for length in 0..whole.len() {
            read(&whole[..length]).unwrap_err();
        }
    }

    /// RFC 4256 sections 3.1 and 3.2, byte for byte.
    #[test]
    fn the_method_is_asked_for_and_its_question_put() {
        let asked = b"\x32\0\0\0\x01a\0\0\0\x0essh-connection\0\0\0\x14keyboard-interactive\0\0\0\x02en\0\0\0\x03pam";
        let request = AuthenticationRequest::decode(asked).unwrap();
        assert_eq!(request.method, AuthenticationMethod::KeyboardInteractive);
        for length in 0..asked.len() {
            AuthenticationRequest::decode(&asked[..length]).unwrap_err();
        }
        let mut out = BytesMut::new();
        information_request(&mut out, "", "T", &[("P: ", false)]);
        assert_eq!(
            &out[..],
            b"\x3c\0\0\0\0\0\0\0\x01T\0\0\0\0\0\0\0\x01\0\0\0\x03P: \0"
        );
    }
}
