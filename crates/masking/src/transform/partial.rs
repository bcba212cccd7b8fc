//! The first and last characters stay, the rest is hidden.

/// Hides all but so many characters at both ends. Nothing where the text is not UTF-8, since characters cannot be
/// told then. A text that would stay as it is, is hidden altogether.
pub(crate) fn hide(text: &[u8], first: usize, last: usize, mask: char) -> Option<Vec<u8>> {
    if let Ok(mask @ 0..0x80) = u8::try_from(mask)
        && text.is_ascii()
    {
        return Some(hide_ascii(text, first, last, mask));
    }
    let text = std::str::from_utf8(text).ok()?;
    let count = text.chars().count();
    let (first, last) = kept_at_ends(first, last, count);
    let kept = |place: usize| place < first || place >= count - last;
    let hidden = text
        .chars()
        .enumerate()
        .map(|(place, letter)| if kept(place) { letter } else { mask });
    Some(hidden.collect::<String>().into_bytes())
}

/// The same where each character is a byte, as in most values.
fn hide_ascii(text: &[u8], first: usize, last: usize, mask: u8) -> Vec<u8> {
    let (first, last) = kept_at_ends(first, last, text.len());
    let mut hidden = text.to_vec();
    if let Some(middle) = hidden.get_mut(first..text.len() - last) {
        middle.fill(mask);
    }
    hidden
}

/// How many of so many characters stay at both ends.
fn kept_at_ends(first: usize, last: usize, count: usize) -> (usize, usize) {
    if first.saturating_add(last) >= count {
        (0, 0)
    } else {
        (first, last)
    }
}

/// The same with digits of a number, which become zeros. Sign, point and separators stay.
pub(crate) fn hide_digits(text: &str, first: usize, last: usize) -> String {
    let count = text.bytes().filter(u8::is_ascii_digit).count();
    let (first, last) = kept_at_ends(first, last, count);
    let mut place = 0;
    text.chars()
        .map(|letter| {
            if !letter.is_ascii_digit() {
                return letter;
            }
            place += 1;
            if place <= first || place > count - last {
                letter
            } else {
                '0'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{hide, hide_digits};

    #[test]
    fn characters_and_not_bytes_are_counted() {
        assert_eq!(
            hide("Ägäis-Öl".as_bytes(), 1, 2, '•').unwrap(),
            "Ä•••••Öl".as_bytes()
        );
        assert_eq!(hide(b"12345678", 1, 2, '*').unwrap(), b"1*****78");
        assert_eq!(hide(b"1234", 1, 0, '§').unwrap(), "1§§§".as_bytes());
        assert_eq!(hide(b"1234", 0, 4, '*').unwrap(), b"****");
        assert_eq!(hide(b"", 0, 4, '*').unwrap(), b"");
        assert_eq!(hide("éa".as_bytes(), 0, 1, '*').unwrap(), b"*a");
        assert_eq!(hide(b"\xff\xfe1234567", 0, 4, '*'), None);
        assert_eq!(hide_digits("-1234.56", 1, 1), "-1000.06");
    }
}
