//! `NAT`: one row a port of the node that translated flows may use.

use super::Addr;
use crate::shared::Shared;

/// How far a translated flow has come; each state has its own time until the port is free again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum NatState {
    /// TCP: no packet came back yet. UDP: likewise.
    Opening = 1,
    /// TCP: packets went both ways.
    Established = 2,
    /// TCP: a FIN or RST was seen.
    Closing = 3,
    /// UDP: packets went both ways.
    Replied = 4,
}

/// A row of `NAT`. The row's index *is* the translated address and port
/// (see [`crate::rewrite::nat`]), so packets that come back find it without a search.
#[repr(C, align(64))]
#[derive(Clone, Debug, Default)]
pub struct NatEntry {
    /// Fingerprint of the flow that has the port; 0 is free.
    pub key: Shared<u64>,
    pub client: [Shared<u32>; 4],
    /// The virtual address that the client speaks to.
    pub service_addr: [Shared<u32>; 4],
    /// The client's port (low half) and the service's (high half), each in network order.
    pub ports: Shared<u32>,
    /// Backend id (low half), generation (third byte), [`NatState`] (fourth byte).
    pub backend: Shared<u32>,
    /// Where the client's packets came from: MAC and, in the last two bytes, VLAN.
    pub client_hop: Shared<u64>,
    /// Interface that the client's packets came by.
    pub interface: Shared<u32>,
    /// When the flow was last used, in units of 2^30 ns.
    pub seen: Shared<u32>,
}

const _: () = assert!(size_of::<NatEntry>() == 64);

impl NatEntry {
    #[inline(always)]
    pub fn client(&self) -> Addr {
        Addr([self.client[0].get(), self.client[1].get(), self.client[2].get(), self.client[3].get()])
    }

    #[inline(always)]
    pub fn service_addr(&self) -> Addr {
        let a = &self.service_addr;
        Addr([a[0].get(), a[1].get(), a[2].get(), a[3].get()])
    }
}
