//! The world as the agent knows it, and how events change it: pure.

use super::event::Event;
use super::key::{BackendKey, BackendName, ServiceKey, mode};
use super::targets;
use crate::config::{Backend, BackendState, Config, Pool, PortMatch, Service};
use crate::health::influence::Influence;
use crate::health::{self, Verdict};
use crate::kernel::links::Link;
use crate::kernel::neighbours::{Fact, Wanted};
use crate::kernel::next_hop::{Fixed, NextHop, Unreachable};
use statex_common::abi::Mode;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Everything that the tables and the snapshot are computed from.
#[derive(Clone, Debug)]
pub struct State {
    pub config: Arc<Config>,
    /// Drained by an operator; the configuration may say so too.
    pub drained: BTreeSet<BackendName>,
    pub verdicts: HashMap<health::Key, Verdict>,
    /// Of backends that health has something to say about.
    pub influences: HashMap<BackendName, Influence>,
    /// Believed of rows that were found dead, until the first verdict on them.
    pub found_dead: BTreeSet<BackendKey>,
    pub hops: HashMap<IpAddr, Hop>,
    /// By interface index.
    pub links: BTreeMap<u32, Link>,
    /// CPUs that the data plane runs on; rates of the configuration are for all of them together.
    pub cpus: u32,
}

/// The way to an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// The last that was good: running flows keep it while there is trouble.
    pub last: Option<NextHop>,
    pub trouble: Option<Unreachable>,
}

/// One backend of one service.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    pub service: &'a Service,
    pub pool: &'a Pool,
    pub backend: &'a Backend,
    pub key: BackendKey,
}

impl Member<'_> {
    pub fn name(&self) -> BackendName {
        BackendName { pool: self.pool.name.clone(), backend: self.backend.name.clone() }
    }
}

/// One backend of a pool that the proxy uses.
#[derive(Clone, Copy, Debug)]
pub struct PoolMember<'a> {
    pub pool: &'a Pool,
    pub backend: &'a Backend,
}

impl PoolMember<'_> {
    pub fn name(&self) -> BackendName {
        BackendName { pool: self.pool.name.clone(), backend: self.backend.name.clone() }
    }

    pub fn address(&self) -> SocketAddr {
        let port = self.backend.port.unwrap_or(self.pool.upstream.protocol.port());
        SocketAddr::new(self.backend.address, port)
    }
}

impl State {
    pub fn new(config: Arc<Config>, cpus: u32) -> Self {
        Self {
            config,
            drained: BTreeSet::new(),
            verdicts: HashMap::new(),
            influences: HashMap::new(),
            found_dead: BTreeSet::new(),
            hops: HashMap::new(),
            links: BTreeMap::new(),
            cpus: cpus.max(1),
        }
    }

    /// The reducer: nothing else changes the world.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Configured(config) => self.configure(config),
            Event::Found(found) => {
                let members = self.config.services.iter().flat_map(|service| self.members(service));
                let drained = members.filter(|member| found.drained.contains(&member.key));
                self.drained = drained.map(|member| member.name()).collect();
                self.found_dead = found.dead;
                for (address, hop) in found.hops {
                    self.hops.entry(address).or_insert(Hop { last: Some(hop), trouble: None });
                }
            }
            Event::Drain(names) => {
                self.drained.extend(names.into_iter().filter(|name| has(&self.config, name)));
            }
            Event::Undrain(names) => self.drained.retain(|name| !names.contains(name)),
            Event::Health(health::Report { key, verdict }) => drop(self.verdicts.insert(key, verdict)),
            Event::Influence(influences) => {
                let known = influences.into_iter().filter(|(name, _)| has(&self.config, name));
                self.influences.extend(known);
            }
            Event::Kernel(Fact::NextHop { address, next_hop }) => self.hop(address, next_hop),
            Event::Kernel(Fact::Link(link)) => drop(self.links.insert(link.index, link)),
            Event::Kernel(Fact::LinkGone(link)) => drop(self.links.remove(&link.index)),
        }
    }

    /// Takes over a configuration; what was known of that which is no longer in it is forgotten.
    fn configure(&mut self, config: Arc<Config>) {
        self.config = config;
        self.drained.retain(|name| has(&self.config, name));
        self.influences.retain(|name, _| has(&self.config, name));
        let wanted = self.wanted_hops();
        self.hops.retain(|address, _| wanted.contains_key(address));
        let members: Vec<_> = self.config.services.iter().flat_map(|service| self.members(service)).collect();
        let straight = self.proxied().filter_map(|member| targets::straight_key(&member));
        let probed: BTreeSet<_> = members.iter().filter_map(targets::key).chain(straight).collect();
        let rows: BTreeSet<_> = members.iter().map(|member| member.key).collect();
        self.verdicts.retain(|key, _| probed.contains(key));
        self.found_dead.retain(|key| rows.contains(key));
    }

    fn hop(&mut self, address: IpAddr, news: Result<NextHop, Unreachable>) {
        let hop = self.hops.entry(address).or_default();
        match news {
            Ok(next) => *hop = Hop { last: Some(next), trouble: None },
            Err(trouble) => hop.trouble = Some(trouble),
        }
    }

    /// The backends of a service, in the order of the file.
    pub fn members<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = Member<'a>> {
        let pool = service.pool.as_deref().and_then(|name| self.config.pool(name));
        let rows = pool.zip(mode(service.forward));
        rows.into_iter().flat_map(move |(pool, mode)| {
            pool.backends.iter().map(move |backend| {
                let own = match service.port {
                    PortMatch::One(port) if mode == Mode::Nat => port,
                    _ => 0,
                };
                let key = BackendKey {
                    service: ServiceKey::of(service),
                    address: backend.address,
                    port: backend.port.unwrap_or(own),
                    mode: mode as u8,
                };
                Member { service, pool, backend, key }
            })
        })
    }

    /// The backends that the proxy speaks to, in the order of the file.
    pub fn proxied(&self) -> impl Iterator<Item = PoolMember<'_>> {
        let used: BTreeSet<&str> = self.config.proxy.pools().collect();
        let pools = self.config.pools.iter().filter(move |pool| used.contains(pool.name.as_str()));
        pools.flat_map(|pool| pool.backends.iter().map(move |backend| PoolMember { pool, backend }))
    }

    /// Addresses whose next hop must be known.
    pub fn wanted_hops(&self) -> Wanted {
        let used: BTreeSet<&str> = self.config.services.iter().filter_map(|s| s.pool.as_deref()).collect();
        let pools = self.config.pools.iter().filter(|pool| used.contains(pool.name.as_str()));
        let fixed = |backend: &Backend| {
            backend
                .next_hop
                .as_ref()
                .map(|hop| Fixed { mac: hop.mac.0, interface: Some(hop.interface.clone()) })
        };
        pools.flat_map(|pool| &pool.backends).map(|backend| (backend.address, fixed(backend))).collect()
    }

    /// What is believed of a backend within a service.
    pub fn verdict(&self, member: &Member<'_>) -> Verdict {
        let Some(key) = targets::key(member) else { return Verdict::Unknown };
        match self.verdicts.get(&key) {
            Some(verdict) => *verdict,
            None if self.found_dead.contains(&member.key) => Verdict::Dead,
            None => Verdict::Unknown,
        }
    }

    /// What is believed of a target; nothing where there is none.
    pub fn verdict_of(&self, key: Option<&health::Key>) -> Verdict {
        key.and_then(|key| self.verdicts.get(key)).copied().unwrap_or_default()
    }

    /// What its health does to a backend's part of new flows.
    pub fn influence(&self, name: &BackendName) -> Influence {
        self.influences.get(name).copied().unwrap_or_default()
    }

    /// Whether operator or configuration keep new flows away from the backend of this name.
    pub fn is_drained(&self, backend: &Backend, name: &BackendName) -> bool {
        backend.state == BackendState::Drain || self.drained.contains(name)
    }

    /// The backends that an operator's text means.
    pub fn named(&self, text: &str) -> Vec<BackendName> {
        self.names().filter(|name| name.is_meant_by(text)).collect()
    }

    /// All backends' names.
    pub fn names(&self) -> impl Iterator<Item = BackendName> {
        self.config.pools.iter().flat_map(|pool| {
            let name =
                |backend: &Backend| BackendName { pool: pool.name.clone(), backend: backend.name.clone() };
            pool.backends.iter().map(name)
        })
    }
}

fn has(config: &Config, name: &BackendName) -> bool {
    config.pool(&name.pool).is_some_and(|pool| pool.backend(&name.backend).is_some())
}
