//! `xml`: text and attribute values are searched with their references decoded. A finding that is
//! anywhere else (a comment, character data, a name), or crosses a border, withholds the value.

use std::ops::Range;

use super::mask::Masked;
use super::rewrite::Rewrite;
use super::work::Work;
use crate::detect::near::at;

pub(crate) fn mask(work: Work<'_>, source: &[u8]) -> Masked {
    if !work.is_detecting() {
        return match work.text(source) {
            Masked::Value(masked) => Masked::Value(escape(&masked)),
            masked => masked,
        };
    }
    // References hide what they spell; so both readings are searched.
    let decoded = Decoded::new(source);
    let found = work.found(&decoded.text);
    if found.is_empty() {
        return work.withheld(source);
    }
    let texts = texts(source);
    let mut out = Rewrite::new(source);
    for finding in &found {
        let Some((range, with)) = work.replacement(&decoded.text, finding) else {
            return Masked::Null;
        };
        let range = decoded.place(range);
        let inside = texts
            .iter()
            .any(|text| text.start <= range.start && range.end <= text.end);
        if !inside {
            return Masked::Null;
        }
        out.replace(range, &escape(&with));
    }
    out.finish()
}

/// As text, attribute value and character data alike; control characters cannot be written in XML 1.0.
fn escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\'' => out.extend_from_slice(b"&apos;"),
            0..=8 | 11 | 12 | 14..=31 => out.extend_from_slice("\u{fffd}".as_bytes()),
            _ => out.push(byte),
        }
    }
    out
}

/// The source with references decoded, and where each byte came from.
struct Decoded {
    text: Vec<u8>,
    /// For each reference: where it stands in the text, and how many bytes were left out up to behind it.
    shifts: Vec<(usize, usize, usize)>,
}

impl Decoded {
    fn new(source: &[u8]) -> Self {
        let mut text = Vec::with_capacity(source.len());
        let mut shifts = Vec::new();
        let (mut index, mut left_out) = (0, 0);
        while let Some(rest) = source.get(index..).filter(|rest| !rest.is_empty()) {
            let Some(ampersand) = memchr::memchr(b'&', rest) else {
                text.extend_from_slice(rest);
                break;
            };
            text.extend_from_slice(rest.get(..ampersand).unwrap_or(&[]));
            index += ampersand;
            if let Some((letter, length)) = reference(source, index) {
                let start = text.len();
                text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                left_out += length - (text.len() - start);
                shifts.push((start, text.len(), left_out));
                index += length;
            } else {
                text.push(b'&');
                index += 1;
            }
        }
        Self { text, shifts }
    }

    /// Where a part of the text stands in the source.
    fn place(&self, range: Range<usize>) -> Range<usize> {
        let before = |place: usize| {
            let count = self.shifts.partition_point(|(_, end, _)| *end <= place);
            count
                .checked_sub(1)
                .and_then(|last| self.shifts.get(last))
                .map_or(0, |shift| shift.2)
        };
        range.start + before(range.start)..range.end + before(range.end)
    }
}

/// The character that a reference at `index` stands for, and its length. Never longer decoded than written.
fn reference(source: &[u8], index: usize) -> Option<(char, usize)> {
    let rest = source.get(index + 1..)?;
    let near = rest.get(..rest.len().min(12)).unwrap_or(rest);
    let end = memchr::memchr(b';', near)?;
    let name = std::str::from_utf8(rest.get(..end)?).ok()?;
    let letter = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((letter, end + 2))
}

/// Where text may stand: between tags, in quotes inside of tags, and in CDATA sections.
fn texts(source: &[u8]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut index = 0;
    while index < source.len() {
        let rest = source.get(index..).unwrap_or(&[]);
        let length = memchr::memchr(b'<', rest).unwrap_or(rest.len());
        out.push(index..index + length);
        index += length;
        let rest = source.get(index..).unwrap_or(&[]);
        index = if rest.starts_with(b"<![CDATA[") {
            let length = end_of(rest, b"]]>");
            // A replacement is escaped, and would read differently here: so nothing inside may be changed.
            index + length
        } else if rest.starts_with(b"<!--") {
            index + end_of(rest, b"-->")
        } else if rest.starts_with(b"<?") {
            index + end_of(rest, b"?>")
        } else {
            tag(source, index, &mut out)
        };
    }
    out
}

fn end_of(rest: &[u8], mark: &[u8]) -> usize {
    memchr::memmem::find(rest, mark).map_or(rest.len(), |place| place + mark.len())
}

/// Collects attribute values, and says where the tag ends.
fn tag(source: &[u8], start: usize, out: &mut Vec<Range<usize>>) -> usize {
    let mut index = start;
    loop {
        match at(source, index) {
            b'>' => return index + 1,
            quote @ (b'"' | b'\'') => {
                let rest = source.get(index + 1..).unwrap_or(&[]);
                let Some(length) = memchr::memchr(quote, rest) else {
                    return source.len();
                };
                out.push(index + 1..index + 1 + length);
                index += length + 2;
            }
            _ if index >= source.len() => return source.len(),
            _ => index += 1,
        }
    }
}
