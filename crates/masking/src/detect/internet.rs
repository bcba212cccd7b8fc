//! Addresses of the Internet Protocol: dotted quads, and the text forms of RFC 4291 section 2.2.

use std::net::Ipv6Addr;

use super::near::View;

/// The longest text of an IPv6 address.
const MAX_V6_BYTES: usize = 45;
/// Words before a dotted quad that is a version.
const VERSION_WORDS: [&[u8]; 5] = [b"version", b"release", b"build", b"ver", b"v"];

/// Where a dotted quad ends that begins at `start`, at the start of a run of digits.
pub(crate) fn v4<'a>(text: impl View<'a>, start: usize) -> Option<usize> {
    if text.before(start, 1) == b'.' {
        return None;
    }
    let mut end = start;
    for place in 0..4 {
        if place > 0 {
            if text.at(end) != b'.' {
                return None;
            }
            end += 1;
        }
        let length = text.digits(end, 4);
        let octet = text.get(end..end + length)?;
        let value = octet
            .iter()
            .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit & 15));
        let padded = length > 1 && octet.first() == Some(&b'0');
        if !(1..=3).contains(&length) || value > 255 || padded {
            return None;
        }
        end += length;
    }
    let next = text.at(end);
    let goes_on = next.is_ascii_alphanumeric()
        || next == b'_'
        || (next == b'.' && text.at(end + 1).is_ascii_digit());
    (!goes_on && !is_version(text, start)).then_some(end)
}

/// `version 1.2.3.4` and `v. 1.2.3.4` are no addresses.
fn is_version<'a>(text: impl View<'a>, start: usize) -> bool {
    let gap = text.run_before(start, 3, |byte| matches!(byte, b' ' | b'.' | b':' | b'='));
    let word_end = start - gap;
    let length = text.run_before(word_end, 8, |byte| byte.is_ascii_alphabetic());
    let word = text.get(word_end - length..word_end).unwrap_or(&[]);
    VERSION_WORDS
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// Where an IPv6 address may begin of which the text has only the first group.
pub(crate) fn cut_off<'a>(text: impl View<'a>) -> Option<usize> {
    let end = text.text().len();
    group_start(text, end).filter(|start| *start < end)
}

/// Where a first group begins, which may be empty, that ends before `colon`.
fn group_start<'a>(text: impl View<'a>, colon: usize) -> Option<usize> {
    let lead = text.run_before(colon, 5, |byte| byte.is_ascii_hexdigit());
    let start = colon - lead;
    let previous = text.before(start, 1);
    let joined = previous.is_ascii_alphanumeric() || matches!(previous, b':' | b'_' | b'.' | b'$');
    (lead <= 4 && !joined).then_some(start)
}

/// The address whose first colon stands at `colon`.
pub(crate) fn v6<'a>(text: impl View<'a>, colon: usize) -> Option<(usize, usize)> {
    let start = group_start(text, colon)?;
    let length = text.run(start, MAX_V6_BYTES + 1, |byte| {
        byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
    });
    let mut candidate = text.get(start..start + length.min(MAX_V6_BYTES + 1))?;
    // Punctuation at the end belongs to the sentence.
    while let [front @ .., b'.' | b':'] = candidate {
        if candidate.ends_with(b"::") {
            break;
        }
        candidate = front;
    }
    let end = start + candidate.len();
    let next = text.at(end);
    if next.is_ascii_alphanumeric() || next == b'_' {
        return None;
    }
    is_v6(candidate).then_some((start, end))
}

fn is_v6(candidate: &[u8]) -> bool {
    // Most are times of day: one look is enough to see that.
    let parts = candidate.split(|&byte| byte == b':').count();
    let compressed = candidate.windows(2).any(|pair| pair == b"::");
    if !compressed && parts < 7 {
        return false;
    }
    let Some(parsed) = std::str::from_utf8(candidate)
        .ok()
        .filter(|text| text.len() <= MAX_V6_BYTES)
        .and_then(|text| text.parse::<Ipv6Addr>().ok())
    else {
        return false;
    };
    let groups = || {
        candidate
            .split(|&byte| byte == b':')
            .filter(|group| !group.is_empty())
    };
    let has_digit = candidate.iter().any(u8::is_ascii_digit);
    if !compressed {
        // Eight groups of two are a hardware address (EUI-64).
        return !groups().all(|group| group.len() == 2);
    }
    // `5::dec` is a cast and `a::b` a path of names: an address has three groups, or one of four digits in front.
    let long_lead = groups().next().is_some_and(|group| group.len() == 4);
    !parsed.is_loopback()
        && has_digit
        && (groups().count() >= 3 || long_lead || candidate.contains(&b'.'))
}
