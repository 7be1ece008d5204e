//! Puts other addresses and ports into a packet and keeps its checksums right (RFC 1624).

use crate::abi::Addr;
use crate::forward::Seen;
use crate::packet::Packet;
use crate::parse::transport::{TCP_CHECKSUM, Transport, UDP_CHECKSUM, ports_word};
use crate::parse::{IP, ipv4};
use crate::reason::Reason;
use crate::rewrite::checksum::Sum;

/// Addresses and ports of a packet, ports in network order.
#[derive(Clone, Copy, Debug)]
pub struct Tuple {
    pub source: Addr,
    pub destination: Addr,
    pub source_port: [u8; 2],
    pub destination_port: [u8; 2],
}

/// Translates a TCP or UDP packet that has its ports.
#[inline(always)]
pub fn packet<P: Packet>(
    packet: &mut P,
    seen: &Seen,
    transport: &Transport,
    to: &Tuple,
) -> Result<(), Reason> {
    // A node that translates is a router, and a router counts the packet's hops.
    if seen.ip.ttl <= 1 {
        return Err(Reason::TimeToLive);
    }
    let ports = ports_word(to.source_port, to.destination_port);
    let at = seen.ip.payload + if transport.is_udp() { UDP_CHECKSUM } else { TCP_CHECKSUM };
    let old: u16 = packet.read(at).ok_or(Reason::Truncated)?;
    // IPv4 UDP without a checksum stays without (RFC 768).
    if !(transport.is_udp() && old == 0) {
        let sum = Sum::from_checksum(old).replace32(transport.ports, ports);
        let sum = replace_addrs(sum, seen, to);
        let sum = if transport.is_udp() { sum.udp_checksum() } else { sum.checksum() };
        packet.write(at, sum).ok_or(Reason::Truncated)?;
    }
    packet.write(seen.ip.payload, ports).ok_or(Reason::Truncated)?;
    addresses(packet, seen, &to.source, &to.destination).ok_or(Reason::Truncated)
}

#[inline(always)]
fn replace_addrs(sum: Sum, seen: &Seen, to: &Tuple) -> Sum {
    match seen.v6 {
        false => sum
            .replace32(seen.ip.source.v4_word(), to.source.v4_word())
            .replace32(seen.ip.destination.v4_word(), to.destination.v4_word()),
        true => {
            sum.replace_addr(&seen.ip.source, &to.source).replace_addr(&seen.ip.destination, &to.destination)
        }
    }
}

/// Translates the addresses of an IP header, takes one hop off, and mends an IPv4 header's checksum.
#[inline(always)]
pub fn addresses<P: Packet>(packet: &mut P, seen: &Seen, source: &Addr, destination: &Addr) -> Option<()> {
    let ip = &seen.ip;
    if seen.v6 {
        packet.write(IP + 7, ip.ttl.wrapping_sub(1))?;
        packet.write(IP + 8, source.0)?;
        return packet.write(IP + 24, destination.0);
    }
    let old: u16 = packet.read(IP + ipv4::CHECKSUM)?;
    let hop = |ttl: u8| u16::from_ne_bytes([ttl, 0]);
    let sum = Sum::from_checksum(old)
        .replace16(hop(ip.ttl), hop(ip.ttl.wrapping_sub(1)))
        .replace32(ip.source.v4_word(), source.v4_word())
        .replace32(ip.destination.v4_word(), destination.v4_word());
    packet.write(IP + 8, ip.ttl.wrapping_sub(1))?;
    packet.write(IP + ipv4::CHECKSUM, sum.checksum())?;
    packet.write(IP + 12, [source.v4_word(), destination.v4_word()])
}
