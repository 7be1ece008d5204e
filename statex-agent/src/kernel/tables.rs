//! The maps of a loaded object, typed: what the agent reads and writes.

use std::io;

use aya::{
    Ebpf,
    maps::{Array, HashMap, LpmTrie, MapData, MapError, PerCpuArray, RingBuf, lpm_trie::Key},
};
use ipnet::IpNet;
use statex_common::{
    Reason,
    abi::{
        Addr, Backend, BackendCounters, Bucket, FlowLine, NatEntry, RingWord, Row, Service, ServiceCounters,
        SourceLine, names,
    },
};

use super::{load::LoadError, rows::Rows};

/// All maps but the ring buffer of events, which belongs to its reader.
pub struct Tables {
    pub index: Rows<Bucket>,
    pub services: Rows<Service>,
    pub backends: Rows<Backend>,
    pub rings: Rows<RingWord>,
    pub flows: Rows<FlowLine>,
    pub nat: Rows<NatEntry>,
    pub sources: Rows<SourceLine>,
    pub prefixes: Trie,
    pub deny: Trie,
    pub decap: Trie,
    pub links: HashMap<MapData, u32, u64>,
    pub quic: Array<MapData, u64>,
    pub control: Array<MapData, u64>,
    pub counters: Counters,
}

/// What the programs count, per CPU.
pub struct Counters {
    backends: PerCpuArray<MapData, [u8; 32]>,
    services: PerCpuArray<MapData, [u8; 64]>,
    reasons: PerCpuArray<MapData, u64>,
}

impl Tables {
    /// Takes the maps out of a loaded object whose programs are loaded, too.
    ///
    /// # Errors
    ///
    /// A map is missing or laid out otherwise.
    pub fn take(object: &mut Ebpf) -> Result<Self, LoadError> {
        let mut take = |name: &'static str| object.take_map(name).ok_or(LoadError::NoMap(name));
        Ok(Self {
            index: Rows::new(names::INDEX, take(names::INDEX)?)?,
            services: Rows::new(names::SERVICES, take(names::SERVICES)?)?,
            backends: Rows::new(names::BACKENDS, take(names::BACKENDS)?)?,
            rings: Rows::new(names::RINGS, take(names::RINGS)?)?,
            flows: Rows::new(names::FLOWS, take(names::FLOWS)?)?,
            nat: Rows::new(names::NAT, take(names::NAT)?)?,
            sources: Rows::new(names::SOURCES, take(names::SOURCES)?)?,
            prefixes: Trie(take(names::PREFIXES)?.try_into()?),
            deny: Trie(take(names::DENY)?.try_into()?),
            decap: Trie(take(names::DECAP)?.try_into()?),
            links: take(names::LINKS)?.try_into()?,
            quic: take(names::QUIC)?.try_into()?,
            control: take(names::CONTROL)?.try_into()?,
            counters: Counters {
                backends: take(names::BACKEND_COUNTERS)?.try_into()?,
                services: take(names::SERVICE_COUNTERS)?.try_into()?,
                reasons: take(names::REASON_COUNTERS)?.try_into()?,
            },
        })
    }
}

/// Takes the ring buffer of flow events.
///
/// # Errors
///
/// The map is missing.
pub fn take_events(object: &mut Ebpf) -> Result<RingBuf<MapData>, LoadError> {
    let map = object.take_map(names::EVENTS).ok_or(LoadError::NoMap(names::EVENTS))?;
    Ok(map.try_into()?)
}

/// A longest-prefix map from addresses to numbers; IPv4 prefixes are mapped into IPv6.
pub struct Trie(LpmTrie<MapData, Addr, u32>);

impl Trie {
    pub fn insert(&mut self, prefix: IpNet, value: u32) -> Result<(), MapError> {
        self.0.insert(&key(prefix), value, 0)
    }

    /// Removes a prefix; one that is not there is no error.
    pub fn remove(&mut self, prefix: IpNet) -> Result<(), MapError> {
        match self.0.remove(&key(prefix)) {
            Err(MapError::SyscallError(error)) if error.io_error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// All prefixes with their numbers.
    pub fn entries(&self) -> Result<Vec<(IpNet, u32)>, MapError> {
        let entry = |entry: Result<(Key<Addr>, u32), MapError>| {
            let (key, value) = entry?;
            let (address, bits) = (key.data(), key.prefix_len());
            let bits = if address.is_v4() { bits.saturating_sub(96) } else { bits };
            // The kernel holds no key of more than 128 bits.
            Ok(IpNet::new(address.into(), bits as u8).ok().map(|net| (net, value)))
        };
        self.0.iter().map(entry).filter_map(Result::transpose).collect()
    }
}

fn key(prefix: IpNet) -> Key<Addr> {
    let family = if prefix.addr().is_ipv4() { 96 } else { 0 };
    Key::new(family + u32::from(prefix.prefix_len()), prefix.network().into())
}

impl Counters {
    /// Of one backend row, all CPUs added up.
    pub fn backend(&self, id: u32) -> Result<BackendCounters, MapError> {
        let sum = BackendCounters::default();
        for cpu in self.backends.get(&id, 0)?.iter() {
            let cpu = BackendCounters::from_bytes(*cpu);
            for (total, part) in [
                (&sum.packets, cpu.packets),
                (&sum.bytes, cpu.bytes),
                (&sum.new_flows, cpu.new_flows),
                (&sum.returned, cpu.returned),
            ] {
                total.set(total.get().wrapping_add(part.get()));
            }
        }
        Ok(sum)
    }

    /// Of one service row, all CPUs added up; the rate's window is meaningless in a sum and stays 0.
    pub fn service(&self, id: u32) -> Result<ServiceCounters, MapError> {
        let sum = ServiceCounters::default();
        for cpu in self.services.get(&id, 0)?.iter() {
            let cpu = ServiceCounters::from_bytes(*cpu);
            for (total, part) in [
                (&sum.new_flows, cpu.new_flows),
                (&sum.stateless, cpu.stateless),
                (&sum.refused, cpu.refused),
                (&sum.quic_routed, cpu.quic_routed),
                (&sum.quic_unknown, cpu.quic_unknown),
                (&sum.rehashed, cpu.rehashed),
                (&sum.local, cpu.local),
            ] {
                total.set(total.get().wrapping_add(part.get()));
            }
        }
        Ok(sum)
    }

    /// Packets that ended for this reason, all CPUs added up.
    pub fn reason(&self, reason: Reason) -> Result<u64, MapError> {
        Ok(self.reasons.get(&(reason as u32), 0)?.iter().sum())
    }
}
