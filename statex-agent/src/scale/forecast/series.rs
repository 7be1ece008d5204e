//! A series by the hour, in which an hour that nobody measured is missing and not zero.

use std::ops::Range;

/// Hours since 1970-01-01 00:00 on the clock on the wall of wherever the load comes from.
///
/// Load follows people's clocks, so models live in local time: an hour that the clock skips in spring is missing,
/// one that it shows twice in autumn is the mean of both.
pub type Hour = i64;

/// Hours of a day.
pub(super) const DAY: usize = 24;
/// Hours of a week.
pub(super) const WEEK: usize = 168;

/// Values by the hour from a first one on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    start: Hour,
    /// Not a number where the hour is missing.
    values: Vec<f64>,
}

impl Series {
    /// A series without hours, whose first will be `start`.
    pub fn new(start: Hour) -> Self {
        Self { start, values: Vec::new() }
    }

    /// From hours in any order. Of an hour that comes twice, the mean; of what lies between, missing hours.
    ///
    /// Values that are negative or not finite count as missing. The series ends `longest` hours after its first hour
    /// at the latest, so that one wrong date cannot ask for all memory.
    pub fn from_points(points: impl IntoIterator<Item = (Hour, f64)>, longest: usize) -> Self {
        let good = |point: &(Hour, f64)| point.1.is_finite() && point.1 >= 0.0;
        let points: Vec<(Hour, f64)> = points.into_iter().filter(good).collect();
        let Some(start) = points.iter().map(|(hour, _)| *hour).min() else { return Self::default() };
        let place = |hour: Hour| usize::try_from(hour.saturating_sub(start)).ok().filter(|at| *at < longest);
        let length = points.iter().filter_map(|(hour, _)| place(*hour)).max().map_or(0, |last| last + 1);
        let mut sums = vec![(0.0, 0.0); length];
        for (hour, value) in points {
            if let Some((sum, count)) = place(hour).and_then(|at| sums.get_mut(at)) {
                *sum += value;
                *count += 1.0;
            }
        }
        // Nothing divided by nothing is not a number, which is what a missing hour is.
        Self { start, values: sums.into_iter().map(|(sum, count)| sum / count).collect() }
    }

    pub fn start(&self) -> Hour {
        self.start
    }

    /// The hour after the last one.
    pub fn end(&self) -> Hour {
        self.start + self.values.len() as Hour
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value of an hour; `None` where it is missing.
    pub fn get(&self, hour: Hour) -> Option<f64> {
        let at = usize::try_from(hour.checked_sub(self.start)?).ok()?;
        self.values.get(at).copied().filter(|value| !value.is_nan())
    }

    /// The hours of a range, cut to those that there are.
    pub fn part(&self, hours: Range<Hour>) -> Self {
        let at = |hour: Hour| usize::try_from(hour - self.start).unwrap_or(0).min(self.values.len());
        let (from, to) = (at(hours.start), at(hours.end));
        let values = self.values.get(from..to).map(<[f64]>::to_vec).unwrap_or_default();
        Self { start: self.start + from as Hour, values }
    }

    /// The values, not a number where an hour is missing.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many hours are there.
    pub fn known(&self) -> usize {
        self.values.iter().filter(|value| !value.is_nan()).count()
    }
}

/// The mean of the values that are there; not a number when none is.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .filter(|value| !value.is_nan())
        .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// The median of the values that are there; not a number when none is. Leaves them in another order.
pub(super) fn median(values: &mut Vec<f64>) -> f64 {
    values.retain(|value| !value.is_nan());
    let half = values.len() / 2;
    if values.is_empty() {
        return f64::NAN;
    }
    let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let middle = *middle;
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if values.len().is_multiple_of(2) => (lower + middle) / 2.0,
        _ => middle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hour_that_nobody_measured_is_missing() {
        let series = Series::from_points([(10, 1.0), (12, 3.0)], 100);
        assert_eq!((series.start(), series.end(), series.known()), (10, 13, 2));
        assert_eq!([10, 11, 12, 13].map(|hour| series.get(hour)), [Some(1.0), None, Some(3.0), None]);
    }

    #[test]
    fn hour_that_the_clock_shows_twice_is_the_mean() {
        assert_eq!(Series::from_points([(5, 2.0), (5, 4.0)], 100).get(5), Some(3.0));
    }

    #[test]
    fn what_cannot_be_a_load_is_missing() {
        let series = Series::from_points([(1, 1.0), (2, -1.0), (3, f64::INFINITY), (4, 0.0)], 100);
        assert_eq!([1, 2, 3, 4].map(|hour| series.get(hour)), [Some(1.0), None, None, Some(0.0)]);
    }

    #[test]
    fn one_wrong_date_does_not_take_all_memory() {
        let series = Series::from_points([(0, 1.0), (Hour::MAX, 1.0), (1, 2.0)], 100);
        assert_eq!(series.len(), 2);
    }

    #[test]
    fn part_is_cut_to_what_there_is() {
        let series = Series::from_points([(10, 1.0), (11, 2.0), (12, 3.0)], 100);
        assert_eq!(series.part(0..12).len(), 2);
        assert_eq!(series.part(11..99).start(), 11);
        assert!(series.part(50..60).is_empty());
    }

    #[test]
    fn median_leaves_out_what_is_missing() {
        assert_eq!(median(&mut vec![3.0, f64::NAN, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&mut vec![]).is_nan());
    }
}
