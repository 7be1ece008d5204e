//! Steers QUIC datagrams to the worker that owns their connection, among sockets that share one address.
//!
//! The decision is `statex_common::steer`'s; here the kernel's buffer is read and a socket chosen.
#![no_std]
#![no_main]

mod datagram;

use aya_ebpf::macros::{map, sk_reuseport};
use aya_ebpf::maps::{Array, ReusePortSockArray};
use aya_ebpf::programs::SkReuseportContext;
use datagram::Datagram;
use statex_common::abi::{QuicId, STEER_FORMS, STEER_SLOTS, STEER_TAKERS};
use statex_common::shared::Shared;
use statex_common::steer;

#[map]
static SOCKETS: ReusePortSockArray = ReusePortSockArray::with_max_entries(STEER_SLOTS, 0);
#[map]
static TAKERS: Array<Shared<u32>> = Array::with_max_entries(1 + STEER_TAKERS, 0);
#[map]
static FORMS: Array<QuicId> = Array::with_max_entries(STEER_FORMS, 0);

/// The kernel's `SK_PASS`: the socket that was selected, or else the one that it would have taken by itself.
const PASS: u32 = 1;

/// Bytes of a UDP header, at which the context begins.
const UDP: usize = 8;

#[sk_reuseport]
pub fn statex_steer(ctx: SkReuseportContext) -> u32 {
    let owner = steer::slot(&Datagram::new(&ctx), UDP, |rotation| FORMS.get(rotation));
    if owner.is_some_and(|slot| SOCKETS.select_reuseport(&ctx, slot as u32).is_ok()) {
        return PASS;
    }
    // A new connection, or one whose worker is gone.
    if let Some(slot) = taker(ctx.hash()) {
        let _ = SOCKETS.select_reuseport(&ctx, slot);
    }
    PASS
}

/// The slot of one of those who take new connections, the same for all datagrams of a flow.
#[inline(always)]
fn taker(hash: u32) -> Option<u32> {
    let count = TAKERS.get(0)?.get();
    if count == 0 || count > STEER_TAKERS {
        return None;
    }
    Some(TAKERS.get(1 + hash % count)?.get())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
