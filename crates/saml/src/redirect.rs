//! The HTTP-Redirect binding (SAML bindings, section 3.4).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::algorithm::SignatureAlgorithm;
use crate::encoding::{decode_base64, encode_base64};
use crate::endpoint::Endpoint;
use crate::key::VerifyingKey;
use crate::names::DEFLATE_ENCODING;
use crate::signing_key::SigningKey;
use crate::{KeyError, Rejection, SignatureError};

/// Longest message behind the compression, in bytes.
const INFLATED_BYTES_MAX: usize = 64 << 10;
/// Longest query string that is looked at, in bytes.
const QUERY_BYTES_MAX: usize = 32 << 10;
/// Longest relay state that is sent on: the specification allows 80 (section 3.4.3), and several products send more.
const RELAY_STATE_BYTES_MAX: usize = 1024;

/// The address that sends a signed message: the parameters that are signed in their order, the signature, and
/// `SAMLEncoding`, which no signature covers, last.
pub(crate) fn signed_address(
    to: &Endpoint,
    parameter: &str,
    message: &str,
    relay_state: Option<&str>,
    key: &SigningKey,
) -> Result<String, KeyError> {
    let message = encode_base64(&deflate(message.as_bytes()));
    let mut query = format!("{parameter}={}", percent_encode(&message));
    if let Some(relay_state) = relay_state {
        query = format!("{query}&RelayState={}", percent_encode(relay_state));
    }
    query = format!("{query}&SigAlg={}", percent_encode(key.algorithm().uri()));
    let signature = encode_base64(&key.sign(query.as_bytes())?);
    let signature = percent_encode(&signature);
    let encoding = percent_encode(DEFLATE_ENCODING);
    Ok(to.with_query(&format!(
        "{query}&Signature={signature}&SAMLEncoding={encoding}"
    )))
}

/// A message whose detached signature is verified.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) message: Vec<u8>,
    pub(crate) relay_state: Option<String>,
}

/// Verifies and unpacks a query string, which must be exactly as it was received: the signature is over its spelling
/// (section 3.4.4.1).
pub(crate) fn receive(
    query: &str,
    parameter: &str,
    keys: &[VerifyingKey],
) -> Result<Received, Rejection> {
    let query = Query::parse(query, parameter)?;
    let algorithm = percent_decode(query.algorithm.ok_or(SignatureError::Missing)?)?;
    let signature = percent_decode(query.signature.ok_or(SignatureError::Missing)?)?;
    let algorithm = SignatureAlgorithm::from_uri(&algorithm).ok_or(SignatureError::Algorithm)?;
    let signature = decode_base64(&signature).ok_or(SignatureError::Structure)?;
    let signed = query.signed(parameter);
    let verifies = |key: &VerifyingKey| key.verifies(algorithm, signed.as_bytes(), &signature);
    if !keys.iter().any(verifies) {
        return Err(SignatureError::Value.into());
    }
    let relay_state = query.relay_state.map(percent_decode).transpose()?;
    if relay_state
        .as_ref()
        .is_some_and(|state| state.len() > RELAY_STATE_BYTES_MAX)
    {
        return Err(Rejection::Query);
    }
    let message = percent_decode(query.message)?;
    let message = decode_base64(&message).ok_or(Rejection::NotBase64)?;
    Ok(Received {
        message: inflate(&message)?,
        relay_state,
    })
}

/// The values as they were spelled.
struct Query<'a> {
    message: &'a str,
    relay_state: Option<&'a str>,
    algorithm: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Query<'a> {
    fn parse(query: &'a str, parameter: &str) -> Result<Self, Rejection> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(Rejection::Query);
        }
        let [
            mut message,
            mut relay_state,
            mut algorithm,
            mut signature,
            mut encoding,
        ] = [None; 5];
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').ok_or(Rejection::Query)?;
            let slot = match name {
                "RelayState" => &mut relay_state,
                "SigAlg" => &mut algorithm,
                "Signature" => &mut signature,
                "SAMLEncoding" => &mut encoding,
                name if name == parameter => &mut message,
                _ => return Err(Rejection::Query),
            };
            if slot.replace(value).is_some() {
                return Err(Rejection::Query);
            }
        }
        if let Some(encoding) = encoding
            && percent_decode(encoding)? != DEFLATE_ENCODING
        {
            return Err(Rejection::Query);
        }
        Ok(Self {
            message: message.ok_or(Rejection::Query)?,
            relay_state,
            algorithm,
            signature,
        })
    }

    /// What the signature is over.
    fn signed(&self, parameter: &str) -> String {
        let mut signed = format!("{parameter}={}", self.message);
        for (name, value) in [("RelayState", self.relay_state), ("SigAlg", self.algorithm)] {
            if let Some(value) = value {
                signed = format!("{signed}&{name}={value}");
            }
        }
        signed
    }
}

/// RFC 3986: all but unreserved characters, in upper-case hexadecimal, so that nobody spells it in another way.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3 / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                encoded.push(digit.to_ascii_uppercase());
            }
        }
    }
    encoded
}

fn percent_decode(text: &str) -> Result<String, Rejection> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                let value = high.zip(low).map(|(high, low)| high << 4 | low);
                u8::try_from(value.ok_or(Rejection::Query)?).map_err(|_| Rejection::Query)?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).map_err(|_| Rejection::Query)
}

/// RFC 1951, without a header.
fn deflate(message: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::default(), false);
    // Stored blocks are the worst case: five bytes for each 65,535.
    let mut output = Vec::with_capacity(message.len() + message.len() / 1024 + 64);
    let status = compress.compress_vec(message, &mut output, FlushCompress::Finish);
    debug_assert!(matches!(status, Ok(Status::StreamEnd)));
    output
}

/// The output buffer never grows: what does not fit is refused.
fn inflate(compressed: &[u8]) -> Result<Vec<u8>, Rejection> {
    let mut decompress = Decompress::new(false);
    let mut output = Vec::with_capacity(INFLATED_BYTES_MAX + 1);
    let status = decompress
        .decompress_vec(compressed, &mut output, FlushDecompress::Finish)
        .map_err(|_| Rejection::Inflate)?;
    let all_was_read = usize::try_from(decompress.total_in()) == Ok(compressed.len());
    if status != Status::StreamEnd || !all_was_read || output.len() > INFLATED_BYTES_MAX {
        return Err(Rejection::Inflate);
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::{deflate, inflate, percent_decode, percent_encode};
    use crate::Rejection;

    #[test]
    fn percent_encoding() {
        assert_eq!(
            percent_encode("aZ09-._~ +/=&\u{e9}"),
            "aZ09-._~%20%2B%2F%3D%26%C3%A9"
        );
        assert_eq!(percent_decode("a%2b%2Bb+c").unwrap(), "a++b c");
        for bad in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(percent_decode(bad), Err(Rejection::Query), "{bad}");
        }
    }

    #[test]
    fn compression_has_a_limit() {
        let message = vec![b'a'; 64 << 10];
        assert_eq!(inflate(&deflate(&message)).unwrap(), message);
        let bomb = deflate(&vec![b'a'; (64 << 10) + 1]);
        assert!(bomb.len() < 200);
        assert_eq!(inflate(&bomb), Err(Rejection::Inflate));
    }

    #[test]
    fn a_stream_has_one_end() {
        let mut stream = deflate(b"message");
        assert_eq!(
            inflate(&stream[..stream.len() - 1]),
            Err(Rejection::Inflate)
        );
        stream.push(0);
        assert_eq!(inflate(&stream), Err(Rejection::Inflate));
        assert_eq!(inflate(b""), Err(Rejection::Inflate));
        let noise: Vec<u8> = (0..=255).cycle().take(3000).collect();
        assert_eq!(inflate(&deflate(&noise)).unwrap(), noise);
    }
}
