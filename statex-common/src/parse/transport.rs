//! Ports and flags of TCP (RFC 9293 §3.1) and UDP (RFC 768).

use super::protocol;
use crate::packet::Packet;

pub const TCP_HEADER: usize = 20;
pub const UDP_HEADER: usize = 8;
/// Where the checksum stands in the header.
pub const TCP_CHECKSUM: usize = 16;
pub const UDP_CHECKSUM: usize = 6;

/// TCP flags.
pub mod flags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const ACK: u8 = 0x10;
}

/// What the transport header says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transport {
    pub protocol: u8,
    /// Source port in the first two bytes, destination port in the last two, as on the wire.
    pub ports: u32,
    /// TCP flags; 0 for UDP.
    pub flags: u8,
}

impl Transport {
    #[inline(always)]
    pub fn source_port(&self) -> [u8; 2] {
        let [a, b, ..] = self.ports.to_ne_bytes();
        [a, b]
    }

    #[inline(always)]
    pub fn destination_port(&self) -> [u8; 2] {
        let [.., a, b] = self.ports.to_ne_bytes();
        [a, b]
    }

    #[inline(always)]
    pub fn is_udp(&self) -> bool {
        self.protocol == protocol::UDP
    }

    /// A TCP segment that asks for a new connection.
    #[inline(always)]
    pub fn opens(&self) -> bool {
        self.flags & (flags::SYN | flags::ACK) == flags::SYN
    }

    /// A TCP segment that ends a connection.
    #[inline(always)]
    pub fn closes(&self) -> bool {
        self.flags & (flags::FIN | flags::RST) != 0
    }
}

/// Reads the header at `at`; `None` when the frame ends inside it.
#[inline(always)]
pub fn parse<P: Packet>(packet: &P, at: usize, protocol: u8) -> Option<Transport> {
    if protocol == protocol::UDP {
        let [ports, _]: [u32; UDP_HEADER / 4] = packet.read(at)?;
        return Some(Transport { protocol, ports, flags: 0 });
    }
    let words: [u32; TCP_HEADER / 4] = packet.read(at)?;
    let [_, flags, ..] = words[3].to_ne_bytes();
    Some(Transport { protocol, ports: words[0], flags })
}

/// Turns the ports round: those of the packet that goes the other way.
#[inline(always)]
pub fn turned(ports: u32) -> u32 {
    ports.rotate_left(16)
}

/// The ports word of two ports in network order.
#[inline(always)]
pub fn ports_word(source: [u8; 2], destination: [u8; 2]) -> u32 {
    u32::from_ne_bytes([source[0], source[1], destination[0], destination[1]])
}
