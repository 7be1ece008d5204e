//! Runs a spec on a data plane, on the host or in the kernel.

use std::fmt::Write as _;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use statex_common::Verdict;

use super::spec::{Expect, Spec, Step};
use crate::harness::{Counts, DataPlane, Kernels, Outcome};
use crate::packet::diff;

/// How often a spec is run again whose rates the kernel's clock has come between.
const TRIES: usize = 5;

/// Runs a spec in the kernel. Nobody can hold its clock: a spec that fails while a second of the rates turns is run again.
///
/// # Errors
/// What [`run`] says of the last try, or why the object does not load.
pub fn run_in_kernel(spec: &Spec, kernels: &mut Kernels) -> Result<(), String> {
    let mut tried = 0;
    loop {
        let before = second();
        let ran = kernels.with(&spec.world.tables()).and_then(|kernel| run(spec, kernel));
        tried += 1;
        if ran.is_ok() || tried == TRIES || before == second() {
            return ran;
        }
    }
}

/// The second of the data plane's rates, 2^30 ns of the clock that it reads.
fn second() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).expect("Linux has it");
    (Duration::from(time).as_nanos() as u64) >> 30
}

/// Runs all steps of a spec.
///
/// # Errors
/// What differs at the first step where something does, for a person to read.
pub fn run(spec: &Spec, plane: &mut dyn DataPlane) -> Result<(), String> {
    let mut world = spec.world.clone();
    plane.reset(&world.tables());
    for (number, step) in spec.steps.iter().enumerate() {
        match step {
            Step::Packet(frame, expect) => {
                let before = plane.counts();
                let outcome = plane.send(spec.side, frame);
                let counted = plane.counts().since(&before);
                let mut text = differences(frame, expect, &outcome, &counted);
                let told: Vec<_> = plane.events().iter().map(|event| (event.kind, event.backend)).collect();
                let expected: Vec<_> = expect.events.iter().map(|(kind, id)| (*kind as u8, *id)).collect();
                if told != expected {
                    let _ = writeln!(text, "  events: expected {:?}, got {told:?}", expect.events);
                }
                if !text.is_empty() {
                    return Err(format!("step {} of {}:\n{text}", number + 1, spec.steps.len()));
                }
            }
            Step::Flood(frames) => {
                for frame in frames {
                    plane.send(spec.side, frame);
                }
                plane.events();
            }
            Step::Change(change) => {
                change(&mut world);
                plane.adopt(&world.tables());
            }
            Step::Time(time) => plane.pass_time(*time),
        }
    }
    Ok(())
}

fn differences(came: &[u8], expect: &Expect, outcome: &Outcome, counted: &Counts) -> String {
    let mut text = String::new();
    if !same_verdict(expect.verdict, outcome.verdict) {
        let _ = writeln!(text, "  verdict: expected {:?}, got {:?}", expect.verdict, outcome.verdict);
    }
    let expected_reasons: Vec<(&str, u64)> = expect.reason.iter().map(|reason| (reason.label(), 1)).collect();
    if counted.reasons() != expected_reasons {
        let _ = writeln!(text, "  reason: expected {expected_reasons:?}, got {:?}", counted.reasons());
    }
    for (name, count) in &expect.counts {
        if counted.get(name) != *count {
            let _ = writeln!(text, "  counter {name}: expected {count}, got {}", counted.get(name));
        }
    }
    let is_dropped = expect.verdict == Verdict::Drop && outcome.verdict == Verdict::Drop;
    if !is_dropped {
        let mut wanted = expect.frame.as_ref().map_or_else(|| came.to_vec(), |frame| frame.bytes());
        let mut got = outcome.frame.clone();
        for field in &expect.any {
            field.erase(&mut wanted);
            field.erase(&mut got);
        }
        text.push_str(&diff(&wanted, &got).unwrap_or_default());
    }
    text
}

/// The kernel does not tell where it would redirect to.
fn same_verdict(expected: Verdict, got: Verdict) -> bool {
    match (expected, got) {
        (Verdict::Redirect(_), Verdict::Redirect(0)) => true,
        _ => expected == got,
    }
}
