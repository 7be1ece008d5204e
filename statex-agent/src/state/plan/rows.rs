//! Rows of services and backends.

use super::{Obstacle, Planner};
use crate::config::Destination;
use crate::state::change::Change;
use crate::state::key::{BackendKey, ServiceKey};
use crate::state::observed::generation;
use statex_common::abi::{Backend, BackendState, Egress, Row, Service, service_flags as flag};
use statex_common::service::pseudo;

impl Planner<'_> {
    /// Puts rows that are new or changed. An address comes before its services, as their keys' order has it.
    pub(super) fn put_services(&mut self) {
        let desired = self.desired;
        for (key, row) in &desired.services {
            let (id, row) = match self.draft.services.get(key) {
                Some(placed) => (placed.id, Service { addr: placed.row.addr, ..row.clone() }),
                None => match self.draft.service_ids.next(self.now) {
                    Ok((id, _)) => (id, Service { addr: self.addr(key, id, row), ..row.clone() }),
                    Err(until) => {
                        self.give_up(Obstacle::Services(*key), until);
                        continue;
                    }
                },
            };
            if let Some(placed) = self.draft.services.get(key) {
                row.ring.set(placed.row.ring.get());
                if row.to_bytes() == placed.row.to_bytes() {
                    continue;
                }
                // Rows of the old ring are of the wrong kind for the new flags.
                if kind(&row) != kind(&placed.row) && self.draft.rings.contains_key(key) {
                    self.push(Change::Unpublish { key: *key, service: id });
                    row.ring.set(0);
                }
            }
            self.push(Change::Service { key: *key, id, row });
        }
    }

    /// The address that a row is found by: that of a prefix is made from the id of the prefix's own row.
    fn addr(&self, key: &ServiceKey, id: u16, row: &Service) -> statex_common::abi::Addr {
        match key.destination {
            Destination::Address(_) => row.addr,
            Destination::Prefix(prefix) => {
                let own = self.draft.services.get(&key.address()).map_or(id, |placed| placed.id);
                pseudo(u32::from(own), prefix.addr().is_ipv4())
            }
        }
    }

    /// Puts rows that are new or changed, but for those that die: rings may still lead to them.
    pub(super) fn put_backends(&mut self) {
        let desired = self.desired;
        for (key, row) in &desired.backends {
            let Some(row) = self.wanted(key, row) else { continue };
            match self.draft.backends.get(key) {
                Some(placed) if row.to_bytes() == placed.row.to_bytes() => {}
                Some(placed) if same_backend(&row, &placed.row) => {
                    if is_alive(&row) || !is_alive(&placed.row) {
                        let id = placed.id;
                        self.push(Change::Backend { key: *key, id, row });
                    }
                }
                // What is read without a lock cannot change under the reader: the backend gets another row.
                _ => match self.draft.backend_ids.next(self.now) {
                    Ok((id, generation)) => {
                        self.push(Change::Backend { key: *key, id, row: in_generation(row, generation) });
                    }
                    Err(until) => self.give_up(Obstacle::Backends(*key), until),
                },
            }
        }
    }

    /// A row with the ids that it has in the tables.
    fn wanted(&self, key: &BackendKey, row: &Backend) -> Option<Backend> {
        let service = self.draft.services.get(&key.service)?.id;
        let row = Backend { service, ..row.clone() };
        Some(match self.draft.backends.get(key) {
            Some(placed) => in_generation(row, generation(&placed.row)),
            None => row,
        })
    }

    /// Marks rows dead that no ring leads to any more.
    pub(super) fn bury(&mut self) {
        let (desired, named) = (self.desired, self.draft.named());
        for (key, row) in &desired.backends {
            let Some(row) = self.wanted(key, row) else { continue };
            let Some(placed) = self.draft.backends.get(key) else { continue };
            let dies = !is_alive(&row) && is_alive(&placed.row);
            let id = placed.id;
            if dies && same_backend(&row, &placed.row) && !named.contains(&id) {
                self.push(Change::Backend { key: *key, id, row });
            }
        }
    }

    /// Takes rows back that stand for nobody and that no ring leads to any more.
    pub(super) fn free(&mut self) {
        let named = self.draft.named();
        let gone = self.draft.backends.iter().filter(|(key, _)| !self.desired.backends.contains_key(key));
        let gone = gone.map(|(_, placed)| (placed.id, generation(&placed.row)));
        let retired = self.draft.retired.iter().map(|(id, row)| (*id, generation(row)));
        let free: Vec<_> = gone.chain(retired).filter(|(id, _)| !named.contains(id)).collect();
        for (id, generation) in free {
            self.push(Change::Free { id, generation });
        }
    }

    /// Takes rows of services back.
    pub(super) fn drop_services(&mut self) {
        let gone = self.draft.services.iter().filter(|(key, _)| !self.desired.services.contains_key(key));
        let gone: Vec<_> = gone.map(|(key, placed)| (*key, placed.id)).collect();
        for (key, id) in gone {
            self.push(Change::DropService { key, id });
        }
    }
}

/// What decides how a service's backend rows are used.
fn kind(row: &Service) -> u32 {
    row.flags.get() & (flag::NAT | flag::LOCAL)
}

fn is_alive(row: &Backend) -> bool {
    Egress::from_word(row.egress.get()).state == BackendState::Alive as u8
}

fn in_generation(row: Backend, generation: u8) -> Backend {
    let egress = Egress::from_word(row.egress.get());
    row.egress.set(Egress { generation, ..egress }.word());
    row
}

/// Whether a row in use may become another: all that differs is written one word at a time.
fn same_backend(a: &Backend, b: &Backend) -> bool {
    let fixed = |row: &Backend| {
        let egress = Egress::from_word(row.egress.get());
        let id = (row.server_id, row.server_id_len);
        (row.service, row.outer, row.addr, row.port, row.protocol, id, egress.outer_v6, egress.mode)
    };
    fixed(a) == fixed(b)
}
