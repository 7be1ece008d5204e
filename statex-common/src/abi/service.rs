//! `SERVICES`: one row a virtual address, port and protocol, and one a virtual address.

use super::Addr;
use crate::shared::Shared;

/// What a service's row says of it.
pub mod service_flags {
    /// The row is in use.
    pub const LIVE: u32 = 1 << 0;
    /// The row stands for the whole address (port and protocol 0): it answers ping and tells which
    /// protocols have a service for any port.
    pub const ADDRESS: u32 = 1 << 1;
    /// On an address row: some service takes any TCP port.
    pub const ANY_TCP: u32 = 1 << 2;
    /// On an address row: some service takes any UDP port.
    pub const ANY_UDP: u32 = 1 << 3;
    /// Many destinations share the row (any port, or a prefix), so flows are told apart by destination
    /// as well.
    pub const WIDE: u32 = 1 << 4;
    /// The ring is asked by source address alone.
    pub const AFFINITY: u32 = 1 << 5;
    /// UDP payloads are QUIC: connection ids name backends.
    pub const QUIC: u32 = 1 << 6;
    /// Packets go up this node's own stack.
    pub const LOCAL: u32 = 1 << 7;
    /// Full NAT.
    pub const NAT: u32 = 1 << 8;
    /// New flows per second are bounded by [`super::Service::flow_rate`].
    pub const FLOW_RATE: u32 = 1 << 9;
    /// New flows per source prefix are bounded by [`super::Service::source_rate`].
    pub const SOURCE_RATE: u32 = 1 << 10;
    /// On an address row: the address is one of the node's own that translated flows use.
    pub const NAT_RETURN: u32 = 1 << 11;
}

/// A row of `SERVICES`; its index is the service id. Id 0 is never used.
#[repr(C, align(64))]
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The virtual address; for a prefix its pseudo address (see [`crate::service`]).
    pub addr: Addr,
    /// Port in network order; 0 stands for any.
    pub port: [u8; 2],
    /// IP protocol number: 6 or 17; 0 on an address row.
    pub protocol: u8,
    pub reserved: u8,
    /// Of [`service_flags`].
    pub flags: Shared<u32>,
    /// First slot of the ring (low half) and its length in slots (high half): one word, so a ring is
    /// published by one write. Length 0: no backend.
    pub ring: Shared<u64>,
    /// New flows per second and CPU past which the service goes stateless.
    pub flow_rate: Shared<u32>,
    /// New flows per second from one source prefix.
    pub source_rate: Shared<u32>,
    /// How many flows a source prefix may open at once after a silence.
    pub source_burst: Shared<u32>,
    /// Bits of the source prefix for IPv4 (low half) and IPv6 (high half).
    pub source_bits: Shared<u32>,
    /// On a `NAT_RETURN` row: the address's place among [`super::Node::nat_addresses`].
    pub nat_index: u32,
    pub reserved_words: [u32; 3],
}

const _: () = assert!(size_of::<Service>() == 64);
// The row's alignment would hide padding at its end.
const _: () = assert!(core::mem::offset_of!(Service, reserved_words) == 52);

impl Service {
    /// The word for [`Service::ring`].
    pub const fn ring_word(base: u32, len: u32) -> u64 {
        base as u64 | (len as u64) << 32
    }
}
