//! The only place that reads a clock: everything else is told what time it is.

#![allow(clippy::disallowed_methods, reason = "clocks are read here so that they need not be elsewhere")]

use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A moment of a clock that never goes back: the time since that clock was made.
///
/// A plain duration, so that a test can write down any moment.
pub type Moment = Duration;

/// Where the agent's loops get the time from.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    Machine(Instant),
    /// The moment, and what the calendar shows at moment zero.
    Hand(Arc<watch::Sender<Moment>>, Timestamp),
}

impl Clock {
    /// The machine's monotonic clock, at zero now.
    pub fn machine() -> Self {
        Self(Source::Machine(Instant::now()))
    }

    /// A clock at zero that goes on only by [`Clock::advance`].
    pub fn by_hand() -> Self {
        Self::by_hand_from(Timestamp::UNIX_EPOCH)
    }

    /// The same, with a calendar that shows `start` at moment zero.
    pub fn by_hand_from(start: Timestamp) -> Self {
        Self(Source::Hand(Arc::new(watch::Sender::new(Moment::ZERO)), start))
    }

    pub fn now(&self) -> Moment {
        match &self.0 {
            Source::Machine(start) => start.elapsed(),
            Source::Hand(now, _) => *now.borrow(),
        }
    }

    /// What the calendar shows. Unlike [`Clock::now`] it may jump, when somebody sets the machine's clock: use it for
    /// what people read and for hours of the day, never for how long something took.
    pub fn timestamp(&self) -> Timestamp {
        match &self.0 {
            Source::Machine(_) => Timestamp::now(),
            Source::Hand(now, start) => start.saturating_add(*now.borrow()).unwrap_or(Timestamp::MAX),
        }
    }

    /// Ends when the clock shows `moment`, at once if it already does.
    pub async fn sleep_until(&self, moment: Moment) {
        match &self.0 {
            Source::Machine(start) => tokio::time::sleep_until((*start + moment).into()).await,
            Source::Hand(now, _) => {
                let reached = |now: &Moment| *now >= moment;
                now.subscribe().wait_for(reached).await.expect("the sender is `now`, which is held here");
            }
        }
    }

    /// Moves a clock made by [`Clock::by_hand`] and wakes who sleeps until then. The machine's clock
    /// goes by itself.
    pub fn advance(&self, by: Duration) {
        if let Source::Hand(now, _) = &self.0 {
            now.send_modify(|now| *now += by);
        }
    }
}

/// The moment as the machine's clock has it, for libraries that reckon by it.
pub fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_clock_by_hand_stands_until_advanced() {
        let clock = Clock::by_hand();
        assert_eq!(clock.now(), Moment::ZERO);
        clock.advance(Duration::from_secs(604_800));
        assert_eq!(clock.now(), Duration::from_secs(604_800));
    }

    #[test]
    fn a_sleeper_wakes_when_its_moment_has_come() {
        let clock = Clock::by_hand();
        let mut sleep = Box::pin(clock.sleep_until(Duration::from_secs(2)));
        assert_eq!((&mut sleep).now_or_never(), None);
        clock.advance(Duration::from_secs(1));
        assert_eq!((&mut sleep).now_or_never(), None);
        clock.advance(Duration::from_secs(1));
        assert_eq!(sleep.now_or_never(), Some(()));
    }

    #[test]
    fn the_calendar_goes_on_with_the_clock() {
        let clock = Clock::by_hand_from("2026-03-29T00:59:59Z".parse().unwrap());
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.timestamp().to_string(), "2026-03-29T01:00:01Z");
    }

    #[test]
    fn the_machine_clock_does_not_go_back() {
        let clock = Clock::machine();
        let before = clock.now();
        assert!(clock.now() >= before);
    }
}
