//! ICMP (RFC 792) and ICMPv6 (RFC 4443): the same calls make either, by the IP header above.

use super::{Frame, Layer, PseudoHeader, checksum, protocol, transport::Checksum};

/// A message whose numbers depend on the family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type and code over IPv4.
    pub v4: [u8; 2],
    /// Type and code over IPv6.
    pub v6: [u8; 2],
    /// The four bytes behind the checksum: id and sequence, or a next-hop MTU.
    pub rest: [u8; 4],
    pub checksum: Checksum,
}

impl Icmp {
    pub(super) fn encode(&self, pseudo: &PseudoHeader, body: &[u8]) -> Vec<u8> {
        let numbers = if pseudo.is_v6() { self.v6 } else { self.v4 };
        let mut header = [&numbers[..], &[0, 0], &self.rest].concat();
        let right = if pseudo.is_v6() {
            pseudo.checksum(protocol::ICMPV6, &header, body)
        } else {
            checksum(&[&header[..], body].concat())
        };
        header[2..4].copy_from_slice(&self.checksum.bytes(right));
        header
    }
}

impl Frame {
    #[must_use]
    pub fn echo_request(self, id: u16, sequence: u16) -> Self {
        self.icmp([8, 0], [128, 0], id_and_sequence(id, sequence))
    }

    #[must_use]
    pub fn echo_reply(self, id: u16, sequence: u16) -> Self {
        self.icmp([0, 0], [129, 0], id_and_sequence(id, sequence))
    }

    /// "Fragmentation needed" (RFC 1191 §4) or "packet too big" (RFC 4443 §3.2).
    #[must_use]
    pub fn too_big(self, mtu: u16) -> Self {
        self.icmp([3, 4], [2, 0], u32::from(mtu).to_be_bytes())
    }

    #[must_use]
    pub fn port_unreachable(self) -> Self {
        self.icmp([3, 3], [1, 4], [0; 4])
    }

    #[must_use]
    pub fn host_unreachable(self) -> Self {
        self.icmp([3, 1], [1, 3], [0; 4])
    }

    #[must_use]
    pub fn time_exceeded(self) -> Self {
        self.icmp([11, 0], [3, 0], [0; 4])
    }

    #[must_use]
    pub fn parameter_problem(self) -> Self {
        self.icmp([12, 0], [4, 0], [0; 4])
    }

    /// An ICMPv6 neighbour solicitation (RFC 4861 §4.3), its body left to the caller.
    #[must_use]
    pub fn neighbour_solicitation(self) -> Self {
        self.icmp([135, 0], [135, 0], [0; 4])
    }

    /// Any message: type and code over IPv4, over IPv6, and the four bytes behind the checksum.
    #[must_use]
    pub fn icmp(self, v4: [u8; 2], v6: [u8; 2], rest: [u8; 4]) -> Self {
        self.push(Layer::Icmp(Icmp { v4, v6, rest, checksum: Checksum::Right }))
    }
}

fn id_and_sequence(id: u16, sequence: u16) -> [u8; 4] {
    (u32::from(id) << 16 | u32::from(sequence)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use crate::packet::{checksum, ip, tcp};

    #[test]
    fn family_of_the_ip_header_picks_the_numbers() {
        let v4 = ip("192.0.2.1", "192.0.2.2").echo_request(1, 1).ip_bytes();
        let v6 = ip("2001:db8::1", "2001:db8::2").echo_request(1, 1).ip_bytes();
        assert_eq!((v4[9], v4[20]), (1, 8));
        assert_eq!((v6[6], v6[40]), (58, 128));
    }

    #[test]
    fn checksum_covers_the_quoted_packet() {
        let cause = tcp("192.0.2.2:80", "192.0.2.1:40000");
        let error = ip("192.0.2.9", "192.0.2.2").too_big(1400).quote(&cause, 28).ip_bytes();
        assert_eq!(checksum(&error[20..]), 0);
    }
}
