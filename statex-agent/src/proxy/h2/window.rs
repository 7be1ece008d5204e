//! Flow control (RFC 9113 §5.2 and §6.9): how much either side may send.

use super::frame::MOST_31;

/// What the peer may still send.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inbound {
    size: u32,
    left: u32,
    /// Bytes that were used up and that the peer has not been told of.
    owed: u32,
}

impl Inbound {
    /// A window of this size, of which the peer knows.
    pub(super) fn new(size: u32) -> Self {
        Self { size, left: size, owed: 0 }
    }

    /// The peer has sent so many bytes. False: more than it was allowed to.
    #[must_use]
    pub(super) fn take(&mut self, len: usize) -> bool {
        let left = u32::try_from(len).ok().and_then(|len| self.left.checked_sub(len));
        self.left = left.unwrap_or(0);
        left.is_some()
    }

    /// So many of the bytes were used up. Gives what the peer is to be told, once that is half the window:
    /// an update for each piece would cost more than it brings.
    pub(super) fn give(&mut self, len: usize) -> Option<u32> {
        self.owed = self.owed.saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
        if self.owed == 0 || self.owed < self.size / 2 {
            return None;
        }
        let increment = std::mem::take(&mut self.owed).min(MOST_31 - self.left.min(MOST_31));
        self.left += increment;
        Some(increment)
    }
}

/// What this side may still send: less than nothing where the peer has made its windows smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outbound(i64);

impl Outbound {
    pub(super) fn new(size: u32) -> Self {
        Self(i64::from(size))
    }

    pub(super) fn left(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    pub(super) fn take(&mut self, len: usize) {
        self.0 -= len as i64;
    }

    /// Grows the window, or shrinks it where the peer has changed its settings. False: it is too large now.
    #[must_use]
    pub(super) fn add(&mut self, increment: i64) -> bool {
        self.0 += increment;
        self.0 <= i64::from(MOST_31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_wait_for_half_a_window() {
        let mut window = Inbound::new(100);
        assert!(window.take(60));
        assert_eq!((window.give(40), window.give(20)), (None, Some(60)));
        assert!(window.take(100));
        assert!(!window.take(1));
    }

    #[test]
    fn a_window_that_shrinks_below_nothing_has_to_be_filled_up_first() {
        let mut window = Outbound::new(100);
        window.take(80);
        assert!(window.add(-50));
        assert_eq!(window.left(), 0);
        assert!(window.add(31));
        assert_eq!(window.left(), 1);
        assert!(!window.add(i64::from(MOST_31)));
    }
}
