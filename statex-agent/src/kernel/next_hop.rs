//! From route, interface and neighbour to the Ethernet header that reaches a backend: pure.
//!
//! ```text
//! backend address ─ route ─┬─ interface (or the parent of a VLAN device)
//!                          └─ gateway, or the address itself ─ neighbour ─ MAC
//! ```

use std::{collections::HashMap, net::IpAddr};

use super::links::{Links, Mac};

/// The kernel's answer to "how do I reach this address".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Index of the interface that the packet leaves by.
    pub interface: u32,
    /// None when the address is on the link itself.
    pub gateway: Option<IpAddr>,
    /// The address that this host would send from.
    pub source: Option<IpAddr>,
    /// A path MTU that is smaller than the interface's.
    pub mtu: Option<u32>,
}

/// How frames get to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Index of the interface that the frame leaves by; for a VLAN device its parent.
    pub interface: u32,
    /// The tag to put on, when the route goes through a VLAN device.
    pub vlan: Option<u16>,
    /// Destination of the frame.
    pub mac: Mac,
    /// Source of the frame: the interface's own address.
    pub source_mac: Mac,
    /// Source address for an outer header; unspecific configuration may override it.
    pub source: Option<IpAddr>,
    /// Bytes that the path takes, without the Ethernet header.
    pub mtu: u32,
}

/// A next hop that the operator has written down; it wins over route and neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub mac: Mac,
    /// Name of the interface; None takes the one that the route says.
    pub interface: Option<String>,
}

/// Why there is no next hop.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unreachable {
    #[error("no route to {0}")]
    NoRoute(IpAddr),
    #[error("{0} is an address of this node; forward mode `local` is for that")]
    Local(IpAddr),
    #[error("a route forbids {0} (blackhole, unreachable or prohibit)")]
    Forbidden(IpAddr),
    #[error("asking for a route to {address} failed: {why}")]
    Failed { address: IpAddr, why: String },
    #[error("the interface of the next hop (\"{0}\") does not exist")]
    NoInterface(String),
    #[error("interface {0} is down")]
    Down(String),
    #[error("interface {0} has no Ethernet header; a backend must be reached by an Ethernet interface")]
    NotEthernet(String),
    #[error("{neighbour} does not answer on {interface} (no MAC address known)")]
    Unresolved { neighbour: IpAddr, interface: String },
}

/// MAC addresses known, by interface index and address on that link.
pub type Neighbours = HashMap<(u32, IpAddr), Mac>;

/// Puts route, interface and neighbour together.
///
/// # Errors
///
/// The first of the three that is missing or of no use.
pub fn resolve(
    address: IpAddr,
    route: Result<Route, Unreachable>,
    fixed: Option<&Fixed>,
    links: &Links,
    neighbours: &Neighbours,
) -> Result<NextHop, Unreachable> {
    let pinned = fixed.and_then(|fixed| fixed.interface.as_deref());
    let link = match (pinned, &route) {
        (Some(name), _) => links.named(name).map_err(|_| Unreachable::NoInterface(name.to_owned()))?,
        (None, Ok(route)) => links
            .get(route.interface)
            .ok_or_else(|| Unreachable::NoInterface(format!("index {}", route.interface)))?,
        (None, Err(why)) => return Err(why.clone()),
    };
    if !link.up {
        return Err(Unreachable::Down(link.name.clone()));
    }
    let source_mac = link.mac.ok_or_else(|| Unreachable::NotEthernet(link.name.clone()))?;
    let route = route.ok();
    let gateway = route.and_then(|route| route.gateway).unwrap_or(address);
    let mac = match fixed {
        Some(fixed) => fixed.mac,
        None => *neighbours
            .get(&(link.index, gateway))
            .ok_or_else(|| Unreachable::Unresolved { neighbour: gateway, interface: link.name.clone() })?,
    };
    Ok(NextHop {
        interface: link.vlan.map_or(link.index, |vlan| vlan.parent),
        vlan: link.vlan.map(|vlan| vlan.id),
        mac,
        source_mac,
        source: route.and_then(|route| route.source).or_else(|| source_on(link, address)),
        mtu: route.and_then(|route| route.mtu).unwrap_or(link.mtu).min(link.mtu),
    })
}

/// An address of the interface that is of the backend's family, for a pinned next hop without a
/// route.
fn source_on(link: &super::links::Link, address: IpAddr) -> Option<IpAddr> {
    let same_family = |candidate: &IpAddr| candidate.is_ipv4() == address.is_ipv4();
    link.addresses.iter().map(|net| net.addr()).find(same_family)
}

/// The neighbour that must be kept fresh for this address; None for a pinned next hop.
pub fn watched(address: IpAddr, route: &Route, fixed: Option<&Fixed>) -> Option<(u32, IpAddr)> {
    fixed.is_none().then(|| (route.interface, route.gateway.unwrap_or(address)))
}

#[cfg(test)]
mod tests {
    use super::{
        super::links::{Link, Vlan, ethernet},
        *,
    };

    const MAC: Mac = [2, 9, 9, 9, 9, 9];

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn route(gateway: Option<&str>) -> Route {
        Route { interface: 2, gateway: gateway.map(ip), source: Some(ip("10.0.0.1")), mtu: None }
    }

    fn links() -> Links {
        let mut links = Links::default();
        links.put(ethernet(2, "eth0"));
        links.put(Link { up: false, ..ethernet(3, "eth1") });
        links.put(Link { vlan: Some(Vlan { parent: 2, id: 42 }), ..ethernet(4, "eth0.42") });
        links.put(Link { mac: None, ..ethernet(5, "tun0") });
        links
    }

    fn known(interface: u32, address: &str) -> Neighbours {
        HashMap::from([((interface, ip(address)), MAC)])
    }

    fn hop(route: Route, neighbours: &Neighbours) -> Result<NextHop, Unreachable> {
        resolve(ip("10.0.0.9"), Ok(route), None, &links(), neighbours)
    }

    #[test]
    fn backend_on_the_link_is_its_own_neighbour() {
        let hop = hop(route(None), &known(2, "10.0.0.9")).unwrap();
        assert_eq!((hop.interface, hop.mac, hop.mtu), (2, MAC, 1500));
    }

    #[test]
    fn gateway_stands_for_the_backend_behind_it() {
        let neighbours = known(2, "10.0.0.254");
        assert_eq!(hop(route(Some("10.0.0.254")), &neighbours).unwrap().mac, MAC);
    }

    #[test]
    fn vlan_device_gives_parent_and_tag() {
        let via = Route { interface: 4, ..route(None) };
        let hop = hop(via, &known(4, "10.0.0.9")).unwrap();
        assert_eq!((hop.interface, hop.vlan), (2, Some(42)));
    }

    #[test]
    fn smaller_path_mtu_wins() {
        let narrow = Route { mtu: Some(1400), ..route(None) };
        assert_eq!(hop(narrow, &known(2, "10.0.0.9")).unwrap().mtu, 1400);
    }

    #[test]
    fn what_is_missing_is_said() {
        let unresolved = hop(route(None), &Neighbours::new()).unwrap_err().to_string();
        assert_eq!(unresolved, "10.0.0.9 does not answer on eth0 (no MAC address known)");
        let down = hop(Route { interface: 3, ..route(None) }, &Neighbours::new());
        assert_eq!(down, Err(Unreachable::Down("eth1".into())));
        let tunnel = hop(Route { interface: 5, ..route(None) }, &Neighbours::new());
        assert_eq!(tunnel, Err(Unreachable::NotEthernet("tun0".into())));
    }

    #[test]
    fn fixed_next_hop_needs_neither_route_nor_neighbour() {
        let fixed = Fixed { mac: MAC, interface: Some("eth0".into()) };
        let no_route = Err(Unreachable::NoRoute(ip("10.0.0.9")));
        let hop = resolve(ip("10.0.0.9"), no_route, Some(&fixed), &links(), &Neighbours::new());
        assert_eq!(hop.unwrap().mac, MAC);
    }

    #[test]
    fn fixed_mac_wins_over_the_neighbour() {
        let fixed = Fixed { mac: [2; 6], interface: None };
        let neighbours = known(2, "10.0.0.9");
        let hop = resolve(ip("10.0.0.9"), Ok(route(None)), Some(&fixed), &links(), &neighbours);
        assert_eq!(hop.unwrap().mac, [2; 6]);
        assert_eq!(watched(ip("10.0.0.9"), &route(None), Some(&fixed)), None);
    }
}
