//! Social security numbers of the United States: area, group, serial, and what the administration never issues.

use super::near::View;

/// Where a number ends that begins at `start`, at the first of three digits. Nine digits in a row are not taken:
/// most are something else.
pub(crate) fn social_security<'a>(text: impl View<'a>, start: usize) -> Option<usize> {
    let separator = text.at(start + 3);
    if !matches!(separator, b'-' | b' ')
        || text.digits(start + 4, 3) != 2
        || text.at(start + 6) != separator
        || text.digits(start + 7, 5) != 4
    {
        return None;
    }
    let end = start + 11;
    if text.joined_before(start, b"- .") || text.joined_after(end, b"- ") {
        return None;
    }
    let area = text.get(start..start + 3)?;
    let group = text.get(start + 4..start + 6)?;
    let serial = text.get(start + 7..end)?;
    let issued = area != b"000"
        && area != b"666"
        && area.first() != Some(&b'9')
        && group != b"00"
        && serial != b"0000";
    issued.then_some(end)
}
