//! The decision about one packet, from its Ethernet header to its verdict.
//!
//! What is common is one straight piece for each of IPv4 and IPv6; what is rare goes through a
//! [`Stage`](crate::stage::Stage) of its own.

use crate::abi::{Egress, Mode, NextHop, service_flags as flag};
use crate::count::{self, settle};
use crate::packet::Packet;
use crate::parse::ethernet::{self, ethertype};
use crate::parse::{Fragment, Ip, protocol, transport};
use crate::reason::{Reason, Verdict};
use crate::rewrite::encap::{self, Inner};
use crate::rewrite::{Exit, link};
use crate::route::{self, Chosen, Flow};
use crate::stage::{Answer, Stage, Told};
use crate::tables::Tables;
use crate::{guard, service};

/// What has been read of a packet.
#[derive(Clone, Copy)]
pub struct Seen {
    pub ip: Ip,
    pub v6: bool,
    /// VLAN id of the outermost tag that the frame came with, or [`NextHop::UNTAGGED`].
    pub vlan: u16,
}

impl Seen {
    #[inline(always)]
    pub(crate) fn frame_type(&self) -> u16 {
        if self.v6 { ethertype::IPV6 } else { ethertype::IPV4 }
    }
}

/// Decides about a packet that came to a node, and rewrites it accordingly.
///
/// Tags are taken off first and what leaves gets the ones it should have, so that all between sees
/// untagged frames.
#[inline(always)]
pub fn forward<P: Packet, T: Tables>(packet: &mut P, tables: &T) -> Verdict {
    let Ok(frame_type) = ethernet::frame_type(packet) else {
        return settle(tables, Reason::Runt).verdict();
    };
    if !ethernet::is_tag(frame_type) {
        let exit = stages(packet, tables, frame_type, Told::default());
        return match exit.vlan() {
            NextHop::KEEP | NextHop::UNTAGGED => exit.verdict(),
            vlan => finish(tables, exit, ethernet::tag(packet, vlan)),
        };
    }
    let tags = match ethernet::untag(packet) {
        Ok(tags) => tags,
        Err(reason) => return settle(tables, reason).verdict(),
    };
    let told = Told { vlan: tags.vlan(), ..Told::default() };
    let exit = stages(packet, tables, ethernet::frame_type(packet).unwrap_or(0), told);
    let tagged = match exit.vlan() {
        _ if exit.verdict() == Verdict::Drop => Some(()),
        NextHop::KEEP => ethernet::retag(packet, tags),
        NextHop::UNTAGGED => Some(()),
        vlan => ethernet::tag(packet, vlan),
    };
    finish(tables, exit, tagged)
}

/// Runs one stage after the other until one says how the packet leaves.
#[inline(always)]
fn stages<P: Packet, T: Tables>(packet: &mut P, tables: &T, frame_type: u16, told: Told) -> Exit {
    let mut answer = match frame_type {
        ethertype::IPV4 => packet.apart(tables, Stage::Ipv4, told),
        ethertype::IPV6 => packet.apart(tables, Stage::Ipv6, told),
        _ => return settle(tables, Reason::NotIp),
    };
    // The longest way: a datagram that is translated, has no port yet, gets one, is translated.
    for _ in 0..3 {
        let Some((stage, told)) = answer.following(told.vlan) else {
            return answer.exit();
        };
        answer = packet.apart(tables, stage, told);
    }
    match answer.following(told.vlan) {
        None => answer.exit(),
        Some(_) => settle(tables, Reason::NatPorts),
    }
}

#[inline(always)]
fn finish<T: Tables>(tables: &T, exit: Exit, tagged: Option<()>) -> Verdict {
    match tagged {
        Some(()) => exit.verdict(),
        None => settle(tables, Reason::NoHeadroom).verdict(),
    }
}

#[inline(always)]
pub(crate) fn datagram<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
) -> Result<Answer, Reason> {
    match seen.ip.protocol {
        protocol::TCP | protocol::UDP if seen.ip.fragment == Fragment::Later => {
            Ok(Answer::next(Stage::LaterFragment, 0))
        }
        protocol::TCP | protocol::UDP => segment(packet, tables, seen),
        protocol::ICMP if !seen.v6 => Ok(Answer::next(Stage::Icmp, 0)),
        protocol::ICMPV6 if seen.v6 => Ok(Answer::next(Stage::Icmp, 0)),
        _ => Err(Reason::NotOurs),
    }
}

/// A TCP segment or UDP datagram with its ports.
#[inline(always)]
fn segment<P: Packet, T: Tables>(packet: &mut P, tables: &T, seen: &Seen) -> Result<Answer, Reason> {
    let ip = &seen.ip;
    let header = if ip.protocol == protocol::UDP { transport::UDP_HEADER } else { transport::TCP_HEADER };
    let transport = transport::parse(packet, ip.payload, ip.protocol).filter(|_| ip.holds(header));
    let Some(transport) = transport else {
        return Err(truncated(tables, ip));
    };
    let (id, service) = service::find(tables, &ip.destination, transport.destination_port(), ip.protocol)?;
    let flags = service.flags.get();
    let fingerprint = route::fingerprint(tables, ip, transport.ports, id, flags);
    let flow = Flow { id, service, transport, fingerprint };
    let mut told = Told { vlan: seen.vlan, service: id, fingerprint, ..Told::default() };
    if flags & flag::NAT_RETURN != 0 {
        return Ok(Answer::next(Stage::NatBack, id));
    }
    guard::deny(tables, &ip.source)?;
    if flags & flag::LOCAL != 0 {
        if ip.fragment == Fragment::First {
            packet.apart(tables, Stage::FirstFragment, told);
        }
        count::local(tables, id);
        return Err(Reason::Local);
    }
    if flags & flag::NAT != 0 {
        return Ok(Answer::next(Stage::NatForward, id));
    }
    let chosen = match route::choose(packet, tables, seen, &flow) {
        Ok(chosen) => chosen,
        Err(answer) => return Ok(answer),
    };
    if ip.fragment == Fragment::First {
        told.backend = chosen.id;
        packet.apart(tables, Stage::FirstFragment, told);
    }
    deliver(packet, tables, seen, chosen, (fingerprint >> 32) as u32).map(Answer::from)
}

/// Why a packet whose transport header is cut off is not forwarded.
#[inline(always)]
fn truncated<T: Tables>(tables: &T, ip: &Ip) -> Reason {
    match service::address(tables, &ip.destination) {
        Some(_) => Reason::Truncated,
        None => Reason::NotOurs,
    }
}

/// Sends a packet to its backend in the backend's way.
#[inline(always)]
pub(crate) fn deliver<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    Chosen { id, row, egress }: Chosen<'_>,
    entropy: u32,
) -> Result<Exit, Reason> {
    if seen.ip.len > row.mtu.get() as usize {
        let told = Told { mtu: row.mtu.get(), vlan: seen.vlan, ..Told::default() };
        return Ok(packet.apart(tables, Stage::TooBig, told).exit());
    }
    count::sent(tables, id, seen.ip.len);
    if Egress::from_word(egress).mode == Mode::L2 as u8 {
        return link::leave(packet, row, egress, seen.frame_type());
    }
    let inner = Inner { len: seen.ip.len, tos: seen.ip.tos, entropy };
    encap::encapsulate(packet, tables, row, egress, inner)
}
