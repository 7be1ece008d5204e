//! A sequential test across sweeps, for signals too weak for one window: a CUSUM of likelihood ratios (Page, 1954).
//!
//! ```text
//! each look:  all failures of the look fall on the host or on its peers
//!             chance alone:   with the host's part of the requests
//!             a sick host:    with that part, times how much more often it fails
//!             the logarithm of the ratio is added; the sum never falls below 0
//! ```
//!
//! The ratio is conditional on how many failures there were, so a rise that all hosts share says nothing, and no base
//! rate has to be known. Its mean is at most 1 while the host is well, whatever is chosen before the look.

use super::Count;

/// What a sick host has on top of its peers' rate, for which the test is the fastest.
const DESIGN: f64 = 0.05;
/// Weight of the past in the peers' rate, in requests, until there is one.
const PRIOR: Count = Count { requests: 100, failures: 1 };
/// What remains of the past after a second.
const MEMORY: f64 = 0.99;
/// The bar, of a statistic that gathers nothing where the host is sick. Chosen by simulation ([`crate::health::trial`])
/// so that of ten healthy hosts one is suspected in less than one sweep of a thousand.
const BAR: f64 = 9.4;

/// The sum for one host.
#[derive(Clone, Debug, Default)]
pub struct Sequential {
    sum: f64,
    bar: f64,
    /// Requests and failures of the peers, old ones faded.
    past: (f64, f64),
}

impl Sequential {
    /// Takes in what happened since the last look, `seconds` ago.
    pub fn look(&mut self, host: Count, peers: Count, seconds: f64) {
        let (requests, failures) = self.past;
        let rate = (failures + PRIOR.failures as f64 / 2.0) / (requests + PRIOR.requests as f64);
        let (step, speed) = ratio(host, peers, (rate + DESIGN) / rate, rate);
        self.sum = (self.sum + step).max(0.0);
        // A statistic that moves faster crosses a bar more often by chance.
        self.bar = BAR + 0.5 * (1.0 + speed / seconds.max(1e-3)).ln();
        let keep = MEMORY.powf(seconds);
        self.past = (requests * keep + peers.requests as f64, failures * keep + peers.failures as f64);
    }

    /// How far the evidence has come: 1 and more is enough.
    pub fn evidence(&self) -> f64 {
        if self.bar > 0.0 { self.sum / self.bar } else { 0.0 }
    }

    /// Forgets the evidence, not the peers' past.
    pub fn clear(&mut self) {
        self.sum = 0.0;
    }
}

/// Logarithm of the likelihood ratio of a look, and how much it would be on average if the host were sick.
fn ratio(host: Count, peers: Count, odds: f64, rate: f64) -> (f64, f64) {
    if host.requests == 0 || peers.requests == 0 {
        return (0.0, 0.0);
    }
    let (own, others) = (host.requests as f64, peers.requests as f64);
    let (well, sick) = (own / (own + others), odds * own / (odds * own + others));
    let (here, there) = ((sick / well).ln(), ((1.0 - sick) / (1.0 - well)).ln());
    let step = host.failures as f64 * here + peers.failures as f64 * there;
    let expected = own * rate * odds + others * rate;
    (step, expected * (sick * here + (1.0 - sick) * there))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(host: Count, peers: Count, seconds: u32) -> Sequential {
        let mut test = Sequential::default();
        (0..seconds).for_each(|_| test.look(host, peers, 1.0));
        test
    }

    const PEERS: Count = Count { requests: 900, failures: 9 };

    #[test]
    fn a_host_like_its_peers_gathers_nothing() {
        assert_eq!(looks(Count { requests: 100, failures: 1 }, PEERS, 1000).evidence(), 0.0);
    }

    #[test]
    fn a_host_that_fails_more_often_is_found_in_seconds() {
        let sick = Count { requests: 100, failures: 6 };
        assert!(looks(sick, PEERS, 1).evidence() < 1.0);
        assert!(looks(sick, PEERS, 5).evidence() > 1.0);
    }

    #[test]
    fn a_rise_that_all_share_is_no_evidence() {
        let mut test = looks(Count { requests: 100, failures: 1 }, PEERS, 100);
        (0..100).for_each(|_| {
            test.look(Count { requests: 100, failures: 40 }, Count { failures: 360, ..PEERS }, 1.0)
        });
        assert_eq!(test.evidence(), 0.0);
    }

    #[test]
    fn a_host_without_requests_or_peers_is_left_alone() {
        assert_eq!(looks(Count::default(), PEERS, 9).evidence(), 0.0);
        assert_eq!(looks(Count { requests: 9, failures: 9 }, Count::default(), 9).evidence(), 0.0);
    }
}
