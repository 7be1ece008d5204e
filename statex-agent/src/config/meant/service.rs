//! Services: which packets are forwarded, and how.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Words;

/// `[[service]]`: a virtual address, port and protocol that XDP forwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub name: String,
    pub destination: Destination,
    pub port: PortMatch,
    pub protocol: Protocol,
    /// Name of the pool; `None` exactly when forwarding is [`Forward::Local`].
    pub pool: Option<String>,
    pub forward: Forward,
    pub affinity: Affinity,
    /// Slots of the ring: a prime.
    pub ring_slots: u32,
    /// UDP payloads are QUIC; its connection ids name backends.
    pub quic: bool,
    /// New flows per second on this node past which they are no longer remembered; 0: no limit.
    pub new_flows_per_second: u32,
    pub new_flows_per_source: Option<SourceRate>,
    /// Largest IP packet, in bytes and with encapsulation, on the way to the backends. `None`: the
    /// route's.
    pub mtu: Option<u16>,
}

/// The virtual address of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Destination {
    Address(IpAddr),
    /// Every address of a prefix; it has no host bits and is shorter than one address.
    Prefix(IpNet),
}

impl Destination {
    pub fn is_ipv4(&self) -> bool {
        match self {
            Self::Address(address) => address.is_ipv4(),
            Self::Prefix(prefix) => prefix.addr().is_ipv4(),
        }
    }

    pub fn contains(&self, address: &IpAddr) -> bool {
        self.net().contains(address)
    }

    /// Whether every address of the other is one of this, too.
    pub fn contains_all(&self, other: &Self) -> bool {
        self.net().contains(&other.net())
    }

    /// As a prefix, which for one address has all of its bits.
    pub fn net(&self) -> IpNet {
        match self {
            Self::Address(address) => IpNet::from(*address),
            Self::Prefix(prefix) => *prefix,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Prefix(prefix) => prefix.fmt(f),
        }
    }
}

/// Which destination ports are a service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PortMatch {
    /// Any that no other service of the same address and protocol has.
    Any,
    /// Never 0.
    One(u16),
}

impl fmt::Display for PortMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::One(port) => port.fmt(f),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Words for Protocol {
    const KIND: &'static str = "protocol";
    const WORDS: &'static [(&'static str, Self)] = &[("tcp", Self::Tcp), ("udp", Self::Udp)];
}

impl Protocol {
    /// The IP protocol number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a packet reaches a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forward {
    /// IP in IP (RFC 2003, RFC 2473).
    Ipip,
    /// IP in UDP (draft-ietf-intarea-gue).
    Gue,
    /// The same packet to the backend's MAC address.
    L2,
    /// Addresses and ports translated, both ways through the node.
    Nat,
    /// Up this node's own stack.
    Local,
}

impl Words for Forward {
    const KIND: &'static str = "forward mode";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("ipip", Self::Ipip),
        ("gue", Self::Gue),
        ("l2", Self::L2),
        ("nat", Self::Nat),
        ("local", Self::Local),
    ];
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What keeps a client with one backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Affinity {
    /// Each flow is hashed by itself.
    #[default]
    None,
    /// All flows of one source address go to one backend.
    Source,
}

impl Words for Affinity {
    const KIND: &'static str = "affinity";
    const WORDS: &'static [(&'static str, Self)] = &[("none", Self::None), ("source", Self::Source)];
}

/// A token bucket per source prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRate {
    /// New flows per second.
    pub per_second: u32,
    /// New flows at once after a silence.
    pub burst: u32,
    /// Bits of an IPv4 source that make one bucket.
    pub ipv4_prefix_len: u8,
    /// Bits of an IPv6 source that make one bucket.
    pub ipv6_prefix_len: u8,
}
