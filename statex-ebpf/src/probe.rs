//! The way out of the host: marked health probes are sent as a client's packet would go.

use crate::frame::place;
use crate::instructions::words_at;
use crate::tables::Maps;
use aya_ebpf::bindings::{__sk_buff, TC_ACT_OK, TC_ACT_SHOT};
use aya_ebpf::helpers::generated::{bpf_redirect, bpf_skb_change_head, bpf_skb_pull_data};
use statex_common::abi::PROBE_MARK;
use statex_common::{Packet, Verdict, probe};

/// Bytes of a probe that must lie in one piece: Ethernet, IPv6 and TCP headers.
const HEADERS: u32 = 14 + 40 + 20;

/// A packet on its way out, seen from its Ethernet header.
struct Leaving {
    skb: *mut __sk_buff,
    start: usize,
    end: usize,
}

/// Sends a packet that the agent has marked to its backend; leaves all others alone.
#[inline(always)]
pub(crate) fn send(skb: *mut __sk_buff) -> i32 {
    // SAFETY: reads and writes words of a live context.
    let mark = unsafe { (*skb).mark };
    if mark & 0xffff_0000 != PROBE_MARK {
        return TC_ACT_OK;
    }
    // SAFETY: as above. Without its mark the packet is not caught again on another interface's way out.
    unsafe { (*skb).mark = 0 };
    // SAFETY: the helper takes the program's own context.
    unsafe { bpf_skb_pull_data(skb, HEADERS.min((*skb).len)) };
    let mut packet = Leaving::new(skb);
    match probe::send(&mut packet, &Maps, mark as u16) {
        Ok(Verdict::Transmit) => TC_ACT_OK,
        // SAFETY: the helper takes plain numbers.
        Ok(Verdict::Redirect(interface)) => unsafe { bpf_redirect(interface, 0) as i32 },
        _ => TC_ACT_SHOT,
    }
}

impl Leaving {
    #[inline(always)]
    fn new(skb: *mut __sk_buff) -> Self {
        let (start, end) = words_at::<76, 80, _>(skb);
        Self { skb, start, end }
    }
}

impl Packet for Leaving {
    #[inline(always)]
    fn read<T: Copy>(&self, offset: usize) -> Option<T> {
        // SAFETY: the value lies inside the packet; see the first lines of `frame` on alignment.
        place::<T>(self.start, self.end, offset).map(|value| unsafe { value.read() })
    }

    #[inline(always)]
    fn write<T: Copy>(&mut self, offset: usize, value: T) -> Option<()> {
        // SAFETY: the value lies inside the packet; see the first lines of `frame` on alignment.
        place::<T>(self.start, self.end, offset).map(|place| unsafe { place.write(value) })
    }

    #[inline(always)]
    fn grow_head<const BYTES: usize>(&mut self) -> Option<()> {
        // SAFETY: the helper takes the program's own context.
        let failed = unsafe { bpf_skb_change_head(self.skb, BYTES as u32, 0) };
        *self = Self::new(self.skb);
        (failed == 0).then_some(())
    }

    #[inline(always)]
    fn shrink_head<const BYTES: usize>(&mut self) -> Option<()> {
        None
    }

    #[inline(always)]
    fn truncate(&mut self, _: usize) -> Option<()> {
        None
    }

    #[inline(always)]
    fn holds(&self, bytes: usize) -> bool {
        // SAFETY: reads a word of a live context.
        bytes <= unsafe { (*self.skb).len } as usize
    }

    #[inline(always)]
    fn interface(&self) -> u32 {
        // SAFETY: reads a word of a live context.
        unsafe { (*self.skb).ifindex }
    }
}
