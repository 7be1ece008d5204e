//! How far above its profile the load is just now, and how long that lasts.

use super::{
    profile::Profile,
    window::{Window, mean_or_zero},
};

/// The last hours, which tell what is going on beside the level.
const LATEST: usize = 6;
/// What is left of an hour's weight an hour before.
const KEEP: f64 = 0.6;
/// What is left of a deviation of the last hours an hour later.
const LASTS: f64 = 0.8;

/// The profile at the level of the last `span` hours, for the hours from `origin` on.
pub(super) fn levelled(window: &Window, profile: &Profile, origin: usize, span: usize, out: &mut [f64]) {
    let slot = |at: usize| window.calendar.slot(at);
    let off = |at: usize| window.logs[at] - profile[slot(at)];
    let level = middle((origin.saturating_sub(span)..origin).map(off).collect());
    // Hours that are missing leave their weight to no deviation at all.
    let latest = (origin.saturating_sub(LATEST)..origin).rev().zip(0..).filter_map(|(at, ago)| {
        let off = off(at) - level;
        (!off.is_nan()).then_some(off * KEEP.powi(ago))
    });
    let mut latest = latest.sum::<f64>() * (1.0 - KEEP);
    for (at, out) in (origin..).zip(out) {
        latest *= LASTS;
        *out = profile[slot(at)] + level + latest;
    }
}

/// The mean without the lowest and the highest fifth, which a burst may have made; 0 where nothing is known.
fn middle(mut values: Vec<f64>) -> f64 {
    values.retain(|value| !value.is_nan());
    values.sort_unstable_by(f64::total_cmp);
    let cut = values.len() / 5;
    mean_or_zero(values[cut..values.len() - cut].iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::forecast::{calendar::DaysOff, series::Series};

    /// Two weeks at a logarithm of 5, the last hours of which are at 6.
    fn window(high: usize) -> Window {
        let points = (0..336).map(|at| (at, 5.0_f64.exp_m1()));
        let mut window = Window::new(&Series::from_points(points, 336), 48, &DaysOff::default());
        window.logs[336 - high..].fill(6.0);
        window
    }

    fn forecast(high: usize) -> [f64; 12] {
        let mut out = [0.0; 12];
        levelled(&window(high), &[5.0; 168], 336, 24, &mut out);
        out
    }

    #[test]
    fn level_of_the_span_goes_on() {
        assert!(forecast(24).iter().all(|log| (log - 6.0).abs() < 1e-9));
    }

    #[test]
    fn burst_is_no_level() {
        assert_eq!(middle(vec![1.0, 9.0, 1.0, f64::NAN, 1.0, 0.0, 1.0]), 1.0);
        assert_eq!(middle(vec![f64::NAN]), 0.0);
    }

    #[test]
    fn what_began_just_now_fades() {
        let forecast = forecast(3);
        assert!(forecast[0] > 5.5, "{forecast:?}");
        assert!(forecast[11] < 5.25, "{forecast:?}");
    }
}
