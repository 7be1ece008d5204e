//! Seeded simulations of a pool under watch: how often healthy backends are taken out, how soon a sick one is.
//!
//! Ten hosts, requests by Poisson, each failing with the host's probability, looked at twice a second by the very
//! [`Ward`] that the agent runs.

use super::ejection::{Admission, Change};
use super::facts::Outcomes;
use super::ward::{Fact, Terms, Ward};
use crate::clock::Moment;
use crate::figure::Figure;
use crate::random::Random;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks.
pub const TICK: Duration = Duration::from_millis(500);
const SWEEP: u64 = 10;
const HOSTS: usize = 10;
/// Requests a second and host, and the part of them that fails without anybody being sick.
const RATES: [f64; 4] = [20.0, 100.0, 300.0, 1000.0];
const BASES: [f64; 4] = [0.001, 0.005, 0.01, 0.05];
/// What a sick host has on top.
const SICK: f64 = 0.05;
/// How long a host is well before it falls sick, in seconds.
const CALM: u64 = 60;

/// All figures, with `sweeps` of ten seconds a cell and `repeats` of each detection.
pub fn figures(seed: u64, sweeps: u64, repeats: u64) -> Vec<Figure> {
    let mut figures = Vec::new();
    for rate in RATES {
        for base in BASES {
            let cell = format!("{rate} requests/s a host, {} % errors", base * 100.0);
            let (ours, theirs) = false_ejections(seed, rate, base, sweeps);
            figures.push(Figure::at_most(format!("false ejections, {cell}"), ours, 0.1, "% of sweeps"));
            figures.push(Figure::compare(
                format!("the same by mean less 1.9 deviations, {cell}"),
                theirs,
                "% of sweeps",
            ));
            let (median, ninth) = detection(seed, rate, base, repeats);
            let goal = if base <= 0.01 { 10.0 } else { 30.0 };
            figures.push(Figure::at_most(
                format!("one host with 5 points more is out, median, {cell}"),
                median,
                goal,
                "s",
            ));
            figures.push(Figure::compare(format!("the same, nine in ten, {cell}"), ninth, "s"));
        }
    }
    figures.extend(many_at_once(seed));
    figures
}

/// Ten hosts and what befalls them.
struct Play {
    ward: Ward,
    random: Random,
    names: Vec<Arc<str>>,
    streaks: Vec<u32>,
    now: Moment,
}

impl Play {
    fn new(seed: u64) -> Self {
        let names: Vec<Arc<str>> = (0..HOSTS).map(|host| format!("host-{host}").into()).collect();
        let mut ward = Ward::new("pool".into(), Terms::default(), Moment::ZERO);
        ward.admit(Terms::default(), &names.iter().cloned().collect::<BTreeSet<_>>(), Moment::ZERO);
        Self { ward, random: Random::new(seed), names, streaks: vec![0; HOSTS], now: Moment::ZERO }
    }

    /// One tick; `failing` gives each host's part of requests that fail. Also gives what the hosts did.
    fn tick(&mut self, rate: f64, failing: impl Fn(usize) -> f64) -> (Vec<Change>, Vec<Outcomes>) {
        self.now += TICK;
        let mut all = Vec::new();
        let admissions = self.admissions();
        for (host, admission) in admissions.into_iter().enumerate() {
            let requests = match admission {
                Admission::In => self.random.poisson(rate * TICK.as_secs_f64()),
                Admission::Probation { .. } => 1,
                Admission::Out { .. } => 0,
            };
            let outcomes = self.requests(host, requests, failing(host));
            self.ward.hear(&self.names[host].clone(), Fact::Outcomes(Box::new(outcomes.clone())), self.now);
            all.push(outcomes);
        }
        (self.ward.tick(self.now).1, all)
    }

    fn admissions(&self) -> Vec<Admission> {
        self.names.iter().map(|name| self.ward.admission(name)).collect()
    }

    /// Requests one after the other; only those that fail cost a draw.
    fn requests(&mut self, host: usize, requests: u64, failing: f64) -> Outcomes {
        let mut outcomes = Outcomes { requests, ..Outcomes::default() };
        let streak = &mut self.streaks[host];
        let mut at = 0;
        while at < requests {
            let good = (self.random.exponential(1.0) / -(-failing).ln_1p()).min(1e12) as u64;
            if good > 0 {
                *streak = 0;
            }
            at += good + 1;
            if at > requests {
                break;
            }
            *streak += 1;
            outcomes.failures += 1;
            outcomes.streak = outcomes.streak.max(*streak);
        }
        outcomes
    }
}

/// Part of the sweeps, in percent, in which a healthy host is taken out: by us, and by mean less 1.9 deviations.
fn false_ejections(seed: u64, rate: f64, base: f64, sweeps: u64) -> (f64, f64) {
    let mut play = Play::new(seed);
    let (mut ours, mut theirs) = (0, 0);
    for _ in 0..sweeps {
        let mut sweep = vec![(0, 0); HOSTS];
        let mut out = false;
        for _ in 0..SWEEP * 2 {
            let (changes, all) = play.tick(rate, |_| base);
            out |= changes.iter().any(|change| matches!(change, Change::Ejected { .. }));
            for (sum, outcomes) in sweep.iter_mut().zip(&all) {
                *sum = (sum.0 + outcomes.requests, sum.1 + outcomes.failures);
            }
        }
        ours += u64::from(out);
        theirs += u64::from(deviates(&sweep));
    }
    let percent = |count: u64| count as f64 / sweeps.max(1) as f64 * 100.0;
    (percent(ours), percent(theirs))
}

/// The rule of Envoy and gRPC (A50): a success rate below the mean less 1.9 standard deviations, of five hosts with a
/// hundred requests each at least.
fn deviates(sweep: &[(u64, u64)]) -> bool {
    let rates: Vec<f64> = sweep
        .iter()
        .filter(|(requests, _)| *requests >= 100)
        .map(|(requests, failures)| 1.0 - *failures as f64 / *requests as f64)
        .collect();
    if rates.len() < 5 {
        return false;
    }
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / rates.len() as f64;
    rates.iter().any(|rate| *rate < mean - 1.9 * variance.sqrt())
}

/// Seconds until a host that falls sick is out: the median of the repeats, and the ninth of ten.
fn detection(seed: u64, rate: f64, base: f64, repeats: u64) -> (f64, f64) {
    let mut times: Vec<f64> =
        (0..repeats).map(|repeat| detected(seed ^ (repeat << 20), rate, base)).collect();
    times.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or(f64::INFINITY);
    (at(0.5), at(0.9))
}

fn detected(seed: u64, rate: f64, base: f64) -> f64 {
    let mut play = Play::new(seed);
    for _ in 0..CALM * 2 {
        play.tick(rate, |_| base);
    }
    // A host that is out by chance just then would not be found by anybody.
    while play.admissions().iter().any(|admission| *admission != Admission::In) {
        play.tick(rate, |_| base);
    }
    for tick in 1..=1200u32 {
        play.tick(rate, |host| if host == 0 { base + SICK } else { base });
        if play.admissions()[0] != Admission::In {
            return (TICK * tick).as_secs_f64();
        }
    }
    f64::INFINITY
}

/// Three of ten sick at once: seen, no more than the share out. Six of ten: everybody in.
fn many_at_once(seed: u64) -> Vec<Figure> {
    let run = |sick: usize| {
        let mut play = Play::new(seed);
        let (mut seen, mut most, mut opened) = (f64::INFINITY, 0, false);
        for tick in 0..240u32 {
            let ill = |host| if tick >= 120 && host < sick { 0.3 } else { 0.01 };
            play.tick(100.0, ill);
            if tick >= 120 && play.ward.sick_part() >= sick as f64 / HOSTS as f64 {
                seen = seen.min((TICK * (tick - 119)).as_secs_f64());
            }
            let out = play.admissions().iter().filter(|it| **it != Admission::In).count();
            most = most.max(out);
            opened |= play.ward.is_open();
        }
        (seen, most as f64, opened)
    };
    let ((seen, most, _), (_, after, opened)) = (run(3), run(6));
    vec![
        Figure::at_most("three of ten hosts sick at once, all seen", seen, 10.0, "s"),
        Figure::at_most("three of ten hosts sick at once, out at most", most, 1.0, "hosts"),
        Figure::at_least("six of ten hosts sick at once, everybody in", f64::from(u8::from(opened)), 1.0, ""),
        Figure::compare("six of ten hosts sick at once, out at most before it was clear", after, "hosts"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn healthy_hosts_stay_in_and_the_rule_by_deviations_takes_them_out() {
        let (ours, theirs) = false_ejections(1, 20.0, 0.01, 1000);
        assert!(ours <= 0.2 && theirs > 20.0, "{ours} {theirs}");
    }

    #[test]
    fn a_sick_host_is_out_within_two_sweeps() {
        let (median, _) = detection(1, 100.0, 0.01, 20);
        assert!(median <= 10.0, "{median}");
    }

    #[test]
    fn many_sick_hosts_are_seen_and_few_taken_out() {
        for figure in many_at_once(1) {
            assert!(figure.holds, "{figure}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_figures() {
        assert_eq!(false_ejections(3, 100.0, 0.05, 50), false_ejections(3, 100.0, 0.05, 50));
    }
}
