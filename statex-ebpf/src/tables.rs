//! The tables of the packet path, answered from maps.

use crate::instructions;
use crate::maps::*;
use crate::stages;
use aya_ebpf::helpers::generated::{bpf_get_prandom_u32, bpf_ktime_get_coarse_ns};
use aya_ebpf::maps::lpm_trie::Key;
use statex_common::abi::{
    Addr, Backend, BackendCounters, Bucket, Control, Event, FlowLine, NatEntry, Node, QuicId, RingWord,
    Service, ServiceCounters, SourceLine,
};
use statex_common::flow::NewFlow;
use statex_common::shared::Shared;
use statex_common::{Reason, Tables};

/// The maps of this object.
pub(crate) struct Maps;

/// A row of a per-CPU array, this CPU's own.
macro_rules! own {
    ($map:ident, $index:expr) => {
        // SAFETY: the pointer, when there is one, is to a live row of the map.
        $map.get_ptr($index).map(|row| unsafe { &*row })
    };
}

impl Tables for Maps {
    #[inline(always)]
    fn node(&self) -> &Node {
        &NODE
    }

    #[inline(always)]
    fn control(&self) -> Option<&Control> {
        CONTROL.get(0)
    }

    #[inline(always)]
    fn bucket(&self, index: u32) -> Option<&Bucket> {
        INDEX.get(index)
    }

    #[inline(always)]
    fn service(&self, id: u32) -> Option<&Service> {
        SERVICES.get(id)
    }

    #[inline(always)]
    fn backend(&self, id: u32) -> Option<&Backend> {
        BACKENDS.get(id)
    }

    #[inline(always)]
    fn ring_word(&self, index: u32) -> Option<&RingWord> {
        RINGS.get(index)
    }

    #[inline(always)]
    fn flow_line(&self, index: u32) -> Option<&FlowLine> {
        FLOWS.get(index)
    }

    #[inline(always)]
    fn nat_entry(&self, index: u32) -> Option<&NatEntry> {
        NAT.get(index)
    }

    #[inline(always)]
    fn source_line(&self, index: u32) -> Option<&SourceLine> {
        SOURCES.get(index)
    }

    #[inline(always)]
    fn quic_id(&self, rotation: u32) -> Option<&QuicId> {
        QUIC.get(rotation)
    }

    #[inline(always)]
    fn prefix(&self, addr: &Addr) -> Option<u32> {
        PREFIXES.get(Key::new(128, *addr)).copied()
    }

    #[inline(always)]
    fn denied(&self, addr: &Addr) -> bool {
        DENY.get(Key::new(128, *addr)).is_some()
    }

    #[inline(always)]
    fn link_mac(&self, interface: u32) -> Option<u64> {
        // SAFETY: the value is one word, read whole.
        unsafe { LINKS.get(interface) }.copied()
    }

    #[inline(always)]
    fn decapsulates(&self, addr: &Addr) -> bool {
        DECAP.get(Key::new(128, *addr)).is_some()
    }

    #[inline(always)]
    fn backend_counters(&self, id: u32) -> Option<&BackendCounters> {
        own!(BACKEND_COUNTERS, id)
    }

    #[inline(always)]
    fn service_counters(&self, id: u32) -> Option<&ServiceCounters> {
        own!(SERVICE_COUNTERS, id)
    }

    #[inline(always)]
    fn reason_counter(&self, reason: Reason) -> Option<&Shared<u64>> {
        own!(REASON_COUNTERS, reason as u32)
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: the helper takes nothing and reads a clock.
        unsafe { bpf_ktime_get_coarse_ns() }
    }

    #[inline(always)]
    fn random(&self) -> u32 {
        // SAFETY: the helper takes nothing.
        unsafe { bpf_get_prandom_u32() }
    }

    #[inline(always)]
    fn tell(&self, event: &Event) {
        // A full buffer loses the event; the counters lose nothing. Written in its place, it takes no stack.
        if let Some(mut place) = EVENTS.reserve::<Event>(0) {
            place.write(*event);
            place.submit(0);
        }
    }

    #[inline(always)]
    fn remember(&self, flow: NewFlow, now: u16) -> bool {
        let (fingerprint, rest) = flow.words(now);
        stages::remember(fingerprint, rest) != 0
    }

    #[inline(always)]
    fn exchange(&self, word: &Shared<u64>, old: u64, new: u64) -> bool {
        instructions::exchange(word, old, new)
    }

    #[inline(always)]
    fn opaque(&self, number: u64) -> u64 {
        instructions::opaque(number)
    }
}
