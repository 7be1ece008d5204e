//! Weighs the experts by what they would have said of the last days.

use super::{
    experts::{Expert, Panel},
    series::DAY,
    window::Window,
};

/// What is left of an error's weight a day later.
const KEEP: f64 = 0.95;
/// An expert with twice the error has so many powers of two less weight.
const SHARPNESS: i32 = 4;

/// The weights, which add up to 1, in the order of the panel: recent mean absolute error to the −4. An expert that was
/// worse than last week's value has none.
pub(super) fn weigh(window: &Window, panel: &Panel) -> Vec<f64> {
    let errors: Vec<f64> = panel.said.iter().map(|(_, said)| error(window, panel, said)).collect();
    let place = panel.said.iter().position(|(expert, _)| *expert == Expert::LastWeek);
    let bar = place.map_or(f64::INFINITY, |place| errors[place]);
    let best = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let weight = |error: f64| match error <= bar {
        // All are equal before anything is known, and when nobody was ever wrong.
        true if error <= best => 1.0,
        true => (best / error).powi(SHARPNESS),
        false => 0.0,
    };
    let weights: Vec<f64> = errors.into_iter().map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// The discounted sum of absolute errors at all origins but the last, of which nothing is known yet. All experts have
/// the same hours to be judged by, so that sums compare as means would.
fn error(window: &Window, panel: &Panel, said: &[Vec<f64>]) -> f64 {
    let now = window.len();
    let mut error = 0.0;
    for (origin, said) in panel.origins.iter().zip(said) {
        let weight = KEEP.powi(((now - origin) / DAY) as i32);
        for (said, was) in said.iter().zip(&window.logs[*origin..]).filter(|(_, was)| !was.is_nan()) {
            error += weight * (window.value(*said) - window.value(*was)).abs();
        }
    }
    error
}

/// What the experts say together: `[origin][hour]`.
pub(super) fn combine(panel: &Panel, weights: &[f64]) -> Vec<Vec<f64>> {
    let from = |origin: usize| {
        let mut sum = vec![0.0; panel.said.first().map_or(0, |(_, said)| said[origin].len())];
        for ((_, said), weight) in panel.said.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
            sum.iter_mut().zip(&said[origin]).for_each(|(sum, said)| *sum += weight * said);
        }
        sum
    };
    (0..panel.origins.len()).map(from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::forecast::{calendar::DaysOff, series::Series};

    /// One origin a day before the end of a flat series, and what experts are off by.
    fn weights(off: &[(Expert, f64)]) -> Vec<f64> {
        let series = Series::from_points((0..100).map(|at| (at, 1000.0)), 100);
        let window = Window::new(&series, 24, &DaysOff::default());
        let log = 1000.0_f64.ln_1p();
        let said = |off: f64| vec![vec![log + off; 24]; 2];
        let said = off.iter().map(|(expert, off)| (*expert, said(*off))).collect();
        weigh(&window, &Panel { origins: vec![76, 100], said })
    }

    #[test]
    fn twice_the_error_is_a_sixteenth_of_the_weight() {
        let weights = weights(&[(Expert::LastWeek, -0.002), (Expert::Daily, 0.001)]);
        assert!((weights[1] / weights[0] - 16.0).abs() < 0.2, "{weights:?}");
    }

    #[test]
    fn who_loses_to_last_week_is_out() {
        assert_eq!(weights(&[(Expert::LastWeek, 0.01), (Expert::Daily, 0.02)]), [1.0, 0.0]);
    }

    #[test]
    fn never_wrong_is_all_the_weight() {
        assert_eq!(weights(&[(Expert::LastWeek, 0.0), (Expert::Daily, 0.1)]), [1.0, 0.0]);
        assert_eq!(weights(&[(Expert::LastWeek, 0.0), (Expert::Daily, 0.0)]), [0.5, 0.5]);
    }
}
