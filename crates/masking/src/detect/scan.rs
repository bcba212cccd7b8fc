//! The pass over the bytes: most are looked at once, in blocks; a few are anchors at which detectors look around.

use super::builder::{Detector, Detectors};
use super::near::{at, before, digits};
use super::tail::Raw;
use super::{card, email, iban, internet, phone, secret, social_security};

/// No detector looks further back from its anchor: a local part and what stands before it.
pub(crate) const BACK_BYTES: usize = email::MAX_LOCAL_BYTES + 16;
/// No detector needs more behind its anchor to decide: the header of a token, or a custom match.
pub(crate) const AHEAD_BYTES: usize = 2048 + 128;
/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// Bytes at which something can begin or be decided.
fn is_anchor(byte: u8) -> bool {
    matches!(byte, b'0'..=b':' | b'@' | b'(' | b'+')
}

/// The same without branches, so that a block is looked at in one go.
fn anchor_bits(byte: u8) -> u8 {
    u8::from(byte.is_ascii_digit())
        | u8::from(byte == b'@')
        | u8::from(byte == b':')
        | u8::from(byte == b'(')
        | u8::from(byte == b'+')
}

/// Reports all findings whose anchor is in `from..to`.
pub(crate) fn anchors(
    detectors: &Detectors,
    text: &[u8],
    from: usize,
    to: usize,
    found: &mut impl FnMut(Raw),
) {
    let mut index = from;
    while index < to {
        let rest = text.get(index..to).unwrap_or(&[]);
        if let Some(block) = rest.first_chunk::<BLOCK>()
            && block.iter().fold(0, |any, byte| any | anchor_bits(*byte)) == 0
        {
            index += BLOCK;
            continue;
        }
        let Some(skip) = rest.iter().position(|byte| is_anchor(*byte)) else {
            return;
        };
        index += skip;
        index += match at(text, index) {
            b'0'..=b'9' => digit_run(detectors, text, index, found),
            other => {
                mark(detectors, text, index, other, found);
                1
            }
        };
    }
}

fn mark(detectors: &Detectors, text: &[u8], index: usize, byte: u8, found: &mut impl FnMut(Raw)) {
    let (detector, range) = match byte {
        b'@' if detectors.has(Detector::Email) => (Detector::Email, email::email(text, index)),
        b':' if detectors.has(Detector::IpAddress) => {
            (Detector::IpAddress, internet::v6(text, index))
        }
        b'+' if detectors.has(Detector::Phone) => (
            Detector::Phone,
            phone::international(text, index).map(|end| (index, end)),
        ),
        b'(' if detectors.has(Detector::Phone) => (
            Detector::Phone,
            phone::in_parentheses(text, index).map(|end| (index, end)),
        ),
        _ => return,
    };
    if let Some((start, end)) = range {
        found(Raw {
            start,
            end,
            detector,
            tail: None,
        });
    }
}

/// What begins with a digit, at the first of its run. Returns how many bytes need no second look.
fn digit_run(
    detectors: &Detectors,
    text: &[u8],
    start: usize,
    found: &mut impl FnMut(Raw),
) -> usize {
    let run = digits(text, start, 2 * card::MAX_DIGITS);
    let previous = before(text, start, 1);
    if previous.is_ascii_digit() {
        return run;
    }
    if previous.is_ascii_alphabetic() {
        if run >= 2
            && detectors.has(Detector::Iban)
            && let Some((start, end)) = iban::iban(text, start)
        {
            found(Raw {
                start,
                end,
                detector: Detector::Iban,
                tail: None,
            });
        }
        return run;
    }
    // What a run of this length can be the start of: nothing, mostly.
    let next = at(text, start + run);
    let ends = matches!(next, b' ' | b'-' | b'.' | 0xc2 | 0xe2);
    let mut report = |detector, end: Option<usize>| {
        if let Some(end) = end {
            found(Raw {
                start,
                end,
                detector,
                tail: None,
            });
        }
    };
    if ((13..=card::MAX_DIGITS).contains(&run) || (run == 4 && ends))
        && detectors.has(Detector::PaymentCard)
    {
        report(Detector::PaymentCard, card::card(text, start, run));
    }
    if run <= 5 && ends {
        if run == 3 && detectors.has(Detector::SocialSecurity) {
            report(
                Detector::SocialSecurity,
                social_security::social_security(text, start),
            );
        }
        if detectors.has(Detector::Phone) {
            report(Detector::Phone, phone::national(text, start, run));
        }
        if run <= 3 && next == b'.' && detectors.has(Detector::IpAddress) {
            report(Detector::IpAddress, internet::v4(text, start));
        }
    }
    run
}

/// Reports all findings that begin with a prefix in `from..to`.
pub(crate) fn prefixes(
    detectors: &Detectors,
    text: &[u8],
    from: usize,
    to: usize,
    found: &mut impl FnMut(Raw),
) {
    let Some(automaton) = detectors.prefixes() else {
        return;
    };
    let mut from = from;
    while from < to {
        let input = aho_corasick::Input::new(text).range(from..);
        let Some(prefix) = automaton.find(input).filter(|prefix| prefix.start() < to) else {
            return;
        };
        if let Some(raw) = secret::secret(text, prefix.pattern().as_usize(), prefix.start())
            && detectors.has(raw.detector)
        {
            found(raw);
        }
        // Not behind it: what a chunk ends with must not decide what is seen.
        from = prefix.start() + 1;
    }
}

/// Reports all matches of custom patterns that begin in `from..to`, and returns where to go on.
pub(crate) fn patterns(
    detectors: &Detectors,
    text: &[u8],
    from: usize,
    to: usize,
    found: &mut impl FnMut(Raw),
) -> usize {
    let Some(custom) = detectors.custom() else {
        return to;
    };
    let mut from = from;
    while let Some(raw) = custom.next(text, from, to) {
        from = raw.end.max(from + 1);
        found(raw);
    }
    from.max(to)
}
