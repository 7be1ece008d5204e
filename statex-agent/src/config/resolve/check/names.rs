//! What must be unique.

use crate::config::error::Report;
use crate::config::resolve::{Pool, Service, fit};
use crate::config::written::{Key, Root};

pub(super) fn check(root: &Root, pools: &[Pool<'_>], services: &[Service<'_>], report: &mut Report) {
    names(root.pool.list().iter().map(|pool| &pool.value.name), "pool", report);
    names(root.service.list().iter().map(|service| &service.value.name), "service", report);
    for pool in pools {
        backends(pool, report);
    }
    let identities = services.iter().map(|service| {
        let meant = &service.meant;
        ((meant.destination, meant.port, meant.protocol), service.destination_place())
    });
    fit::unique(identities, report, |(destination, port, protocol), first| {
        format!(
            "{destination}, port {port}, {protocol} belongs to {} already; merge them, or change one",
            first.table()
        )
    });
}

fn names<'a>(keys: impl Iterator<Item = &'a Key<String>>, kind: &str, report: &mut Report) {
    let named = keys.filter_map(|key| Some((key.given()?, &key.place)));
    fit::unique(named, report, |name, first| {
        format!("{} has the name \"{name}\" already; give this {kind} another", first.table())
    });
}

fn backends(pool: &Pool<'_>, report: &mut Report) {
    let ends = pool.backends.iter().zip(&pool.meant.backends);
    let addresses =
        ends.clone().map(|(written, meant)| ((meant.address, meant.port), &written.address.place));
    let errors = report.errors.len();
    fit::unique(addresses, report, |(address, port), first| {
        let port = port.map(|port| format!(" port {port}")).unwrap_or_default();
        format!("{address}{port} is {} already; remove one", first.table())
    });
    if report.errors.len() > errors {
        // Names that come of the address would only say the same again.
        return;
    }
    let names = ends.clone().map(|(written, meant)| (&meant.name, &written.name.place));
    fit::unique(names, report, |name, first| {
        format!("{} has the name \"{name}\" already; give this backend another", first.table())
    });
    let ids = ends
        .filter(|(_, meant)| !meant.server_id.is_empty())
        .map(|(written, meant)| (&meant.server_id, &written.server_id.place));
    fit::unique(ids, report, |_, first| {
        format!("{} has this server id already; connection ids could not tell the two apart", first.table())
    });
}
