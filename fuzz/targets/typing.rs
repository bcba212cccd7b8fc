//! Keys and output of a terminal, in turns: the first byte of a turn says which it is and how long. However the keys are cut
//! into pieces, the line is the same, and it has a limit.
#![no_main]

use custos_typing::{Entered, MAX_LINE_BYTES, Typing};
use libfuzzer_sys::fuzz_target;

/// Takes turns, keys in pieces of this size; the lines that were entered.
fn entered(mut turns: &[u8], size: usize) -> Vec<Entered> {
    let mut typing = Typing::new(40, 6);
    let mut all = Vec::new();
    while let Some((&turn, rest)) = turns.split_first() {
        let (text, rest) = rest.split_at(rest.len().min(usize::from(turn >> 2)));
        turns = rest;
        match turn & 3 {
            0 => typing.show(text),
            1 => typing.resize(u32::from(turn >> 2), 4),
            2 => typing.drop_line(),
            _ => {
                for mut keys in text.chunks(size) {
                    loop {
                        let taken = typing.keys(keys);
                        let Some((&key, behind)) = keys[taken..].split_first() else {
                            break;
                        };
                        all.push(typing.line());
                        typing.enter(key);
                        keys = behind;
                    }
                }
            }
        }
    }
    all.push(typing.line());
    all
}

fuzz_target!(|data: &[u8]| {
    let whole = entered(data, usize::MAX);
    assert_eq!(entered(data, 1), whole);
    for line in whole {
        assert!(line.typed.text.len() <= MAX_LINE_BYTES);
        assert!(line.is_certain || line.typed.lines.len() <= 3);
    }
});
