//! Writing a `StartupMessage`.

use super::super::writer;
use super::{MAX_STARTUP_BYTES, WireError};

const NAME: &str = "StartupMessage";

/// Protocol 3.0, of PostgreSQL 7.4 and later.
pub const PROTOCOL_3_0: (u16, u16) = (3, 0);
/// Protocol 3.2, of PostgreSQL 18 and later: cancel keys of up to 256 bytes.
pub const PROTOCOL_3_2: (u16, u16) = (3, 2);

/// Appends a `StartupMessage`.
///
/// # Errors
/// A zero byte inside a text, an empty name, or more than [`MAX_STARTUP_BYTES`] in all.
pub fn encode_startup_message<'a>(
    version: (u16, u16),
    parameters: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    let start = out.len();
    writer::frame(out, None, NAME, |out| {
        out.extend(version.0.to_be_bytes());
        out.extend(version.1.to_be_bytes());
        for (name, value) in parameters {
            if name.is_empty() {
                return Err(WireError::Invalid {
                    message: NAME,
                    problem: "a parameter has no name",
                });
            }
            writer::text(out, name, NAME)?;
            writer::text(out, value, NAME)?;
        }
        out.push(0);
        if out.len() - start > MAX_STARTUP_BYTES {
            return Err(WireError::Oversized { message: NAME });
        }
        Ok(())
    })
}
