//! A small load balancer's configuration, in words: what a spec is given.

use std::net::{IpAddr, SocketAddr};

use statex_common::abi::{BackendState, FlowMasks, Mode, NextHop};

use super::Bytes;
use crate::packet::{Mac, protocol};

/// Services with their backends, and everything else that an agent would write into the tables.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub services: Vec<ServicePlan>,
    /// Denied source prefixes: address and length.
    pub denied: Vec<(IpAddr, u8)>,
    /// Lengths of server ids, one a configuration rotation; 0 switches a rotation off.
    pub quic_rotations: [u8; 7],
    /// Inner destinations that `statex backend` takes encapsulation off for.
    pub decapsulated: Vec<IpAddr>,
    /// Addresses of the node that translated flows use.
    pub nat_addresses: Vec<IpAddr>,
    /// The part of the flow table in use; None is the least.
    pub flow_masks: Option<FlowMasks>,
    pub settings: Settings,
}

/// What stands in frozen read-only data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Lines of the flow table: a power of two, at least 256.
    pub flow_lines: u32,
    /// Slots of each service's ring.
    pub ring_slots: u32,
    /// How many ports translated flows use.
    pub nat_ports: u32,
    pub udp_idle_s: u32,
    pub tcp_idle_s: u32,
    /// Bits of the outer IPv4 source that vary with the flow.
    pub outer_v4_vary: [u8; 4],
    /// Bits of the last four bytes of the outer IPv6 source that vary with the flow.
    pub outer_v6_vary: [u8; 4],
    /// One flow event in so many is told; 0: none.
    pub event_sample: u32,
}

/// A virtual address, port and protocol with its backends.
#[derive(Clone, Debug)]
pub struct ServicePlan {
    pub addr: IpAddr,
    /// Length of a virtual prefix; `None` is one address.
    pub prefix: Option<u8>,
    /// `None` is any port.
    pub port: Option<u16>,
    pub protocol: u8,
    pub local: bool,
    pub affinity: bool,
    pub quic: bool,
    /// New flows per second past which flows are not remembered.
    pub flow_rate: Option<u32>,
    /// New flows per second and burst from one source prefix.
    pub source_rate: Option<(u32, u32)>,
    pub backends: Vec<BackendPlan>,
}

/// One backend of one service.
#[derive(Clone, Debug)]
pub struct BackendPlan {
    pub id: u16,
    pub generation: u8,
    pub state: BackendState,
    /// Whether the ring names it: a draining backend is alive, but not in the ring.
    pub in_ring: bool,
    pub mode: Mode,
    pub addr: IpAddr,
    /// Only `nat` translates to it.
    pub port: u16,
    pub mac: Mac,
    pub vlan: u16,
    /// 0: no next hop.
    pub interface: u32,
    /// Longest IP packet on the way to the backend, the encapsulation included.
    pub path_mtu: u16,
    pub server_id: Vec<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            flow_lines: 256,
            ring_slots: 16,
            nat_ports: 8,
            udp_idle_s: 30,
            tcp_idle_s: 3600,
            outer_v4_vary: [0; 4],
            outer_v6_vary: [0; 4],
            event_sample: 0,
        }
    }
}

impl World {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, mut service: ServicePlan) -> Self {
        let taken: usize = self.services.iter().map(|service| service.backends.len()).sum();
        for (place, backend) in service.backends.iter_mut().enumerate() {
            backend.id = (taken + place + 1) as u16;
            backend.mac = Mac::backend(backend.id as u8);
        }
        self.services.push(service);
        self
    }

    #[must_use]
    pub fn deny(mut self, prefix: &str) -> Self {
        let (addr, bits) = prefix.split_once('/').expect("a prefix has a slash");
        self.denied.push((address(addr), bits.parse().expect("a prefix length")));
        self
    }

    /// Connection ids of the rotation carry server ids of this many bytes.
    #[must_use]
    pub fn quic_rotation(mut self, rotation: usize, server_id_len: u8) -> Self {
        self.quic_rotations[rotation] = server_id_len;
        self
    }

    #[must_use]
    pub fn decapsulates(mut self, addr: &str) -> Self {
        self.decapsulated.push(address(addr));
        self
    }

    /// An address of the node that translated flows use; IPv4 ones come first.
    #[must_use]
    pub fn nat_address(mut self, addr: &str) -> Self {
        self.nat_addresses.push(address(addr));
        self.nat_addresses.sort_by_key(IpAddr::is_ipv6);
        self
    }

    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// The backend with this address, in the first service that has it.
    pub fn backend(&mut self, addr: &str) -> &mut BackendPlan {
        let wanted = address(addr);
        let mut backends = self.services.iter_mut().flat_map(|service| &mut service.backends);
        backends.find(|backend| backend.addr == wanted).unwrap_or_else(|| panic!("no backend {addr}"))
    }

    /// No new flows; those that run go on.
    pub fn drain(&mut self, addr: &str) {
        self.backend(addr).in_ring = false;
    }

    /// Health checks gave it up.
    pub fn kill(&mut self, addr: &str) {
        let backend = self.backend(addr);
        backend.state = BackendState::Dead;
        backend.in_ring = false;
    }

    /// It is no longer configured.
    pub fn remove(&mut self, addr: &str) {
        let backend = self.backend(addr);
        backend.state = BackendState::Free;
        backend.in_ring = false;
    }

    /// Another backend gets the id of one that was removed.
    pub fn reuse_id(&mut self, old: &str, new: &str) {
        let backend = self.backend(old);
        backend.addr = address(new);
        backend.generation += 1;
        backend.state = BackendState::Alive;
        backend.in_ring = true;
    }
}

impl ServicePlan {
    /// TCP at `address:port`, `address:*`, `prefix/length:port` or `prefix/length:*`; IPv6 in brackets.
    pub fn tcp(at: &str) -> Self {
        Self::new(at, protocol::TCP)
    }

    /// UDP, written as for [`ServicePlan::tcp`].
    pub fn udp(at: &str) -> Self {
        Self::new(at, protocol::UDP)
    }

    fn new(at: &str, protocol: u8) -> Self {
        let (place, port) = at.rsplit_once(':').expect("a service has a port or *");
        let place = place.trim_start_matches('[').trim_end_matches(']');
        let (addr, prefix) = match place.split_once('/') {
            Some((addr, bits)) => (addr, Some(bits.parse().expect("a prefix length"))),
            None => (place, None),
        };
        Self {
            addr: address(addr),
            prefix,
            port: (port != "*").then(|| port.parse().expect("a port")),
            protocol,
            local: false,
            affinity: false,
            quic: false,
            flow_rate: None,
            source_rate: None,
            backends: Vec::new(),
        }
    }

    #[must_use]
    pub fn ipip(self, addr: &str) -> Self {
        self.backend(Mode::Ipip, addr, 0)
    }

    #[must_use]
    pub fn gue(self, addr: &str) -> Self {
        self.backend(Mode::Gue, addr, 0)
    }

    #[must_use]
    pub fn l2(self, addr: &str) -> Self {
        self.backend(Mode::L2, addr, 0)
    }

    /// A backend at `address:port` that gets translated packets.
    #[must_use]
    pub fn nat(self, at: &str) -> Self {
        let at: SocketAddr = at.parse().expect("an address:port");
        self.backend(Mode::Nat, &at.ip().to_string(), at.port())
    }

    #[must_use]
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    #[must_use]
    pub fn affinity(mut self) -> Self {
        self.affinity = true;
        self
    }

    #[must_use]
    pub fn quic(mut self) -> Self {
        self.quic = true;
        self
    }

    #[must_use]
    pub fn flow_rate(mut self, per_second: u32) -> Self {
        self.flow_rate = Some(per_second);
        self
    }

    #[must_use]
    pub fn source_rate(mut self, per_second: u32, burst: u32) -> Self {
        self.source_rate = Some((per_second, burst));
        self
    }

    /// Changes the backend that was added last.
    #[must_use]
    pub fn that(mut self, change: impl FnOnce(&mut BackendPlan)) -> Self {
        change(self.backends.last_mut().expect("a backend"));
        self
    }

    fn backend(mut self, mode: Mode, addr: &str, port: u16) -> Self {
        self.backends.push(BackendPlan {
            id: 0,
            generation: 0,
            state: BackendState::Alive,
            in_ring: true,
            mode,
            addr: address(addr),
            port,
            mac: Mac::backend(0),
            vlan: NextHop::KEEP,
            interface: Bytes::INTERFACE,
            path_mtu: 1500,
            server_id: Vec::new(),
        });
        self
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}: not an IP address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_in_every_form() {
        let place = |at| {
            let service = ServicePlan::tcp(at);
            (service.addr.to_string(), service.prefix, service.port)
        };
        assert_eq!(place("10.0.0.1:80"), ("10.0.0.1".into(), None, Some(80)));
        assert_eq!(place("10.0.0.0/24:*"), ("10.0.0.0".into(), Some(24), None));
        assert_eq!(place("[2001:db8::/64]:443"), ("2001:db8::".into(), Some(64), Some(443)));
    }

    #[test]
    fn backend_ids_count_through_all_services() {
        let one = ServicePlan::tcp("10.0.0.1:80").ipip("10.1.0.1").ipip("10.1.0.2");
        let two = ServicePlan::tcp("10.0.0.2:80").ipip("10.1.0.3");
        assert_eq!(World::new().with(one).with(two).backend("10.1.0.3").id, 3);
    }
}
