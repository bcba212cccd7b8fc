//! `application/x-www-form-urlencoded`, as queries and bodies have it.

use std::collections::BTreeMap;

/// More parameters than any answer of a provider has.
const MAX_PARAMETERS: usize = 32;

/// Why a query or form is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormError {
    Malformed,
    Duplicate,
}

/// Reads parameters: strictly percent-encoded UTF-8 of at most `max_bytes`, each name once (RFC 6749 section 3.1).
pub(crate) fn parse(text: &[u8], max_bytes: usize) -> Result<BTreeMap<String, String>, FormError> {
    if text.len() > max_bytes {
        return Err(FormError::Malformed);
    }
    let mut parameters = BTreeMap::new();
    for pair in text
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        if parameters.insert(name, value).is_some() {
            return Err(FormError::Duplicate);
        }
        if parameters.len() > MAX_PARAMETERS {
            return Err(FormError::Malformed);
        }
    }
    Ok(parameters)
}

fn decode(text: &[u8]) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = rest.next().copied().and_then(hex_digit);
                let low = rest.next().copied().and_then(hex_digit);
                high.zip(low)
                    .map(|(high, low)| high << 4 | low)
                    .ok_or(FormError::Malformed)?
            }
            other if other.is_ascii_graphic() => *other,
            _ => return Err(FormError::Malformed),
        });
    }
    String::from_utf8(bytes).map_err(|_| FormError::Malformed)
}

fn hex_digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Writes parameters.
pub(crate) fn write<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        if !text.is_empty() {
            text.push('&');
        }
        encode(name, &mut text);
        text.push('=');
        encode(value, &mut text);
    }
    text
}

/// Everything but unreserved characters (RFC 3986 section 2.3) is percent-encoded.
pub(crate) fn encode(text: &str, out: &mut String) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{FormError, MAX_PARAMETERS, parse, write};

    #[test]
    fn reads_what_a_browser_sends() {
        let parameters = parse(b"code=a%2Bb+c&state=&iss=https%3a%2F%2Fidp.example", 100).unwrap();
        assert_eq!(parameters["code"], "a+b c");
        assert_eq!(parameters["state"], "");
        assert_eq!(parameters["iss"], "https://idp.example");
        assert!(parse(b"", 100).unwrap().is_empty());
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        let many: Vec<String> = (0..=MAX_PARAMETERS)
            .map(|number| format!("p{number}=1"))
            .collect();
        let many = many.join("&");
        for (text, error) in [
            ("code=a&code=a", FormError::Duplicate),
            ("code=a&c%6fde=b", FormError::Duplicate),
            ("code=%", FormError::Malformed),
            ("code=%4", FormError::Malformed),
            ("code=%zz", FormError::Malformed),
            ("code=%+4", FormError::Malformed),
            ("code=%ff", FormError::Malformed),
            ("code=%c0%af", FormError::Malformed),
            ("code=a b", FormError::Malformed),
            ("code=\u{e4}", FormError::Malformed),
            ("code=a\r\n", FormError::Malformed),
            (many.as_str(), FormError::Malformed),
        ] {
            assert_eq!(parse(text.as_bytes(), 4096), Err(error), "{text}");
        }
        assert_eq!(parse(b"code=abc", 7), Err(FormError::Malformed));
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was_written(
            parameters in proptest::collection::btree_map(".{1,10}", ".{0,20}", 0..8),
        ) {
            let text = write(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(parse(text.as_bytes(), usize::MAX), Ok(parameters));
        }

        #[test]
        fn takes_anything_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let parsed: Result<BTreeMap<String, String>, FormError> = parse(&bytes, 64);
            if let Ok(parameters) = parsed {
                let pairs = bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).count();
                prop_assert_eq!(parameters.len(), pairs);
            }
        }
    }
}
