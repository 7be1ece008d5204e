//! TCP (RFC 9293) and UDP (RFC 768) headers.

use super::{Frame, Layer, PseudoHeader, protocol};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub source: u16,
    pub destination: u16,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
    /// Padded with zeros to a multiple of 4.
    pub options: Vec<u8>,
    pub checksum: Checksum,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    pub source: u16,
    pub destination: u16,
    /// Follows from the body when not set.
    pub length: Option<u16>,
    pub checksum: Checksum,
}

/// What stands in a checksum field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    #[default]
    Right,
    Wrong,
    /// Zero: UDP over IPv4 without a checksum (RFC 768).
    None,
}

impl Checksum {
    pub(super) fn bytes(self, right: u16) -> [u8; 2] {
        match self {
            Checksum::Right => right.to_be_bytes(),
            Checksum::Wrong => (right ^ 0x5555).to_be_bytes(),
            Checksum::None => [0, 0],
        }
    }
}

impl Tcp {
    pub(super) fn encode(&self, pseudo: &PseudoHeader, body: &[u8]) -> Vec<u8> {
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let words = 5 + options.len() / 4;

        let mut header = [self.source.to_be_bytes(), self.destination.to_be_bytes()].concat();
        header.extend(self.sequence.to_be_bytes());
        header.extend(self.acknowledgment.to_be_bytes());
        header.extend([(words as u8) << 4, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        header.extend(options);
        let right = pseudo.checksum(protocol::TCP, &header, body);
        header[16..18].copy_from_slice(&self.checksum.bytes(right));
        header
    }
}

impl Udp {
    pub(super) fn encode(&self, pseudo: &PseudoHeader, body: &[u8]) -> Vec<u8> {
        let mut header = [self.source.to_be_bytes(), self.destination.to_be_bytes()].concat();
        header.extend(self.length.unwrap_or((8 + body.len()) as u16).to_be_bytes());
        header.extend([0, 0]);
        // Zero means "no checksum", so a sum of zero is sent as its other form (RFC 768).
        let right = match pseudo.checksum(protocol::UDP, &header, body) {
            0 => 0xffff,
            sum => sum,
        };
        header[6..8].copy_from_slice(&self.checksum.bytes(right));
        header
    }
}

impl Frame {
    /// A TCP segment with the ACK flag.
    #[must_use]
    pub fn tcp(self, source: u16, destination: u16) -> Self {
        self.push(Layer::Tcp(Tcp {
            source,
            destination,
            sequence: 1_000,
            acknowledgment: 2_000,
            flags: ACK,
            options: Vec::new(),
            checksum: Checksum::Right,
        }))
    }

    #[must_use]
    pub fn udp(self, source: u16, destination: u16) -> Self {
        let checksum = Checksum::Right;
        self.push(Layer::Udp(Udp { source, destination, length: None, checksum }))
    }

    #[must_use]
    pub fn syn(self) -> Self {
        self.flags(SYN)
    }

    #[must_use]
    pub fn syn_ack(self) -> Self {
        self.flags(SYN | ACK)
    }

    #[must_use]
    pub fn fin(self) -> Self {
        self.flags(FIN | ACK)
    }

    #[must_use]
    pub fn rst(self) -> Self {
        self.flags(RST)
    }

    /// The TCP flags byte as a whole.
    #[must_use]
    pub fn flags(self, value: u8) -> Self {
        self.on_tcp(|tcp| tcp.flags = value)
    }

    #[must_use]
    pub fn tcp_options(self, bytes: &[u8]) -> Self {
        self.on_tcp(|tcp| tcp.options = bytes.to_vec())
    }

    /// UDP without a checksum.
    #[must_use]
    pub fn no_checksum(self) -> Self {
        self.checksum(Checksum::None)
    }

    /// A wrong checksum in the innermost TCP, UDP or ICMP header.
    #[must_use]
    pub fn bad_checksum(self) -> Self {
        self.checksum(Checksum::Wrong)
    }

    /// The UDP length field.
    #[must_use]
    pub fn udp_length(mut self, value: u16) -> Self {
        let udp = self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Udp(udp) => Some(udp),
            _ => None,
        });
        udp.expect("a UDP header").length = Some(value);
        self
    }

    fn checksum(mut self, value: Checksum) -> Self {
        let field = self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Tcp(tcp) => Some(&mut tcp.checksum),
            Layer::Udp(udp) => Some(&mut udp.checksum),
            Layer::Icmp(icmp) => Some(&mut icmp.checksum),
            _ => None,
        });
        *field.expect("a header with a checksum") = value;
        self
    }

    fn on_tcp(mut self, change: impl FnOnce(&mut Tcp)) -> Self {
        let tcp = self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Tcp(tcp) => Some(tcp),
            _ => None,
        });
        change(tcp.expect("a TCP header"));
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::packet::{PseudoHeader, protocol, tcp, udp};

    fn sum(bytes: &[u8], protocol: u8) -> u16 {
        let pseudo = PseudoHeader {
            source: "192.0.2.1".parse().expect("address"),
            destination: "192.0.2.2".parse().expect("address"),
        };
        pseudo.checksum(protocol, &bytes[20..], &[])
    }

    #[test]
    fn right_checksums_sum_to_zero() {
        let segment = tcp("192.0.2.1:40000", "192.0.2.2:80").syn().payload("odd");
        assert_eq!(sum(&segment.ip_bytes(), protocol::TCP), 0);
        let datagram = udp("192.0.2.1:40000", "192.0.2.2:53").payload("even");
        assert_eq!(sum(&datagram.ip_bytes(), protocol::UDP), 0);
    }

    #[test]
    fn wrong_checksums_do_not() {
        let segment = tcp("192.0.2.1:40000", "192.0.2.2:80").bad_checksum();
        assert_ne!(sum(&segment.ip_bytes(), protocol::TCP), 0);
    }
}
