//! The shape of a week: five ways to see it, each as of every day of the window.
//!
//! | file | the value of an hour of the week |
//! |---|---|
//! | `simple.rs` | median of its weeks; recent weeks more; recent days at that hour, whatever the weekday |
//! | `harmonic.rs` | a few waves a day and a week, fitted by ridge regression |
//! | `shrunk.rs` | hour, weekday, weekend and each hour of each weekday, as far as they stand out of the noise |
//!
//! A profile as of a day knows nothing of that day or later, so that models can be tried on the days after it.

mod harmonic;
mod shrunk;
mod simple;

use super::{
    series::{DAY, WEEK},
    window::Window,
};

/// Logarithms by the hour of the week, from Monday 00:00.
pub(super) type Profile = [f64; WEEK];

/// The profiles as of one index: made from the hours before it.
#[derive(Clone, Debug)]
pub(super) struct Profiles {
    pub(super) robust: Profile,
    pub(super) decayed: Profile,
    pub(super) daily: Profile,
    pub(super) harmonic: Profile,
    pub(super) shrunk: Profile,
}

/// Profiles as of every day, counted in whole days back from the end of the window.
#[derive(Clone, Debug)]
pub(super) struct Snapshots {
    /// Ascending; the last is the window's length.
    days: Vec<usize>,
    profiles: Vec<Profiles>,
}

impl Snapshots {
    /// From the first day with a week before it on; of a history of less than two weeks, from the second day on; and as
    /// of the end in any case.
    pub(super) fn new(window: &Window) -> Self {
        let end = window.len();
        let first = if end < 2 * WEEK { DAY } else { WEEK };
        let days = (0..).map_while(|day| end.checked_sub(day * DAY));
        let mut days: Vec<usize> = days.take_while(|day| *day >= first || *day == end).collect();
        days.reverse();
        let harmonics = harmonic::profiles(window, &days);
        let profiles = days.iter().zip(harmonics).map(|(day, harmonic)| {
            let daily = simple::daily(window, *day);
            Profiles {
                robust: simple::robust(window, *day, &daily),
                decayed: simple::decayed(window, *day, &daily),
                harmonic,
                shrunk: shrunk::profile(window, *day),
                daily,
            }
        });
        Self { profiles: profiles.collect(), days }
    }

    /// The latest profiles that are made from nothing at `at` or later; the first there are, if none is old enough.
    pub(super) fn before(&self, at: usize) -> &Profiles {
        &self.profiles[self.place(at)]
    }

    /// Which of the snapshots that is.
    pub(super) fn place(&self, at: usize) -> usize {
        self.days.partition_point(|day| *day <= at).saturating_sub(1)
    }

    /// As of when the first profiles are.
    pub(super) fn first(&self) -> usize {
        self.days[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::forecast::{calendar::DaysOff, series::Series};

    /// A window of weeks from a Monday, its logarithms given by hour of the week and index.
    pub(super) fn window(weeks: usize, log: impl Fn(usize, usize) -> f64) -> Window {
        let points = (0..weeks * WEEK).map(|at| (4 * 24 + at as i64, log(at % WEEK, at).exp_m1()));
        Window::new(&Series::from_points(points, weeks * WEEK), 48, &DaysOff::default())
    }

    /// A weekday's bell of 10 hours and a flat weekend.
    pub(super) fn office(slot: usize) -> f64 {
        let busy = slot / DAY < 5 && (8..18).contains(&(slot % DAY));
        if busy { 7.0 } else { 5.0 }
    }

    #[test]
    fn every_profile_finds_a_pattern_without_noise() {
        let window = window(4, |slot, _| office(slot));
        let profiles = Snapshots::new(&window);
        let now = profiles.before(window.len());
        for slot in 0..WEEK {
            let found = [now.robust[slot], now.decayed[slot], now.shrunk[slot]];
            assert!(found.iter().all(|log| (log - office(slot)).abs() < 0.1), "{slot}: {found:?}");
        }
    }

    #[test]
    fn profiles_know_nothing_of_their_day() {
        let changed = window(4, |slot, at| office(slot) + if at >= 600 { 1.0 } else { 0.0 });
        let plain = window(4, |slot, _| office(slot));
        let before = |window: &Window| Snapshots::new(window).before(600).clone();
        let (with, without) = (before(&changed), before(&plain));
        for slot in 0..WEEK {
            assert!((with.decayed[slot] - without.decayed[slot]).abs() < 1e-9);
            assert!((with.shrunk[slot] - without.shrunk[slot]).abs() < 1e-9);
        }
    }

    #[test]
    fn short_window_has_profiles_as_of_every_day() {
        let window = window(1, |slot, _| office(slot));
        assert_eq!(Snapshots::new(&window).days, [1, 2, 3, 4, 5, 6, 7].map(|day| day * DAY));
    }
}
