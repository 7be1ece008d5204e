//! What routes and listeners need of a pool: how its backends are chosen, spoken to and judged.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::meant::Words;

/// The keys of `[[pool]]` that the proxy goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    pub protocol: BackendProtocol,
    /// Of the protocols over TLS.
    pub tls: BackendTls,
    pub balance: Balance,
    pub connections: Connections,
    pub retries: Retries,
    /// A backend that comes back gets its full share only after so long.
    pub slow_start: Option<Duration>,
    pub when_dead: WhenDead,
    pub sticky: Option<Sticky>,
    /// Names whose addresses are backends, too.
    pub names: Vec<DnsName>,
    /// Backends of the node's own region first.
    pub prefer_region: bool,
}

/// What is spoken to the backends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendProtocol {
    #[default]
    H1,
    H1Tls,
    /// Prior knowledge (RFC 9113 §3.3).
    H2,
    H2Tls,
}

impl Words for BackendProtocol {
    const KIND: &'static str = "protocol";
    const WORDS: &'static [(&'static str, Self)] =
        &[("h1", Self::H1), ("h1-tls", Self::H1Tls), ("h2", Self::H2), ("h2-tls", Self::H2Tls)];
}

impl BackendProtocol {
    /// The port where none is given.
    pub const fn port(self) -> u16 {
        if self.is_tls() { 443 } else { 80 }
    }

    pub const fn is_tls(self) -> bool {
        matches!(self, Self::H1Tls | Self::H2Tls)
    }
}

/// `pool.tls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendTls {
    /// The name that backends' certificates must have, and that they are told; `None`: the host that the
    /// client asked for.
    pub name: Option<String>,
    /// Certificates, in PEM, that the backends' must lead to; `None`: the system's.
    pub ca: Option<PathBuf>,
    pub verify: bool,
}

impl Default for BackendTls {
    fn default() -> Self {
        Self { name: None, ca: None, verify: true }
    }
}

/// Which backend a request goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// In turn, by weight.
    #[default]
    RoundRobin,
    LeastRequests,
    /// The quicker of two (peak EWMA).
    PeakEwma,
    /// By requests in flight and latency (Prequal).
    Prequal,
    /// By the client's address.
    AddressHash,
}

impl Words for Balance {
    const KIND: &'static str = "balancing";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("round-robin", Self::RoundRobin),
        ("least-requests", Self::LeastRequests),
        ("peak-ewma", Self::PeakEwma),
        ("prequal", Self::Prequal),
        ("address-hash", Self::AddressHash),
    ];
}

/// `pool.connections`; all of one worker and one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Connections that are kept while they idle.
    pub idle: u32,
    /// How long they are.
    pub idle_time: Duration,
    /// Requests that one carries.
    pub requests: u32,
    /// Connections at once; `None`: no limit.
    pub most: Option<u32>,
    /// Requests that wait for one; past it 503. `None`: no limit.
    pub pending: Option<u32>,
    /// How long making one may take.
    pub connect: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            idle: 256,
            idle_time: seconds(60),
            requests: 10_000,
            most: None,
            pending: None,
            connect: seconds(5),
        }
    }
}

/// `pool.retries`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Times that a request is sent at most.
    pub tries: u8,
    /// Retries for each hundred requests.
    pub budget: u8,
}

impl Default for Retries {
    fn default() -> Self {
        Self { tries: 2, budget: 20 }
    }
}

/// What becomes of requests when no backend is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenDead {
    /// All backends are used.
    #[default]
    Open,
    /// They are answered 503.
    Refuse,
}

impl Words for WhenDead {
    const KIND: &'static str = "choice";
    const WORDS: &'static [(&'static str, Self)] = &[("open", Self::Open), ("503", Self::Refuse)];
}

/// `pool.sticky`: a cookie that names the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    pub cookie: String,
    /// `None`: until the client closes.
    pub max_age: Option<Duration>,
}

/// `pool.names`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsName {
    pub name: String,
    pub port: u16,
}
