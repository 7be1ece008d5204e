//! The least that a balancer does to a segment: reads it, puts an IPv4 header before it, sums that up.
//! Nothing is looked up.

use aya_ebpf::helpers::bpf_xdp_adjust_head;
use aya_ebpf::programs::XdpContext;

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const TCP: usize = 20;
const IPV4_TYPE: u16 = 0x0800u16.to_be();
const IS_TCP: u8 = 6;
/// Version 4, five words of header.
const PLAIN: u8 = 0x45;
/// The outer header's words as they lie in memory: version to length, id and DF, TTL and protocol 4.
const VERSION: u32 = u32::from_ne_bytes([PLAIN, 0, 0, 0]);
const DONT_FRAGMENT: u32 = u32::from_ne_bytes([0, 0, 0x40, 0]);
const LIFE: u32 = u32::from_ne_bytes([64, 4, 0, 0]);
const FROM: u32 = u32::from_ne_bytes([172, 16, 0, 0]);
const TO: u32 = u32::from_ne_bytes([10, 1, 0, 1]);

/// A value at an offset, when the frame holds all of it.
///
/// Misaligned, as headers lie; the machines that Statex runs on load and store such words.
#[inline(always)]
fn at<T: Copy>(ctx: &XdpContext, offset: usize) -> Option<*mut T> {
    let place = ctx.data() + offset;
    (place + size_of::<T>() <= ctx.data_end()).then_some(place as *mut T)
}

#[inline(always)]
fn read<T: Copy>(ctx: &XdpContext, offset: usize) -> Option<T> {
    // SAFETY: the value lies inside the frame.
    at(ctx, offset).map(|place| unsafe { *place })
}

#[inline(always)]
fn write<T: Copy>(ctx: &XdpContext, offset: usize, value: T) -> Option<()> {
    // SAFETY: the value lies inside the frame.
    at(ctx, offset).map(|place| unsafe { *place = value })
}

/// Puts the segment into a tunnel.
#[inline(always)]
pub(crate) fn encapsulate(ctx: &XdpContext) -> Option<()> {
    // The longest read first: the verifier knows the others by it.
    let tcp: [u32; TCP / 4] = read(ctx, ETHERNET + IPV4)?;
    let ip: [u32; IPV4 / 4] = read(ctx, ETHERNET)?;
    let ethertype: u16 = read(ctx, 12)?;
    let [version, tos, ..] = ip[0].to_ne_bytes();
    let [_, protocol, ..] = ip[2].to_ne_bytes();
    if ethertype != IPV4_TYPE || version != PLAIN || protocol != IS_TCP {
        return None;
    }
    let length = u16::from_be((ip[0] >> 16) as u16) + IPV4 as u16;
    let ports = tcp[0] as u16 ^ (ip[3] >> 16) as u16;

    // SAFETY: the context is the one that the program was called with.
    if unsafe { bpf_xdp_adjust_head(ctx.ctx, -(IPV4 as i32)) } != 0 {
        return None;
    }
    let first = VERSION | (tos as u32) << 8 | (length.to_be() as u32) << 16;
    let source = FROM | (ports as u32) << 16;
    let sum =
        [first, DONT_FRAGMENT, LIFE, source, TO].into_iter().fold(0, |sum: u64, word| sum + word as u64);
    let sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    write(ctx, ETHERNET, [first, DONT_FRAGMENT, LIFE | (sum as u32) << 16, source, TO])?;
    write(ctx, 0, [0x0202_0202u32, 0x0303_0202, 0x0303_0303])?;
    write(ctx, 12, IPV4_TYPE)
}
