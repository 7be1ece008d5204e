//! The pieces of a packet's way that the kernel verifies each on its own.
//!
//! The verifier follows every path through a program. Cut into functions that it looks at once, whatever
//! leads to them, the whole stays small for it; and what is rare stays out of the way of what is common.
//! A stage reads the packet anew: it gets no more from its caller than two numbers.
//!
//! ```text
//! forward ┬─ Ipv4, Ipv6 ┬─ Remember       (routed by connection id)
//!         │             ├─ FirstFragment
//!         │             └─ TooBig
//!         │   (Extensions: wherever an IPv6 header is read)
//!         ├─ OldFlow → Deliver, NewFlow   (no entry where the flow table has it since it grew)
//!         ├─ NewFlow → Deliver            (no entry in the flow table)
//!         │   └─ SourceRate
//!         ├─ NatForward ⇄ NatOpen         (no port yet)
//!         ├─ NatBack
//!         ├─ Icmp → IcmpError → Deliver, NatErrorForward, NatErrorBack
//!         └─ LaterFragment → Deliver
//! ```
//!
//! A stage of the left column answers which one follows, and [`forward`](crate::forward::forward) runs it
//! then: the kernel adds up the stacks of all functions that are under way.

use crate::abi::NextHop;
use crate::count::settle;
use crate::forward::{Seen, datagram, deliver};
use crate::packet::Packet;
use crate::parse::ethernet::{ethertype, frame_type};
use crate::parse::{Fragment, ipv4, ipv6, transport};
use crate::reason::{Reason, Verdict};
use crate::rewrite::{Exit, icmp as reply, nat};
use crate::route::{self, Flow};
use crate::tables::Tables;
use crate::{fragment, guard, message};

/// A piece of the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Stage {
    Ipv4,
    Ipv6,
    /// Follows IPv6 extension headers; answers where they lead.
    Extensions,
    /// TCP or UDP that the flow table may know from before it grew.
    OldFlow,
    /// TCP or UDP that the flow table does not know.
    NewFlow,
    /// Takes a token of the source prefix.
    SourceRate,
    /// Notes the flow of a packet that its connection id has routed.
    Remember,
    NatForward,
    /// Gives a flow a port and a backend.
    NatOpen,
    NatBack,
    Icmp,
    /// An ICMP error about a flow.
    IcmpError,
    /// The same, when the flow is translated and the error comes from the client's side.
    NatErrorForward,
    /// The same, when it comes from the backend's side.
    NatErrorBack,
    FirstFragment,
    LaterFragment,
    /// A packet whose backend has been chosen apart from the common way.
    Deliver,
    /// A packet that does not fit the way to its backend.
    TooBig,
}

/// What a stage is told by its caller.
#[derive(Clone, Copy, Default, Debug)]
pub struct Told {
    /// VLAN id that the frame came with.
    pub vlan: u16,
    /// A service's id.
    pub service: u16,
    /// A backend's id.
    pub backend: u16,
    /// A size or place in bytes.
    pub mtu: u16,
    /// A flow's fingerprint; 0 where the stage is to make it.
    pub fingerprint: u64,
}

impl Told {
    /// As two numbers.
    #[inline(always)]
    pub const fn words(self) -> (u64, u64) {
        let low = self.vlan as u64 | (self.service as u64) << 16;
        (low | (self.backend as u64) << 32 | (self.mtu as u64) << 48, self.fingerprint)
    }

    #[inline(always)]
    pub const fn from_words(low: u64, fingerprint: u64) -> Self {
        Self {
            vlan: low as u16,
            service: (low >> 16) as u16,
            backend: (low >> 32) as u16,
            mtu: (low >> 48) as u16,
            fingerprint,
        }
    }
}

/// What a stage answers: the packet's exit, or the stage that follows.
///
/// One word, because that is what a function of an eBPF program can return. A following stage is told an
/// id (16 bits), and 32 bits of the flow's fingerprint; its number takes 8 more.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Answer(pub u64);

impl Answer {
    const NEXT: u64 = 1 << 63;

    /// The packet is for another stage, which is told the id of a service.
    #[inline(always)]
    pub(crate) fn next(stage: Stage, service: u16) -> Self {
        Self(Self::NEXT | (stage as u64) << 16 | service as u64)
    }

    /// The packet goes to this backend.
    #[inline(always)]
    pub(crate) fn deliver(backend: u16, fingerprint: u64) -> Self {
        Self(Self::next(Stage::Deliver, backend).0 | fingerprint >> 32 << 24)
    }

    /// The packet's exit.
    #[inline(always)]
    pub fn exit(self) -> Exit {
        Exit::from_word(self.0)
    }

    /// The stage that follows, and what it is told.
    #[inline(always)]
    pub(crate) fn following(self, vlan: u16) -> Option<(Stage, Told)> {
        const FOLLOWING: [Stage; 11] = [
            Stage::OldFlow,
            Stage::NewFlow,
            Stage::NatForward,
            Stage::NatOpen,
            Stage::NatBack,
            Stage::Icmp,
            Stage::IcmpError,
            Stage::NatErrorForward,
            Stage::NatErrorBack,
            Stage::LaterFragment,
            Stage::Deliver,
        ];
        let number = (self.0 >> 16) as u8;
        let id = self.0 as u16;
        let told = Told { vlan, service: id, backend: id, mtu: 0, fingerprint: self.0 >> 24 << 32 };
        let mut following = None;
        for stage in FOLLOWING {
            if self.0 & Self::NEXT != 0 && stage as u8 == number {
                following = Some((stage, told));
            }
        }
        following
    }
}

impl From<Exit> for Answer {
    #[inline(always)]
    fn from(exit: Exit) -> Self {
        Self(exit.word())
    }
}

impl Stage {
    /// Runs the piece on a frame whose tags are off.
    #[inline(always)]
    pub fn run<P: Packet, T: Tables>(self, packet: &mut P, tables: &T, told: Told) -> Answer {
        if self == Stage::Extensions {
            let behind = ipv6::follow(packet, told.service as u8, told.mtu as usize & 0x7ff);
            return Answer(behind.map_or(0, |behind| behind.word()));
        }
        self.answer(packet, tables, told).unwrap_or_else(|reason| settle(tables, reason).into())
    }

    #[inline(always)]
    fn answer<P: Packet, T: Tables>(self, packet: &mut P, tables: &T, told: Told) -> Result<Answer, Reason> {
        match self {
            Stage::Ipv4 => {
                let seen = ipv4_seen(packet, told)?;
                return datagram(packet, tables, &seen);
            }
            Stage::Ipv6 => {
                let seen = ipv6_seen(packet, tables, told)?;
                return datagram(packet, tables, &seen);
            }
            _ => {}
        }
        if self == Stage::Remember {
            route::remember(tables, told)?;
            return Ok(Exit::BACK.into());
        }
        let seen = &read(packet, tables, told)?;
        let exit = match self {
            Stage::NewFlow => {
                let flow = flow(packet, tables, seen, told)?;
                let backend = route::new_flow(packet, tables, seen, &flow)?;
                return Ok(Answer::deliver(backend, flow.fingerprint));
            }
            Stage::OldFlow => {
                let flow = flow(packet, tables, seen, told)?;
                return Ok(match route::old_flow(tables, &flow) {
                    Some(backend) => Answer::deliver(backend, flow.fingerprint),
                    None => Answer::next(Stage::NewFlow, flow.id),
                });
            }
            Stage::NatForward => {
                let flow = flow(packet, tables, seen, told)?;
                return nat::forward(packet, tables, seen, &flow);
            }
            Stage::NatOpen => {
                let flow = flow(packet, tables, seen, told)?;
                nat::open(packet, tables, seen, &flow)?;
                return Ok(Answer::next(Stage::NatForward, told.service));
            }
            Stage::NatBack => nat::back(packet, tables, seen, &flow(packet, tables, seen, told)?),
            Stage::Icmp => return message::to_address(packet, tables, seen),
            Stage::IcmpError => return message::error(packet, tables, seen),
            Stage::NatErrorForward => nat::error::forward(packet, tables, seen, told),
            Stage::NatErrorBack => nat::error::back(packet, tables, seen, told),
            Stage::SourceRate => {
                let service = tables.service(told.service as u32).ok_or(Reason::TableMissing)?;
                let within = guard::source_rate(tables, told.service, service, &seen.ip.source, tables.now());
                // The caller counts the packet.
                Ok(within.map_or(Exit::new(Verdict::Drop, NextHop::KEEP), |()| Exit::BACK))
            }
            Stage::FirstFragment => fragment::remember(tables, &seen.ip, told.backend).map(|()| Exit::BACK),
            Stage::LaterFragment => return fragment::follow_first(packet, tables, seen),
            Stage::Deliver => {
                if seen.ip.fragment == Fragment::First {
                    packet.apart(tables, Stage::FirstFragment, told);
                }
                let chosen = route::alive(tables, told.backend).ok_or(Reason::NoBackend)?;
                deliver(packet, tables, seen, chosen, (told.fingerprint >> 32) as u32)
            }
            _ => Err(reply::too_big(packet, seen, told.mtu)),
        };
        exit.map(Answer::from)
    }
}

#[inline(always)]
fn ipv4_seen<P: Packet>(packet: &P, told: Told) -> Result<Seen, Reason> {
    Ok(Seen { ip: ipv4::parse_frame(packet)?, v6: false, vlan: told.vlan })
}

#[inline(always)]
fn ipv6_seen<P: Packet, T: Tables>(packet: &mut P, tables: &T, told: Told) -> Result<Seen, Reason> {
    Ok(Seen { ip: ipv6::parse_frame(packet, tables)?, v6: true, vlan: told.vlan })
}

/// Reads the packet anew.
#[inline(always)]
fn read<P: Packet, T: Tables>(packet: &mut P, tables: &T, told: Told) -> Result<Seen, Reason> {
    match frame_type(packet)? {
        ethertype::IPV4 => ipv4_seen(packet, told),
        ethertype::IPV6 => ipv6_seen(packet, tables, told),
        _ => Err(Reason::NotIp),
    }
}

#[inline(always)]
fn flow<'a, P: Packet, T: Tables>(
    packet: &P,
    tables: &'a T,
    seen: &Seen,
    told: Told,
) -> Result<Flow<'a>, Reason> {
    let id = told.service;
    let service = tables.service(id as u32).ok_or(Reason::TableMissing)?;
    let transport = transport::parse(packet, seen.ip.payload, seen.ip.protocol).ok_or(Reason::Truncated)?;
    let fingerprint = match told.fingerprint {
        0 => route::fingerprint(tables, &seen.ip, transport.ports, id, service.flags.get()),
        known => known,
    };
    Ok(Flow { id, service, transport, fingerprint })
}
