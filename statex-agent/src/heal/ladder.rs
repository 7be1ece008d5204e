//! The ladder: what is tried, in which order, how often, and how long it may take to help. Pure.
//!
//! | rung | does | by | helps within |
//! |---|---|---|---|
//! | weight | less to do | the pool's ward, by itself | 20 s |
//! | eject | no new flows for a time | the pool's ward, by itself | 40 s |
//! | drain | no new flows until further notice | the balancer | 10 s |
//! | hook | the application helps itself | the executor | 30 s |
//! | restart | the same replica anew | the executor | as long as a start takes, and 20 s |
//! | replace | another one first, then this one goes | the executor | as long as a start takes, and 20 s |
//! | page | a person is called, and nothing more is done | | |

use crate::executor::{Abilities, Patience};
use crate::health::diagnosis::Class;
use std::time::Duration;

/// A step of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    Weight,
    Eject,
    Drain,
    Hook,
    Restart,
    Replace,
    Page,
}

impl Rung {
    pub const ALL: [Self; 7] =
        [Self::Weight, Self::Eject, Self::Drain, Self::Hook, Self::Restart, Self::Replace, Self::Page];

    pub fn word(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Eject => "eject",
            Self::Drain => "drain",
            Self::Hook => "hook",
            Self::Restart => "restart",
            Self::Replace => "replace",
            Self::Page => "page",
        }
    }

    /// Whether something is done to the replica itself.
    pub fn touches(self) -> bool {
        matches!(self, Self::Hook | Self::Restart | Self::Replace)
    }

    /// Whether the ward does it without being asked.
    pub fn comes_by_itself(self) -> bool {
        matches!(self, Self::Weight | Self::Eject)
    }

    /// How often it is tried before the next one.
    pub fn tries(self) -> u32 {
        if self == Self::Restart { 2 } else { 1 }
    }

    /// How long it may take to help.
    pub fn helps_within(self, patience: Patience) -> Duration {
        let seconds = Duration::from_secs;
        match self {
            Self::Weight => seconds(20),
            Self::Eject => seconds(40),
            Self::Drain => seconds(10),
            Self::Hook => seconds(30),
            Self::Restart | Self::Replace => patience.ready + seconds(20),
            Self::Page => Duration::MAX,
        }
    }

    /// The next rung that is possible here. What is down has no new flows that it could be drained of.
    pub fn next(self, can: Abilities, down: bool) -> Self {
        let higher = Self::ALL.into_iter().filter(|rung| *rung > self);
        let mut possible = higher.filter(|rung| rung.is_possible(can) && !(down && *rung == Self::Drain));
        possible.next().unwrap_or(Self::Page)
    }

    fn is_possible(self, can: Abilities) -> bool {
        match self {
            Self::Hook => can.hook,
            Self::Restart => can.restart,
            Self::Replace => can.scale,
            Self::Weight | Self::Eject | Self::Drain | Self::Page => true,
        }
    }
}

/// Where a backend's way up begins, and how long is waited there first.
///
/// What runs no more is started again, when its runtime has had a moment to do so by itself. What is down and nobody
/// here can touch gets a minute before a person is called.
pub fn begin(class: Class, runs: bool, can: Abilities, patience: Patience) -> (Rung, Duration) {
    let seconds = Duration::from_secs;
    match class {
        Class::Down if !runs => (Rung::Hook.next(can, true), seconds(2)),
        Class::Down if can.restart || can.scale || can.hook => (Rung::Eject, seconds(5)),
        Class::Down => (Rung::Eject, seconds(60)),
        _ => (Rung::Weight, Rung::Weight.helps_within(patience)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::scripted::ALL;

    const NONE: Abilities = Abilities { hook: false, restart: false, scale: false, asks: false };

    fn way(can: Abilities, down: bool) -> Vec<&'static str> {
        let mut rung = Rung::Weight;
        let mut way = vec![rung.word()];
        while rung != Rung::Page {
            rung = rung.next(can, down);
            way.push(rung.word());
        }
        way
    }

    #[test]
    fn the_way_leads_from_less_to_do_to_a_person() {
        assert_eq!(way(ALL, false), ["weight", "eject", "drain", "hook", "restart", "replace", "page"]);
    }

    #[test]
    fn what_cannot_be_done_is_left_out() {
        assert_eq!(way(NONE, false), ["weight", "eject", "drain", "page"]);
        assert_eq!(way(Abilities { restart: true, ..NONE }, true), ["weight", "eject", "restart", "page"]);
    }

    #[test]
    fn what_has_ended_is_started_again_at_once() {
        let patience = Patience::default();
        assert_eq!(begin(Class::Down, false, ALL, patience), (Rung::Restart, Duration::from_secs(2)));
        assert_eq!(begin(Class::Down, true, ALL, patience).0, Rung::Eject);
        assert_eq!(begin(Class::Failing, true, ALL, patience).0, Rung::Weight);
        assert_eq!(begin(Class::Down, true, NONE, patience), (Rung::Eject, Duration::from_secs(60)));
    }
}
