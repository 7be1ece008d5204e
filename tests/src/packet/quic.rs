//! QUIC headers as a load balancer sees them (RFC 8999, RFC 9000 §17): everything before encryption starts.

use super::Frame;

/// QUIC version 1 (RFC 9000 §15).
const VERSION_1: u32 = 1;

/// Long header packet types of version 1 (RFC 9000 §17.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Long {
    Initial = 0,
    ZeroRtt = 1,
    Handshake = 2,
    Retry = 3,
}

/// Stands for what is encrypted.
const PROTECTED: [u8; 24] = [0xec; 24];

impl Frame {
    /// A 1-RTT packet: the destination connection id has no length field (RFC 9000 §17.3).
    #[must_use]
    pub fn quic_short(self, destination: &[u8]) -> Self {
        self.payload([&[0x40], destination, &PROTECTED].concat())
    }

    /// A packet with both connection ids and their lengths (RFC 9000 §17.2).
    #[must_use]
    pub fn quic_long(self, kind: Long, destination: &[u8], source: &[u8]) -> Self {
        self.quic_long_version(kind, VERSION_1, destination, source)
    }

    /// As [`Frame::quic_long`], of any version; 0 is version negotiation (RFC 8999 §6).
    #[must_use]
    pub fn quic_long_version(self, kind: Long, version: u32, destination: &[u8], source: &[u8]) -> Self {
        let mut header = vec![0xc0 | (kind as u8) << 4];
        header.extend(version.to_be_bytes());
        for id in [destination, source] {
            header.push(id.len() as u8);
            header.extend(id);
        }
        header.extend(PROTECTED);
        self.payload(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::udp;

    #[test]
    fn long_header_tells_the_length_of_its_ids() {
        let packet = udp("192.0.2.1:1", "192.0.2.2:443").quic_long(Long::Handshake, &[1, 2], &[3]);
        assert_eq!(packet.ip_bytes()[28..37], [0xe0, 0, 0, 0, 1, 2, 1, 2, 1]);
    }
}
