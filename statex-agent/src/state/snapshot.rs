//! What the rest of the agent reads of the world: immutable, and replaced as a whole.

use super::key::{BackendName, ServiceKey};
use super::model::{Member, PoolMember, State};
use super::observed::{Observed, generation};
use super::targets;
use crate::clock::Moment;
use crate::config::{BackendState, Config};
use crate::health::influence::{Admits, Influence};
use crate::health::{self, Verdict};
use crate::kernel::image::Region;
use crate::kernel::links::Link;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

/// The world at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub config: Arc<Config>,
    /// In the order of the configuration.
    pub services: Vec<Service>,
    /// In the order of the configuration.
    pub proxied: Arc<Vec<Proxied>>,
    /// What health does to the backends of each pool, for whoever balances himself: those without an entry have their
    /// whole weight.
    pub influences: HashMap<BackendName, Influence>,
    /// Drained by an operator or by healing.
    pub drained: BTreeSet<BackendName>,
    /// By interface index.
    pub links: BTreeMap<u32, Link>,
    pub progress: Progress,
}

/// A backend that the proxy speaks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxied {
    pub name: BackendName,
    pub address: SocketAddr,
    pub weight: u32,
    pub verdict: Verdict,
    pub draining: bool,
    /// What its health does to its part of requests.
    pub influence: Influence,
    /// Under which its health check stands on the board; `None` when it is not probed.
    pub health: Option<health::Key>,
}

/// How far the tables are as wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Since when they are not; `None` when they are.
    pub behind_since: Option<Moment>,
    /// When they last were looked at.
    pub last: Moment,
    /// Changes made since the agent started.
    pub changes: u64,
    /// Tries that were broken off since the agent started.
    pub failures: u64,
    /// What stands in the way, newest last.
    pub problems: Vec<String>,
}

/// A service and its place in the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    pub name: String,
    pub key: ServiceKey,
    /// Of its row; `None` while it has none.
    pub id: Option<u16>,
    pub ring: Region,
    /// How often it was given another ring since the agent started.
    pub ring_changes: u64,
    /// In the order of the configuration.
    pub backends: Vec<Backend>,
}

/// A backend within a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    pub name: BackendName,
    pub address: std::net::IpAddr,
    pub weight: u32,
    pub influence: Influence,
    /// Of its row, and the generation of the id; `None` while it has none.
    pub id: Option<(u16, u8)>,
    pub verdict: Verdict,
    pub draining: bool,
    /// Why it gets no new flows, when it gets none.
    pub why: Option<String>,
    /// Part of the new flows that it gets, from 0 to 1.
    pub share: f64,
    /// Under which its health check stands on the board; `None` when it is not probed.
    pub health: Option<health::Key>,
}

impl Snapshot {
    pub fn new(state: &State, observed: &Observed, progress: Progress) -> Self {
        let services = state.config.services.iter().map(|service| {
            let key = ServiceKey::of(service);
            let ring = observed.rings.get(&key);
            Service {
                name: service.name.clone(),
                key,
                id: observed.services.get(&key).map(|placed| placed.id),
                ring: ring.map_or(Region::EMPTY, |ring| ring.region),
                ring_changes: ring.map_or(0, |ring| ring.changes),
                backends: backends(state, observed, &key, state.members(service).collect()),
            }
        });
        let services = services.collect();
        let (proxied, influences) = (Arc::new(proxied(state)), state.influences.clone());
        Self {
            config: state.config.clone(),
            services,
            proxied,
            influences,
            drained: state.drained.clone(),
            links: state.links.clone(),
            progress,
        }
    }
}

/// All backends that the proxy speaks to.
pub fn proxied(state: &State) -> Vec<Proxied> {
    let backend = |member: PoolMember<'_>| Proxied {
        name: member.name(),
        address: member.address(),
        weight: member.backend.weight,
        verdict: state.verdict_of(targets::straight_key(&member).as_ref()),
        draining: state.is_drained(member.backend, &member.name()),
        influence: state.influence(&member.name()),
        health: targets::straight_key(&member),
    };
    state.proxied().map(backend).collect()
}

fn backends(state: &State, observed: &Observed, key: &ServiceKey, members: Vec<Member<'_>>) -> Vec<Backend> {
    let takers = observed.takers(key);
    let row = |member: &Member<'_>| observed.backends.get(&member.key);
    let takes = |member: &Member<'_>| row(member).is_some_and(|placed| takers.contains(&placed.id));
    let weight = |member: &Member<'_>| u64::from(state.influence(&member.name()).on(member.backend.weight));
    let total: u64 = members.iter().filter(|m| takes(m)).map(weight).sum();
    let backend = |member: &Member<'_>| {
        let takes = takes(member);
        Backend {
            name: member.name(),
            address: member.backend.address,
            weight: member.backend.weight,
            id: row(member).map(|placed| (placed.id, generation(&placed.row))),
            verdict: state.verdict(member),
            draining: state.is_drained(member.backend, &member.name()),
            why: (!takes).then(|| why(state, member)),
            share: if takes { weight(member) as f64 / total.max(1) as f64 } else { 0.0 },
            influence: state.influence(&member.name()),
            health: targets::key(member),
        }
    };
    members.iter().map(backend).collect()
}

/// Why a backend gets no new flows.
fn why(state: &State, member: &Member<'_>) -> String {
    let hop = state.hops.get(&member.backend.address);
    if member.backend.state == BackendState::Drain {
        return "drained by the configuration".into();
    }
    if state.is_drained(member.backend, &member.name()) {
        return "drained by an operator".into();
    }
    if member.backend.weight == 0 {
        return "its weight is 0".into();
    }
    match hop.map(|hop| (&hop.trouble, &hop.last)) {
        None => "the way to it is not known yet".into(),
        Some((Some(trouble), _)) => trouble.to_string(),
        Some((None, _)) if state.verdict(member) == Verdict::Dead => "its health check fails".into(),
        Some((None, _)) if state.influence(&member.name()).admits == Admits::None => {
            format!("its health keeps it out; `statex explain {}` says why", member.name())
        }
        Some((None, _)) => "it has no place in the tables yet".into(),
    }
}
