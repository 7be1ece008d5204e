//! IP in IP (RFC 2003, RFC 2473) and IP in UDP (GUE variant 1, draft-ietf-intarea-gue-09 §3.1).
//!
//! A backend's row holds the finished outer header; per packet only its length, type of service, the
//! varying bits of its source and the checksum are filled in.

use super::checksum::Sum;
use super::{Exit, link};
use crate::abi::{Backend, Egress, Mode, OUTER_LEN};
use crate::packet::Packet;
use crate::parse::ethernet::ethertype;
use crate::parse::{IP, ipv4, ipv6, transport};
use crate::reason::Reason;
use crate::tables::Tables;

/// What the outer headers take over from the packet inside.
#[derive(Clone, Copy)]
pub struct Inner {
    /// Bytes of the inner IP packet.
    pub len: usize,
    pub tos: u8,
    /// Of the flow; spreads its outer packets over receive queues and paths.
    pub entropy: u32,
}

/// Puts the outer headers in front and sends the packet to the backend.
#[inline(always)]
pub fn encapsulate<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    backend: &Backend,
    egress: u64,
    inner: Inner,
) -> Result<Exit, Reason> {
    let Egress { mode, outer_v6, .. } = Egress::from_word(egress);
    let gue = mode == Mode::Gue as u8;
    let head = packet_head(packet, outer_v6, gue).ok_or(Reason::NoHeadroom)?;
    let frame_type = if outer_v6 { ethertype::IPV6 } else { ethertype::IPV4 };
    let behind_ip = inner.len + if gue { transport::UDP_HEADER } else { 0 };
    match outer_v6 {
        false => write_v4(packet, tables, backend, inner, behind_ip),
        true => write_v6(packet, tables, backend, inner, behind_ip),
    }
    .ok_or(Reason::Truncated)?;
    if gue {
        write_udp(packet, tables, IP + head, inner).ok_or(Reason::Truncated)?;
    }
    link::leave(packet, backend, egress, frame_type)
}

/// Moves the head; how long the outer IP header is.
#[inline(always)]
fn packet_head<P: Packet>(packet: &mut P, outer_v6: bool, gue: bool) -> Option<usize> {
    match (outer_v6, gue) {
        (false, false) => packet.grow_head::<{ ipv4::HEADER }>()?,
        (false, true) => packet.grow_head::<{ ipv4::HEADER + transport::UDP_HEADER }>()?,
        (true, false) => packet.grow_head::<{ ipv6::HEADER }>()?,
        (true, true) => packet.grow_head::<{ ipv6::HEADER + transport::UDP_HEADER }>()?,
    }
    Some(if outer_v6 { OUTER_LEN } else { ipv4::HEADER })
}

#[inline(always)]
fn write_v4<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    backend: &Backend,
    inner: Inner,
    behind_ip: usize,
) -> Option<()> {
    let [version, ..] = backend.outer[0].to_ne_bytes();
    let [len_high, len_low] = ((behind_ip + ipv4::HEADER) as u16).to_be_bytes();
    let vary = inner.entropy & tables.node().outer_v4_vary.get();
    let first = u32::from_ne_bytes([version, inner.tos, len_high, len_low]);
    let [ttl, protocol, sum_a, sum_b] = backend.outer[2].to_ne_bytes();
    let sum = Sum::ZERO
        .add16(u16::from_ne_bytes([sum_a, sum_b]))
        .add16(u16::from_ne_bytes([0, inner.tos]))
        .add16(u16::from_ne_bytes([len_high, len_low]))
        .add32(vary);
    let [sum_a, sum_b] = sum.checksum().to_ne_bytes();
    packet.write(
        IP,
        [
            first,
            backend.outer[1],
            u32::from_ne_bytes([ttl, protocol, sum_a, sum_b]),
            backend.outer[3] | vary,
            backend.outer[4],
        ],
    )
}

#[inline(always)]
fn write_v6<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    backend: &Backend,
    inner: Inner,
    behind_ip: usize,
) -> Option<()> {
    let [label_a, label_b, label_c, _] = inner.entropy.to_ne_bytes();
    let [len_high, len_low] = (behind_ip as u16).to_be_bytes();
    let [_, _, next, hops] = backend.outer[1].to_ne_bytes();
    let vary = inner.entropy & tables.node().outer_v6_vary.get();
    let outer = &backend.outer;
    packet.write(
        IP,
        [
            // The flow label lets routers spread flows without looking inside (RFC 6438).
            u32::from_ne_bytes([0x60 | inner.tos >> 4, inner.tos << 4 | label_a & 0x0f, label_b, label_c]),
            u32::from_ne_bytes([len_high, len_low, next, hops]),
            outer[2],
            outer[3],
            outer[4],
            outer[5] | vary,
            outer[6],
            outer[7],
            outer[8],
            outer[9],
        ],
    )
}

/// The UDP header of GUE. Its checksum is 0: the packet inside has its own (RFC 6935 for IPv6).
#[inline(always)]
fn write_udp<P: Packet, T: Tables>(packet: &mut P, tables: &T, at: usize, inner: Inner) -> Option<()> {
    // Ports from 49152 are for dynamic use (RFC 6335 §6).
    let source = (0xc000 | (inner.entropy >> 16 & 0x3fff) as u16).to_be_bytes();
    let port = tables.node().gue_port.get() as u16;
    let len = ((inner.len + transport::UDP_HEADER) as u16).to_be_bytes();
    let ports = transport::ports_word(source, port.to_ne_bytes());
    packet.write(at, [ports, u32::from_ne_bytes([len[0], len[1], 0, 0])])
}
