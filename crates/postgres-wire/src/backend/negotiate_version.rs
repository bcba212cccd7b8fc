//! `NegotiateProtocolVersion`, tag `v`.

use super::super::writer;
use super::{Reader, WireError, tag};

const NAME: &str = "NegotiateProtocolVersion";

/// The server speaks an older minor version than was asked for, or does not know some `_pq_.` options.
///
/// On the wire stands the whole version number (3.0 is 196608), as PostgreSQL sends it and libpq expects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiateProtocolVersion<'a> {
    /// The newest minor version of protocol 3 that the server speaks.
    pub minor: u16,
    options: Reader<'a>,
    count: u32,
}

impl<'a> NegotiateProtocolVersion<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(NAME, body);
        let [major, minor] = [reader.u16()?, reader.u16()?];
        if major != 3 {
            return Err(reader.invalid("the version is not one of protocol 3"));
        }
        let count = reader.u32()?;
        let options = reader;
        // A count beyond the body ends at the first text that is missing.
        for _ in 0..count {
            reader.text()?;
        }
        reader.finish()?;
        Ok(Self {
            minor,
            options,
            count,
        })
    }

    /// Names of the options that the server does not know.
    pub fn unknown_options(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut options = self.options;
        (0..self.count).map_while(move |_| options.text().ok())
    }

    /// Appends the message.
    pub fn encode(
        minor: u16,
        unknown_options: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        writer::frame(out, Some(tag::NEGOTIATE_PROTOCOL_VERSION), NAME, |out| {
            out.extend([0, 3]);
            out.extend(minor.to_be_bytes());
            out.extend((unknown_options.len() as u32).to_be_bytes());
            for option in unknown_options {
                writer::text(out, option, NAME)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::NegotiateProtocolVersion;

    #[test]
    fn carries_the_whole_version_and_the_options() {
        let mut out = Vec::new();
        NegotiateProtocolVersion::encode(2, &[b"_pq_.a", b"_pq_.b"], &mut out).unwrap();
        assert_eq!(out, b"v\0\0\0\x1a\0\x03\0\x02\0\0\0\x02_pq_.a\0_pq_.b\0");
        let parsed = NegotiateProtocolVersion::parse(&out[5..]).unwrap();
        assert_eq!(parsed.minor, 2);
        let options: Vec<_> = parsed.unknown_options().collect();
        assert_eq!(options, [b"_pq_.a", b"_pq_.b"]);
    }

    #[test]
    fn absurd_counts_and_versions_are_refused() {
        assert!(NegotiateProtocolVersion::parse(b"\0\x03\0\0\xff\xff\xff\xff").is_err());
        assert!(NegotiateProtocolVersion::parse(b"\0\x02\0\0\0\0\0\0").is_err());
        assert!(NegotiateProtocolVersion::parse(b"\0\x03\0\0\0\0\0\0x\0").is_err());
    }
}
