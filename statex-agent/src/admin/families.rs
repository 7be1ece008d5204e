//! The metrics of a node: names, help and units, after Prometheus' conventions.

use prometheus::{
    Encoder, TextEncoder,
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

use super::sample::{Backend, Sample, Service};

/// The sample in Prometheus' text format.
pub(super) fn text(sample: &Sample) -> prometheus::Result<String> {
    let families: Vec<MetricFamily> =
        families(sample).into_iter().filter(|family| !family.get_metric().is_empty()).collect();
    let mut bytes = Vec::new();
    TextEncoder::new().encode(&families, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) type Labels<'a> = Vec<(&'static str, &'a str)>;

fn families(sample: &Sample) -> Vec<MetricFamily> {
    let one = |value: f64| [(Labels::new(), value)];
    let mut families = vec![
        gauge(
            "statex_build_info",
            "The agent's version; always 1.",
            [(vec![("version", sample.version.as_str())], 1.0)],
        ),
        gauge(
            "statex_interface_up",
            "Whether an interface that the node forwards on is up, with the XDP mode that it really got.",
            sample.interfaces.iter().map(|interface| {
                let labels = vec![("interface", interface.name.as_str()), ("mode", interface.mode)];
                (labels, f64::from(u8::from(interface.up)))
            }),
        ),
        counter(
            "statex_packets_total",
            "Packets that were passed, dropped or answered instead of forwarded, by reason.",
            sample.packets.iter().map(|packets| {
                (vec![("reason", packets.reason), ("verdict", packets.verdict)], packets.count as f64)
            }),
        ),
        gauge(
            "statex_flows",
            "Flows in the flow table; a flow is confirmed by its second packet.",
            [
                (vec![("confirmed", "true")], sample.flows.confirmed as f64),
                (vec![("confirmed", "false")], sample.flows.unconfirmed as f64),
            ],
        ),
        gauge(
            "statex_flow_capacity",
            "Flows that the flow table has room for.",
            one(sample.flows.capacity as f64),
        ),
        gauge(
            "statex_reconcile_lag_seconds",
            "How long the kernel's tables have not been as wanted; 0 when they are.",
            one(sample.reconcile_lag),
        ),
        counter(
            "statex_reconcile_failures_total",
            "Changes of the kernel's tables that failed and were tried again.",
            one(sample.reconcile_failures as f64),
        ),
        counter(
            "statex_config_reloads_total",
            "Reloads of the configuration, by outcome.",
            [
                (vec![("outcome", "done")], sample.reloads_done as f64),
                (vec![("outcome", "refused")], sample.reloads_refused as f64),
            ],
        ),
    ];
    families.extend(SERVICE.iter().map(|(name, help, value)| {
        let metrics = sample.services.iter();
        counter(name, help, metrics.map(|s| (vec![("service", s.name.as_str())], value(s) as f64)))
    }));
    families.extend(BACKEND_COUNTERS.iter().map(|(name, help, value)| {
        counter(name, help, sample.backends.iter().map(|b| (of(b), value(b) as f64)))
    }));
    families.extend(BACKEND_GAUGES.iter().map(|(name, help, value)| {
        let known = sample.backends.iter().filter_map(|b| Some((of(b), value(b)?)));
        gauge(name, help, known)
    }));
    families.push(counter(
        "statex_health_checks_total",
        "Health checks of a backend, by outcome.",
        sample.backends.iter().flat_map(|backend| {
            [("passed", backend.checks_passed), ("failed", backend.checks_failed)].map(|(outcome, count)| {
                let mut labels = of(backend);
                labels.push(("outcome", outcome));
                (labels, count as f64)
            })
        }),
    ));
    families.extend(super::requests::families(sample));
    families
}

/// Name, help and value.
pub(super) type Row<T, V> = (&'static str, &'static str, fn(&T) -> V);

const SERVICE: &[Row<Service, u64>] = &[
    ("statex_service_new_flows_total", "Flows that the ring gave to a backend.", |s| s.new_flows),
    (
        "statex_service_stateless_flows_total",
        "New flows that were not remembered because they came faster than the service's rate.",
        |s| s.stateless,
    ),
    (
        "statex_service_refused_flows_total",
        "New flows that were not remembered because their line of the flow table was full of confirmed ones.",
        |s| s.refused,
    ),
    (
        "statex_service_rehashed_packets_total",
        "Packets of remembered flows whose backend was gone, given to another.",
        |s| s.rehashed,
    ),
    ("statex_service_quic_routed_packets_total", "Packets routed by their QUIC connection id.", |s| {
        s.quic_routed
    }),
    (
        "statex_service_quic_unknown_packets_total",
        "QUIC short headers whose connection id named no living backend.",
        |s| s.quic_unknown,
    ),
    (
        "statex_service_local_packets_total",
        "Packets that went up this node's own stack (forward mode local).",
        |s| s.local,
    ),
    ("statex_ring_changes_total", "Rings published for the service.", |s| s.ring_changes),
];

const BACKEND_COUNTERS: &[Row<Backend, u64>] = &[
    ("statex_backend_packets_total", "Packets sent to a backend.", |b| b.packets),
    ("statex_backend_bytes_total", "Bytes of IP packets sent to a backend, without encapsulation.", |b| {
        b.bytes
    }),
    ("statex_backend_new_flows_total", "Flows that the ring gave to a backend.", |b| b.new_flows),
    (
        "statex_backend_returned_packets_total",
        "Packets that came back from a backend through the node (forward mode nat).",
        |b| b.returned,
    ),
];

const BACKEND_GAUGES: &[Row<Backend, Option<f64>>] = &[
    (
        "statex_backend_up",
        "Whether the backend's health checks say that it serves; absent before the first.",
        |b| b.up.map(|up| f64::from(u8::from(up))),
    ),
    ("statex_backend_weight", "The backend's weight within its pool.", |b| Some(f64::from(b.weight))),
    ("statex_backend_draining", "Whether the backend gets no new flows by an operator's will.", |b| {
        Some(f64::from(u8::from(b.draining)))
    }),
    (
        "statex_backend_health_score",
        "How well the backend is, from 0 (down) to 1; below 0.7 it is sick, from 0.7 on busy at most.",
        |b| b.score,
    ),
    ("statex_backend_weight_share", "Part of its weight that its health leaves the backend.", |b| {
        Some(b.share)
    }),
];

fn of(backend: &Backend) -> Labels<'_> {
    vec![("service", backend.service.as_str()), ("backend", backend.name.as_str())]
}

pub(super) fn counter<'a>(
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, f64)>,
) -> MetricFamily {
    family(name, help, MetricType::COUNTER, values, |metric, value| {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    })
}

pub(super) fn gauge<'a>(
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, f64)>,
) -> MetricFamily {
    family(name, help, MetricType::GAUGE, values, |metric, value| {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    })
}

fn family<'a>(
    name: &str,
    help: &str,
    kind: MetricType,
    values: impl IntoIterator<Item = (Labels<'a>, f64)>,
    set: impl Fn(&mut Metric, f64),
) -> MetricFamily {
    let metrics = values.into_iter().map(|(labels, value)| {
        let mut metric = Metric::from_label(labels.into_iter().map(pair).collect());
        set(&mut metric, value);
        metric
    });
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics.collect());
    family
}

fn pair((name, value): (&'static str, &str)) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}
