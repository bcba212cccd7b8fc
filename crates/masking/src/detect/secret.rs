//! Tokens and keys that begin with a fixed text: JSON Web Tokens, private keys, keys of cloud services.

use aho_corasick::{AhoCorasick, MatchKind};

use super::builder::Detector;
use super::near::{View, before};
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
    /// Azure's marker in the middle of a client secret, [`BEFORE_MARKER_BYTES`] behind its start.
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

/// Bytes before Azure's marker that belong to the secret.
const BEFORE_MARKER_BYTES: usize = 3;

/// Who finds what begins with prefix number `prefix`.
pub(crate) fn detector(prefix: usize) -> Detector {
    match PREFIXES.get(prefix) {
        Some((_, Form::JsonWebToken)) => Detector::JsonWebToken,
        Some((_, Form::KeyFile)) => Detector::PrivateKey,
        _ => Detector::CloudKey,
    }
}

/// How many bytes before prefix number `prefix` belong to what it marks.
pub(crate) fn back(prefix: usize) -> usize {
    match PREFIXES.get(prefix) {
        Some((_, Form::Marked)) => BEFORE_MARKER_BYTES,
        _ => 0,
    }
}

/// The earliest place at which a prefix at or behind `floor` may begin, with what belongs to it before, of which the text
/// has only the first bytes.
pub(crate) fn cut_off(
    text: &[u8],
    floor: usize,
    wanted: impl Fn(Detector) -> bool,
) -> Option<usize> {
    let earliest = PREFIXES
        .iter()
        .enumerate()
        .filter_map(|(number, (name, form))| {
            let lead = back(number);
            let is_wanted = wanted(detector(number));
            let alone = matches!(form, Form::JsonWebToken | Form::Key { .. } | Form::Marked);
            let begins = |length: usize| {
                let start = text.len().checked_sub(length)?;
                let (front, part) = text.get(start..)?.split_at_checked(lead.min(length))?;
                let fits = start + lead >= floor
                    && front.iter().all(|byte| Class::Dotted.has(*byte))
                    && name.as_bytes().starts_with(part)
                    && !(alone && before(text, start, 1).is_ascii_alphanumeric());
                fits.then_some(start)
            };
            let longest = lead + name.len() - 1;
            is_wanted.then(|| (1..=longest).rev().find_map(begins))?
        });
    earliest.min()
}

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
pub(crate) fn secret<'a>(text: impl View<'a>, prefix: usize, start: usize) -> Option<Raw> {
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
            if text.before(start, 1).is_ascii_alphanumeric() {
                return None;
            }
            cloud_key(text, start, behind, class, least, exact)
        }
        Form::Named { class, least } => cloud_key(text, behind, behind, class, least, false),
        Form::Assigned => {
            let gap = text.run(behind, 10, |byte| {
                matches!(
                    byte,
                    b' ' | b'\t' | b'"' | b'\'' | b'=' | b':' | b'>' | b'\\'
                )
            });
            let value = behind + gap;
            (gap > 0).then(|| cloud_key(text, value, value, Class::Base64, 40, false))?
        }
        Form::Marked => {
            let first = start.checked_sub(BEFORE_MARKER_BYTES)?;
            let lead = text.get(first..start)?;
            let dotted = lead.iter().all(|byte| Class::Dotted.has(*byte));
            let alone = !text.before(first, 1).is_ascii_alphanumeric();
            (dotted && alone).then(|| cloud_key(text, first, behind, Class::Dotted, 31, false))?
        }
    }
}

fn cloud_key<'a>(
    text: impl View<'a>,
    start: usize,
    behind: usize,
    class: Class,
    least: usize,
    exact: bool,
) -> Option<Raw> {
    let length = text.run(behind, least, |byte| class.has(byte));
    if length < least || (exact && text.at(behind + least).is_ascii_alphanumeric()) {
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
fn json_web_token<'a>(text: impl View<'a>, start: usize) -> Option<Raw> {
    if text.before(start, 1).is_ascii_alphanumeric() {
        return None;
    }
    let header = text.run(start, MAX_HEADER_BYTES + 1, |byte| Class::Url.has(byte));
    let point = start + header;
    if !(12..=MAX_HEADER_BYTES).contains(&header) || text.at(point) != b'.' {
        return None;
    }
    let payload = text.run(point + 1, 8, |byte| Class::Url.has(byte));
    // The second part of an encrypted token may be empty.
    let empty = payload == 0
        && text.at(point + 1) == b'.'
        && text.run(point + 2, 8, |byte| Class::Url.has(byte)) == 8;
    (payload == 8 || empty).then_some(Raw {
        start,
        end: point + 1 + payload,
        detector: Detector::JsonWebToken,
        tail: Some(Tail::Class(Class::Dotted)),
    })
}

/// `-----BEGIN … PRIVATE KEY…-----` (RFC 7468), and the form of RFC 4716 with four hyphens and a space.
fn key_file<'a>(text: impl View<'a>, start: usize, behind: usize) -> Option<Raw> {
    let length = text.run(behind, MAX_TITLE_BYTES, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
    });
    let title = text.get(behind..behind + length)?;
    let private = memchr::memmem::find(title, b"PRIVATE KEY").is_some();
    let closed = text.at(behind + length) == b'-';
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
