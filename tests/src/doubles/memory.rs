//! `statex_common::Tables` over plain memory: one CPU, a clock that stands, and all that was counted.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use statex_common::abi::{
    Addr, Backend, BackendCounters, Bucket, Control, Event, FlowLine, NatEntry, Node, Prefix, QuicId,
    RingWord, Service, ServiceCounters, SourceLine,
};
use statex_common::shared::Shared;
use statex_common::{Reason, Tables};

/// All tables of one node.
#[derive(Clone)]
pub struct Memory {
    pub node: Node,
    pub control: Control,
    pub index: Vec<Bucket>,
    pub services: Vec<Service>,
    pub backends: Vec<Backend>,
    pub rings: Vec<RingWord>,
    pub quic: Vec<QuicId>,
    pub prefixes: HashMap<Prefix, u32>,
    pub deny: HashSet<Prefix>,
    pub links: HashMap<u32, u64>,
    pub decap: HashSet<Prefix>,

    pub flows: Vec<FlowLine>,
    pub nat: Vec<NatEntry>,
    pub sources: Vec<SourceLine>,

    pub backend_counters: Vec<BackendCounters>,
    pub service_counters: Vec<ServiceCounters>,
    pub reason_counters: Vec<Shared<u64>>,

    /// Nanoseconds; stands until a test moves it.
    pub clock: Cell<u64>,
    pub random: Cell<u32>,
    pub events: RefCell<Vec<Event>>,
}

impl Memory {
    /// Takes over the rows that an agent writes; flows, counters and the clock stay.
    pub fn adopt(&mut self, rows: Memory) {
        let keep = std::mem::replace(self, rows);
        self.flows = keep.flows;
        self.nat = keep.nat;
        self.sources = keep.sources;
        self.backend_counters = keep.backend_counters;
        self.service_counters = keep.service_counters;
        self.reason_counters = keep.reason_counters;
        self.clock = keep.clock;
        self.random = keep.random;
        self.events = keep.events;
    }

    /// Moves everything that flows, translations and buckets remember of time into the past.
    pub fn pass_time(&self, time: Duration) {
        let nanos = time.as_nanos() as u64;
        let (seconds, ticks) = ((nanos >> 30) as u32, (nanos >> 26) as u16);
        for age in self.flows.iter().flat_map(|line| &line.ages) {
            age.set(age.get().wrapping_sub(seconds as u16));
        }
        for entry in &self.nat {
            entry.seen.set(entry.seen.get().wrapping_sub(seconds));
        }
        // A bucket that was never used stays all zero.
        for bucket in self.sources.iter().flat_map(|line| &line.0).filter(|bucket| bucket.get() != 0) {
            let word = bucket.get();
            bucket.set(word & !0xffff | u64::from((word as u16).wrapping_sub(ticks)));
        }
    }
}

/// Whether the first bits of the address are the prefix's.
fn holds(prefix: &Prefix, addr: &Addr) -> bool {
    let bits =
        |addr: &Addr| addr.0.iter().fold(0u128, |all, word| all << 32 | u128::from(u32::from_be(*word)));
    let differing = bits(&prefix.addr) ^ bits(addr);
    differing.checked_shr(128 - prefix.bits).unwrap_or(0) == 0
}

impl Tables for Memory {
    fn node(&self) -> &Node {
        &self.node
    }

    fn control(&self) -> Option<&Control> {
        Some(&self.control)
    }

    fn bucket(&self, index: u32) -> Option<&Bucket> {
        self.index.get(index as usize)
    }

    fn service(&self, id: u32) -> Option<&Service> {
        self.services.get(id as usize)
    }

    fn backend(&self, id: u32) -> Option<&Backend> {
        self.backends.get(id as usize)
    }

    fn ring_word(&self, index: u32) -> Option<&RingWord> {
        self.rings.get(index as usize)
    }

    fn flow_line(&self, index: u32) -> Option<&FlowLine> {
        self.flows.get(index as usize)
    }

    fn nat_entry(&self, index: u32) -> Option<&NatEntry> {
        self.nat.get(index as usize)
    }

    fn source_line(&self, index: u32) -> Option<&SourceLine> {
        self.sources.get(index as usize)
    }

    fn quic_id(&self, rotation: u32) -> Option<&QuicId> {
        self.quic.get(rotation as usize)
    }

    fn prefix(&self, addr: &Addr) -> Option<u32> {
        let matching = self.prefixes.iter().filter(|(prefix, _)| holds(prefix, addr));
        matching.max_by_key(|(prefix, _)| prefix.bits).map(|(_, id)| *id)
    }

    fn denied(&self, addr: &Addr) -> bool {
        self.deny.iter().any(|prefix| holds(prefix, addr))
    }

    fn link_mac(&self, interface: u32) -> Option<u64> {
        self.links.get(&interface).copied()
    }

    fn decapsulates(&self, addr: &Addr) -> bool {
        self.decap.iter().any(|prefix| holds(prefix, addr))
    }

    fn backend_counters(&self, id: u32) -> Option<&BackendCounters> {
        self.backend_counters.get(id as usize)
    }

    fn service_counters(&self, id: u32) -> Option<&ServiceCounters> {
        self.service_counters.get(id as usize)
    }

    fn reason_counter(&self, reason: Reason) -> Option<&Shared<u64>> {
        self.reason_counters.get(reason as usize)
    }

    fn now(&self) -> u64 {
        self.clock.get()
    }

    fn random(&self) -> u32 {
        // Xorshift (Marsaglia 2003): the same numbers every run.
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random.set(x);
        x
    }

    fn tell(&self, event: &Event) {
        self.events.borrow_mut().push(*event);
    }

    fn exchange(&self, word: &Shared<u64>, old: u64, new: u64) -> bool {
        let holds = word.get() == old;
        if holds {
            word.set(new);
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn prefix(text: &str, bits: u32) -> Prefix {
        Prefix { bits, addr: addr(text) }
    }

    fn addr(text: &str) -> Addr {
        text.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn prefix_holds_its_addresses_only() {
        let ten = prefix("10.0.0.0", 96 + 8);
        assert!(holds(&ten, &addr("10.255.0.1")));
        assert!(!holds(&ten, &addr("11.0.0.1")));
        assert!(!holds(&ten, &addr("2001:db8::1")));
    }

    #[test]
    fn shortest_prefix_holds_everything() {
        assert!(holds(&prefix("::", 0), &addr("192.0.2.1")));
    }
}
