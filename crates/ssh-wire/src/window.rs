//! Flow control of one direction of a channel (RFC 4254 section 5.2).

/// What the sender of one direction may still send, counted in bytes of data.
///
/// At the side that receives: [`Window::received`] for what came, [`Window::taken`] for what has gone on from here. Room is
/// given back for what has gone on and for nothing else, so that what waits here is never more than the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    size: u32,
    /// What the peer may still send.
    open: u32,
    /// What has gone on and was not given back.
    owed: u32,
}

impl Window {
    /// A window of `size` bytes, all of it open.
    pub fn new(size: u32) -> Self {
        Self {
            size,
            open: size,
            owed: 0,
        }
    }

    /// Its size.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// So many bytes came. False when the peer had no room for them.
    #[must_use]
    pub fn received(&mut self, bytes: usize) -> bool {
        let left = u32::try_from(bytes)
            .ok()
            .and_then(|bytes| self.open.checked_sub(bytes));
        self.open = left.unwrap_or(self.open);
        left.is_some()
    }

    /// So many bytes have gone on. Returns what the peer is to be given now: nothing, until it is worth a message.
    #[must_use]
    pub fn taken(&mut self, bytes: usize) -> Option<u32> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.owed = self.owed.saturating_add(bytes).min(self.size - self.open);
        let is_worth_it = self.owed >= self.size / 4 || self.open < self.size / 4 && self.owed > 0;
        if !is_worth_it {
            return None;
        }
        let given = std::mem::take(&mut self.owed);
        self.open += given;
        Some(given)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Window;

    #[test]
    fn more_than_there_is_room_for_is_refused() {
        let mut window = Window::new(100);
        assert!(window.received(60) && !window.received(41) && window.received(40));
        assert!(!window.received(1));
        assert_eq!(window.taken(100), Some(100));
        assert!(window.received(100));
    }

    proptest! {
        /// Whatever comes and goes, what waits never passes the size, and a sender is never left without room when all has
        /// gone on.
        #[test]
        fn what_waits_is_bounded(steps in prop::collection::vec((0usize..400, 0usize..400), 1..200)) {
            let mut window = Window::new(1000);
            let (mut waits, mut room) = (0usize, 1000usize);
            for (comes, goes) in steps {
                let comes = comes.min(room);
                prop_assert!(window.received(comes));
                (waits, room) = (waits + comes, room - comes);
                let goes = goes.min(waits);
                waits -= goes;
                room += window.taken(goes).unwrap_or(0) as usize;
                prop_assert!(waits + room <= 1000);
            }
            room += window.taken(waits).unwrap_or(0) as usize;
            prop_assert!(room > 0);
        }
    }
}
