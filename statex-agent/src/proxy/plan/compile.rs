//! From what the configuration means to what the workers go by.

use std::net::SocketAddr;
use std::sync::Arc;

use regex::bytes::Regex;

use super::{Action, Backend, Listener, Plan, Pool, Rewrite, Route, Split};
use crate::config::proxy::{self as meant, ListenerProtocol, Proxy, Share, Symlinks, Version};
use crate::config::{self, BackendState, Config};
use crate::health::influence::Influence;
use crate::proxy::counters::PerWorker;
use crate::proxy::encode::{self, Coding, Kind};
use crate::proxy::files::{Attempt, Links, Look, Root, Site, Types};
use crate::proxy::h1::Limits;
use crate::proxy::headers::Changes;
use crate::proxy::http::StatusCode;
use crate::proxy::quic;
use crate::proxy::route::Routes;
use crate::proxy::tls::{Store, Tickets, TlsError, offer, quic_offer};

/// Bytes up to which a file's contents are kept in memory.
const SMALL: u64 = 64 << 10;

/// What is known of a backend beside the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub standing: Standing,
    pub influence: Influence,
}

/// Whether a backend takes requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nobody says that it does not serve.
    #[default]
    Up,
    /// It serves what it has, and gets nothing new.
    Draining,
    /// Its health checks fail.
    Down,
}

/// What a plan is made of beside the configuration.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// What is known of a backend, by the names of its pool and its own.
    pub known: &'a dyn Fn(&str, &str) -> Known,
    pub store: &'a Arc<Store>,
    /// Seals sessions; `None`: nobody does.
    pub tickets: Option<&'a Arc<Tickets>>,
    pub quic: &'a quic::Lasting,
    /// What goes on counting.
    pub before: Option<&'a Plan>,
    pub workers: usize,
}

/// A configuration that nothing can go by.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("an expression of a route is too large: {0}")]
    Regex(#[from] regex::Error),
    #[error("[tls]: {0}")]
    Tls(#[from] TlsError),
    #[error("[tls]: {0}")]
    Quic(#[from] quic::NoInitialCipherSuite),
}

/// Makes a plan.
///
/// # Errors
///
/// An expression is too large, or a file of client certificates cannot be read.
pub fn compile(config: &Config, basis: &Basis<'_>) -> Result<Plan, CompileError> {
    let proxy = &config.proxy;
    let used: Vec<&str> = proxy.pools().collect();
    let pools: Vec<Pool> = config
        .pools
        .iter()
        .filter(|pool| used.contains(&pool.name.as_str()))
        .map(|pool| self::pool(pool, basis.known))
        .collect();
    let listeners = proxy.listeners.iter().map(|one| listener(one, proxy, basis));
    let routes = proxy.routes.iter().map(|one| route(one, &pools, basis.before, basis.workers));
    Ok(Plan {
        node: config.node.name.clone(),
        listeners: listeners.collect::<Result<_, _>>()?,
        routes: routes.collect::<Result<_, _>>()?,
        pools,
        store: basis.store.clone(),
    })
}

fn listener(meant: &meant::Listener, proxy: &Proxy, basis: &Basis<'_>) -> Result<Listener, CompileError> {
    let takes = |route: &meant::Route| match route.listeners.is_empty() {
        true => meant.is_http(),
        false => route.listeners.contains(&meant.name),
    };
    let routes = proxy.routes.iter().enumerate().filter(|(_, route)| takes(route));
    let known = basis.before.and_then(|plan| plan.listeners.iter().find(|one| one.meant.name == meant.name));
    let tls = match meant.protocol {
        ListenerProtocol::Https => Some(offer(&proxy.tls, meant, basis.store, basis.tickets)?),
        _ => None,
    };
    let quic = match meant.versions.contains(&Version::H3) {
        true => {
            let takes_early = proxy.routes.iter().any(|route| takes(route) && route.early_data);
            let early = takes_early.then_some(&basis.quic.sessions);
            let tls = quic_offer(meant, basis.store, basis.tickets, early)?;
            let offer = quic::Offer { most_streams: meant.limits.streams, idle: meant.timeouts.idle };
            Some(Arc::new(quic::server(tls, offer, &basis.quic.keys)?))
        }
        false => None,
    };
    Ok(Listener {
        limits: Limits {
            head: meant.limits.head as usize,
            fields: usize::from(meant.limits.fields),
            target: meant.limits.target as usize,
        },
        connections: u64::from(meant.limits.connections).div_ceil(basis.workers.max(1) as u64),
        routes: Routes::compile(routes.map(|(id, route)| (id, &route.matches)))?,
        tls,
        quic,
        counts: known.map_or_else(|| Arc::new(PerWorker::new(basis.workers)), |one| one.counts.clone()),
        meant: meant.clone(),
    })
}

fn route(
    meant: &meant::Route,
    pools: &[Pool],
    before: Option<&Plan>,
    workers: usize,
) -> Result<Route, regex::Error> {
    let status = |code| StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let action = match &meant.action {
        meant::Action::Proxy(shares) => Action::Proxy(split(shares, pools)),
        meant::Action::Redirect { status: code, to } => {
            Action::Redirect { status: status(*code), to: to.clone() }
        }
        meant::Action::Respond { status: code, body, content_type } => Action::Respond {
            status: status(*code),
            body: body.clone().into(),
            content_type: content_type.clone(),
        },
        meant::Action::Files(files) => Action::Files(Box::new(site(files))),
    };
    let known = before.and_then(|plan| plan.routes.iter().find(|one| one.meant.name == meant.name));
    let counts = known.map_or_else(|| Arc::new(PerWorker::new(workers)), |one| one.counts.clone());
    let rewrite = match &meant.rewrite {
        None => None,
        Some(meant::Rewrite::Prefix { strip, add }) => {
            Some(Rewrite::Prefix { strip: strip.clone(), add: add.clone() })
        }
        Some(meant::Rewrite::Regex { regex, to }) => {
            Some(Rewrite::Regex { regex: Regex::new(regex)?, to: to.clone() })
        }
    };
    Ok(Route {
        action,
        rewrite,
        request_changes: Changes::new(&meant.request_headers),
        response_changes: Changes::new(&meant.response_headers),
        compress: meant.compress.as_ref().map(compress),
        counts,
        meant: meant.clone(),
    })
}

fn site(meant: &meant::Files) -> Site {
    let links = match meant.symlinks {
        Symlinks::Never => Links::Refuse,
        Symlinks::Within => Links::Inside,
        Symlinks::Always => Links::Follow,
    };
    let look = Look { links, coded: meant.precompressed, webp: meant.webp, small: SMALL };
    Site {
        root: Root::new(&meant.root, look),
        index: meant.index.iter().map(|name| name.as_bytes().into()).collect(),
        // All of them can be read: the configuration was refused otherwise.
        attempts: meant.try_files.iter().filter_map(|text| Attempt::read(text)).collect(),
        types: Types::default(),
    }
}

fn compress(meant: &meant::Compress) -> encode::Settings {
    let coding = |coding: &meant::Coding| match coding {
        meant::Coding::Brotli => Coding::Brotli,
        meant::Coding::Zstd => Coding::Zstd,
        meant::Coding::Gzip => Coding::Gzip,
    };
    encode::Settings {
        codings: meant.codings.iter().map(|own| (coding(own), meant.level)).collect(),
        minimum: meant.min_length,
        types: meant.types.iter().filter_map(|text| Kind::read(text)).collect(),
    }
}

fn split(shares: &[Share], pools: &[Pool]) -> Split {
    let mut total = 0;
    let mut ends = Vec::new();
    for share in shares {
        // What a route names is there.
        if let Some(pool) = pools.iter().position(|pool| pool.name == share.pool) {
            total += share.weight;
            ends.push((pool, total));
        }
    }
    Split { shares: ends, total: total.max(1) }
}

fn pool(meant: &config::Pool, known: &dyn Fn(&str, &str) -> Known) -> Pool {
    let port = meant.upstream.protocol.port();
    let backends = meant.backends.iter().map(|backend| {
        let Known { standing, influence } = known(&meant.name, &backend.name);
        Backend {
            name: backend.name.clone(),
            address: SocketAddr::new(backend.address, backend.port.unwrap_or(port)),
            weight: backend.weight,
            region: backend.region.clone(),
            standing: if backend.state == BackendState::Drain { Standing::Draining } else { standing },
            influence,
        }
    });
    Pool { name: meant.name.clone(), meant: meant.upstream.clone(), backends: backends.collect() }
}
