//! How many replicas may be worked on at once, as Karpenter counts it: pure.
//!
//! ```text
//! allowed = share × total, rounded up − in progress − others that do not serve
//! ```
//!
//! Of several budgets whose window is open now, the most restrictive counts. Who does not serve anyway takes nothing
//! away when it is worked on, so for such a one others that do not serve are not counted against it.

use crate::config::{Budget, Most};
use jiff::Timestamp;

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

fn is_open(budget: &Budget, now: Timestamp) -> bool {
    budget.window.as_ref().is_none_or(|window| {
        let minutes = i64::try_from(window.lasts.as_secs() / 60).unwrap_or(i64::MAX);
        window.begins.window(now, minutes, &window.zone).is_some()
    })
}

fn allows(budget: &Budget, fleet: Fleet) -> Allowed {
    let (limit, how) = match budget.most {
        Most::Count(count) => (count, format!("{count}")),
        Most::Percent(percent) => {
            let limit = (u64::from(percent) * u64::from(fleet.total)).div_ceil(100) as u32;
            (limit, format!("{percent} % of {}, rounded up: {limit}", fleet.total))
        }
    };
    let out = if fleet.serves { fleet.out } else { 0 };
    let more = limit.saturating_sub(fleet.in_progress).saturating_sub(out);
    let others = match fleet.serves {
        true => format!(", less {out} others that do not serve"),
        false => " (it does not serve, so nothing is taken away)".to_owned(),
    };
    let arithmetic = format!("{how}, less {} in progress{others}: {more}", fleet.in_progress);
    Allowed { more, arithmetic: format!("{} allows {arithmetic}", name(budget)) }
}

fn name(budget: &Budget) -> String {
    match &budget.window {
        None => "the budget".to_owned(),
        Some(window) => {
            format!("the budget of \"{}\" for {} min", window.begins, window.lasts.as_secs() / 60)
        }
    }
}

/// What the most restrictive budget of those that hold now allows; without any that holds, all is allowed.
pub fn allowed(budgets: &[Budget], fleet: Fleet, now: Timestamp) -> Allowed {
    let open = budgets.iter().filter(|budget| is_open(budget, now)).map(|budget| allows(budget, fleet));
    open.min_by_key(|allowed| allowed.more)
        .unwrap_or_else(|| Allowed { more: fleet.total, arithmetic: "no budget holds now".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Window;
    use jiff::tz::TimeZone;
    use std::time::Duration;

    const TEN: Fleet = Fleet { total: 10, in_progress: 0, out: 0, serves: true };

    fn percent(percent: u8, fleet: Fleet) -> Allowed {
        allows(&Budget { most: Most::Percent(percent), window: None }, fleet)
    }

    #[test]
    fn shares_are_rounded_up_before_anything_is_taken_off() {
        assert_eq!(percent(10, Fleet { total: 11, ..TEN }).more, 2);
        assert_eq!(percent(10, Fleet { total: 11, in_progress: 1, out: 1, ..TEN }).more, 0);
        assert_eq!(percent(10, Fleet { total: 1, ..TEN }).more, 1);
    }

    #[test]
    fn who_does_not_serve_is_not_held_up_by_others_that_do_not() {
        let two_down = Fleet { out: 1, serves: false, ..TEN };
        assert_eq!(percent(10, two_down).more, 1);
        assert_eq!(percent(10, Fleet { serves: true, ..two_down }).more, 0);
        assert_eq!(percent(10, Fleet { in_progress: 1, ..two_down }).more, 0);
    }

    #[test]
    fn the_arithmetic_is_told() {
        assert_eq!(
            percent(10, Fleet { out: 1, ..TEN }).arithmetic,
            "the budget allows 10 % of 10, rounded up: 1, less 0 in progress, less 1 others that do not serve: 0"
        );
    }

    #[test]
    fn the_most_restrictive_of_those_that_hold_counts() {
        let begins = "0 22 * * *".parse().unwrap();
        let night = Window { begins, lasts: Duration::from_secs(8 * 3600), zone: TimeZone::UTC };
        let budgets = [
            Budget { most: Most::Percent(50), window: None },
            Budget { most: Most::Count(0), window: Some(night) },
        ];
        let at = |time: &str| allowed(&budgets, TEN, time.parse().unwrap()).more;
        let noon = at("2026-03-02T12:00:00Z");
        assert_eq!((noon, at("2026-03-03T05:59:00Z"), at("2026-03-03T06:00:00Z")), (5, 0, 5));
    }
}
