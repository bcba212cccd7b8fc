//! Findings that go on as far as the text lets them: long tokens and key files.

use super::builder::Detector;
use super::near::run;
use super::secret::Class;

/// A finding as a detector reports it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) detector: Detector,
    pub(crate) tail: Option<Tail>,
}

/// How a finding goes on behind what decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// While bytes are of the class.
    Class(Class),
    /// Up to the line that ends a key file, or to the end of the text.
    KeyFile,
}

const END: &[u8] = b"-- END ";
const END_TIGHT: &[u8] = b"--END ";
/// Longest title of an end line.
const MAX_TITLE_BYTES: usize = 64;
/// Most hyphens behind it.
const MAX_HYPHENS: usize = 8;

/// How far a tail was followed.
pub(crate) enum Followed {
    /// It ends here. What begins before `covered` with the same tail ends here too.
    Ends { end: usize, covered: usize },
    /// The text so far does not say; go on from here with more.
    Goes(usize),
}

impl Tail {
    /// Follows it from `from` on. At the end of the text (`last`) it always ends.
    pub(crate) fn follow(self, text: &[u8], from: usize, last: bool) -> Followed {
        match self {
            Self::Class(class) => {
                let end = from + run(text, from, usize::MAX, |byte| class.has(byte));
                if end >= text.len() && !last {
                    Followed::Goes(end)
                } else {
                    Followed::Ends { end, covered: end }
                }
            }
            Self::KeyFile => key_file(text, from, last),
        }
    }
}

fn key_file(text: &[u8], from: usize, last: bool) -> Followed {
    let rest = text.get(from..).unwrap_or(&[]);
    let found = memchr::memmem::find(rest, END_TIGHT)
        .into_iter()
        .chain(memchr::memmem::find(rest, END))
        .min();
    let Some(found) = found.map(|place| from + place) else {
        let keep = text.len().saturating_sub(END.len()).max(from);
        return if last {
            Followed::Ends {
                end: text.len(),
                covered: text.len(),
            }
        } else {
            Followed::Goes(keep)
        };
    };
    // The title, then hyphens.
    let title = run(text, found + 2, MAX_TITLE_BYTES, |byte| {
        byte != b'-' || byte == b' '
    });
    let hyphens = run(text, found + 2 + title, MAX_HYPHENS, |byte| byte == b'-');
    let end = found + 2 + title + hyphens;
    if end >= text.len() && hyphens < MAX_HYPHENS && !last {
        return Followed::Goes(found);
    }
    Followed::Ends {
        end: end.min(text.len()),
        covered: found,
    }
}
