//! The backend's side: takes IPIP and GUE off packets for its virtual addresses and hands them to its own
//! stack.

use crate::count;
use crate::packet::Packet;
use crate::parse::ethernet::{ethertype, frame_type};
use crate::parse::{Fragment, IP, Ip, ipv4, ipv6, protocol, transport};
use crate::reason::{Reason, Verdict};
use crate::tables::Tables;

/// Decides about a packet that came to a backend.
///
/// Only whole packets whose inner destination is served here are touched; all others go up as they came.
#[inline(always)]
pub fn decap<P: Packet, T: Tables>(packet: &mut P, tables: &T) -> Verdict {
    let reason = match unwrap(packet, tables) {
        Ok(()) => Reason::Decapsulated,
        Err(reason) => reason,
    };
    count::reason(tables, reason);
    reason.verdict()
}

#[inline(always)]
fn unwrap<P: Packet, T: Tables>(packet: &mut P, tables: &T) -> Result<(), Reason> {
    match frame_type(packet)? {
        ethertype::IPV4 => {
            let outer = ipv4::parse_frame(packet)?;
            if outer.payload != IP + ipv4::HEADER {
                return Err(Reason::DecapNotOurs);
            }
            match inner(packet, tables, &outer)? {
                Inner { gue: false, frame_type } => strip::<P, { ipv4::HEADER }>(packet, frame_type),
                Inner { gue: true, frame_type } => {
                    strip::<P, { ipv4::HEADER + transport::UDP_HEADER }>(packet, frame_type)
                }
            }
        }
        ethertype::IPV6 => {
            let outer = ipv6::parse_fixed(packet, IP)?;
            if !packet.holds(IP + outer.len) {
                return Err(Reason::MalformedIp);
            }
            match inner(packet, tables, &outer)? {
                Inner { gue: false, frame_type } => strip::<P, { ipv6::HEADER }>(packet, frame_type),
                Inner { gue: true, frame_type } => {
                    strip::<P, { ipv6::HEADER + transport::UDP_HEADER }>(packet, frame_type)
                }
            }
        }
        _ => Err(Reason::NotIp),
    }
}

/// What lies behind the outer headers.
struct Inner {
    gue: bool,
    frame_type: u16,
}

#[inline(always)]
fn inner<P: Packet, T: Tables>(packet: &P, tables: &T, outer: &Ip) -> Result<Inner, Reason> {
    if outer.fragment != Fragment::Whole {
        return Err(Reason::DecapNotOurs);
    }
    let (gue, at) = match outer.protocol {
        protocol::IPIP | protocol::IPV6 => (false, outer.payload),
        protocol::UDP => {
            let udp = transport::parse(packet, outer.payload, protocol::UDP).ok_or(Reason::DecapNotOurs)?;
            if u16::from_ne_bytes(udp.destination_port()) != tables.node().gue_port.get() as u16 {
                return Err(Reason::DecapNotOurs);
            }
            (true, outer.payload + transport::UDP_HEADER)
        }
        _ => return Err(Reason::DecapNotOurs),
    };
    let first: u8 = packet.read(at).ok_or(Reason::DecapNotOurs)?;
    let (destination, frame_type) = match first >> 4 {
        4 if outer.protocol != protocol::IPV6 => {
            let inner = ipv4::parse(packet, at).map_err(|_| Reason::DecapNotOurs)?;
            (inner.destination, ethertype::IPV4)
        }
        6 if outer.protocol != protocol::IPIP => {
            let words: [u32; ipv6::HEADER / 4] = packet.read(at).ok_or(Reason::DecapNotOurs)?;
            (crate::abi::Addr([words[6], words[7], words[8], words[9]]), ethertype::IPV6)
        }
        _ => return Err(Reason::DecapNotOurs),
    };
    match tables.decapsulates(&destination) {
        true => Ok(Inner { gue, frame_type }),
        false => Err(Reason::DecapNotOurs),
    }
}

/// Takes `BYTES` of outer headers off and puts the Ethernet header in front of the packet inside.
#[inline(always)]
fn strip<P: Packet, const BYTES: usize>(packet: &mut P, frame_type: u16) -> Result<(), Reason> {
    let macs: [u32; 3] = packet.read(0).ok_or(Reason::Runt)?;
    packet.shrink_head::<BYTES>().ok_or(Reason::Truncated)?;
    packet.write(0, macs).ok_or(Reason::Truncated)?;
    packet.write(12, frame_type).ok_or(Reason::Truncated)
}
