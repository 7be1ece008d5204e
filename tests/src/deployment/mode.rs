//! What is deployed: every forward mode under a virtual address of its own.

use std::fmt;
use std::net::SocketAddr;

use crate::client::Transport;
use crate::lab::{Addresses, Family, virtual_address};
use crate::origin;

/// A forward mode of the data plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Ipip,
    Gue,
    L2,
    Nat,
    Local,
}

impl Mode {
    pub const ALL: [Self; 5] = [Self::Ipip, Self::Gue, Self::L2, Self::Nat, Self::Local];

    /// The mode's word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ipip => "ipip",
            Self::Gue => "gue",
            Self::L2 => "l2",
            Self::Nat => "nat",
            Self::Local => "local",
        }
    }

    /// The virtual address whose services use the mode: 192.0.2.1 and 2001:db8::1 for ipip, and so on.
    pub fn address(self) -> Addresses {
        virtual_address(self as u8 + 1)
    }

    /// The echo service of the mode.
    pub fn echo(self, family: Family) -> SocketAddr {
        self.address().at(family, origin::ECHO)
    }

    /// The HTTP service of the mode.
    pub fn http(self, family: Family) -> SocketAddr {
        self.address().at(family, origin::HTTP)
    }

    /// Whether backends serve: `local` is served by the node itself.
    pub fn has_backends(self) -> bool {
        self != Self::Local
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

/// One way through the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Path {
    pub mode: Mode,
    pub transport: Transport,
    pub family: Family,
}

impl Path {
    /// Every mode over every transport and family.
    pub fn all() -> impl Iterator<Item = Self> {
        Mode::ALL.into_iter().flat_map(|mode| {
            Transport::BOTH.into_iter().flat_map(move |transport| {
                Family::BOTH.into_iter().map(move |family| Self { mode, transport, family })
            })
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.mode, self.transport, self.family)
    }
}
