//! From single probes to a verdict: rise and fall, pure.
//!
//! ```text
//!            first good probe                    `fall` failed in a row
//! unknown ───────────────────▶ alive ──────────────────────────────────▶ dead
//!    │                           ◀──────────────────────────────────────   ▲
//!    │                                     `rise` good in a row            │
//!    └─────────────────────────────────────────────────────────────────────┘
//!                              `fall` failed in a row
//! ```

use crate::clock::Moment;
use crate::config::Health;

/// What is believed of a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Not probed often enough yet. It counts as alive: a node that starts serves at once, and a backend
    /// that is added takes flows at once.
    #[default]
    Unknown,
    Alive,
    Dead,
}

/// A verdict, and the probes in a row that speak against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judge {
    verdict: Verdict,
    since: Moment,
    against: u32,
}

impl Judge {
    /// Begins with what is believed already.
    pub fn new(verdict: Verdict, now: Moment) -> Self {
        Self { verdict, since: now, against: 0 }
    }

    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// When the verdict was last changed.
    pub fn since(&self) -> Moment {
        self.since
    }

    /// Takes in the outcome of a probe; whether it has changed the verdict.
    pub fn hear(&mut self, passed: bool, rules: &Health, now: Moment) -> bool {
        let (next, needed) = match (self.verdict, passed) {
            (Verdict::Alive, true) | (Verdict::Dead, false) => {
                self.against = 0;
                return false;
            }
            (Verdict::Unknown, true) => (Verdict::Alive, 1),
            (Verdict::Dead, true) => (Verdict::Alive, rules.rise),
            (Verdict::Unknown | Verdict::Alive, false) => (Verdict::Dead, rules.fall),
        };
        self.against += 1;
        if self.against < needed {
            return false;
        }
        *self = Self::new(next, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::tests::rules;
    use proptest::prelude::*;
    use std::time::Duration;

    /// Hears `+` and `-` as probes one second apart, by rise 2 and fall 3.
    fn judged(start: Verdict, probes: &str) -> Judge {
        let mut judge = Judge::new(start, Moment::ZERO);
        for (second, probe) in probes.chars().enumerate() {
            judge.hear(probe == '+', &rules(), Duration::from_secs(second as u64));
        }
        judge
    }

    #[test]
    fn one_good_probe_ends_the_doubt() {
        assert_eq!(judged(Verdict::Unknown, "+").verdict(), Verdict::Alive);
    }

    #[test]
    fn failures_from_the_start_kill_after_fall() {
        assert_eq!(judged(Verdict::Unknown, "--").verdict(), Verdict::Unknown);
        assert_eq!(judged(Verdict::Unknown, "---").verdict(), Verdict::Dead);
    }

    #[test]
    fn intermittent_failures_reset_the_count() {
        assert_eq!(judged(Verdict::Alive, "--+--+--").verdict(), Verdict::Alive);
    }

    #[test]
    fn the_dead_rise_only_by_good_probes_in_a_row() {
        assert_eq!(judged(Verdict::Dead, "+-+-").verdict(), Verdict::Dead);
        assert_eq!(judged(Verdict::Dead, "+-++").verdict(), Verdict::Alive);
    }

    #[test]
    fn the_moment_of_the_last_change_is_kept() {
        assert_eq!(judged(Verdict::Alive, "+---+").since(), Duration::from_secs(3));
    }

    proptest! {
        #[test]
        fn a_verdict_changes_only_on_a_full_run(probes in "[+-]{0,40}") {
            let before = judged(Verdict::Alive, &probes).verdict();
            for (end, needed) in [("-", 3), ("+", 2)] {
                let with = format!("{probes}{end}");
                if judged(Verdict::Alive, &with).verdict() != before {
                    prop_assert!(with.ends_with(&end.repeat(needed)));
                }
            }
        }
    }
}
