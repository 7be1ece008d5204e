//! Whether everything fits the tables that `[limits]` asks for.

use std::collections::HashSet;

use super::pool_of;
use crate::config::error::{Place, Report};
use crate::config::meant::{Config, Forward};
use crate::config::resolve::{Pool, Service};
use crate::config::written::Root;

pub(super) fn check(
    root: &Root,
    config: &Config,
    pools: &[Pool<'_>],
    services: &[Service<'_>],
    report: &mut Report,
) {
    let limits = root.limits.or_empty();
    let mut fits = |place: &Place, limit: u32, needed: u64, what: &str| {
        if needed > u64::from(limit) {
            report.error(place, format!("{what} need {needed}, the limit is {limit}; raise it"));
        }
    };

    // One row for each service, each virtual address, and each address that nat translates to.
    let destinations: HashSet<_> = services.iter().map(|service| service.meant.destination).collect();
    let nat_addresses = config.nat.ipv4.len() + config.nat.ipv6.len();
    let rows = services.len() + destinations.len() + nat_addresses;
    fits(&limits.services.place, config.limits.services, rows as u64, "services and their addresses");

    let backends =
        services.iter().filter_map(|service| pool_of(service, pools)).map(|pool| pool.meant.backends.len());
    fits(
        &limits.backends.place,
        config.limits.backends,
        backends.sum::<usize>() as u64,
        "the backends of all services",
    );

    let rings =
        services.iter().filter(|s| s.meant.forward != Forward::Local).map(|s| u64::from(s.meant.ring_slots));
    let spare = rings.clone().max().unwrap_or(0);
    let what = "the rings of all services, and room to write the largest anew,";
    fits(&limits.ring_slots.place, config.limits.ring_slots, rings.sum::<u64>() + spare, what);
}
