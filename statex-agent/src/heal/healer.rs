//! Decides what is done to whom, from charts, checks and what was tried before: pure.

use super::backoff::FORGOTTEN;
use super::breaker::Breaker;
use super::case::{Case, Phase};
use super::guard::{Check, Pool, Scene, checks, is_sick};
use super::ladder::{Rung, begin};
use crate::clock::Moment;
use crate::config::Mode;
use crate::executor::{Abilities, Patience, Replica};
use crate::health::chart::Chart;
use crate::health::diagnosis::Class;
use std::collections::BTreeMap;
use std::time::Duration;

/// So long in order before an action counts as helpful.
const STEADY: Duration = Duration::from_secs(10);
/// How long a person has to answer.
const ANSWER: Duration = Duration::from_secs(600);
/// What an executor without abilities can do.
const NONE: Abilities = Abilities { hook: false, restart: false, scale: false, asks: false };

/// A backend, by pool and name.
pub type Who = (String, String);

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Do it, under this fence.
    Act { fence: u64, approved_by: Option<String> },
    /// It would be done, if the mode were `act`.
    Observe,
    /// A person is asked; the answer goes by this id.
    Ask { id: String },
    /// It is not done, for the checks that fail.
    Hold,
    /// A person is called.
    Page,
    /// It is in order again.
    Healed { helped: bool },
    /// What was done did not help.
    NotHelped,
}

/// A decision that explains itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub pool: String,
    pub backend: String,
    pub rung: Rung,
    /// The replica that it is about, where there is one.
    pub replica: Option<String>,
    pub verdict: Verdict,
    /// How the backend is, and why.
    pub diagnosis: Vec<String>,
    pub checks: Vec<Check>,
}

/// What an action came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Nothing was done, since nobody could be asked: it says nothing about the step.
    Unreachable,
    Failed,
}

/// What is remembered between decisions.
#[derive(Clone, Debug, Default)]
pub struct Healer {
    cases: BTreeMap<Who, Case>,
    pub breaker: Breaker,
    asked: u64,
}

impl Healer {
    /// Looks at one pool. `replica` gives the replica that stands behind a backend.
    pub fn step<'r>(
        &mut self,
        scene: &Scene<'_>,
        pool: &Pool<'_>,
        replica: impl Fn(&Chart) -> Option<&'r Replica>,
    ) -> Vec<Decision> {
        let in_pool = |who: &Who| who.0 == pool.name;
        let here = |who: &Who| pool.charts.iter().any(|chart| *chart.backend == *who.1);
        self.cases.retain(|who, _| !in_pool(who) || here(who));
        let mut decisions = Vec::new();
        for chart in pool.charts {
            let who = (pool.name.to_owned(), chart.backend.to_string());
            let under_way = self.under_way(&who);
            let pool = Pool { in_progress: pool.in_progress.max(under_way), ..pool.clone() };
            decisions.extend(self.look(scene, &pool, chart, replica(chart), who));
        }
        decisions
    }

    /// Takes in what became of an action.
    pub fn done(
        &mut self,
        who: &Who,
        outcome: &Outcome,
        now: Moment,
        abilities: Option<Abilities>,
        patience: Patience,
    ) {
        let Some(case) = self.cases.get_mut(who).filter(|case| case.phase == Phase::Acting) else { return };
        let can = abilities.unwrap_or(NONE);
        match outcome {
            Outcome::Done => {
                let until = now + case.rung.helps_within(patience);
                case.phase = Phase::Checking { until };
            }
            Outcome::Unreachable => {
                case.tries = case.tries.saturating_sub(1);
                let wait = case.backoffs.get(&case.rung).map_or(STEADY, |backoff| backoff.left(now));
                case.phase = Phase::Watching { until: now + wait };
            }
            Outcome::Failed => {
                self.breaker.note(false, now);
                case.climb(case.rung.next(can, true), now);
            }
        }
    }

    /// A person's answer. Says whether it was awaited.
    pub fn answer(&mut self, id: &str, yes: bool, by: &str, now: Moment) -> Option<Who> {
        let asked = |case: &Case| matches!(&case.phase, Phase::Asked { id: awaited, .. } if awaited == id);
        let (who, case) = self.cases.iter_mut().find(|(_, case)| asked(case))?;
        case.phase = match yes {
            true => Phase::Approved { by: by.to_owned() },
            // A no holds for a while.
            false => Phase::Watching { until: now + ANSWER },
        };
        Some(who.clone())
    }

    /// What is asked of people now: id, backend, step, and until when.
    pub fn asked(&self) -> Vec<(String, Who, Rung, Moment)> {
        let asked = |(who, case): (&Who, &Case)| match &case.phase {
            Phase::Asked { id, until } => Some((id.clone(), who.clone(), case.rung, *until)),
            _ => None,
        };
        self.cases.iter().filter_map(asked).collect()
    }

    /// Lets the automation go on where a person was called or the breaker has opened.
    pub fn resume(&mut self, now: Moment) {
        self.breaker.close();
        for case in self.cases.values_mut().filter(|case| case.phase == Phase::Paged) {
            case.relapse(Rung::Eject, now, now);
        }
    }

    pub fn cases(&self) -> impl Iterator<Item = (&Who, &Case)> {
        self.cases.iter()
    }

    /// The case of a backend, for whoever explains it.
    pub fn case(&self, who: &Who) -> Option<&Case> {
        self.cases.get(who)
    }

    /// Other backends of the pool that are drained or worked on by us.
    fn under_way(&self, who: &Who) -> u32 {
        let other = |(name, backend): &Who| *name == who.0 && *backend != who.1;
        let busy = |case: &Case| case.drained || matches!(case.phase, Phase::Acting | Phase::Checking { .. });
        self.cases.iter().filter(|(who, case)| other(who) && busy(case)).count() as u32
    }

    fn look(
        &mut self,
        scene: &Scene<'_>,
        pool: &Pool<'_>,
        chart: &Chart,
        replica: Option<&Replica>,
        who: Who,
    ) -> Option<Decision> {
        let now = scene.now;
        let can = pool.abilities.unwrap_or(NONE);
        let sick = chart.may_heal(now) || is_sick(chart) && chart.class != Class::Well;
        if !sick {
            return self.well(chart, now, who);
        }
        let down = chart.class == Class::Down;
        let runs = replica.is_none_or(|replica| replica.condition.runs());
        let start = || {
            let (rung, wait) = begin(chart.class, runs, can, pool.patience);
            (rung, now + wait)
        };
        let case = self.cases.entry(who.clone()).or_insert_with(|| {
            let (rung, until) = start();
            Case::new(rung, until, now)
        });
        if case.well_since.take().is_some() && !case.done {
            let (rung, until) = start();
            case.relapse(rung, until, now);
        }
        match case.phase.clone() {
            Phase::Acting | Phase::Paged => None,
            Phase::Watching { until } | Phase::Checking { until } | Phase::Asked { until, .. }
                if now < until =>
            {
                None
            }
            Phase::Checking { .. } => {
                (case.done, case.said) = (false, None);
                let rung = case.rung;
                case.climb(rung.next(can, down), now);
                self.breaker.note(false, now);
                Some(decision(chart, rung, replica, Verdict::NotHelped, Vec::new()))
            }
            Phase::Asked { .. } => {
                case.phase = Phase::Watching { until: now + ANSWER };
                None
            }
            Phase::Watching { .. } => {
                if case.rung.comes_by_itself() {
                    // It has had its time.
                    case.climb(case.rung.next(can, down), now);
                    if case.rung.comes_by_itself() {
                        case.phase = Phase::Watching { until: now + case.rung.helps_within(pool.patience) };
                        return None;
                    }
                }
                self.propose(scene, pool, chart, replica, &who, None)
            }
            Phase::Approved { by } => self.propose(scene, pool, chart, replica, &who, Some(by)),
        }
    }

    /// The backend is in order.
    fn well(&mut self, chart: &Chart, now: Moment, who: Who) -> Option<Decision> {
        let case = self.cases.get_mut(&who)?;
        if case.phase == Phase::Acting {
            return None;
        }
        let since = *case.well_since.get_or_insert(now);
        if now.saturating_sub(since) >= FORGOTTEN {
            self.cases.remove(&who);
            return None;
        }
        let judged = std::mem::take(&mut case.done) && now.saturating_sub(since) >= STEADY;
        if !judged {
            // Not yet: it stays to be judged.
            case.done |= now.saturating_sub(since) < STEADY && matches!(case.phase, Phase::Checking { .. });
            return None;
        }
        let rung = case.rung;
        (case.phase, case.drained) = (Phase::Watching { until: now }, false);
        self.breaker.note(true, now);
        Some(decision(chart, rung, None, Verdict::Healed { helped: true }, Vec::new()))
    }

    fn propose(
        &mut self,
        scene: &Scene<'_>,
        pool: &Pool<'_>,
        chart: &Chart,
        replica: Option<&Replica>,
        who: &Who,
        approved_by: Option<String>,
    ) -> Option<Decision> {
        let case = self.cases.get_mut(who)?;
        let rung = case.rung;
        if rung == Rung::Page {
            case.phase = Phase::Paged;
            return Some(decision(chart, rung, replica, Verdict::Page, Vec::new()));
        }
        let checks = checks(scene, pool, chart, replica, rung);
        let verdict = match (checks.iter().all(|check| check.passed), pool.policy.mode, scene.fence) {
            (true, Mode::Observe, _) => Verdict::Observe,
            (true, Mode::Approve, _) if approved_by.is_none() && rung.touches() => {
                self.asked += 1;
                Verdict::Ask { id: format!("{}-{}", rung.word(), self.asked) }
            }
            (true, _, Some(fence)) => Verdict::Act { fence, approved_by },
            _ => Verdict::Hold,
        };
        match &verdict {
            Verdict::Act { .. } => case.act(scene.now),
            Verdict::Ask { id } => case.phase = Phase::Asked { id: id.clone(), until: scene.now + ANSWER },
            // Looked at again in the next round; said again only when it is another reason.
            _ => case.phase = Phase::Watching { until: scene.now },
        }
        let said = format!("{rung:?} {} {:?}", verdict_word(&verdict), failing(&checks));
        let again = case.said.replace(said.clone()) == Some(said);
        (!again).then(|| decision(chart, rung, replica, verdict, checks))
    }
}

/// The names of the checks that fail: what they say changes with every round.
fn failing(checks: &[Check]) -> Vec<&'static str> {
    checks.iter().filter(|check| !check.passed).map(|check| check.name).collect()
}

/// A decision in one word.
pub fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Act { .. } => "act",
        Verdict::Observe => "would act",
        Verdict::Ask { .. } => "ask",
        Verdict::Hold => "hold",
        Verdict::Page => "page",
        Verdict::Healed { .. } => "healed",
        Verdict::NotHelped => "not helped",
    }
}

fn decision(
    chart: &Chart,
    rung: Rung,
    replica: Option<&Replica>,
    verdict: Verdict,
    checks: Vec<Check>,
) -> Decision {
    let mut diagnosis = vec![format!("{}, score {:.2}", chart.class.word(), chart.score)];
    diagnosis.extend(chart.findings.iter().map(ToString::to_string));
    Decision {
        pool: chart.pool.to_string(),
        backend: chart.backend.to_string(),
        rung,
        replica: replica.map(|replica| replica.id.clone()),
        verdict,
        diagnosis,
        checks,
    }
}

#[cfg(test)]
mod tests;
