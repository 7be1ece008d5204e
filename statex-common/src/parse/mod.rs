//! What a frame's headers say, in the order in which they stand in it.
//!
//! All offsets assume an untagged frame: [`ethernet`] takes tags off first and puts them back.

pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod quic;
pub mod transport;

use crate::abi::Addr;

/// Where the IP header of an untagged frame begins.
pub const IP: usize = 14;

/// IP protocol numbers (IANA).
pub mod protocol {
    pub const ICMP: u8 = 1;
    pub const IPIP: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const IPV6: u8 = 41;
    pub const ICMPV6: u8 = 58;
}

/// Which part of a datagram a packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fragment {
    #[default]
    Whole,
    /// Has the ports; more follow.
    First,
    /// Has no ports.
    Later,
}

/// What the IP header says, of either version.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ip {
    pub source: Addr,
    pub destination: Addr,
    /// Of the payload; behind IPv6 extension headers the last one's.
    pub protocol: u8,
    /// Type of service, or traffic class.
    pub tos: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    pub fragment: Fragment,
    /// Identification of the datagram; it has a meaning for fragments only.
    pub id: u32,
    /// Bytes of the whole IP packet.
    pub len: usize,
    /// Where the payload begins in the frame.
    pub payload: usize,
}

impl Ip {
    /// Whether the packet has so many bytes behind its IP headers; a frame may be longer than its packet.
    #[inline(always)]
    pub fn holds(&self, bytes: usize) -> bool {
        self.payload + bytes <= IP + self.len
    }
}
