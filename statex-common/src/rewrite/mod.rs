//! How a packet is changed on its way out.

pub mod checksum;
pub mod encap;
pub mod icmp;
pub mod link;
pub mod nat;

use crate::abi::NextHop;
use crate::reason::Verdict;

/// Where a finished packet goes, and with which VLAN tags.
///
/// One word, because that is what a function of an eBPF program can return:
/// interface (32 bits), VLAN (16), verdict (16).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Exit(u64);

impl Exit {
    /// Out by the way it came, tags and all.
    pub const BACK: Self = Self::new(Verdict::Transmit, NextHop::KEEP);

    /// `vlan` is a VLAN id, [`NextHop::UNTAGGED`] or [`NextHop::KEEP`].
    #[inline(always)]
    pub const fn new(verdict: Verdict, vlan: u16) -> Self {
        let (kind, interface) = match verdict {
            Verdict::Pass => (0, 0),
            Verdict::Drop => (1, 0),
            Verdict::Transmit => (2, 0),
            Verdict::Redirect(interface) => (3, interface),
        };
        Self(interface as u64 | (vlan as u64) << 32 | (kind as u64) << 48)
    }

    #[inline(always)]
    pub const fn word(self) -> u64 {
        self.0
    }

    #[inline(always)]
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    #[inline(always)]
    pub const fn verdict(self) -> Verdict {
        match self.0 >> 48 {
            0 => Verdict::Pass,
            2 => Verdict::Transmit,
            3 => Verdict::Redirect(self.0 as u32),
            _ => Verdict::Drop,
        }
    }

    #[inline(always)]
    pub const fn vlan(self) -> u16 {
        (self.0 >> 32) as u16
    }
}
