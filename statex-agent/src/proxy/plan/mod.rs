//! What the workers go by: one immutable plan, replaced as a whole; connections live on.
//!
//! Each part is what the configuration means (`meant`), and beside it what was made of that for speed.

mod compile;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use regex::bytes::Regex;

use super::counters::{ListenerCounts, PerWorker, RouteCounts};
use super::encode;
use super::files::Site;
use super::h1::Limits;
use super::headers::Changes;
use super::http::StatusCode;
use super::route::Routes;
use super::tls::{Offer, Store};
use crate::config::proxy::{self as meant, Template};
use crate::health::influence::Influence;
pub use compile::{Basis, CompileError, Known, Standing, compile};

/// Everything that a request's way depends on.
#[derive(Debug, Default)]
pub struct Plan {
    /// The node's name.
    pub node: String,
    pub listeners: Vec<Listener>,
    pub routes: Vec<Route>,
    pub pools: Vec<Pool>,
    /// Certificates and answers to challenges.
    pub store: Arc<Store>,
}

/// Where clients come in.
#[derive(Debug)]
pub struct Listener {
    pub meant: meant::Listener,
    pub limits: Limits,
    /// Connections at once, of one worker.
    pub connections: u64,
    /// Gives indices of [`Plan::routes`].
    pub routes: Routes,
    /// What clients of `https` are offered.
    pub tls: Option<Offer>,
    /// What they are offered by QUIC.
    pub quic: Option<Arc<quinn_proto::ServerConfig>>,
    pub counts: Arc<PerWorker<ListenerCounts>>,
}

#[derive(Debug)]
pub struct Route {
    pub meant: meant::Route,
    pub action: Action,
    pub rewrite: Option<Rewrite>,
    pub request_changes: Changes,
    pub response_changes: Changes,
    /// How bodies are coded on the way; `None`: they are not.
    pub compress: Option<encode::Settings>,
    pub counts: Arc<PerWorker<RouteCounts>>,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Action {
    /// To a backend of one of these pools.
    Proxy(Split),
    Redirect {
        status: StatusCode,
        to: Template,
    },
    Respond {
        status: StatusCode,
        body: Bytes,
        content_type: String,
    },
    Files(Box<Site>),
}

/// How a path is changed before it is passed on.
#[derive(Debug)]
pub enum Rewrite {
    /// See [`meant::Rewrite::Prefix`].
    Prefix {
        strip: String,
        add: String,
    },
    Regex {
        regex: Regex,
        to: String,
    },
}

/// Pools by their share of requests.
#[derive(Debug)]
pub struct Split {
    /// Indices of [`Plan::pools`], each with its own weight and those before it.
    pub shares: Vec<(usize, u32)>,
    /// The sum of all weights; above 0.
    pub total: u32,
}

/// Backends that can stand in for one another.
#[derive(Clone, Debug)]
pub struct Pool {
    pub name: String,
    pub meant: meant::Upstream,
    pub backends: Vec<Backend>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    pub name: String,
    pub address: SocketAddr,
    /// Share of requests; 0 takes none.
    pub weight: u32,
    pub region: String,
    pub standing: Standing,
    /// What its health does to its share.
    pub influence: Influence,
}

impl Split {
    /// The pool for a number from 0 to below [`total`](Self::total).
    pub fn pool(&self, number: u32) -> Option<usize> {
        let share = self.shares.iter().find(|(_, end)| number < *end).or(self.shares.last());
        share.map(|(pool, _)| *pool)
    }
}
