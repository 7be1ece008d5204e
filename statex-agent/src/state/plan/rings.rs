//! Rings: built from the rows that live, each published by one write.

use super::{Obstacle, Planner};
use crate::kernel::image::Region;
use crate::state::change::Change;
use crate::state::desired::Ring;
use crate::state::key::ServiceKey;
use crate::state::observed::{Content, Observed};
use crate::state::rings::{Seat, Spec};

impl Planner<'_> {
    pub(super) fn put_rings(&mut self) {
        let services: Vec<(ServiceKey, u16)> =
            self.draft.services.iter().map(|(key, placed)| (*key, placed.id)).collect();
        for (key, service) in services {
            let wanted = self.desired.rings.get(&key).map(|ring| self.draft.spec(ring));
            match wanted.filter(|spec| spec.takers().next().is_some()) {
                Some(spec) => self.put_ring(key, service, spec),
                None if self.draft.rings.contains_key(&key) => self.push(Change::Unpublish { key, service }),
                None => {}
            }
        }
    }

    fn put_ring(&mut self, key: ServiceKey, service: u16, spec: Spec) {
        let there = self.draft.rings.get(&key);
        if there.is_some_and(|ring| matches!(&ring.content, Content::Built(built) if *built == spec)) {
            return;
        }
        match self.draft.regions.find(spec.slots) {
            Ok(Region { base, len }) => {
                self.push(Change::Publish { key, service, region: Region { base, len }, spec });
            }
            Err(until) => self.give_up(Obstacle::Ring { key, slots: spec.slots }, until),
        }
    }
}

impl Observed {
    /// A ring with the ids that its backends have here.
    pub fn spec(&self, ring: &Ring) -> Spec {
        let seats = ring.seats.iter().map(|seat| {
            let id = self.backends.get(&seat.backend).filter(|_| seat.takes).map_or(0, |placed| placed.id);
            Seat { key: seat.key, weight: seat.weight, share: seat.share, id }
        });
        Spec::new(ring.slots, seats.collect())
    }
}
