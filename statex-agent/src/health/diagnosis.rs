//! From what is known of a backend to a diagnosis: lexicographic and never a mean, pure.
//!
//! ```text
//! down       a hard failure: probe, runtime, its own word, silence      score 0
//! failing    fails more often than its peers                            up to 0.4
//! slow       slower, or more in flight, than its peers                  0.4 to 0.7
//! saturated  busy                                                       0.7 to below 1
//! well                                                                  1
//! ```
//!
//! The worst finding decides, and the others do not soften it: a backend that is idle and answers 500 is not "on
//! average well". Busy is not sick: below 0.7 something is to be done about the backend itself, from 0.7 on it only
//! gets less to do, and the pool more backends.

use super::facts::{Wish, Word};
use super::outlier::slow::Apart;
use super::outlier::{Count, Suspicion};
use super::verdict::Verdict;
use crate::clock::Moment;
use crate::executor::{Condition, Replica, Usage};
use std::fmt;

/// How a backend is; worse is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    #[default]
    Well,
    Saturated,
    Slow,
    Failing,
    Down,
}

impl Class {
    pub fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Saturated => "saturated",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Down => "down",
        }
    }
}

/// Where a finding comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Probe,
    Requests,
    Flows,
    Backend,
    Runtime,
}

impl Source {
    pub fn word(self) -> &'static str {
        match self {
            Self::Probe => "health check",
            Self::Requests => "real requests",
            Self::Flows => "data plane",
            Self::Backend => "its own word",
            Self::Runtime => "runtime",
        }
    }
}

/// One thing that speaks against a backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub class: Class,
    pub source: Source,
    /// For people, as a sentence without its full stop.
    pub says: String,
    /// How bad it is within its class, from 0 to 1.
    pub severity: f64,
    pub since: Moment,
}

/// All that is known of a backend at one moment.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// Of the active probe, with what was wrong last.
    pub probe: Option<(Verdict, Option<&'a str>)>,
    pub suspicion: Option<Suspicion>,
    /// Its median latency, in seconds, where that stands out.
    pub latency: Option<Apart>,
    /// Its requests in flight, where they stand out.
    pub in_flight: Option<Apart>,
    /// How long it was sent flows and nothing came back.
    pub silent_for: Moment,
    pub word: Option<&'a Word>,
    pub replica: Option<&'a Replica>,
}

/// From so much of its quota on a backend is busy.
const BUSY: f64 = 0.85;
/// Part of the scheduler's periods in which it is held back, from which on it is busy.
const THROTTLED: f64 = 0.25;
/// Part of the time in which something waits for memory, from which on it is busy.
const PRESSURE: f64 = 0.1;
/// Silence that is no accident any more.
const SILENCE: Moment = Moment::from_secs(3);

/// Everything that speaks against the backend, the worst first.
pub fn findings(known: &Known<'_>, now: Moment) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |class, source, severity: f64, says: String| {
        findings.push(Finding { class, source, says, severity: severity.clamp(0.0, 1.0), since: now });
    };
    if let Some((Verdict::Dead, trouble)) = known.probe {
        find(Class::Down, Source::Probe, 1.0, trouble.unwrap_or("fails").to_owned());
    }
    if known.silent_for >= SILENCE {
        let says = format!("is sent flows, and nothing has come back for {} s", known.silent_for.as_secs());
        find(Class::Down, Source::Flows, 1.0, says);
    }
    if let Some(word) = known.word {
        spoken(word, &mut find);
    }
    if let Some(replica) = known.replica {
        ran(replica, &mut find);
    }
    if let Some(suspicion) = known.suspicion {
        find(Class::Failing, Source::Requests, severity(suspicion), said(suspicion));
    }
    let apart = [(known.latency, "takes"), (known.in_flight, "has")];
    for (apart, verb) in apart.into_iter().filter_map(|(apart, verb)| Some((apart?, verb))) {
        let Apart { times, median } = apart;
        let says = match verb {
            "takes" => format!("takes {times:.1} times as long as its peers ({:.0} ms)", median * 1000.0),
            _ => format!("has {times:.1} times as many requests in flight as its peers ({median:.1})"),
        };
        find(Class::Slow, Source::Requests, 1.0 - 1.0 / times.max(1.0), says);
    }
    findings.sort_by(|a, b| (b.class, a.source).cmp(&(a.class, b.source)));
    findings
}

type Find<'f> = dyn FnMut(Class, Source, f64, String) + 'f;

/// What the backend says of itself.
fn spoken(word: &Word, find: &mut Find<'_>) {
    let reason = word.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    if word.wish == Some(Wish::Down) {
        find(Class::Down, Source::Backend, 1.0, format!("says that it is down{reason}"));
    }
    if let Some(load) = word.load.filter(|load| *load >= BUSY) {
        let says = format!("says that it is {:.0} % busy{reason}", load * 100.0);
        find(Class::Saturated, Source::Backend, over(load), says);
    }
}

/// What the runtime says of the backend's process.
fn ran(replica: &Replica, find: &mut Find<'_>) {
    let Replica { condition, exit, .. } = replica;
    let exit = match exit {
        Some(exit) if exit.out_of_memory => ", ended by the kernel for its memory".to_owned(),
        Some(exit) => format!(", exit code {}", exit.code),
        None => String::new(),
    };
    match condition {
        Condition::Unhealthy => {
            find(Class::Down, Source::Runtime, 1.0, "the runtime's own check fails".to_owned());
        }
        Condition::Stopped | Condition::Failed => {
            find(Class::Down, Source::Runtime, 1.0, format!("is {}{exit}", condition.word()));
        }
        Condition::Starting | Condition::Running | Condition::Healthy => {}
    }
    let Some(usage) = &replica.usage else { return };
    for (severity, says) in busy(usage) {
        find(Class::Saturated, Source::Runtime, severity, says);
    }
}

fn busy(usage: &Usage) -> Vec<(f64, String)> {
    let percent = |part: f64| part * 100.0;
    let memory = usage.memory_share().filter(|share| *share >= BUSY);
    let pressure = usage.memory_pressure.filter(|part| *part >= PRESSURE);
    [
        (usage.cpu >= BUSY)
            .then(|| (over(usage.cpu), format!("uses {:.0} % of its CPU quota", percent(usage.cpu)))),
        (usage.throttled >= THROTTLED).then(|| {
            (
                usage.throttled,
                format!("is held back for its CPU quota in {:.0} % of the periods", percent(usage.throttled)),
            )
        }),
        memory.map(|share| (over(share), format!("uses {:.0} % of its memory", percent(share)))),
        pressure.map(|part| (part, format!("waits for memory {:.0} % of the time", percent(part)))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// From [`BUSY`] to all of it, and beyond.
fn over(load: f64) -> f64 {
    (load - BUSY) / (1.0 - BUSY)
}

fn severity(suspicion: Suspicion) -> f64 {
    match suspicion {
        Suspicion::Streak { .. } => 1.0,
        Suspicion::Window { host, .. } | Suspicion::Weak { host, .. } | Suspicion::Most { host } => {
            host.rate()
        }
    }
}

fn said(suspicion: Suspicion) -> String {
    let compare = |host: Count, peers: Count| {
        format!(
            "fails {:.1} % of requests ({} of {}), its peers {:.2} %",
            host.rate() * 100.0,
            host.failures,
            host.requests,
            peers.rate() * 100.0
        )
    };
    match suspicion {
        Suspicion::Most { host } => {
            format!("fails {:.0} % of requests ({} of {})", host.rate() * 100.0, host.failures, host.requests)
        }
        Suspicion::Streak { length, limit } => {
            format!("failed {length} requests in a row; {limit} are enough")
        }
        Suspicion::Window { host, peers, p } => {
            format!(
                "{}; chance alone does this once in {:.0e} times",
                compare(host, peers),
                1.0 / p.max(1e-300)
            )
        }
        Suspicion::Weak { host, peers, evidence } => {
            format!(
                "{}; small, but it lasts: {evidence:.1} times the evidence that is needed",
                compare(host, peers)
            )
        }
    }
}

/// The score that people see: follows from the worst finding alone.
pub fn score(worst: Option<&Finding>) -> f64 {
    let Some(Finding { class, severity, .. }) = worst else { return 1.0 };
    let (low, high) = match class {
        Class::Well => return 1.0,
        Class::Down => return 0.0,
        Class::Failing => (0.1, 0.39),
        Class::Slow => (0.4, 0.69),
        Class::Saturated => (0.7, 0.99),
    };
    low + (high - low) * (1.0 - severity)
}

/// The part of its weight that a backend should have, for the worst finding.
pub fn wanted_share(worst: Option<&Finding>) -> f64 {
    let Some(Finding { class, severity, .. }) = worst else { return 1.0 };
    match class {
        Class::Well => 1.0,
        // Where it is not taken out, it is because there is nobody better: it goes on as it was.
        Class::Down => 1.0,
        Class::Failing => 0.25,
        Class::Slow => (1.0 - severity).max(0.1),
        Class::Saturated => 1.0 - 0.5 * severity,
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source.word(), self.says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::scripted::replica;

    fn worst(known: &Known<'_>) -> Option<Finding> {
        findings(known, Moment::ZERO).into_iter().next()
    }

    fn weak() -> Suspicion {
        let (host, peers) = (Count { requests: 200, failures: 14 }, Count { requests: 1800, failures: 18 });
        Suspicion::Weak { host, peers, evidence: 1.1 }
    }

    #[test]
    fn nothing_known_is_well() {
        assert_eq!((worst(&Known::default()), score(None)), (None, 1.0));
    }

    #[test]
    fn the_worst_decides_and_the_rest_does_not_soften_it() {
        let idle = Word { load: Some(0.0), ..Word::default() };
        let known = Known {
            probe: Some((Verdict::Dead, Some("refused"))),
            suspicion: Some(weak()),
            word: Some(&idle),
            ..Known::default()
        };
        let all = findings(&known, Moment::ZERO);
        assert_eq!(all.iter().map(|it| it.class).collect::<Vec<_>>(), [Class::Down, Class::Failing]);
        assert_eq!((all[0].to_string(), score(all.first())), ("health check: refused".to_owned(), 0.0));
    }

    #[test]
    fn busy_is_not_sick() {
        let usage = Usage { cpu: 1.3, throttled: 0.9, ..Usage::default() };
        let replica = Replica { usage: Some(usage), ..replica(1, Condition::Healthy) };
        let found = worst(&Known { replica: Some(&replica), ..Known::default() }).unwrap();
        assert_eq!(found.class, Class::Saturated);
        assert!(score(Some(&found)) >= 0.7);
    }

    #[test]
    fn scores_of_worse_classes_are_lower_whatever_the_severity() {
        let of = |class, severity| {
            score(Some(&Finding {
                class,
                severity,
                source: Source::Probe,
                says: String::new(),
                since: Moment::ZERO,
            }))
        };
        let classes = [Class::Down, Class::Failing, Class::Slow, Class::Saturated, Class::Well];
        for pair in classes.windows(2) {
            assert!(of(pair[0], 0.0) < of(pair[1], 1.0), "{pair:?}");
        }
    }

    #[test]
    fn a_container_that_the_kernel_ended_says_so() {
        let exit = crate::executor::Exit { code: 137, out_of_memory: true };
        let replica = Replica { exit: Some(exit), ..replica(1, Condition::Failed) };
        let found = worst(&Known { replica: Some(&replica), ..Known::default() }).unwrap();
        assert_eq!(found.says, "is failed, ended by the kernel for its memory");
    }

    #[test]
    fn memory_that_is_file_cache_does_not_count_without_a_limit() {
        let usage = Usage { memory: u64::MAX, memory_limit: None, ..Usage::default() };
        let replica = Replica { usage: Some(usage), ..replica(1, Condition::Running) };
        assert_eq!(worst(&Known { replica: Some(&replica), ..Known::default() }), None);
    }

    #[test]
    fn a_finding_explains_itself() {
        assert_eq!(
            said(weak()),
            "fails 7.0 % of requests (14 of 200), its peers 1.00 %; small, but it lasts: 1.1 times the evidence that is needed"
        );
        let apart = Apart { times: 4.0, median: 0.025 };
        let found = worst(&Known { latency: Some(apart), ..Known::default() }).unwrap();
        assert_eq!(found.says, "takes 4.0 times as long as its peers (25 ms)");
        assert!((wanted_share(Some(&found)) - 0.25).abs() < 1e-9);
    }

    #[test]
    fn a_short_silence_is_an_accident() {
        let silent = |seconds| worst(&Known { silent_for: Moment::from_secs(seconds), ..Known::default() });
        assert_eq!(silent(1), None);
        assert_eq!(silent(5).unwrap().class, Class::Down);
    }
}
