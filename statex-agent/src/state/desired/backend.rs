//! Rows of backends: where their packets go, and what is put in front of them.

use crate::kernel::next_hop::NextHop;
use crate::state::model::{Member, State};
use ipnet::{Ipv4Net, Ipv6Net};
use statex_common::abi::{Addr, Backend, BackendState, Egress, Mode, NextHop as HopWord, OUTER_LEN, notes};
use statex_common::parse::{ipv4, protocol, transport};
use statex_common::rewrite::checksum::Sum;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Hops that an outer packet may take (RFC 1700: the default for IP).
const TTL: u8 = 64;
/// Flag "don't fragment" of IPv4, so that the identification need not be unique (RFC 6864 §4.1).
const DONT_FRAGMENT: u8 = 0x40;

/// Bytes that a mode puts in front of a packet.
pub fn overhead(mode: u8, outer_v6: bool) -> u16 {
    let ip = if outer_v6 { OUTER_LEN } else { ipv4::HEADER };
    let bytes = match Mode::from_u8(mode) {
        Some(Mode::Ipip) => ip,
        Some(Mode::Gue) => ip + transport::UDP_HEADER,
        Some(Mode::L2 | Mode::Nat) | None => 0,
    };
    bytes as u16
}

/// A backend's row while it lives; `None` as long as nobody knows the way to it.
pub(super) fn row(state: &State, member: &Member<'_>) -> Option<Backend> {
    let hop = state.hops.get(&member.backend.address)?.last?;
    let (key, service) = (&member.key, member.service);
    let outer_v6 = member.backend.address.is_ipv6();
    let vlan = member.backend.next_hop.as_ref().map_or(hop.vlan, |fixed| fixed.vlan);
    let path = service.mtu.unwrap_or(u16::try_from(hop.mtu).unwrap_or(u16::MAX));
    let server_id = if service.quic { member.backend.server_id.as_slice() } else { &[] };
    let row = Backend {
        outer: outer(state, member, &hop)?,
        addr: Addr::from(member.backend.address),
        server_id: server_id.iter().fold(0, |id, byte| id << 8 | u64::from(*byte)),
        port: key.port.to_be_bytes(),
        protocol: key.service.protocol,
        server_id_len: server_id.len() as u8,
        ..Backend::default()
    };
    row.next_hop.set(HopWord { mac: hop.mac, vlan: vlan.unwrap_or(HopWord::UNTAGGED) }.word());
    row.interface.set(hop.interface);
    row.notes.set(if state.drained.contains(&member.name()) { notes::DRAINED } else { 0 });
    row.mtu.set(path.saturating_sub(overhead(key.mode, outer_v6)));
    let state = BackendState::Alive as u8;
    row.egress.set(Egress { mac: hop.source_mac, generation: 0, state, mode: key.mode, outer_v6 }.word());
    Some(row)
}

/// The same row for a backend whose flows shall go elsewhere.
pub(super) fn dead(row: Backend) -> Backend {
    let egress = Egress::from_word(row.egress.get());
    row.egress.set(Egress { state: BackendState::Dead as u8, ..egress }.word());
    row
}

/// The outer header; all zero where there is none, `None` where there is no address to send from.
fn outer(state: &State, member: &Member<'_>, hop: &NextHop) -> Option<[u32; OUTER_LEN / 4]> {
    let inner_v4 = member.service.destination.is_ipv4();
    let next = match Mode::from_u8(member.key.mode)? {
        Mode::Ipip if inner_v4 => protocol::IPIP,
        Mode::Ipip => protocol::IPV6,
        Mode::Gue => protocol::UDP,
        Mode::L2 | Mode::Nat => return Some([0; OUTER_LEN / 4]),
    };
    let (node, encapsulation) = (&state.config.node, &state.config.encapsulation);
    match (member.backend.address, hop.source) {
        (IpAddr::V4(to), hop) => {
            let own = match hop {
                Some(IpAddr::V4(own)) => Some(own),
                _ => None,
            };
            let from = encapsulation.ipv4_source.map(|net| Ipv4Net::network(&net));
            Some(outer_v4(from.or(node.ipv4).or(own)?, to, next))
        }
        (IpAddr::V6(to), hop) => {
            let own = match hop {
                Some(IpAddr::V6(own)) => Some(own),
                _ => None,
            };
            let from = encapsulation.ipv6_source.map(|net| Ipv6Net::network(&net));
            Some(outer_v6(from.or(node.ipv6).or(own)?, to, next))
        }
    }
}

/// An IPv4 header (RFC 791 §3.1) whose checksum field holds the sum of what is the same in all packets.
fn outer_v4(from: Ipv4Addr, to: Ipv4Addr, next: u8) -> [u32; OUTER_LEN / 4] {
    let word = u32::from_ne_bytes;
    let (from, to) = (word(from.octets()), word(to.octets()));
    let flags = word([0, 0, DONT_FRAGMENT, 0]);
    let fixed = Sum::ZERO.add32(word([0x45, 0, 0, 0])).add32(flags).add32(word([TTL, next, 0, 0]));
    let [sum_a, sum_b] = fixed.add32(from).add32(to).fold().to_ne_bytes();
    let mut outer = [0; OUTER_LEN / 4];
    outer[..5].copy_from_slice(&[word([0x45, 0, 0, 0]), flags, word([TTL, next, sum_a, sum_b]), from, to]);
    outer
}

/// An IPv6 header (RFC 8200 §3) without length and flow label.
fn outer_v6(from: Ipv6Addr, to: Ipv6Addr, next: u8) -> [u32; OUTER_LEN / 4] {
    let word = u32::from_ne_bytes;
    let (from, to) = (Addr::from(IpAddr::V6(from)), Addr::from(IpAddr::V6(to)));
    let mut outer = [0; OUTER_LEN / 4];
    outer[..2].copy_from_slice(&[word([0x60, 0, 0, 0]), word([0, 0, next, TTL])]);
    outer[2..6].copy_from_slice(&from.0);
    outer[6..].copy_from_slice(&to.0);
    outer
}
