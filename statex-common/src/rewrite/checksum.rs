//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
//!
//! Sums are over 16-bit words as the machine reads them: the one's complement sum does not care about the
//! byte order as long as all words have the same.

use crate::abi::Addr;

/// A one's complement sum that has not been folded yet.
#[derive(Clone, Copy, Debug)]
pub struct Sum(u64);

impl Sum {
    pub const ZERO: Self = Self(0);

    /// Continues from a checksum as it stands in a packet (RFC 1624 equation 3).
    #[inline(always)]
    pub const fn from_checksum(checksum: u16) -> Self {
        Self(!checksum as u64)
    }

    #[inline(always)]
    pub const fn add16(self, word: u16) -> Self {
        Self(self.0 + word as u64)
    }

    /// Adds two neighbouring words.
    #[inline(always)]
    pub const fn add32(self, words: u32) -> Self {
        Self(self.0 + words as u64)
    }

    #[inline(always)]
    pub const fn add_addr(self, addr: &Addr) -> Self {
        self.add32(addr.0[0]).add32(addr.0[1]).add32(addr.0[2]).add32(addr.0[3])
    }

    /// Takes away what another word had added.
    #[inline(always)]
    pub const fn replace16(self, old: u16, new: u16) -> Self {
        self.add16(!old).add16(new)
    }

    #[inline(always)]
    pub const fn replace32(self, old: u32, new: u32) -> Self {
        self.add32(!old).add32(new)
    }

    #[inline(always)]
    pub const fn replace_addr(self, old: &Addr, new: &Addr) -> Self {
        self.replace32(old.0[0], new.0[0])
            .replace32(old.0[1], new.0[1])
            .replace32(old.0[2], new.0[2])
            .replace32(old.0[3], new.0[3])
    }

    /// The sum as 16 bits.
    #[inline(always)]
    pub const fn fold(self) -> u16 {
        let sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        let sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        sum as u16
    }

    /// The checksum that goes into a packet.
    #[inline(always)]
    pub const fn checksum(self) -> u16 {
        !self.fold()
    }

    /// The same for UDP, where 0 means that there is none (RFC 768).
    #[inline(always)]
    pub const fn udp_checksum(self) -> u16 {
        match self.checksum() {
            0 => 0xffff,
            sum => sum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(words: &[u16]) -> u16 {
        words.iter().fold(Sum::ZERO, |sum, word| sum.add16(*word)).checksum()
    }

    #[test]
    fn an_updated_checksum_is_the_one_of_the_new_words() {
        let (old, new) = ([0x1234, 0xffff, 0x0001], [0x1234, 0xabcd, 0x0001]);
        let updated = Sum::from_checksum(plain(&old)).replace16(old[1], new[1]).checksum();
        assert_eq!(updated, plain(&new));
    }

    #[test]
    fn the_example_of_rfc_1071_sums_up() {
        let words = [[0x00, 0x01], [0xf2, 0x03], [0xf4, 0xf5], [0xf6, 0xf7]].map(u16::from_ne_bytes);
        let sum = words.iter().fold(Sum::ZERO, |sum, word| sum.add16(*word)).fold();
        assert_eq!(sum.to_ne_bytes(), [0xdd, 0xf2]);
    }

    #[test]
    fn udp_never_sends_zero() {
        assert_eq!(Sum::ZERO.add16(0xffff).udp_checksum(), 0xffff);
    }
}
