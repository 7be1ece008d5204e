//! How a packet is changed on its way out.

pub mod checksum;
pub mod encap;
pub mod icmp;
pub mod link;
pub mod nat;

use crate::abi::NextHop;
use crate::reason::Verdict;

/// Where a finished packet goes, and with which VLAN tags.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    pub verdict: Verdict,
    /// VLAN id, [`NextHop::UNTAGGED`] or [`NextHop::KEEP`].
    pub vlan: u16,
}

impl Exit {
    /// Out by the way it came, tags and all.
    pub const BACK: Self = Self { verdict: Verdict::Transmit, vlan: NextHop::KEEP };
}
