//! What a packet costs, and what it costs to keep the tables: the figures behind `cargo xtask bench xdp`.
//!
//! The kernel does not put a frame back between the repeats of `BPF_PROG_TEST_RUN`, so a plain loop would
//! give a program its own output. A wrapper program writes the next flow's packet each time and tail-calls
//! the program under test; what the wrapper costs is measured with a program that does nothing.
//!
//! ```text
//! a slice:  floor (calibration) ─ program under test ─ floor (calibration)
//! net     = program under test − mean of the calibrations; when these differ, the slice is thrown away
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `case.rs` | the paths of the data plane, their packets and goals |
//! | `scene.rs` | the services and backends that the packets are for |
//! | `proof.rs` | what the counters must say for a case to be what it is called |
//! | `wrapper.rs` | the programs that measure, in the kernel |
//! | `measure.rs` | slices and what is made of them |
//! | `veth.rs`, `live.rs`, `trafgen.rs` | frames through a pair of interfaces |
//! | `program.rs` | size of the program, what the verifier did |
//! | `ring.rs` | how long a ring takes to build |
//! | `report.rs` | figures as lines of JSON and as tables |
//! | `schedule.rs` | keeping others off the processor |

mod case;
mod live;
mod measure;
mod program;
mod proof;
mod report;
mod ring;
mod scene;
mod schedule;
mod trafgen;
mod veth;
mod wrapper;

use anyhow::{Context, Result};

use crate::harness::{DataPlane as _, Kernel, Side};

pub use report::{Figure, tables};

use case::Case;
use measure::{Spread, slices};
use scene::Scene;
use schedule::RealTime;
use wrapper::Wrapper;

/// What is measured.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only the paths that have this text in their name, and nothing else.
    pub only: Option<String>,
}

/// What was measured, and what could not be.
#[derive(Debug, Default)]
pub struct Findings {
    pub figures: Vec<Figure>,
    pub failures: Vec<String>,
}

impl Findings {
    fn take(&mut self, what: &str, figures: Result<impl IntoIterator<Item = Figure>>) {
        match figures {
            Ok(figures) => self.figures.extend(figures),
            Err(error) => self.failures.push(format!("{what}: {error:#}")),
        }
    }
}

/// Measures everything; `tell` gets a line before each part.
///
/// # Errors
/// Without root, and when the programs are not built or the kernel refuses them.
pub fn run(options: &Options, tell: &dyn Fn(&str)) -> Result<Findings> {
    let mut findings = Findings::default();
    tell("loading the data plane");
    let (mut kernel, scene) = match Kernel::load(&scene::world(Scene::Everything).tables()) {
        Ok(kernel) => (kernel, Scene::Everything),
        Err(error) => {
            tell("once more, without NAT");
            let kernel = Kernel::load(&scene::world(Scene::WithoutNat).tables())?;
            findings.failures.push(format!("with NAT: {}", last_lines(&format!("{error:#}"))));
            (kernel, Scene::WithoutNat)
        }
    };
    let mut wrapper = Wrapper::load()?;
    findings.take("verifier", program::figure(&mut kernel).map(Some));
    let priority = RealTime::begin();
    if let Err(error) = &priority {
        tell(&format!("without real-time priority, so figures are noisier: {error:#}"));
    }
    let floor = encapsulation_floor(&mut wrapper)?;
    findings.figures.push(Figure::path("encap_floor", "1", floor, floor, None, 0.0));
    for case in case::all() {
        if options.only.as_ref().is_some_and(|only| !case.name.contains(only.as_str())) {
            continue;
        }
        let what = format!("{}, {} flows", case.name, case.flows);
        tell(&what);
        findings.take(&what, path(&mut kernel, &mut wrapper, &case, scene, floor).map(Some));
    }
    drop(priority);
    if options.only.is_none() {
        tell("live frames over veth");
        findings.take("live frames", live::figures(&mut kernel, &mut wrapper, scene));
        tell("trafgen over veth");
        findings.take("trafgen", trafgen::figure(&mut kernel, &mut wrapper, scene, tell));
        findings.figures.push(ring::figure());
    }
    Ok(findings)
}

/// What the verifier says in the end, without the instructions that led there.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(4)..].join("\n")
}

fn encapsulation_floor(wrapper: &mut Wrapper) -> Result<Spread> {
    let case = case::floor();
    wrapper.packets(&case.frame, case.flows.number())?;
    let program = wrapper.program("floor_encap")?;
    slices(wrapper, &program, case.outcome())
}

/// One path: opens the flows, measures, and has the counters prove what was measured.
fn path(
    kernel: &mut Kernel,
    wrapper: &mut Wrapper,
    case: &Case,
    scene: Scene,
    floor: Spread,
) -> Result<Figure> {
    kernel.reset(&scene::holding(scene, case.flows).tables());
    let program = kernel.program_mut(Side::Node).fd()?.try_clone()?;
    let frame = match case.reply {
        None => case.frame.clone(),
        Some(reply) => {
            wrapper.packets(&case.frame, 1)?;
            wrapper.repeat(&program, 2)?;
            reply(&kernel.state()).context("no translation of the flow's packets was noted")?
        }
    };
    wrapper.packets(&frame, case.flows.number())?;
    wrapper.repeat(&program, case.flows.opening())?;
    let before = kernel.counts();
    let repeats = wrapper.repeats();
    let net = slices(wrapper, &program, case.outcome())?;
    let repeats = wrapper.repeats() - repeats;
    let misses = case.proof.check(&kernel.counts().since(&before), repeats)?;
    Ok(Figure::path(case.name, case.flows.to_string(), net, floor, case.goal, misses))
}
