//! Checks between tables.
//!
//! | file | |
//! |---|---|
//! | `names.rs` | what must be unique |
//! | `forwarding.rs` | whether a service's mode, pool and backends go together |
//! | `addresses.rs` | addresses that mean two things |
//! | `capacity.rs` | whether it all fits the tables |

mod addresses;
mod capacity;
mod forwarding;
mod names;

use super::{Pool, Service};
use crate::config::error::Report;
use crate::config::meant::Config;
use crate::config::written::Root;

/// Makes all checks; `config` has everything but pools and services.
pub(super) fn all(
    root: &Root,
    config: &Config,
    pools: &[Pool<'_>],
    services: &[Service<'_>],
    report: &mut Report,
) {
    names::check(root, pools, services, report);
    forwarding::check(root, config, pools, services, report);
    addresses::check(root, config, pools, services, report);
    capacity::check(root, config, pools, services, report);
}

/// The pool that a service names.
fn pool_of<'p, 'a>(service: &Service<'_>, pools: &'p [Pool<'a>]) -> Option<&'p Pool<'a>> {
    let name = service.meant.pool.as_ref()?;
    pools.iter().find(|pool| pool.meant.name == *name)
}
