//! Shapes of a day in pieces of five minutes: flat, as on recent days, as on days of the same kind.

use super::{AHEAD, Minutes};
use crate::scale::forecast::series::median;

/// Minutes of a day.
const DAY: usize = 1440;
/// Minutes of a piece.
const PIECE: usize = 5;
const PIECES: usize = DAY / PIECE;
/// Pieces to either side that are averaged with one.
const AROUND: usize = 1;
/// Days that must have shown a piece before it is believed.
const DAYS: usize = 2;

/// A shape in logarithms, by index of the history and of the minutes ahead.
pub(super) struct Shape {
    values: Vec<f64>,
}

impl Shape {
    pub(super) fn at(&self, at: usize) -> f64 {
        self.values.get(at).or(self.values.last()).copied().unwrap_or(0.0)
    }
}

/// Flat first, then those that the history is long enough for.
pub(super) fn shapes(history: &Minutes, logs: &[f64]) -> Vec<Shape> {
    let length = logs.len() + AHEAD + 1;
    let flat = median(&mut logs.to_vec());
    let mut shapes = vec![Shape { values: vec![if flat.is_nan() { 0.0 } else { flat }; length] }];
    let minute = |at: usize| history.start() + at as i64;
    let day = |at: usize| minute(at).div_euclid(DAY as i64);
    // 1970-01-01 was a Thursday; Saturday and Sunday are days of their kind.
    let rest = |at: usize| (day(at) + 3).rem_euclid(7) >= 5;
    let every = |_: usize, _: usize| true;
    let alike = |now: usize, then: usize| rest(now) == rest(then);
    let pieces = Pieces::new(history, logs);
    for kind in [&every as &dyn Fn(usize, usize) -> bool, &alike] {
        shapes.extend(pieces.shape(length, kind));
    }
    shapes
}

/// The history in pieces.
struct Pieces {
    /// The index in the history at which the first piece begins; it may lie before its first minute.
    start: i64,
    means: Vec<f64>,
}

impl Pieces {
    fn new(history: &Minutes, logs: &[f64]) -> Self {
        let start = -history.start().rem_euclid(PIECE as i64);
        let count = (logs.len() as i64 - start).max(0) as usize / PIECE;
        let mean = |piece: usize| {
            let from = start + (piece * PIECE) as i64;
            let minutes = (from..from + PIECE as i64).filter_map(|at| logs.get(usize::try_from(at).ok()?));
            crate::scale::forecast::series::mean(minutes.copied())
        };
        Self { start, means: (0..count).map(mean).collect() }
    }

    /// The index in the history of a piece's first minute.
    fn first(&self, piece: usize) -> usize {
        (self.start + (piece * PIECE) as i64).max(0) as usize
    }

    /// The median of the days before, of those that are alike; `None` where that is known nowhere.
    ///
    /// As of each day only earlier days count, so that models are tried with what was known. The latest days are at
    /// most two weeks back.
    fn shape(&self, length: usize, alike: &dyn Fn(usize, usize) -> bool) -> Option<Shape> {
        let total = (length as i64 - self.start) as usize / PIECE + 1;
        let known = |piece: usize| {
            let before = (1..=14).map_while(|day| piece.checked_sub(day * PIECES));
            let before = before.filter(|then| alike(self.first(piece), self.first(*then)));
            let mut values: Vec<f64> = before.filter_map(|then| self.around(then)).take(7).collect();
            if values.len() < DAYS { f64::NAN } else { median(&mut values) }
        };
        let pieces: Vec<f64> = (0..total).map(known).collect();
        // Where days begin to be known, earlier minutes have the shape of none.
        let first = pieces.iter().position(|piece| !piece.is_nan())?;
        let fallback = pieces[first];
        let mut values = Vec::with_capacity(length);
        for at in 0..length as i64 {
            // Between the middles of pieces the shape goes straight.
            let place = (at - self.start) as f64 / PIECE as f64 - 0.5;
            let (before, part) = (place.floor().max(0.0) as usize, place - place.floor());
            let value = |piece: usize| pieces.get(piece).copied().filter(|log| !log.is_nan());
            let here = value(before).or(value(before + 1)).unwrap_or(fallback);
            let next = value(before + 1).unwrap_or(here);
            values.push(here + part * (next - here));
        }
        Some(Shape { values })
    }

    /// The mean of a piece and its neighbours.
    fn around(&self, piece: usize) -> Option<f64> {
        let pieces =
            self.means.get(piece.saturating_sub(AROUND)..(piece + AROUND + 1).min(self.means.len()))?;
        Some(crate::scale::forecast::series::mean(pieces.iter().copied())).filter(|mean| !mean.is_nan())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of which each has a step at 09:00, from a Monday; weekends have none.
    fn history(days: usize) -> (Minutes, Vec<f64>) {
        let log = |at: usize| if at / DAY % 7 < 5 && at % DAY >= 540 { 6.0 } else { 4.0 };
        let mut minutes = Minutes::new(4 * DAY as i64);
        (0..days * DAY).for_each(|at| minutes.push(Some(f64::exp_m1(log(at)))));
        let logs = (0..days * DAY).map(log).collect();
        (minutes, logs)
    }

    #[test]
    fn step_is_known_ahead() {
        let (minutes, logs) = history(11);
        let (minutes, logs) = (minutes.last(11 * DAY), &logs[..]);
        let mut cut = Minutes::new(minutes.start());
        (0..10 * DAY + 530).for_each(|at| cut.push(minutes.get(at)));
        let shapes = shapes(&cut, &logs[..10 * DAY + 530]);
        let at = |shape: usize, minute: usize| shapes[shape].at(10 * DAY + minute);
        assert!(at(2, 529) < 4.7 && at(2, 560) > 5.5, "{} {}", at(2, 529), at(2, 560));
    }

    #[test]
    fn weekend_resembles_weekends() {
        let (minutes, logs) = history(13);
        let shapes = shapes(&minutes, &logs);
        let sunday = 12 * DAY + 700;
        assert!(shapes[1].at(sunday) > 5.0, "most days");
        assert!(shapes[2].at(sunday) < 4.5, "days alike");
    }

    #[test]
    fn first_days_have_a_flat_shape_only() {
        let (minutes, logs) = history(1);
        assert_eq!(shapes(&minutes, &logs).len(), 1);
    }
}
