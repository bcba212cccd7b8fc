//! Entry bundles: C2SP tlog-tiles, section "Log Entries".
//!
//! A bundle is up to 256 records in a row, each behind its length as a big-endian uint16.

use crate::TILE_WIDTH;

/// The longest record that a bundle can hold, in bytes.
pub const MAX_ENTRY_BYTES: usize = u16::MAX as usize;

/// A record is longer than [`MAX_ENTRY_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record of {record_bytes} bytes does not fit into an entry bundle (65535 at most)")]
pub struct TooLong {
    /// Its length.
    pub record_bytes: usize,
}

/// A bundle is not a sequence of whole entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The bundle ends within an entry or within its length.
    #[error("entry {entry} of the bundle is cut off")]
    Truncated {
        /// Position in the bundle, from 0.
        entry: usize,
    },
    /// The bundle goes on after 256 entries.
    #[error("the bundle has more than 256 entries")]
    TooMany,
}

/// Appends one record to a bundle. Refused records leave the bundle as it was.
pub fn encode(out: &mut Vec<u8>, record: &[u8]) -> Result<(), TooLong> {
    let length = u16::try_from(record.len()).map_err(|_| TooLong {
        record_bytes: record.len(),
    })?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(record);
    Ok(())
}

/// The records of a bundle in order. The first error is the last item.
pub fn decode(bundle: &[u8]) -> impl Iterator<Item = Result<&[u8], EntryError>> {
    Entries {
        rest: bundle,
        entry: 0,
    }
}

struct Entries<'a> {
    rest: &'a [u8],
    entry: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.split();
        match item {
            Ok(_) => self.entry += 1,
            Err(_) => self.rest = &[],
        }
        Some(item)
    }
}

impl<'a> Entries<'a> {
    fn split(&mut self) -> Result<&'a [u8], EntryError> {
        if self.entry >= usize::from(TILE_WIDTH) {
            return Err(EntryError::TooMany);
        }
        let truncated = EntryError::Truncated { entry: self.entry };
        let (length, rest) = self.rest.split_first_chunk().ok_or(truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (record, rest) = rest.split_at_checked(length).ok_or(truncated)?;
        self.rest = rest;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bundle: &[u8]) -> Result<Vec<&[u8]>, EntryError> {
        decode(bundle).collect()
    }

    #[test]
    fn records_come_back_in_order_and_each_cut_is_noticed() {
        let longest = vec![7; MAX_ENTRY_BYTES];
        let records: [&[u8]; 4] = [b"one", b"", b"three", &longest];
        let mut bundle = Vec::new();
        let mut boundaries = vec![0];
        for record in records {
            encode(&mut bundle, record).unwrap();
            boundaries.push(bundle.len());
        }
        assert_eq!(bundle[..5], *b"\x00\x03one");
        assert_eq!(all(&bundle), Ok(records.to_vec()));
        for cut in (0..40).chain([bundle.len() - 1]) {
            let whole = boundaries.iter().position(|boundary| *boundary == cut);
            match whole {
                Some(count) => assert_eq!(all(&bundle[..cut]), Ok(records[..count].to_vec())),
                None => assert!(
                    matches!(all(&bundle[..cut]), Err(EntryError::Truncated { .. })),
                    "{cut}"
                ),
            }
        }
    }

    #[test]
    fn an_error_ends_the_iteration() {
        let items: Vec<_> = decode(b"\x00\x01a\x00\x05bc").collect();
        assert_eq!(
            items,
            [Ok(&b"a"[..]), Err(EntryError::Truncated { entry: 1 })]
        );
    }

    #[test]
    fn a_257th_entry_and_a_record_of_64_kib_are_refused() {
        assert_eq!(all(&[0; 512]).map(|records| records.len()), Ok(256));
        assert_eq!(all(&[0; 514]), Err(EntryError::TooMany));
        let mut bundle = b"kept".to_vec();
        assert_eq!(
            encode(&mut bundle, &vec![0; 65_536]),
            Err(TooLong {
                record_bytes: 65_536
            })
        );
        assert_eq!(bundle, b"kept");
    }
}
