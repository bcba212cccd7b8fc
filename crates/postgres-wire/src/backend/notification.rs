//! `NotificationResponse`, tag `A`.

use super::{Reader, WireError};

/// Somebody notified a channel that the session listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotificationResponse<'a> {
    /// The process that notified.
    pub process_id: i32,
    /// The channel.
    pub channel: &'a [u8],
    /// What was said.
    pub payload: &'a [u8],
}

impl<'a> NotificationResponse<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("NotificationResponse", body);
        let notification = Self {
            process_id: reader.i32()?,
            channel: reader.text()?,
            payload: reader.text()?,
        };
        reader.finish()?;
        Ok(notification)
    }
}
