//! IPv4 headers (RFC 791), with options and fragment fields.

use std::net::Ipv4Addr;

use super::{Frame, Layer, checksum, protocol};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub tos: u8,
    pub id: u16,
    pub dont_fragment: bool,
    pub more_fragments: bool,
    /// In bytes; a multiple of 8.
    pub fragment_offset: u16,
    pub ttl: u8,
    /// Padded with zeros to a multiple of 4.
    pub options: Vec<u8>,
    /// Follows from the next layer when not set.
    pub protocol: Option<u8>,
    /// Follows from the body when not set.
    pub total_length: Option<u16>,
    /// In words of 4 bytes; follows from the options when not set.
    pub header_length: Option<u8>,
    pub bad_checksum: bool,
}

impl Ipv4 {
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr) -> Self {
        Self {
            source,
            destination,
            tos: 0,
            id: 0,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            options: Vec::new(),
            protocol: None,
            total_length: None,
            header_length: None,
            bad_checksum: false,
        }
    }

    pub(super) fn encode(&self, next: Option<&Layer>, body: usize) -> Vec<u8> {
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let length = 20 + options.len();
        let protocol = self.protocol.or_else(|| next?.protocol(false)).unwrap_or(protocol::NO_NEXT_HEADER);
        let flags = u16::from(self.dont_fragment) << 14 | u16::from(self.more_fragments) << 13;

        let mut header = vec![0x40 | self.header_length.unwrap_or((length / 4) as u8), self.tos];
        header.extend(self.total_length.unwrap_or((length + body) as u16).to_be_bytes());
        header.extend(self.id.to_be_bytes());
        header.extend((flags | (self.fragment_offset / 8)).to_be_bytes());
        header.extend([self.ttl, protocol, 0, 0]);
        header.extend(self.source.octets());
        header.extend(self.destination.octets());
        header.extend(options);
        let wrong = if self.bad_checksum { 0x5555 } else { 0 };
        let sum = (checksum(&header) ^ wrong).to_be_bytes();
        header[10..12].copy_from_slice(&sum);
        header
    }
}

/// What IPv4 and IPv6 call by different names: TTL and hop limit, TOS and traffic class.
impl Frame {
    #[must_use]
    pub fn ttl(self, value: u8) -> Self {
        self.on_ip(|ip| ip.ttl = value, |ip| ip.hop_limit = value)
    }

    /// The byte of DSCP and ECN.
    #[must_use]
    pub fn tos(self, value: u8) -> Self {
        self.on_ip(|ip| ip.tos = value, |ip| ip.traffic_class = value)
    }

    /// The protocol number of the innermost IP header, whatever follows it.
    #[must_use]
    pub fn protocol(self, value: u8) -> Self {
        self.on_ip(|ip| ip.protocol = Some(value), |ip| ip.next_header = Some(value))
    }

    /// The length field of the innermost IP header: IPv4 with its header, IPv6 without.
    #[must_use]
    pub fn length_field(self, value: u16) -> Self {
        self.on_ip(|ip| ip.total_length = Some(value), |ip| ip.payload_length = Some(value))
    }

    #[must_use]
    pub fn id(self, value: u16) -> Self {
        self.on_ipv4(|ip| ip.id = value)
    }

    #[must_use]
    pub fn dont_fragment(self) -> Self {
        self.on_ipv4(|ip| ip.dont_fragment = true)
    }

    /// Options of the innermost IPv4 header, padded to words.
    #[must_use]
    pub fn options(self, bytes: &[u8]) -> Self {
        self.on_ipv4(|ip| ip.options = bytes.to_vec())
    }

    /// The header length field of IPv4, in words of 4 bytes.
    #[must_use]
    pub fn header_words(self, words: u8) -> Self {
        self.on_ipv4(|ip| ip.header_length = Some(words))
    }

    #[must_use]
    pub fn bad_ip_checksum(self) -> Self {
        self.on_ipv4(|ip| ip.bad_checksum = true)
    }

    fn on_ipv4(self, change: impl FnOnce(&mut Ipv4)) -> Self {
        self.on_ip(change, |_| panic!("IPv6 has no such field"))
    }
}

#[cfg(test)]
mod tests {
    use crate::packet::{ip, tcp};

    #[test]
    fn options_lengthen_the_header() {
        let bytes = ip("192.0.2.1", "192.0.2.2").options(&[7, 3, 4]).ip_bytes();
        assert_eq!((bytes[0], bytes.len()), (0x46, 24));
    }

    #[test]
    fn total_length_counts_header_and_body() {
        let bytes = tcp("192.0.2.1:1", "192.0.2.2:2").payload([0; 5]).ip_bytes();
        assert_eq!(bytes[2..4], 45u16.to_be_bytes());
    }
}
