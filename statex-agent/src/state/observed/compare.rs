//! Whether the tables are still as they were written.

use super::Observed;
use crate::kernel::image::Image;
use crate::state::layout::Index;
use statex_common::abi::{BackendState, Egress, Row, names, service_flags};
use std::collections::BTreeMap;

impl Observed {
    /// The tables that hold something else than what was written.
    pub fn differences(&self, image: &Image) -> Vec<&'static str> {
        let live = image.services.iter().filter(|(_, row)| row.flags.get() & service_flags::LIVE != 0);
        let services: BTreeMap<_, _> = live.map(|(id, row)| (*id, row.to_bytes())).collect();
        let own_services = self.services.values().map(|placed| (placed.id, placed.row.to_bytes())).collect();

        let used = image
            .backends
            .iter()
            .filter(|(_, row)| Egress::from_word(row.egress.get()).state != BackendState::Free as u8);
        let backends: BTreeMap<_, _> = used.map(|(id, row)| (*id, row.to_bytes())).collect();
        let placed = self.backends.values().map(|placed| (placed.id, placed.row.to_bytes()));
        let retired = self.retired.iter().map(|(id, row)| (*id, row.to_bytes()));
        let own_backends = placed.chain(retired).collect();

        let same = [
            (names::SERVICES, services == own_services),
            (names::BACKENDS, backends == own_backends),
            (names::INDEX, Index::found(self.hashes.node(), &image.index) == self.index),
            (names::PREFIXES, image.prefixes == self.prefixes),
            (names::DENY, image.deny == self.deny),
            (names::LINKS, image.links == self.links),
            (names::QUIC, image.quic == self.quic),
            (names::CONTROL, image.features == self.features),
        ];
        same.iter().filter(|(_, same)| !same).map(|(table, _)| *table).collect()
    }
}
