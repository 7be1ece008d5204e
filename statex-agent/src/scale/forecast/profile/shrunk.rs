//! A profile in layers, each believed as far as it stands out of its own noise (empirical Bayes).
//!
//! ```text
//! level of the last days + hour of the day + weekday + hour of the day at weekends + hour of the week
//! ```
//!
//! A series with clear weeks keeps every hour of them; of a noisy one only the hours of the day are left.

use super::Profile;
use crate::scale::forecast::{
    series::{DAY, WEEK, mean},
    window::{Window, mean_or_zero},
};

/// What is left of a day's weight a day later.
const KEEP: f64 = 0.97;
/// Days of the week, counted from Monday, that may be the weekend; the pair that explains most is taken.
const WEEKENDS: [[usize; 2]; 3] = [[5, 6], [4, 5], [6, 6]];
/// Known hours that a day needs to show its shape, and its level.
const SHAPE: usize = 20;
const LEVEL: usize = 12;
/// Days to either side that tell the level around a day.
const AROUND: usize = 3;

/// The profile as of an index.
pub(super) fn profile(window: &Window, end: usize) -> Profile {
    let calendar = &window.calendar;
    let days = end.checked_sub(1).map_or(0, |last| calendar.day(last) + 1);
    let today = calendar.day(end);
    let weights: Vec<f64> = (0..=days).map(|day| KEEP.powi(today as i32 - day as i32)).collect();
    let weight = |at: usize| weights[calendar.day(at)];
    let level = |logs: &[f64], day: usize, least: usize| {
        let hours = calendar.hours_of(day);
        let hours = &logs[hours.start..hours.end.min(end)];
        let known = hours.iter().filter(|log| !log.is_nan()).count();
        if known < least { f64::NAN } else { mean(hours.iter().copied()) }
    };

    let mut rest = window.logs[..end].to_vec();
    let whole: Vec<f64> = (0..days).map(|day| level(&rest, day, SHAPE)).collect();
    let hours = hours_of_the_day(&rest, |at| (calendar.hour(at), weight(at), whole[calendar.day(at)]));
    (0..end).for_each(|at| rest[at] -= hours[calendar.hour(at)]);

    let levels: Vec<f64> = (0..days).map(|day| level(&rest, day, LEVEL)).collect();
    let around = |day: usize| {
        // Only a whole week has every weekday once.
        let week = day.checked_sub(AROUND).and_then(|first| levels.get(first..=day + AROUND));
        week.map_or(f64::NAN, |week| mean(week.iter().copied()))
    };
    let weekday = |day: usize| calendar.slot(calendar.hours_of(day).start) / DAY;
    let weekdays = Layer { groups: 7, block: 7, smooth: false }
        .effects((0..days).map(|day| (weekday(day), levels[day] - around(day), weights[day])));
    (0..end).for_each(|at| rest[at] -= levels[calendar.day(at)]);

    let samples = |group: &dyn Fn(usize) -> usize, rest: &[f64]| -> Vec<(usize, f64, f64)> {
        (0..end).map(|at| (group(calendar.slot(at)), rest[at], weight(at))).collect()
    };
    let of_weekend = |weekend: [usize; 2]| {
        move |slot: usize| usize::from(weekend.contains(&(slot / DAY))) * DAY + slot % DAY
    };
    let candidates = WEEKENDS.map(|weekend| {
        let samples = samples(&of_weekend(weekend), &rest);
        let effects = Layer { groups: 2 * DAY, block: DAY, smooth: true }.effects(samples.iter().copied());
        let explained: f64 = samples.iter().map(|(group, _, weight)| weight * effects[*group].powi(2)).sum();
        (explained, weekend, effects)
    });
    let best = candidates.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
    let (weekend, kinds) =
        best.map_or(([5, 6], vec![0.0; 2 * DAY]), |(_, weekend, effects)| (weekend, effects));
    let kind = of_weekend(weekend);
    (0..end).for_each(|at| rest[at] -= kinds[kind(calendar.slot(at))]);

    let each =
        Layer { groups: WEEK, block: DAY, smooth: true }.effects(samples(&|slot| slot, &rest).into_iter());
    let recent = mean(levels[days.saturating_sub(7)..].iter().copied());
    let recent = if recent.is_nan() { mean_or_zero(window.logs[..end].iter().copied()) } else { recent };
    std::array::from_fn(|slot| {
        recent + hours[slot % DAY] + weekdays[slot / DAY] + kinds[kind(slot)] + each[slot]
    })
}

/// The weighted mean of each hour of the day, relative to its day; `about` gives an index's hour, weight and day's
/// level.
fn hours_of_the_day(logs: &[f64], about: impl Fn(usize) -> (usize, f64, f64)) -> [f64; DAY] {
    let mut sums = [(0.0, 0.0); DAY];
    for (at, log) in logs.iter().enumerate() {
        let (hour, weight, level) = about(at);
        if !(log - level).is_nan() {
            sums[hour].0 += weight * (log - level);
            sums[hour].1 += weight;
        }
    }
    sums.map(|(sum, weight)| if weight > 0.0 { sum / weight } else { 0.0 })
}

/// Effects of belonging to a group.
struct Layer {
    groups: usize,
    /// Neighbouring groups that share one variance: the hours of one weekday.
    block: usize,
    /// Whether neighbours resemble one another; the last is a neighbour of the first.
    smooth: bool,
}

/// What is known of a group.
#[derive(Clone, Copy, Default)]
struct Group {
    mean: f64,
    /// How many equal weights its weights are worth.
    count: f64,
}

impl Layer {
    /// The mean of each group, drawn to zero the more, the less the groups' spread exceeds that of chance. Samples
    /// are group, value and weight.
    fn effects(&self, samples: impl Iterator<Item = (usize, f64, f64)>) -> Vec<f64> {
        let (mut groups, noise) = self.means(samples);
        if self.smooth {
            self.mix_with_neighbours(&mut groups, noise);
        }
        let mut effects = Vec::with_capacity(self.groups);
        for block in groups.chunks(self.block) {
            let known = || block.iter().filter(|group| group.count > 0.0);
            let spread: f64 = known().map(|group| group.mean.powi(2) - noise / group.count).sum();
            let variance = (spread / known().count().max(1) as f64).max(0.0);
            effects.extend(block.iter().map(|group| match group.count > 0.0 {
                true => group.mean * variance / (variance + noise / group.count + 1e-12),
                false => 0.0,
            }));
        }
        effects
    }

    /// Groups, and the variance within them.
    fn means(&self, samples: impl Iterator<Item = (usize, f64, f64)>) -> (Vec<Group>, f64) {
        /// Sums of weights, of their squares, of weighted values and of their squares.
        #[derive(Clone, Copy, Default)]
        struct Sums([f64; 4]);
        let mut sums = vec![Sums::default(); self.groups];
        for (group, value, weight) in samples.filter(|(_, value, _)| !value.is_nan()) {
            let terms = [weight, weight * weight, weight * value, weight * value * value];
            sums[group].0.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
        let (mut within, mut freedom) = (0.0, 0.0);
        let group = |Sums([weights, squares, values, value_squares]): Sums| {
            if weights <= 0.0 {
                return Group::default();
            }
            let (mean, count) = (values / weights, weights * weights / squares);
            if count > 1.5 {
                within += count * (value_squares / weights - mean * mean);
                freedom += count - 1.0;
            }
            Group { mean, count }
        };
        let groups = sums.into_iter().map(group).collect();
        (groups, if freedom > 0.0 { within / freedom } else { 0.0 })
    }

    /// Replaces means by those of their neighbourhood, as far as they differ from it by no more than by chance.
    fn mix_with_neighbours(&self, groups: &mut [Group], noise: f64) {
        const KERNEL: [f64; 5] = [1.0, 2.0, 3.0, 2.0, 1.0];
        /// Variance of a mean less its neighbourhood's, for the variance of a mean: (1 − 3/9)² + (2·2² + 2·1²)/9².
        const OWN: f64 = 0.57;
        /// How many times as much a neighbourhood's mean knows as one group's: 9² / (3² + 2·2² + 2·1²), less one.
        const GAIN: f64 = 3.26;
        let around = |at: usize| {
            let neighbours = KERNEL.iter().enumerate().map(|(k, weight)| {
                let group = groups[(at + self.groups + k - KERNEL.len() / 2) % self.groups];
                (weight * group.count, group.mean)
            });
            let (weights, sum) = neighbours
                .fold((0.0, 0.0), |(weights, sum), (weight, mean)| (weights + weight, sum + weight * mean));
            if weights > 0.0 { sum / weights } else { 0.0 }
        };
        let smooth: Vec<f64> = (0..groups.len()).map(around).collect();
        let known = || groups.iter().zip(&smooth).filter(|(group, _)| group.count > 0.0);
        let rough: f64 = known().map(|(group, smooth)| (group.mean - smooth).powi(2)).sum();
        let chance: f64 = known().map(|(group, _)| OWN * noise / group.count).sum();
        let own = if rough > 0.0 { (1.0 - chance / rough).clamp(0.0, 1.0) } else { 0.0 };
        for (group, smooth) in groups.iter_mut().zip(smooth) {
            group.mean = smooth + own * (group.mean - smooth);
            // A group without samples knows what its neighbours know.
            group.count = group.count.max(0.5) * (1.0 + GAIN * (1.0 - own));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{office, window};
    use super::*;

    /// Numbers from −0.5 to 0.5 without a pattern.
    fn noise(at: usize) -> f64 {
        (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) as f64 / u64::MAX as f64 - 0.5
    }

    #[test]
    fn noise_leaves_no_weekdays() {
        let window = window(4, |slot, at| 6.0 + (slot % DAY) as f64 / 12.0 + noise(at));
        let profile = profile(&window, window.len());
        let days = |hour: usize| (0..7).map(move |day| profile[day * DAY + hour]);
        let spread = |hour: usize| days(hour).fold(f64::MIN, f64::max) - days(hour).fold(f64::MAX, f64::min);
        let widest = (0..DAY).map(spread).fold(0.0, f64::max);
        assert!(widest < 0.15, "{widest}");
    }

    #[test]
    fn clear_weekend_stays_under_noise() {
        let window = window(4, |slot, at| office(slot) + 0.4 * noise(at));
        let profile = profile(&window, window.len());
        let gap = profile[2 * DAY + 12] - profile[6 * DAY + 12];
        assert!((1.7..2.2).contains(&gap), "{gap}");
    }

    #[test]
    fn weekend_may_be_friday_and_saturday() {
        let shifted = |slot: usize| office((slot + DAY) % WEEK);
        let window = window(4, |slot, at| shifted(slot) + 0.4 * noise(at));
        let profile = profile(&window, window.len());
        assert!(profile[6 * DAY + 12] - profile[4 * DAY + 12] > 1.5);
    }

    #[test]
    fn nothing_known_is_nothing_believed() {
        let week = window(1, |_, _| 3.0);
        assert!(profile(&week, 0).iter().all(|log| log.is_finite()));
    }
}
