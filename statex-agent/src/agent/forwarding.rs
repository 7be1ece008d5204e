//! The part of a life that forwards packets: a loaded object, its interfaces, and what the kernel tells of routes and
//! neighbours.

use std::{collections::BTreeSet, net::IpAddr};

use anyhow::Context;
use tokio::{sync::mpsc, task::JoinSet, time::sleep};

use super::{interfaces::Interfaces, view::View};
use crate::{
    config::Config,
    health,
    kernel::{
        links::Links,
        neighbours::{self, Fact},
        netlink::Netlink,
        pin::Pins,
        plane::Plane,
        shape::HashKey,
    },
};

/// Facts that wait while the tables are written.
const QUEUE: usize = 256;

/// What forwarding needs beside a configuration.
#[derive(Clone)]
pub(super) struct Basis {
    pub(super) key: HashKey,
    pub(super) pins: Pins,
}

/// A loaded object and its surroundings.
pub(super) struct Forwarding {
    pub(super) basis: Basis,
    interfaces: Interfaces,
    netlink: Netlink,
    facts: mpsc::Receiver<Fact>,
    /// Addresses that nothing was told of yet.
    untold: BTreeSet<IpAddr>,
    /// Virtual addresses that probes cannot be sent to.
    unroutable: BTreeSet<IpAddr>,
}

impl Forwarding {
    /// Begins to watch; nothing is attached yet.
    ///
    /// # Errors
    ///
    /// An interface is missing, or the kernel does not answer.
    pub(super) async fn start(basis: Basis, plane: Plane, config: &Config) -> anyhow::Result<Self> {
        let netlink = Netlink::open().context("cannot open the routing socket")?;
        let links = netlink.links().await.context("cannot read the interfaces")?;
        config.node.interfaces.iter().try_for_each(|name| links.named(name).map(drop))?;
        let (_, facts) = mpsc::channel(1);
        let interfaces = Interfaces::new(plane, links);
        Ok(Self { basis, interfaces, netlink, facts, untold: BTreeSet::new(), unroutable: BTreeSet::new() })
    }

    /// Asks for the ways to all addresses that the world wants.
    pub(super) fn follow_neighbours(&mut self, view: &View, loops: &mut JoinSet<()>) {
        let wanted = view.store.wanted_hops();
        self.untold = wanted.borrow().keys().copied().collect();
        let (sender, facts) = mpsc::channel(QUEUE);
        self.facts = facts;
        loops.spawn(follow_neighbours(wanted, sender));
    }

    pub(super) fn links(&self) -> &Links {
        self.interfaces.links()
    }

    /// Whether something was told of every address.
    pub(super) fn knows_all(&self) -> bool {
        self.untold.is_empty()
    }

    /// What the kernel tells next; `None`: nobody watches any more.
    pub(super) async fn fact(&mut self) -> Option<Fact> {
        self.facts.recv().await
    }

    /// The first attach: by now the tables hold what is known.
    ///
    /// # Errors
    ///
    /// When `strict`, see [`Interfaces::begin`].
    pub(super) async fn begin(&mut self, view: &View, config: &Config, strict: bool) -> anyhow::Result<()> {
        self.interfaces.begin(config, strict)?;
        self.look(view, config).await;
        Ok(())
    }

    pub(super) async fn hear(&mut self, fact: Fact, view: &View, config: &Config) {
        match &fact {
            Fact::NextHop { address, .. } => drop(self.untold.remove(address)),
            // The message may be older than what was done to the interface since; the kernel knows better.
            Fact::Link(link) if config.node.interfaces.contains(&link.name) => {
                return self.look(view, config).await;
            }
            Fact::Link(link) => self.interfaces.hear(link),
            Fact::LinkGone(link) => {
                self.interfaces.lose(link, config);
                view.note(self.interfaces.begun(), self.interfaces.problems());
            }
        }
        view.store.tell(fact).await;
    }

    /// Puts the program that sends probes through tunnels where they would leave the host.
    pub(super) async fn route_probes(&mut self, targets: &[health::Target]) {
        let marked = targets.iter().filter(|target| target.mark.is_some());
        let addresses: BTreeSet<IpAddr> = marked.map(|target| target.key.to.ip()).collect();
        let mut indices = BTreeSet::new();
        self.unroutable.retain(|address| addresses.contains(address));
        for address in addresses {
            match self.netlink.route(address).await {
                Ok(route) => {
                    indices.insert(route.interface);
                    self.unroutable.remove(&address);
                }
                Err(why) if self.unroutable.insert(address) => {
                    tracing::warn!(%why, "health probes for {address} cannot leave; give this host a route to it");
                }
                Err(_) => {}
            }
        }
        self.interfaces.let_probes_leave_by(&indices);
    }

    /// Looks at the interfaces, attaches where the program is missing, and tells everybody where it is.
    pub(super) async fn look(&mut self, view: &View, config: &Config) {
        if let Err(error) = self.try_to_look(view, config).await {
            tracing::warn!(%error, "the interfaces cannot be read");
        }
        view.note(self.interfaces.begun(), self.interfaces.problems());
    }

    async fn try_to_look(&mut self, view: &View, config: &Config) -> Result<(), rtnetlink::Error> {
        let mut links = self.netlink.links().await?;
        if self.interfaces.restore(&links, config) {
            links = self.netlink.links().await?;
        }
        for link in self.interfaces.look(&links, config) {
            view.store.tell(Fact::Link(link)).await;
        }
        // Whoever sees that the program is attached shall also see how.
        view.store.settled().await;
        Ok(())
    }

    /// Follows a new configuration that the object can serve.
    pub(super) async fn follow(&mut self, view: &View, old: &Config, new: &Config) {
        self.interfaces.follow(old, new);
        self.look(view, new).await;
    }
}

async fn follow_neighbours(
    wanted: tokio::sync::watch::Receiver<neighbours::Wanted>,
    facts: mpsc::Sender<Fact>,
) {
    while !facts.is_closed() {
        match neighbours::watch(wanted.clone(), facts.clone(), neighbours::REFRESH).await {
            Ok(()) => return,
            Err(error) => tracing::warn!("watching routes and neighbours failed, starting again: {error:#}"),
        }
        sleep(neighbours::REFRESH).await;
    }
}
