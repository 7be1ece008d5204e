//! How wrong the forecast may be: quantiles of its own recent errors (conformal prediction).
//!
//! Errors are compared within a distance's usual error, so that quiet nights do not make days look certain; and how
//! much is left outside is corrected by how much was left outside before (adaptive conformal inference, Gibbs and
//! Candès 2021).

/// The share that a 95 % band leaves outside.
const OUTSIDE: f64 = 0.05;
/// How much a day's misses move the share that is aimed at, and between which bounds.
const STEP: f64 = 0.05;
const LEAST: f64 = 0.004;
const MOST: f64 = 0.15;
/// Distances to either side that tell what error is usual at one.
const AROUND: usize = 2;
/// As many errors' worth of belief that all distances are alike.
const ALIKE: f64 = 20.0;
/// Origins that are needed before misses are counted.
const ENOUGH: usize = 4;

/// The distribution of what a forecast may be off by, in logarithms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bands {
    /// The usual error by distance.
    usual: Vec<f64>,
    /// Errors in units of the usual one, ascending.
    scores: Vec<f64>,
    /// How much further out than asked for, quantiles are taken: below 1 further.
    correction: f64,
    /// What few days of errors know too little by.
    widening: f64,
}

impl Bands {
    /// From errors `[origin][distance]`, oldest origin first; not a number where it is not known.
    pub(super) fn new(errors: &[Vec<f64>]) -> Self {
        let usual = usual(errors);
        let scored: Vec<Vec<f64>> = errors
            .iter()
            .map(|errors| {
                let scores = errors.iter().zip(&usual).map(|(error, usual)| error / usual);
                scores.filter(|score| score.is_finite()).collect()
            })
            .collect();
        let mut outside = OUTSIDE;
        let mut scores: Vec<f64> = Vec::new();
        for (place, day) in scored.iter().enumerate() {
            if place >= ENOUGH && !day.is_empty() {
                let (low, high) = (quantile(&scores, outside / 2.0), quantile(&scores, 1.0 - outside / 2.0));
                let missed = day.iter().filter(|score| **score < low || **score > high).count();
                let missed = missed as f64 / day.len() as f64;
                // Many origins an hour apart move it as much as few a day apart.
                outside += STEP * (OUTSIDE - missed) * (day.len() as f64 / 24.0);
                outside = outside.clamp(LEAST, MOST);
            }
            scores.extend(day);
            scores.sort_unstable_by(f64::total_cmp);
        }
        // Errors of one day move together, so that days count and not hours; and the weights were chosen on these days.
        let days = (errors.iter().map(Vec::len).sum::<usize>() as f64 / 24.0).max(1.0);
        Self { usual, scores, correction: outside / OUTSIDE, widening: 1.0 + 1.0 / days }
    }

    /// By how much the logarithm is higher than forecast with probability `1 − share`.
    pub(super) fn off(&self, distance: usize, share: f64) -> f64 {
        let corrected = match share < 0.5 {
            true => share * self.correction,
            false => 1.0 - (1.0 - share) * self.correction,
        };
        let usual = self.usual.get(distance).or(self.usual.last()).copied().unwrap_or(0.0);
        usual * self.widening * quantile(&self.scores, corrected)
    }
}

/// The mean absolute error at each distance, from those around it, drawn to that of all.
fn usual(errors: &[Vec<f64>]) -> Vec<f64> {
    let sum = |distances: std::ops::Range<usize>| {
        let errors =
            errors.iter().flat_map(|errors| errors.iter().skip(distances.start).take(distances.len()));
        let known = errors.filter(|error| !error.is_nan());
        known.fold((0.0, 0.0), |(sum, count), error| (sum + error.abs(), count + 1.0))
    };
    let distances = errors.first().map_or(0, Vec::len);
    let (all, count) = sum(0..distances);
    let all = if count > 0.0 { all / count } else { 0.0 };
    let around = |distance: usize| {
        let (sum, count) = sum(distance.saturating_sub(AROUND)..distance + AROUND + 1);
        // A series that was never forecast wrong has bands nonetheless.
        ((sum + ALIKE * all) / (count + ALIKE)).max(1e-6)
    };
    (0..distances).map(around).collect()
}

/// The quantile of a sorted sample, as far out as a new member of it would be (conformal: `n + 1` places).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return 0.0;
    }
    let place = share * (sorted.len() + 1) as f64 - 1.0;
    let (below, part) = (place.floor(), place - place.floor());
    let at = |place: f64| sorted[(place.max(0.0) as usize).min(sorted.len() - 1)];
    at(below) + part * (at(below + 1.0) - at(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Errors between −1 and 1 of which few are large, times a factor by distance.
    fn errors(days: usize, factor: impl Fn(usize) -> f64) -> Vec<Vec<f64>> {
        let error = |day: usize, distance: usize| {
            let place = (day * 24 + distance) * 619 % 1009;
            (place as f64 / 504.0 - 1.0).powi(3) * factor(distance)
        };
        (0..days).map(|day| (0..24).map(|distance| error(day, distance)).collect()).collect()
    }

    #[test]
    fn band_covers_what_it_says() {
        let errors = errors(14, |_| 0.3);
        let bands = Bands::new(&errors);
        let inside = |day: &Vec<f64>| {
            let inside = |(distance, error): (usize, &f64)| {
                (bands.off(distance, 0.025)..=bands.off(distance, 0.975)).contains(error)
            };
            day.iter().enumerate().filter(|hour| inside(*hour)).count()
        };
        let share = errors.iter().map(inside).sum::<usize>() as f64 / (14.0 * 24.0);
        assert!((0.94..=0.99).contains(&share), "{share}");
    }

    #[test]
    fn hours_that_are_harder_have_wider_bands() {
        let bands = Bands::new(&errors(14, |distance| if distance < 12 { 0.1 } else { 0.5 }));
        assert!(bands.off(20, 0.975) > 2.5 * bands.off(3, 0.975));
    }

    #[test]
    fn band_that_was_missed_is_widened() {
        let mut growing = errors(14, |_| 0.1);
        growing[7..].iter_mut().flatten().for_each(|error| *error *= 3.0);
        assert!(Bands::new(&growing).correction < 1.0);
    }

    #[test]
    fn nothing_known_is_no_band() {
        assert_eq!(Bands::new(&[]).off(0, 0.975), 0.0);
        assert_eq!(Bands::new(&[vec![f64::NAN; 24]]).off(3, 0.025), 0.0);
    }
}
