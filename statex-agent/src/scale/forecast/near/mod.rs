//! The next hour by the minute: the shape of the day, at the level of the last minutes.
//!
//! The same idea as for hours, with smaller pieces: profiles of five minutes, put at levels that forget sooner or
//! later, weighed by what they would have said of the last days, with bands from what they were off by.
//!
//! ```text
//! Minutes ─ logs ─ profiles (flat, day, week) × levels (3, 15, 60 min) ─ weigh ─ bands ─> Near
//! ```

mod minutes;
mod shape;

pub use minutes::{Minute, Minutes};

use super::bands::Bands;
use shape::{Shape, shapes};

/// The longest horizon, in minutes.
pub const AHEAD: usize = 60;
/// The longest history that is looked at, in minutes.
pub const HISTORY: usize = 15 * 1440;
/// Minutes that are needed for anything to be forecast.
const LEAST: usize = 30;
/// Distances that models are tried at, in minutes; between them, the next one counts.
const DISTANCES: [usize; 7] = [1, 2, 5, 10, 20, 40, 60];
/// Origins that models are tried from: one in so many minutes, over so many.
const EVERY: usize = 5;
const TRIALS: usize = 3 * 1440;
/// Half-lives of levels, in minutes.
const LEVELS: [f64; 3] = [3.0, 15.0, 60.0];
/// How fast a level fades, by the minute: half of it is left after six hours, since shapes are not everything.
const FADES: f64 = 0.998;
/// What is left of an error's weight a day later.
const KEEP: f64 = 0.7;

/// What load to expect, minute by minute.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// Logarithms at [`DISTANCES`] … interpolated to every minute.
    logs: Vec<f64>,
    bands: Bands,
    unit: f64,
}

impl Near {
    /// Of the [`AHEAD`] minutes after the end of a history. `None`: too few minutes are known, or none of the last.
    pub fn new(history: &Minutes) -> Option<Self> {
        let history = history.last(HISTORY);
        let unit = 1.0;
        let logs: Vec<f64> = history.values().iter().map(|value| (value / unit).ln_1p()).collect();
        let end = logs.len();
        let recent = logs[end.saturating_sub(LEAST)..].iter().filter(|log| !log.is_nan()).count();
        if end < LEAST || recent == 0 {
            return None;
        }
        let shapes = shapes(&history, &logs);
        let models: Vec<Model> = shapes
            .iter()
            .flat_map(|shape| LEVELS.map(|half_life| Model::new(shape, &logs, half_life)))
            .collect();

        let first = end.saturating_sub(TRIALS).max(LEAST);
        let origins: Vec<usize> = (first..end).rev().step_by(EVERY).collect();
        let mut expected = Vec::with_capacity(DISTANCES.len());
        let mut errors = vec![vec![f64::NAN; DISTANCES.len()]; origins.len()];
        for (place, distance) in DISTANCES.into_iter().enumerate() {
            let weights = weigh(&models, &logs, &origins, distance);
            let say = |origin: usize| -> f64 {
                models.iter().zip(&weights).map(|(model, weight)| weight * model.say(origin, distance)).sum()
            };
            expected.push(say(end));
            // Oldest first, as bands want them.
            for (errors, origin) in errors.iter_mut().rev().zip(&origins) {
                errors[place] = logs.get(origin + distance - 1).map_or(f64::NAN, |log| log - say(*origin));
            }
        }
        Some(Self { logs: expected, bands: Bands::new(&errors), unit })
    }

    /// What to expect of a minute, counted from the first after the history.
    pub fn expected(&self, minute: usize) -> f64 {
        self.value(minute, |_| 0.0)
    }

    /// What a minute stays below with this probability, between 0 and 1.
    pub fn quantile(&self, minute: usize, share: f64) -> f64 {
        self.value(minute, |place| self.bands.off(place, share.clamp(0.0, 1.0)))
    }

    fn value(&self, minute: usize, off: impl Fn(usize) -> f64) -> f64 {
        let distance = (minute + 1).min(AHEAD);
        let after = DISTANCES.partition_point(|known| *known < distance);
        let at = |place: usize| self.logs[place] + off(place);
        let log = match after.checked_sub(1) {
            None => at(after),
            Some(before) => {
                let (from, to) = (DISTANCES[before] as f64, DISTANCES[after] as f64);
                let part = (distance as f64 - from) / (to - from);
                at(before) + part * (at(after) - at(before))
            }
        };
        super::window::value(log, self.unit)
    }
}

/// A shape at a level.
struct Model<'a> {
    shape: &'a Shape,
    /// The level as of each index: from the minutes before it.
    levels: Vec<f64>,
}

impl<'a> Model<'a> {
    fn new(shape: &'a Shape, logs: &[f64], half_life: f64) -> Self {
        let keep = 0.5_f64.powf(1.0 / half_life);
        let (mut sum, mut weight) = (0.0, 0.0);
        let mut levels = vec![0.0];
        for (at, log) in logs.iter().enumerate() {
            (sum, weight) = (sum * keep, weight * keep);
            if !log.is_nan() {
                sum += log - shape.at(at);
                weight += 1.0;
            }
            levels.push(if weight > 0.0 { sum / weight } else { 0.0 });
        }
        Self { shape, levels }
    }

    /// What it says at an origin of the minute `distance` minutes later; 1 is the first that is not known.
    fn say(&self, origin: usize, distance: usize) -> f64 {
        self.shape.at(origin + distance - 1) + self.levels[origin] * FADES.powi(distance as i32)
    }
}

/// Weights that add up to 1: discounted mean absolute error to the −4.
fn weigh(models: &[Model<'_>], logs: &[f64], origins: &[usize], distance: usize) -> Vec<f64> {
    let error = |model: &Model<'_>| {
        let mut error = 1e-9;
        for origin in origins {
            if let Some(was) = logs.get(origin + distance - 1).filter(|was| !was.is_nan()) {
                let weight = KEEP.powf((logs.len() - origin) as f64 / 1440.0);
                error += weight * (model.say(*origin, distance) - was).abs();
            }
        }
        error
    };
    let errors: Vec<f64> = models.iter().map(error).collect();
    let best = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let weights: Vec<f64> = errors.iter().map(|error| (best / error).powi(4)).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of minutes from a Monday.
    fn minutes(days: usize, value: impl Fn(usize) -> f64) -> Minutes {
        let mut minutes = Minutes::new(4 * 1440);
        (0..days * 1440).for_each(|at| minutes.push(Some(value(at))));
        minutes
    }

    fn noise(at: usize) -> f64 {
        1.0 + ((at * 7919 % 1009) as f64 / 1009.0 - 0.5) / 5.0
    }

    #[test]
    fn next_hour_follows_the_ramp_of_earlier_days() {
        // Each day the load is tenfold from 09:00 on; now it is 08:50.
        let office = |at: usize| if at % 1440 >= 540 { 1000.0 } else { 100.0 };
        let mut history = minutes(8, |at| office(at) * noise(at));
        (0..530).for_each(|at| history.push(Some(office(at) * noise(at))));
        let near = Near::new(&history).unwrap();
        assert!(near.expected(2) < 150.0, "{}", near.expected(2));
        assert!(near.expected(30) > 600.0, "{}", near.expected(30));
    }

    #[test]
    fn burst_of_now_goes_on_and_fades() {
        // What comes stays for an hour here, so that the last minutes tell the most.
        let history = minutes(4, |at| if at >= 4 * 1440 - 10 { 500.0 } else { 100.0 * noise(at / 60) });
        let near = Near::new(&history).unwrap();
        assert!(near.expected(0) > 250.0, "{}", near.expected(0));
    }

    #[test]
    fn quantiles_ascend_and_widen() {
        let near = Near::new(&minutes(4, |at| 100.0 * noise(at / 7))).unwrap();
        for minute in [0, 3, 17, 59, 500] {
            let quantiles = [0.025, 0.5, 0.975].map(|share| near.quantile(minute, share));
            assert!(quantiles.is_sorted(), "{quantiles:?}");
        }
    }

    #[test]
    fn too_little_or_too_old_a_history_is_refused() {
        assert!(Near::new(&minutes(0, |_| 1.0)).is_none());
        let mut silent = minutes(2, |_| 100.0);
        (0..60).for_each(|_| silent.push(None));
        assert!(Near::new(&silent).is_none());
    }

    #[test]
    fn short_history_gives_numbers() {
        let mut short = Minutes::new(0);
        (0..40).for_each(|at| short.push((at % 9 != 0).then_some(10.0)));
        assert!((8.0..12.0).contains(&Near::new(&short).unwrap().expected(10)));
    }
}
