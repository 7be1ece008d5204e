//! Slices between calibrations, and what is made of them.

use anyhow::{Result, ensure};
use aya::programs::ProgramFd;

use super::wrapper::Wrapper;

/// Packets of a slice: few milliseconds, so that most slices meet no interruption.
const REPEATS: u32 = 25_000;
/// Slices that are wanted, and most that are tried.
const WANTED: usize = 60;
const TRIED: usize = 600;
/// Fewest slices that a figure is made of.
const FEWEST: usize = 10;
/// How far the calibrations around a slice may differ, as a part of the lower one.
const NOISE: f64 = 0.1;

/// What a run of the program under test gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) verdict: u32,
    /// Bytes of the frame, after the last repeat.
    pub(super) length: u32,
}

/// One call of `BPF_PROG_TEST_RUN`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// For one packet.
    pub(super) nanos: f64,
    pub(super) outcome: Outcome,
}

/// The lowest and the middle one of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
}

/// Net cost of a packet in nanoseconds.
///
/// # Errors
/// When the program does not do what it should, and when nearly every slice is too noisy.
pub(super) fn slices(wrapper: &mut Wrapper, program: &ProgramFd, expected: Outcome) -> Result<Spread> {
    let floor = wrapper.program("floor_tx")?;
    let mut quiet = Vec::new();
    let mut before = wrapper.calibrate(&floor, REPEATS)?;
    for _ in 0..TRIED {
        let run = wrapper.repeat(program, REPEATS)?;
        ensure!(run.outcome == expected, "{:?} came of a packet, not {expected:?}", run.outcome);
        let after = wrapper.calibrate(&floor, REPEATS)?;
        quiet.extend(net(before.nanos, run.nanos, after.nanos));
        before = after;
        if quiet.len() == WANTED {
            break;
        }
    }
    ensure!(quiet.len() >= FEWEST, "the machine is too busy: {} of {TRIED} slices were quiet", quiet.len());
    Ok(spread(quiet))
}

/// A slice's cost less the floor's, if the floor stood still around it.
fn net(before: f64, slice: f64, after: f64) -> Option<f64> {
    let steady = (before - after).abs() <= before.min(after) * NOISE;
    steady.then_some(slice - (before + after) / 2.0)
}

/// Of at least one figure.
pub(super) fn spread(mut figures: Vec<f64>) -> Spread {
    figures.sort_by(f64::total_cmp);
    Spread { min: figures[0], median: figures[figures.len() / 2] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floor_is_taken_off() {
        assert_eq!(net(30.0, 100.0, 32.0), Some(69.0));
    }

    #[test]
    fn slice_between_differing_floors_is_thrown_away() {
        assert_eq!(net(30.0, 100.0, 34.0), None);
        assert_eq!(net(34.0, 100.0, 30.0), None);
    }

    #[test]
    fn spread_has_the_lowest_and_the_middle() {
        assert_eq!(spread(vec![9.0, 1.0, 3.0]), Spread { min: 1.0, median: 3.0 });
    }
}
