//! Which hosts of a pool fail more often than the others: pure.
//!
//! | file | finds |
//! |---|---|
//! | `streak.rs` | a host whose requests all fail, at once |
//! | `exact.rs` | a host that fails more than its peers, within one window |
//! | `sequential.rs` | the same by weak signals, across windows |
//! | `slow.rs` | a host that is slower, or has more in flight, than the others |
//!
//! Each host is held against the others without itself, and without those that are under suspicion already: a few sick
//! hosts do not hide one another. A difference of less than [`EFFECT`] is no reason to act, however certain it is.

pub mod exact;
pub mod sequential;
pub mod slow;
pub mod streak;

use super::facts::Outcomes;
use crate::clock::Moment;
use sequential::Sequential;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Length of the window of the exact test: a sweep.
pub const WINDOW: Duration = Duration::from_secs(10);
/// False alarms of a whole pool in one window that the exact test puts up with.
pub const ALPHA: f64 = 1e-4;
/// Looks within a window are this many for chance: they overlap, so they are fewer than there are.
const LOOKS: f64 = 5.0;
/// Least difference of failure rates that counts.
pub const EFFECT: f64 = 0.02;
/// Fewest failures within the window that count: one alone is an accident.
const FAILURES: u64 = 3;
/// It takes no peers to say that a host is sick which fails so much, of so many requests.
const MOST: f64 = 0.5;
const MANY: u64 = 20;
/// Evidence from which on a host is no measure for others.
const SUSPECT: f64 = 0.5;

/// Requests and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub requests: u64,
    pub failures: u64,
}

impl Count {
    pub fn rate(self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.failures as f64 / self.requests as f64 }
    }

    fn of(outcomes: &Outcomes) -> Self {
        Self { requests: outcomes.requests, failures: outcomes.failures }
    }

    fn plus(self, other: Self) -> Self {
        Self { requests: self.requests + other.requests, failures: self.failures + other.failures }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            failures: self.failures.saturating_sub(other.failures),
        }
    }
}

/// Why a host stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Suspicion {
    /// So many failures in a row; `limit` would have been enough.
    Streak { length: u32, limit: u32 },
    /// Within the window; `p` is the probability that chance alone does this.
    Window { host: Count, peers: Count, p: f64 },
    /// Across windows; the counts are of the last one.
    Weak { host: Count, peers: Count, evidence: f64 },
    /// It fails at least every other request, whatever its peers do.
    Most { host: Count },
}

/// What is remembered of a pool's hosts.
#[derive(Clone, Debug, Default)]
pub struct Outliers {
    hosts: BTreeMap<Arc<str>, Host>,
    last: Option<Moment>,
}

#[derive(Clone, Debug, Default)]
struct Host {
    looks: VecDeque<(Moment, Count)>,
    window: Count,
    sequential: Sequential,
}

impl Outliers {
    /// Takes in what the hosts did since the last look, and says who stands out. Hosts that are not told of are
    /// forgotten; one that had no requests is told of with none.
    pub fn look(
        &mut self,
        told: &BTreeMap<Arc<str>, Outcomes>,
        now: Moment,
    ) -> BTreeMap<Arc<str>, Suspicion> {
        let seconds = self.last.map_or(1.0, |last| now.saturating_sub(last).as_secs_f64());
        self.last = Some(now);
        self.hosts.retain(|name, _| told.contains_key(name));
        for (name, outcomes) in told {
            self.hosts.entry(name.clone()).or_default().remember(Count::of(outcomes), now);
        }
        let mut doubtful: BTreeSet<Arc<str>> = self.suspects().collect();
        let looks: BTreeMap<Arc<str>, Count> =
            told.iter().map(|(name, outcomes)| (name.clone(), Count::of(outcomes))).collect();
        for (name, host) in &mut self.hosts {
            let peers = peers(looks.iter(), name, &doubtful);
            host.sequential.look(looks.get(name).copied().unwrap_or_default(), peers, seconds);
        }
        let mut found = BTreeMap::new();
        doubtful.extend(self.suspects());
        let windows: BTreeMap<Arc<str>, Count> =
            self.hosts.iter().map(|(name, host)| (name.clone(), host.window)).collect();
        for (name, outcomes) in told {
            let peers = peers(windows.iter(), name, &doubtful);
            if let Some(suspicion) = self.judge(name, outcomes, peers, told.len()) {
                found.insert(name.clone(), suspicion);
            }
        }
        found
    }

    /// Forgets what speaks against a host: it was taken out, or comes back.
    pub fn clear(&mut self, name: &str) {
        if let Some(host) = self.hosts.get_mut(name) {
            *host = Host::default();
        }
    }

    /// Requests and failures of a host within the window.
    pub fn window(&self, name: &str) -> Count {
        self.hosts.get(name).map(|host| host.window).unwrap_or_default()
    }

    /// How much speaks against a host across windows; 1 is enough.
    pub fn evidence(&self, name: &str) -> f64 {
        self.hosts.get(name).map_or(0.0, |host| host.sequential.evidence())
    }

    fn suspects(&self) -> impl Iterator<Item = Arc<str>> {
        self.hosts
            .iter()
            .filter(|(_, host)| host.sequential.evidence() >= SUSPECT)
            .map(|(name, _)| name.clone())
    }

    fn judge(&self, name: &Arc<str>, outcomes: &Outcomes, peers: Count, hosts: usize) -> Option<Suspicion> {
        let host = self.hosts.get(name)?;
        let limit = streak::limit(peers.rate(), host.window.requests);
        if outcomes.streak >= limit && outcomes.failures > 0 {
            return Some(Suspicion::Streak { length: outcomes.streak, limit });
        }
        let window = host.window;
        if window.requests >= MANY && window.rate() >= MOST {
            return Some(Suspicion::Most { host: window });
        }
        let matters = window.failures >= FAILURES && window.rate() - peers.rate() >= EFFECT;
        if !matters || peers.requests == 0 {
            return None;
        }
        let p = exact::p_value(window, peers);
        if p < ALPHA / (LOOKS * hosts as f64) {
            return Some(Suspicion::Window { host: window, peers, p });
        }
        let evidence = host.sequential.evidence();
        (evidence >= 1.0).then_some(Suspicion::Weak { host: window, peers, evidence })
    }
}

impl Host {
    fn remember(&mut self, count: Count, now: Moment) {
        self.looks.push_back((now, count));
        self.window = self.window.plus(count);
        while let Some((when, old)) = self.looks.front().copied()
            && now.saturating_sub(when) >= WINDOW
        {
            self.window = self.window.minus(old);
            self.looks.pop_front();
        }
    }
}

/// All but the host itself and the doubtful; where that leaves less than half of the others, all others.
fn peers<'a>(
    counts: impl Iterator<Item = (&'a Arc<str>, &'a Count)>,
    host: &Arc<str>,
    doubtful: &BTreeSet<Arc<str>>,
) -> Count {
    let (mut good, mut all) = ((Count::default(), 0), (Count::default(), 0));
    for (name, count) in counts.filter(|(name, _)| *name != host) {
        all = (all.0.plus(*count), all.1 + 1);
        if !doubtful.contains(name) {
            good = (good.0.plus(*count), good.1 + 1);
        }
    }
    if good.1 * 2 >= all.1 { good.0 } else { all.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a second at hosts that each do the same every second; the second and the hosts first found.
    fn first(hosts: &[(u64, u64)], seconds: u64) -> Option<(u64, Vec<String>)> {
        let mut outliers = Outliers::default();
        let told: BTreeMap<Arc<str>, Outcomes> = hosts
            .iter()
            .enumerate()
            .map(|(at, (requests, failures))| {
                let outcomes = Outcomes { requests: *requests, failures: *failures, ..Outcomes::default() };
                (format!("web-{at}").into(), outcomes)
            })
            .collect();
        (1..=seconds).find_map(|second| {
            let found = outliers.look(&told, Duration::from_secs(second));
            (!found.is_empty()).then(|| (second, found.keys().map(ToString::to_string).collect()))
        })
    }

    #[test]
    fn equal_hosts_are_left_alone() {
        assert_eq!(first(&[(100, 5); 10], 1000), None);
    }

    #[test]
    fn the_one_that_fails_is_found() {
        let mut hosts = vec![(100, 1); 10];
        hosts[3] = (100, 30);
        assert_eq!(first(&hosts, 10), Some((1, vec!["web-3".into()])));
    }

    #[test]
    fn three_of_ten_do_not_hide_one_another() {
        let mut hosts = vec![(100, 1); 10];
        hosts[..3].fill((100, 30));
        let (_, found) = first(&hosts, 10).unwrap();
        assert_eq!(found, ["web-0", "web-1", "web-2"]);
    }

    #[test]
    fn what_all_share_is_no_outlier() {
        assert_eq!(first(&[(100, 40); 10], 100), None);
    }

    #[test]
    fn who_fails_every_other_request_is_sick_also_if_all_do() {
        assert_eq!(first(&[(100, 60); 3], 5).unwrap().1.len(), 3);
    }

    #[test]
    fn a_difference_below_the_effect_is_no_reason_however_certain() {
        let mut hosts = vec![(100_000, 1000); 10];
        hosts[0] = (100_000, 2500);
        assert_eq!(first(&hosts, 100), None);
    }

    #[test]
    fn a_single_failure_is_an_accident() {
        let mut hosts = vec![(1_000_000, 0); 10];
        hosts[0] = (3, 1);
        assert_eq!(first(&hosts, 2), None);
    }

    #[test]
    fn a_host_alone_has_no_peers_to_stand_out_from() {
        assert_eq!(first(&[(100, 40)], 100), None);
    }

    #[test]
    fn a_run_of_failures_counts_at_once() {
        let mut outliers = Outliers::default();
        let good = Outcomes { requests: 100, ..Outcomes::default() };
        let bad = Outcomes { requests: 5, failures: 5, streak: 5, ..Outcomes::default() };
        let told = BTreeMap::from([("a".into(), good.clone()), ("b".into(), good), ("c".into(), bad)]);
        let found = outliers.look(&told, Duration::ZERO);
        assert_eq!(found.into_values().collect::<Vec<_>>(), [Suspicion::Streak { length: 5, limit: 5 }]);
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut outliers = Outliers::default();
        let told = |failures| {
            BTreeMap::from([("a".into(), Outcomes { requests: 9, failures, ..Outcomes::default() })])
        };
        outliers.look(&told(9), Duration::ZERO);
        assert_eq!(outliers.window("a").failures, 9);
        outliers.look(&told(0), WINDOW);
        assert_eq!(outliers.window("a").failures, 0);
    }
}
