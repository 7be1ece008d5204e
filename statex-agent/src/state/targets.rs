//! Which health checks the world asks for: pure.

use super::key::BackendKey;
use super::model::{Member, PoolMember, State};
use crate::config::{Destination, Forward, Health, PortMatch, Via};
use crate::health::{Key, Target};
use statex_common::abi::PROBE_MARK;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The targets of all backends that are probed, each once. `id` gives the row of a backend: a probe that
/// goes through a tunnel waits until there is one.
pub fn targets(state: &State, id: impl Fn(&BackendKey) -> Option<u16>) -> Vec<Target> {
    let mut checks: HashMap<&str, Arc<Health>> = HashMap::new();
    let mut targets = BTreeMap::new();
    for member in state.config.services.iter().flat_map(|service| state.members(service)) {
        let Some((key, health)) = key(&member).zip(member.pool.health.as_ref()) else { continue };
        let mark = match (&key.service, id(&member.key)) {
            (None, _) => None,
            (Some(_), Some(id)) => Some(PROBE_MARK | u32::from(id)),
            (Some(_), None) => continue,
        };
        let source = source(state, &key);
        let check = checks.entry(&member.pool.name).or_insert_with(|| Arc::new(health.clone())).clone();
        let believed = state.verdict(&member);
        targets.entry(key.clone()).or_insert(Target { key, mark, source, check, believed });
    }
    for member in state.proxied() {
        let Some((key, health)) = straight_key(&member).zip(member.pool.health.as_ref()) else { continue };
        let source = source(state, &key);
        let check = checks.entry(&member.pool.name).or_insert_with(|| Arc::new(health.clone())).clone();
        let believed = state.verdict_of(Some(&key));
        targets.entry(key.clone()).or_insert(Target { key, mark: None, source, check, believed });
    }
    targets.into_values().collect()
}

/// The node's address that a target is probed from. Only this host itself hears its loopback addresses.
fn source(state: &State, key: &Key) -> Option<IpAddr> {
    let node = &state.config.node;
    match key.to {
        to if to.ip().is_loopback() => None,
        SocketAddr::V4(_) => node.ipv4.map(IpAddr::V4),
        SocketAddr::V6(_) => node.ipv6.map(IpAddr::V6),
    }
}

/// The target whose verdict counts for a backend of the proxy; `None` when it is not probed.
pub fn straight_key(member: &PoolMember<'_>) -> Option<Key> {
    let health = member.pool.health.as_ref()?;
    let address = member.address();
    Some(Key {
        to: SocketAddr::new(address.ip(), health.port.unwrap_or(address.port())),
        pool: member.pool.name.as_str().into(),
        backend: member.backend.name.as_str().into(),
        service: None,
    })
}

/// The target whose verdict counts for a backend within a service; `None` when it is not probed.
///
/// Straight probes are shared by all services of the pool that have the same port.
pub fn key(member: &Member<'_>) -> Option<Key> {
    let health = member.pool.health.as_ref()?;
    let tunnel = health.via == Via::Service && member.service.forward != Forward::Nat;
    let service = match member.service.port {
        PortMatch::Any => None,
        PortMatch::One(port) => Some(port),
    };
    let own = if tunnel { None } else { member.backend.port };
    let address = if tunnel { probed(&member.service.destination) } else { member.backend.address };
    Some(Key {
        to: SocketAddr::new(address, health.port.or(own).or(service)?),
        pool: member.pool.name.as_str().into(),
        backend: member.backend.name.as_str().into(),
        service: tunnel.then(|| member.service.name.as_str().into()),
    })
}

/// The address of a service that probes go to: of a prefix, the first that a host may have.
fn probed(destination: &Destination) -> IpAddr {
    match destination {
        Destination::Address(address) => *address,
        Destination::Prefix(prefix) => prefix.hosts().next().unwrap_or(prefix.network()),
    }
}
