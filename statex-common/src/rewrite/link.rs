//! The Ethernet header of a packet on its way to a backend.

use super::Exit;
use crate::abi::{Backend, NextHop};
use crate::packet::Packet;
use crate::reason::{Reason, Verdict};

/// Writes destination, source and type of an untagged frame.
#[inline(always)]
pub fn write<P: Packet>(packet: &mut P, next_hop: u64, source: u64, frame_type: u16) -> Option<()> {
    // Each word has two bytes that are not of the address; the next write covers them.
    packet.write(0, next_hop)?;
    packet.write(6, source)?;
    packet.write(12, frame_type)
}

/// Writes the header towards the backend and says which way the packet leaves.
#[inline(always)]
pub fn leave<P: Packet>(
    packet: &mut P,
    backend: &Backend,
    egress: u64,
    frame_type: u16,
) -> Result<Exit, Reason> {
    let next_hop = backend.next_hop.get();
    write(packet, next_hop, egress, frame_type).ok_or(Reason::Truncated)?;
    let interface = backend.interface.get();
    let verdict = match interface {
        0 => return Err(Reason::NoNextHop),
        same if same == packet.interface() => Verdict::Transmit,
        other => Verdict::Redirect(other),
    };
    Ok(Exit::new(verdict, NextHop::from_word(next_hop).vlan))
}
