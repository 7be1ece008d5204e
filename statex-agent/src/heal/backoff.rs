//! The time between two tries of one step at one backend: doubled with each, forgotten after good minutes. Pure.

use crate::clock::Moment;
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);
/// So long in order, and the next try begins anew.
pub const FORGOTTEN: Duration = Duration::from_secs(600);

/// Tries of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    pub tries: u32,
    next: Moment,
}

impl Backoff {
    /// Notes a try.
    pub fn tried(&mut self, now: Moment) {
        let factor = 1u32.checked_shl(self.tries).filter(|_| self.tries < 16).unwrap_or(u32::MAX);
        self.next = now + FIRST.saturating_mul(factor).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
    }

    /// How long to wait still; zero: not at all.
    pub fn left(&self, now: Moment) -> Duration {
        self.next.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_doubled_up_to_five_minutes() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.left(Moment::ZERO), Duration::ZERO);
        let mut waits = Vec::new();
        for _ in 0..40 {
            backoff.tried(Moment::ZERO);
            waits.push(backoff.left(Moment::ZERO).as_secs());
        }
        assert_eq!(waits[..7], [10, 20, 40, 80, 160, 300, 300]);
        assert!(waits.iter().skip(5).all(|wait| *wait == 300));
    }
}
