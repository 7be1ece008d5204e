//! IP addresses as the maps hold them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IP address as four words in network order; IPv4 is mapped into IPv6 (`::ffff:a.b.c.d`, RFC 4291
/// §2.5.5.2).
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Addr(pub [u32; 4]);

/// The third word of a mapped IPv4 address.
const MAPPED: u32 = u32::from_ne_bytes([0, 0, 0xff, 0xff]);

impl Addr {
    pub const UNSPECIFIED: Self = Self([0; 4]);

    /// From an IPv4 address whose bytes lie in the word as on the wire.
    #[inline(always)]
    pub const fn v4(word: u32) -> Self {
        Self([0, 0, MAPPED, word])
    }

    #[inline(always)]
    pub const fn is_v4(&self) -> bool {
        self.0[0] == 0 && self.0[1] == 0 && self.0[2] == MAPPED
    }

    /// The IPv4 address of a mapped one, as a word in network order.
    #[inline(always)]
    pub const fn v4_word(&self) -> u32 {
        self.0[3]
    }
}

impl From<IpAddr> for Addr {
    fn from(ip: IpAddr) -> Self {
        let bytes = match ip {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let word = |i: usize| u32::from_ne_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        Self([word(0), word(4), word(8), word(12)])
    }
}

impl From<Addr> for IpAddr {
    fn from(addr: Addr) -> Self {
        if addr.is_v4() {
            return IpAddr::V4(Ipv4Addr::from(addr.0[3].to_ne_bytes()));
        }
        let mut bytes = [0u8; 16];
        for (chunk, word) in bytes.chunks_exact_mut(4).zip(addr.0) {
            chunk.copy_from_slice(&word.to_ne_bytes());
        }
        IpAddr::V6(Ipv6Addr::from(bytes))
    }
}

impl core::fmt::Display for Addr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        IpAddr::from(*self).fmt(f)
    }
}

/// Key of the `PREFIXES` and `DENY` tries: bits that count, then the address. An IPv4 prefix of n bits
/// has 96 + n.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Prefix {
    pub bits: u32,
    pub addr: Addr,
}

const _: () = assert!(size_of::<Prefix>() == 20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_round_trip() {
        for text in ["192.0.2.1", "2001:db8::1", "::", "255.255.255.255"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(IpAddr::from(Addr::from(ip)), ip);
        }
    }

    #[test]
    fn ipv4_lies_in_the_last_word_as_on_the_wire() {
        let addr = Addr::from(IpAddr::from([192, 0, 2, 1]));
        assert!(addr.is_v4());
        assert_eq!(addr.v4_word().to_ne_bytes(), [192, 0, 2, 1]);
    }
}
