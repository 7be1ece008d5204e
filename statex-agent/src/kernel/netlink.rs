//! Questions to the kernel's routing socket, and its news: links, addresses, neighbours, routes.

use std::{io, net::IpAddr};

use futures_util::{StreamExt, TryStreamExt};
use ipnet::IpNet;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::LinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteMetric, RouteType, RouteVia},
};
use rtnetlink::{
    Handle, MulticastGroup, RouteMessageBuilder,
    packet_core::{NetlinkMessage, NetlinkPayload},
};
use tokio::sync::mpsc;

use super::{
    links::{Link, Links, Mac},
    next_hop::{Route, Unreachable},
};

/// One entry of the neighbour table (ARP or neighbour discovery).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub interface: u32,
    pub address: IpAddr,
    /// Absent while the neighbour has not answered, or no longer does.
    pub mac: Option<Mac>,
    pub state: NeighbourState,
}

/// What has happened.
#[derive(Debug)]
pub enum News {
    Link(Link),
    LinkGone(u32),
    Neighbour(Neighbour),
    NeighbourGone {
        interface: u32,
        address: IpAddr,
    },
    Address {
        interface: u32,
        address: IpNet,
        present: bool,
    },
    /// Some route or rule changed; which one does not matter, all are asked for again.
    Routes,
    /// The kernel dropped messages because we were slow: everything must be read again.
    Lost,
}

/// A routing socket of the network namespace that the calling thread is in.
pub struct Netlink {
    handle: Handle,
    news: mpsc::UnboundedReceiver<News>,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Netlink {
    /// Opens the socket for questions. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The socket could not be opened.
    pub fn open() -> io::Result<Self> {
        Self::with_groups(&[])
    }

    /// Opens the socket for questions and for news of everything that can change a next hop, to be taken by
    /// [`Netlink::next`]. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The socket could not be opened or bound.
    pub fn subscribe() -> io::Result<Self> {
        use MulticastGroup as Group;
        Self::with_groups(&[
            Group::Link,
            Group::Neigh,
            Group::Ipv4Ifaddr,
            Group::Ipv6Ifaddr,
            Group::Ipv4Route,
            Group::Ipv6Route,
            Group::Ipv4Rule,
            Group::Ipv6Rule,
            Group::Nexthop,
        ])
    }

    fn with_groups(groups: &[MulticastGroup]) -> io::Result<Self> {
        let (connection, handle, mut messages) = rtnetlink::new_multicast_connection(groups)?;
        let (sender, news) = mpsc::unbounded_channel();
        let connection = tokio::spawn(connection);
        let reader = tokio::spawn(async move {
            while let Some((message, _)) = messages.next().await {
                if let Some(item) = read_news(message)
                    && sender.send(item).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self { handle, news, tasks: [connection, reader] })
    }

    /// The underlying handle, for requests beyond these.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The next change; None when the socket has failed and must be opened anew.
    pub async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// All interfaces with their addresses.
    pub async fn links(&self) -> Result<Links, rtnetlink::Error> {
        let mut links = Links::default();
        let mut answers = std::pin::pin!(self.handle.link().get().execute());
        while let Some(message) = answers.try_next().await? {
            links.put(Link::from_message(&message));
        }
        let mut answers = std::pin::pin!(self.handle.address().get().execute());
        while let Some(message) = answers.try_next().await? {
            if let Some(address) = read_address(&message) {
                links.add_address(message.header.index, address);
            }
        }
        Ok(links)
    }

    /// The whole neighbour table, both families.
    pub async fn neighbours(&self) -> Result<Vec<Neighbour>, rtnetlink::Error> {
        let mut found = Vec::new();
        let mut answers = std::pin::pin!(self.handle.neighbours().get().execute());
        while let Some(message) = answers.try_next().await? {
            found.extend(read_neighbour(&message));
        }
        Ok(found)
    }

    /// How this host would reach the address.
    pub async fn route(&self, address: IpAddr) -> Result<Route, Unreachable> {
        let length = if address.is_ipv4() { 32 } else { 128 };
        let failed = |why: String| Unreachable::Failed { address, why };
        let request = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(address, length)
            .map_err(|error| failed(error.to_string()))?
            .build();
        let mut answers = std::pin::pin!(self.handle.route().get(request).execute());
        match answers.try_next().await {
            Ok(Some(message)) => read_route(address, &message),
            Ok(None) => Err(Unreachable::NoRoute(address)),
            Err(rtnetlink::Error::NetlinkError(error)) => Err(match -error.raw_code() {
                libc::ENETUNREACH | libc::ESRCH => Unreachable::NoRoute(address),
                libc::EHOSTUNREACH | libc::EACCES | libc::EINVAL => Unreachable::Forbidden(address),
                _ => failed(error.to_string()),
            }),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Makes the kernel ask for a neighbour's hardware address, as if a packet were to be sent.
    pub async fn ask(&self, interface: u32, address: IpAddr) -> Result<(), rtnetlink::Error> {
        let request = self.handle.neighbours().add(interface, address);
        request.state(NeighbourState::None).flags(NeighbourFlags::Use).replace().execute().await
    }

    /// Makes the kernel ask a neighbour that is known whether it is still there. No hardware
    /// address goes with it, so a newer one is never overwritten.
    pub async fn confirm(&self, interface: u32, address: IpAddr) -> Result<(), rtnetlink::Error> {
        let request = self.handle.neighbours().add(interface, address);
        request.state(NeighbourState::Probe).replace().execute().await
    }
}

fn read_news(message: NetlinkMessage<RouteNetlinkMessage>) -> Option<News> {
    use RouteNetlinkMessage as M;
    Some(match message.payload {
        NetlinkPayload::Overrun(_) => News::Lost,
        NetlinkPayload::InnerMessage(inner) => match inner {
            M::NewLink(link) if is_whole(&link) => News::Link(Link::from_message(&link)),
            M::DelLink(link) if is_whole(&link) => News::LinkGone(link.header.index),
            M::NewNeighbour(entry) => News::Neighbour(read_neighbour(&entry)?),
            M::DelNeighbour(entry) => {
                let gone = read_neighbour(&entry)?;
                News::NeighbourGone { interface: gone.interface, address: gone.address }
            }
            M::NewAddress(entry) => {
                News::Address { interface: entry.header.index, address: read_address(&entry)?, present: true }
            }
            M::DelAddress(entry) => News::Address {
                interface: entry.header.index,
                address: read_address(&entry)?,
                present: false,
            },
            M::NewRoute(_) | M::DelRoute(_) | M::NewRule(_) | M::DelRule(_) => News::Routes,
            _ => return None,
        },
        _ => return None,
    })
}

/// Bridges and IPv6 send link messages of their own, which say little and would erase the rest.
fn is_whole(link: &LinkMessage) -> bool {
    link.header.interface_family == AddressFamily::Unspec
}

fn read_neighbour(message: &NeighbourMessage) -> Option<Neighbour> {
    let mut address = None;
    let mut mac = None;
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => {
                address = Some(IpAddr::V4(*v4));
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => {
                address = Some(IpAddr::V6(*v6));
            }
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes[..].try_into().ok(),
            _ => {}
        }
    }
    let state = message.header.state;
    let silent = matches!(state, NeighbourState::None | NeighbourState::Incomplete | NeighbourState::Failed);
    Some(Neighbour {
        interface: message.header.ifindex,
        address: address?,
        mac: mac.filter(|_| !silent),
        state,
    })
}

fn read_address(message: &AddressMessage) -> Option<IpNet> {
    // On a point-to-point link `Address` is the other end and `Local` this one.
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = local.or_else(|| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    IpNet::new(address, message.header.prefix_len).ok()
}

fn read_route(address: IpAddr, message: &RouteMessage) -> Result<Route, Unreachable> {
    match message.header.kind {
        RouteType::Unicast => {}
        RouteType::Local | RouteType::Anycast => return Err(Unreachable::Local(address)),
        RouteType::BlackHole | RouteType::Unreachable | RouteType::Prohibit => {
            return Err(Unreachable::Forbidden(address));
        }
        _ => return Err(Unreachable::NoRoute(address)),
    }
    let mut route = Route { interface: 0, gateway: None, source: None, mtu: None };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => route.interface = *index,
            RouteAttribute::Gateway(gateway) => route.gateway = plain(gateway),
            RouteAttribute::Via(RouteVia::Inet(v4)) => route.gateway = Some(IpAddr::V4(*v4)),
            RouteAttribute::Via(RouteVia::Inet6(v6)) => route.gateway = Some(IpAddr::V6(*v6)),
            RouteAttribute::PrefSource(source) => route.source = plain(source),
            RouteAttribute::Metrics(metrics) => {
                route.mtu = metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(mtu) => Some(*mtu),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    if route.interface == 0 { Err(Unreachable::NoRoute(address)) } else { Ok(route) }
}

fn plain(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}
