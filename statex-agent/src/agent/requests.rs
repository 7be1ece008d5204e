//! What the two doors tell of the proxy.

use std::sync::Arc;

use super::{control::state_of, view::View};
use crate::{
    admin::{sample, status},
    config::{Words, proxy::Action},
    health::Verdict,
    proxy::plan::Plan,
    state::snapshot::{Proxied, Snapshot},
};

/// What the proxy goes by; nothing where there is none.
fn plan(view: &View) -> Arc<Plan> {
    view.plan.load_full().unwrap_or_default()
}

pub(super) fn listeners(view: &View) -> Vec<status::Listener> {
    let listener = |one: &crate::proxy::plan::Listener| status::Listener {
        name: one.meant.name.clone(),
        protocol: one.meant.protocol.word().to_owned(),
        addresses: one.meant.listen.iter().map(ToString::to_string).collect(),
        connections: one.counts.sum(|counts| &counts.open),
        requests: one.counts.sum(|counts| &counts.requests),
    };
    plan(view).listeners.iter().map(listener).collect()
}

pub(super) fn routes(view: &View) -> Vec<status::Route> {
    let route = |one: &crate::proxy::plan::Route| status::Route {
        name: one.meant.name.clone(),
        action: match &one.meant.action {
            action @ Action::Proxy(_) => format!("pool {}", action.pools().collect::<Vec<_>>().join(", ")),
            Action::Files(files) => format!("files {}", files.root.display()),
            Action::Redirect { status, .. } => format!("redirect {status}"),
            Action::Respond { status, .. } => format!("respond {status}"),
        },
        responses: responses(one),
        aborted: one.counts.sum(|counts| &counts.aborted),
    };
    plan(view).routes.iter().map(route).collect()
}

fn responses(route: &crate::proxy::plan::Route) -> [u64; 5] {
    std::array::from_fn(|class| route.counts.sum(|counts| &counts.responses[class]))
}

pub(super) fn pools(view: &View, snapshot: &Snapshot) -> Vec<status::Pool> {
    let mut pools: Vec<status::Pool> = Vec::new();
    for one in snapshot.proxied.iter() {
        let backend = pool_backend(view, one);
        match pools.last_mut().filter(|pool| pool.name == one.name.pool) {
            Some(pool) => pool.backends.push(backend),
            None => pools.push(status::Pool { name: one.name.pool.clone(), backends: vec![backend] }),
        }
    }
    pools
}

fn pool_backend(view: &View, one: &Proxied) -> status::PoolBackend {
    let standing = one.health.as_ref().and_then(|key| view.board.get(key));
    status::PoolBackend {
        name: one.name.backend.clone(),
        address: one.address.to_string(),
        weight: one.weight,
        state: state_of(one.draining, one.verdict, one.health.is_some()).to_owned(),
        why: standing.and_then(|standing| standing.trouble),
    }
}

pub(super) fn listener_samples(view: &View) -> Vec<sample::Listener> {
    let listener = |one: &crate::proxy::plan::Listener| sample::Listener {
        name: one.meant.name.clone(),
        open: one.counts.sum(|counts| &counts.open),
        accepted: one.counts.sum(|counts| &counts.accepted),
        refused: one.counts.sum(|counts| &counts.refused),
        handshakes: one.counts.sum(|counts| &counts.handshakes),
        failed_handshakes: one.counts.sum(|counts| &counts.failed_handshakes),
        requests: one.counts.sum(|counts| &counts.requests),
    };
    plan(view).listeners.iter().map(listener).collect()
}

pub(super) fn route_samples(view: &View) -> Vec<sample::Route> {
    let route = |one: &crate::proxy::plan::Route| sample::Route {
        name: one.meant.name.clone(),
        responses: responses(one),
        aborted: one.counts.sum(|counts| &counts.aborted),
        received: one.counts.sum(|counts| &counts.received),
        sent: one.counts.sum(|counts| &counts.sent),
    };
    plan(view).routes.iter().map(route).collect()
}

pub(super) fn proxied_samples(view: &View, snapshot: &Snapshot) -> Vec<sample::Proxied> {
    let proxied = |one: &Proxied| {
        let standing = one.health.as_ref().and_then(|key| view.board.get(key)).unwrap_or_default();
        sample::Proxied {
            pool: one.name.pool.clone(),
            name: one.name.backend.clone(),
            up: match one.verdict {
                Verdict::Alive => Some(true),
                Verdict::Dead => Some(false),
                Verdict::Unknown => None,
            },
            draining: one.draining,
            checks_passed: standing.passed,
            checks_failed: standing.failed,
        }
    };
    snapshot.proxied.iter().map(proxied).collect()
}
