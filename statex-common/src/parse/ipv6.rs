//! The IPv6 header and its common extension headers (RFC 8200 §3 and §4).

use super::{Fragment, IP, Ip};
use crate::abi::Addr;
use crate::packet::Packet;
use crate::reason::Reason;

pub const HEADER: usize = 40;
/// Extension headers followed at most.
const MAX_EXTENSIONS: usize = 6;
/// Farthest place in the frame that extension headers may lead to.
const MAX_PAYLOAD_OFFSET: usize = 1500;

mod extension {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
}

/// Reads the header at `at` and follows the extension headers behind it.
///
/// # Errors
/// `Runt` when the frame ends inside it, `MalformedIp` for another version, `ExtensionHeaders` when there
/// are too many or the frame ends inside one.
#[inline(always)]
pub fn parse<P: Packet>(packet: &P, at: usize) -> Result<Ip, Reason> {
    let words: [u32; HEADER / 4] = packet.read(at).ok_or(Reason::Runt)?;
    let [version, class, ..] = words[0].to_ne_bytes();
    let [len_high, len_low, next, ttl] = words[1].to_ne_bytes();
    if version >> 4 != 6 {
        return Err(Reason::MalformedIp);
    }
    let mut ip = Ip {
        source: Addr([words[2], words[3], words[4], words[5]]),
        destination: Addr([words[6], words[7], words[8], words[9]]),
        protocol: next,
        tos: version << 4 | class >> 4,
        ttl,
        fragment: Fragment::Whole,
        id: 0,
        len: HEADER + u16::from_be_bytes([len_high, len_low]) as usize,
        payload: at + HEADER,
    };
    if is_extension(next) {
        follow(packet, &mut ip)?;
    }
    Ok(ip)
}

/// Reads the header of a frame, which must hold the whole packet.
#[inline(always)]
pub fn parse_frame<P: Packet>(packet: &P) -> Result<Ip, Reason> {
    let ip = parse(packet, IP)?;
    match packet.holds(IP + ip.len) {
        true => Ok(ip),
        false => Err(Reason::MalformedIp),
    }
}

#[inline(always)]
fn is_extension(next: u8) -> bool {
    use extension::*;
    matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION)
}

#[inline(always)]
fn follow<P: Packet>(packet: &P, ip: &mut Ip) -> Result<(), Reason> {
    for _ in 0..MAX_EXTENSIONS {
        if !is_extension(ip.protocol) {
            return Ok(());
        }
        let [next, len, high, low]: [u8; 4] = packet.read(ip.payload).ok_or(Reason::ExtensionHeaders)?;
        let bytes = match ip.protocol {
            extension::FRAGMENT => {
                let offset_and_more = u16::from_be_bytes([high, low]);
                ip.id = packet.read(ip.payload + 4).ok_or(Reason::ExtensionHeaders)?;
                ip.fragment = match offset_and_more {
                    // An atomic fragment (RFC 6946) is a whole datagram.
                    bits if bits & 0xfff9 == 0 => Fragment::Whole,
                    bits if bits & 0xfff8 == 0 => Fragment::First,
                    _ => Fragment::Later,
                };
                8
            }
            extension::AUTHENTICATION => (len as usize + 2) * 4,
            _ => (len as usize + 1) * 8,
        };
        ip.protocol = next;
        ip.payload += bytes;
        if ip.payload > MAX_PAYLOAD_OFFSET {
            return Err(Reason::ExtensionHeaders);
        }
        if ip.fragment == Fragment::Later {
            return Ok(());
        }
    }
    match is_extension(ip.protocol) {
        true => Err(Reason::ExtensionHeaders),
        false => Ok(()),
    }
}
