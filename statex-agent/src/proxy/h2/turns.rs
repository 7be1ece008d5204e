//! Whose turn it is to send: streams that wait, the most urgent first (RFC 9218 §10).

use std::collections::VecDeque;

use super::streams::Key;
use crate::proxy::heads::Priority;

/// Streams that wait, each once.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// By urgency.
    queues: [VecDeque<Key>; 8],
    len: usize,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// It waits behind others that are as urgent.
    pub(super) fn add(&mut self, key: Key, priority: Priority) {
        self.len += 1;
        self.of(priority).push_back(key);
    }

    /// It had its turn and has more to send: it is next again, unless others may come between.
    pub(super) fn again(&mut self, key: Key, priority: Priority) {
        self.len += 1;
        let queue = self.of(priority);
        if priority.incremental {
            queue.push_back(key);
        } else {
            queue.push_front(key);
        }
    }

    pub(super) fn next(&mut self) -> Option<Key> {
        let next = self.queues.iter_mut().find_map(VecDeque::pop_front);
        self.len -= usize::from(next.is_some());
        next
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.queues.iter_mut().for_each(|queue| queue.retain(|waiting| *waiting != key));
        self.len = self.queues.iter().map(VecDeque::len).sum();
    }

    /// Gives memory back.
    pub(super) fn rest(&mut self) {
        *self = Self::default();
    }

    fn of(&mut self, priority: Priority) -> &mut VecDeque<Key> {
        &mut self.queues[usize::from(priority.urgency & 7)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INCREMENTAL: Priority = Priority { urgency: 3, incremental: true };
    const WHOLE: Priority = Priority { urgency: 3, incremental: false };
    const URGENT: Priority = Priority { urgency: 0, incremental: true };

    /// Who sends a frame, in order, when each has so many to send.
    fn order(streams: &[(Priority, usize)]) -> Vec<u32> {
        let (mut turns, mut left) = (Turns::default(), Vec::new());
        for (at, (priority, frames)) in streams.iter().enumerate() {
            turns.add(Key(at as u32), *priority);
            left.push(*frames);
        }
        let mut order = Vec::new();
        while let Some(key) = turns.next() {
            order.push(key.0);
            left[key.0 as usize] -= 1;
            if left[key.0 as usize] > 0 {
                turns.again(key, streams[key.0 as usize].0);
            }
        }
        assert!(turns.is_empty());
        order
    }

    #[test]
    fn the_urgent_go_first_and_only_those_share_that_may() {
        assert_eq!(order(&[(INCREMENTAL, 2), (INCREMENTAL, 2)]), [0, 1, 0, 1]);
        assert_eq!(order(&[(WHOLE, 2), (WHOLE, 2)]), [0, 0, 1, 1]);
        assert_eq!(order(&[(INCREMENTAL, 2), (URGENT, 2)]), [1, 1, 0, 0]);
    }

    #[test]
    fn who_is_gone_has_no_turn() {
        let mut turns = Turns::default();
        [0, 1].into_iter().for_each(|at| turns.add(Key(at), WHOLE));
        turns.remove(Key(0));
        assert_eq!((turns.next(), turns.next()), (Some(Key(1)), None));
        assert!(turns.is_empty());
    }
}
