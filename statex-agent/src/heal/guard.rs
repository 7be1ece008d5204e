//! What must hold before anything is done to a replica: every check, with its reason in words. Pure.

use super::budget::{self, Fleet};
use super::ladder::Rung;
use super::stateful::holds_data;
use crate::clock::Moment;
use crate::config::Heal;
use crate::executor::{Abilities, Patience, Replica};
use crate::health::chart::{Chart, span};
use crate::health::diagnosis::Class;
use crate::health::ejection::Admission;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// All that counts for a decision, beside the backend itself.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    pub now: Moment,
    pub calendar: Timestamp,
    /// Why all automation is off, where it is.
    pub killed: Option<&'a str>,
    /// The fence under which this node may act; `None`: another one does.
    pub fence: Option<u64>,
    /// Why the breaker is open, where it is.
    pub breaker: Option<&'a str>,
    /// Pools of which too much is sick just now, this one left out.
    pub other_pools_sick: Vec<&'a str>,
}

/// A pool at the moment of a decision.
#[derive(Clone, Debug)]
pub struct Pool<'a> {
    pub name: &'a str,
    pub policy: &'a Heal,
    /// Of its executor.
    pub patience: Patience,
    pub charts: &'a [Chart],
    /// Of its executor; `None`: there is none.
    pub abilities: Option<Abilities>,
    /// Why its executor cannot be asked, where it cannot.
    pub unreachable: Option<&'a str>,
    /// Replicas that are being worked on.
    pub in_progress: u32,
    /// Backends that somebody else than the healer has drained.
    pub maintained: &'a BTreeSet<String>,
    /// When its configuration changed last.
    pub changed: Option<Moment>,
    pub outlook: Option<Outlook>,
}

/// What the forecast says about the time that an action takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Requests per second that are not exceeded with a probability of nine in ten.
    pub demand: f64,
    /// Requests per second that one replica serves.
    pub each: f64,
    pub horizon: Duration,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub passed: bool,
    pub says: String,
}

/// Failures that begin within so short a time of one another have one cause.
const TOGETHER: Duration = Duration::from_secs(30);
/// Part of a pool from which on they do.
const CORRELATED: f64 = 0.1;

/// All checks of a step at a backend, whose replica is given where there is one.
pub fn checks(
    scene: &Scene<'_>,
    pool: &Pool<'_>,
    chart: &Chart,
    replica: Option<&Replica>,
    rung: Rung,
) -> Vec<Check> {
    let mut checks = vec![
        switch(scene),
        lease(scene),
        breaker(scene),
        known(pool, chart),
        cause(pool, chart),
        elsewhere(scene),
        grace(scene, pool, replica),
        maintenance(pool, chart),
    ];
    if rung.touches() {
        checks.push(able(pool, replica, rung));
        checks.push(data(pool, chart, replica, rung));
    }
    if rung != Rung::Page {
        checks.push(within_budget(scene, pool, chart));
        checks.push(capacity(pool, chart));
    }
    checks
}

fn check(name: &'static str, passed: bool, says: impl Into<String>) -> Check {
    Check { name, passed, says: says.into() }
}

fn switch(scene: &Scene<'_>) -> Check {
    match scene.killed {
        Some(why) => check("switch", false, format!("all automation is off: {why}")),
        None => check("switch", true, "automation is on"),
    }
}

fn lease(scene: &Scene<'_>) -> Check {
    match scene.fence {
        Some(fence) => check("lease", true, format!("this node heals, under fence {fence}")),
        None => check("lease", false, "another node heals"),
    }
}

fn breaker(scene: &Scene<'_>) -> Check {
    match scene.breaker {
        Some(why) => {
            check("breaker", false, format!("the breaker is open: {why}; `statex heal resume` closes it"))
        }
        None => check("breaker", true, "recent actions helped"),
    }
}

fn known(pool: &Pool<'_>, chart: &Chart) -> Check {
    if let Some(why) = pool.unreachable {
        return check("known", false, format!("frozen, since the replicas are not known: {why}"));
    }
    let missing: Vec<_> = chart
        .missing
        .iter()
        .map(|(source, silent)| format!("{} for {}", source.word(), span(*silent)))
        .collect();
    match missing.is_empty() {
        true => check("known", true, "all that should be known is known"),
        false => check("known", false, format!("frozen, since this was not heard: {}", missing.join(", "))),
    }
}

/// One that fails is sick; many that fail, or several at once for the same reason, have a cause elsewhere.
fn cause(pool: &Pool<'_>, chart: &Chart) -> Check {
    let sick = |it: &&Chart| is_sick(it);
    let (all, ill) = (pool.charts.len(), pool.charts.iter().filter(sick).count());
    let percent = pool.policy.max_unhealthy;
    let most = (usize::from(percent) * all).div_ceil(100).max(1);
    if ill > most {
        let says = format!("{ill} of {all} are sick, more than {percent} %: a dependency is suspected");
        return check("cause", false, says);
    }
    let reason = |it: &Chart| it.worst().map(|worst| (worst.class, worst.source));
    let apart = |a: Moment, b: Moment| a.abs_diff(b);
    let together = pool
        .charts
        .iter()
        .filter(sick)
        .filter(|it| reason(it) == reason(chart) && apart(it.since, chart.since) <= TOGETHER);
    let together = together.count();
    if together >= 2 && together as f64 > CORRELATED * all as f64 {
        let says = format!(
            "{together} of {all} fell sick within {} s for the same reason: a dependency is suspected",
            TOGETHER.as_secs()
        );
        return check("cause", false, says);
    }
    check("cause", true, format!("{ill} of {all} are sick, no more than {most}, and no others with it"))
}

/// Whether a backend counts as unhealthy: what is busy or slow does not.
pub fn is_sick(chart: &Chart) -> bool {
    chart.class >= Class::Failing || matches!(chart.admission, Admission::Out { .. })
}

fn elsewhere(scene: &Scene<'_>) -> Check {
    match scene.other_pools_sick.as_slice() {
        [] => check("elsewhere", true, "no other pool is sick"),
        pools => check(
            "elsewhere",
            false,
            format!("other pools are sick, too ({}): a dependency is suspected", pools.join(", ")),
        ),
    }
}

/// What has just begun is not judged yet. What has ended is not waited for.
fn grace(scene: &Scene<'_>, pool: &Pool<'_>, replica: Option<&Replica>) -> Check {
    let grace = pool.policy.grace;
    let changed = pool.changed.map(|changed| scene.now.saturating_sub(changed));
    if let Some(ago) = changed.filter(|ago| *ago < grace) {
        let says = format!("the pool was changed {} ago; nothing is done for {}", span(ago), span(grace));
        return check("grace", false, says);
    }
    let running = replica.filter(|replica| replica.condition.runs());
    let started =
        running.and_then(|replica| replica.started).map(|started| scene.calendar.duration_since(started));
    match started.and_then(|age| Duration::try_from(age).ok()).filter(|age| *age < grace) {
        Some(age) => check(
            "grace",
            false,
            format!("it was started {} ago; it is left alone for {}", span(age), span(grace)),
        ),
        None => check("grace", true, "nothing was started or changed just now"),
    }
}

/// What somebody works on is left to him.
fn maintenance(pool: &Pool<'_>, chart: &Chart) -> Check {
    match pool.maintained.contains(&*chart.backend) {
        true => check("maintenance", false, "somebody has drained it: it is left to him"),
        false => check("maintenance", true, "nobody else works on it"),
    }
}

fn able(pool: &Pool<'_>, replica: Option<&Replica>, rung: Rung) -> Check {
    match (pool.abilities, replica) {
        (None, _) => check("able", false, "the pool has no executor"),
        (Some(_), None) => check("able", false, "its replica is not among those that the executor knows"),
        (Some(_), Some(replica)) => {
            check("able", true, format!("{} of {} is possible", rung.word(), replica.name))
        }
    }
}

fn data(pool: &Pool<'_>, chart: &Chart, replica: Option<&Replica>, rung: Rung) -> Check {
    let by_name = pool.policy.allowed.iter().any(|name| **name == *chart.backend);
    let program = replica.and_then(|replica| replica.program.as_deref()).unwrap_or_default();
    let holds = match pool.policy.stateful {
        Some(true) => Some("the configuration says so"),
        Some(false) => None,
        None => holds_data(program),
    };
    match holds {
        Some(why) if !by_name => {
            let says = format!("it holds data ({why}): no {} unless heal.allowed names it", rung.word());
            check("data", false, says)
        }
        Some(_) => check("data", true, "it holds data, and heal.allowed names it"),
        None => check("data", true, "it holds no data that is known of"),
    }
}

/// Whether it takes requests just now.
fn serves(chart: &Chart) -> bool {
    chart.class < Class::Down && chart.admission == Admission::In && chart.shut.is_none()
}

fn within_budget(scene: &Scene<'_>, pool: &Pool<'_>, chart: &Chart) -> Check {
    let out = pool.charts.iter().filter(|it| it.backend != chart.backend && !serves(it)).count();
    let fleet = Fleet {
        total: pool.charts.len() as u32,
        in_progress: pool.in_progress,
        out: out as u32,
        serves: serves(chart),
    };
    let allowed = budget::allowed(&pool.policy.budgets, fleet, scene.calendar);
    check("budget", allowed.more > 0, allowed.arithmetic)
}

/// Whether the others can carry what is expected.
fn capacity(pool: &Pool<'_>, chart: &Chart) -> Check {
    if !serves(chart) {
        return check("capacity", true, "it serves nothing now, so no capacity is taken away");
    }
    let others = pool.charts.iter().filter(|it| it.backend != chart.backend && serves(it)).count();
    let left = others.saturating_sub(pool.in_progress as usize);
    let Some(Outlook { demand, each, horizon }) = pool.outlook else {
        let says = format!("no forecast; {left} others serve");
        return check("capacity", left > 0, says);
    };
    let capacity = left as f64 * each;
    let compare = format!(
        "{left} others of {each:.0} requests/s carry {capacity:.0}, expected are at most {demand:.0} within {} (nine in ten)",
        span(horizon)
    );
    check("capacity", left > 0 && capacity >= demand, compare)
}

#[cfg(test)]
mod tests;
