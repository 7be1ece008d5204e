//! What leads packets to rows, and the small tables beside.

use super::{Obstacle, Planner};
use crate::config::Destination;
use crate::kernel::image::Write;
use crate::state::change::Change;
use crate::state::key::ServiceKey;
use crate::state::layout::Step;
use ipnet::IpNet;
use statex_common::abi::features;
use std::collections::BTreeSet;

impl Planner<'_> {
    /// Takes away all that leads to rows which will go.
    pub(super) fn forget(&mut self) {
        let (hashes, desired) = (&self.draft.hashes, self.desired);
        let stays = self.draft.services.iter().filter(|(key, placed)| {
            // What is not a shared word changes only while nothing leads there.
            desired.services.get(key).is_some_and(|row| row.nat_index == placed.row.nat_index)
        });
        let mut wanted: BTreeSet<u64> = stays.map(|(_, placed)| hashes.of_service(&placed.row)).collect();
        for (key, placed) in &self.draft.backends {
            let id = (placed.row.server_id, placed.row.server_id_len);
            if desired
                .backends
                .get(key)
                .is_some_and(|row| (row.server_id, row.server_id_len) == id && id.1 > 0)
            {
                wanted.insert(hashes.of_server_id(&placed.row));
            }
        }
        for step in self.draft.index.retain(&wanted) {
            self.push(index(step));
        }
        let gone: Vec<IpNet> = self
            .draft
            .prefixes
            .keys()
            .filter(|prefix| !desired.services.contains_key(&whole(**prefix)))
            .copied()
            .collect();
        for prefix in gone {
            self.push(Change::Table(Write::Prefix { prefix, id: None }));
        }
    }

    /// Leads packets to all rows that are there.
    pub(super) fn lead_to(&mut self) {
        let (hashes, desired) = (&self.draft.hashes, self.desired);
        let mut rows = Vec::new();
        for key in desired.services.keys() {
            if let Some(placed) = self.draft.services.get(key) {
                rows.push((*key, hashes.of_service(&placed.row), placed.id));
            }
        }
        for (key, row) in &desired.backends {
            if let Some(placed) = self.draft.backends.get(key).filter(|_| row.server_id_len > 0) {
                rows.push((key.service, hashes.of_server_id(&placed.row), placed.id));
            }
        }
        for (key, hash, id) in rows {
            match self.draft.index.put(hash, id) {
                Ok(step) => step.into_iter().for_each(|step| self.push(index(step))),
                Err(_) => self.give_up(Obstacle::Index(key), None),
            }
        }
        for key in desired.services.keys() {
            let Destination::Prefix(prefix) = key.destination else { continue };
            let Some(id) = self.draft.services.get(&key.address()).map(|placed| u32::from(placed.id)) else {
                continue;
            };
            if self.draft.prefixes.get(&prefix) != Some(&id) {
                self.push(Change::Table(Write::Prefix { prefix, id: Some(id) }));
            }
        }
    }

    /// Tables that nothing else depends on.
    pub(super) fn put_tables(&mut self) {
        let (desired, draft) = (self.desired, &self.draft);
        let mut writes = Vec::new();
        for (rotation, word) in (0..).zip(desired.quic) {
            if draft.quic.get(usize::from(rotation)) != Some(&word) {
                writes.push(Write::Quic { rotation, word });
            }
        }
        for (interface, mac) in &desired.links {
            if draft.links.get(interface) != Some(mac) {
                writes.push(Write::Link { interface: *interface, mac: Some(*mac) });
            }
        }
        for interface in draft.links.keys().filter(|interface| !desired.links.contains_key(interface)) {
            writes.push(Write::Link { interface: *interface, mac: None });
        }
        writes.extend(
            draft.deny.difference(&desired.deny).map(|prefix| Write::Deny { prefix: *prefix, denied: false }),
        );
        writes.extend(
            desired.deny.difference(&draft.deny).map(|prefix| Write::Deny { prefix: *prefix, denied: true }),
        );
        let given =
            [(!draft.prefixes.is_empty(), features::PREFIXES), (!desired.deny.is_empty(), features::DENY)];
        let features = given.iter().filter(|(given, _)| *given).fold(0, |all, (_, feature)| all | feature);
        if draft.features != features {
            writes.push(Write::Features(features));
        }
        writes.into_iter().for_each(|write| self.push(Change::Table(write)));
    }
}

fn index((bucket, slot, word): Step) -> Change {
    Change::Table(Write::Index { bucket, slot, word })
}

/// The row that stands for a whole prefix.
fn whole(prefix: IpNet) -> ServiceKey {
    ServiceKey { destination: Destination::Prefix(prefix), port: 0, protocol: 0 }
}
