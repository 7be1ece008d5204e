//! The packet of the next flow, written over whatever stands in the frame.

use aya_ebpf::helpers::bpf_xdp_adjust_head;
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use aya_ebpf::programs::XdpContext;

/// Length of every packet.
const FRAME: usize = 82;
/// Bytes before the packet in its row.
///
/// Words are stored where the packet's fields of 32 bits do not cross their borders: a load that needs two
/// stores that are still under way waits for both, which packets from a network card never make it do.
const BEFORE: usize = 6;
const WORDS: usize = (BEFORE + FRAME) / 8;

/// Row 0: the first flow's packet.
#[map]
static TEMPLATE: Array<[u64; WORDS]> = Array::with_max_entries(1, 0);
/// Row 0: how many flows there are. Row 1: the next one's number.
#[map]
static TURN: Array<u64> = Array::with_max_entries(2, 0);

/// Ports of one source address.
const PORTS: u64 = 256;

/// Undoes the head move of the run before and writes the next flow's packet.
#[inline(always)]
pub(crate) fn next_packet(ctx: &XdpContext) -> Option<()> {
    let length = ctx.data_end() - ctx.data();
    if length != FRAME {
        // SAFETY: the context is the one that the program was called with.
        let failed = unsafe { bpf_xdp_adjust_head(ctx.ctx, length as i32 - FRAME as i32) };
        if failed != 0 {
            return None;
        }
    }
    let start = ctx.data();
    if start + FRAME > ctx.data_end() {
        return None;
    }
    let number = turn()?;
    let (address, port) = ((number / PORTS) as u32, (number % PORTS) as u16);
    let template = TEMPLATE.get(0)?;
    let mut words = *template;
    // Word `i` holds the frame's bytes from `8 * i - 6` on.
    const ETHERTYPE: usize = 2;
    match (words[ETHERTYPE] >> 16) as u16 {
        // IPv4 0800: source address at 26, source port at 34.
        0x0008 => {
            words[4] = later_address(words[4], address);
            words[5] = later_port(words[5], 0, port);
        }
        // IPv6 86dd: last word of the source address at 34, source port at 54.
        _ => {
            words[5] = later_address(words[5], address);
            words[7] = later_port(words[7], 32, port);
        }
    }
    // SAFETY: the frame holds `FRAME` bytes from `start` on. Stores may be misaligned on the machines that
    // Statex runs on, and the verifier allows them for packets there.
    unsafe {
        (start as *mut u16).write((words[0] >> 48) as u16);
        let first = start + 2;
        (first as *mut u64).write(words[1]);
        ((first + 8) as *mut u64).write(words[2]);
        ((first + 16) as *mut u64).write(words[3]);
        ((first + 24) as *mut u64).write(words[4]);
        ((first + 32) as *mut u64).write(words[5]);
        ((first + 40) as *mut u64).write(words[6]);
        ((first + 48) as *mut u64).write(words[7]);
        ((first + 56) as *mut u64).write(words[8]);
        ((first + 64) as *mut u64).write(words[9]);
        ((first + 72) as *mut u64).write(words[10]);
    }
    Some(())
}

/// The number of this packet's flow.
#[inline(always)]
fn turn() -> Option<u64> {
    let (flows, next) = (TURN.get(0)?, TURN.get_ptr_mut(1)?);
    // SAFETY: one CPU runs this program at a time.
    unsafe {
        let number = *next;
        *next = if number + 1 >= *flows { 0 } else { number + 1 };
        Some(number)
    }
}

/// The word with the address in its lower half `by` higher.
#[inline(always)]
fn later_address(word: u64, by: u32) -> u64 {
    let address = u32::from_be(word as u32).wrapping_add(by).to_be();
    word >> 32 << 32 | address as u64
}

/// The word with the port that begins at bit `at` `by` higher.
#[inline(always)]
fn later_port(word: u64, at: u32, by: u16) -> u64 {
    let port = u16::from_be((word >> at) as u16).wrapping_add(by).to_be();
    word & !(0xffff << at) | (port as u64) << at
}
