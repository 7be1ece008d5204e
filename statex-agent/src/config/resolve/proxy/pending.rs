//! Keys whose feature this version lacks: said as an error, for a key that does nothing is worse than none.

use crate::config::error::{Place, Report};
use crate::config::meant::proxy::{BackendProtocol, Balance, ListenerProtocol, WhenDead};
use crate::config::written::{self, Key, Root};

pub(super) fn check(root: &Root, report: &mut Report) {
    let mut lacking = Lacking { report };
    for listener in root.listener.list() {
        self::listener(&listener.value, &mut lacking);
    }
    for route in root.route.list() {
        self::route(&route.value, &mut lacking);
    }
    for pool in root.pool.list() {
        self::pool(&pool.value, &mut lacking);
    }
    for certificate in root.certificate.list() {
        lacking.key(&certificate.value.acme);
    }
    for log in root.access_log.list() {
        lacking.key(&log.value.to);
    }
    lacking.key(&root.acme);
}

fn listener(written: &written::Listener, lacking: &mut Lacking<'_>) {
    lacking.value(&written.protocol, |protocol| {
        !matches!(protocol, ListenerProtocol::Http | ListenerProtocol::Https)
    });
    lacking.key(&written.proxy_protocol);
    let limits = written.limits.or_empty();
    lacking.key(&limits.connections_per_address);
}

fn route(written: &written::Route, lacking: &mut Lacking<'_>) {
    lacking.key(&written.rate_limit);
}

fn pool(written: &written::Pool, lacking: &mut Lacking<'_>) {
    lacking.value(&written.protocol, |protocol| *protocol != BackendProtocol::H1);
    lacking.value(&written.balance, |balance| *balance != Balance::RoundRobin);
    let connections = written.connections.or_empty();
    lacking.key(&connections.most);
    lacking.key(&connections.pending);
    lacking.key(&written.retries);
    lacking.key(&written.slow_start);
    lacking.value(&written.when_dead, |choice| *choice != WhenDead::Open);
    lacking.key(&written.sticky);
    lacking.key(&written.names);
    lacking.key(&written.prefer_region);
}

struct Lacking<'a> {
    report: &'a mut Report,
}

impl Lacking<'_> {
    fn key<T>(&mut self, key: &Key<T>) {
        if !key.is_absent() {
            self.at(&key.place);
        }
    }

    fn value<T>(&mut self, key: &Key<T>, lacks: impl Fn(&T) -> bool) {
        if key.given().is_some_and(lacks) {
            self.at(&key.place);
        }
    }

    fn at(&mut self, place: &Place) {
        self.report.error(place, "this version cannot do this yet; remove it");
    }
}
