//! When each target is probed next: spread over the interval, with a little jitter, pure.

use super::Key;
use crate::clock::Moment;
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Due targets in the order of time.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    seed: u64,
    queue: BTreeSet<(Moment, Key)>,
    due: HashMap<Key, Moment>,
}

impl Schedule {
    /// Nodes with different seeds probe at different moments.
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Plans the first probe of a target, anywhere within its interval.
    pub(super) fn begin(&mut self, key: &Key, interval: Duration, now: Moment) {
        let phase = self.fraction(key, Moment::ZERO);
        self.put(key, now + interval.mul_f64(phase));
    }

    /// Plans the next probe, an interval give or take a twentieth after `started`.
    pub(super) fn repeat(&mut self, key: &Key, interval: Duration, started: Moment) {
        let jitter = 0.95 + self.fraction(key, started) / 10.0;
        self.put(key, started + interval.mul_f64(jitter));
    }

    pub(super) fn forget(&mut self, key: &Key) {
        if let Some(due) = self.due.remove(key) {
            self.queue.remove(&(due, key.clone()));
        }
    }

    /// The moment of the next probe.
    pub(super) fn next(&self) -> Option<Moment> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Takes out a target whose moment has come.
    pub(super) fn pop(&mut self, now: Moment) -> Option<Key> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.queue.pop_first()?;
        self.due.remove(&key);
        Some(key)
    }

    fn put(&mut self, key: &Key, due: Moment) {
        self.forget(key);
        self.due.insert(key.clone(), due);
        self.queue.insert((due, key.clone()));
    }

    /// A number from 0 to 1 that depends on target, moment and seed.
    fn fraction(&self, key: &Key, moment: Moment) -> f64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, key, moment).hash(&mut hasher);
        hasher.finish() as f64 / u64::MAX as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::tests::key;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn first_probes_are_spread_over_the_interval() {
        let mut schedule = Schedule::new(1);
        (0..1000).for_each(|i| schedule.begin(&key(i), SECOND, Moment::ZERO));
        for tenth in 1..=10 {
            let due = std::iter::from_fn(|| schedule.pop(SECOND * tenth / 10)).count();
            assert!((60..140).contains(&due), "{due} in tenth {tenth}");
        }
    }

    #[test]
    fn repeats_come_an_interval_later_give_or_take_a_twentieth() {
        let mut schedule = Schedule::new(1);
        (0..1000).for_each(|i| schedule.repeat(&key(i), SECOND * 100, SECOND));
        assert_eq!(schedule.pop(SECOND * 95), None);
        assert_eq!(std::iter::from_fn(|| schedule.pop(SECOND * 107)).count(), 1000);
    }

    #[test]
    fn the_same_seed_gives_the_same_moments() {
        let due = |seed| {
            let mut schedule = Schedule::new(seed);
            schedule.begin(&key(1), SECOND, Moment::ZERO);
            schedule.next()
        };
        assert_eq!(due(1), due(1));
        assert_ne!(due(1), due(2));
    }

    #[test]
    fn a_forgotten_target_is_not_due() {
        let mut schedule = Schedule::new(1);
        schedule.begin(&key(1), SECOND, Moment::ZERO);
        schedule.forget(&key(1));
        assert_eq!((schedule.next(), schedule.pop(SECOND)), (None, None));
    }
}
