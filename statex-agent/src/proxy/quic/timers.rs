//! When each connection wants to be looked at, without touching a timer for every packet.
//!
//! A connection's deadline moves with every packet, nearly always away. So a place in the queue stays where it is, and
//! only when it is reached is the connection asked what it wants now.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Deadlines of connections, by number.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
}

/// What one connection has in the queue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Armed(Option<Instant>);

impl Timers {
    /// Sees to it that the connection is told of by `deadline`.
    pub(super) fn arm(&mut self, number: usize, armed: &mut Armed, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        if armed.0.is_none_or(|armed| deadline < armed) {
            armed.0 = Some(deadline);
            self.queue.push(Reverse((deadline, number)));
        }
    }

    /// The next connection to look at; its place is gone, which [`Armed::fired`] must be told.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(usize, Instant)> {
        let Reverse((at, _)) = self.queue.peek()?;
        if *at > now {
            return None;
        }
        self.queue.pop().map(|Reverse((at, number))| (number, at))
    }

    /// When [`pop`](Self::pop) will give something.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }
}

impl Armed {
    /// A place was reached; false: an earlier one stands for it.
    pub(super) fn fired(&mut self, at: Instant) -> bool {
        let is_ours = self.0 == Some(at);
        if is_ours {
            self.0 = None;
        }
        is_ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::time::Duration;

    #[test]
    fn a_deadline_that_moves_away_keeps_its_place() {
        let (mut timers, mut armed, start) = (Timers::default(), Armed::default(), clock::instant());
        let after = |seconds| start + Duration::from_secs(seconds);
        timers.arm(3, &mut armed, Some(after(2)));
        timers.arm(3, &mut armed, Some(after(9)));
        assert_eq!((timers.queue.len(), timers.pop(after(1)), timers.next()), (1, None, Some(after(2))));
        assert_eq!(timers.pop(after(2)), Some((3, after(2))));
        assert!(armed.fired(after(2)));
    }

    #[test]
    fn a_deadline_that_comes_nearer_counts_and_the_old_place_does_not() {
        let (mut timers, mut armed, start) = (Timers::default(), Armed::default(), clock::instant());
        let after = |seconds| start + Duration::from_secs(seconds);
        timers.arm(3, &mut armed, Some(after(9)));
        timers.arm(3, &mut armed, Some(after(2)));
        let (_, at) = timers.pop(after(10)).unwrap();
        assert!(at == after(2) && armed.fired(at));
        let (_, at) = timers.pop(after(10)).unwrap();
        assert!(at == after(9) && !armed.fired(at));
        assert_eq!(timers.pop(after(10)), None);
    }
}
