//! What `/metrics` asks of the agent.

use std::sync::atomic::Ordering;

use statex_common::{Reason, Verdict as PacketVerdict};

use super::{requests, view::View};
use crate::{
    admin::sample::{Backend, Flows, Interface, Packets, Sample, Service, Source},
    health::{Verdict, influence::Influence},
    state::snapshot,
};

impl Source for View {
    fn sample(&self) -> Sample {
        let snapshot = self.store.snapshot();
        let links = snapshot.config.node.interfaces.iter().map(|name| {
            let link = snapshot.links.values().find(|link| link.name == *name);
            Interface {
                name: name.clone(),
                mode: link.and_then(|link| link.xdp).map_or("none", |(_, mode)| mode.name()),
                up: link.is_some_and(|link| link.up),
            }
        });
        let flows = self.counters.as_ref().and_then(|counters| counters.flows().ok()).unwrap_or_default();
        let backends = snapshot.services.iter().flat_map(|service| {
            service.backends.iter().map(|backend| backend_sample(self, service, backend))
        });
        Sample {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            interfaces: links.collect(),
            services: snapshot.services.iter().map(|service| service_sample(self, service)).collect(),
            backends: backends.collect(),
            listeners: requests::listener_samples(self),
            routes: requests::route_samples(self),
            proxied: requests::proxied_samples(self, &snapshot),
            packets: Reason::ALL.iter().map(|reason| packets(self, *reason)).collect(),
            flows: Flows {
                confirmed: flows.confirmed,
                unconfirmed: flows.unconfirmed,
                capacity: flows.capacity,
            },
            reconcile_lag: self.lag(&snapshot).as_secs_f64(),
            reconcile_failures: snapshot.progress.failures,
            reloads_done: self.totals.reloads_done.load(Ordering::Relaxed),
            reloads_refused: self.totals.reloads_refused.load(Ordering::Relaxed),
        }
    }
}

fn service_sample(view: &View, service: &snapshot::Service) -> Service {
    let counters =
        service.id.and_then(|id| view.counters.as_ref()?.service(id.into()).ok()).unwrap_or_default();
    Service {
        name: service.name.clone(),
        new_flows: counters.new_flows.get(),
        stateless: counters.stateless.get(),
        refused: counters.refused.get(),
        rehashed: counters.rehashed.get(),
        quic_routed: counters.quic_routed.get(),
        quic_unknown: counters.quic_unknown.get(),
        local: counters.local.get(),
        ring_changes: service.ring_changes,
    }
}

fn backend_sample(view: &View, service: &snapshot::Service, backend: &snapshot::Backend) -> Backend {
    let counters =
        backend.id.and_then(|(id, _)| view.counters.as_ref()?.backend(id.into()).ok()).unwrap_or_default();
    let standing = backend.health.as_ref().and_then(|key| view.board.get(key)).unwrap_or_default();
    Backend {
        service: service.name.clone(),
        name: backend.name.backend.clone(),
        packets: counters.packets.get(),
        bytes: counters.bytes.get(),
        new_flows: counters.new_flows.get(),
        returned: counters.returned.get(),
        weight: backend.weight,
        up: match backend.verdict {
            Verdict::Alive => Some(true),
            Verdict::Dead => Some(false),
            Verdict::Unknown => None,
        },
        draining: backend.draining,
        score: view.charts.of(&backend.name).map(|chart| chart.score),
        share: f64::from(backend.influence.share) / f64::from(Influence::WHOLE),
        checks_passed: standing.passed,
        checks_failed: standing.failed,
    }
}

fn packets(view: &View, reason: Reason) -> Packets {
    let verdict = match reason.verdict() {
        PacketVerdict::Pass => "pass",
        PacketVerdict::Drop => "drop",
        PacketVerdict::Transmit => "transmit",
        PacketVerdict::Redirect(_) => "redirect",
    };
    let count = view.counters.as_ref().and_then(|counters| counters.reason(reason).ok()).unwrap_or_default();
    Packets { reason: reason.label(), verdict, count }
}
