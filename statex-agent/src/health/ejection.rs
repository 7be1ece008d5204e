//! Taking sick backends out and letting them back: pure.
//!
//! ```text
//!        sick                    time is up
//! in ──────────▶ out (30 s × n) ────────────▶ probation: one real request
//!  ▲             ▲                              │ fails       │ succeeds
//!  │             └──────────────────────────────┘             ▼
//!  └────────────────────────────────────────────── slow start: its share grows
//! ```
//!
//! No more than the configured share of a pool is out at once, and never the last one. When most look sick it is not
//! they: nobody is taken out, and those who are come back.

use crate::clock::Moment;
use crate::config::Outlier;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How a pool's backends are taken out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Off: it is only said what would be done.
    pub enforce: bool,
    /// Most of a pool that is out at once, from 0 to 1; one may always be.
    pub most: f64,
    /// Of the first ejection; the n-th in a row takes n times as long.
    pub first: Duration,
    pub longest: Duration,
    /// How long the share of a backend that comes back grows.
    pub slow_start: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        (&Outlier::default()).into()
    }
}

impl From<&Outlier> for Rules {
    fn from(config: &Outlier) -> Self {
        Self {
            enforce: config.enforce,
            most: f64::from(config.max_ejected) / 100.0,
            first: config.ejection,
            longest: config.longest_ejection,
            slow_start: config.slow_start,
        }
    }
}

/// When so much of a pool looks sick, the cause is somewhere else.
const COMMON: f64 = 0.5;
/// Without real requests to judge by, a probation that passes ends after so long.
const PROBATION: Duration = Duration::from_secs(10);
/// So long in order takes one ejection off the count.
const FORGIVEN: Duration = Duration::from_secs(60);
/// The share that slow start begins with.
const FIRST_SHARE: f64 = 0.1;

/// Whether a backend takes new flows, as far as its health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    In,
    /// Out until then, for the `times`-th time in a row.
    Out {
        until: Moment,
        times: u32,
    },
    /// Gets one request, or few flows, to show that it is in order.
    Probation {
        since: Moment,
        times: u32,
    },
}

/// A backend's course.
#[derive(Clone, Copy, Debug)]
struct Course {
    admission: Admission,
    /// Ejections in a row.
    times: u32,
    /// Since when it is in; slow start counts from here. `None`: it was never out.
    back: Option<Moment>,
    /// When an ejection was forgiven last.
    forgiven: Moment,
}

/// What happened to a backend in a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Ejected {
        backend: Arc<str>,
        until: Moment,
        times: u32,
    },
    /// It would have been taken out, but too many are out.
    Spared {
        backend: Arc<str>,
    },
    OnProbation {
        backend: Arc<str>,
    },
    Back {
        backend: Arc<str>,
    },
    /// Most look sick: everybody is in.
    Opened,
}

/// How a pool's backends did in a round.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Those that should be out.
    pub sick: BTreeSet<Arc<str>>,
    /// Real requests of those on probation: how many, and how many failed.
    pub tried: BTreeMap<Arc<str>, (u64, u64)>,
    /// Whether real requests are seen at all here.
    pub proxied: bool,
}

/// Who of a pool is out.
#[derive(Clone, Debug, Default)]
pub struct Ejections {
    courses: BTreeMap<Arc<str>, Course>,
    open: bool,
}

impl Ejections {
    /// Keeps these backends and forgets others.
    pub fn admit(&mut self, backends: &BTreeSet<Arc<str>>, now: Moment) {
        self.courses.retain(|name, _| backends.contains(name));
        for name in backends {
            let fresh = Course { admission: Admission::In, times: 0, back: None, forgiven: now };
            self.courses.entry(name.clone()).or_insert(fresh);
        }
    }

    pub fn admission(&self, backend: &str) -> Admission {
        self.courses.get(backend).map_or(Admission::In, |course| course.admission)
    }

    /// Whether so many look sick that nobody is taken out.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The part of its weight that slow start leaves a backend.
    pub fn ramp(&self, backend: &str, rules: &Rules, now: Moment) -> f64 {
        let Some(back) = self.courses.get(backend).and_then(|course| course.back) else { return 1.0 };
        let grown = now.saturating_sub(back).as_secs_f64() / rules.slow_start.as_secs_f64().max(1e-9);
        grown.clamp(FIRST_SHARE, 1.0)
    }

    /// Starts the slow start of a backend that was out for another reason than ours.
    pub fn came_back(&mut self, backend: &str, now: Moment) {
        if let Some(course) = self.courses.get_mut(backend) {
            course.back = Some(now);
        }
    }

    /// Goes on by a round.
    pub fn step(&mut self, round: &Round, rules: &Rules, now: Moment) -> Vec<Change> {
        let mut changes = Vec::new();
        let looks_sick = |(name, course): &(&Arc<str>, &Course)| {
            course.admission != Admission::In || round.sick.contains(*name)
        };
        let sick = self.courses.iter().filter(looks_sick).count();
        let open = self.courses.len() > 1 && sick as f64 > COMMON * self.courses.len() as f64;
        // What spoke against those who come back in this round was before they went.
        let candidates: Vec<Arc<str>> = self
            .courses
            .iter()
            .filter(|(name, course)| course.admission == Admission::In && round.sick.contains(*name))
            .map(|(name, _)| name.clone())
            .collect();
        if open {
            if !self.open {
                changes.push(Change::Opened);
            }
            for (name, course) in self.courses.iter_mut().filter(|(_, it)| it.admission != Admission::In) {
                course.enter(now);
                changes.push(Change::Back { backend: name.clone() });
            }
        }
        self.open = open;
        for (name, course) in &mut self.courses {
            changes.extend(course.go_on(name, round, rules, now));
        }
        if !open {
            self.eject(candidates, rules, now, &mut changes);
        }
        changes
    }

    fn eject(&mut self, sick: Vec<Arc<str>>, rules: &Rules, now: Moment, changes: &mut Vec<Change>) {
        let backends = self.courses.len();
        let most = ((rules.most * backends as f64) as usize).max(1).min(backends.saturating_sub(1));
        let mut out = self.courses.values().filter(|course| course.admission != Admission::In).count();
        for backend in sick {
            let Some(course) = self.courses.get_mut(&backend) else { continue };
            if out >= most {
                changes.push(Change::Spared { backend });
                continue;
            }
            out += 1;
            let until = course.leave(rules, now);
            changes.push(Change::Ejected { backend, until, times: course.times });
        }
    }
}

impl Course {
    fn enter(&mut self, now: Moment) {
        (self.admission, self.back, self.forgiven) = (Admission::In, Some(now), now);
    }

    fn leave(&mut self, rules: &Rules, now: Moment) -> Moment {
        self.times = self.times.saturating_add(1);
        let until = now + rules.first.saturating_mul(self.times).min(rules.longest);
        self.admission = Admission::Out { until, times: self.times };
        until
    }

    fn go_on(&mut self, name: &Arc<str>, round: &Round, rules: &Rules, now: Moment) -> Option<Change> {
        let backend = name.clone();
        match self.admission {
            Admission::In => {
                if self.times > 0 && now.saturating_sub(self.forgiven) >= FORGIVEN {
                    (self.times, self.forgiven) = (self.times - 1, now);
                }
                None
            }
            Admission::Out { until, times } if now >= until => {
                self.admission = Admission::Probation { since: now, times };
                Some(Change::OnProbation { backend })
            }
            Admission::Out { .. } => None,
            Admission::Probation { since, .. } => match round.tried.get(name) {
                Some((_, failed)) if *failed > 0 => {
                    let until = self.leave(rules, now);
                    Some(Change::Ejected { backend, until, times: self.times })
                }
                Some((tried, _)) if *tried > 0 => {
                    self.enter(now);
                    Some(Change::Back { backend })
                }
                _ if !round.proxied && now.saturating_sub(since) >= PROBATION => {
                    self.enter(now);
                    Some(Change::Back { backend })
                }
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(count: usize) -> BTreeSet<Arc<str>> {
        (0..count).map(|at| format!("b{at}").into()).collect()
    }

    struct Pool {
        ejections: Ejections,
        rules: Rules,
        now: Moment,
    }

    impl Pool {
        fn of(count: usize) -> Self {
            let mut ejections = Ejections::default();
            ejections.admit(&names(count), Moment::ZERO);
            Self { ejections, rules: Rules::default(), now: Moment::ZERO }
        }

        /// Goes on by so many seconds with these sick and those tried.
        fn step(&mut self, seconds: u64, sick: &[&str], tried: &[(&str, u64, u64)]) -> Vec<Change> {
            self.now += Duration::from_secs(seconds);
            let round = Round {
                sick: sick.iter().map(|name| (*name).into()).collect(),
                tried: tried.iter().map(|(name, all, failed)| ((*name).into(), (*all, *failed))).collect(),
                proxied: true,
            };
            self.ejections.step(&round, &self.rules, self.now)
        }

        fn out(&self) -> usize {
            self.ejections.courses.values().filter(|it| it.admission != Admission::In).count()
        }
    }

    #[test]
    fn a_sick_one_goes_for_half_a_minute_and_comes_back_by_one_good_request() {
        let mut pool = Pool::of(10);
        pool.step(1, &["b3"], &[]);
        assert_eq!(
            pool.ejections.admission("b3"),
            Admission::Out { until: Duration::from_secs(31), times: 1 }
        );
        assert_eq!(pool.step(29, &[], &[]), []);
        assert_eq!(pool.step(1, &[], &[]), [Change::OnProbation { backend: "b3".into() }]);
        assert_eq!(pool.step(5, &[], &[]), []);
        assert_eq!(pool.step(1, &[], &[("b3", 1, 0)]), [Change::Back { backend: "b3".into() }]);
    }

    #[test]
    fn each_time_in_a_row_takes_longer_up_to_five_minutes() {
        let mut pool = Pool::of(10);
        pool.step(1, &["b3"], &[]);
        for times in 2..15u64 {
            pool.step(400, &[], &[]);
            pool.step(1, &[], &[("b3", 1, 1)]);
            let Admission::Out { until, .. } = pool.ejections.admission("b3") else { panic!("it failed") };
            assert_eq!(until - pool.now, Duration::from_secs((30 * times).min(300)));
        }
    }

    #[test]
    fn good_minutes_are_forgiving() {
        let mut pool = Pool::of(10);
        pool.step(1, &["b3"], &[]);
        pool.step(31, &[], &[]);
        pool.step(1, &[], &[("b3", 1, 0)]);
        pool.step(61, &[], &[]);
        pool.step(1, &["b3"], &[]);
        assert!(matches!(pool.ejections.admission("b3"), Admission::Out { times: 1, .. }));
    }

    #[test]
    fn no_more_than_the_share_go_at_once() {
        let mut pool = Pool::of(10);
        let changes = pool.step(1, &["b1", "b2", "b3"], &[]);
        assert_eq!(pool.out(), 1);
        assert_eq!(
            changes[1..],
            [Change::Spared { backend: "b2".into() }, Change::Spared { backend: "b3".into() }]
        );
    }

    #[test]
    fn when_most_look_sick_everybody_is_in() {
        let mut pool = Pool::of(10);
        pool.step(1, &["b1"], &[]);
        let changes = pool.step(1, &["b2", "b3", "b4", "b5", "b6"], &[]);
        assert_eq!(changes, [Change::Opened, Change::Back { backend: "b1".into() }]);
        assert!(pool.ejections.is_open() && pool.out() == 0);
    }

    #[test]
    fn of_two_one_may_go_and_of_one_none() {
        let mut two = Pool::of(2);
        two.step(1, &["b0"], &[]);
        assert_eq!(two.out(), 1);
        let mut one = Pool::of(1);
        one.step(1, &["b0"], &[]);
        assert_eq!(one.out(), 0);
    }

    #[test]
    fn the_share_of_who_comes_back_grows() {
        let mut pool = Pool::of(10);
        let ramp = |pool: &Pool| pool.ejections.ramp("b3", &pool.rules, pool.now);
        assert_eq!(ramp(&pool), 1.0);
        pool.ejections.came_back("b3", pool.now);
        assert_eq!(ramp(&pool), 0.1);
        pool.step(15, &[], &[]);
        assert_eq!(ramp(&pool), 0.5);
        pool.step(30, &[], &[]);
        assert_eq!(ramp(&pool), 1.0);
    }

    #[test]
    fn without_real_requests_probation_ends_by_itself() {
        let mut pool = Pool::of(10);
        pool.step(1, &["b3"], &[]);
        pool.step(31, &[], &[]);
        let quiet = Round::default();
        assert_eq!(
            pool.ejections.step(&quiet, &pool.rules, pool.now + PROBATION),
            [Change::Back { backend: "b3".into() }]
        );
    }

    proptest! {
        /// Whoever is sick and whatever is tried: never more than the share out, never all.
        #[test]
        fn the_share_is_never_exceeded(
            backends in 1..20usize,
            most in 0.0..1.0f64,
            rounds in prop::collection::vec((0..100u64, prop::collection::vec(0..20usize, 0..20), 0..3u64), 1..50),
        ) {
            let mut pool = Pool::of(backends);
            pool.rules.most = most;
            for (seconds, sick, failed) in rounds {
                let sick: Vec<String> = sick.iter().map(|at| format!("b{at}")).collect();
                let sick: Vec<&str> = sick.iter().map(String::as_str).collect();
                let tried: Vec<(&str, u64, u64)> = sick.iter().map(|name| (*name, 2, failed)).collect();
                pool.step(seconds, &sick, &tried);
                let share = ((most * backends as f64) as usize).max(1);
                prop_assert!(pool.out() <= share && pool.out() < backends.max(1));
            }
        }
    }
}
