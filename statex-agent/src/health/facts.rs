//! What is known of a backend, and where it comes from.
//!
//! | source | says |
//! |---|---|
//! | active probes | whether it answers as it should ([`super::Report`]) |
//! | the proxy | what became of real requests ([`Outcomes`]) |
//! | the data plane | what became of flows ([`Flows`]) |
//! | the backend itself | how busy it is, whether it wants to go ([`Word`]) |
//! | its runtime | what it uses, how often it was restarted ([`crate::executor::Replica`]) |

use super::latency::Latencies;
use std::time::Duration;

/// What became of the requests that the proxy sent a backend since it told last.
///
/// A failure is what the backend is to blame for: no connection, a reset, no answer in time, a status of 500 and above
/// but 501 and 505. What a client broke off is no request at all here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    pub requests: u64,
    pub failures: u64,
    /// Of the failures, those without a whole answer: no connection, a reset, a timeout.
    pub broken: u64,
    /// The longest run of failures that was not interrupted by a success, also from before.
    pub streak: u32,
    /// Of requests that succeeded: what fails fast is not quick.
    pub latency: Latencies,
    /// Requests under way now.
    pub in_flight: u32,
}

impl Outcomes {
    /// Takes in one request that has ended. `streak` is the run of failures that goes on, which the teller keeps.
    pub fn add(&mut self, failed: bool, broken: bool, latency: Duration, streak: &mut u32) {
        self.requests += 1;
        if !failed {
            self.latency.add(latency);
            *streak = 0;
            return;
        }
        self.failures += 1;
        self.broken += u64::from(broken);
        *streak = streak.saturating_add(1);
        self.streak = self.streak.max(*streak);
    }

    /// Adds what another worker saw in the same time.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failures += other.failures;
        self.broken += other.broken;
        self.streak = self.streak.max(other.streak);
        self.latency.merge(&other.latency);
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
    }
}

/// What the data plane counted of a backend since it told last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    /// Flows that the ring gave to the backend.
    pub opened: u64,
    /// Packets that it was sent.
    pub sent: u64,
    /// Packets that came back from it; `None` where they do not pass the node.
    pub returned: Option<u64>,
}

impl Flows {
    /// It was sent flows, and nothing came back.
    pub fn silent(&self) -> bool {
        self.opened > 0 && self.returned == Some(0)
    }
}

/// What a backend says of itself, by HAProxy's agent-check line or as JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word {
    /// What it asks for; `None`: nothing.
    pub wish: Option<Wish>,
    /// Share of its weight that it wants, from 0 to 1, or more.
    pub weight: Option<f64>,
    /// Most connections that it wants.
    pub most_connections: Option<u32>,
    /// Requests that it works on.
    pub in_flight: Option<u32>,
    /// Median of its recent latencies.
    pub latency: Option<Duration>,
    /// How busy it is, from 0 to 1.
    pub load: Option<f64>,
    /// Its reason, for people.
    pub reason: Option<String>,
}

/// What a backend can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Take me back.
    Ready,
    /// No new flows.
    Drain,
    /// No new flows, and no checks: somebody works on me.
    Maintain,
    /// I am out of order.
    Down,
    /// I am in order.
    Up,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(outcomes: &str) -> (Outcomes, u32) {
        let (mut told, mut streak) = (Outcomes::default(), 0);
        for outcome in outcomes.chars() {
            told.add(outcome != '+', outcome == '!', Duration::from_millis(5), &mut streak);
        }
        (told, streak)
    }

    #[test]
    fn the_longest_run_is_told_and_the_last_one_goes_on() {
        let (outcomes, goes_on) = told("--+---!+-");
        assert_eq!((outcomes.requests, outcomes.failures, outcomes.broken), (9, 7, 1));
        assert_eq!((outcomes.streak, goes_on), (4, 1));
    }

    #[test]
    fn what_fails_has_no_latency() {
        assert_eq!(told("+-!").0.latency.count(), 1);
    }

    #[test]
    fn workers_add_up() {
        let (mut all, _) = told("+-");
        all.merge(&told("---").0);
        assert_eq!((all.requests, all.failures, all.streak), (5, 4, 3));
    }

    #[test]
    fn a_backend_that_never_answers_is_silent_only_if_it_was_asked() {
        let flows = Flows { opened: 3, sent: 9, returned: Some(0) };
        assert!(flows.silent());
        assert!(!Flows { opened: 0, ..flows }.silent() && !Flows { returned: None, ..flows }.silent());
    }
}
