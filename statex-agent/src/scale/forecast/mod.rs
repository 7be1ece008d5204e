//! What load to expect: own code, small, pure, and measured (`statex forecast --backtest`).
//!
//! ```text
//! Series ─ window (logs, cleaned) ─ profiles as of each day ─ experts ─ combine ─ bands ─> Forecast
//!              calendar ┘                 level, regression ┘
//! ```
//!
//! Every expert is tried on the last days of the history, with what it would have known then. What it would have said
//! gives its weight, and what all together would have been off by gives the bands. So there is no state to keep
//! between forecasts, and the same history gives the same forecast.

pub mod backtest;
mod bands;
mod calendar;
mod combine;
pub mod csv;
mod experts;
mod level;
pub mod near;
mod profile;
mod regression;
mod series;
mod solve;
mod window;

pub use calendar::DaysOff;
pub use experts::Expert;
pub use series::{Hour, Series};

use bands::Bands;
use experts::Panel;
use profile::Snapshots;
use series::{DAY, WEEK};
use window::Window;

/// The longest horizon, in hours.
pub const HORIZON: usize = 2 * DAY;
/// The longest history that is looked at, in hours.
pub const HISTORY: usize = 28 * DAY;
/// The shortest history that anything is forecast from, in hours that are known.
pub const LEAST: usize = DAY;
/// Days that experts are tried on.
const TRIALS: usize = 14;

/// What load to expect, hour by hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    start: Hour,
    unit: f64,
    /// The next hour, by who was best at the next hour.
    next: Leg,
    /// All hours, by who was best over all of them.
    all: Leg,
    experts: Vec<(Expert, f64)>,
}

/// What one panel of experts says.
#[derive(Clone, Debug, PartialEq)]
struct Leg {
    logs: Vec<f64>,
    bands: Bands,
}

impl Forecast {
    /// Of the `ahead` hours (up to [`HORIZON`]) after the end of a history, of which at most the last [`HISTORY`]
    /// count. `None`: fewer than [`LEAST`] hours are known.
    pub fn new(history: &Series, ahead: usize, off: &DaysOff) -> Option<Self> {
        let ahead = ahead.clamp(1, HORIZON);
        let start = history.end() - HISTORY as Hour;
        let window = Window::new(&history.part(start..history.end()), ahead, off);
        if history.part(start..history.end()).known() < LEAST {
            return None;
        }
        let snapshots = Snapshots::new(&window);
        let (next, experts) = Leg::new(&window, &snapshots, 1, 1);
        let (all, experts) =
            if ahead > 1 { Leg::new(&window, &snapshots, DAY, ahead) } else { (next.clone(), experts) };
        Some(Self { start: history.end(), unit: window.unit(), next, all, experts })
    }

    /// The first hour.
    pub fn start(&self) -> Hour {
        self.start
    }

    /// How many hours there are.
    pub fn len(&self) -> usize {
        self.all.logs.len()
    }

    /// There is always an hour.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// What to expect of an hour, counted from the first: as often more as less.
    pub fn expected(&self, at: usize) -> f64 {
        self.value(at, 0.0)
    }

    /// What an hour stays below with this probability, between 0 and 1.
    pub fn quantile(&self, at: usize, share: f64) -> f64 {
        let (leg, at) = self.leg(at);
        self.value(at, leg.bands.off(at, share.clamp(0.0, 1.0)))
    }

    /// Who had a say, and how much.
    pub fn experts(&self) -> &[(Expert, f64)] {
        &self.experts
    }

    fn leg(&self, at: usize) -> (&Leg, usize) {
        if at == 0 { (&self.next, 0) } else { (&self.all, at.min(self.len() - 1)) }
    }

    fn value(&self, at: usize, off: f64) -> f64 {
        let (leg, at) = self.leg(at);
        window::value(leg.logs[at] + off, self.unit)
    }
}

impl Leg {
    /// Tries the experts from origins `step` hours apart, over `ahead` hours each.
    fn new(window: &Window, snapshots: &Snapshots, step: usize, ahead: usize) -> (Self, Vec<(Expert, f64)>) {
        let panel = Panel::ask(window, snapshots, origins(window.len(), step), ahead);
        let weights = combine::weigh(window, &panel);
        let mut said = combine::combine(&panel, &weights);
        let logs = said.pop().unwrap_or_default();
        let errors: Vec<Vec<f64>> = panel
            .origins
            .iter()
            .zip(&said)
            .map(|(origin, said)| {
                window.seen[*origin..].iter().zip(said).map(|(was, said)| was - said).collect()
            })
            .collect();
        let experts = panel.said.iter().zip(weights).map(|((expert, _), weight)| (*expert, weight)).collect();
        (Self { logs, bands: Bands::new(&errors) }, experts)
    }
}

/// Origins that experts are tried from, and the present as the last. Each has two weeks before it where there are as
/// many; of a shorter history, each has eight days before it, or one at the least.
fn origins(end: usize, step: usize) -> Vec<usize> {
    let first = [2 * WEEK, WEEK + DAY, DAY].into_iter().find(|first| first + 2 * DAY <= end).unwrap_or(end);
    let days = (end.saturating_sub(first) / DAY).min(TRIALS);
    let first = end - days * DAY;
    (first..end).step_by(step).chain([end]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of a daily wave with noise, from a Monday.
    fn series(hours: usize) -> Series {
        let wave = |at: usize| 1000.0 + 600.0 * (at as f64 * std::f64::consts::TAU / 24.0).sin();
        let noise = |at: usize| 1.0 + ((at * 7919 % 1009) as f64 / 1009.0 - 0.5) / 5.0;
        Series::from_points((0..hours).map(|at| (96 + at as i64, wave(at) * noise(at))), hours)
    }

    fn forecast(hours: usize, ahead: usize) -> Forecast {
        Forecast::new(&series(hours), ahead, &DaysOff::default()).expect("the history is long enough")
    }

    #[test]
    fn next_two_days_are_as_the_last_weeks() {
        let forecast = forecast(672, 48);
        assert_eq!((forecast.start(), forecast.len()), (96 + 672, 48));
        for at in 0..48 {
            let wave = 1000.0 + 600.0 * (at as f64 * std::f64::consts::TAU / 24.0).sin();
            let expected = forecast.expected(at);
            assert!((expected / wave - 1.0).abs() < 0.08, "{at}: {expected} for {wave}");
        }
    }

    #[test]
    fn quantiles_ascend_around_what_is_expected() {
        let forecast = forecast(672, 48);
        for at in 0..48 {
            let quantiles = [0.025, 0.5, 0.9, 0.975].map(|share| forecast.quantile(at, share));
            assert!(quantiles.is_sorted(), "{quantiles:?}");
            assert!(quantiles[0] < forecast.expected(at) && forecast.expected(at) < quantiles[3]);
        }
    }

    #[test]
    fn every_length_of_history_gives_numbers() {
        for hours in [24, 30, 47, 72, 73, 100, 168, 191, 192, 240, 300, 335, 337, 400, 2000] {
            let forecast = forecast(hours, 48);
            assert!(
                (0..48)
                    .all(|at| forecast.expected(at).is_finite() && forecast.quantile(at, 0.99).is_finite())
            );
        }
    }

    #[test]
    fn nothing_is_forecast_from_next_to_nothing() {
        assert!(Forecast::new(&series(23), 24, &DaysOff::default()).is_none());
        assert!(Forecast::new(&Series::default(), 24, &DaysOff::default()).is_none());
    }

    #[test]
    fn gaps_and_zeros_give_numbers() {
        let holes = (0..672).filter(|at| at % 100 > 40).map(|at| (at, if at % 7 == 0 { 0.0 } else { 5.0 }));
        let forecast = Forecast::new(&Series::from_points(holes, 672), 24, &DaysOff::default()).unwrap();
        assert!((0..24).all(|at| (0.0..20.0).contains(&forecast.expected(at))));
        let zeros = Series::from_points((0..672).map(|at| (at, 0.0)), 672);
        let forecast = Forecast::new(&zeros, 24, &DaysOff::default()).unwrap();
        assert!((0..24).all(|at| forecast.expected(at) < 1e-3));
    }

    #[test]
    fn weights_add_up() {
        let weights: f64 = forecast(672, 24).experts().iter().map(|(_, weight)| weight).sum();
        assert!((weights - 1.0).abs() < 1e-9);
    }

    #[test]
    fn day_off_is_expected_to_be_a_sunday() {
        let office = |at: i64| if at / 24 % 7 < 5 { 1000.0 } else { 100.0 };
        let series = Series::from_points((0..672).map(|at| (96 + at, office(at))), 672);
        let day_off = DaysOff::new([4 + 28]);
        let forecast = Forecast::new(&series, 24, &day_off).unwrap();
        assert!(forecast.expected(12) < 200.0, "{}", forecast.expected(12));
    }
}
