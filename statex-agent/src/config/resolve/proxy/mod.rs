//! The proxy's tables, one by one; named as the types in `meant/proxy/`.
//!
//! | file | |
//! |---|---|
//! | `listener.rs`, `tls.rs`, `route.rs`, `action.rs`, `fields.rs`, `upstream.rs`, `log.rs` | tables |
//! | `text.rs` | hosts, paths, field names, expressions, URLs: what such text must look like |
//! | `names.rs` | checks between tables: what is named must be there, what is there must be unique |
//! | `pending.rs` | keys whose feature this version lacks |

mod action;
mod fields;
mod listener;
mod log;
mod names;
mod pending;
mod route;
mod text;
mod tls;
mod upstream;

use super::fit;
use crate::config::error::Report;
use crate::config::meant::proxy::{Proxy, TlsVersion, Version};
use crate::config::written::{Root, Time};
pub(super) use upstream::upstream;

/// Most threads that one may ask for.
const MOST_WORKERS: u16 = 1024;

pub(super) fn proxy(root: &Root, report: &mut Report) -> Proxy {
    let default = Proxy::default();
    let written = root.proxy.or_empty();
    let workers = fit::number(&written.workers, 0, MOST_WORKERS, report).filter(|workers| *workers > 0);
    let deadline = written.stop_deadline.within(Time::seconds(0)..=Time::seconds(86_400), report);
    let proxy = Proxy {
        workers: workers.map(usize::from),
        stop_deadline: deadline.map_or(default.stop_deadline, |time| time.0),
        // Checked beside the backends'.
        server_id: Vec::new(),
        listeners: root
            .listener
            .list()
            .iter()
            .filter_map(|one| listener::listener(&one.value, report))
            .collect(),
        tls: tls::tls(&root.tls.or_empty(), report),
        certificates: root
            .certificate
            .list()
            .iter()
            .filter_map(|one| tls::certificate(&one.value, report))
            .collect(),
        acme: root.acme.given().and_then(|acme| tls::acme(acme, report)),
        routes: root.route.list().iter().filter_map(|one| route::route(&one.value, report)).collect(),
        access_logs: root
            .access_log
            .list()
            .iter()
            .filter_map(|one| log::access_log(&one.value, report))
            .collect(),
    };
    pending::check(root, report);
    names::check(root, &proxy, report);
    for element in root.listener.list().iter().flat_map(|one| one.value.versions.list()) {
        if element.value == Version::H3 && !proxy.tls.versions.contains(&TlsVersion::Tls13) {
            report.error(&element.place, "QUIC is of TLS 1.3; let tls.versions have \"1.3\", or remove this");
        }
    }
    proxy
}
