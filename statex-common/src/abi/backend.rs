//! `BACKENDS`: one row a backend of one service, with everything that its packets need on the way out.

use super::Addr;
use crate::shared::Shared;

/// How packets reach a backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Mode {
    /// IP in IP (RFC 2003, RFC 2473): the outer header carries protocol 4 or 41.
    Ipip = 1,
    /// IP in UDP (draft-ietf-intarea-gue-09 §3.1, variant 1).
    Gue = 2,
    /// The same packet to another MAC address: direct server return on one segment.
    L2 = 3,
    /// Addresses and ports translated, both ways through the node.
    Nat = 4,
}

impl Mode {
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::Ipip),
            2 => Some(Self::Gue),
            3 => Some(Self::L2),
            4 => Some(Self::Nat),
            _ => None,
        }
    }
}

/// Bits of [`Backend::notes`].
pub mod notes {
    /// An operator has drained the backend.
    pub const DRAINED: u32 = 1 << 0;
}

/// What a backend's row may be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum BackendState {
    /// No backend has the id.
    Free = 0,
    /// Running flows go on; whether new ones come is the ring's business (a draining backend is alive).
    Alive = 1,
    /// Its flows are hashed again.
    Dead = 2,
}

/// Longest outer IP header: IPv6. An IPv4 one takes the first 20 bytes.
pub const OUTER_LEN: usize = 40;

/// A row of `BACKENDS`; its index is the backend id. Id 0 is never used.
///
/// The first line of cache holds what encapsulation and `l2` need; the second what `nat`, QUIC and the
/// agent need. Words that change while the row is in use are [`Shared`] and written whole.
#[repr(C, align(64))]
#[derive(Clone, Debug, Default)]
pub struct Backend {
    /// See [`NextHop`].
    pub next_hop: Shared<u64>,
    /// See [`Egress`].
    pub egress: Shared<u64>,
    /// The interface that packets leave by; 0 while there is no next hop.
    pub interface: Shared<u32>,
    /// Longest inner IP packet, in bytes, that fits the way to the backend behind the encapsulation.
    pub mtu: Shared<u16>,
    /// The service that the row belongs to.
    pub service: u16,
    /// Outer IP header, finished but for length, type of service, varying source bits and checksum.
    /// The IPv4 checksum field holds the folded sum (not inverted) of the fixed parts.
    pub outer: [u32; OUTER_LEN / 4],

    /// The backend's own address.
    pub addr: Addr,
    /// Server id of the backend's connection ids as a number, 0 where QUIC is off.
    pub server_id: u64,
    /// The backend's port in network order; only `nat` translates to it.
    pub port: [u8; 2],
    /// IP protocol number of the service.
    pub protocol: u8,
    /// Bytes of [`Backend::server_id`] that count.
    pub server_id_len: u8,
    /// The agent's, of [`notes`]: what it must know again when it starts. Packets do not look at it.
    pub notes: Shared<u32>,
    pub reserved: [u32; 8],
}

const _: () = assert!(size_of::<Backend>() == 128);

/// The word [`Backend::next_hop`]: the next hop's MAC and the VLAN that leads there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NextHop {
    pub mac: [u8; 6],
    /// VLAN id, [`NextHop::UNTAGGED`] or [`NextHop::KEEP`].
    pub vlan: u16,
}

impl NextHop {
    /// The packet leaves without any tag.
    pub const UNTAGGED: u16 = 0;
    /// The packet leaves with the tags it came with.
    pub const KEEP: u16 = 0xffff;

    #[inline(always)]
    pub const fn word(self) -> u64 {
        let ([a, b, c, d, e, f], [x, y]) = (self.mac, self.vlan.to_ne_bytes());
        u64::from_ne_bytes([a, b, c, d, e, f, x, y])
    }

    #[inline(always)]
    pub const fn from_word(word: u64) -> Self {
        let [a, b, c, d, e, f, x, y] = word.to_ne_bytes();
        Self { mac: [a, b, c, d, e, f], vlan: u16::from_ne_bytes([x, y]) }
    }
}

/// The word [`Backend::egress`]: whose row it is, whether it may be used, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Egress {
    /// MAC of the interface that packets leave by.
    pub mac: [u8; 6],
    /// Counted up, modulo [`Egress::GENERATIONS`], each time the id is given to another backend.
    pub generation: u8,
    /// Of [`BackendState`].
    pub state: u8,
    /// Of [`Mode`].
    pub mode: u8,
    /// The outer header is IPv6.
    pub outer_v6: bool,
}

impl Egress {
    /// How many generations there are before one comes again.
    pub const GENERATIONS: u8 = 32;

    #[inline(always)]
    pub const fn word(self) -> u64 {
        let [a, b, c, d, e, f] = self.mac;
        let kind = self.state & 3 | (self.mode & 7) << 2 | (self.outer_v6 as u8) << 5;
        u64::from_ne_bytes([a, b, c, d, e, f, self.generation, kind])
    }

    #[inline(always)]
    pub const fn from_word(word: u64) -> Self {
        let [a, b, c, d, e, f, generation, kind] = word.to_ne_bytes();
        Self {
            mac: [a, b, c, d, e, f],
            generation,
            state: kind & 3,
            mode: kind >> 2 & 7,
            outer_v6: kind & 0x20 != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_round_trip() {
        let hop = NextHop { mac: [2, 1, 2, 3, 4, 5], vlan: 100 };
        assert_eq!(NextHop::from_word(hop.word()), hop);
        let egress = Egress { mac: [2, 9, 8, 7, 6, 5], generation: 31, state: 1, mode: 4, outer_v6: true };
        assert_eq!(Egress::from_word(egress.word()), egress);
    }
}
