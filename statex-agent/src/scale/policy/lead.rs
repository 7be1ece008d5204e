//! How long it takes from starting a replica to its serving: the slowest of twenty, measured.

use std::{collections::VecDeque, time::Duration};

/// Starts that are remembered.
const KEPT: usize = 50;
/// Which of them counts: the 95th in a hundred.
const SHARE: f64 = 0.95;

/// Measured starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lead(VecDeque<Duration>);

impl Lead {
    /// Takes in how long a start took.
    pub fn hear(&mut self, took: Duration) {
        self.0.push_back(took);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// How far ahead to look: the p95 of the starts, or `guess` before there was any, and one period more, since a
    /// decision may come just before a change.
    pub fn ahead(&self, guess: Duration, period: Duration) -> Duration {
        let mut starts: Vec<Duration> = self.0.iter().copied().collect();
        starts.sort_unstable();
        let place = (SHARE * starts.len() as f64).ceil() as usize;
        starts.get(place.saturating_sub(1)).copied().unwrap_or(guess) + period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn slowest_of_twenty_counts() {
        let mut lead = Lead::default();
        (1..=40).for_each(|seconds| lead.hear(SECOND * seconds));
        assert_eq!(lead.ahead(SECOND, SECOND * 15), SECOND * (38 + 15));
    }

    #[test]
    fn guess_counts_until_there_was_a_start() {
        assert_eq!(Lead::default().ahead(SECOND * 300, SECOND * 60), SECOND * 360);
    }

    #[test]
    fn old_starts_are_forgotten() {
        let mut lead = Lead::default();
        lead.hear(SECOND * 9999);
        (0..KEPT).for_each(|_| lead.hear(SECOND));
        assert_eq!(lead.ahead(SECOND, Duration::ZERO), SECOND);
    }
}
