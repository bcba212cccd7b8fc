//! E-mail addresses: the dot-atom form of RFC 5322 section 3.4.1, with letters of RFC 6531, at a domain of two labels
//! or more. Quoted local parts and address literals are not taken.

use super::near::{View, run_before};

/// Longest local part (RFC 5321 section 4.5.3.1.1).
pub(crate) const MAX_LOCAL_BYTES: usize = 64;
/// Longest domain (RFC 5321 section 4.5.3.1.2).
const MAX_DOMAIN_BYTES: usize = 255;

/// The address around an `@`.
pub(crate) fn email<'a>(text: impl View<'a>, at_sign: usize) -> Option<(usize, usize)> {
    let start = local_start(text, at_sign)?;
    let end = domain_end(text, at_sign + 1)?;
    let domain = text.get(at_sign + 1..end)?;
    (!looks_like_a_file(domain)).then_some((start, end))
}

/// Where an address may begin of which the text has only the local part.
pub(crate) fn cut_off<'a>(text: impl View<'a>) -> Option<usize> {
    let end = text.text().len();
    let length = text.run_before(end, MAX_LOCAL_BYTES + 1, is_local);
    let start = (length <= MAX_LOCAL_BYTES).then(|| end - length)?;
    let part = text.get(start..end)?;
    let stripped = part.iter().position(|byte| !is_stripped(*byte))?;
    Some(start + stripped)
}

/// Where a local part begins that ends before `at_sign`.
pub(crate) fn local_start<'a>(text: impl View<'a>, at_sign: usize) -> Option<usize> {
    let length = text.run_before(at_sign, MAX_LOCAL_BYTES + 1, is_local);
    if length > MAX_LOCAL_BYTES || text.before(at_sign, 1) == b'.' {
        return None;
    }
    let mut start = at_sign - length;
    while start < at_sign && is_stripped(text.at(start)) {
        start += 1;
    }
    (start < at_sign).then_some(start)
}

/// Punctuation before an address is not of it.
fn is_stripped(byte: u8) -> bool {
    matches!(byte, b'.' | b'-' | b'\'' | b'*' | b'#' | b'+')
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte >= 0x80
        || matches!(
            byte,
            b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'!' | b'#' | b'$' | b'*' | b'^' | b'~'
        )
}

fn domain_end<'a>(text: impl View<'a>, start: usize) -> Option<usize> {
    let is_domain =
        |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-');
    let length = text.run(start, MAX_DOMAIN_BYTES + 1, is_domain);
    let domain = text.get(start..start + length.min(MAX_DOMAIN_BYTES))?;
    // Labels up to the first empty one: a full stop at the end of a sentence belongs to the sentence.
    let (mut end, mut labels, mut last): (usize, usize, &[u8]) = (0, 0, &[]);
    let mut from = 0;
    for label in domain.split(|&byte| byte == b'.') {
        let trimmed =
            label.len() - run_before(label, label.len(), label.len(), |byte| byte == b'-');
        if trimmed == 0 || label.first() == Some(&b'-') {
            break;
        }
        labels += 1;
        last = label.get(..trimmed)?;
        end = from + trimmed;
        if trimmed < label.len() {
            break;
        }
        from += label.len() + 1;
    }
    (labels >= 2 && is_top_level(last)).then_some(start + end)
}

fn is_top_level(label: &[u8]) -> bool {
    let letters = label
        .iter()
        .all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80);
    (2..=63).contains(&label.len()) && (letters || label.starts_with(b"xn--"))
}

/// Images for dense screens are called `icon@2x.png`, and packages `name@1.2.3-rc.beta`.
fn looks_like_a_file(domain: &[u8]) -> bool {
    let mut labels = domain.split(|&byte| byte == b'.');
    let (Some(first), Some(second)) = (labels.next(), labels.next()) else {
        return false;
    };
    let scale = matches!(first, [b'1'..=b'9', b'x' | b'X']);
    let image = [
        &b"png"[..],
        b"jpg",
        b"jpeg",
        b"gif",
        b"svg",
        b"webp",
        b"avif",
    ];
    let version = |label: &[u8]| label.first().is_some_and(u8::is_ascii_digit);
    (scale && image.iter().any(|kind| second.eq_ignore_ascii_case(kind)))
        || (version(first) && version(second))
}
