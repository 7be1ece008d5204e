//! What a plan is made of.

use super::key::{BackendKey, ServiceKey};
use super::rings::{Rings, Spec};
use crate::kernel::image::{Region, Write};
use statex_common::abi::{Backend, BackendState, Egress, Service};

/// One change of the tables, with what the agent must know about it. Packets may pass after each.
#[derive(Clone, Debug)]
pub enum Change {
    /// Puts a service's row; its ring stays.
    Service { key: ServiceKey, id: u16, row: Service },
    /// Takes a service's row out of use.
    DropService { key: ServiceKey, id: u16 },
    /// Puts a backend's row. If another row stood for the backend, that one is left for [`Change::Free`].
    Backend { key: BackendKey, id: u16, row: Backend },
    /// Takes a backend's row out of use; flows that still name it are hashed again.
    Free { id: u16, generation: u8 },
    /// Writes a ring beside the old one and turns the service to it.
    Publish { key: ServiceKey, service: u16, region: Region, spec: Spec },
    /// Leaves a service without a ring.
    Unpublish { key: ServiceKey, service: u16 },
    /// A change of one row without an id.
    Table(Write),
}

impl Change {
    /// The steps of the change, in their order.
    pub fn writes(&self, rings: &mut Rings) -> Vec<Write> {
        match self {
            Self::Service { id, row, .. } => vec![Write::Service { id: *id, row: row.clone() }],
            Self::DropService { id, .. } => vec![Write::Service { id: *id, row: Service::default() }],
            Self::Backend { id, row, .. } => vec![Write::Backend { id: *id, row: row.clone() }],
            Self::Free { id, generation } => vec![Write::Backend { id: *id, row: free(*generation) }],
            Self::Publish { service, region, spec, .. } => vec![
                Write::Slots { region: *region, backends: rings.slots(spec) },
                Write::Ring { service: *service, region: *region },
            ],
            Self::Unpublish { service, .. } => {
                vec![Write::Ring { service: *service, region: Region::EMPTY }]
            }
            Self::Table(write) => vec![write.clone()],
        }
    }
}

/// A row that nobody has. It keeps the generation that its id was last used in.
fn free(generation: u8) -> Backend {
    let row = Backend::default();
    let state = BackendState::Free as u8;
    row.egress.set(Egress { mac: [0; 6], generation, state, mode: 0, outer_v6: false }.word());
    row
}
