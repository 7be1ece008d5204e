//! What a peer may do that costs it less than us, and how much of it.
//!
//! Each kind has a budget, which time fills up again, and useful work does too: so a busy connection may
//! cancel more than an idle one, and one that does nothing else is told to calm down (RFC 9113 §10.5).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Code;
use crate::clock::Moment;

/// Declares the kinds: a variant each, its name, its budget and how much of it a second brings back.
macro_rules! abuses {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $burst:literal, $a_second:literal;)*) => {
        /// A kind of abuse.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Abuse {
            $($(#[$doc])* $variant,)*
        }

        impl Abuse {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// For counters and logs.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            fn budget(self) -> (u32, u32) {
                match self {
                    $(Self::$variant => ($burst, $a_second),)*
                }
            }
        }
    };
}

abuses! {
    /// Requests that are reset before they are answered (CVE-2023-44487).
    Resets = "resets", 200, 20;
    /// Streams that this side has to reset for what the peer sends on them (CVE-2025-8671).
    Provocations = "provocations", 100, 10;
    /// Field blocks of very many frames (CVE-2024-27316); bounded by the block.
    Continuations = "continuations", 0, 0;
    /// Field blocks that stand for more than is taken.
    Lists = "lists", 20, 1;
    /// Frames that carry nothing (CVE-2019-9518).
    Empty = "empty", 100, 10;
    /// CVE-2019-9512.
    Pings = "pings", 1000, 100;
    /// CVE-2019-9515.
    Settings = "settings", 100, 10;
    WindowUpdates = "window_updates", 1000, 100;
    /// Frames that mean nothing to this side (CVE-2019-9513).
    Ignored = "ignored", 1000, 100;
    /// Answers that are asked for and not taken (CVE-2019-9517).
    Stalls = "stalls", 8, 0;
}

/// Connections that were given up for each kind, since the start.
static COUNTS: [AtomicU64; Abuse::ALL.len()] = [const { AtomicU64::new(0) }; Abuse::ALL.len()];

impl Abuse {
    /// Connections that were given up for it since the start.
    pub fn count(self) -> u64 {
        COUNTS[self as usize].load(Ordering::Relaxed)
    }
}

/// One connection's budgets.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    left: [u32; Abuse::ALL.len()],
    filled: Moment,
}

impl Guard {
    pub(super) fn new(now: Moment) -> Self {
        let mut left = [0; Abuse::ALL.len()];
        left.iter_mut().zip(Abuse::ALL).for_each(|(left, abuse)| *left = abuse.budget().0);
        Self { left, filled: now }
    }

    /// The peer has done it once more.
    ///
    /// # Errors
    ///
    /// Once too often.
    pub(super) fn charge(&mut self, abuse: Abuse, now: Moment) -> Result<(), Code> {
        if self.left[abuse as usize] == 0 {
            self.fill(now);
        }
        match self.left[abuse as usize].checked_sub(1) {
            Some(left) => {
                self.left[abuse as usize] = left;
                Ok(())
            }
            None => {
                COUNTS[abuse as usize].fetch_add(1, Ordering::Relaxed);
                tracing::debug!(abuse = abuse.name(), "an HTTP/2 connection is given up");
                Err(Code::EnhanceYourCalm)
            }
        }
    }

    /// Whole seconds bring back what they are worth.
    fn fill(&mut self, now: Moment) {
        let seconds = now.saturating_sub(self.filled).as_secs();
        self.filled += Duration::from_secs(seconds);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        for abuse in Abuse::ALL {
            self.earn(*abuse, abuse.budget().1.saturating_mul(seconds));
        }
    }

    /// Useful work allows it so many times more.
    pub(super) fn earn(&mut self, abuse: Abuse, times: u32) {
        let left = &mut self.left[abuse as usize];
        *left = left.saturating_add(times).min(abuse.budget().0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How often in a row it is let pass.
    fn passes(guard: &mut Guard, abuse: Abuse, now: Moment) -> usize {
        (0..100_000).take_while(|_| guard.charge(abuse, now).is_ok()).count()
    }

    #[test]
    fn budgets_are_used_up_and_filled_by_time() {
        let mut guard = Guard::new(SECOND);
        assert_eq!(passes(&mut guard, Abuse::Pings, SECOND), 1000);
        assert_eq!(passes(&mut guard, Abuse::Pings, SECOND * 3), 200);
        assert_eq!(passes(&mut guard, Abuse::Pings, SECOND * 1000), 1000);
        assert_eq!(passes(&mut guard, Abuse::Settings, SECOND), 100);
    }

    #[test]
    fn useful_work_allows_more() {
        let mut guard = Guard::new(SECOND);
        assert_eq!(passes(&mut guard, Abuse::Resets, SECOND), 200);
        guard.earn(Abuse::Resets, 7);
        assert_eq!(passes(&mut guard, Abuse::Resets, SECOND), 7);
    }

    #[test]
    fn what_was_given_up_is_counted() {
        let before = Abuse::Lists.count();
        passes(&mut Guard::new(SECOND), Abuse::Lists, SECOND);
        assert!(Abuse::Lists.count() > before);
    }
}
