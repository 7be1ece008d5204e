//! What the traffic on one path went through.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::client::{Arrival, Crowd, last_failure};
use crate::deployment::{HEALTH_MILLIS, Path};
use crate::lab::BACKENDS;

/// Longest time that the death of a backend may keep newcomers out: the health check's time and a margin for a
/// machine that is busy with the demonstration itself.
const KEPT_OUT: Duration = Duration::from_millis(HEALTH_MILLIS + 1500);

/// Counts of one path.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub path: Path,
    /// Conversations that found an origin.
    pub made: usize,
    /// Conversations that found nobody.
    pub refused: usize,
    /// Conversations by origin.
    pub spread: BTreeMap<String, usize>,
    /// Conversations that the drain broke.
    pub broken_by_drain: usize,
    /// Conversations with the killed backend that broke.
    pub broken_with_the_dead: usize,
    /// Conversations with other backends that broke.
    pub broken_with_the_living: usize,
    /// Milliseconds from the kill to the coming of the last newcomer who found nobody.
    pub kept_out_millis: u128,
    /// Newcomers after the kill.
    pub newcomers: usize,
}

impl Outcome {
    pub(super) fn new(path: Path, crowd: &Crowd) -> Self {
        let refused = crowd.broken().values().sum();
        let spread = crowd.spread();
        Self {
            path,
            made: spread.values().sum(),
            refused,
            spread,
            broken_by_drain: 0,
            broken_with_the_dead: 0,
            broken_with_the_living: 0,
            kept_out_millis: 0,
            newcomers: 0,
        }
    }

    pub(super) fn count_drain(&mut self, crowd: &Crowd) {
        self.broken_by_drain = crowd.broken().values().sum::<usize>() - self.refused;
    }

    pub(super) fn count_kill(&mut self, crowd: &Crowd, arrivals: &[Arrival], killed: &str, at: Instant) {
        let broken = crowd.broken();
        self.broken_with_the_dead = broken.get(killed).copied().unwrap_or_default();
        let earlier = self.refused + self.broken_by_drain;
        let all: usize = broken.values().sum();
        self.broken_with_the_living = all.saturating_sub(earlier + self.broken_with_the_dead);
        self.kept_out_millis = last_failure(arrivals, at).as_millis();
        self.newcomers = arrivals.iter().filter(|arrival| arrival.at >= at).count();
    }

    /// What is not as it must be, in words.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |fine: bool, fault: String| {
            if !fine {
                faults.push(format!("{}: {fault}", self.path));
            }
        };
        check(self.refused == 0, format!("{} conversations found nobody", self.refused));
        if self.path.mode.has_backends() {
            let backends = self.spread.len();
            check(backends == BACKENDS, format!("traffic went to {backends} of {BACKENDS} backends"));
        }
        check(self.broken_by_drain == 0, format!("the drain broke {}", self.broken_by_drain));
        let others = self.broken_with_the_living;
        check(others == 0, format!("the kill broke {others} conversations with other backends"));
        let kept_out = self.kept_out_millis;
        check(kept_out <= KEPT_OUT.as_millis(), format!("newcomers were kept out for {kept_out} ms"));
        check(self.newcomers > 0, "no newcomer came after the kill".to_owned());
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Transport;
    use crate::deployment::Mode;
    use crate::lab::Family;

    fn outcome() -> Outcome {
        Outcome {
            path: Path { mode: Mode::Ipip, transport: Transport::Tcp, family: Family::V4 },
            made: 9,
            refused: 0,
            spread: (1..=3).map(|number| (format!("backend{number}"), 3)).collect(),
            broken_by_drain: 0,
            broken_with_the_dead: 3,
            broken_with_the_living: 0,
            kept_out_millis: 400,
            newcomers: 50,
        }
    }

    #[test]
    fn what_the_kill_takes_with_it_is_no_fault() {
        assert_eq!(outcome().faults(), [""; 0]);
    }

    #[test]
    fn a_connection_broken_by_the_drain_is_a_fault() {
        let faults = Outcome { broken_by_drain: 1, ..outcome() }.faults();
        assert_eq!(faults, ["ipip TCP IPv4: the drain broke 1"]);
    }

    #[test]
    fn traffic_that_misses_a_backend_is_a_fault() {
        let mut one_short = outcome();
        one_short.spread.remove("backend3");
        assert_eq!(one_short.faults(), ["ipip TCP IPv4: traffic went to 2 of 3 backends"]);
    }
}
