//! What is typed into a shell under rules that ask people about lines.

use bytes::Bytes;
use custos_session::SessionError;
use custos_ssh_wire::message::number;

use super::{Requests, unexpected};
use crate::channels::{Channel, Item, Side};
use crate::conversation::Batch;

impl Requests<'_> {
    /// What the client types goes on up to a line that may have to wait.
    pub(super) fn typed(
        &self,
        batch: &mut Batch,
        recipient: u32,
        mut keys: Bytes,
    ) -> Result<(), SessionError> {
        if !self.take_keys(batch, recipient, &mut keys)? {
            return Ok(());
        }
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(recipient);
        if let Some(lines) = channel.and_then(Channel::lines) {
            lines.wait(&keys);
        }
        // The keys before it go on first.
        batch.entering.push(recipient);
        Ok(())
    }

    /// Takes keys up to one that enters a line which may have to wait; whether there is one. It is the first of those left.
    pub(crate) fn take_keys(
        &self,
        batch: &mut Batch,
        recipient: u32,
        keys: &mut Bytes,
    ) -> Result<bool, SessionError> {
        let rules = self.session.rules();
        while !keys.is_empty() {
            let mut conversation = self.shared.conversation();
            let channel = conversation.channels.get(recipient);
            let lines = channel.and_then(Channel::lines);
            let Some(lines) = lines else {
                // The shell has ended.
                return Ok(false);
            };
            let mut taken = lines.keys(keys);
            let entering = keys.get(taken).copied();
            let waits = entering.is_some_and(|key| !lines.enters(key, &rules));
            taken += usize::from(entering.is_some() && !waits);
            drop(conversation);
            self.pass_keys(batch, recipient, keys.split_to(taken))?;
            if waits {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Keys that the client typed go on.
    pub(crate) fn pass_keys(
        &self,
        batch: &mut Batch,
        recipient: u32,
        bytes: Bytes,
    ) -> Result<(), SessionError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.pass_input(batch, recipient, bytes, true)
    }

    /// Keys of the gateway's own go on.
    pub(crate) fn pass_own_keys(
        &self,
        batch: &mut Batch,
        recipient: u32,
        bytes: Bytes,
    ) -> Result<(), SessionError> {
        self.pass_input(batch, recipient, bytes, false)
    }

    /// What a program is told goes on when it is on record.
    pub(super) fn pass_input(
        &self,
        batch: &mut Batch,
        recipient: u32,
        bytes: Bytes,
        counted: bool,
    ) -> Result<(), SessionError> {
        let mut conversation = self.shared.conversation();
        let channel = conversation.channels.get(recipient);
        let channel = channel.ok_or_else(|| unexpected(number::CHANNEL_DATA))?;
        let operation = channel.operation();
        let masked = channel.running.as_mut().and_then(|it| it.masked.as_mut());
        let masked = masked.map(|masked| masked.told(&bytes));
        drop(conversation);
        let recorded = masked.as_deref().unwrap_or(&bytes);
        if !recorded.is_empty() {
            self.session
                .event(&mut batch.lines, operation)
                .text("input", recorded)
                .end();
        }
        batch.may_change = true;
        let item = Item::Data {
            code: None,
            bytes,
            counted,
        };
        batch.staged.push((recipient, Side::Target, item));
        Ok(())
    }
}
