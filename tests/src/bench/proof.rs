//! What the data plane's own counters must say, for a case to have been what it is called.

use anyhow::{Result, ensure};

use super::scene;
use crate::harness::Counts;

/// Most flows in a hundred that may have lost their place to others of the same line of the table.
const MOST_MISSES: f64 = 1.0;

/// What every packet of a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Of a flow that the table knows.
    Known,
    /// The first of its flow, which gets a place in the table.
    Inserted,
    /// The first of its flow, which gets none.
    Stateless,
    /// Routed by its QUIC connection id.
    ByConnectionId,
    /// A backend's answer, translated back.
    Returned,
    /// For nobody here.
    NotOurs,
}

impl Proof {
    /// Compares what was counted with what was run; gives how many packets in a hundred opened a flow.
    ///
    /// # Errors
    /// When the packets were not what they were to be.
    pub(super) fn check(self, counted: &Counts, repeats: u64) -> Result<f64> {
        let new = counted.get("new_flows");
        let misses = 100.0 * new as f64 / repeats as f64;
        let (what, packets) = match self {
            Self::Known | Self::ByConnectionId => ("packets to backends", of_backends(counted, "packets")),
            Self::Inserted | Self::Stateless => ("new flows", new),
            Self::Returned => ("packets back", of_backends(counted, "returned")),
            Self::NotOurs => ("packets for nobody", counted.get("not_ours")),
        };
        ensure!(packets == repeats, "{what}: {packets} of {repeats}; counted: {counted:?}");
        match self {
            Self::Inserted => {
                let refused = counted.get("refused") + counted.get("stateless");
                ensure!(refused == 0, "{refused} of {repeats} flows got no place");
            }
            Self::Stateless => {
                let stateless = counted.get("stateless");
                ensure!(stateless == repeats, "{stateless} of {repeats} flows were stateless");
            }
            Self::ByConnectionId => {
                let routed = counted.get("quic_routed");
                ensure!(routed == repeats, "{routed} of {repeats} were routed by their connection id");
            }
            Self::Known | Self::Returned | Self::NotOurs => {
                ensure!(misses <= MOST_MISSES, "{misses:.2} % of the packets found no flow");
            }
        }
        Ok(misses)
    }
}

fn of_backends(counted: &Counts, name: &str) -> u64 {
    let ids = 1..=scene::SERVICES * scene::BACKENDS;
    ids.map(|id| counted.get(&format!("backend {id} {name}"))).sum()
}
