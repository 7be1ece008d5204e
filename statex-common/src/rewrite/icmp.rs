//! ICMP that the node sends itself: echo replies, and the size that fits behind the encapsulation.

use super::checksum::Sum;
use super::link;
use crate::abi::Addr;
use crate::forward::Seen;
use crate::packet::Packet;
use crate::parse::ethernet::ethertype;
use crate::parse::{Fragment, IP, Ip, ipv4, ipv6, protocol};
use crate::reason::Reason;

/// Time to live of what the node sends itself.
const TTL: u8 = 64;
const HEADER: usize = 8;
/// Bytes of the packet that an error quotes: the longest IPv4 header, or IPv6 and extensions, and more
/// than the eight bytes behind it that senders need.
const QUOTE: usize = 96;

/// Turns an echo request into its reply (RFC 792, RFC 4443 §4.2).
#[inline(always)]
pub fn echo_reply<P: Packet>(packet: &mut P, ip: &Ip, v6: bool) -> Option<()> {
    turn_link(packet)?;
    let head: u32 = packet.read(ip.payload)?;
    let [_, code, sum_a, sum_b] = head.to_ne_bytes();
    let (old, new) = if v6 { (128, 129) } else { (8, 0) };
    let sum = Sum::from_checksum(u16::from_ne_bytes([sum_a, sum_b]))
        .replace16(u16::from_ne_bytes([old, 0]), u16::from_ne_bytes([new, 0]));
    let [sum_a, sum_b] = sum.checksum().to_ne_bytes();
    packet.write(ip.payload, [new, code, sum_a, sum_b])?;
    if v6 {
        packet.write(IP + 7, TTL)?;
        packet.write(IP + 8, ip.destination.0)?;
        return packet.write(IP + 24, ip.source.0);
    }
    let word: u32 = packet.read(IP + 8)?;
    let [ttl, protocol, sum_a, sum_b] = word.to_ne_bytes();
    let sum = Sum::from_checksum(u16::from_ne_bytes([sum_a, sum_b]))
        .replace16(u16::from_ne_bytes([ttl, 0]), u16::from_ne_bytes([TTL, 0]));
    let [sum_a, sum_b] = sum.checksum().to_ne_bytes();
    packet.write(IP + 8, [TTL, protocol, sum_a, sum_b])?;
    packet.write(IP + 12, [ip.destination.v4_word(), ip.source.v4_word()])
}

/// Turns a packet that does not fit into the message that says what would: fragmentation needed
/// (RFC 1191 §4), or packet too big (RFC 4443 §3.2), from the virtual address.
///
/// An IPv4 packet that may be fragmented gets the message as well: the node cannot fragment, and a sender
/// that listens is better than one that is not heard.
///
/// Neither errors nor later fragments are answered (RFC 1122 §3.2.2, RFC 4443 §2.4(e)).
#[inline(always)]
pub fn too_big<P: Packet>(packet: &mut P, seen: &Seen, mtu: u16) -> Reason {
    let ip = &seen.ip;
    let answerable = matches!(ip.protocol, protocol::TCP | protocol::UDP) && ip.fragment != Fragment::Later;
    let Some(macs) = link_words(packet).filter(|_| answerable && ip.len >= QUOTE) else {
        return Reason::TooBig;
    };
    let told = match seen.v6 {
        false => too_big_v4(packet, ip, macs, mtu),
        true => too_big_v6(packet, ip, macs, mtu),
    };
    told.map_or(Reason::TooBig, |()| Reason::TooBigReplied)
}

#[inline(always)]
fn too_big_v4<P: Packet>(packet: &mut P, ip: &Ip, (to, from): (u64, u64), mtu: u16) -> Option<()> {
    packet.grow_head::<{ ipv4::HEADER + HEADER }>()?;
    packet.truncate(IP + ipv4::HEADER + HEADER + QUOTE)?;
    link::write(packet, to, from, ethertype::IPV4)?;

    let [mtu_high, mtu_low] = mtu.to_be_bytes();
    let rest = u32::from_ne_bytes([0, 0, mtu_high, mtu_low]);
    let kind = u32::from_ne_bytes([3, 4, 0, 0]);
    let sum = quote_sum(packet, IP + ipv4::HEADER + HEADER)?.add32(kind).add32(rest);
    write_icmp(packet, IP + ipv4::HEADER, kind, sum, rest)?;

    let [len_high, len_low] = ((ipv4::HEADER + HEADER + QUOTE) as u16).to_be_bytes();
    let words = [
        u32::from_ne_bytes([0x45, 0, len_high, len_low]),
        u32::from_ne_bytes([0, 0, 0x40, 0]),
        u32::from_ne_bytes([TTL, protocol::ICMP, 0, 0]),
        ip.destination.v4_word(),
        ip.source.v4_word(),
    ];
    let sum = words.iter().fold(Sum::ZERO, |sum, word| sum.add32(*word));
    let [sum_a, sum_b] = sum.checksum().to_ne_bytes();
    packet.write(IP, words)?;
    packet.write(IP + ipv4::CHECKSUM, [sum_a, sum_b])
}

#[inline(always)]
fn too_big_v6<P: Packet>(packet: &mut P, ip: &Ip, (to, from): (u64, u64), mtu: u16) -> Option<()> {
    packet.grow_head::<{ ipv6::HEADER + HEADER }>()?;
    packet.truncate(IP + ipv6::HEADER + HEADER + QUOTE)?;
    link::write(packet, to, from, ethertype::IPV6)?;

    let rest = (mtu as u32).to_be();
    let kind = u32::from_ne_bytes([2, 0, 0, 0]);
    let sum = quote_sum(packet, IP + ipv6::HEADER + HEADER)?
        .add32(kind)
        .add32(rest)
        .add_addr(&ip.source)
        .add_addr(&ip.destination)
        .add32(((HEADER + QUOTE) as u32).to_be())
        .add32((protocol::ICMPV6 as u32).to_be());
    write_icmp(packet, IP + ipv6::HEADER, kind, sum, rest)?;

    let (Addr(to), Addr(from)) = (ip.source, ip.destination);
    let [len_high, len_low] = ((HEADER + QUOTE) as u16).to_be_bytes();
    packet.write(IP, [0x60u8, 0, 0, 0, len_high, len_low, protocol::ICMPV6, TTL])?;
    packet.write(IP + 8, from)?;
    packet.write(IP + 24, to)
}

#[inline(always)]
fn write_icmp<P: Packet>(packet: &mut P, at: usize, kind: u32, sum: Sum, rest: u32) -> Option<()> {
    let [kind, code, ..] = kind.to_ne_bytes();
    let [sum_a, sum_b] = sum.checksum().to_ne_bytes();
    packet.write(at, [u32::from_ne_bytes([kind, code, sum_a, sum_b]), rest])
}

/// The sum of the quoted bytes.
#[inline(always)]
fn quote_sum<P: Packet>(packet: &P, at: usize) -> Option<Sum> {
    let words: [u32; QUOTE / 4] = packet.read(at)?;
    Some(words.iter().fold(Sum::ZERO, |sum, word| sum.add32(*word)))
}

/// Source and destination MAC, each in the first six bytes of a word.
#[inline(always)]
fn link_words<P: Packet>(packet: &P) -> Option<(u64, u64)> {
    Some((packet.read(6)?, packet.read(0)?))
}

/// Sends the frame back to where it came from.
#[inline(always)]
fn turn_link<P: Packet>(packet: &mut P) -> Option<()> {
    let frame_type: u16 = packet.read(12)?;
    let (to, from) = link_words(packet)?;
    link::write(packet, to, from, frame_type)
}
