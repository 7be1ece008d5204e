//! From as written to as meant: fills in defaults, then checks what needs more than one value.
//!
//! | file | |
//! |---|---|
//! | `node.rs`, `limits.rs`, `path.rs`, `pool.rs`, `health.rs`, `outlier.rs`, `heal.rs`, `workload.rs`, `service.rs` | tables, one by one; named as the types in `meant/` |
//! | `proxy/` | the proxy's tables |
//! | `fit.rs` | checks of single values: names, paths, addresses, duplicates |
//! | `check/` | checks between tables |
//!
//! Nothing here stops at a mistake. What could not be resolved is left out, and no mistake is reported
//! that only follows from another.

mod check;
mod fit;
mod heal;
mod health;
mod limits;
mod node;
mod outlier;
mod path;
mod pool;
mod proxy;
mod service;
mod workload;

use super::error::{Place, Report};
use super::meant::{self, Config};
use super::written::{self, Root};

/// A pool with what it was made from.
struct Pool<'a> {
    written: &'a written::Pool,
    /// As many as `meant` has backends, in the same order.
    backends: Vec<&'a written::Backend>,
    meant: meant::Pool,
}

/// A service with what it was made from.
struct Service<'a> {
    written: &'a written::Service,
    meant: meant::Service,
}

impl Service<'_> {
    /// Where the virtual address stands.
    fn destination_place(&self) -> &Place {
        if self.written.prefix.is_absent() { &self.written.address.place } else { &self.written.prefix.place }
    }
}

/// What a document means. Only if the report then holds no error is it complete.
pub(super) fn config(root: &Root, report: &mut Report) -> Config {
    let quic = path::quic(&root.quic.or_empty(), report);
    let mut config = Config {
        node: node::node(root, report),
        control: node::control(&root.control.or_empty(), report),
        metrics: node::metrics(&root.metrics.or_empty(), report),
        log: node::log(&root.log.or_empty()),
        limits: limits::limits(&root.limits.or_empty(), report),
        timeouts: limits::timeouts(&root.timeouts.or_empty(), report),
        nat: path::nat(&root.nat.or_empty(), report),
        encapsulation: path::encapsulation(&root.encapsulation.or_empty(), report),
        deny: path::deny(&root.deny.or_empty(), report),
        healing: heal::healing(&root.heal.or_empty(), report),
        event_sample: node::event_sample(&root.events.or_empty(), report),
        proxy: proxy::proxy(root, report),
        ..Config::default()
    };
    let pools: Vec<Pool<'_>> =
        root.pool.list().iter().filter_map(|pool| pool::pool(&pool.value, quic.as_deref(), report)).collect();
    let services: Vec<Service<'_>> =
        root.service.list().iter().filter_map(|service| service::service(&service.value, report)).collect();
    config.proxy.server_id = pool::server_id(&root.proxy.or_empty().server_id, quic.as_deref(), report);
    config.quic = quic.unwrap_or_default();
    check::all(root, &config, &pools, &services, report);
    config.pools = pools.into_iter().map(|pool| pool.meant).collect();
    config.services = services.into_iter().map(|service| service.meant).collect();
    config
}
