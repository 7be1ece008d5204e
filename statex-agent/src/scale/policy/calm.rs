//! No hurry down: the most of what was wanted within a window, so that a short dip takes nothing away.

use std::{collections::VecDeque, time::Duration};

use crate::clock::Moment;

/// What was wanted lately: times ascend, numbers descend, since a later higher number makes earlier ones pointless.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calm(VecDeque<(Moment, u32)>);

impl Calm {
    /// Takes in what is wanted now; the most that was wanted within the window, now included.
    pub(super) fn hear(&mut self, now: Moment, wanted: u32, window: Duration) -> u32 {
        while self.0.back().is_some_and(|(_, before)| *before <= wanted) {
            self.0.pop_back();
        }
        self.0.push_back((now, wanted));
        while self.0.front().is_some_and(|(at, _)| *at + window < now) {
            self.0.pop_front();
        }
        self.0.front().map_or(wanted, |(_, most)| *most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(wanted: &[u32]) -> Vec<u32> {
        let mut calm = Calm::default();
        let hear = |(second, wanted): (u64, &u32)| {
            calm.hear(Duration::from_secs(second), *wanted, Duration::from_secs(2))
        };
        (0..).zip(wanted).map(hear).collect()
    }

    #[test]
    fn most_of_the_window_counts() {
        assert_eq!(heard(&[5, 3, 3, 3, 4, 1]), [5, 5, 5, 3, 4, 4]);
    }

    #[test]
    fn memory_is_bounded_by_what_descends() {
        let mut calm = Calm::default();
        for second in 0..10_000 {
            calm.hear(Duration::from_secs(second), (second % 7) as u32, Duration::from_secs(5000));
        }
        assert!(calm.0.len() <= 7);
    }
}
