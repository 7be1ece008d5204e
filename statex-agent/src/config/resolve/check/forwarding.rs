//! Whether a service's forward mode, pool and backends go together.

use super::pool_of;
use crate::config::error::{Report, did_you_mean};
use crate::config::meant::{Config, Forward, PortMatch, Probe, Protocol};
use crate::config::resolve::{Pool, Service};
use crate::config::written::{Root, quoted};

/// Smallest MTU of a link that carries IPv6 (RFC 8200 §5).
const IPV6_MIN_MTU: u16 = 1280;

pub(super) fn check(
    root: &Root,
    config: &Config,
    pools: &[Pool<'_>],
    services: &[Service<'_>],
    report: &mut Report,
) {
    pools_exist(root, report);
    for service in services {
        has_a_pool_or_is_local(service, report);
        has_what_it_needs(root, config, service, report);
        if let Some(pool) = pool_of(service, pools) {
            families_agree(service, pool, report);
            ports_can_be_reached(service, pool, report);
            ring_is_long_enough(service, pool, report);
            mtu_leaves_room(service, pool, report);
            connection_ids_name_backends(service, pool, report);
        }
    }
    for pool in pools {
        let name = pool.meant.name.as_str();
        let by_services = services.iter().filter_map(|service| service.meant.pool.as_deref());
        if !by_services.chain(config.proxy.pools()).any(|used| used == name) {
            report.warn(&pool.written.name.place, "no service and no route uses this pool");
        }
    }
}

/// Asks as written, so that a service is checked even if the rest of it makes no sense.
fn pools_exist(root: &Root, report: &mut Report) {
    // Where a pool's name could not be read, it may be the one that is looked for.
    let names: Option<Vec<&str>> =
        root.pool.list().iter().map(|pool| pool.value.name.given().map(String::as_str)).collect();
    let Some(names) = names else { return };
    for key in root.service.list().iter().map(|service| &service.value.pool) {
        let Some(name) = key.given().filter(|name| !names.contains(&name.as_str())) else { continue };
        let advice =
            if names.is_empty() { "; add a [[pool]]".to_owned() } else { did_you_mean(name, &names) };
        report.error(&key.place, format!("no pool has the name {}{advice}", quoted(name)));
    }
}

fn has_a_pool_or_is_local(Service { written, meant }: &Service<'_>, report: &mut Report) {
    match meant.forward {
        Forward::Local if meant.pool.is_some() => {
            let advice = "remove the pool, or choose another mode";
            report.error(&written.pool.place, format!("forward = \"local\" stays on this node; {advice}"));
        }
        Forward::Local => {}
        forward => {
            written.pool.required(report, &format!("forward = \"{forward}\" needs a pool of backends"));
        }
    }
}

fn has_what_it_needs(
    root: &Root,
    config: &Config,
    Service { written, meant }: &Service<'_>,
    report: &mut Report,
) {
    let (family, nat_addresses) = match meant.destination.is_ipv4() {
        true => ("IPv4", config.nat.ipv4.len()),
        false => ("IPv6", config.nat.ipv6.len()),
    };
    if meant.forward == Forward::Nat && nat_addresses == 0 {
        let message = format!(
            "nat needs an {family} address of the node's own to translate to; add it to nat.addresses"
        );
        report.error(&written.forward.place, message);
    }
    if meant.quic && config.quic.is_empty() && root.quic.or_empty().id.is_absent() {
        report.error(&written.quic.place, "no [[quic.id]] says how connection ids are made; add one");
    }
}

fn families_agree(Service { meant, .. }: &Service<'_>, pool: &Pool<'_>, report: &mut Report) {
    if !matches!(meant.forward, Forward::L2 | Forward::Nat) {
        return;
    }
    for (written, backend) in pool.backends.iter().zip(&pool.meant.backends) {
        if backend.address.is_ipv4() != meant.destination.is_ipv4() {
            let message = format!(
                "{} and the address of service \"{}\" ({}) are of two families, which {} cannot bridge; use ipip or gue",
                backend.address, meant.name, meant.destination, meant.forward
            );
            report.error(&written.address.place, message);
        }
    }
}

fn ports_can_be_reached(Service { meant, .. }: &Service<'_>, pool: &Pool<'_>, report: &mut Report) {
    for (written, backend) in pool.backends.iter().zip(&pool.meant.backends) {
        let Some(port) = backend.port else { continue };
        if meant.forward != Forward::Nat && meant.port != PortMatch::One(port) {
            let message = format!(
                "{port} is not the port of service \"{}\" ({}), and {} cannot translate ports; remove it, or use nat",
                meant.name, meant.port, meant.forward
            );
            report.error(&written.port.place, message);
        }
    }
    let Some(health) = &pool.meant.health else { return };
    if meant.port == PortMatch::Any
        && health.port.is_none()
        && pool.meant.backends.iter().any(|b| b.port.is_none())
    {
        let place = pool.written.health.place.key("port");
        report.error(
            &place,
            format!("missing; service \"{}\" takes any port, so say which one to probe", meant.name),
        );
    }
    if let (Probe::Udp { .. }, PortMatch::One(port), Protocol::Tcp, None) =
        (&health.probe, meant.port, meant.protocol, health.port)
    {
        let message = format!(
            "a udp probe to port {port} of service \"{}\", which is tcp; give another port or kind",
            meant.name
        );
        report.warn(&pool.written.health.place.key("kind"), message);
    }
}

fn ring_is_long_enough(Service { written, meant }: &Service<'_>, pool: &Pool<'_>, report: &mut Report) {
    let backends = pool.meant.backends.len();
    let slots = meant.ring_slots as usize;
    if slots < backends {
        let message = format!(
            "{slots} slots cannot hold the {backends} backends of pool \"{}\"; give more",
            pool.meant.name
        );
        report.error(&written.ring_slots.place, message);
    } else if slots < 10 * backends {
        let message = format!(
            "{slots} slots spread flows unevenly over {backends} backends; give ten a backend or more"
        );
        report.warn(&written.ring_slots.place, message);
    }
}

fn mtu_leaves_room(Service { written, meant }: &Service<'_>, pool: &Pool<'_>, report: &mut Report) {
    let Some(mtu) = meant.mtu.filter(|_| !meant.destination.is_ipv4()) else { return };
    let outer = if pool.meant.backends.iter().any(|backend| backend.address.is_ipv6()) { 40 } else { 20 };
    let overhead = match meant.forward {
        Forward::Ipip => outer,
        Forward::Gue => outer + 8,
        Forward::L2 | Forward::Nat | Forward::Local => 0,
    };
    let least = IPV6_MIN_MTU + overhead;
    if mtu < least {
        let message = format!(
            "{mtu} leaves IPv6 less than the {IPV6_MIN_MTU} bytes that it must have; give {least} or more"
        );
        report.error(&written.mtu.place, message);
    }
}

fn connection_ids_name_backends(Service { meant, .. }: &Service<'_>, pool: &Pool<'_>, report: &mut Report) {
    if !meant.quic {
        return;
    }
    for (written, backend) in pool.backends.iter().zip(&pool.meant.backends) {
        if backend.server_id.is_empty() {
            let message = format!(
                "missing; without a server id, connections of service \"{}\" break when a client's address changes",
                meant.name
            );
            report.warn(&written.server_id.place, message);
        }
    }
}
