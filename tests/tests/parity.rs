//! Host and kernel agree: the same frames in the same order give the same verdicts, bytes, counters and
//! traces in the tables. Needs root.

use std::cell::RefCell;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use statex_common::Verdict;
use statex_common::abi::Row;
use statex_tests::doubles::World;
use statex_tests::harness::{DataPlane, Host, Kernel, Side, traffic};
use statex_tests::packet::diff;

const CASES: u32 = 1_100;
const FRAMES_A_CASE: usize = 100;

/// The data plane's finest unit of time is 2^26 ns.
const TICK: u32 = 26;
/// A case in which the clock ticks while the kernel decides is begun again, this often at most.
const TRIES: u32 = 200;

#[derive(Clone)]
enum Event {
    Frame(Side, Vec<u8>),
    Change(fn(&mut World)),
    Time(Duration),
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Event::Frame(side, frame) => {
                write!(f, "{side:?} ")?;
                frame.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Event::Change(_) => f.write_str("change"),
            Event::Time(time) => write!(f, "{time:?} later"),
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        60 => traffic::frame().prop_map(|frame| Event::Frame(Side::Node, frame)),
        6 => traffic::frame().prop_map(|frame| Event::Frame(Side::Backend, frame)),
        1 => prop_oneof![Just(drain as fn(&mut World)), Just(kill as _), Just(reuse as _), Just(undrain as _)]
            .prop_map(Event::Change),
        1 => (0..100u64).prop_map(|seconds| Event::Time(Duration::from_nanos(seconds << 30))),
    ]
}

fn drain(world: &mut World) {
    world.drain("10.1.0.1");
}

fn undrain(world: &mut World) {
    world.backend("10.1.0.1").in_ring = true;
}

fn kill(world: &mut World) {
    world.kill("10.1.0.2");
    world.kill("10.1.0.9");
}

fn reuse(world: &mut World) {
    world.reuse_id("10.1.0.3", "10.1.0.3");
    world.reuse_id("10.1.0.8", "10.1.0.8");
}

#[test]
fn host_and_kernel_agree_about_every_frame() {
    let world = traffic::world();
    let kernel = Kernel::load(&world.tables()).unwrap_or_else(|error| panic!("{error:#}"));
    let kernel = RefCell::new(kernel);
    let seen = RefCell::new([0u32; 4]);
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    let case = |events: Vec<Event>| {
        for _ in 0..TRIES {
            if attempt(&world, &events, &mut kernel.borrow_mut(), &mut seen.borrow_mut())? == Attempt::Done {
                return Ok(());
            }
        }
        Err(TestCaseError::fail("the clock ticked in every attempt"))
    };
    if let Err(error) = TestRunner::new(config).run(&vec(event(), FRAMES_A_CASE), case) {
        panic!("{error}");
    }
    eprintln!("dropped, passed, transmitted, redirected: {:?}", seen.borrow());
}

#[derive(PartialEq, Eq)]
enum Attempt {
    Done,
    /// Host and kernel may have read different times.
    Ticked,
}

fn attempt(
    world: &World,
    events: &[Event],
    kernel: &mut Kernel,
    seen: &mut [u32; 4],
) -> Result<Attempt, TestCaseError> {
    let mut world = world.clone();
    let mut host = Host::new(world.tables());
    kernel.reset(&world.tables());
    for (number, event) in events.iter().enumerate() {
        match event {
            Event::Frame(side, frame) => {
                let now = coarse_clock();
                let theirs = kernel.send(*side, frame);
                if now >> TICK != coarse_clock() >> TICK {
                    return Ok(Attempt::Ticked);
                }
                host.tables().clock.set(now);
                let ours = host.send(*side, frame);
                prop_assert_eq!(
                    number_of(ours.verdict),
                    number_of(theirs.verdict),
                    "verdict of frame {}",
                    number
                );
                if ours.verdict != Verdict::Drop
                    && let Some(text) = diff(&ours.frame, &theirs.frame)
                {
                    return Err(TestCaseError::fail(format!("frame {number}, host against kernel:\n{text}")));
                }
                seen[number_of(ours.verdict)] += 1;
            }
            Event::Change(change) => {
                change(&mut world);
                let tables = world.tables();
                host.adopt(&tables);
                kernel.adopt(&tables);
            }
            Event::Time(time) => {
                host.pass_time(*time);
                kernel.pass_time(*time);
            }
        }
    }
    prop_assert_eq!(host.counts(), kernel.counts());
    let (ours, theirs) = (host.state(), kernel.state());
    same_rows("flows", &ours.flows, &theirs.flows)?;
    same_rows("translations", &ours.nat, &theirs.nat)?;
    same_rows("source buckets", &ours.sources, &theirs.sources)?;
    Ok(Attempt::Done)
}

/// The kernel does not tell where it would redirect to.
fn number_of(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Drop => 0,
        Verdict::Pass => 1,
        Verdict::Transmit => 2,
        Verdict::Redirect(_) => 3,
    }
}

fn same_rows<R: Row>(what: &str, ours: &[R], theirs: &[R]) -> Result<(), TestCaseError> {
    for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let (ours, theirs) = (ours.to_bytes(), theirs.to_bytes());
        prop_assert_eq!(ours.as_ref(), theirs.as_ref(), "row {} of the {}: host against kernel", index, what);
    }
    Ok(())
}

/// The clock that the data plane reads, in nanoseconds.
fn coarse_clock() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC_COARSE).expect("Linux has it");
    Duration::from(time).as_nanos() as u64
}
