//! The laboratory: hosts made of namespaces, in which real sockets meet a real node.
//!
//! ```text
//! client1 ── 198.18.1.0/24 ──┐         ┌── lan ── 198.18.0.0/24 ──┬── node      .2
//!                            ├─ router ┤                          ├── backend1  .11
//! client2 ── 198.18.2.0/24 ──┘         └── far ── 198.18.9.0/24   ├── backend2  .12
//!                                          (other layouts)        └── backend3  .13
//! ```
//! Segment N is also fd00:0:0:N::/64, and the router is host 1 everywhere. `lan` and `far` are bridges inside the
//! router. Replies of backends go through the router straight to the clients.

mod binary;
mod link;
mod namespace;
mod pass;
mod plan;
mod reactor;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aya::Ebpf;

pub use binary::{BINARIES, binary};
pub use link::{ip, join};
pub use namespace::{Namespace, Place};
pub use pass::attach_pass;
pub use plan::{Addresses, BACKENDS, CLIENTS, Family, Layout, VIRTUAL_PREFIXES, virtual_address};
pub use reactor::Reactor;

use plan::Segment;

/// MTU of links to clients, in bytes.
pub const MTU: u32 = 1500;
/// MTU of `lan` and `far`, in bytes: a client's full packet and the largest tunnel header.
pub const LAN_MTU: u32 = 1600;

/// One host.
#[derive(Debug)]
pub struct Host {
    pub name: String,
    /// Its address on its first segment.
    pub addresses: Addresses,
    pub namespace: Namespace,
}

/// Kernel parameters of every host: no wait for duplicate address detection, no filters that would stop replies
/// with a virtual address, no limit on ICMP errors, and word to the neighbours when a MAC changes.
const EVERYWHERE: &[(&str, &str)] = &[
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/accept_redirects", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/ipv4/conf/default/arp_notify", "1"),
    ("net/ipv6/conf/default/ndisc_notify", "1"),
    ("net/ipv4/icmp_ratelimit", "0"),
    ("net/ipv6/icmp/ratelimit", "0"),
    ("net/ipv4/ip_local_port_range", "1024 65535"),
    // Every new connection of a run is a real one, even when ports come round again.
    ("net/ipv4/tcp_tw_reuse", "1"),
];

const ROUTER: &[(&str, &str)] = &[("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1")];

/// All hosts, joined. Dropping it takes everything away.
#[derive(Debug)]
pub struct Lab {
    pub router: Host,
    pub clients: Vec<Host>,
    pub node: Host,
    pub backends: Vec<Host>,
    _passes: Vec<Ebpf>,
}

impl Lab {
    /// Lays the laboratory.
    ///
    /// # Errors
    /// When the process is not root, or `ip`, `veth` or `bridge` is missing.
    pub fn up(layout: Layout) -> Result<Self> {
        let router = Host::new("router", Segment::LAN.router())?;
        router.namespace.set_sysctls(ROUTER)?;
        for (bridge, segment) in [("lan", Segment::LAN), ("far", Segment::FAR)] {
            ip(
                &router.namespace,
                &format!(
                    "link add {bridge} mtu {LAN_MTU} type bridge mcast_snooping 0\nlink set {bridge} up\n"
                ),
            )?;
            address(&router, bridge, segment.router())?;
        }

        let clients = (0..CLIENTS).map(|index| client(&router, index)).collect::<Result<_>>()?;
        let node = on_bridge(&router, "node", "lan", Segment::LAN, 2)?;
        let (bridge, segment) = match layout {
            Layout::Shared => ("lan", Segment::LAN),
            Layout::Routed | Layout::TwoLegged => ("far", Segment::FAR),
        };
        let mut passes = vec![attach_pass(&router.namespace, "node")?];
        if layout == Layout::TwoLegged {
            plug(&router, &node, "eth1", "node-far", "far", segment.host(2))?;
            passes.push(attach_pass(&router.namespace, "node-far")?);
        }
        let backend = |number| on_bridge(&router, &format!("backend{number}"), bridge, segment, 10 + number);
        let backends = (1..=BACKENDS as u8).map(backend).collect::<Result<_>>()?;
        route_virtual_addresses(&router, node.addresses)?;
        Ok(Self { router, clients, node, backends, _passes: passes })
    }

    /// All hosts by name.
    pub fn hosts(&self) -> BTreeMap<&str, &Host> {
        let single = [&self.router, &self.node];
        let all = single.into_iter().chain(&self.clients).chain(&self.backends);
        all.map(|host| (host.name.as_str(), host)).collect()
    }

    /// Takes the node's interface down and up again; what the kernel forgets of it is configured anew.
    pub fn bounce_node(&self) -> Result<()> {
        self.node.namespace.set_sysctls(&[("net/ipv6/conf/eth0/keep_addr_on_down", "1")])?;
        ip(&self.node.namespace, "link set eth0 down\nlink set eth0 up\n")?;
        default_route(&self.node, Segment::LAN.router())
    }

    /// Makes the router pass packets of at most `mtu` bytes on to the client with this index, as a narrow link on
    /// the way would: larger ones are answered by ICMP errors.
    pub fn narrow_path(&self, client: usize, mtu: u32) -> Result<()> {
        let (segment, link) = (Segment::of_client(client), format!("client{}", client + 1));
        let Addresses { v4, v6 } = segment.host(0);
        ip(
            &self.router.namespace,
            &format!(
                "route replace {v4}/24 dev {link} mtu lock {mtu}\nroute replace {v6}/64 dev {link} mtu lock {mtu}\n"
            ),
        )
    }
}

impl Host {
    fn new(name: &str, addresses: Addresses) -> Result<Self> {
        let namespace = Namespace::new()?;
        namespace.set_sysctls(EVERYWHERE).with_context(|| format!("host {name}"))?;
        ip(&namespace, "link set lo up\n")?;
        Ok(Self { name: name.to_owned(), addresses, namespace })
    }
}

fn client(router: &Host, index: usize) -> Result<Host> {
    let segment = Segment::of_client(index);
    let host = Host::new(&format!("client{}", index + 1), segment.host(2))?;
    link::join((&router.namespace, &host.name), (&host.namespace, "eth0"), MTU)?;
    address(router, &host.name, segment.router())?;
    address(&host, "eth0", host.addresses)?;
    default_route(&host, segment.router())?;
    Ok(host)
}

fn on_bridge(router: &Host, name: &str, bridge: &str, segment: Segment, number: u8) -> Result<Host> {
    let host = Host::new(name, segment.host(number))?;
    plug(router, &host, "eth0", name, bridge, host.addresses)?;
    default_route(&host, segment.router())?;
    Ok(host)
}

fn plug(
    router: &Host,
    host: &Host,
    interface: &str,
    port: &str,
    bridge: &str,
    addresses: Addresses,
) -> Result<()> {
    link::join((&router.namespace, port), (&host.namespace, interface), LAN_MTU)?;
    ip(&router.namespace, &format!("link set {port} master {bridge}\n"))?;
    address(host, interface, addresses)
}

fn address(host: &Host, interface: &str, Addresses { v4, v6 }: Addresses) -> Result<()> {
    ip(
        &host.namespace,
        &format!("address add {v4}/24 dev {interface}\naddress add {v6}/64 dev {interface} nodad\n"),
    )
}

fn default_route(host: &Host, Addresses { v4, v6 }: Addresses) -> Result<()> {
    ip(
        &host.namespace,
        &format!("route replace default via {v4} mtu {MTU}\nroute replace default via {v6} mtu {MTU}\n"),
    )
}

fn route_virtual_addresses(router: &Host, node: Addresses) -> Result<()> {
    let [v4, v6] = VIRTUAL_PREFIXES;
    ip(&router.namespace, &format!("route add {v4} via {}\nroute add {v6} via {}\n", node.v4, node.v6))
}
