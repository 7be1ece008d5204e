//! Learns how much each sign of today's load says about an hour ahead: one ridge regression for each distance.
//!
//! Target and features are deviations from the shrunk profile, as of the day of each sample, so that nothing is
//! learned from what was not known. Coefficients are drawn to a belief (a level that lasts for days, a deviation of
//! the last hours that fades) rather than to zero, so that a short or noisy history does no harm.

use super::{
    profile::Snapshots,
    series::{DAY, WEEK},
    solve::{Normal, dot},
    window::Window,
};

const FEATURES: usize = 16;
/// How fast the belief in the last hours' deviation fades, by the hour.
const FADES: f64 = 0.8;
/// What is left of a day's weight a day later.
const KEEP: f64 = 0.99;
/// As many samples' worth of belief, in units of the target's variance: firm and open-minded.
pub(super) const RIDGES: [f64; 2] = [32.0, 2.0];
/// Samples need as much of the past.
const LEAST: usize = 2 * DAY + 2;

type Features = [f64; FEATURES];

/// Forecasts by ridge, origin and distance: `[ridge][origin][hour]`.
pub(super) type Forecasts = [Vec<Vec<f64>>; RIDGES.len()];

/// Forecasts from each of these origins, which ascend, over `ahead` hours. `None`: there is too little history.
pub(super) fn forecasts(
    window: &Window,
    snapshots: &Snapshots,
    origins: &[usize],
    ahead: usize,
) -> Option<Forecasts> {
    let signs = Signs::new(window, snapshots);
    let first = snapshots.first().max(LEAST);
    if origins.first().is_none_or(|origin| *origin < LEAST) {
        return None;
    }
    let mut forecasts = RIDGES.map(|_| vec![vec![0.0; ahead]; origins.len()]);
    for distance in 0..ahead {
        let belief = belief(distance);
        let mut normal = Normal::<FEATURES>::default();
        let (mut squares, mut weights) = (0.0, 0.0);
        let mut next = first;
        for (place, origin) in origins.iter().enumerate() {
            while next + distance < *origin {
                let log = window.logs[next + distance];
                if !log.is_nan() {
                    let (base, features) = signs.features(next, distance);
                    let weight = weight(next);
                    normal.add(&features, log - base - dot(&belief, &features), weight);
                    squares += weight * (log - base).powi(2);
                    weights += weight;
                }
                next += 1;
            }
            let variance = if weights > 0.0 { squares / weights } else { 1.0 };
            let (base, features) = signs.features(*origin, distance);
            let believed = base + dot(&belief, &features);
            for (ridge, forecasts) in RIDGES.iter().zip(&mut forecasts) {
                let ridge = ridge * weight(*origin) * variance.max(1e-6);
                forecasts[place][distance] = believed + dot(&normal.solve(&[ridge; FEATURES]), &features);
            }
        }
    }
    Some(forecasts)
}

/// Growing weights of what is new are falling weights of what is old.
fn weight(at: usize) -> f64 {
    KEEP.powf(-(at as f64) / DAY as f64)
}

/// Coefficients before anything is learned, in the order of [`Signs::features`].
fn belief(distance: usize) -> Features {
    let fresh = FADES.powi(distance as i32);
    let mut belief = [0.0; FEATURES];
    (belief[0], belief[2], belief[3]) = (0.35 * fresh, 0.25 * fresh, 0.5 - 0.4 * fresh);
    (belief[4], belief[5]) = (0.2, 0.1);
    belief
}

/// What can be seen at an origin.
struct Signs<'a> {
    window: &'a Window,
    snapshots: &'a Snapshots,
    /// Deviations from the shrunk profile as of the day.
    off: Vec<f64>,
    /// Their sums from the first on.
    sums: Vec<f64>,
}

impl<'a> Signs<'a> {
    fn new(window: &'a Window, snapshots: &'a Snapshots) -> Self {
        let off = |at: usize| window.filled[at] - snapshots.before(at).shrunk[window.calendar.slot(at)];
        let off: Vec<f64> = (0..window.len()).map(off).collect();
        let mut sums = vec![0.0];
        sums.extend(off.iter().scan(0.0, |sum, off| {
            *sum += off;
            Some(*sum)
        }));
        Self { window, snapshots, off, sums }
    }

    /// What the profile says of the hour `distance` after `origin`, and the signs that it will be otherwise.
    fn features(&self, origin: usize, distance: usize) -> (f64, Features) {
        let Self { window: Window { calendar, filled, .. }, snapshots, off, sums } = self;
        let (now, then) = (origin - 1, origin + distance);
        let profiles = snapshots.before(origin);
        let (slot_now, slot_then) = (calendar.slot(now), calendar.slot(then));
        let (base_now, base) = (profiles.shrunk[slot_now], profiles.shrunk[slot_then]);
        let mean = |hours: usize| {
            let from = origin.saturating_sub(hours);
            (sums[origin] - sums[from]) / (origin - from) as f64
        };
        // The latest hour of the same time of day that is known at the origin.
        let day_before = then - DAY * (distance / DAY + 1);
        let value = |at: Option<usize>, base: f64| at.map_or(0.0, |at| filled[at] - base);
        let alike = calendar.alike(then);
        let around = |at: usize| {
            let hours = at.saturating_sub(1)..(at + 2).min(origin);
            hours.clone().map(|at| off[at]).sum::<f64>() / hours.len() as f64
        };
        let features = [
            off[now],
            off[now - 1],
            mean(4),
            mean(DAY),
            mean(3 * DAY),
            mean(WEEK),
            // Other profiles, and what they say of now: a pair whose difference is a change.
            profiles.daily[slot_then] - base,
            profiles.daily[slot_now] - base_now,
            value(Some(day_before), base),
            value(now.checked_sub(DAY), base_now),
            value(day_before.checked_sub(DAY), base),
            value(alike, base),
            value(calendar.alike(now), base_now),
            alike.map_or(0.0, around),
            profiles.decayed[slot_then] - base,
            profiles.decayed[slot_now] - base_now,
        ];
        (base, features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::forecast::{calendar::DaysOff, series::Series};

    fn window(log: impl Fn(usize) -> f64) -> Window {
        let points = (0..672).map(|at| (at as i64, log(at).exp_m1()));
        Window::new(&Series::from_points(points, 672), 48, &DaysOff::default())
    }

    /// The loose forecast from the end.
    fn forecast(window: &Window) -> Vec<f64> {
        let forecasts = forecasts(window, &Snapshots::new(window), &[648, 672], 24).unwrap();
        forecasts[1][1].clone()
    }

    #[test]
    fn what_repeats_each_day_is_learned() {
        let wave = |at: usize| 6.0 + (at as f64 * std::f64::consts::TAU / 24.0).sin();
        let forecast = forecast(&window(wave));
        assert!((0..24).all(|ahead| (forecast[ahead] - wave(672 + ahead)).abs() < 0.02), "{forecast:?}");
    }

    #[test]
    fn shift_of_level_is_followed() {
        let forecast = forecast(&window(|at| if at < 600 { 6.0 } else { 6.5 }));
        assert!(forecast.iter().all(|log| (6.35..6.6).contains(log)), "{forecast:?}");
    }

    #[test]
    fn forecast_does_not_know_what_comes_after_its_origin() {
        let early = |late: f64| {
            let window = window(|at| if at < 648 { 6.0 + (at % 7) as f64 / 20.0 } else { late });
            let forecasts = forecasts(&window, &Snapshots::new(&window), &[648, 672], 24).unwrap();
            forecasts[0][0].clone()
        };
        let difference = early(6.0).iter().zip(early(6.6)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(difference < 0.02, "{difference}");
    }

    #[test]
    fn too_short_a_history_is_refused() {
        let window = window(|_| 6.0);
        assert!(forecasts(&window, &Snapshots::new(&window), &[40], 24).is_none());
    }
}
