//! Addresses that would mean two things.

use std::net::IpAddr;

use super::pool_of;
use crate::config::error::Report;
use crate::config::meant::{Config, Destination, Forward, PortMatch};
use crate::config::resolve::{Pool, Service, fit};
use crate::config::written::Root;

pub(super) fn check(
    root: &Root,
    config: &Config,
    pools: &[Pool<'_>],
    services: &[Service<'_>],
    report: &mut Report,
) {
    for service in services {
        if service.meant.forward != Forward::Local {
            let own = [config.node.ipv4.map(IpAddr::from), config.node.ipv6.map(IpAddr::from)];
            for address in own.into_iter().flatten() {
                clash(service, address, "the node's own address", report);
            }
        }
        for address in root.nat.or_empty().addresses.list() {
            clash(service, address.value, "one of nat.addresses", report);
        }
        if let Some(pool) = pool_of(service, pools) {
            for backend in &pool.meant.backends {
                clash(
                    service,
                    backend.address,
                    &format!("backend \"{}\" of its own pool", backend.name),
                    report,
                );
            }
        }
    }
    let forwarded = |pool: &&Pool<'_>| {
        services.iter().any(|service| service.meant.pool.as_ref() == Some(&pool.meant.name))
    };
    for pool in pools.iter().filter(forwarded) {
        // The proxy can speak to this host; no packet is forwarded to it.
        for (written, backend) in pool.backends.iter().zip(&pool.meant.backends) {
            fit::unicast(backend.address, &written.address.place, report);
        }
    }
    for service in services {
        for outer in services {
            shadow(service, outer, services, report);
        }
    }
}

/// An address of a service that is something else as well would be taken from that.
fn clash(Service { written, meant }: &Service<'_>, address: IpAddr, what: &str, report: &mut Report) {
    match meant.destination {
        Destination::Address(own) if own == address => {
            let message = format!("{address} is {what} too; give the service an address of its own");
            report.error(&written.address.place, message);
        }
        Destination::Prefix(prefix) if prefix.contains(&address) => {
            let message = format!("{prefix} holds {address}, which is {what}; the service takes its packets");
            report.warn(&written.prefix.place, message);
        }
        _ => {}
    }
}

/// The narrower of two virtual prefixes has its addresses to itself, all ports of them.
fn shadow(inner: &Service<'_>, outer: &Service<'_>, services: &[Service<'_>], report: &mut Report) {
    let (here, there) = (inner.meant.destination, outer.meant.destination);
    if here == there || !there.contains_all(&here) {
        return;
    }
    let served = |service: &Service<'_>| {
        let meant = &service.meant;
        let port = meant.port == outer.meant.port || meant.port == PortMatch::Any;
        meant.destination == here && meant.protocol == outer.meant.protocol && port
    };
    if !services.iter().any(served) {
        let outer = &outer.meant;
        let message = format!(
            "{here} lies in {there} of service \"{}\", whose port {} ({}) is not served there any more; serve it here too",
            outer.name, outer.port, outer.protocol
        );
        report.warn(inner.destination_place(), message);
    }
}
