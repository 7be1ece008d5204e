//! How many replicas a pool should have: pure, from facts, the time and a little memory.
//!
//! ```text
//! load ────── reactive ─┐
//! forecast ── floor ────┼─ the most ─ limits ─ calm (no hurry down) ─> Decision
//! schedule ── floor ────┘
//! ```
//!
//! | file | decides |
//! |---|---|
//! | `need.rs` | replicas for a load: target tracking with tolerance, as the Kubernetes HPA does it |
//! | `calm.rs` | when fewer are enough: the most of what was wanted lately |
//! | `capacity.rs` | what one replica can do, measured |
//! | `lead.rs` | how long a replica takes to serve, measured |
//! | `schedule.rs` | which hours are business hours, by zone |
//! | `cost.rs` | what replicas cost, and what they would have cost otherwise |
//!
//! A forecast only ever raises the floor; fewer replicas come only of load that is really lower.

mod calm;
pub mod capacity;
pub mod cost;
pub mod lead;
mod need;
pub mod schedule;

use std::{fmt, time::Duration};

use crate::clock::Moment;

pub use need::replicas;

/// What a pool's size goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The fewest and the most replicas.
    pub least: u32,
    pub most: u32,
    /// The share of a replica's capacity that is used on purpose, above 0 and up to 1.
    pub target: f64,
    /// Deviations of the load from the target that change nothing, as a share of it.
    pub tolerance: f64,
    /// Which quantile of the forecast must fit.
    pub quantile: f64,
    /// How long fewer replicas must be enough before there are fewer.
    pub calm: Duration,
    /// Load per second above which no replica is taken away. Infinite: no such bound.
    pub hold_above: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            least: 1,
            most: 1,
            target: 0.7,
            tolerance: 0.1,
            quantile: 0.95,
            calm: Duration::from_secs(30 * 60),
            hold_above: f64::INFINITY,
        }
    }
}

/// What is known at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    pub now: Moment,
    /// Load per second that came just now, whether it was served or not. `None`: it is not known.
    pub load: Option<f64>,
    /// Replicas that there are, those that start included.
    pub replicas: u32,
    /// Load per second that one replica can serve. `None`: it is not known.
    pub capacity: Option<f64>,
    /// The quantile of the load per second to expect until a replica that is started now serves.
    pub forecast: Option<f64>,
    /// The fewest replicas that the schedule asks for until then.
    pub scheduled: u32,
}

/// How many replicas there should be, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub replicas: u32,
    pub why: Why,
}

/// What a decision follows from.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// The load asks for so many.
    Load { load: f64, capacity: f64 },
    /// The forecast asks for so many.
    Forecast { load: f64, capacity: f64 },
    /// The schedule asks for so many.
    Schedule,
    /// The load is near enough to the target.
    Tolerance { load: f64 },
    /// Fewer would do, but not for long enough yet.
    Calm { enough: u32 },
    /// Fewer would do, but the load is above the bound under which replicas go.
    Held { load: f64, bound: f64 },
    /// The fewest or the most that is allowed.
    Limit { wanted: u32 },
    /// What is needed is not known, so nothing is changed.
    Unknown { what: &'static str },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load { load, capacity } => {
                write!(f, "the load is {load:.0}/s at {capacity:.0}/s a replica")
            }
            Self::Forecast { load, capacity } => {
                write!(
                    f,
                    "up to {load:.0}/s are expected before a new replica serves, at {capacity:.0}/s a replica"
                )
            }
            Self::Schedule => f.write_str("the schedule asks for it"),
            Self::Tolerance { load } => write!(f, "the load of {load:.0}/s is near enough to the target"),
            Self::Calm { enough } => write!(f, "{enough} would do, but not for long enough yet"),
            Self::Held { load, bound } => {
                write!(f, "no replica goes while the load of {load:.0}/s is above {bound:.0}/s")
            }
            Self::Limit { wanted } => write!(f, "{wanted} would be wanted, which the limits do not allow"),
            Self::Unknown { what } => write!(f, "{what} is not known, so nothing is changed"),
        }
    }
}

/// What a pool's deciding remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    calm: calm::Calm,
}

/// Decides.
pub fn decide(memory: &mut Memory, rules: &Rules, facts: &Facts) -> Decision {
    let current = facts.replicas;
    let (wanted, why) = wanted(rules, facts);
    let limited = wanted.clamp(rules.least, rules.most.max(rules.least));
    let why = if limited == wanted { why } else { Why::Limit { wanted } };
    let calm = memory.calm.hear(facts.now, limited, rules.calm);
    if limited >= current {
        return Decision { replicas: limited, why };
    }
    let bound = rules.hold_above;
    if let Some(load) = facts.load.filter(|load| *load > bound) {
        return Decision { replicas: current.min(rules.most), why: Why::Held { load, bound } };
    }
    // More than the most is never calm.
    let replicas = calm.min(current).min(rules.most);
    let why = if replicas > limited { Why::Calm { enough: limited } } else { why };
    Decision { replicas, why }
}

/// What is wanted now, without limits and without calm.
fn wanted(rules: &Rules, facts: &Facts) -> (u32, Why) {
    let current = facts.replicas;
    let scheduled = (facts.scheduled, Why::Schedule);
    let Some(capacity) = facts.capacity.filter(|capacity| *capacity > 0.0) else {
        return more((current, Why::Unknown { what: "what a replica can do" }), scheduled);
    };
    let reactive = match facts.load {
        None => (current, Why::Unknown { what: "the load" }),
        Some(load) => match need::tracked(load, current, capacity, rules) {
            Some(needed) => (needed, Why::Load { load, capacity }),
            None => (current, Why::Tolerance { load }),
        },
    };
    let ahead = facts
        .forecast
        .map(|load| (need::replicas(load, capacity, rules.target), Why::Forecast { load, capacity }));
    let wanted = ahead.into_iter().fold(reactive, more);
    more(wanted, scheduled)
}

/// The higher of two; the first of equals.
fn more(first: (u32, Why), second: (u32, Why)) -> (u32, Why) {
    if second.0 > first.0 { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { least: 1, most: 20, ..Rules::default() }
    }

    fn facts(minute: u64, load: f64, replicas: u32) -> Facts {
        let now = Duration::from_secs(60 * minute);
        Facts { now, load: Some(load), replicas, capacity: Some(100.0), ..Facts::default() }
    }

    fn first(facts: &Facts) -> Decision {
        decide(&mut Memory::default(), &rules(), facts)
    }

    #[test]
    fn load_above_the_target_adds_replicas_at_once() {
        let decision = first(&facts(0, 500.0, 4));
        assert_eq!(decision.replicas, 8);
        assert_eq!(decision.why.to_string(), "the load is 500/s at 100/s a replica");
    }

    #[test]
    fn load_within_tolerance_changes_nothing() {
        assert_eq!(first(&facts(0, 300.0, 4)).replicas, 4);
        assert_eq!(first(&facts(0, 310.0, 4)).replicas, 5);
    }

    #[test]
    fn lower_load_removes_replicas_when_it_has_lasted() {
        let mut memory = Memory::default();
        let mut at = |minute, load, replicas| decide(&mut memory, &rules(), &facts(minute, load, replicas));
        assert_eq!(at(0, 500.0, 8).replicas, 8);
        assert_eq!(at(10, 100.0, 8).why, Why::Calm { enough: 2 });
        assert_eq!(at(29, 100.0, 8).replicas, 8);
        assert_eq!(at(31, 100.0, 8).replicas, 2);
    }

    #[test]
    fn forecast_raises_but_never_lowers() {
        let ahead = |load| first(&Facts { forecast: Some(load), ..facts(0, 280.0, 4) }).replicas;
        assert_eq!((ahead(700.0), ahead(0.0)), (10, 4));
    }

    #[test]
    fn schedule_raises_even_where_load_and_capacity_are_unknown() {
        let blind = Facts { load: None, capacity: None, scheduled: 3, ..facts(0, 0.0, 1) };
        assert_eq!(first(&blind), Decision { replicas: 3, why: Why::Schedule });
    }

    #[test]
    fn unknown_load_keeps_what_there_is() {
        let blind = Facts { load: None, ..facts(60, 0.0, 7) };
        assert_eq!(first(&blind), Decision { replicas: 7, why: Why::Unknown { what: "the load" } });
    }

    #[test]
    fn limits_hold_whatever_is_wanted() {
        assert_eq!(
            first(&facts(0, 1e9, 4)),
            Decision { replicas: 20, why: Why::Limit { wanted: 14_285_715 } }
        );
        assert_eq!(first(&facts(0, 0.0, 0)).replicas, 1);
        assert_eq!(first(&facts(0, 5000.0, 30)).replicas, 20, "more than the most go at once");
    }

    #[test]
    fn nothing_goes_while_the_load_is_above_the_bound() {
        let site = Rules { hold_above: 100.0, calm: Duration::ZERO, ..rules() };
        let at = |load| decide(&mut Memory::default(), &site, &facts(0, load, 8)).replicas;
        assert_eq!((at(150.0), at(90.0)), (8, 2));
    }
}
