//! The Internet checksum (RFC 1071), computed over whole packets: the reference that incremental updates are held to.

use std::net::IpAddr;

use super::Layer;

/// What TCP, UDP and ICMPv6 checksums cover besides their own bytes (RFC 793 §3.1, RFC 8200 §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PseudoHeader {
    pub source: IpAddr,
    pub destination: IpAddr,
}

impl PseudoHeader {
    pub(super) fn of(layer: &Layer) -> Option<Self> {
        match layer {
            Layer::Ipv4(ip) => Some(Self { source: ip.source.into(), destination: ip.destination.into() }),
            Layer::Ipv6(ip) => Some(Self { source: ip.source.into(), destination: ip.destination.into() }),
            _ => None,
        }
    }

    pub(super) fn is_v6(&self) -> bool {
        self.source.is_ipv6()
    }

    /// Checksum of a header with its checksum field zero and the bytes behind it.
    pub fn checksum(&self, protocol: u8, header: &[u8], body: &[u8]) -> u16 {
        let length = (header.len() + body.len()) as u32;
        let mut bytes = Vec::new();
        for address in [self.source, self.destination] {
            match address {
                IpAddr::V4(address) => bytes.extend(address.octets()),
                IpAddr::V6(address) => bytes.extend(address.octets()),
            }
        }
        bytes.extend(length.to_be_bytes());
        bytes.extend([0, protocol]);
        bytes.extend(header);
        bytes.extend(body);
        checksum(&bytes)
    }
}

/// Complement of the one's complement sum of 16-bit words; an odd last byte counts as the high half.
pub fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u16::from_be_bytes([high, low]),
        [high] => u16::from_be_bytes([high, 0]),
        _ => 0,
    });
    let mut sum: u64 = words.map(u64::from).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_example_of_rfc_1071() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn header_with_its_checksum_sums_to_zero() {
        let header = crate::packet::ip("192.0.2.1", "192.0.2.2").ip_bytes();
        assert_eq!(checksum(&header), 0);
    }
}
