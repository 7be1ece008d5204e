//! How good the forecast would have been: rolled over the end of a series, as `statex forecast --backtest` shows it.
//!
//! From every day's origin 24 hours are forecast, from every hour's origin one. Errors are divided by what last week's
//! value was off by inside the history window of the origin (mean absolute scaled error, Hyndman and Koehler 2006,
//! with a season of a week): below 1 is better than that. Hours that the series lacks are not scored.

use super::{
    DaysOff, Forecast, HISTORY, Hour, Series,
    series::{DAY, WEEK},
};

/// Days at the end of the series that are forecast.
const DAYS: usize = 42;
/// Hours of history that the first origin needs: with less there is nothing to scale errors by.
const FIRST: usize = WEEK + DAY;
/// The share that the band is to cover.
const BAND: f64 = 0.95;

/// Figures of one series. Not a number where nothing could be scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtest {
    /// Mean absolute scaled error over 24 hours, from every day's origin.
    pub mase24: f64,
    /// The same of the next hour, from every hour's origin.
    pub mase1: f64,
    /// Sum of absolute errors by sum of values, over 24 hours.
    pub wape: f64,
    /// Share of the 24 hours' values inside the 95 % band.
    pub coverage95: f64,
    /// Mean absolute scaled error of the value of a week before, at the same hours as `mase24`.
    pub snaive_mase24: f64,
    /// How many days were forecast.
    pub days: usize,
    /// The last day that was forecast: value, if it is known, expected value, and band.
    pub last: Vec<(Option<f64>, f64, [f64; 2])>,
}

/// A mean that grows.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    fn get(self) -> f64 {
        self.sum / self.count
    }
}

/// Rolls over the series; `fitted` is called around every fit of a day, so that a caller with a clock can time it.
pub fn backtest(series: &Series, off: &DaysOff, mut fitted: impl FnMut(Timing)) -> Backtest {
    let (mut scaled, mut weekly, mut next, mut covered) =
        (Mean::default(), Mean::default(), Mean::default(), Mean::default());
    let (mut wrong, mut all) = (0.0, 0.0);
    let mut last = Vec::new();
    let days = days(series);
    for origin in &days {
        let history = series.part(origin - HISTORY as Hour..*origin);
        let scale = scale(&history);
        fitted(Timing::Begins);
        let forecast = Forecast::new(&history, DAY, off);
        fitted(Timing::Ends);
        let Some(forecast) = forecast else { continue };
        last.clear();
        for at in 0..DAY {
            let hour = origin + at as Hour;
            let band = [(1.0 - BAND) / 2.0, (1.0 + BAND) / 2.0].map(|share| forecast.quantile(at, share));
            last.push((series.get(hour), forecast.expected(at), band));
            let Some((value, scale)) = series.get(hour).zip(scale) else { continue };
            let error = (forecast.expected(at) - value).abs();
            scaled.add(error / scale);
            wrong += error;
            all += value;
            covered.add(f64::from((band[0]..=band[1]).contains(&value)));
            if let Some(before) = series.get(hour - WEEK as Hour) {
                weekly.add((before - value).abs() / scale);
            }
        }
    }
    for origin in days.first().map_or(0..0, |first| *first..series.end()) {
        let history = series.part(origin - HISTORY as Hour..origin);
        let Some((value, scale)) = series.get(origin).zip(scale(&history)) else { continue };
        if let Some(forecast) = Forecast::new(&history, 1, off) {
            next.add((forecast.expected(0) - value).abs() / scale);
        }
    }
    Backtest {
        mase24: scaled.get(),
        mase1: next.get(),
        wape: wrong / all,
        coverage95: covered.get(),
        snaive_mase24: weekly.get(),
        days: days.len(),
        last,
    }
}

/// When a fit begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    Begins,
    Ends,
}

/// The origins of the last days, oldest first.
fn days(series: &Series) -> Vec<Hour> {
    let first = series.start() + FIRST as Hour;
    let origins =
        (1..=DAYS).map(|day| series.end() - (day * DAY) as Hour).take_while(|origin| *origin >= first);
    let mut origins: Vec<Hour> = origins.collect();
    origins.reverse();
    origins
}

/// What the value of a week before is off by, on average inside a history. `None`: nothing is known of it, or it is
/// always right.
fn scale(history: &Series) -> Option<f64> {
    let mut off = Mean::default();
    for hour in history.start() + WEEK as Hour..history.end() {
        if let (Some(value), Some(before)) = (history.get(hour), history.get(hour - WEEK as Hour)) {
            off.add((value - before).abs());
        }
    }
    Some(off.get()).filter(|scale| *scale > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(at: i64) -> f64 {
        (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31) as f64 / u64::MAX as f64 - 0.5
    }

    /// A daily wave with noise of a tenth, and holes.
    fn series(hours: i64) -> Series {
        let wave = |at: i64| 500.0 + 300.0 * (at as f64 * std::f64::consts::TAU / 24.0).sin();
        let points = (0..hours).filter(|at| at % 50 != 7).map(|at| (at, wave(at) * (1.0 + noise(at) / 5.0)));
        Series::from_points(points, hours as usize)
    }

    #[test]
    fn steady_series_is_forecast_better_than_by_last_week() {
        let result = backtest(&series(16 * 24), &DaysOff::default(), |_| {});
        assert_eq!(result.days, 8);
        // Noise against the difference of two noises: 0.75 for even noise and a profile that is known.
        assert!(result.mase24 < 0.9 && result.mase1 < 0.95, "{result:?}");
        assert!(result.mase24 < result.snaive_mase24);
        assert!((0.88..=1.0).contains(&result.coverage95), "{result:?}");
    }

    #[test]
    fn short_series_has_fewer_origins() {
        assert_eq!(days(&series(14 * 24)).len(), 6);
        assert_eq!(days(&series(8 * 24)).len(), 0);
    }

    #[test]
    fn series_without_a_day_to_score_has_no_figures() {
        let result = backtest(&series(5 * 24), &DaysOff::default(), |_| {});
        assert!(result.mase24.is_nan() && result.last.is_empty());
    }

    #[test]
    fn every_fit_of_a_day_is_timed() {
        let mut seen = Vec::new();
        backtest(&series(10 * 24), &DaysOff::default(), |timing| seen.push(timing));
        assert_eq!(seen, [Timing::Begins, Timing::Ends, Timing::Begins, Timing::Ends]);
    }
}
