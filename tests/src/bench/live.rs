//! Live frames: what one core forwards through real interfaces, generator and sink included.

use std::time::Instant;

use anyhow::Result;

use super::measure::spread;
use super::report::{Figure, Rate, hundredths};
use super::scene::Scene;
use super::veth::{self, Pair};
use super::wrapper::Wrapper;
use super::{case, scene};
use crate::doubles::World;
use crate::harness::{DataPlane as _, Kernel, Side};

/// Frames of one call, so many that the 20 ms that a call takes to begin with are lost in them.
const FRAMES: u32 = 2_000_000;
const FLOWS: u64 = 4096;
/// How often each program is measured, in turns.
const TURNS: usize = 3;
/// Least part of XDP_TX's rate that Statex should have.
const GOAL: f64 = 0.75;

/// XDP_TX's rate, and the node's.
pub(super) fn figures(kernel: &mut Kernel, wrapper: &mut Wrapper, scene: Scene) -> Result<[Figure; 2]> {
    let pair = Pair::lay()?;
    kernel.reset(&reached_by(scene, veth::index(&pair.node, veth::NODE)?).tables());
    wrapper.packets(&case::floor().frame, FLOWS)?;
    veth::attach(&pair.generator, veth::GENERATOR, wrapper.xdp("sink")?)?;
    let (mut floors, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let link = veth::attach(&pair.node, veth::NODE, wrapper.xdp("floor_tx")?)?;
        floors.push(once(&pair, wrapper)?);
        wrapper.xdp("floor_tx")?.detach(link)?;
        let link = veth::attach(&pair.node, veth::NODE, kernel.program_mut(Side::Node))?;
        rates.push(once(&pair, wrapper)?);
        kernel.program_mut(Side::Node).detach(link)?;
    }
    let [floor, statex] = [floors, rates].map(|turns| {
        let arrived = turns.iter().map(|turn| turn.arrived).sum::<u64>() as f64;
        let lost = 100.0 * (1.0 - arrived / (TURNS as f64 * f64::from(FRAMES)));
        (spread(turns.iter().map(|turn| turn.mpps()).collect()).median, lost)
    });
    let figure = |case, (mpps, lost), of_xdp_tx, goal| {
        let (mpps, lost_percent) = (hundredths(mpps), hundredths(lost));
        Figure::Rate(Rate { case, flows: FLOWS, mpps, lost_percent, of_xdp_tx, goal })
    };
    let part = hundredths(statex.0 / floor.0);
    Ok([figure("live_xdp_tx", floor, None, None), figure("live_statex", statex, Some(part), Some(GOAL))])
}

/// The services, with their backends behind the interface that packets come by.
pub(super) fn reached_by(scene: Scene, interface: u32) -> World {
    let mut world = scene::world(scene);
    for backend in world.services.iter_mut().flat_map(|service| &mut service.backends) {
        backend.interface = interface;
    }
    world
}

struct Turn {
    arrived: u64,
    seconds: f64,
}

impl Turn {
    fn mpps(&self) -> f64 {
        self.arrived as f64 / self.seconds / 1e6
    }
}

fn once(pair: &Pair, wrapper: &mut Wrapper) -> Result<Turn> {
    let interface = veth::index(&pair.generator, veth::GENERATOR)?;
    let before = wrapper.arrived()?;
    let begun = Instant::now();
    pair.generator.run(|| wrapper.generate(interface, FRAMES))?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Turn { arrived: wrapper.arrived()? - before, seconds })
}
