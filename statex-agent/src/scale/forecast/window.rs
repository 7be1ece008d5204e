//! The history that a forecast is made from: in logarithms, without outages, with spikes cut.

use super::{
    calendar::{Calendar, DaysOff},
    series::{DAY, Series, WEEK, mean, median},
};

/// Deviations beyond so many robust standard deviations are cut.
const CLIP: f64 = 5.0;
/// Robust standard deviations below this are measured too well to be true, as of a series that hardly varies.
const LEAST_SIGMA: f64 = 0.02;
/// Consistency of the median absolute deviation with the standard deviation of a normal distribution.
const MAD_TO_SIGMA: f64 = 1.4826;
/// Hours at zero in a row that are an outage where load is expected.
const OUTAGE: usize = 2;
/// log1p of the load from which zero is no chance: about 11.
const BUSY: f64 = 2.5;

/// A cleaned history, by index from its first hour, and the calendar of it and of the hours ahead.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) calendar: Calendar,
    /// `log1p(value / unit)`; not a number where the hour is missing or an outage.
    pub(super) logs: Vec<f64>,
    /// The same without cuts: as it was.
    pub(super) seen: Vec<f64>,
    /// `logs` with what is missing taken from the hours before it.
    pub(super) filled: Vec<f64>,
    unit: f64,
}

impl Window {
    /// Of a series that has at least one hour, for forecasts of up to `ahead` hours.
    pub(super) fn new(series: &Series, ahead: usize, off: &DaysOff) -> Self {
        let values = series.values();
        let calendar = Calendar::new(series.start(), values.len() + ahead, off);
        let unit = unit(values);
        let mut logs: Vec<f64> = values.iter().map(|value| (value / unit).ln_1p()).collect();
        let usual = usual(&logs, &calendar);
        mask_outages(&mut logs, &usual);
        let seen = logs.clone();
        clip_spikes(&mut logs, &usual);
        let filled = fill(&logs, &usual);
        Self { calendar, logs, seen, filled, unit }
    }

    /// How many hours the history has.
    pub(super) fn len(&self) -> usize {
        self.logs.len()
    }

    /// What values are divided by before the logarithm.
    pub(super) fn unit(&self) -> f64 {
        self.unit
    }

    /// The value that a logarithm stands for.
    pub(super) fn value(&self, log: f64) -> f64 {
        value(log, self.unit)
    }
}

/// The value that a logarithm stands for.
pub(super) fn value(log: f64, unit: f64) -> f64 {
    unit * log.exp_m1().max(0.0)
}

/// What values are divided by before the logarithm, so that `log1p` is near the logarithm for usual values and soft
/// for small ones, whatever they are measured in. Counts stay as they are: their noise is least at one.
fn unit(values: &[f64]) -> f64 {
    const ENOUGH: f64 = 20.0;
    let usual = median(&mut values.to_vec());
    let counts = values.iter().filter(|value| !value.is_nan()).all(|value| value.fract() == 0.0);
    if usual > 0.0 && usual < ENOUGH && !counts { usual / ENOUGH } else { 1.0 }
}

/// The median of each hour of the week, or of the day where there are less than two weeks.
fn usual(logs: &[f64], calendar: &Calendar) -> Vec<f64> {
    let medians = |slots: usize, slot: &dyn Fn(usize) -> usize| -> Vec<f64> {
        let mut groups = vec![Vec::new(); slots];
        (0..logs.len()).for_each(|at| groups[slot(at)].push(logs[at]));
        groups.iter_mut().map(median).collect()
    };
    let by_day = medians(DAY, &|at| calendar.hour(at));
    let by_week = medians(WEEK, &|at| calendar.slot(at));
    let all = median(&mut logs.to_vec());
    let usual = |at: usize| {
        let weekly = Some(by_week[calendar.slot(at)]).filter(|_| logs.len() >= 2 * WEEK);
        let candidates = [weekly.unwrap_or(f64::NAN), by_day[calendar.hour(at)], all];
        candidates.into_iter().find(|value| !value.is_nan()).unwrap_or(0.0)
    };
    (0..logs.len()).map(usual).collect()
}

/// Hours at zero where load is usual are an outage: of the service or of whoever counts.
fn mask_outages(logs: &mut [f64], usual: &[f64]) {
    let mut at = 0;
    while at < logs.len() {
        let run = (at..logs.len()).take_while(|at| logs[*at] == 0.0 && usual[*at] > BUSY).count();
        if run >= OUTAGE {
            logs[at..at + run].fill(f64::NAN);
        }
        at += run.max(1);
    }
}

/// Cuts what lies far off the usual value at the level of the days around.
fn clip_spikes(logs: &mut [f64], usual: &[f64]) {
    /// Hours to either side that tell the level, so that a shift of level is not a spike; every third will do.
    const AROUND: usize = 36;
    const STEP: usize = 3;
    let off: Vec<f64> = logs.iter().zip(usual).map(|(log, usual)| log - usual).collect();
    let level = |at: usize| {
        let around = at.saturating_sub(AROUND)..(at + AROUND + 1).min(off.len());
        let level = median(&mut around.step_by(STEP).map(|at| off[at]).collect());
        if level.is_nan() { 0.0 } else { level }
    };
    let levels: Vec<f64> = (0..off.len()).map(level).collect();
    let deviation = median(&mut off.iter().zip(&levels).map(|(off, level)| (off - level).abs()).collect());
    let most = CLIP * (MAD_TO_SIGMA * deviation).max(LEAST_SIGMA);
    for at in 0..logs.len() {
        // Not a number stays so.
        logs[at] = usual[at] + levels[at] + (off[at] - levels[at]).clamp(-most, most);
    }
}

/// Takes what is missing from a week before, or else a day, or else the usual value: never from later hours, so that
/// a model cannot learn from what it would not know.
fn fill(logs: &[f64], usual: &[f64]) -> Vec<f64> {
    let mut filled = logs.to_vec();
    for at in 0..filled.len() {
        if filled[at].is_nan() {
            let week = at.checked_sub(WEEK).map(|before| logs[before]).filter(|log| !log.is_nan());
            let day = at.checked_sub(DAY).map(|before| filled[before]);
            filled[at] = week.or(day).unwrap_or(usual[at]);
        }
    }
    filled
}

/// The mean of deviations, 0 where none is known.
pub(super) fn mean_or_zero(values: impl Iterator<Item = f64>) -> f64 {
    let mean = mean(values);
    if mean.is_nan() { 0.0 } else { mean }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three weeks of a day's cycle around 1,000.
    fn cycle(at: usize) -> f64 {
        1000.0 + 500.0 * (std::f64::consts::TAU * at as f64 / 24.0).sin()
    }

    fn window(value: impl Fn(usize) -> Option<f64>) -> Window {
        let points = (0..3 * WEEK).filter_map(|at| Some((at as i64, value(at)?)));
        Window::new(&Series::from_points(points, 3 * WEEK), 48, &DaysOff::default())
    }

    #[test]
    fn value_of_a_logarithm_is_the_value() {
        let window = window(|at| Some(cycle(at)));
        assert!((window.value(window.logs[30]) - cycle(30)).abs() < 1e-6);
    }

    #[test]
    fn outage_is_missing_and_filled_from_a_week_before() {
        let window = window(|at| Some(if (400..405).contains(&at) { 0.0 } else { cycle(at) }));
        assert!((400..405).all(|at| window.logs[at].is_nan()));
        assert!((window.value(window.filled[402]) - cycle(402 - WEEK)).abs() < 1.0);
    }

    #[test]
    fn zero_where_little_is_usual_is_a_value() {
        let window = window(|at| Some(if (400..405).contains(&at) { 0.0 } else { 2.0 }));
        assert!((400..405).all(|at| window.logs[at] >= 0.0));
    }

    #[test]
    fn missing_hour_is_filled_and_stays_missing() {
        let window = window(|at| (at != 300).then(|| cycle(at)));
        assert!(window.logs[300].is_nan());
        assert!((window.value(window.filled[300]) - cycle(300)).abs() < 1.0);
    }

    #[test]
    fn spike_is_cut() {
        let window = window(|at| Some(if at == 250 { 1e9 } else { cycle(at) }));
        assert!(window.value(window.logs[250]) < 3.0 * cycle(250));
    }

    #[test]
    fn shift_of_level_is_no_spike() {
        let shifted = |at| if at > 350 { 3.0 * cycle(at) } else { cycle(at) };
        let window = window(|at| Some(shifted(at)));
        assert!((window.value(window.logs[450]) - shifted(450)).abs() < 0.2 * shifted(450));
    }

    #[test]
    fn unit_of_measure_makes_no_difference() {
        let small = window(|at| Some(cycle(at) * 1e-6));
        assert!((small.value(small.logs[77]) - cycle(77) * 1e-6).abs() < 1e-9);
        assert!(small.logs[77] > 2.0, "well within the logarithm's range");
    }
}
