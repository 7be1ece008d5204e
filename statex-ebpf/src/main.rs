//! The programs that the kernel runs. All decisions are made in `statex-common`; here packets, maps and
//! verdicts are translated between the kernel and it.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod frame;
mod instructions;
mod maps;
mod probe;
mod stages;
mod tables;

use aya_ebpf::bindings::xdp_action;
use aya_ebpf::helpers::bpf_redirect;
use aya_ebpf::macros::{classifier, xdp};
use aya_ebpf::programs::{TcContext, XdpContext};
use frame::Frame;
use statex_common::{Verdict, decap, forward};
use tables::Maps;

/// A node: spreads connections over backends.
#[xdp(frags)]
pub fn statex(ctx: XdpContext) -> u32 {
    action(forward::forward(&mut Frame::new(ctx.ctx), &Maps))
}

/// A backend: takes encapsulation off.
#[xdp(frags)]
pub fn statex_backend(ctx: XdpContext) -> u32 {
    action(decap::decap(&mut Frame::new(ctx.ctx), &Maps))
}

/// A node's way out: sends marked health probes as a client's packet would go.
#[classifier]
pub fn statex_probe(ctx: TcContext) -> i32 {
    probe::send(ctx.skb.skb)
}

#[inline(always)]
fn action(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Pass => xdp_action::XDP_PASS,
        Verdict::Drop => xdp_action::XDP_DROP,
        Verdict::Transmit => xdp_action::XDP_TX,
        // SAFETY: the helper takes plain numbers; an unknown interface gives XDP_ABORTED.
        Verdict::Redirect(interface) => unsafe { bpf_redirect(interface, 0) as u32 },
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
