//! From a unit's properties to a replica: pure.

use crate::executor::{Condition, Exit, Replica};
use jiff::Timestamp;

/// What systemd says of a service unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// `active`, `activating`, `deactivating`, `inactive`, `failed`, `reloading`.
    pub(super) active: String,
    pub(super) sub: String,
    /// `success`, or how it went wrong: `exit-code`, `signal`, `oom-kill`, `start-limit-hit` …
    pub(super) result: String,
    /// Path below the root of control groups; empty: none.
    pub(super) control_group: String,
    pub(super) restarts: u32,
    pub(super) exit: i32,
    /// Microseconds since 1970; 0: never.
    pub(super) started: u64,
}

/// A unit called `name` of the template `prefix`.
pub(super) fn replica(name: &str, prefix: &str, number: u32, unit: &Unit) -> Replica {
    let condition = condition(unit);
    let micros = i64::try_from(unit.started).ok().filter(|micros| *micros > 0);
    Replica {
        id: name.to_owned(),
        name: name.trim_end_matches(".service").to_owned(),
        backend: Some(format!("{prefix}-{number}")),
        program: Some(prefix.to_owned()),
        number,
        address: None,
        condition,
        started: micros.and_then(|micros| Timestamp::from_microsecond(micros).ok()),
        restarts: unit.restarts,
        exit: (condition == Condition::Failed)
            .then(|| Exit { code: unit.exit, out_of_memory: unit.result == "oom-kill" }),
        usage: None,
    }
}

fn condition(unit: &Unit) -> Condition {
    match (unit.active.as_str(), unit.sub.as_str()) {
        ("active" | "reloading" | "refreshing", "exited") => Condition::Stopped,
        ("active" | "reloading" | "refreshing", _) => Condition::Running,
        // Between two tries of Restart=.
        ("activating", "auto-restart" | "auto-restart-queued") => Condition::Failed,
        ("activating", _) => Condition::Starting,
        ("failed", _) => Condition::Failed,
        _ if unit.result == "success" => Condition::Stopped,
        _ => Condition::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(active: &str, sub: &str, result: &str) -> Condition {
        let unit = Unit { active: active.into(), sub: sub.into(), result: result.into(), ..Unit::default() };
        replica("api@2.service", "api", 2, &unit).condition
    }

    #[test]
    fn states_of_units_are_conditions() {
        assert_eq!(seen("active", "running", "success"), Condition::Running);
        assert_eq!(seen("activating", "start", "success"), Condition::Starting);
        assert_eq!(seen("activating", "auto-restart", "exit-code"), Condition::Failed);
        assert_eq!(seen("failed", "failed", "start-limit-hit"), Condition::Failed);
        assert_eq!(seen("inactive", "dead", "success"), Condition::Stopped);
    }

    #[test]
    fn what_the_kernel_ended_for_its_memory_is_told() {
        let unit = Unit { active: "failed".into(), result: "oom-kill".into(), exit: 9, ..Unit::default() };
        let replica = replica("api@2.service", "api", 2, &unit);
        assert_eq!(replica.exit, Some(Exit { code: 9, out_of_memory: true }));
        assert_eq!((replica.name.as_str(), replica.backend.as_deref()), ("api@2", Some("api-2")));
    }
}
