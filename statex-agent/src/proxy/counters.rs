//! What the proxy counts: each worker for itself, added up by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted by one thread, read by any.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts; only one thread may.
    pub(super) fn add(&self, by: u64) {
        // One writer needs no locked instruction.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, by: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(by), Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Of a listener.
#[derive(Debug, Default)]
pub struct ListenerCounts {
    pub accepted: Count,
    /// Connections that are open now.
    pub open: Count,
    /// Closed at once: there were too many.
    pub refused: Count,
    pub handshakes: Count,
    pub failed_handshakes: Count,
    pub requests: Count,
}

/// Of a route.
#[derive(Debug, Default)]
pub struct RouteCounts {
    /// Final responses by the first digit of their status, from 1 to 5.
    pub responses: [Count; 5],
    /// Responses that were broken off.
    pub aborted: Count,
    /// Bytes of bodies.
    pub received: Count,
    pub sent: Count,
}

/// One for each worker, each on cache lines of its own.
#[derive(Debug)]
pub struct PerWorker<T>(Box<[Lines<T>]>);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Lines<T>(T);

impl<T: Default> PerWorker<T> {
    pub(super) fn new(workers: usize) -> Self {
        Self((0..workers.max(1)).map(|_| Lines::default()).collect())
    }
}

impl<T> PerWorker<T> {
    /// Those of one worker.
    pub(super) fn of(&self, worker: usize) -> &T {
        &self.0[worker % self.0.len()].0
    }

    /// The sum of a count over all workers.
    pub fn sum(&self, count: impl Fn(&T) -> &Count) -> u64 {
        self.0.iter().map(|lines| count(&lines.0).get()).fold(0, u64::wrapping_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_workers_add_up() {
        let counts = PerWorker::<ListenerCounts>::new(2);
        counts.of(0).open.add(3);
        counts.of(1).open.add(2);
        counts.of(0).open.subtract(1);
        assert_eq!(counts.sum(|one| &one.open), 4);
        assert_eq!(counts.sum(|one| &one.accepted), 0);
    }
}
