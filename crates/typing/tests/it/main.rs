//! Lines as they are typed and shown.

mod bash;
mod keys;
mod screen;

use custos_typing::{Entered, Typing};

/// A terminal of 20 columns and 5 rows.
fn terminal() -> Typing {
    Typing::new(20, 5)
}

/// Types, and echoes what was typed as it is.
fn echoed(typing: &mut Typing, text: &str) {
    assert_eq!(typing.keys(text.as_bytes()), text.len(), "{text:?}");
    typing.show(text.as_bytes());
}

/// What a terminal shows, where that is something else than was typed.
fn shown(line: &Entered) -> Option<&str> {
    line.shown.as_ref().map(|text| text.text.as_str())
}
