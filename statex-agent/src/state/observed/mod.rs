//! What is in the tables, as far as the agent knows: every change that was written is applied here, too.

mod compare;
mod found;
#[cfg(test)]
mod tests;

pub use found::Found;

use super::change::Change;
use super::key::{BackendKey, ServiceKey};
use super::layout::{Hashes, Ids, Index, Regions};
use super::rings::Spec;
use crate::clock::Moment;
use crate::kernel::image::{Region, Write};
use crate::kernel::links::Mac;
use ipnet::IpNet;
use statex_common::abi::{Backend, Egress, QuicId, Service};
use std::collections::{BTreeMap, BTreeSet};

/// The tables' contents by identity, and what is free in them.
#[derive(Clone, Debug)]
pub struct Observed {
    pub services: BTreeMap<ServiceKey, Placed<Service>>,
    /// Of services that have a ring.
    pub rings: BTreeMap<ServiceKey, Published>,
    pub backends: BTreeMap<BackendKey, Placed<Backend>>,
    /// Rows in use that no longer stand for a backend.
    pub retired: BTreeMap<u16, Backend>,
    pub prefixes: BTreeMap<IpNet, u32>,
    pub deny: BTreeSet<IpNet>,
    pub links: BTreeMap<u32, Mac>,
    pub quic: [u64; QuicId::ROTATIONS as usize],
    pub features: u64,
    pub index: Index,
    pub hashes: Hashes,
    pub service_ids: Ids,
    pub backend_ids: Ids,
    pub regions: Regions,
}

/// A row and its id.
#[derive(Clone, Debug)]
pub struct Placed<R> {
    pub id: u16,
    pub row: R,
}

/// A ring in use.
#[derive(Clone, Debug)]
pub struct Published {
    pub region: Region,
    pub content: Content,
    /// The [`digest`](super::rings::digest) of its slots, once they were written or read.
    pub digest: Option<u64>,
    /// How often this service was given another ring since the agent started.
    pub changes: u64,
}

/// What is known of a ring's slots.
#[derive(Clone, Debug)]
pub enum Content {
    Built(Spec),
    /// They were there when the agent started, and name these rows.
    Found {
        names: BTreeSet<u16>,
    },
}

impl Observed {
    /// Notes that a change has been made.
    pub fn apply(&mut self, change: &Change, now: Moment) {
        match change {
            Change::Service { key, id, row } => {
                let before = self.services.insert(*key, Placed { id: *id, row: row.clone() });
                if before.is_none() {
                    self.service_ids.claim(*id);
                }
            }
            Change::DropService { key, id } => {
                self.services.remove(key);
                self.service_ids.release(*id, now);
                self.unpublish(key, now);
            }
            Change::Backend { key, id, row } => {
                match self.backends.insert(*key, Placed { id: *id, row: row.clone() }) {
                    Some(before) if before.id == *id => return,
                    Some(before) => drop(self.retired.insert(before.id, before.row)),
                    None => {}
                }
                self.backend_ids.claim(*id);
            }
            Change::Free { id, .. } => {
                if self.retired.remove(id).is_none() {
                    self.backends.retain(|_, placed| placed.id != *id);
                }
                self.backend_ids.release(*id, now);
            }
            Change::Publish { key, region, spec, .. } => {
                let changes = self.rings.get(key).map_or(0, |ring| ring.changes) + 1;
                self.regions.claim(*region);
                self.unpublish(key, now);
                if let Some(placed) = self.services.get(key) {
                    placed.row.ring.set(region.word());
                }
                let (content, digest) = (Content::Built(spec.clone()), None);
                self.rings.insert(*key, Published { region: *region, content, digest, changes });
            }
            Change::Unpublish { key, .. } => self.unpublish(key, now),
            Change::Table(write) => self.table(write),
        }
    }

    fn unpublish(&mut self, key: &ServiceKey, now: Moment) {
        if let Some(ring) = self.rings.remove(key) {
            self.regions.release(ring.region, now);
        }
        if let Some(placed) = self.services.get(key) {
            placed.row.ring.set(Region::EMPTY.word());
        }
    }

    fn table(&mut self, write: &Write) {
        match write {
            Write::Index { bucket, slot, word } => self.index.apply((*bucket, *slot, *word)),
            Write::Prefix { prefix, id: Some(id) } => drop(self.prefixes.insert(*prefix, *id)),
            Write::Prefix { prefix, id: None } => drop(self.prefixes.remove(prefix)),
            Write::Deny { prefix, denied: true } => drop(self.deny.insert(*prefix)),
            Write::Deny { prefix, denied: false } => drop(self.deny.remove(prefix)),
            Write::Link { interface, mac: Some(mac) } => drop(self.links.insert(*interface, *mac)),
            Write::Link { interface, mac: None } => drop(self.links.remove(interface)),
            Write::Quic { rotation, word } => {
                if let Some(quic) = self.quic.get_mut(usize::from(*rotation)) {
                    *quic = *word;
                }
            }
            Write::Features(features) => self.features = *features,
            // Rows with ids come as changes of their own.
            Write::Service { .. } | Write::Ring { .. } | Write::Backend { .. } | Write::Slots { .. } => {}
        }
    }

    /// Rows that a service's published ring leads to.
    pub fn takers(&self, service: &ServiceKey) -> BTreeSet<u16> {
        match self.rings.get(service).map(|ring| &ring.content) {
            Some(Content::Built(spec)) => spec.takers().collect(),
            Some(Content::Found { names }) => names.clone(),
            None => BTreeSet::new(),
        }
    }

    /// Rows that published rings lead to.
    pub fn named(&self) -> BTreeSet<u16> {
        self.rings.keys().flat_map(|service| self.takers(service)).collect()
    }
}

/// The generation that a row was written in.
pub fn generation(row: &Backend) -> u8 {
    Egress::from_word(row.egress.get()).generation
}
