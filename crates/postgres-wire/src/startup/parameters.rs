//! Names and values of a `StartupMessage`.

use super::{Reader, WireError};

/// Most parameters that one packet may have.
const MAX_PARAMETERS: usize = 256;
/// Options of the protocol itself, to be negotiated, begin so.
const PROTOCOL_OPTION: &[u8] = b"_pq_.";

/// User, database and settings. No name is empty or occurs twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters<'a> {
    pairs: Reader<'a>,
}

impl<'a> Parameters<'a> {
    pub(super) fn parse(reader: Reader<'a>) -> Result<Self, WireError> {
        let parameters = Self { pairs: reader };
        let mut walk = reader;
        for seen in 0..=MAX_PARAMETERS {
            let name = walk.text()?;
            if name.is_empty() {
                walk.finish()?;
                return Ok(parameters);
            }
            // Two readers of one packet must not see two users.
            if parameters
                .iter()
                .take(seen)
                .any(|(earlier, _)| earlier == name)
            {
                return Err(walk.invalid("a parameter is given twice"));
            }
            walk.text()?;
        }
        Err(walk.invalid("there are too many parameters"))
    }

    /// Name and value of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut pairs = self.pairs;
        std::iter::from_fn(move || {
            let name = pairs.text().ok().filter(|name| !name.is_empty())?;
            pairs.text().ok().map(|value| (name, value))
        })
    }

    /// The value of a parameter.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter()
            .find_map(|(found, value)| (found == name).then_some(value))
    }

    /// Names of the options of the protocol itself (`_pq_.…`), for `NegotiateProtocolVersion`.
    pub fn protocol_options(&self) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .map(|(name, _)| name)
            .filter(|name| name.starts_with(PROTOCOL_OPTION))
    }
}
