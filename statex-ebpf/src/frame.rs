//! Packet access over the XDP context. Every access is checked against the end of the frame, as the
//! verifier demands.
//!
//! Headers lie at odd multiples of two bytes. The machines that Statex runs on load and store misaligned
//! words, and the kernel's verifier allows it for packets there; said to be aligned, a word is one
//! instruction and not four with shifts between. (The compiler could be told that all memory may be
//! misaligned, but then it merges accesses to the stack as well, and those the verifier refuses.)

use crate::instructions::words_at;
use crate::maps::TOLD;
use crate::stages;
use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::generated::bpf_xdp_get_buff_len;
use aya_ebpf::helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail};
use statex_common::parse::ipv6::Behind;
use statex_common::rewrite::Exit;
use statex_common::stage::{Answer, Stage, Told};
use statex_common::{Packet, Tables};

/// A frame and the bounds of its linear part, which hold until its head or tail moves.
pub(crate) struct Frame {
    ctx: *mut xdp_md,
    start: usize,
    end: usize,
}

impl Frame {
    #[inline(always)]
    pub(crate) fn new(ctx: *mut xdp_md) -> Self {
        let (start, end) = bounds(ctx);
        Self { ctx, start, end }
    }

    #[inline(always)]
    fn move_head(&mut self, by: i32) -> Option<()> {
        // SAFETY: the context is the one that the program was called with.
        let failed = unsafe { bpf_xdp_adjust_head(self.ctx, by) };
        (self.start, self.end) = bounds(self.ctx);
        (failed == 0).then_some(())
    }

    #[inline(always)]
    fn len(&self) -> usize {
        // SAFETY: the context is the one that the program was called with.
        unsafe { bpf_xdp_get_buff_len(self.ctx) as usize }
    }
}

/// Start and end of the linear part.
#[inline(always)]
fn bounds(ctx: *mut xdp_md) -> (usize, usize) {
    words_at::<0, 4, _>(ctx)
}

/// The verifier follows no pointer further into a packet; the linear part of a frame is shorter.
const FURTHEST: usize = 0x3fff;

/// Where a value of type `T` lies, when the bytes from `start` to `end` hold all of it.
#[inline(always)]
pub(crate) fn place<T>(start: usize, end: usize, offset: usize) -> Option<*mut T> {
    let place = start + (offset & FURTHEST);
    (place + size_of::<T>() <= end).then_some(place as *mut T)
}

impl Packet for Frame {
    #[inline(always)]
    fn read<T: Copy>(&self, offset: usize) -> Option<T> {
        // SAFETY: the value lies inside the frame. It may be misaligned: see the module's first lines.
        place::<T>(self.start, self.end, offset).map(|value| unsafe { value.read() })
    }

    #[inline(always)]
    fn write<T: Copy>(&mut self, offset: usize, value: T) -> Option<()> {
        // SAFETY: the value lies inside the frame. It may be misaligned: see the module's first lines.
        place::<T>(self.start, self.end, offset).map(|place| unsafe { place.write(value) })
    }

    #[inline(always)]
    fn grow_head<const BYTES: usize>(&mut self) -> Option<()> {
        self.move_head(-(BYTES as i32))
    }

    #[inline(always)]
    fn shrink_head<const BYTES: usize>(&mut self) -> Option<()> {
        self.move_head(BYTES as i32)
    }

    #[inline(always)]
    fn truncate(&mut self, bytes: usize) -> Option<()> {
        // SAFETY: the context is the one that the program was called with.
        let failed = unsafe { bpf_xdp_adjust_tail(self.ctx, bytes as i32 - self.len() as i32) };
        (self.start, self.end) = bounds(self.ctx);
        (failed == 0).then_some(())
    }

    #[inline(always)]
    fn holds(&self, bytes: usize) -> bool {
        // A frame in one buffer, nearly every frame, needs no helper to know its length.
        // Lengths are compared, for older verifiers add no number from a packet to a pointer.
        bytes <= self.end - self.start || bytes <= self.len()
    }

    #[inline(always)]
    fn interface(&self) -> u32 {
        // SAFETY: reads a word of a live context.
        unsafe { (*self.ctx).ingress_ifindex }
    }

    #[inline(always)]
    fn common<T: Tables>(&mut self, _: &T, v6: bool) -> Answer {
        let answer = match v6 {
            false => stages::common_ipv4(self.ctx),
            true => stages::common_ipv6(self.ctx),
        };
        (self.start, self.end) = bounds(self.ctx);
        Answer(answer)
    }

    #[inline(always)]
    fn rest<T: Tables>(&mut self, _: &T, answer: Answer, vlan: u16) -> Exit {
        let exit = stages::rest(self.ctx, answer.0, vlan as u64);
        (self.start, self.end) = bounds(self.ctx);
        Exit::from_word(exit)
    }

    #[inline(always)]
    fn leave(&mut self, told: Told) {
        if let Some(place) = TOLD.get_ptr_mut(0) {
            // SAFETY: a live row of the map, this CPU's own; a program of the network's receiving side is
            // not interrupted by another on its CPU.
            unsafe { place.write(told) };
        }
    }

    #[inline(always)]
    fn apart<T: Tables>(&mut self, _: &T, stage: Stage, told: &mut Told) -> Answer {
        stages::call(stage, self.ctx, told)
    }

    #[inline(always)]
    fn behind(&mut self, next: u8, start: usize) -> Behind {
        let behind = stages::behind(self.ctx, next as u64, start as u64);
        (self.start, self.end) = bounds(self.ctx);
        Behind(behind)
    }
}
