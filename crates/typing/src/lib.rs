//! The line that somebody is typing on a terminal, as far as whoever stands between her and the program can know it. No I/O
//! and no clock: keys go in, what comes back goes in, and at the key that enters a line comes out what the line may be.
//!
//! Two things are known. **What was typed**: with plain editing (backspace, Ctrl-U, Ctrl-W, Ctrl-C, pastes in brackets) that
//! is the line. Behind a key whose effect only the program knows (arrows, Tab, Ctrl-R, anything with Escape) it is in doubt.
//! **What is shown**: the text in the cursor's row, or rows, where a terminal wraps it, behind the prompt that stood there
//! when the line began.
//!
//! What was typed while nothing of it is shown may be a password. [`Text::is_shown`] tells, and whoever uses this must keep
//! it from everybody then.
//!
//! **What is not known**: what a program does with its keys. Other keys may enter a line, and a line may come from elsewhere.
//! On the alternate screen, where editors and pagers are, there are no lines.
//!
//! **Limits**: [`MAX_LINE_BYTES`]; a screen of 1024 columns and 256 rows at most, which is kept as far as it was written to;
//! 64 KiB of a control string.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod entered;
mod grid;
mod keys;
mod screen;

pub use entered::{Entered, Text, Typing};

/// Longest line. Of a longer one nothing is known but that.
pub const MAX_LINE_BYTES: usize = custos_shell::MAX_COMMAND_BYTES;
