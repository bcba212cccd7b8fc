//! The first and last characters stay, the rest is hidden.

/// Hides all but so many characters at both ends. Nothing where the text is not UTF-8, since characters cannot be
/// told then. A text that would stay as it is, is hidden altogether.
pub(crate) fn hide(text: &[u8], first: usize, last: usize, mask: char) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let count = text.chars().count();
    let (first, last) = if first.saturating_add(last) >= count {
        (0, 0)
    } else {
        (first, last)
    };
    let kept = |place: usize| place < first || place >= count - last;
    let hidden = text
        .chars()
        .enumerate()
        .map(|(place, letter)| if kept(place) { letter } else { mask });
    Some(hidden.collect::<String>().into_bytes())
}

/// The same with digits of a number, which become zeros. Sign, point and separators stay.
pub(crate) fn hide_digits(text: &str, first: usize, last: usize) -> String {
    let count = text.bytes().filter(u8::is_ascii_digit).count();
    let (first, last) = if first.saturating_add(last) >= count {
        (0, 0)
    } else {
        (first, last)
    };
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
        assert_eq!(hide(b"1234", 0, 4, '*').unwrap(), b"****");
        assert_eq!(hide(b"", 0, 4, '*').unwrap(), b"");
        assert_eq!(hide(b"\xff\xfe1234567", 0, 4, '*'), None);
        assert_eq!(hide_digits("-1234.56", 1, 1), "-1000.06");
    }
}
