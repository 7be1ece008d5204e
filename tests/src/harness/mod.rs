//! What runs the packet path: the pure function on the host, and the object in the kernel.
//!
//! Both take the same tables and the same frames, so that a test that holds for one is asked of the other.

mod counts;
mod host;
mod kernel;
mod pool;
pub mod traffic;

use std::time::Duration;

use statex_common::Verdict;
use statex_common::abi::Event;

use crate::doubles::Memory;

pub use counts::Counts;
pub use host::Host;
pub use kernel::{Kernel, verifier_instructions};
pub use pool::Kernels;

/// Which program a frame is given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `statex run`: spreads connections.
    Node,
    /// `statex backend`: takes encapsulation off.
    Backend,
    /// A node's way out: sends health probes that are marked with the id of a backend.
    Probe(u16),
}

/// What came of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// [`Verdict::Redirect`] from the kernel has no interface: only the verdict can be seen.
    pub verdict: Verdict,
    pub frame: Vec<u8>,
}

/// Something that has tables and decides about frames.
pub trait DataPlane {
    /// Starts anew with these tables: no flows, nothing counted.
    fn reset(&mut self, tables: &Memory);

    /// Takes over the rows that an agent writes; flows and counters stay.
    fn adopt(&mut self, tables: &Memory);

    /// Decides about a frame.
    fn send(&mut self, side: Side, frame: &[u8]) -> Outcome;

    /// Makes everything that the tables remember so much older.
    fn pass_time(&mut self, time: Duration);

    /// Everything counted since the reset.
    fn counts(&self) -> Counts;

    /// Flow events told since they were last asked for.
    fn events(&mut self) -> Vec<Event>;

    /// The tables that the packet path itself writes: flows, translations, source buckets.
    fn state(&self) -> Memory;
}
