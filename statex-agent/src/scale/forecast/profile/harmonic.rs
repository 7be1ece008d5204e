//! A profile of sines and cosines: smooth, so that little noise gets into it, and blind to sharp edges.

use std::f64::consts::TAU;

use super::Profile;
use crate::scale::forecast::{
    series::{DAY, WEEK},
    solve::{Normal, dot},
    window::Window,
};

/// Waves of a day, its half, its third …
const DAILY: usize = 7;
/// Waves of a week, its half, its third …
const WEEKLY: usize = 6;
const TERMS: usize = 1 + 2 * DAILY + 2 * WEEKLY;
/// What is left of an hour's weight an hour later: half after two weeks.
const KEEP: f64 = 0.998;
/// As many samples' worth of belief that there is no such wave.
const RIDGE: f64 = 2.0;

/// The profiles as of each of these days, which ascend.
pub(super) fn profiles(window: &Window, days: &[usize]) -> Vec<Profile> {
    let waves: Vec<[f64; TERMS]> = (0..WEEK).map(waves).collect();
    let mut normal = Normal::default();
    let mut next = 0;
    let profile = |day: &usize| {
        for at in next..*day {
            if !window.logs[at].is_nan() {
                // Growing weights of what is new are falling weights of what is old.
                normal.add(&waves[window.calendar.slot(at)], window.logs[at], KEEP.powi(-(at as i32)));
            }
        }
        next = *day;
        let mut ridge = [RIDGE * KEEP.powi(-(*day as i32)); TERMS];
        ridge[0] = 0.0;
        let coefficients = normal.solve(&ridge);
        std::array::from_fn(|slot| dot(&coefficients, &waves[slot]))
    };
    days.iter().map(profile).collect()
}

fn waves(slot: usize) -> [f64; TERMS] {
    let mut waves = [1.0; TERMS];
    let angles = (1..=DAILY).map(|k| (k * slot) as f64 / DAY as f64);
    let angles = angles.chain((1..=WEEKLY).map(|k| (k * slot) as f64 / WEEK as f64));
    for (pair, turns) in waves[1..].chunks_exact_mut(2).zip(angles) {
        (pair[0], pair[1]) = (TAU * turns).sin_cos();
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::super::tests::window;
    use super::*;

    #[test]
    fn wave_is_found_among_noise() {
        let wave = |slot: usize| 6.0 + (TAU * slot as f64 / 24.0).cos();
        let noise = |at: usize| ((at * 7919) % 101) as f64 / 101.0 - 0.5;
        let window = window(4, |slot, at| wave(slot) + noise(at));
        let profile = profiles(&window, &[window.len()])[0];
        let worst = (0..WEEK).map(|slot| (profile[slot] - wave(slot)).abs()).fold(0.0, f64::max);
        assert!(worst < 0.2, "{worst}");
    }
}
