//! How many replicas may be worked on at once, as Karpenter counts it: pure.
//!
//! ```text
//! allowed = share × total, rounded up − in progress − others that do not serve
//! ```
//!
//! Of several budgets whose window is open now, the most restrictive counts. Who does not serve anyway takes nothing
//! away when it is worked on, so for such a one others that do not serve are not counted against it.

use crate::cron::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fmt;

/// How much of a pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Most {
    /// From 0 to 1.
    Share(f64),
    Count(u32),
}

/// A limit, and when it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    pub most: Most,
    /// `None`: always.
    pub window: Option<Window>,
}

/// Hours that come again.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub begins: Cron,
    pub minutes: i64,
    pub zone: TimeZone,
}

impl Default for Budget {
    /// A tenth, always.
    fn default() -> Self {
        Self { most: Most::Share(0.1), window: None }
    }
}

/// What a pool is like when a budget is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    pub total: u32,
    /// Replicas that are being worked on.
    pub in_progress: u32,
    /// Others that do not serve.
    pub out: u32,
    /// Whether the one in question serves now.
    pub serves: bool,
}

/// What a budget allows, with its arithmetic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    pub more: u32,
    pub arithmetic: String,
}

impl Budget {
    fn is_open(&self, now: Timestamp) -> bool {
        let inside = |window: &Window| window.begins.window(now, window.minutes, &window.zone).is_some();
        self.window.as_ref().is_none_or(inside)
    }

    fn allows(&self, fleet: Fleet) -> Allowed {
        let (limit, how) = match self.most {
            Most::Count(count) => (count, format!("{count}")),
            Most::Share(share) => {
                let limit = (share * f64::from(fleet.total)).ceil() as u32;
                (limit, format!("{:.0} % of {}, rounded up: {limit}", share * 100.0, fleet.total))
            }
        };
        let out = if fleet.serves { fleet.out } else { 0 };
        let more = limit.saturating_sub(fleet.in_progress).saturating_sub(out);
        let others = match fleet.serves {
            true => format!(", less {out} others that do not serve"),
            false => " (it does not serve, so nothing is taken away)".to_owned(),
        };
        let arithmetic = format!("{how}, less {} in progress{others}: {more}", fleet.in_progress);
        Allowed { more, arithmetic: format!("{self} allows {arithmetic}") }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.window {
            None => f.write_str("the budget"),
            Some(window) => write!(f, "the budget of \"{}\" for {} min", window.begins, window.minutes),
        }
    }
}

/// What the most restrictive budget of those that hold now allows; without any that holds, all is allowed.
pub fn allowed(budgets: &[Budget], fleet: Fleet, now: Timestamp) -> Allowed {
    let open = budgets.iter().filter(|budget| budget.is_open(now)).map(|budget| budget.allows(fleet));
    open.min_by_key(|allowed| allowed.more)
        .unwrap_or_else(|| Allowed { more: fleet.total, arithmetic: "no budget holds now".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Fleet = Fleet { total: 10, in_progress: 0, out: 0, serves: true };

    fn more(share: f64, fleet: Fleet) -> u32 {
        Budget { most: Most::Share(share), window: None }.allows(fleet).more
    }

    #[test]
    fn shares_are_rounded_up_before_anything_is_taken_off() {
        assert_eq!(more(0.1, Fleet { total: 11, ..TEN }), 2);
        assert_eq!(more(0.1, Fleet { total: 11, in_progress: 1, out: 1, ..TEN }), 0);
        assert_eq!(more(0.1, Fleet { total: 1, ..TEN }), 1);
    }

    #[test]
    fn who_does_not_serve_is_not_held_up_by_others_that_do_not() {
        let two_down = Fleet { out: 1, serves: false, ..TEN };
        assert_eq!(more(0.1, two_down), 1);
        assert_eq!(more(0.1, Fleet { serves: true, ..two_down }), 0);
        assert_eq!(more(0.1, Fleet { in_progress: 1, ..two_down }), 0);
    }

    #[test]
    fn the_arithmetic_is_told() {
        let allowed = Budget::default().allows(Fleet { out: 1, ..TEN });
        assert_eq!(
            allowed.arithmetic,
            "the budget allows 10 % of 10, rounded up: 1, less 0 in progress, less 1 others that do not serve: 0"
        );
    }

    #[test]
    fn the_most_restrictive_of_those_that_hold_counts() {
        let night = Window { begins: "0 22 * * *".parse().unwrap(), minutes: 480, zone: TimeZone::UTC };
        let budgets = [
            Budget { most: Most::Share(0.5), window: None },
            Budget { most: Most::Count(0), window: Some(night) },
        ];
        let at = |time: &str| allowed(&budgets, TEN, time.parse().unwrap()).more;
        assert_eq!(
            (at("2026-03-02T12:00:00Z"), at("2026-03-03T05:59:00Z"), at("2026-03-03T06:00:00Z")),
            (5, 0, 5)
        );
    }
}
