//! Programs that measure the data plane: what gives it packets, and what its cost is compared with.
//!
//! ```text
//! wrapper ─ puts the next packet in the frame ─ tail call ─┬─ floor_tx
//!                                                          ├─ floor_encap
//!                                                          └─ the program under test
//! generator ─ puts the next packet in the frame ─ out by the interface ─ … ─ sink
//! ```
#![no_std]
#![no_main]

mod floor;
mod flow;

use aya_ebpf::bindings::xdp_action;
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::{PerCpuArray, ProgramArray};
use aya_ebpf::programs::XdpContext;

/// Slot 0: the program that the wrapper goes on with.
#[map]
static UNDER_TEST: ProgramArray = ProgramArray::with_max_entries(1, 0);
/// Row 0: frames that came to the sink.
#[map]
static ARRIVED: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// Gives the program under test the next flow's packet, whatever the repeat before left in the frame.
#[xdp(frags)]
pub fn wrapper(ctx: XdpContext) -> u32 {
    if flow::next_packet(&ctx).is_some() {
        // SAFETY: the slot holds an XDP program or nothing.
        unsafe { UNDER_TEST.tail_call(&ctx, 0) };
    }
    xdp_action::XDP_ABORTED
}

/// Sends the next flow's packet out by the interface that the frame is said to have come by.
#[xdp(frags)]
pub fn generator(ctx: XdpContext) -> u32 {
    match flow::next_packet(&ctx) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_ABORTED,
    }
}

/// Counts frames and drops them.
#[xdp(frags)]
pub fn sink(_: XdpContext) -> u32 {
    if let Some(row) = ARRIVED.get_ptr_mut(0) {
        // SAFETY: the row is this CPU's own.
        unsafe { *row += 1 };
    }
    xdp_action::XDP_DROP
}

/// What the wrapper and a tail call cost by themselves.
#[xdp(frags)]
pub fn floor_tx(_: XdpContext) -> u32 {
    xdp_action::XDP_TX
}

/// The least that encapsulating a segment costs.
#[xdp(frags)]
pub fn floor_encap(ctx: XdpContext) -> u32 {
    match floor::encapsulate(&ctx) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_ABORTED,
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
