//! Runs a spec on a data plane, on the host or in the kernel.

use std::fmt::Write as _;

use statex_common::Verdict;

use super::spec::{Expect, Spec, Step};
use crate::harness::{Counts, DataPlane, Outcome};
use crate::packet::diff;

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
