//! The decision about one packet, from its Ethernet header to its verdict.
//!
//! What is common is one straight piece for each of IPv4 and IPv6; what is rare goes on through
//! [`stage`](crate::stage)s.

use crate::abi::{Egress, Mode, NextHop, service_flags as flag};
use crate::count::{self, settle};
use crate::packet::Packet;
use crate::parse::ethernet::{self, ethertype};
use crate::parse::{Fragment, Ip, ipv4, ipv6, protocol, transport};
use crate::reason::{Reason, Verdict};
use crate::rewrite::encap::{self, Inner};
use crate::rewrite::{Exit, link};
use crate::route::{self, Chosen, Flow};
use crate::stage::{Answer, Stage, Told};
use crate::tables::Tables;
use crate::{guard, service};

/// What has been read of a packet.
#[derive(Clone, Copy, Debug, Default)]
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
        let exit = decide(packet, tables, frame_type, NextHop::UNTAGGED);
        return match exit.vlan() {
            NextHop::KEEP | NextHop::UNTAGGED => exit.verdict(),
            vlan => finish(tables, exit, ethernet::tag(packet, vlan)),
        };
    }
    let tags = match ethernet::untag(packet) {
        Ok(tags) => tags,
        Err(reason) => return settle(tables, reason).verdict(),
    };
    let exit = decide(packet, tables, ethernet::frame_type(packet).unwrap_or(0), tags.vlan());
    let tagged = match exit.vlan() {
        _ if exit.verdict() == Verdict::Drop => Some(()),
        NextHop::KEEP => ethernet::retag(packet, tags),
        NextHop::UNTAGGED => Some(()),
        vlan => ethernet::tag(packet, vlan),
    };
    finish(tables, exit, tagged)
}

#[inline(always)]
fn decide<P: Packet, T: Tables>(packet: &mut P, tables: &T, frame_type: u16, vlan: u16) -> Exit {
    let answer = match frame_type {
        ethertype::IPV4 => packet.common(tables, false),
        ethertype::IPV6 => packet.common(tables, true),
        _ => return settle(tables, Reason::NotIp),
    };
    match answer.goes_on() {
        false => answer.exit(),
        true => packet.rest(tables, answer, vlan),
    }
}

#[inline(always)]
fn finish<T: Tables>(tables: &T, exit: Exit, tagged: Option<()>) -> Verdict {
    match tagged {
        Some(()) => exit.verdict(),
        None => settle(tables, Reason::NoHeadroom).verdict(),
    }
}

/// The common way of a packet.
#[inline(always)]
pub fn common<P: Packet, T: Tables>(packet: &mut P, tables: &T, v6: bool) -> Answer {
    let ip = if v6 { ipv6::parse_frame(packet, tables) } else { ipv4::parse_frame(packet) };
    // No closure: the compiler might leave it a function of its own, with a stack of its own.
    let answer = match ip {
        Ok(ip) => datagram(packet, tables, &Seen { ip, v6, vlan: NextHop::UNTAGGED }),
        Err(reason) => Err(reason),
    };
    answer.unwrap_or_else(|reason| settle(tables, reason).into())
}

#[inline(always)]
fn datagram<P: Packet, T: Tables>(packet: &mut P, tables: &T, seen: &Seen) -> Result<Answer, Reason> {
    match seen.ip.protocol {
        protocol::TCP | protocol::UDP if seen.ip.fragment == Fragment::Later => {
            packet.leave(Told { seen: *seen, ..Told::default() });
            Ok(Answer::next(Stage::LaterFragment, 0))
        }
        protocol::TCP | protocol::UDP => segment(packet, tables, seen),
        protocol::ICMP | protocol::ICMPV6 if (seen.ip.protocol == protocol::ICMPV6) == seen.v6 => {
            packet.leave(Told { seen: *seen, ..Told::default() });
            Ok(Answer::next(Stage::Icmp, 0))
        }
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
    let answer = send(packet, tables, seen, &Flow { id, service, transport, fingerprint })?;
    if answer.goes_on() {
        packet.leave(Told { seen: *seen, transport, fingerprint, ..Told::default() });
    }
    Ok(answer)
}

/// Sends a segment or datagram to its flow's backend, if the flow is known and nothing about it is rare.
#[inline(always)]
fn send<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    seen: &Seen,
    flow: &Flow<'_>,
) -> Result<Answer, Reason> {
    let (ip, id, flags) = (&seen.ip, flow.id, flow.service.flags.get());
    if flags & flag::NAT_RETURN != 0 {
        return Ok(Answer::next(Stage::NatBack, id));
    }
    guard::deny(tables, &ip.source)?;
    if flags & flag::LOCAL != 0 {
        if ip.fragment == Fragment::First {
            return Ok(Answer::next(Stage::FirstForLocal, id));
        }
        count::local(tables, id);
        return Err(Reason::Local);
    }
    if flags & flag::NAT != 0 {
        return Ok(Answer::next(Stage::NatForward, id));
    }
    let chosen = match route::choose(packet, tables, seen, flow) {
        Ok(chosen) => chosen,
        Err(answer) => return Ok(answer),
    };
    match ip.fragment == Fragment::First {
        true => Ok(Answer::next(Stage::Deliver, id).with(chosen.id)),
        false => deliver(packet, tables, seen, chosen, (flow.fingerprint >> 32) as u32),
    }
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
) -> Result<Answer, Reason> {
    let mtu = row.mtu.get();
    if seen.ip.len > mtu as usize {
        return Ok(Answer::next(Stage::TooBig, row.service).with(mtu));
    }
    count::sent(tables, id, seen.ip.len);
    if Egress::from_word(egress).mode == Mode::L2 as u8 {
        return link::leave(packet, row, egress, seen.frame_type()).map(Answer::from);
    }
    let inner = Inner { len: seen.ip.len, tos: seen.ip.tos, entropy };
    encap::encapsulate(packet, tables, row, egress, inner).map(Answer::from)
}
