//! One pool under watch: facts come in, charts go out; pure.
//!
//! ```text
//! hear: probe, outcomes, flows, word, replica ─┐
//!                                              ├─ tick ─ findings ─ class, score ─ ejection ─ share ─ charts
//!                         what should be heard ┘
//! ```

use super::chart::Chart;
use super::diagnosis::{self, Class, Finding, Known, Source};
use super::ejection::{Admission, Change, Ejections, Round, Rules};
use super::facts::{Flows, Outcomes, Wish, Word};
use super::latency::Latencies;
use super::outlier::slow::{Apart, stand_out};
use super::outlier::{Outliers, WINDOW};
use super::verdict::Verdict;
use crate::clock::Moment;
use crate::executor::Replica;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Something that is learnt of a backend.
#[derive(Clone, Debug)]
pub enum Fact {
    /// What is believed by active probes, and what was wrong last.
    Probe {
        verdict: Verdict,
        trouble: Option<String>,
    },
    Outcomes(Box<Outcomes>),
    Flows(Flows),
    Word(Word),
    Replica(Box<Replica>),
}

/// What a pool's health is judged by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    pub rules: Rules,
    /// Sources that must be heard, each at least so often: a source that is silent for longer is missing.
    pub expected: Vec<(Source, Duration)>,
    /// Whether slow backends get less to do.
    pub latency: bool,
}

/// Most that a share moves in a second, down and up: small steps, so that the others can take over.
const DOWN: f64 = 0.1;
const UP: f64 = 0.05;
/// Requests in a sweep below which a median says nothing.
const ENOUGH: u64 = 30;
/// Sweeps in a row in which a backend must be slow.
const SWEEPS: u32 = 2;
/// A difference of latencies that matters, in seconds; of requests in flight.
const LATENCY: f64 = 0.010;
const IN_FLIGHT: f64 = 5.0;

/// A pool and what is known of its backends.
#[derive(Clone, Debug)]
pub struct Ward {
    pool: Arc<str>,
    terms: Terms,
    beds: BTreeMap<Arc<str>, Bed>,
    outliers: Outliers,
    ejections: Ejections,
    /// When real requests were told of last.
    proxied: Option<Moment>,
    last: Option<Moment>,
    sweep: Moment,
}

#[derive(Clone, Debug, Default)]
struct Bed {
    heard: BTreeMap<Source, Moment>,
    probe: Option<(Verdict, Option<String>)>,
    outcomes: Outcomes,
    /// Of the sweep that goes on.
    latency: Latencies,
    in_flight: Option<u32>,
    silent_since: Option<Moment>,
    word: Option<Word>,
    replica: Option<Replica>,
    /// Sweeps in a row in which it stood out, and how.
    slow: u32,
    apart: (Option<Apart>, Option<Apart>),
    findings: Vec<Finding>,
    class: Class,
    since: Moment,
    share: f64,
    was_shut: bool,
}

impl Ward {
    pub fn new(pool: Arc<str>, terms: Terms, now: Moment) -> Self {
        Self {
            pool,
            terms,
            beds: BTreeMap::new(),
            outliers: Outliers::default(),
            ejections: Ejections::default(),
            proxied: None,
            last: None,
            sweep: now,
        }
    }

    /// Takes other terms and backends over; what is known of those that stay is kept.
    pub fn admit(&mut self, terms: Terms, backends: &BTreeSet<Arc<str>>, now: Moment) {
        self.terms = terms;
        self.beds.retain(|name, _| backends.contains(name));
        for name in backends {
            self.beds.entry(name.clone()).or_insert_with(|| Bed {
                heard: self.terms.expected.iter().map(|(source, _)| (*source, now)).collect(),
                since: now,
                share: 1.0,
                ..Bed::default()
            });
        }
        self.ejections.admit(backends, now);
    }

    /// Takes a fact in. One about a backend that is not here is let go.
    pub fn hear(&mut self, backend: &str, fact: Fact, now: Moment) {
        let Some(bed) = self.beds.get_mut(backend) else { return };
        let source = match fact {
            Fact::Probe { verdict, trouble } => {
                bed.probe = Some((verdict, trouble));
                Source::Probe
            }
            Fact::Outcomes(outcomes) => {
                bed.latency.merge(&outcomes.latency);
                bed.in_flight = Some(outcomes.in_flight);
                bed.outcomes.merge(&outcomes);
                self.proxied = Some(now);
                Source::Requests
            }
            Fact::Flows(flows) => {
                if flows.silent() {
                    bed.silent_since.get_or_insert(now);
                } else if flows.returned.is_none_or(|returned| returned > 0) {
                    bed.silent_since = None;
                }
                Source::Flows
            }
            Fact::Word(word) => {
                bed.in_flight = word.in_flight.or(bed.in_flight);
                if let Some(latency) = word.latency {
                    // A median told is worth as much as enough requests.
                    (0..ENOUGH).for_each(|_| bed.latency.add(latency));
                }
                bed.word = Some(word);
                Source::Backend
            }
            Fact::Replica(replica) => {
                bed.replica = Some(*replica);
                Source::Runtime
            }
        };
        bed.heard.insert(source, now);
    }

    /// Judges all backends by what was heard since the last tick.
    pub fn tick(&mut self, now: Moment) -> (Vec<Chart>, Vec<Change>) {
        let seconds = self.last.map_or(0.0, |last| now.saturating_sub(last).as_secs_f64());
        self.last = Some(now);
        let told: BTreeMap<Arc<str>, Outcomes> = self
            .beds
            .iter_mut()
            .map(|(name, bed)| (name.clone(), std::mem::take(&mut bed.outcomes)))
            .collect();
        let suspicions = self.outliers.look(&told, now);
        if self.terms.latency && now.saturating_sub(self.sweep) >= WINDOW {
            self.sweep = now;
            self.compare_speed();
        }
        for (name, bed) in &mut self.beds {
            let known = Known {
                probe: bed.probe.as_ref().map(|(verdict, trouble)| (*verdict, trouble.as_deref())),
                suspicion: suspicions.get(name).copied(),
                latency: bed.apart.0,
                in_flight: bed.apart.1,
                silent_for: bed.silent_since.map_or(Moment::ZERO, |since| now.saturating_sub(since)),
                word: bed.word.as_ref(),
                replica: bed.replica.as_ref(),
            };
            let silent: BTreeSet<Source> =
                missing(&self.terms, bed, now).into_iter().map(|(source, _)| source).collect();
            bed.judge(diagnosis::findings(&known, now), &silent, self.ejections.admission(name), now);
        }
        let round = self.round(&told, now);
        let changes = match self.terms.rules.enforce {
            true => self.ejections.step(&round, &self.terms.rules, now),
            false => round.sick.iter().map(|name| Change::Spared { backend: name.clone() }).collect(),
        };
        for change in &changes {
            if let Change::Ejected { backend, .. } | Change::Back { backend } = change {
                self.outliers.clear(backend);
            }
        }
        self.shut_and_share(seconds, now);
        (self.charts(now), changes)
    }

    /// Whether a backend takes new flows, as far as its health goes.
    pub fn admission(&self, backend: &str) -> Admission {
        self.ejections.admission(backend)
    }

    /// Part of the backends that are out of order, from 0 to 1: of those that fail or are down.
    pub fn sick_part(&self) -> f64 {
        let sick = self.beds.iter().filter(|(name, bed)| {
            bed.class >= Class::Failing || self.ejections.admission(name) != Admission::In
        });
        sick.count() as f64 / self.beds.len().max(1) as f64
    }

    /// Whether so many look sick at once that nobody is taken out.
    pub fn is_open(&self) -> bool {
        self.ejections.is_open()
    }

    fn compare_speed(&mut self) {
        let medians: Vec<(Arc<str>, f64)> = self
            .beds
            .iter()
            .filter(|(_, bed)| bed.latency.count() >= ENOUGH)
            .filter_map(|(name, bed)| Some((name.clone(), bed.latency.quantile(0.5)?.as_secs_f64())))
            .collect();
        let flying: Vec<(Arc<str>, f64)> = self
            .beds
            .iter()
            .filter_map(|(name, bed)| Some((name.clone(), f64::from(bed.in_flight?))))
            .collect();
        let apart = |values: Vec<(Arc<str>, f64)>, least| {
            let numbers: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
            let apart = stand_out(&numbers, least).into_iter();
            values.into_iter().map(|(name, _)| name).zip(apart).collect::<BTreeMap<_, _>>()
        };
        let (latency, in_flight) = (apart(medians, LATENCY), apart(flying, IN_FLIGHT));
        for (name, bed) in &mut self.beds {
            let found = (latency.get(name).copied().flatten(), in_flight.get(name).copied().flatten());
            bed.slow = if found == (None, None) { 0 } else { bed.slow + 1 };
            bed.apart = if bed.slow >= SWEEPS { found } else { (None, None) };
            bed.latency = Latencies::default();
        }
    }

    fn round(&self, told: &BTreeMap<Arc<str>, Outcomes>, now: Moment) -> Round {
        // Only what real traffic shows takes out for a time; what probes, runtime or itself say ends by their word.
        let sick = self.beds.iter().filter(|(_, bed)| {
            bed.findings.iter().any(|it| it.class == Class::Failing || it.source == Source::Flows)
        });
        let tried = told.iter().filter(|(name, it)| {
            it.requests > 0 && matches!(self.ejections.admission(name), Admission::Probation { .. })
        });
        Round {
            sick: sick.map(|(name, _)| name.clone()).collect(),
            tried: tried.map(|(name, it)| (name.clone(), (it.requests, it.failures))).collect(),
            proxied: self.proxied.is_some_and(|last| now.saturating_sub(last) < WINDOW),
        }
    }

    fn shut_and_share(&mut self, seconds: f64, now: Moment) {
        for (name, bed) in &mut self.beds {
            let shut = bed.shut().is_some();
            if bed.was_shut && !shut {
                self.ejections.came_back(name, now);
            }
            bed.was_shut = shut;
            let wanted = bed.wanted();
            bed.share += (wanted - bed.share).clamp(-DOWN * seconds, UP * seconds);
        }
    }

    fn charts(&self, now: Moment) -> Vec<Chart> {
        let chart = |(name, bed): (&Arc<str>, &Bed)| {
            let window = self.outliers.window(name);
            let ramp = self.ejections.ramp(name, &self.terms.rules, now);
            Chart {
                pool: self.pool.clone(),
                backend: name.clone(),
                class: bed.class,
                since: bed.since,
                score: diagnosis::score(bed.findings.first()),
                findings: bed.findings.clone(),
                missing: missing(&self.terms, bed, now),
                admission: self.ejections.admission(name),
                shut: bed.shut(),
                share: bed.share * ramp,
                wanted: bed.wanted(),
                requests: (window.requests, window.failures),
                in_flight: bed.in_flight,
                evidence: self.outliers.evidence(name),
            }
        };
        self.beds.iter().map(chart).collect()
    }
}

/// Sources that should have been heard, and how long they have been silent.
fn missing(terms: &Terms, bed: &Bed, now: Moment) -> Vec<(Source, Moment)> {
    let silent = |source: &Source| bed.heard.get(source).map_or(now, |last| now.saturating_sub(*last));
    let expected = terms.expected.iter().map(|(source, patience)| (*source, silent(source), *patience));
    expected
        .filter(|(_, silent, patience)| silent > patience)
        .map(|(source, silent, _)| (source, silent))
        .collect()
}

impl Bed {
    /// Takes findings over; those that were there before keep their beginning. What a silent source said last stays
    /// true, and while it is out, so do its last failures: no requests are no recovery.
    fn judge(
        &mut self,
        mut findings: Vec<Finding>,
        silent: &BTreeSet<Source>,
        admission: Admission,
        now: Moment,
    ) {
        let is_out = admission != Admission::In;
        let stays = |it: &&Finding| {
            let of_traffic = it.class == Class::Failing || it.source == Source::Flows;
            silent.contains(&it.source) || is_out && of_traffic
        };
        for old in self.findings.iter().filter(stays) {
            if !findings.iter().any(|it| (it.class, it.source) == (old.class, old.source)) {
                findings.push(old.clone());
            }
        }
        findings.sort_by(|a, b| (b.class, a.source).cmp(&(a.class, b.source)));
        for finding in &mut findings {
            let before =
                self.findings.iter().find(|it| (it.class, it.source) == (finding.class, finding.source));
            finding.since = before.map_or(finding.since, |before| before.since);
        }
        let class = findings.first().map_or(Class::Well, |worst| worst.class);
        if class != self.class {
            (self.class, self.since) = (class, now);
        }
        self.findings = findings;
    }

    /// Why new flows are kept away by its own wish or its runtime.
    fn shut(&self) -> Option<String> {
        let word = self.word.as_ref();
        let reason =
            word.and_then(|word| word.reason.as_deref()).map(|it| format!(" ({it})")).unwrap_or_default();
        match word.and_then(|word| word.wish) {
            Some(Wish::Down) => return Some(format!("it says that it is down{reason}")),
            Some(Wish::Drain) => return Some(format!("it asks to be drained{reason}")),
            Some(Wish::Maintain) => return Some(format!("it is being worked on{reason}")),
            Some(Wish::Ready | Wish::Up) | None => {}
        }
        let of_runtime =
            self.findings.iter().find(|it| it.class == Class::Down && it.source == Source::Runtime);
        of_runtime.map(|finding| finding.says.clone())
    }

    fn wanted(&self) -> f64 {
        let asked = self.word.as_ref().and_then(|word| word.weight).unwrap_or(1.0);
        (diagnosis::wanted_share(self.findings.first()) * asked).clamp(0.0, 1.0)
    }
}
