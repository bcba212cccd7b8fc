//! SASL OAUTHBEARER (RFC 7628): what a client says in it, and the server's answer to a token that it does not take.
//!
//! Every text of this exchange is ASCII, and every byte of the client's is looked at before any of it is used.

use std::fmt::{self, Write as _};

use super::WireError;

/// Name of the mechanism, as `AuthenticationSASL` offers it.
pub const OAUTHBEARER: &str = "OAUTHBEARER";
/// The message by which a client confirms that it was refused (RFC 7628 section 3.2.3).
pub const ACKNOWLEDGEMENT: &[u8] = b"\x01";
/// Bytes of a client's message at most.
pub const MAX_OAUTHBEARER_BYTES: usize = 16 * 1024;

const NAME: &str = "OAUTHBEARER message";
/// Separates the pairs of key and value.
const SEPARATOR: u8 = 0x01;
const SCHEME: &str = "Bearer";

/// A client's first message (RFC 7628 section 3.1). Not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ClientResponse<'a> {
    /// An empty `auth`: the client asks where to get a token (RFC 7628 section 4.3).
    Discovery,
    /// `auth=Bearer TOKEN` (RFC 6750 section 2.1).
    Token(&'a str),
}

impl<'a> ClientResponse<'a> {
    /// Reads the message: `n,,^Aauth=Bearer TOKEN^A^A`. Further keys (`host`, `port`) are checked and not used.
    ///
    /// # Errors
    /// More than [`MAX_OAUTHBEARER_BYTES`]; channel binding, which the mechanism does not have; an authorization
    /// identity; a key or value outside the grammar; none or several `auth`; any other scheme or malformed token.
    pub fn parse(message: &'a [u8]) -> Result<Self, WireError> {
        if message.len() > MAX_OAUTHBEARER_BYTES {
            return Err(invalid("it is too long"));
        }
        let pairs = gs2_header(message)?;
        let mut rest = pairs
            .strip_prefix(&[SEPARATOR])
            .ok_or_else(|| invalid("no separator follows the header"))?;
        let mut auth = None;
        loop {
            let end = memchr::memchr(SEPARATOR, rest)
                .ok_or_else(|| invalid("its last separator is missing"))?;
            let (pair, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if pair.is_empty() {
                break;
            }
            let (key, value) = key_and_value(pair)?;
            if key == "auth" && auth.replace(value).is_some() {
                return Err(invalid("it has more than one auth value"));
            }
        }
        if !rest.is_empty() {
            return Err(invalid("it goes on after its end"));
        }
        let auth = auth.ok_or_else(|| invalid("it has no auth value"))?;
        if auth.is_empty() {
            return Ok(Self::Discovery);
        }
        bearer(auth).map(Self::Token)
    }

    /// Appends the message as libpq writes it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(b"n,,\x01auth=");
        if let Self::Token(token) = self {
            out.extend(b"Bearer ");
            out.extend(token.as_bytes());
        }
        out.extend(b"\x01\x01");
    }
}

impl fmt::Debug for ClientResponse<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Discovery => "Discovery",
            Self::Token(_) => "Token",
        })
    }
}

/// What a server says when it takes no token, or none yet (RFC 7628 section 3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerRefusal<'a> {
    /// A code of the OAuth extensions error registry. libpq gets a token and comes again on `invalid_token` only.
    pub status: &'a str,
    /// Where the metadata of the authorization server is.
    pub openid_configuration: &'a str,
    /// What a token must be good for.
    pub scope: &'a str,
}

impl ServerRefusal<'_> {
    /// The JSON that goes out in an `AuthenticationSASLContinue`.
    pub fn json(&self) -> String {
        let mut json = String::from("{");
        let members = [
            ("status", self.status),
            ("openid-configuration", self.openid_configuration),
            ("scope", self.scope),
        ];
        for (index, (name, value)) in members.into_iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            quote(name, &mut json);
            json.push(':');
            quote(value, &mut json);
        }
        json.push('}');
        json
    }
}

/// Passes over the header (RFC 5801 section 4), which says here that there is no channel binding and nobody else to act
/// as. `y` is what a client says that would bind if the server could, which no server can in this mechanism.
fn gs2_header(message: &[u8]) -> Result<&[u8], WireError> {
    let (flag, rest) = message
        .split_first()
        .ok_or_else(|| invalid("it is empty"))?;
    match flag {
        b'n' | b'y' => {}
        b'p' => return Err(invalid("the mechanism has no channel binding")),
        _ => return Err(invalid("its channel binding flag is not known")),
    }
    let rest = rest
        .strip_prefix(b",")
        .ok_or_else(|| invalid("no comma follows the channel binding flag"))?;
    rest.strip_prefix(b",").ok_or_else(|| {
        invalid(if rest.starts_with(b"a=") {
            "an authorization identity is not supported"
        } else {
            "its header is malformed"
        })
    })
}

/// `key = 1*ALPHA`, `value = *(VCHAR / SP / HTAB / CR / LF)`.
fn key_and_value(pair: &[u8]) -> Result<(&str, &str), WireError> {
    let (key, value) = std::str::from_utf8(pair)
        .ok()
        .and_then(|pair| pair.split_once('='))
        .ok_or_else(|| invalid("a key has no value, or is not ASCII"))?;
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(invalid("a key is not made of letters"));
    }
    let lawful = |byte: u8| matches!(byte, 0x21..=0x7e | b' ' | b'\t' | b'\r' | b'\n');
    if !value.bytes().all(lawful) {
        return Err(invalid("a value has a character that is not allowed"));
    }
    Ok((key, value))
}

/// `"Bearer" 1*SP b64token`; the scheme's case does not matter (RFC 9110 section 11.1).
fn bearer(auth: &str) -> Result<&str, WireError> {
    let malformed = || invalid("its auth value is not a bearer token");
    let (scheme, token) = auth.split_once(' ').ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(malformed());
    }
    let token = token.trim_start_matches(' ');
    let body = token.trim_end_matches('=');
    let lawful = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if body.is_empty() || !body.bytes().all(lawful) {
        return Err(malformed());
    }
    Ok(token)
}

/// A JSON string (RFC 8259 section 7).
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..='\x1f' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn invalid(problem: &'static str) -> WireError {
    WireError::Invalid {
        message: NAME,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ClientResponse, MAX_OAUTHBEARER_BYTES, ServerRefusal};
    use crate::WireError;

    #[test]
    fn what_libpq_sends_is_read() {
        let discovery = ClientResponse::parse(b"n,,\x01auth=\x01\x01");
        assert_eq!(discovery, Ok(ClientResponse::Discovery));
        for message in [
            &b"n,,\x01auth=Bearer a.b-c_~+/==\x01\x01"[..],
            b"y,,\x01auth=Bearer a.b-c_~+/==\x01\x01",
            b"n,,\x01auth=bEARER   a.b-c_~+/==\x01\x01",
            // The example of RFC 7628 section 4.1, with a host and a port.
            b"n,,\x01host=server.example.com\x01port=143\x01auth=Bearer a.b-c_~+/==\x01\x01",
        ] {
            let token = ClientResponse::parse(message);
            assert_eq!(token, Ok(ClientResponse::Token("a.b-c_~+/==")));
        }
    }

    #[test]
    fn every_other_message_is_refused_with_its_reason() {
        let long = [
            b"n,,\x01auth=Bearer ".as_slice(),
            &[b'x'; MAX_OAUTHBEARER_BYTES],
            b"\x01\x01",
        ]
        .concat();
        let cases: [(&[u8], &str); 27] = [
            (b"", "it is empty"),
            (b"n", "no comma follows the channel binding flag"),
            (b"\x01", "its channel binding flag is not known"),
            (
                b"x,,\x01auth=\x01\x01",
                "its channel binding flag is not known",
            ),
            (
                b"p=tls-server-end-point,,\x01auth=\x01\x01",
                "the mechanism has no channel binding",
            ),
            (
                b"n,a=bob,\x01auth=Bearer x\x01\x01",
                "an authorization identity is not supported",
            ),
            (b"n,b,\x01auth=\x01\x01", "its header is malformed"),
            (b"n,", "its header is malformed"),
            (b"n,,", "no separator follows the header"),
            (b"n,,auth=\x01\x01", "no separator follows the header"),
            (b"n,,\x02auth=\x02\x02", "no separator follows the header"),
            (b"n,,\x01", "its last separator is missing"),
            (b"n,,\x01auth=Bearer x", "its last separator is missing"),
            (b"n,,\x01auth=Bearer x\x01", "its last separator is missing"),
            (b"n,,\x01\x01", "it has no auth value"),
            (b"n,,\x01host=x\x01\x01", "it has no auth value"),
            (b"n,,\x01AUTH=Bearer x\x01\x01", "it has no auth value"),
            (
                b"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01",
                "it has more than one auth value",
            ),
            (
                b"n,,\x01auth=\x01auth=Bearer y\x01\x01",
                "it has more than one auth value",
            ),
            (b"n,,\x01auth=\x01\x01more", "it goes on after its end"),
            (
                b"n,,\x01auth\x01\x01",
                "a key has no value, or is not ASCII",
            ),
            (
                b"n,,\x01auth=Bearer \xff\x01\x01",
                "a key has no value, or is not ASCII",
            ),
            (b"n,,\x01=x\x01\x01", "a key is not made of letters"),
            (b"n,,\x01au-th=x\x01\x01", "a key is not made of letters"),
            (
                b"n,,\x01auth=Bearer x\0y\x01\x01",
                "a value has a character that is not allowed",
            ),
            (
                b"n,,\x01auth=Basic eA==\x01\x01",
                "its auth value is not a bearer token",
            ),
            (&long, "it is too long"),
        ];
        for (message, expected) in cases {
            let Err(WireError::Invalid { problem, .. }) = ClientResponse::parse(message) else {
                panic!("taken: {}", message.escape_ascii());
            };
            assert_eq!(problem, expected, "{}", message.escape_ascii());
        }
        for auth in [
            "Bearer",
            "Bearer ",
            "Bearer  ",
            "Bearer ==",
            "Bearer a b",
            "Bearer a=b",
            "bearer\tx",
            "Bearer a,b",
            "x",
            " Bearer x",
        ] {
            let message = format!("n,,\x01auth={auth}\x01\x01");
            assert!(ClientResponse::parse(message.as_bytes()).is_err(), "{auth}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let shown = format!("{:?}", ClientResponse::Token("secret"));
        assert_eq!(shown, "Token");
        let Err(error) = ClientResponse::parse(b"n,,\x01auth=Bearer secret!\x01\x01") else {
            panic!("taken");
        };
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn a_refusal_is_what_rfc_7628_shows() {
        let refusal = ServerRefusal {
            status: "invalid_token",
            openid_configuration: "https://custos.example.com/.well-known/openid-configuration",
            scope: "postgres",
        };
        assert_eq!(
            refusal.json(),
            r#"{"status":"invalid_token","openid-configuration":"https://custos.example.com/.well-known/openid-configuration","scope":"postgres"}"#
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_mean_one_thing(message: Vec<u8>) {
            if let Ok(response) = ClientResponse::parse(&message) {
                let mut again = Vec::new();
                response.encode(&mut again);
                prop_assert_eq!(ClientResponse::parse(&again), Ok(response));
            }
        }

        #[test]
        fn a_message_cut_or_changed_never_yields_another_token(
            token in "[A-Za-z0-9._~+/-]{1,40}={0,2}",
            at in 0_usize..60,
            byte: u8,
        ) {
            let mut message = Vec::new();
            ClientResponse::Token(&token).encode(&mut message);
            prop_assert_eq!(ClientResponse::parse(&message), Ok(ClientResponse::Token(&token)));
            let at = at % message.len();
            prop_assert!(ClientResponse::parse(&message[..at]).is_err());
            // Before the token stands nothing that could be changed and leave another meaning.
            if at < b"n,,\x01auth=Bearer ".len() {
                message[at] = byte;
                if let Ok(response) = ClientResponse::parse(&message) {
                    prop_assert_eq!(response, ClientResponse::Token(&token));
                }
            }
        }

        #[test]
        fn a_refusal_is_json_whatever_it_says(status: String, place: String, scope: String) {
            let refusal = ServerRefusal {
                status: &status,
                openid_configuration: &place,
                scope: &scope,
            };
            let read: serde_json::Value = serde_json::from_str(&refusal.json()).unwrap();
            prop_assert_eq!(&read["status"], &status);
            prop_assert_eq!(&read["openid-configuration"], &place);
            prop_assert_eq!(&read["scope"], &scope);
        }
    }
}
