//! The maps of a loaded object that the agent writes, typed.

use std::io;

use aya::{
    Ebpf,
    maps::{Array, HashMap, LpmTrie, MapData, MapError, RingBuf, lpm_trie::Key},
};
use ipnet::IpNet;
use statex_common::abi::{Addr, Backend, Bucket, Control, RingWord, Service, names};

use super::{load::LoadError, rows::Rows};

/// The maps of a node.
pub struct Tables {
    pub index: Rows<Bucket>,
    pub services: Rows<Service>,
    pub backends: Rows<Backend>,
    pub rings: Rows<RingWord>,
    pub prefixes: Trie,
    pub deny: Trie,
    pub links: HashMap<MapData, u32, u64>,
    pub quic: Array<MapData, u64>,
    pub control: Rows<Control>,
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
            prefixes: Trie(take(names::PREFIXES)?.try_into()?),
            deny: Trie(take(names::DENY)?.try_into()?),
            links: take(names::LINKS)?.try_into()?,
            quic: take(names::QUIC)?.try_into()?,
            control: Rows::new(names::CONTROL, take(names::CONTROL)?)?,
        })
    }
}

/// Takes the addresses that a backend decapsulates for.
///
/// # Errors
///
/// The map is missing.
pub fn take_decap(object: &mut Ebpf) -> Result<Trie, LoadError> {
    let map = object.take_map(names::DECAP).ok_or(LoadError::NoMap(names::DECAP))?;
    Ok(Trie(map.try_into()?))
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
