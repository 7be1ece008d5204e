//! The services that are measured: each with a hundred backends of its own.

use statex_agent::kernel::growth;

use super::case::Flows;
use crate::doubles::{ServicePlan, World};

/// How many services there are, and backends of each.
pub(super) const SERVICES: usize = 8;
pub(super) const BACKENDS: usize = 100;
/// Slots of each ring.
pub(super) const RING_SLOTS: u32 = 65_537;
/// So many lines of five flows that a million flows find a place each, but for one in a few hundred.
const FLOW_LINES: u32 = 1 << 20;

pub(super) const TCP: &str = "10.200.0.1:80";
pub(super) const UDP: &str = "10.200.0.1:53";
pub(super) const TCP_V6: &str = "[2001:db8:f::1]:80";
pub(super) const FLOODED: &str = "10.200.0.2:80";
pub(super) const QUIC: &str = "10.200.0.3:443";
pub(super) const GUE: &str = "10.200.0.4:80";
pub(super) const L2: &str = "10.200.0.5:80";
pub(super) const NAT: &str = "10.200.0.6:80";
/// No service has it.
pub(super) const NOBODY: &str = "10.200.0.99:80";

/// The address of the node that translated flows use.
pub(super) const NAT_ADDRESS: &str = "10.0.0.9";

/// A QUIC connection id of the backend with this number in its service: rotation 0, a server id of two
/// bytes, and a nonce.
pub(super) fn connection_id(backend: u8) -> Vec<u8> {
    [&[0x0e, 0x0a, backend][..], &[0x5e; 12]].concat()
}

/// What the services are loaded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    Everything,
    /// The node has no address for translated flows: their service is there, but drops all packets.
    WithoutNat,
}

/// All services.
pub(super) fn world(scene: Scene) -> World {
    let v4 = |place: usize| format!("10.1.{place}.1");
    let v6 = |place: usize| format!("2001:db8:b::{place:x}");
    let ipip = |service: ServicePlan| each(service, |service, place| service.ipip(&v4(place)));
    let quic = each(ServicePlan::udp(QUIC).quic(), |service, place| {
        service.ipip(&v4(place)).that(|backend| backend.server_id = vec![0x0a, place as u8])
    });
    let world = match scene {
        Scene::Everything => World::new().nat_address(NAT_ADDRESS),
        Scene::WithoutNat => World::new(),
    };
    world
        .with(ipip(ServicePlan::tcp(TCP)))
        .with(ipip(ServicePlan::udp(UDP)))
        .with(each(ServicePlan::tcp(TCP_V6), |service, place| service.ipip(&v6(place))))
        .with(ipip(ServicePlan::tcp(FLOODED).flow_rate(0)))
        .with(quic)
        .with(each(ServicePlan::tcp(GUE), |service, place| service.gue(&v4(place))))
        .with(each(ServicePlan::tcp(L2), |service, place| service.l2(&v4(place))))
        .with(each(ServicePlan::tcp(NAT), |service, place| service.nat(&format!("{}:8080", v4(place)))))
        .quic_rotation(0, 2)
        .settings(|settings| {
            settings.flow_lines = FLOW_LINES;
            settings.ring_slots = RING_SLOTS;
            settings.nat_ports = 8;
            settings.outer_v4_vary = [0, 0, 0xff, 0xff];
        })
}

/// All services, with as much of the flow table in use as an agent lets so many flows have. Flows of one packet
/// each are not confirmed, so for them the table does not grow.
pub(super) fn holding(scene: Scene, flows: Flows) -> World {
    let mut world = world(scene);
    if let Flows::Number(number) = flows {
        world.flow_masks = Some(growth::enough_for(number, FLOW_LINES - 1));
    }
    world
}

fn each(service: ServicePlan, add: impl Fn(ServicePlan, usize) -> ServicePlan) -> ServicePlan {
    (1..=BACKENDS).fold(service, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_all_its_backends() {
        let services = world(Scene::Everything).services;
        assert_eq!(services.len(), SERVICES);
        assert!(services.iter().all(|service| service.backends.len() == BACKENDS));
    }
}
