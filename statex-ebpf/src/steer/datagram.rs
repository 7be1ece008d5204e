//! A datagram that a socket is chosen for, read from the kernel's buffer.

use core::mem::MaybeUninit;

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_skb_load_bytes;
use aya_ebpf::programs::SkReuseportContext;
use statex_common::Packet;

/// It begins at its UDP header, and is only read.
pub(crate) struct Datagram<'a> {
    ctx: &'a SkReuseportContext,
}

impl<'a> Datagram<'a> {
    #[inline(always)]
    pub(crate) fn new(ctx: &'a SkReuseportContext) -> Self {
        Self { ctx }
    }
}

impl Packet for Datagram<'_> {
    /// Datagrams that the network card has joined lie in pieces; the helper reads across them.
    #[inline(always)]
    fn read<T: Copy>(&self, offset: usize) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        let (skb, to) = (self.ctx.as_ptr(), value.as_mut_ptr().cast());
        // SAFETY: the helper takes the program's own context, and writes as many bytes as the value has.
        let failed = unsafe { bpf_skb_load_bytes(skb, offset as u32, to, size_of::<T>() as u32) };
        // SAFETY: the helper has filled it; the values that are read here have no bytes that would be wrong.
        (failed == 0).then(|| unsafe { value.assume_init() })
    }

    #[inline(always)]
    fn write<T: Copy>(&mut self, _: usize, _: T) -> Option<()> {
        None
    }

    #[inline(always)]
    fn grow_head<const BYTES: usize>(&mut self) -> Option<()> {
        None
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
        bytes <= self.ctx.len()
    }

    #[inline(always)]
    fn interface(&self) -> u32 {
        0
    }
}
