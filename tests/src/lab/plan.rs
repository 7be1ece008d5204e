//! Who has which address: the plan that the laboratory is laid by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Number of clients, each behind its own link.
pub const CLIENTS: usize = 2;
/// Number of backends.
pub const BACKENDS: usize = 3;

/// Where the backends are, seen from the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// On the node's own segment; every forward mode works.
    #[default]
    Shared,
    /// On another segment, behind the router.
    Routed,
    /// On another segment, on which the node has a second interface, `eth1`.
    TwoLegged,
}

/// IP version of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub enum Family {
    #[serde(rename = "IPv4")]
    V4,
    #[serde(rename = "IPv6")]
    V6,
}

impl Family {
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];
}

impl std::fmt::Display for Family {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// An address of each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
}

impl Addresses {
    pub fn of(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.v4.into(),
            Family::V6 => self.v6.into(),
        }
    }

    pub fn at(&self, family: Family, port: u16) -> SocketAddr {
        SocketAddr::new(self.of(family), port)
    }
}

/// An Ethernet segment: 198.18.N.0/24 and fd00:0:0:N::/64, the router being host 1 on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment(pub(super) u8);

impl Segment {
    /// The node's segment.
    pub(super) const LAN: Self = Self(0);
    /// The segment behind the router that backends may be on.
    pub(super) const FAR: Self = Self(9);

    /// The link of the client with this index.
    pub(super) fn of_client(index: usize) -> Self {
        Self(index as u8 + 1)
    }

    pub(super) fn host(self, number: u8) -> Addresses {
        Addresses {
            v4: Ipv4Addr::new(198, 18, self.0, number),
            v6: Ipv6Addr::new(0xfd00, 0, 0, self.0.into(), 0, 0, 0, number.into()),
        }
    }

    pub(super) fn router(self) -> Addresses {
        self.host(1)
    }
}

/// The virtual address with this number: 192.0.2.N and 2001:db8::N. The router sends all of both prefixes
/// ([`VIRTUAL_PREFIXES`]) to the node.
pub fn virtual_address(number: u8) -> Addresses {
    Addresses {
        v4: Ipv4Addr::new(192, 0, 2, number),
        v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()),
    }
}

/// The prefixes of all virtual addresses.
pub const VIRTUAL_PREFIXES: [&str; 2] = ["192.0.2.0/24", "2001:db8::/64"];
