//! Keeps the next hop of every backend known and fresh, and tells when one changes.
//!
//! The data plane sends frames itself, so the kernel sees no traffic to a backend and would let its
//! neighbour entry go stale. This loop asks in its place: at once when a hardware address is
//! missing, every [`REFRESH`] to confirm one that is known.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    pin::Pin,
    time::Duration,
};

use futures_util::future::OptionFuture;
use netlink_packet_route::neighbour::NeighbourState;
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, Sleep, sleep},
};

use super::{
    links::{Link, Links},
    netlink::{Neighbour, Netlink, News},
    next_hop::{Fixed, Neighbours, NextHop, Route, Unreachable, resolve, watched},
};

/// How often a known neighbour is asked whether it is still there. With the kernel's three probes,
/// one a second, a neighbour that changes its hardware address in silence is found within ten.
pub const REFRESH: Duration = Duration::from_secs(5);

/// Routes are read again this long after the last of a burst of changes began.
const SETTLE: Duration = Duration::from_millis(20);

/// What bounds the kernel's table of neighbours.
const FULL: &str = "net.ipv4.neigh.default.gc_thresh3 and net.ipv6.neigh.default.gc_thresh3";

/// Addresses whose next hop is wanted, with the one the operator has fixed.
pub type Wanted = BTreeMap<IpAddr, Option<Fixed>>;

/// What the loop tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The next hop of an address, when first known and whenever it changes. A neighbour is given time to answer
    /// before it counts as unresolved, and one that falls silent is no change: the last answer stays until a better
    /// one is there.
    NextHop {
        address: IpAddr,
        next_hop: Result<NextHop, Unreachable>,
    },
    /// An interface that is new or changed: state, MTU, hardware address, XDP program.
    Link(Link),
    LinkGone(Link),
}

/// Runs until `facts` or `wanted` is closed, or the socket fails.
///
/// # Errors
///
/// The routing socket could not be opened or read.
pub async fn watch(
    mut wanted: watch::Receiver<Wanted>,
    facts: mpsc::Sender<Fact>,
    refresh: Duration,
) -> anyhow::Result<()> {
    let mut netlink = Netlink::subscribe()?;
    let mut picture = Picture::default();
    for fact in picture.reread(&netlink).await? {
        facts.send(fact).await?;
    }
    picture.want(wanted.borrow_and_update().clone());
    let mut tick = tokio::time::interval(refresh);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut settle = settling(Duration::ZERO);
    loop {
        let touched = tokio::select! {
            news = netlink.next() => match news {
                None => anyhow::bail!("the routing socket was closed"),
                Some(News::Lost) => {
                    tracing::warn!("the kernel dropped routing news; reading everything again");
                    for fact in picture.reread(&netlink).await? {
                        facts.send(fact).await?;
                    }
                    settle = settling(Duration::ZERO);
                    continue;
                }
                Some(news) => {
                    let change = picture.take(news);
                    if change.routes {
                        settle = settle.or_else(|| settling(SETTLE));
                    }
                    if let Some(fact) = change.fact {
                        facts.send(fact).await?;
                    }
                    change.addresses
                }
            },
            changed = wanted.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let new = wanted.borrow_and_update().clone();
                settle = settling(Duration::ZERO);
                picture.want(new);
                continue;
            }
            Some(()) = OptionFuture::from(settle.as_mut()) => {
                settle = None;
                picture.route(&netlink).await;
                picture.wanted.keys().copied().collect()
            }
            _ = tick.tick() => {
                for (interface, address) in picture.in_use.clone() {
                    picture.care(&netlink, interface, address).await;
                }
                continue;
            }
        };
        for address in touched {
            if let Some(fact) = picture.tell(&netlink, address).await {
                facts.send(fact).await?;
            }
        }
    }
}

fn settling(after: Duration) -> Option<Pin<Box<Sleep>>> {
    Some(Box::pin(sleep(after)))
}

/// What the loop knows.
#[derive(Default)]
struct Picture {
    links: Links,
    /// MACs that can be used.
    macs: Neighbours,
    states: HashMap<(u32, IpAddr), NeighbourState>,
    wanted: Wanted,
    routes: HashMap<IpAddr, Result<Route, Unreachable>>,
    /// Neighbours behind which a wanted address stands.
    in_use: HashSet<(u32, IpAddr)>,
    told: HashMap<IpAddr, Result<NextHop, Unreachable>>,
}

/// What a piece of news means.
#[derive(Default)]
struct Change {
    fact: Option<Fact>,
    /// Addresses whose next hop may be another now.
    addresses: Vec<IpAddr>,
    routes: bool,
}

impl Picture {
    /// Forgets what is known and asks for everything; gives what is new of interfaces.
    async fn reread(&mut self, netlink: &Netlink) -> Result<Vec<Fact>, rtnetlink::Error> {
        let before = std::mem::replace(&mut self.links, netlink.links().await?);
        let gone = before.iter().filter(|link| self.links.get(link.index).is_none());
        let news = self.links.iter().filter(|link| before.get(link.index) != Some(link));
        let facts = gone.cloned().map(Fact::LinkGone).chain(news.cloned().map(Fact::Link)).collect();
        self.macs.clear();
        self.states.clear();
        for neighbour in netlink.neighbours().await? {
            self.put(neighbour);
        }
        Ok(facts)
    }

    fn put(&mut self, neighbour: Neighbour) {
        let key = (neighbour.interface, neighbour.address);
        self.states.insert(key, neighbour.state);
        match neighbour.mac {
            Some(mac) => self.macs.insert(key, mac),
            None => self.macs.remove(&key),
        };
    }

    fn want(&mut self, wanted: Wanted) {
        self.told.retain(|address, _| wanted.contains_key(address));
        self.routes.retain(|address, _| wanted.contains_key(address));
        self.wanted = wanted;
    }

    fn take(&mut self, news: News) -> Change {
        match news {
            News::Link(link) => {
                let fresh = self.links.put(link.clone());
                let fact = fresh.then_some(Fact::Link(link));
                Change { fact, routes: fresh, addresses: Vec::new() }
            }
            News::LinkGone(index) => {
                let fact = self.links.remove(index).map(Fact::LinkGone);
                Change { fact, routes: true, addresses: Vec::new() }
            }
            News::Neighbour(neighbour) => {
                self.put(neighbour);
                self.behind((neighbour.interface, neighbour.address))
            }
            News::NeighbourGone { interface, address } => {
                self.macs.remove(&(interface, address));
                self.states.remove(&(interface, address));
                self.behind((interface, address))
            }
            News::Address { interface, address, present } => {
                if present {
                    self.links.add_address(interface, address);
                } else {
                    self.links.remove_address(interface, address);
                }
                Change { routes: true, ..Change::default() }
            }
            News::Routes => Change { routes: true, ..Change::default() },
            News::Lost => Change::default(),
        }
    }

    /// The addresses that are reached by way of a neighbour.
    fn behind(&self, neighbour: (u32, IpAddr)) -> Change {
        if !self.in_use.contains(&neighbour) {
            return Change::default();
        }
        let uses = |address: &IpAddr| self.neighbour_of(*address) == Some(neighbour);
        Change { addresses: self.wanted.keys().copied().filter(uses).collect(), ..Change::default() }
    }

    fn neighbour_of(&self, address: IpAddr) -> Option<(u32, IpAddr)> {
        let route = self.routes.get(&address)?.as_ref().ok()?;
        watched(address, route, self.wanted.get(&address)?.as_ref())
    }

    /// Asks for the route of every wanted address.
    async fn route(&mut self, netlink: &Netlink) {
        for address in self.wanted.keys() {
            self.routes.insert(*address, netlink.route(*address).await);
        }
        self.in_use = self.wanted.keys().filter_map(|address| self.neighbour_of(*address)).collect();
    }

    /// The next hop of an address if it is news, after asking for a neighbour that is missing.
    async fn tell(&mut self, netlink: &Netlink, address: IpAddr) -> Option<Fact> {
        let fixed = self.wanted.get(&address)?.as_ref();
        let route = self.routes.get(&address)?.clone();
        let next_hop = resolve(address, route, fixed, &self.links, &self.macs);
        if let (Err(Unreachable::Unresolved { .. }), Some((interface, neighbour))) =
            (&next_hop, self.neighbour_of(address))
        {
            self.care(netlink, interface, neighbour).await;
            let silent = self.states.get(&(interface, neighbour)) == Some(&NeighbourState::Failed);
            if !silent || matches!(self.told.get(&address), Some(Ok(_))) {
                return None;
            }
        }
        if self.told.get(&address) == Some(&next_hop) {
            return None;
        }
        match &next_hop {
            Ok(hop) => tracing::debug!(%address, ?hop, "next hop"),
            Err(why) => tracing::debug!(%address, %why, "no next hop"),
        }
        self.told.insert(address, next_hop.clone());
        Some(Fact::NextHop { address, next_hop })
    }

    async fn care(&self, netlink: &Netlink, interface: u32, address: IpAddr) {
        let asked = match care(self.states.get(&(interface, address)).copied()) {
            Care::Nothing => Ok(()),
            Care::Ask => netlink.ask(interface, address).await,
            Care::Confirm => netlink.confirm(interface, address).await,
        };
        match asked {
            Err(rtnetlink::Error::NetlinkError(error)) if -error.raw_code() == libc::ENOBUFS => {
                tracing::warn!(%address, "the table of neighbours is full: raise {FULL}");
            }
            Err(error) => tracing::debug!(%address, interface, %error, "asking a neighbour failed"),
            Ok(()) => {}
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    Nothing,
    Ask,
    Confirm,
}

/// What a neighbour entry in this state needs.
fn care(state: Option<NeighbourState>) -> Care {
    match state {
        None | Some(NeighbourState::None | NeighbourState::Failed) => Care::Ask,
        Some(NeighbourState::Reachable | NeighbourState::Stale | NeighbourState::Delay) => Care::Confirm,
        _ => Care::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_or_unknown_neighbour_is_asked_for() {
        assert_eq!(care(None), Care::Ask);
        assert_eq!(care(Some(NeighbourState::Failed)), Care::Ask);
    }

    #[test]
    fn known_neighbour_is_confirmed() {
        assert_eq!(care(Some(NeighbourState::Stale)), Care::Confirm);
        assert_eq!(care(Some(NeighbourState::Reachable)), Care::Confirm);
    }

    #[test]
    fn static_or_pending_neighbour_is_left_alone() {
        assert_eq!(care(Some(NeighbourState::Permanent)), Care::Nothing);
        assert_eq!(care(Some(NeighbourState::Incomplete)), Care::Nothing);
    }
}
