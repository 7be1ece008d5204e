//! The metrics of the proxy: listeners, routes and the backends that they speak to.

use prometheus::proto::MetricFamily;

use super::families::{Labels, Row, counter, gauge};
use super::sample::{Listener, Proxied, Route, Sample};

pub(super) fn families(sample: &Sample) -> Vec<MetricFamily> {
    let mut families = vec![gauge(
        "statex_listener_connections",
        "Connections of clients that are open.",
        sample.listeners.iter().map(|listener| (of_listener(listener), listener.open as f64)),
    )];
    families.extend(LISTENER.iter().map(|(name, help, value)| {
        counter(name, help, sample.listeners.iter().map(|one| (of_listener(one), value(one) as f64)))
    }));
    families.push(counter(
        "statex_listener_handshakes_total",
        "TLS and QUIC handshakes of clients, by outcome.",
        sample.listeners.iter().flat_map(|listener| {
            [("done", listener.handshakes), ("failed", listener.failed_handshakes)].map(|(outcome, count)| {
                let mut labels = of_listener(listener);
                labels.push(("outcome", outcome));
                (labels, count as f64)
            })
        }),
    ));
    families.push(counter(
        "statex_route_responses_total",
        "Responses to requests that took a route, by the first digit of their status.",
        sample.routes.iter().flat_map(|route| {
            let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(route.responses);
            classes.map(|(class, count)| {
                let mut labels = of_route(route);
                labels.push(("class", class));
                (labels, count as f64)
            })
        }),
    ));
    families.extend(ROUTE.iter().map(|(name, help, value)| {
        counter(name, help, sample.routes.iter().map(|one| (of_route(one), value(one) as f64)))
    }));
    families.extend(PROXIED.iter().map(|(name, help, value)| {
        let known = sample.proxied.iter().filter_map(|one| Some((of_backend(one), value(one)?)));
        gauge(name, help, known)
    }));
    families.push(counter(
        "statex_pool_backend_health_checks_total",
        "Health checks of a backend that the proxy speaks to, by outcome.",
        sample.proxied.iter().flat_map(|backend| {
            [("passed", backend.checks_passed), ("failed", backend.checks_failed)].map(|(outcome, count)| {
                let mut labels = of_backend(backend);
                labels.push(("outcome", outcome));
                (labels, count as f64)
            })
        }),
    ));
    families
}

const LISTENER: &[Row<Listener, u64>] = &[
    ("statex_listener_accepted_total", "Connections of clients that were taken.", |one| one.accepted),
    (
        "statex_listener_refused_total",
        "Connections of clients that were closed at once, for there were too many.",
        |one| one.refused,
    ),
    ("statex_listener_requests_total", "Requests of clients.", |one| one.requests),
];

const ROUTE: &[Row<Route, u64>] = &[
    ("statex_route_aborted_total", "Responses that were broken off.", |one| one.aborted),
    ("statex_route_received_bytes_total", "Bytes of requests' bodies.", |one| one.received),
    ("statex_route_sent_bytes_total", "Bytes of responses' bodies.", |one| one.sent),
];

const PROXIED: &[Row<Proxied, Option<f64>>] = &[
    (
        "statex_pool_backend_up",
        "Whether the health checks of a backend that the proxy speaks to say that it serves; absent before the first.",
        |one| one.up.map(|up| f64::from(u8::from(up))),
    ),
    (
        "statex_pool_backend_draining",
        "Whether a backend that the proxy speaks to gets no new requests by an operator's will.",
        |one| Some(f64::from(u8::from(one.draining))),
    ),
];

fn of_listener(listener: &Listener) -> Labels<'_> {
    vec![("listener", listener.name.as_str())]
}

fn of_route(route: &Route) -> Labels<'_> {
    vec![("route", route.name.as_str())]
}

fn of_backend(backend: &Proxied) -> Labels<'_> {
    vec![("pool", backend.pool.as_str()), ("backend", backend.name.as_str())]
}
