//! Reads back what an earlier agent, or this one, has left in the tables: there is no other memory.

use super::{Content, Observed, Placed, Published};
use crate::clock::Moment;
use crate::config::Destination;
use crate::kernel::image::{Image, Kernel, Region, TableError};
use crate::kernel::next_hop::NextHop;
use crate::state::desired::{Desired, overhead};
use crate::state::key::{BackendKey, ServiceKey};
use crate::state::layout::{Hashes, Ids, Index, Regions};
use crate::state::rings::{self, Rings};
use ipnet::IpNet;
use statex_common::abi::{self, Addr, Backend, BackendState, Egress, Mode, Service, notes, service_flags};
use statex_common::service::pseudo;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// What rows tell of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Backends that were believed dead.
    pub dead: BTreeSet<BackendKey>,
    /// Backends that an operator had drained.
    pub drained: BTreeSet<BackendKey>,
    /// Ways that packets took.
    pub hops: BTreeMap<IpAddr, NextHop>,
}

impl Observed {
    /// Reads the tables.
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn read(kernel: &mut dyn Kernel, now: Moment) -> Result<Self, TableError> {
        let (image, sizes, node) = (kernel.read()?, kernel.sizes(), *kernel.node());
        let services = services(&image);
        let mut observed = Self {
            rings: BTreeMap::new(),
            backends: BTreeMap::new(),
            retired: BTreeMap::new(),
            prefixes: image.prefixes,
            deny: image.deny,
            links: image.links,
            quic: image.quic,
            features: image.features,
            index: Index::found(&node, &image.index),
            hashes: Hashes::new(&node),
            service_ids: Ids::found(sizes.services, &ids(&services), BTreeMap::new(), now),
            backend_ids: Ids::new(sizes.backends),
            regions: Regions::new(sizes.ring_slots),
            services,
        };
        observed.read_rings(kernel);
        observed.read_backends(image.backends, sizes.backends, now);
        Ok(observed)
    }

    fn read_rings(&mut self, kernel: &mut dyn Kernel) {
        for (key, placed) in &self.services {
            let region = Region::from_word(placed.row.ring.get());
            if region == Region::EMPTY {
                continue;
            }
            // A word that leads beyond the table is taken for a ring of nobody, and so written anew.
            let slots = kernel.slots(region).unwrap_or_default();
            let names = slots.iter().copied().filter(|id| *id != 0).collect();
            let (content, digest) = (Content::Found { names }, Some(rings::digest(&slots)));
            let region = if slots.is_empty() { Region::EMPTY } else { region };
            self.regions.claim(region);
            self.rings.insert(*key, Published { region, content, digest, changes: 0 });
        }
    }

    fn read_backends(&mut self, rows: BTreeMap<u16, Backend>, count: u32, now: Moment) {
        let services: HashMap<u16, ServiceKey> =
            self.services.iter().map(|(key, row)| (row.id, *key)).collect();
        let (named, mut used, mut generations) = (self.named(), BTreeSet::new(), BTreeMap::new());
        for (id, row) in rows.into_iter().filter(|(_, row)| row.egress.get() != 0) {
            let egress = Egress::from_word(row.egress.get());
            generations.insert(id, egress.generation);
            if egress.state == BackendState::Free as u8 {
                continue;
            }
            used.insert(id);
            let Some(service) = services.get(&row.service) else {
                self.retired.insert(id, row);
                continue;
            };
            let (address, port) = (IpAddr::from(row.addr), u16::from_be_bytes(row.port));
            let key = BackendKey { service: *service, address, port, mode: egress.mode };
            // Two rows of one backend: it was about to be given another row. The ring knows which counts.
            match self.backends.get(&key) {
                Some(other) if named.contains(&other.id) => drop(self.retired.insert(id, row)),
                _ => {
                    if let Some(other) = self.backends.insert(key, Placed { id, row }) {
                        self.retired.insert(other.id, other.row);
                    }
                }
            }
        }
        self.backend_ids = Ids::found(count, &used, generations, now);
    }

    /// Recognises rings that were found as the ones that are wanted.
    pub fn recognise(&mut self, desired: &Desired, rings: &mut Rings) {
        let mut known = Vec::new();
        for (key, ring) in &self.rings {
            let (Content::Found { .. }, Some(digest)) = (&ring.content, ring.digest) else { continue };
            let Some(wanted) = desired.rings.get(key).map(|ring| self.spec(ring)) else { continue };
            if wanted.slots == ring.region.len && rings::digest(&rings.slots(&wanted)) == digest {
                known.push((*key, wanted));
            }
        }
        for (key, spec) in known {
            if let Some(ring) = self.rings.get_mut(&key) {
                ring.content = Content::Built(spec);
            }
        }
    }

    /// What the rows tell of the world.
    pub fn found(&self) -> Found {
        let mut found = Found::default();
        for (key, Placed { row, .. }) in &self.backends {
            let egress = Egress::from_word(row.egress.get());
            if egress.state == BackendState::Dead as u8 {
                found.dead.insert(*key);
            }
            if row.notes.get() & notes::DRAINED != 0 {
                found.drained.insert(*key);
            }
            if row.interface.get() != 0 {
                let hop = hop(row, egress);
                let widest = found.hops.entry(key.address).or_insert(hop);
                widest.mtu = widest.mtu.max(hop.mtu);
            }
        }
        found
    }
}

/// The next hop that a row was made from.
fn hop(row: &Backend, egress: Egress) -> NextHop {
    let word = abi::NextHop::from_word(row.next_hop.get());
    let encapsulated = matches!(Mode::from_u8(egress.mode), Some(Mode::Ipip | Mode::Gue));
    let source = match egress.outer_v6 {
        false => Addr::v4(row.outer[3]),
        true => Addr([row.outer[2], row.outer[3], row.outer[4], row.outer[5]]),
    };
    NextHop {
        interface: row.interface.get(),
        vlan: (word.vlan != abi::NextHop::UNTAGGED).then_some(word.vlan),
        mac: word.mac,
        source_mac: egress.mac,
        source: encapsulated.then(|| source.into()),
        mtu: u32::from(row.mtu.get()) + u32::from(overhead(egress.mode, egress.outer_v6)),
    }
}

/// Rows in use, by what they are about.
fn services(image: &Image) -> BTreeMap<ServiceKey, Placed<Service>> {
    let pseudo = |(prefix, id): (&IpNet, &u32)| (pseudo(*id, prefix.addr().is_ipv4()), *prefix);
    let prefixes: HashMap<Addr, IpNet> = image.prefixes.iter().map(pseudo).collect();
    let live = image.services.iter().filter(|(_, row)| row.flags.get() & service_flags::LIVE != 0);
    let keyed = live.map(|(id, row)| {
        let destination = match prefixes.get(&row.addr) {
            Some(prefix) => Destination::Prefix(*prefix),
            None => Destination::Address(row.addr.into()),
        };
        let key = ServiceKey { destination, port: u16::from_be_bytes(row.port), protocol: row.protocol };
        (key, Placed { id: *id, row: row.clone() })
    });
    keyed.collect()
}

fn ids(services: &BTreeMap<ServiceKey, Placed<Service>>) -> BTreeSet<u16> {
    services.values().map(|placed| placed.id).collect()
}
