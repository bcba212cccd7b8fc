//! The pass over the bytes: most are looked at once, in blocks; a few are anchors at which detectors look around.

use super::builder::{Detector, Detectors};
use super::near::{View, at, run_before};
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

/// What a detector says at an anchor.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// Where the finding begins, or the earliest place at which one could. A name before a secret belongs to it.
    pub(crate) from: usize,
    /// What is found if the text ends here.
    pub(crate) raw: Option<Raw>,
    /// With more text the answer may be another one.
    pub(crate) undecided: bool,
    /// So much of a finding is here that it is one in all likelihood.
    pub(crate) weighty: bool,
}

impl Look {
    /// Says it if there is something to say.
    fn say<'a>(
        view: impl View<'a>,
        detector: Detector,
        from: usize,
        raw: Option<Raw>,
        undecided: bool,
        seen: &mut impl FnMut(Self),
    ) {
        if undecided || raw.is_some() {
            let weighty = undecided && is_weighty(detector, view.text().get(from..));
            seen(Self {
                from,
                raw,
                undecided,
                weighty,
            });
        }
    }
}

/// Whether the beginning of what this detector looks for is more than a word or a number that anybody may print.
fn is_weighty(detector: Detector, part: Option<&[u8]>) -> bool {
    let part = part.unwrap_or(&[]);
    match detector {
        Detector::PaymentCard | Detector::SocialSecurity | Detector::Phone => {
            part.iter().filter(|byte| byte.is_ascii_digit()).count() >= 6
        }
        Detector::Iban | Detector::IpAddress => part.len() > 8,
        Detector::Email => part.last() != Some(&b'@'),
        _ => true,
    }
}

/// Says what is seen at all anchors in `from..to`.
pub(crate) fn anchors<'a>(
    detectors: &Detectors,
    view: impl View<'a>,
    from: usize,
    to: usize,
    seen: &mut impl FnMut(Look),
) {
    let text = view.text();
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
            b'0'..=b'9' => digit_run(detectors, view, index, seen),
            other => {
                mark(detectors, view, index, other, seen);
                1
            }
        };
    }
}

fn mark<'a>(
    detectors: &Detectors,
    view: impl View<'a>,
    index: usize,
    byte: u8,
    seen: &mut impl FnMut(Look),
) {
    let (detector, range) = match byte {
        b'@' if detectors.has(Detector::Email) => (Detector::Email, email::email(view, index)),
        b':' if detectors.has(Detector::IpAddress) => {
            (Detector::IpAddress, internet::v6(view, index))
        }
        b'+' if detectors.has(Detector::Phone) => (
            Detector::Phone,
            phone::international(view, index).map(|end| (index, end)),
        ),
        b'(' if detectors.has(Detector::Phone) => (
            Detector::Phone,
            phone::in_parentheses(view, index).map(|end| (index, end)),
        ),
        _ => return,
    };
    let undecided = view.asked();
    if range.is_none() && !undecided {
        return;
    }
    let from = range.map_or_else(|| reach(view, index, byte), |(start, _)| start);
    let raw = range.map(|(start, end)| Raw {
        start,
        end,
        detector,
        tail: None,
    });
    Look::say(view, detector, from, raw, undecided, seen);
}

/// The first place that belongs to what is around a mark.
fn reach<'a>(view: impl View<'a>, index: usize, byte: u8) -> usize {
    match byte {
        b'@' => email::local_start(view, index).unwrap_or(index),
        b':' => index - run_before(view.text(), index, 4, |byte| byte.is_ascii_hexdigit()),
        _ => index,
    }
}

/// What begins with a digit, at the first of its run. Returns how many bytes need no second look.
fn digit_run<'a>(
    detectors: &Detectors,
    view: impl View<'a>,
    start: usize,
    seen: &mut impl FnMut(Look),
) -> usize {
    let run = view.digits(start, 2 * card::MAX_DIGITS);
    let unfinished = view.asked();
    let previous = view.before(start, 1);
    if previous.is_ascii_digit() {
        return run;
    }
    if previous.is_ascii_alphabetic() {
        if (run >= 2 || unfinished) && detectors.has(Detector::Iban) {
            let raw = iban::iban(view, start).map(|(start, end)| Raw {
                start,
                end,
                detector: Detector::Iban,
                tail: None,
            });
            let from = start.saturating_sub(2);
            Look::say(view, Detector::Iban, from, raw, view.asked(), seen);
        }
        return run;
    }
    // What a run of this length can be the start of: nothing, mostly.
    let next = at(view.text(), start + run);
    let ends = matches!(next, b' ' | b'-' | b'.' | 0xc2 | 0xe2);
    let mut report = |detector, end: Option<usize>| {
        let undecided = unfinished | view.asked();
        if end.is_none() && !undecided {
            return;
        }
        let raw = end.map(|end| Raw {
            start,
            end,
            detector,
            tail: None,
        });
        Look::say(view, detector, start, raw, undecided, seen);
    };
    if unfinished {
        for (detector, longest) in [
            (Detector::PaymentCard, card::MAX_DIGITS),
            (Detector::Phone, 5),
            (Detector::SocialSecurity, 3),
            (Detector::IpAddress, 3),
        ] {
            if run <= longest && detectors.has(detector) {
                report(detector, None);
            }
        }
    }
    if ((13..=card::MAX_DIGITS).contains(&run) || (run == 4 && ends))
        && detectors.has(Detector::PaymentCard)
    {
        report(Detector::PaymentCard, card::card(view, start, run));
    }
    if run <= 5 && ends {
        if run == 3 && detectors.has(Detector::SocialSecurity) {
            report(
                Detector::SocialSecurity,
                social_security::social_security(view, start),
            );
        }
        if detectors.has(Detector::Phone) {
            report(Detector::Phone, phone::national(view, start, run));
        }
        if run <= 3 && next == b'.' && detectors.has(Detector::IpAddress) {
            report(Detector::IpAddress, internet::v4(view, start));
        }
    }
    run
}

/// Says what is seen at all prefixes that begin in `from..to`.
pub(crate) fn prefixes<'a>(
    detectors: &Detectors,
    view: impl View<'a>,
    from: usize,
    to: usize,
    seen: &mut impl FnMut(Look),
) {
    let Some(automaton) = detectors.prefixes() else {
        return;
    };
    let mut from = from;
    while from < to {
        let input = aho_corasick::Input::new(view.text()).range(from..);
        let Some(prefix) = automaton.find(input).filter(|prefix| prefix.start() < to) else {
            return;
        };
        let (number, start) = (prefix.pattern().as_usize(), prefix.start());
        let raw = secret::secret(view, number, start);
        let undecided = view.asked();
        let detector = secret::detector(number);
        if detectors.has(detector) {
            let first = start.saturating_sub(secret::back(number));
            Look::say(view, detector, first, raw, undecided, seen);
        }
        // Not behind it: what a chunk ends with must not decide what is seen.
        from = start + 1;
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
