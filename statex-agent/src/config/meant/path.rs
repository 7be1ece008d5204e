//! What packets get on their way to a backend: translated sources, outer headers, QUIC connection ids.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::{Ipv4Net, Ipv6Net};

/// `[nat]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    /// The node's own addresses that translated flows use as their source, at most
    /// [`Nat::MAX_ADDRESSES`] a family.
    pub ipv4: Vec<Ipv4Addr>,
    pub ipv6: Vec<Ipv6Addr>,
    /// Ports of each address that translated flows use.
    pub ports: RangeInclusive<u16>,
}

impl Nat {
    /// Most addresses of one family.
    pub const MAX_ADDRESSES: usize = 8;
}

impl Default for Nat {
    fn default() -> Self {
        Self { ipv4: Vec::new(), ipv6: Vec::new(), ports: 20_000..=59_999 }
    }
}

/// `[encapsulation]`.
///
/// A source that is a whole prefix (shorter than /32 or /128) makes the host part vary with the flow, so
/// that the backend's network card spreads flows over its queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encapsulation {
    /// Source of outer IPv4 headers. `None`: the node's own address.
    pub ipv4_source: Option<Ipv4Net>,
    /// Source of outer IPv6 headers; its length is 96 bits at least.
    pub ipv6_source: Option<Ipv6Net>,
    /// UDP port of GUE.
    pub gue_port: u16,
}

impl Default for Encapsulation {
    fn default() -> Self {
        Self { ipv4_source: None, ipv6_source: None, gue_port: 6080 }
    }
}

/// `[[quic.id]]`: the shape of the connection ids of one rotation (draft-ietf-quic-load-balancers §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuicId {
    /// The first three bits of a connection id, 0 to 6; 7 is "not routable".
    pub rotation: u8,
    pub server_id_bytes: u8,
    /// At least 4.
    pub nonce_bytes: u8,
}

impl QuicId {
    /// Longest server id, in bytes, that the data plane routes by (the draft allows 15).
    pub const MAX_SERVER_ID: u8 = 8;
}
