//! How long the agent takes to build a ring from nothing.

use std::hint::black_box;
use std::time::Instant;

use statex_agent::kernel::ring::{Member, build};

use super::measure::spread;
use super::report::{Figure, Time, hundredths};
use super::scene;

/// How often it is built.
const TIMES: usize = 20;
/// Most that it may take, in milliseconds.
const GOAL: f64 = 20.0;

pub(super) fn figure() -> Figure {
    let key = |id: usize| (id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let member = |id: usize| Member { id: id as u16, weight: 1, key: key(id) };
    let members: Vec<Member> = (1..=scene::BACKENDS).map(member).collect();
    let once = |_| {
        let begun = Instant::now();
        black_box(build(None, black_box(&members), scene::RING_SLOTS as usize));
        begun.elapsed().as_secs_f64() * 1000.0
    };
    let times = spread((0..TIMES).map(once).collect());
    let [ms_min, ms_median] = [times.min, times.median].map(hundredths);
    Figure::Time(Time { case: "ring_build", ms_min, ms_median, ms_goal: GOAL })
}
