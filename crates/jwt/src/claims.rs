//! Claims with the types that specifications give them. A claim of another type is refused, never taken as absent.

use serde_json::{Map, Value};

use crate::rejection::Rejection;

/// Longest subject, token id, session id or client id (OpenID Connect Core 2 for `sub`).
pub(crate) const MAX_ID_BYTES: usize = 255;
/// The last second of the year 9999.
const MAX_DATE: u64 = 253_402_300_799;

/// Optional claims that are strings wherever they occur.
const TEXTS: [&str; 5] = ["azp", "nonce", "at_hash", "sid", "client_id"];

/// The claims of a token whose signature is right.
#[derive(Clone, Copy)]
pub(crate) struct Claims<'a>(&'a Map<String, Value>);

impl<'a> Claims<'a> {
    /// Checks the types of all claims that any class knows, whether this class uses them or not.
    pub(crate) fn new(claims: &'a Map<String, Value>) -> Result<Self, Rejection> {
        let claims = Self(claims);
        for name in TEXTS {
            claims.text(name)?;
        }
        claims.date("auth_time")?;
        claims.object("events")?;
        claims.subject()?;
        claims.id("jti")?;
        Ok(claims)
    }

    pub(crate) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether the claim is there and not null.
    pub(crate) fn says(self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    pub(crate) fn text(self, name: &'static str) -> Result<Option<&'a str>, Rejection> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Rejection::ClaimMalformed(name)),
        }
    }

    /// NumericDate (RFC 7519 section 2), whole seconds up to the year 9999: fractions and exponents are refused.
    pub(crate) fn date(self, name: &'static str) -> Result<Option<u64>, Rejection> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(seconds) if seconds <= MAX_DATE => Ok(Some(seconds)),
                _ => Err(Rejection::ClaimMalformed(name)),
            },
        }
    }

    pub(crate) fn object(
        self,
        name: &'static str,
    ) -> Result<Option<&'a Map<String, Value>>, Rejection> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(_) => Err(Rejection::ClaimMalformed(name)),
        }
    }

    /// `sub`: printable ASCII, so that two subjects never look alike.
    pub(crate) fn subject(self) -> Result<Option<&'a str>, Rejection> {
        let subject = self.id("sub")?;
        let plain = |subject: &str| {
            subject.bytes().all(|byte| (b' '..=b'~').contains(&byte))
                && !subject.starts_with(' ')
                && !subject.ends_with(' ')
        };
        match subject {
            Some(subject) if !plain(subject) => Err(Rejection::ClaimMalformed("sub")),
            _ => Ok(subject),
        }
    }

    /// A name of 1 to 255 bytes without control characters.
    pub(crate) fn id(self, name: &'static str) -> Result<Option<&'a str>, Rejection> {
        match self.text(name)? {
            Some(id)
                if id.is_empty() || id.len() > MAX_ID_BYTES || id.contains(char::is_control) =>
            {
                Err(Rejection::ClaimMalformed(name))
            }
            id => Ok(id),
        }
    }

    /// `aud`: a string or a list of strings (RFC 7519 section 4.1.3), none of them empty.
    pub(crate) fn audience(self) -> Result<Option<Audience<'a>>, Rejection> {
        let malformed = || Rejection::ClaimMalformed("aud");
        let audience = match self.0.get("aud") {
            None => return Ok(None),
            Some(Value::String(one)) => Audience {
                names: vec![one.as_str()],
                is_list: false,
            },
            Some(Value::Array(list)) => Audience {
                names: list
                    .iter()
                    .map(|item| item.as_str().ok_or_else(malformed))
                    .collect::<Result<_, _>>()?,
                is_list: true,
            },
            Some(_) => return Err(malformed()),
        };
        if audience.names.is_empty() || audience.names.contains(&"") {
            return Err(malformed());
        }
        Ok(Some(audience))
    }
}

/// Whom a token is for.
pub(crate) struct Audience<'a> {
    pub(crate) names: Vec<&'a str>,
    /// Written as a list, also with one name.
    pub(crate) is_list: bool,
}

/// The value of a claim that the class needs.
pub(crate) fn needed<T>(
    name: &'static str,
    value: Result<Option<T>, Rejection>,
) -> Result<T, Rejection> {
    value?.ok_or(Rejection::ClaimMissing(name))
}
