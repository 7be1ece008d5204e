//! The IPv6 header and its common extension headers (RFC 8200 §3 and §4).

use super::{Fragment, IP, Ip};
use crate::abi::Addr;
use crate::packet::Packet;
use crate::reason::Reason;
use crate::tables::Tables;

pub const HEADER: usize = 40;
/// Headers looked at most: six extensions and what lies behind them.
const MAX_EXTENSIONS: usize = 7;
/// Longest run of extension headers that is followed, in bytes; lengths are multiples of four.
const MAX_EXTENSION_BYTES: usize = 0x7fc;

mod extension {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION: u8 = 60;
}

/// Reads the header at `at`; extension headers are not followed.
///
/// # Errors
/// `Runt` when the frame ends inside it, `MalformedIp` for another version.
#[inline(always)]
pub fn parse_fixed<P: Packet>(packet: &P, at: usize) -> Result<Ip, Reason> {
    let words: [u32; HEADER / 4] = packet.read(at).ok_or(Reason::Runt)?;
    let [version, class, ..] = words[0].to_ne_bytes();
    let [len_high, len_low, next, ttl] = words[1].to_ne_bytes();
    if version >> 4 != 6 {
        return Err(Reason::MalformedIp);
    }
    Ok(Ip {
        source: Addr([words[2], words[3], words[4], words[5]]),
        destination: Addr([words[6], words[7], words[8], words[9]]),
        protocol: next,
        tos: version << 4 | class >> 4,
        ttl,
        fragment: Fragment::Whole,
        id: 0,
        len: HEADER + u16::from_be_bytes([len_high, len_low]) as usize,
        payload: at + HEADER,
    })
}

/// Reads the header at `at` and what the extension headers behind it lead to.
///
/// # Errors
/// Those of [`parse_fixed`], and `ExtensionHeaders` when there are too many or the frame ends inside one.
#[inline(always)]
pub fn parse<P: Packet, T: Tables>(packet: &mut P, tables: &T, at: usize) -> Result<Ip, Reason> {
    let mut ip = parse_fixed(packet, at)?;
    let behind = match is_extension(ip.protocol) {
        true => packet.behind(ip.protocol, ip.payload),
        false => {
            let source = ip.source.0[3] as u64 | (ip.source.0[2] as u64) << 32;
            Behind(ip.protocol as u64 | tables.forgotten(0, source) & !0xff)
        }
    };
    ip.protocol = behind.protocol().ok_or(Reason::ExtensionHeaders)?;
    ip.payload += behind.extensions();
    ip.fragment = behind.fragment();
    ip.id = behind.id();
    Ok(ip)
}

/// Reads the header of a frame, which must hold the whole packet.
#[inline(always)]
pub fn parse_frame<P: Packet, T: Tables>(packet: &mut P, tables: &T) -> Result<Ip, Reason> {
    let ip = parse(packet, tables, IP)?;
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

/// What lies behind the fixed header: protocol (8 bits), fragment (8), bytes of extension headers (16),
/// identification (32). Protocol 0, an extension itself: nothing that could be reached.
#[derive(Clone, Copy)]
pub struct Behind(pub u64);

impl Behind {
    #[inline(always)]
    fn protocol(self) -> Option<u8> {
        (self.0 as u8 != 0).then_some(self.0 as u8)
    }

    #[inline(always)]
    fn fragment(self) -> Fragment {
        match self.0 >> 8 & 0xff {
            0 => Fragment::Whole,
            1 => Fragment::First,
            _ => Fragment::Later,
        }
    }

    #[inline(always)]
    fn extensions(self) -> usize {
        (self.0 >> 16) as usize & MAX_EXTENSION_BYTES
    }

    #[inline(always)]
    fn id(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Follows the extension headers that begin at `start` with one of protocol `next`. Too many, and those that
/// the frame ends inside of, lead to protocol 0.
#[inline(always)]
pub fn follow<P: Packet>(packet: &P, next: u8, start: usize) -> Behind {
    // The verifier knows nothing of where a function's caller stands; no header begins further in.
    try_to_follow(packet, next, start & 0x7ff).unwrap_or(Behind(0))
}

#[inline(always)]
fn try_to_follow<P: Packet>(packet: &P, mut next: u8, start: usize) -> Option<Behind> {
    let mut at = start;
    let (mut id, mut fragment) = (0u32, 0u64);
    for _ in 0..MAX_EXTENSIONS {
        if at > start + MAX_EXTENSION_BYTES {
            return None;
        }
        if !is_extension(next) || fragment == 2 {
            return Some(Behind(
                next as u64 | fragment << 8 | ((at - start) as u64) << 16 | (id as u64) << 32,
            ));
        }
        let [following, len, high, low]: [u8; 4] = packet.read(at)?;
        let bytes = match next {
            extension::FRAGMENT => {
                id = packet.read(at + 4)?;
                fragment = match u16::from_be_bytes([high, low]) {
                    // An atomic fragment (RFC 6946) is a whole datagram.
                    bits if bits & 0xfff9 == 0 => 0,
                    bits if bits & 0xfff8 == 0 => 1,
                    _ => 2,
                };
                8
            }
            extension::AUTHENTICATION => (len as usize + 2) * 4,
            _ => (len as usize + 1) * 8,
        };
        next = following;
        at += bytes;
    }
    None
}
