//! New conversations at a steady rate, so that it shows how long a change keeps newcomers out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::{MissedTickBehavior, interval};

use super::{Conversation, Transport};
use crate::lab::{Namespace, Reactor};

/// How long a newcomer waits for an origin to name itself.
const PATIENCE: Duration = Duration::from_millis(800);

/// A newcomer and what became of it.
#[derive(Debug)]
pub struct Arrival {
    pub at: Instant,
    /// Name of the origin, or why there was none.
    pub outcome: Result<String, String>,
}

/// Newcomers that keep coming until [`finish`](Self::finish).
#[derive(Debug)]
pub struct Arrivals {
    arrived: Receiver<Arrival>,
    stop: Arc<AtomicBool>,
    _reactor: Reactor,
}

impl Arrivals {
    /// Starts a newcomer every `pause`, whether or not earlier ones have been answered.
    pub fn start(
        namespace: &Namespace,
        transport: Transport,
        target: SocketAddr,
        pause: Duration,
    ) -> Result<Self> {
        let reactor = Reactor::start(namespace)?;
        let (sender, arrived) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        reactor.spawn(async move {
            let mut ticks = interval(pause);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !stopped.load(Ordering::Relaxed) {
                ticks.tick().await;
                let sender = sender.clone();
                tokio::spawn(async move {
                    let at = Instant::now();
                    let opened = Conversation::open(transport, target, PATIENCE).await;
                    let outcome =
                        opened.map(|conversation| conversation.backend).map_err(|error| error.to_string());
                    // Nobody listens any more when the arrivals were dropped.
                    let _ = sender.send(Arrival { at, outcome });
                });
            }
        });
        Ok(Self { arrived, stop, _reactor: reactor })
    }

    /// Lets no more come.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Stops, waits for those that have come, and gives all in the order of their coming.
    pub fn finish(self) -> Vec<Arrival> {
        self.stop();
        let mut arrivals: Vec<_> = self.arrived.iter().collect();
        arrivals.sort_by_key(|arrival| arrival.at);
        arrivals
    }
}

/// Time from `event` to the coming of the last newcomer after it that found nobody; zero when all found someone.
pub fn last_failure(arrivals: &[Arrival], event: Instant) -> Duration {
    let failed = arrivals.iter().filter(|arrival| arrival.outcome.is_err() && arrival.at >= event);
    failed.map(|arrival| arrival.at - event).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(event: Instant, seconds: u64, outcome: Result<&str, &str>) -> Arrival {
        let outcome = outcome.map(str::to_owned).map_err(str::to_owned);
        Arrival { at: event + Duration::from_secs(seconds), outcome }
    }

    #[test]
    fn last_failure_is_counted_from_the_event() {
        let event = Instant::now();
        let arrivals = [
            arrival(event, 1, Err("refused")),
            arrival(event, 3, Err("refused")),
            arrival(event, 9, Ok("b")),
        ];
        assert_eq!(last_failure(&arrivals, event), Duration::from_secs(3));
    }

    #[test]
    fn failures_before_the_event_do_not_count() {
        let event = Instant::now() + Duration::from_secs(60);
        let earlier = Arrival { at: event - Duration::from_secs(1), outcome: Err("refused".to_owned()) };
        assert_eq!(last_failure(&[earlier], event), Duration::ZERO);
    }
}
