//! What a sequence does to the place at which text appears (ECMA-48 section 8.3, the private ones as xterm has them).

/// What becomes of the text before, when more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It goes on: colours, modes, questions, and what terminals ignore.
    None,
    /// The cursor goes back in the line.
    Left(usize),
    /// The cursor goes over cells.
    Right(usize),
    /// What stands right of the cursor is erased.
    EraseRight,
    /// Nothing, if the cursor stands behind the text. In it, cells move.
    AtEndOnly,
    /// The last character is written again, so many times.
    Repeat(usize),
    /// What comes stands elsewhere.
    Move,
    /// The screen is another one, or empty.
    Clear,
    /// A set of characters is chosen for one of four places: line drawing, or another.
    Charset { place: usize, draws: bool },
    /// One of those places is used from here on.
    Shift(usize),
    /// As after power-on.
    Reset,
}

/// Of a control sequence, by its parameters, intermediate bytes and final byte, without controls.
pub(super) fn of_control(body: &[u8]) -> Effect {
    let Some((&last, rest)) = body.split_last() else {
        return Effect::None;
    };
    let parameters = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'?'));
    let (parameters, intermediates) = rest
        .split_at_checked(parameters.count())
        .unwrap_or((rest, &[]));
    let private = parameters.first().is_some_and(|byte| *byte >= b'<');
    match (intermediates, private) {
        ([], false) => public(last, parameters),
        ([], true) => of_private(last, parameters),
        (b" ", false) if matches!(last, b'@' | b'A') => Effect::Move,
        (b"$", false) if matches!(last, b'v' | b'x' | b'z' | b'{') => Effect::Move,
        (b"'", false) if matches!(last, b'}' | b'~') => Effect::Move,
        _ => Effect::None,
    }
}

fn public(last: u8, parameters: &[u8]) -> Effect {
    let first = numbers(parameters).next().unwrap_or(0);
    match last {
        b'C' => Effect::Right(first.max(1)),
        b'D' => Effect::Left(first.max(1)),
        b'J' | b'K' if first == 0 => Effect::EraseRight,
        b'J' if first == 3 => Effect::None,
        b'J' => Effect::Clear,
        b'@' | b'P' | b'X' => Effect::AtEndOnly,
        b'h' | b'l' if numbers(parameters).any(|mode| mode == 4) => Effect::AtEndOnly,
        b'b' => Effect::Repeat(first.max(1)),
        b's' if parameters.is_empty() => Effect::None,
        b'A'
        | b'B'
        | b'E'..=b'I'
        | b'K'..=b'M'
        | b'S'..=b'W'
        | b'Z'..=b'`'
        | b'a'
        | b'd'..=b'f'
        | b'j'
        | b'k'
        | b'r'
        | b's'
        | b'u' => Effect::Move,
        _ => Effect::None,
    }
}

fn of_private(last: u8, parameters: &[u8]) -> Effect {
    let modes = parameters.strip_prefix(b"?");
    let (Some(modes), b'h' | b'l') = (modes, last) else {
        return match (modes, last) {
            (Some(extent), b'J' | b'K') => public(last, extent),
            _ => Effect::None,
        };
    };
    let any = |wanted: &[usize]| numbers(modes).any(|mode| wanted.contains(&mode));
    if any(&[3, 40, 47, 1047, 1049]) {
        return Effect::Clear;
    }
    let restores = last == b'l' && any(&[1048]);
    if restores || any(&[6, 69]) {
        return Effect::Move;
    }
    Effect::None
}

/// Of what follows ESC, without controls.
pub(super) fn of_escape(body: &[u8]) -> Effect {
    let mut bytes = body.iter().copied();
    match (bytes.next(), bytes.next(), bytes.next()) {
        (Some(single), None, _) => match single {
            b'c' => Effect::Reset,
            b'n' => Effect::Shift(2),
            b'o' => Effect::Shift(3),
            // A title, as screen has it, comes behind the first of these.
            b'k' | b'\\' | b'8' | b'D' | b'E' | b'M' | b'6' | b'9' => Effect::Move,
            _ => Effect::None,
        },
        (Some(b'#'), Some(b'8'), None) => Effect::Clear,
        (Some(place @ b'('..=b'+'), Some(set), None) => Effect::Charset {
            place: usize::from(place - b'('),
            draws: set == b'0',
        },
        (Some(place @ b'-'..=b'/'), Some(_), None) => Effect::Charset {
            place: usize::from(place - b'-') + 1,
            draws: false,
        },
        _ => Effect::None,
    }
}

/// Of a control in one byte above ASCII: those that go to another line.
pub(super) fn of_c1(byte: u8) -> Effect {
    match byte {
        0x84 | 0x85 | 0x8d => Effect::Move,
        _ => Effect::None,
    }
}

/// Numbers between separators; one that is left out is zero, and one that is too large the largest.
fn numbers(parameters: &[u8]) -> impl Iterator<Item = usize> {
    let parts = parameters.split(|byte| matches!(byte, b';' | b':'));
    parts.map(|part| {
        part.iter().fold(0_usize, |sum, digit| {
            sum.saturating_mul(10)
                .saturating_add(usize::from(digit & 15))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Effect, of_control, of_escape};

    #[test]
    fn control_sequences() {
        for (body, effect) in [
            (&b"m"[..], Effect::None),
            (b"1;38;5;200m", Effect::None),
            (b"?2004h", Effect::None),
            (b"?25l", Effect::None),
            (b"K", Effect::EraseRight),
            (b"0K", Effect::EraseRight),
            (b"1K", Effect::Move),
            (b"2J", Effect::Clear),
            (b"3J", Effect::None),
            (b"J", Effect::EraseRight),
            (b"?J", Effect::EraseRight),
            (b"H", Effect::Move),
            (b"12;40H", Effect::Move),
            (b"5G", Effect::Move),
            (b"A", Effect::Move),
            (b"C", Effect::Right(1)),
            (b"0C", Effect::Right(1)),
            (b"17C", Effect::Right(17)),
            (b"3D", Effect::Left(3)),
            (b"9b", Effect::Repeat(9)),
            (b"1P", Effect::AtEndOnly),
            (b"4h", Effect::AtEndOnly),
            (b"r", Effect::Move),
            (b"?1r", Effect::None),
            (b"s", Effect::None),
            (b"1;40s", Effect::Move),
            (b"u", Effect::Move),
            (b">1u", Effect::None),
            (b"?1049h", Effect::Clear),
            (b"?25;1049l", Effect::Clear),
            (b"?1048h", Effect::None),
            (b"?1048l", Effect::Move),
            (b"2 q", Effect::None),
            (b"!p", Effect::None),
            (b"6n", Effect::None),
            (b"22;0;0t", Effect::None),
            (b"99999999999999999999999999C", Effect::Right(usize::MAX)),
            (b"", Effect::None),
        ] {
            assert_eq!(
                of_control(body),
                effect,
                "{:?}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn escape_sequences() {
        let charset = |place, draws| Effect::Charset { place, draws };
        for (body, effect) in [
            (&b"7"[..], Effect::None),
            (b"8", Effect::Move),
            (b"M", Effect::Move),
            (b"=", Effect::None),
            (b"c", Effect::Reset),
            (b"(0", charset(0, true)),
            (b"(B", charset(0, false)),
            (b")0", charset(1, true)),
            (b"-A", charset(1, false)),
            (b"#8", Effect::Clear),
            (b"#6", Effect::None),
            (b"%G", Effect::None),
            (b"\\", Effect::Move),
        ] {
            assert_eq!(
                of_escape(body),
                effect,
                "{:?}",
                String::from_utf8_lossy(body)
            );
        }
    }
}
