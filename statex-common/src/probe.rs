//! A node's own health probes: sent to one backend of a service just as a client's packet would go.
//!
//! The agent connects to the virtual address and marks the socket with the backend's id; the program at
//! the way out of the host hands marked packets to [`send`].

use crate::abi::{BackendState, Egress, Mode, NextHop};
use crate::forward::Seen;
use crate::packet::Packet;
use crate::parse::ethernet::{self, ethertype, frame_type};
use crate::parse::{IP, ipv4, ipv6, transport};
use crate::reason::{Reason, Verdict};
use crate::rewrite::encap::{self, Inner};
use crate::rewrite::link;
use crate::tables::Tables;

/// Sends a packet of the node's own to the backend with this id, whether it is thought alive or dead.
///
/// # Errors
/// `NoBackend` when nobody has the id, or packets for it are translated (then a plain socket will do).
#[inline(always)]
pub fn send<P: Packet, T: Tables>(packet: &mut P, tables: &T, backend: u16) -> Result<Verdict, Reason> {
    let seen = match frame_type(packet)? {
        ethertype::IPV4 => Seen { ip: ipv4::parse(packet, IP)?, v6: false, vlan: 0 },
        ethertype::IPV6 => Seen { ip: ipv6::parse_fixed(packet, IP)?, v6: true, vlan: 0 },
        _ => return Err(Reason::NotIp),
    };
    let row = tables.backend(backend as u32).ok_or(Reason::NoBackend)?;
    let egress = row.egress.get();
    let Egress { state, mode, .. } = Egress::from_word(egress);
    if state == BackendState::Free as u8 || mode == Mode::Nat as u8 {
        return Err(Reason::NoBackend);
    }
    let exit = if mode == Mode::L2 as u8 {
        link::leave(packet, row, egress, seen.frame_type())?
    } else {
        let ports = transport::parse(packet, seen.ip.payload, seen.ip.protocol).map_or(0, |t| t.ports);
        // Ports differ from probe to probe, so probes try the paths that clients' packets take.
        let inner = Inner { len: seen.ip.len, tos: seen.ip.tos, entropy: ports.wrapping_mul(0x9e37_79b1) };
        encap::encapsulate(packet, tables, row, egress, inner)?
    };
    match exit.vlan() {
        NextHop::KEEP | NextHop::UNTAGGED => {}
        vlan => ethernet::tag(packet, vlan).ok_or(Reason::NoHeadroom)?,
    }
    Ok(exit.verdict())
}
