//! Profiles that are means or medians of the same hour.

use super::Profile;
use crate::scale::forecast::{
    series::{DAY, WEEK, mean, median},
    window::Window,
};

/// How much the latest day moves the daily profile.
const DAY_WEIGHT: f64 = 0.2;
/// How much the latest week moves the decayed profile.
const WEEK_WEIGHT: f64 = 0.35;

/// The same hours of recent days, whatever the weekday.
pub(super) fn daily(window: &Window, end: usize) -> Profile {
    let hours = recent::<DAY>(window, end, DAY_WEIGHT, |at| window.calendar.hour(at));
    let all = mean(hours.iter().copied());
    let all = if all.is_nan() { 0.0 } else { all };
    std::array::from_fn(|slot| known(hours[slot % DAY], all))
}

/// The same hours of recent weeks; the latest count most.
pub(super) fn decayed(window: &Window, end: usize, daily: &Profile) -> Profile {
    let hours = recent::<WEEK>(window, end, WEEK_WEIGHT, |at| window.calendar.slot(at));
    std::array::from_fn(|slot| known(hours[slot], daily[slot]))
}

/// The median of the same hours of all weeks.
pub(super) fn robust(window: &Window, end: usize, daily: &Profile) -> Profile {
    let mut hours = vec![Vec::new(); WEEK];
    (0..end).for_each(|at| hours[window.calendar.slot(at)].push(window.logs[at]));
    std::array::from_fn(|slot| known(median(&mut hours[slot]), daily[slot]))
}

/// Exponentially weighted means by slot, not a number where a slot has no value.
fn recent<const N: usize>(
    window: &Window,
    end: usize,
    weight: f64,
    slot: impl Fn(usize) -> usize,
) -> [f64; N] {
    let mut means = [f64::NAN; N];
    for at in (0..end).filter(|at| !window.logs[*at].is_nan()) {
        let (mean, log) = (&mut means[slot(at)], window.logs[at]);
        *mean = if mean.is_nan() { log } else { *mean + weight * (log - *mean) };
    }
    means
}

fn known(value: f64, otherwise: f64) -> f64 {
    if value.is_nan() { otherwise } else { value }
}

#[cfg(test)]
mod tests {
    use super::super::tests::window;
    use super::*;

    #[test]
    fn robust_profile_ignores_one_odd_week() {
        let window = window(4, |_, at| if (200..210).contains(&at) { 6.5 } else { 6.0 });
        let daily = daily(&window, window.len());
        assert!((robust(&window, window.len(), &daily)[200 % WEEK] - 6.0).abs() < 1e-9);
    }

    #[test]
    fn decayed_profile_follows_the_latest_week() {
        let window = window(4, |_, at| 6.0 + (at / WEEK) as f64 / 10.0);
        let decayed = decayed(&window, window.len(), &daily(&window, window.len()));
        assert!(decayed.iter().all(|log| (6.15..6.3).contains(log)), "{decayed:?}");
    }

    #[test]
    fn hour_of_the_week_that_is_unknown_is_that_of_the_day() {
        let week = window(1, |slot, _| (slot % DAY) as f64 / 10.0 + 3.0);
        let daily = daily(&week, 100);
        assert!((decayed(&week, 100, &daily)[150] - (3.0 + 0.6)).abs() < 1e-9);
    }
}
