//! Tokens and keys that begin with a fixed text: JSON Web Tokens, private keys, keys of cloud services.

use aho_corasick::{AhoCorasick, MatchKind};

use super::builder::Detector;
use super::near::{at, before, run};
use super::tail::{Raw, Tail};
use crate::error::MaskError;

/// Longest header of a token that is looked at.
const MAX_HEADER_BYTES: usize = 2048;
/// Longest title of a key file.
const MAX_TITLE_BYTES: usize = 64;

/// What may follow a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Upper,
    Alphanumeric,
    Url,
    Base64,
    Dotted,
}

impl Class {
    pub(crate) fn has(self, byte: u8) -> bool {
        match self {
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Base64 => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'%')
            }
            Self::Dotted => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/')
            }
        }
    }
}

enum Form {
    JsonWebToken,
    KeyFile,
    /// So many characters of the class at least; exactly so many if `exact`.
    Key {
        class: Class,
        least: usize,
        exact: bool,
    },
    /// The same, but the prefix is a name and not part of the secret.
    Named {
        class: Class,
        least: usize,
    },
    /// A name, then quotes, spaces and `=` or `:`, then 40 characters.
    Assigned,
    /// Azure's marker in the middle of a client secret, three characters behind its start.
    Marked,
}

const fn key(class: Class, least: usize) -> Form {
    Form::Key {
        class,
        least,
        exact: false,
    }
}

const PREFIXES: &[(&str, Form)] = &[
    ("eyJ", Form::JsonWebToken),
    ("-----BEGIN ", Form::KeyFile),
    ("---- BEGIN ", Form::KeyFile),
    // Amazon Web Services: identifiers of access keys, and the secret where it stands behind its name.
    (
        "AKIA",
        Form::Key {
            class: Class::Upper,
            least: 16,
            exact: true,
        },
    ),
    (
        "ASIA",
        Form::Key {
            class: Class::Upper,
            least: 16,
            exact: true,
        },
    ),
    (
        "ABIA",
        Form::Key {
            class: Class::Upper,
            least: 16,
            exact: true,
        },
    ),
    (
        "ACCA",
        Form::Key {
            class: Class::Upper,
            least: 16,
            exact: true,
        },
    ),
    ("ecret_access_key", Form::Assigned),
    ("ECRET_ACCESS_KEY", Form::Assigned),
    ("ecretAccessKey", Form::Assigned),
    // Google Cloud.
    ("AIza", key(Class::Url, 35)),
    ("GOCSPX-", key(Class::Url, 24)),
    ("ya29.", key(Class::Url, 20)),
    // Azure.
    (
        "AccountKey=",
        Form::Named {
            class: Class::Base64,
            least: 40,
        },
    ),
    (
        "SharedAccessKey=",
        Form::Named {
            class: Class::Base64,
            least: 40,
        },
    ),
    ("8Q~", Form::Marked),
    // GitHub.
    ("ghp_", key(Class::Alphanumeric, 36)),
    ("gho_", key(Class::Alphanumeric, 36)),
    ("ghu_", key(Class::Alphanumeric, 36)),
    ("ghs_", key(Class::Alphanumeric, 36)),
    ("ghr_", key(Class::Alphanumeric, 36)),
    ("github_pat_", key(Class::Url, 36)),
    // Slack.
    ("xoxa-", key(Class::Url, 10)),
    ("xoxb-", key(Class::Url, 10)),
    ("xoxe-", key(Class::Url, 10)),
    ("xoxo-", key(Class::Url, 10)),
    ("xoxp-", key(Class::Url, 10)),
    ("xoxr-", key(Class::Url, 10)),
    ("xoxs-", key(Class::Url, 10)),
    ("xapp-", key(Class::Url, 10)),
    ("hooks.slack.com/services/", key(Class::Dotted, 20)),
    // Stripe.
    ("sk_live_", key(Class::Alphanumeric, 16)),
    ("sk_test_", key(Class::Alphanumeric, 16)),
    ("rk_live_", key(Class::Alphanumeric, 16)),
    ("rk_test_", key(Class::Alphanumeric, 16)),
    ("whsec_", key(Class::Base64, 24)),
];

/// The shortest text that holds any of them.
pub(crate) const SHORTEST: usize = 15;

/// Finds the prefixes.
pub(crate) fn automaton() -> Result<AhoCorasick, MaskError> {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(PREFIXES.iter().map(|(prefix, _)| prefix))
        .map_err(|_| MaskError::PatternTooLarge)
}

/// What begins with prefix number `prefix`, which stands at `start`.
pub(crate) fn secret(text: &[u8], prefix: usize, start: usize) -> Option<Raw> {
    let (name, form) = PREFIXES.get(prefix)?;
    let behind = start + name.len();
    match *form {
        Form::JsonWebToken => json_web_token(text, start),
        Form::KeyFile => key_file(text, start, behind),
        Form::Key {
            class,
            least,
            exact,
        } => {
            if before(text, start, 1).is_ascii_alphanumeric() {
                return None;
            }
            cloud_key(text, start, behind, class, least, exact)
        }
        Form::Named { class, least } => cloud_key(text, behind, behind, class, least, false),
        Form::Assigned => {
            let gap = run(text, behind, 10, |byte| {
                matches!(
                    byte,
                    b' ' | b'\t' | b'"' | b'\'' | b'=' | b':' | b'>' | b'\\'
                )
            });
            let value = behind + gap;
            (gap > 0).then(|| cloud_key(text, value, value, Class::Base64, 40, false))?
        }
        Form::Marked => {
            let first = start.checked_sub(3)?;
            let lead = run(text, first, 3, |byte| Class::Dotted.has(byte));
            let alone = !before(text, first, 1).is_ascii_alphanumeric();
            (lead == 3 && alone)
                .then(|| cloud_key(text, first, behind, Class::Dotted, 31, false))?
        }
    }
}

fn cloud_key(
    text: &[u8],
    start: usize,
    behind: usize,
    class: Class,
    least: usize,
    exact: bool,
) -> Option<Raw> {
    let length = run(text, behind, least + 1, |byte| class.has(byte));
    if length < least || (exact && at(text, behind + least).is_ascii_alphanumeric()) {
        return None;
    }
    Some(Raw {
        start,
        end: behind + least,
        detector: Detector::CloudKey,
        tail: (!exact).then_some(Tail::Class(class)),
    })
}

/// A header, a point, and the beginning of what follows: RFC 7515 section 3.1 and RFC 7516 section 3.1.
/// A token that was cut off is as secret as a whole one.
fn json_web_token(text: &[u8], start: usize) -> Option<Raw> {
    if before(text, start, 1).is_ascii_alphanumeric() {
        return None;
    }
    let header = run(text, start, MAX_HEADER_BYTES + 1, |byte| {
        Class::Url.has(byte)
    });
    let point = start + header;
    if !(12..=MAX_HEADER_BYTES).contains(&header) || at(text, point) != b'.' {
        return None;
    }
    let payload = run(text, point + 1, 8, |byte| Class::Url.has(byte));
    // The second part of an encrypted token may be empty.
    let empty = payload == 0
        && at(text, point + 1) == b'.'
        && run(text, point + 2, 8, |byte| Class::Url.has(byte)) == 8;
    (payload == 8 || empty).then_some(Raw {
        start,
        end: point + 2 + payload,
        detector: Detector::JsonWebToken,
        tail: Some(Tail::Class(Class::Dotted)),
    })
}

/// `-----BEGIN … PRIVATE KEY…-----` (RFC 7468), and the form of RFC 4716 with four hyphens and a space.
fn key_file(text: &[u8], start: usize, behind: usize) -> Option<Raw> {
    let length = run(text, behind, MAX_TITLE_BYTES, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
    });
    let title = text.get(behind..behind + length)?;
    let private = memchr::memmem::find(title, b"PRIVATE KEY").is_some();
    let closed = at(text, behind + length) == b'-';
    (private && closed).then_some(Raw {
        start,
        end: behind + length,
        detector: Detector::PrivateKey,
        tail: Some(Tail::KeyFile),
    })
}

#[cfg(test)]
mod tests {
    use super::PREFIXES;

    /// Leftmost-first search would never report the longer of two.
    #[test]
    fn no_prefix_begins_with_another() {
        for (place, (one, _)) in PREFIXES.iter().enumerate() {
            for (other_place, (other, _)) in PREFIXES.iter().enumerate() {
                assert!(
                    place == other_place || !other.starts_with(one),
                    "{one} {other}"
                );
            }
        }
    }
}
