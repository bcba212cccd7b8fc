//! `Authentication…`, tag `R`: one message kind with a code.

use super::super::writer;
use super::{Reader, WireError, tag};

const NAME: &str = "Authentication";

const OK: i32 = 0;
const CLEARTEXT_PASSWORD: i32 = 3;
const MD5_PASSWORD: i32 = 5;
const SASL: i32 = 10;
const SASL_CONTINUE: i32 = 11;
const SASL_FINAL: i32 = 12;

/// A step of authentication, as the server asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// Done.
    Ok,
    /// Send the password as it is.
    CleartextPassword,
    /// Send the password hashed with MD5 and this salt.
    Md5Password {
        /// The salt.
        salt: [u8; 4],
    },
    /// Choose one of these SASL mechanisms.
    Sasl(Mechanisms<'a>),
    /// The server's next SASL message.
    SaslContinue(&'a [u8]),
    /// The server's last SASL message.
    SaslFinal(&'a [u8]),
    /// Kerberos, GSSAPI, SSPI or something new: its code.
    Unsupported(i32),
}

impl<'a> Authentication<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(NAME, body);
        let parsed = match reader.i32()? {
            OK => Self::Ok,
            CLEARTEXT_PASSWORD => Self::CleartextPassword,
            MD5_PASSWORD => Self::Md5Password {
                salt: reader.array()?,
            },
            SASL => return Mechanisms::parse(reader).map(Self::Sasl),
            SASL_CONTINUE => return Ok(Self::SaslContinue(reader.rest())),
            SASL_FINAL => return Ok(Self::SaslFinal(reader.rest())),
            other => return Ok(Self::Unsupported(other)),
        };
        reader.finish()?;
        Ok(parsed)
    }

    /// Appends `AuthenticationOk`.
    pub fn encode_ok(out: &mut Vec<u8>) {
        out.extend([tag::AUTHENTICATION, 0, 0, 0, 8]);
        out.extend(OK.to_be_bytes());
    }

    /// Appends `AuthenticationCleartextPassword`.
    pub fn encode_cleartext_password(out: &mut Vec<u8>) {
        out.extend([tag::AUTHENTICATION, 0, 0, 0, 8]);
        out.extend(CLEARTEXT_PASSWORD.to_be_bytes());
    }

    /// Appends `AuthenticationMD5Password`.
    pub fn encode_md5_password(salt: [u8; 4], out: &mut Vec<u8>) {
        out.extend([tag::AUTHENTICATION, 0, 0, 0, 12]);
        out.extend(MD5_PASSWORD.to_be_bytes());
        out.extend(salt);
    }

    /// Appends `AuthenticationSASL`, which offers these mechanisms, the preferred one first.
    pub fn encode_sasl(mechanisms: &[&str], out: &mut Vec<u8>) -> Result<(), WireError> {
        encode(SASL, out, |out| {
            for mechanism in mechanisms {
                writer::text(out, mechanism.as_bytes(), NAME)?;
            }
            out.push(0);
            Ok(())
        })
    }

    /// Appends `AuthenticationSASLContinue`.
    pub fn encode_sasl_continue(data: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
        encode(SASL_CONTINUE, out, |out| {
            out.extend_from_slice(data);
            Ok(())
        })
    }

    /// Appends `AuthenticationSASLFinal`.
    pub fn encode_sasl_final(data: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
        encode(SASL_FINAL, out, |out| {
            out.extend_from_slice(data);
            Ok(())
        })
    }
}

/// Names of SASL mechanisms, in the server's order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanisms<'a> {
    names: Reader<'a>,
}

impl<'a> Mechanisms<'a> {
    fn parse(reader: Reader<'a>) -> Result<Self, WireError> {
        let mut walk = reader;
        while !walk.text()?.is_empty() {}
        walk.finish()?;
        Ok(Self { names: reader })
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut names = self.names;
        std::iter::from_fn(move || names.text().ok().filter(|name| !name.is_empty()))
    }
}

fn encode(
    code: i32,
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    writer::frame(out, Some(tag::AUTHENTICATION), NAME, |out| {
        out.extend(code.to_be_bytes());
        body(out)
    })
}

#[cfg(test)]
mod tests {
    use super::Authentication;

    #[test]
    fn what_is_written_is_what_the_specification_shows() {
        let mut out = Vec::new();
        Authentication::encode_ok(&mut out);
        assert_eq!(out, b"R\0\0\0\x08\0\0\0\0");
        out.clear();
        Authentication::encode_md5_password(*b"salt", &mut out);
        assert_eq!(out, b"R\0\0\0\x0c\0\0\0\x05salt");
        out.clear();
        Authentication::encode_sasl(&["SCRAM-SHA-256"], &mut out).unwrap();
        assert_eq!(out, b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0");
    }

    #[test]
    fn mechanisms_end_with_an_empty_name() {
        let body = b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
        let Ok(Authentication::Sasl(mechanisms)) = Authentication::parse(body) else {
            panic!("not SASL");
        };
        assert_eq!(
            mechanisms.iter().collect::<Vec<_>>(),
            [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"]
        );
        assert!(Authentication::parse(b"\0\0\0\x0aSCRAM-SHA-256\0").is_err());
        assert!(Authentication::parse(b"\0\0\0\x0aA\0\0B\0").is_err());
    }

    #[test]
    fn others_are_named_by_their_code() {
        let gss = Authentication::parse(b"\0\0\0\x08token");
        assert_eq!(gss, Ok(Authentication::Unsupported(8)));
        assert!(Authentication::parse(b"\0\0\0\0more").is_err());
    }
}
