//! Latencies of requests, counted in buckets: small, mergeable, good to a fifth.

use std::time::Duration;

/// Buckets an octave.
const STEPS: f64 = 4.0;
/// Upper end of the first bucket, in seconds.
const FIRST: f64 = 0.000_25;
/// The last bucket begins above a minute.
const BUCKETS: usize = 74;

/// How many requests took how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latencies {
    counts: [u32; BUCKETS],
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: [0; BUCKETS] }
    }
}

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        let bucket = bucket(latency);
        self.counts[bucket] = self.counts[bucket].saturating_add(1);
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The latency that this part (0 to 1) of the requests did not exceed; `None` without requests.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = (part.clamp(0.0, 1.0) * count as f64).max(1.0);
        let mut below = 0.0;
        for (bucket, here) in self.counts.iter().enumerate() {
            let here = f64::from(*here);
            if here > 0.0 && below + here >= rank {
                // Within a bucket, latencies are taken to be spread evenly over the logarithm.
                let inside = (rank - below) / here;
                let seconds = FIRST * 2f64.powf((bucket as f64 - 1.0 + inside) / STEPS);
                return Some(Duration::from_secs_f64(seconds));
            }
            below += here;
        }
        None
    }
}

fn bucket(latency: Duration) -> usize {
    let octaves = (latency.as_secs_f64().max(f64::MIN_POSITIVE) / FIRST).log2();
    ((octaves * STEPS).ceil().max(0.0) as usize).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        millis.into_iter().for_each(|it| latencies.add(Duration::from_millis(it)));
        latencies
    }

    #[test]
    fn quantiles_are_good_to_a_fifth() {
        let latencies = of(1..=1000);
        for (part, expected) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0)] {
            let found = latencies.quantile(part).unwrap().as_secs_f64() * 1000.0;
            assert!((found / expected - 1.0).abs() < 0.2, "{found} for {expected}");
        }
    }

    #[test]
    fn there_is_no_quantile_of_nothing() {
        assert_eq!(Latencies::default().quantile(0.5), None);
    }

    #[test]
    fn merged_is_counted_together() {
        let mut all = of([1; 10]);
        all.merge(&of([100; 30]));
        assert_eq!(all.count(), 40);
        assert!(all.quantile(0.5).unwrap() > Duration::from_millis(80));
    }

    #[test]
    fn no_latency_is_too_short_or_too_long() {
        let mut latencies = of([0, 100_000_000]);
        latencies.add(Duration::MAX);
        assert_eq!(latencies.count(), 3);
        assert!(latencies.quantile(1.0).unwrap() > Duration::from_secs(50));
    }
}
