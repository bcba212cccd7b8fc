//! `CommandComplete`, tag `C`.

use super::{Reader, WireError};

/// A command ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandComplete<'a> {
    /// What it was, and how many rows, for example `INSERT 0 5`.
    pub tag: &'a [u8],
}

impl<'a> CommandComplete<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("CommandComplete", body);
        let tag = reader.text()?;
        reader.finish()?;
        Ok(Self { tag })
    }

    /// Rows returned or affected: the last word of the tag, where it is a number.
    pub fn rows(&self) -> Option<u64> {
        let last = self.tag.rsplit(|byte| *byte == b' ').next()?;
        if !last.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(last).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::CommandComplete;

    #[test]
    fn rows_are_the_last_word() {
        let rows = |tag| CommandComplete { tag }.rows();
        assert_eq!(rows(b"SELECT 3"), Some(3));
        assert_eq!(rows(b"INSERT 0 5"), Some(5));
        assert_eq!(rows(b"COPY 18446744073709551615"), Some(u64::MAX));
        assert_eq!(rows(b"COPY 18446744073709551616"), None);
        assert_eq!(rows(b"CREATE TABLE"), None);
        assert_eq!(rows(b"SELECT +3"), None);
        assert_eq!(rows(b""), None);
    }
}
