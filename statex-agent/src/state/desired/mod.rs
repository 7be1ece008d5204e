//! What the tables should hold, computed from the world: pure.
//!
//! | file | holds |
//! |---|---|
//! | `service.rs` | rows of services and of addresses |
//! | `backend.rs` | rows of backends, with the finished outer header |
//! | `takers.rs` | which backends take new flows |

mod backend;
mod service;
mod takers;
#[cfg(test)]
mod tests;

pub use backend::overhead;
pub use takers::{Ring, Seat};

use super::key::{BackendKey, ServiceKey};
use super::model::State;
use crate::health::Verdict;
use crate::kernel::links::Mac;
use ipnet::IpNet;
use statex_common::abi::{Backend, QuicId, Service};
use std::collections::{BTreeMap, BTreeSet};

/// All tables, by identity: ids, generations and places are for the plan to give.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// Rows without a ring; those of prefixes without an address.
    pub services: BTreeMap<ServiceKey, Service>,
    /// Rows without service id and generation.
    pub backends: BTreeMap<BackendKey, Backend>,
    /// Of services that have backends.
    pub rings: BTreeMap<ServiceKey, Ring>,
    pub deny: BTreeSet<IpNet>,
    /// By interface index.
    pub links: BTreeMap<u32, Mac>,
    /// Words of [`QuicId`].
    pub quic: [u64; QuicId::ROTATIONS as usize],
}

/// Computes the tables from the world.
pub fn desired(state: &State) -> Desired {
    let config = &state.config;
    let mut desired = Desired { deny: config.deny.iter().copied().collect(), ..Desired::default() };
    for id in &config.quic {
        if let Some(word) = desired.quic.get_mut(usize::from(id.rotation)) {
            *word = QuicId::word(id.server_id_bytes, id.nonce_bytes);
        }
    }
    service::nat_addresses(config, &mut desired.services);
    for service in &config.services {
        service::rows(service, state.cpus, &mut desired.services);
        let members: Vec<_> =
            state.members(service).map(|member| (member, backend::row(state, &member))).collect();
        let ring = takers::ring(state, service, &members);
        let taking: BTreeSet<_> =
            ring.seats.iter().filter(|seat| seat.takes).map(|seat| seat.backend).collect();
        for (member, row) in members {
            let Some(row) = row else { continue };
            let given_up = state.verdict(&member) == Verdict::Dead && !taking.contains(&member.key);
            desired.backends.insert(member.key, if given_up { backend::dead(row) } else { row });
        }
        if !ring.seats.is_empty() {
            desired.rings.insert(ServiceKey::of(service), ring);
        }
    }
    desired.links = links(state, &desired.backends);
    desired
}

/// MACs of the interfaces that packets come by or leave by.
fn links(state: &State, backends: &BTreeMap<BackendKey, Backend>) -> BTreeMap<u32, Mac> {
    let leave: BTreeSet<u32> = backends.values().map(|row| row.interface.get()).collect();
    let ours = |name: &String| state.config.node.interfaces.contains(name);
    let links = state.links.values().filter(|link| ours(&link.name) || leave.contains(&link.index));
    links.filter_map(|link| Some((link.index, link.mac?))).collect()
}
